//! Resends over lossy links.

use super::world::*;
use crate::send::*;

fn stored_clip() -> Source {
    // 640x360 at 30 fps, about 600 kbit/s, a key frame each second.
    Source {
        fps: 30,
        key_every: 30,
        key_bytes: 12_000,
        delta_bytes: 2_200,
        follow: None,
    }
}

/// Mean share of frames on time and RTX overhead (resent bytes per lost byte) over many seeds.
fn measure(loss: u32, seeds: u64) -> (f64, f64) {
    let (mut on_time, mut resent, mut lost) = (0.0, 0, 0);
    for seed in 0..seeds {
        let delay = 20 + seed * 180 / seeds;
        let mut world = World::new(seed, stored_clip(), &Limits::HOST);
        let link = Link {
            loss,
            ..Link::good(delay)
        };
        world.join(link, video(0));
        world.run_for(Duration::from_secs(22));
        let limit = link.delay * 8 + Duration::from_millis(200);
        on_time += world.on_time(0, 1_000, 21_000, limit);
        resent += world.viewers[0].resent_bytes;
        lost += world.viewers[0].lost_bytes;
    }
    (on_time / seeds as f64, resent as f64 / lost.max(1) as f64)
}

#[test]
fn without_loss_every_frame_is_on_time_and_nothing_is_resent() {
    assert_eq!(measure(0, 6), (1.0, 0.0));
}

#[test]
fn one_percent_of_loss_costs_no_frame() {
    let (on_time, overhead) = measure(10, 10);
    assert_eq!(on_time, 1.0);
    assert!(overhead <= 1.5, "{overhead}");
}

#[test]
fn five_percent_of_loss_costs_one_frame_in_a_thousand_at_most() {
    let (on_time, overhead) = measure(50, 20);
    assert!(on_time >= 0.999, "{on_time}");
    assert!(overhead <= 1.5, "{overhead}");
}

#[test]
fn ten_percent_of_loss_costs_five_frames_in_a_thousand_at_most() {
    let (on_time, overhead) = measure(100, 20);
    assert!(on_time >= 0.995, "{on_time}");
    assert!(overhead <= 1.5, "{overhead}");
}

#[test]
fn jitter_and_reordering_are_not_taken_for_congestion() {
    let mut mean = 0.0;
    for seed in 0..8 {
        let mut world = World::new(seed, stored_clip(), &Limits::HOST);
        let link = Link {
            loss: 50,
            jitter: Duration::from_millis(5 + seed * 5),
            ..Link::good(60)
        };
        world.join(link, video(0));
        world.run_for(Duration::from_secs(22));
        let viewer = &world.viewers[0];
        mean += world.on_time(0, 1_000, 21_000, Duration::from_millis(680)) / 8.0;
        let stats = viewer.sender.stream_stats(viewer.stream).unwrap();
        assert_eq!(stats.frames_thinned, 0, "seed {seed}");
        assert!(viewer.max_runs <= Limits::HOST.cursor_runs);
    }
    assert!(mean >= 0.999, "{mean}");
}

#[test]
fn after_an_outage_of_two_seconds_the_picture_is_back_within_one() {
    let mut world = World::new(1, stored_clip(), &Limits::HOST);
    let good = Link::good(50);
    world.join(good, video(0));
    world.run_for(Duration::from_secs(10));
    world.viewers[0].link.loss = 1_000;
    world.run_for(Duration::from_secs(2));
    world.viewers[0].link.loss = 0;
    world.run_for(Duration::from_secs(8));
    let whole = &world.viewers[0].whole;
    let fresh = |number: &u64| world.frames[number].committed > Instant::from_millis(13_000);
    let back = whole.iter().find(|(number, _)| fresh(number)).unwrap().1;
    assert!(*back < Instant::from_millis(13_200), "{back:?}");
    // For a while the resends leave no room for frames that can be spared.
    let limit = Duration::from_millis(600);
    assert!(world.on_time(0, 14_000, 19_000, limit) >= 0.95);
    assert_eq!(world.on_time(0, 15_000, 19_000, limit), 1.0);
}
