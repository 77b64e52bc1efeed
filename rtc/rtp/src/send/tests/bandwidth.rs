//! Pacing, estimation, thinning.

use super::world::*;
use crate::Codec;
use crate::history::Ring;
use crate::send::estimate::Estimate;
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

#[test]
fn a_viewer_that_joins_late_in_a_long_group_catches_up_at_a_bounded_rate() {
    let source = Source {
        key_every: 3_000,
        key_bytes: 20_000,
        ..large_key_frames()
    };
    let mut world = World::new(5, source, &Limits::HOST);
    world.run_for(Duration::from_secs(1));
    world.obey_key_requests = true;
    world.join(
        Link {
            bps: Some(10_000_000),
            ..Link::good(30)
        },
        video(0),
    );
    world.run_for(Duration::from_secs(4));
    let viewer = &world.viewers[0];
    assert!(
        viewer.max_queue < Duration::from_millis(50),
        "{:?}",
        viewer.max_queue
    );
    assert!(world.on_time(0, 3_000, 5_500, Duration::from_millis(440)) == 1.0);
    assert_eq!(world.extra_keys, 0);
    // Ten seconds later the only key frame is too old to start with alone.
    world.run_for(Duration::from_secs(6));
    world.join(Link::good(30), video(0));
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.extra_keys, 1);
    assert!(world.on_time(1, 12_500, 13_500, Duration::from_millis(440)) == 1.0);
}

#[test]
fn frames_that_nobody_needs_go_first() {
    // H.264: every second frame has nal_ref_idc 0.
    let mut ring = Ring::new(Codec::H264, &Limits::HOST);
    let config = StreamConfig {
        codec: Codec::H264,
        ..video(0)
    };
    let mut sender = Sender::new(Config::default(), &Limits::HOST, Rng::from_u64(1));
    let id = sender.add_stream(Instant::ZERO, config).unwrap();
    sender.estimate.shrink_for_test(400_000);
    sender.retarget();
    let mut buf = [0; 1_280];
    let mut headers = Vec::new();
    for number in 0..300_u64 {
        let now = Instant::from_millis(number * 33);
        let header = match number {
            0 => 0x65,
            _ if number % 2 == 0 => 0x41,
            _ => 0x01,
        };
        let mut frame = std::vec![0x55; 2_004];
        frame[..5].copy_from_slice(&[0, 0, 0, 1, header]);
        ring.push(&frame, number as u32 * 2_970, number == 0, now)
            .unwrap();
        for ms in 0..33 {
            let now = now + Duration::from_millis(ms);
            while let Some(out) = sender.poll_packet(now, core::slice::from_ref(&ring), &mut buf) {
                let payload = &buf[out.header_len..out.len];
                if payload[1] & 0x80 != 0 {
                    headers.push(payload[0] & 0x60);
                }
            }
        }
    }
    let stats = sender.stream_stats(id).unwrap();
    assert!((40..150).contains(&stats.frames_thinned), "{stats:?}");
    let needed = headers.iter().filter(|nri| **nri != 0).count();
    assert!(needed >= 148, "{needed} of 150");
}

#[test]
fn without_transport_feedback_the_receivers_own_estimate_is_followed() {
    let mut estimate = Estimate::new(600_000, 50_000, 5_000_000);
    let at = Instant::from_millis;
    estimate.remb(at(0), 400_000);
    assert_eq!((estimate.target(), estimate.congested()), (400_000, false));
    estimate.remb(at(1_000), 2_000_000);
    estimate.remb(at(2_000), 900_000);
    assert_eq!((estimate.target(), estimate.congested()), (900_000, true));
    estimate.receiver_report(at(3_000), 200);
    assert_eq!(estimate.target(), 900_000);
}

#[test]
fn receiver_reports_steer_when_nothing_else_does() {
    let mut estimate = Estimate::new(600_000, 50_000, 5_000_000);
    let at = Instant::from_millis;
    for second in 0..5 {
        estimate.receiver_report(at(second * 1_000), 2);
    }
    assert!((750_000..900_000).contains(&estimate.target()));
    assert!(!estimate.congested());
    estimate.receiver_report(at(6_000), 128);
    assert!(estimate.congested() && estimate.target() < 650_000);
    for second in 0..100 {
        estimate.receiver_report(at(7_000 + second * 1_000), 255);
    }
    assert_eq!(estimate.target(), 50_000, "the floor");
}
