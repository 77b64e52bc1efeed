//! Ten viewers.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use std::collections::BTreeMap;

use kvs_sim::world::Breed;
use kvs_sim::{Compute, Instant, LinkConfig, Recipe, Scenario, Wishes, World, ms, secs};
use smolrtc::rtp::Codec;

fn breed(index: usize) -> Breed {
    if index.is_multiple_of(2) {
        Breed::Ours
    } else {
        Breed::Str0m
    }
}

#[test]
fn a_viewer_on_a_slow_line_costs_the_others_no_frame() {
    let mut scenario = Scenario::new(21);
    let recipe = Recipe {
        key_bytes: 60_000,
        ..Recipe::video(Codec::H264)
    };
    scenario.tracks = vec![recipe];
    let mut world = World::new(&scenario);
    for index in 0..10 {
        let mut line = LinkConfig::delayed(ms(30));
        if index == 9 {
            line.rate = Some(300_000);
            line.queue = 60_000;
        }
        world.add_viewer(breed(index), &Wishes::video(Codec::H264), line);
        world.join(index);
    }
    world.run_for(secs(1));
    world.start_media();
    world.run_for(secs(20));
    world.stop_media();
    world.run_for(secs(2));
    for index in 0..9 {
        let played = world.playback(index, 0, ms(440));
        assert_eq!(played.expected, 601);
        assert!(
            played.on_time == 601 && played.foreign == 0,
            "viewer {index}: late {:?}, missing {:?}",
            played.late,
            played.missing
        );
    }
    // The slow one still sees something, and its queue stays short.
    let slow = world.playback(9, 0, secs(3));
    assert!(
        slow.on_time >= 10,
        "the slow viewer saw {} frames",
        slow.on_time
    );
    assert!(world.viewers[9].viewer.log().ended.is_none());
}

/// A packet by viewer, source and sequence number.
type Packet = (usize, u32, u16);

/// When each packet of media to nine viewers left while a tenth joined, or stayed away.
fn departures(compute: Compute, tenth_joins: bool) -> BTreeMap<Packet, Instant> {
    let mut scenario = Scenario::new(22);
    scenario.compute = compute;
    let mut world = World::new(&scenario);
    for _ in 0..10 {
        world.add_viewer(
            Breed::Ours,
            &Wishes::video(Codec::H264),
            LinkConfig::delayed(ms(25)),
        );
    }
    for index in 0..9 {
        world.join(index);
        world.viewers[index].wire.recording = true;
        world.run_for(secs(2));
        assert!(
            world.camera.logs[index].connected.is_some(),
            "viewer {index}"
        );
    }
    world.start_media();
    world.run_for(secs(2));
    if tenth_joins {
        world.join(9);
    }
    world.run_for(secs(4));
    assert_eq!(world.camera.logs[9].connected.is_some(), tenth_joins);
    let hosts = world.viewers.iter().enumerate().take(9);
    hosts
        .flat_map(|(index, host)| {
            host.wire
                .departures
                .iter()
                .map(move |d| ((index, d.ssrc, d.sequence), d.at))
        })
        .collect()
}

/// How much later than without the tenth viewer the latest packet left.
fn worst_delay(compute: Compute) -> kvs_sim::Duration {
    let (alone, joined) = (departures(compute, false), departures(compute, true));
    assert!(alone.len() > 9 * 180, "{} packets", alone.len());
    let missing = alone
        .keys()
        .filter(|packet| !joined.contains_key(packet))
        .count();
    // Those of the last frame may still wait when time ends.
    assert!(missing <= 9 * 3, "{missing} packets did not leave");
    let late = |(packet, turn): (&Packet, &Instant)| joined.get(packet).map(|at| at.since(*turn));
    alone.iter().filter_map(late).max().unwrap()
}

#[test]
fn nobody_waits_for_the_handshake_of_a_tenth_viewer() {
    // Each public-key job takes as long as on a slow microcontroller.
    let frame = Recipe::video(Codec::H264).interval;
    let delay = worst_delay(Compute::Worker(ms(200)));
    assert!(delay <= frame, "a packet left {delay:?} after its turn");
}

#[test]
fn a_camera_that_computed_in_line_would_be_noticed() {
    let frame = Recipe::video(Codec::H264).interval;
    let delay = worst_delay(Compute::Blocking(ms(200)));
    assert!(
        delay > frame,
        "blocking for 200 ms delayed packets by {delay:?} only"
    );
}
