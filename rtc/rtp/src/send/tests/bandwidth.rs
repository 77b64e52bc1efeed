//! Pacing, estimation, thinning.

use super::world::*;
use crate::send::*;
use std::vec::Vec;

fn large_key_frames() -> Source {
    Source {
        fps: 30,
        key_every: 30,
        key_bytes: 60_000,
        delta_bytes: 3_000,
        follow: None,
    }
}

fn narrow(bps: u64) -> Link {
    Link {
        bps: Some(bps),
        ..Link::good(30)
    }
}

#[test]
fn a_large_key_frame_is_spread_but_over_no_more_than_200_ms() {
    let mut world = World::new(1, large_key_frames(), &Limits::HOST);
    world.join(Link::good(20), video(0));
    world.run_for(Duration::from_secs(10));
    let viewer = &world.viewers[0];
    let spreads: Vec<_> = viewer
        .departures
        .values()
        .map(|(first, last)| last.since(*first).as_millis())
        .collect();
    let longest = *spreads.iter().max().unwrap();
    assert!((100..=200).contains(&longest), "{longest} ms");
    assert_eq!(viewer.whole.len(), world.frames.len() - behind(&world));
}

/// Frames of the last 300 ms, which may still be on their way.
fn behind(world: &World) -> usize {
    let late = world.now - Duration::from_millis(300);
    let whole = &world.viewers[0].whole;
    world
        .frames
        .iter()
        .filter(|(number, frame)| frame.committed > late && !whole.contains_key(number))
        .count()
}

#[test]
fn one_slow_viewer_of_ten_takes_no_frame_from_the_others() {
    let mut world = World::new(2, large_key_frames(), &Limits::HOST);
    world.obey_key_requests = true;
    let slow = world.join(narrow(300_000), video(0));
    for at in 0..9 {
        world.join(Link::good(10 + at * 10), video(0));
    }
    world.run_for(Duration::from_secs(40));
    for fast in 1..10 {
        let limit = world.viewers[fast].link.delay * 8 + Duration::from_millis(200);
        assert_eq!(
            world.on_time(fast, 1_000, 40_000, limit),
            1.0,
            "viewer {fast}"
        );
        let stats = world.viewers[fast]
            .sender
            .stream_stats(world.viewers[fast].stream);
        assert_eq!(stats.unwrap().frames_thinned, 0);
    }
    assert_eq!(world.extra_keys, 0, "nobody else pays for extra key frames");
    let viewer = &world.viewers[slow];
    let stats = viewer.sender.stream_stats(viewer.stream).unwrap();
    assert!(stats.frames_thinned > 500, "{stats:?}");
    // What it does get it gets whole, and not ever later.
    let delays: Vec<u64> = viewer
        .whole
        .iter()
        .filter(|(number, _)| **number > 300)
        .map(|(number, at)| at.since(world.frames[number].committed).as_millis() as u64)
        .collect();
    assert!(delays.len() >= 10, "{}", delays.len());
    let worst = *delays.iter().max().unwrap();
    assert!(worst < 5_000, "{worst} ms");
}

#[test]
fn the_estimate_settles_on_a_link_of_one_megabit_with_a_short_queue() {
    for seed in 0..5 {
        let source = Source {
            follow: Some(600_000),
            ..large_key_frames()
        };
        let mut world = World::new(seed, source, &Limits::HOST);
        world.join(narrow(1_000_000), video(0));
        world.run_for(Duration::from_secs(5));
        let viewer = &mut world.viewers[0];
        let settled = viewer.sender.target_bitrate();
        assert!(
            (600_000..1_100_000).contains(&settled),
            "seed {seed}: {settled}"
        );
        viewer.max_queue = Duration::ZERO;
        world.run_for(Duration::from_secs(25));
        let viewer = &world.viewers[0];
        assert!(
            viewer.max_queue < Duration::from_millis(500),
            "seed {seed}: {:?}",
            viewer.max_queue
        );
        for (at, bps) in &viewer.targets {
            if *at > Instant::from_millis(6_000) {
                assert!(
                    (500_000..1_300_000).contains(bps),
                    "seed {seed}: {bps} at {at:?}"
                );
            }
        }
    }
}

#[test]
fn a_link_that_narrows_tenfold_is_followed_within_five_seconds() {
    let source = Source {
        follow: Some(600_000),
        ..large_key_frames()
    };
    let mut world = World::new(3, source, &Limits::HOST);
    world.join(narrow(3_000_000), video(0));
    world.run_for(Duration::from_secs(15));
    let before = world.viewers[0].sender.target_bitrate();
    assert!(before > 1_500_000, "{before}");
    world.viewers[0].link.bps = Some(300_000);
    world.run_for(Duration::from_secs(5));
    let after = world.viewers[0].sender.target_bitrate();
    assert!(after < 350_000, "{after}");
}

#[test]
fn a_fast_link_is_not_held_back() {
    let source = Source {
        key_bytes: 60_000,
        delta_bytes: 16_000,
        ..large_key_frames()
    };
    let mut world = World::new(4, source, &Limits::HOST);
    world.join(
        Link {
            bps: Some(20_000_000),
            ..Link::good(30)
        },
        video(0),
    );
    world.run_for(Duration::from_secs(10));
    let limit = Duration::from_millis(440);
    assert_eq!(world.on_time(0, 1_000, 10_000, limit), 1.0);
}
