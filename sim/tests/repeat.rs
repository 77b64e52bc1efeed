//! The same seed gives the same world, to the byte.

use kvs_sim::world::Breed;
use kvs_sim::{LinkConfig, Recipe, Scenario, Signaling, Wishes, World, ms, secs};
use smolrtc::rtp::Codec;

fn fingerprint(seed: u64, signaling: Signaling) -> ([u8; 32], u64) {
    let mut scenario = Scenario::new(seed);
    scenario.signaling = signaling;
    scenario.tracks = vec![Recipe::video(Codec::H264), Recipe::audio(Codec::Opus)];
    let mut world = World::new(&scenario);
    let wishes = Wishes::video(Codec::H264)
        .and_audio(Codec::Opus)
        .and_data("chat");
    for index in 0..3 {
        let line = LinkConfig {
            jitter: ms(10),
            duplication: 1.0,
            ..LinkConfig::delayed(ms(30 + index)).losing(4.0)
        };
        world.add_viewer(Breed::Ours, &wishes, line);
    }
    world.start_media();
    for index in 0..3 {
        world.join(index);
        world.run_for(secs(2));
        world.viewer_says(index, true, b"hello");
    }
    world.run_for(secs(2));
    world.leave(1);
    world.run_for(secs(2));
    (world.trace.fingerprint(), world.trace.datagrams)
}

#[test]
fn one_seed_gives_the_same_bytes_twice() {
    for signaling in [Signaling::Direct(ms(20)), Signaling::Service(ms(20))] {
        let first = fingerprint(5, signaling);
        assert!(first.1 > 2_000, "{} datagrams", first.1);
        assert_eq!(first, fingerprint(5, signaling));
        assert_ne!(first.0, fingerprint(6, signaling).0);
    }
}
