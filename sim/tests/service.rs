//! The whole way: signaling clients, the service, the camera, viewers.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_sim::world::Breed;
use kvs_sim::{Instant, LinkConfig, Scenario, Signaling, Wishes, World, ms, secs};
use smolrtc::rtp::Codec;

fn world(seed: u64) -> World {
    let mut scenario = Scenario::new(seed);
    scenario.signaling = Signaling::Service(ms(15));
    World::new(&scenario)
}

#[test]
fn viewers_get_their_picture_through_the_service() {
    let mut world = world(91);
    world.start_media();
    world.run_for(secs(1));
    for index in 0..4 {
        let breed = if index % 2 == 1 {
            Breed::Str0m
        } else {
            Breed::Ours
        };
        let line = LinkConfig::delayed(ms(30)).losing(2.0);
        let index = world.add_viewer(breed, &Wishes::video(Codec::H264), line);
        let opened = world.now;
        world.join(index);
        world.run_for(secs(3));
        let log = world.viewers[index].viewer.log();
        let first = log
            .frames
            .first()
            .unwrap_or_else(|| panic!("viewer {index} saw nothing"));
        let waited = first.at.since(opened);
        assert!(
            waited < secs(2),
            "viewer {index} waited {waited:?} for its picture"
        );
    }
    let cloud = world.cloud.as_ref().unwrap();
    assert_eq!(cloud.service.violations(), 0, "quotas of the service");
}

#[test]
fn ten_viewers_opening_three_a_second_all_have_a_picture_within_two_seconds() {
    let mut world = world(92);
    world.start_media();
    world.run_for(secs(1));
    let mut opened = Vec::new();
    for index in 0..10 {
        let breed = if index % 2 == 1 {
            Breed::Str0m
        } else {
            Breed::Ours
        };
        world.add_viewer(
            breed,
            &Wishes::video(Codec::H264),
            LinkConfig::delayed(ms(20)),
        );
        opened.push(world.now);
        world.join(index);
        world.run_for(ms(333));
    }
    world.run_for(secs(2));
    for (index, opened) in opened.into_iter().enumerate() {
        let first = world.viewers[index]
            .viewer
            .log()
            .frames
            .first()
            .map(|frame| frame.at);
        let waited = first.unwrap_or(Instant::FAR_FUTURE).since(opened);
        assert!(waited < secs(2), "viewer {index} waited {waited:?}");
    }
    assert_eq!(world.cloud.as_ref().unwrap().service.violations(), 0);
    // The eleventh is refused by the service: KVS admits ten viewers a channel.
    let eleventh = world.add_viewer(
        Breed::Ours,
        &Wishes::video(Codec::H264),
        LinkConfig::delayed(ms(20)),
    );
    world.join(eleventh);
    world.run_for(secs(2));
    let cloud = world.cloud.as_ref().unwrap();
    assert!(cloud.service.violations() > 0);
    assert!(!cloud.clients[11].is_connected());
    assert_eq!(world.camera.camera.viewer_count(), 10);
}

#[test]
fn the_camera_tells_the_one_too_many_why_not() {
    let mut scenario = Scenario::new(94);
    scenario.limits.viewers = 1;
    let mut world = World::new(&scenario);
    for index in 0..2 {
        world.add_viewer(
            Breed::Ours,
            &Wishes::video(Codec::H264),
            LinkConfig::delayed(ms(20)),
        );
        world.join(index);
        world.run_for(secs(1));
    }
    assert_eq!(world.camera.refused, 1);
    assert!(world.viewers[0].viewer.log().ended.is_none());
    assert!(world.camera.logs[1].connected.is_none());
}

#[test]
fn a_lost_websocket_costs_no_frame() {
    let mut world = world(93);
    world.add_viewer(
        Breed::Ours,
        &Wishes::video(Codec::H264),
        LinkConfig::delayed(ms(20)),
    );
    world.join(0);
    world.run_for(secs(2));
    world.start_media();
    world.run_for(secs(1));
    let now = world.now;
    world.cloud.as_mut().unwrap().cut(now);
    world.run_for(secs(4));
    world.stop_media();
    world.run_for(secs(1));
    let played = world.playback(0, 0, ms(360));
    assert_eq!((played.expected, played.on_time), (151, 151));
    let cloud = world.cloud.as_ref().unwrap();
    assert!(
        cloud
            .clients
            .iter()
            .all(kvs_signaling::Client::is_connected),
        "signaling is back"
    );
}
