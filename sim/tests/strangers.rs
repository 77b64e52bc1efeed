//! str0m, which shares no code with us: every codec, media and data both ways.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_sim::world::Breed;
use kvs_sim::{LinkConfig, Recipe, Scenario, Wishes, World, ms, secs};
use smolrtc::rtp::Codec;

const PAIRS: [(Codec, Codec); 3] = [
    (Codec::H264, Codec::Opus),
    (Codec::H265, Codec::Pcmu),
    (Codec::Vp8, Codec::Pcma),
];

fn scenario(seed: u64, video: Codec, audio: Codec) -> Scenario {
    let mut scenario = Scenario::new(seed);
    scenario.tracks = vec![Recipe::video(video), Recipe::audio(audio)];
    scenario
}

#[test]
fn every_codec_reaches_str0m_unchanged() {
    for (seed, (video, audio)) in (31..).zip(PAIRS) {
        let mut world = World::new(&scenario(seed, video, audio));
        let wishes = Wishes::video(video).and_audio(audio);
        world.add_viewer(Breed::Str0m, &wishes, LinkConfig::delayed(ms(20)));
        world.join(0);
        world.run_for(secs(1));
        world.start_media();
        world.run_for(secs(5));
        world.stop_media();
        world.run_for(secs(2));
        for (track, frames) in [(0, 150), (1, 250)] {
            let played = world.playback(0, track, ms(360));
            assert_eq!(played.expected, frames + 1);
            // str0m hands out what it holds when the next frame shows that it is whole.
            assert!(
                played.on_time >= frames && played.foreign == 0,
                "{video:?} and {audio:?}, track {track}: {} of {frames}, late {:?}, missing {:?}",
                played.on_time,
                played.late,
                played.missing
            );
        }
    }
}

#[test]
fn str0m_sends_every_codec_to_the_camera() {
    for (seed, (video, audio)) in (41..).zip([
        (Codec::H264, Codec::Opus),
        (Codec::H265, Codec::Pcmu),
        (Codec::Vp8, Codec::Pcma),
    ]) {
        let mut world = World::new(&scenario(seed, video, audio));
        let wishes = Wishes::video(video)
            .and_audio(audio)
            .sending(video)
            .sending(audio);
        world.add_viewer(Breed::Str0m, &wishes, LinkConfig::delayed(ms(20)));
        world.join(0);
        world.run_for(secs(1));
        world.start_viewer_media(0, &[Recipe::video(video), Recipe::audio(audio)]);
        world.run_for(secs(5));
        world.stop_media();
        world.run_for(secs(2));
        for (track, frames) in [(0, 150), (1, 250)] {
            let played = world.playback_at_camera(0, track, ms(360));
            assert_eq!(played.expected, frames + 1);
            assert!(
                played.on_time == frames + 1 && played.foreign == 0,
                "{video:?} and {audio:?}, track {track}: {} of {frames}, late {:?}, missing {:?}",
                played.on_time,
                played.late,
                played.missing
            );
        }
    }
}

#[test]
fn str0m_sends_through_a_line_that_loses() {
    let mut world = World::new(&scenario(51, Codec::H264, Codec::Opus));
    let wishes = Wishes::video(Codec::H264).sending(Codec::H264);
    world.add_viewer(
        Breed::Str0m,
        &wishes,
        LinkConfig::delayed(ms(30)).losing(3.0),
    );
    world.join(0);
    world.run_for(secs(3));
    world.start_viewer_media(0, &[Recipe::video(Codec::H264)]);
    world.run_for(secs(10));
    world.stop_media();
    world.run_for(secs(2));
    let played = world.playback_at_camera(0, 0, ms(440));
    assert!(
        played.percent() > 99.0,
        "late {:?}, missing {:?}",
        played.late,
        played.missing
    );
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 31) >> 3) as u8).collect()
}

#[test]
fn messages_go_both_ways_with_either_viewer_over_a_line_that_loses() {
    for (breed, loss) in [
        (Breed::Str0m, 0.0),
        (Breed::Str0m, 2.0),
        (Breed::Ours, 0.0),
        (Breed::Ours, 2.0),
    ] {
        let mut world = World::new(&Scenario::new(61));
        world.camera.echo = true;
        let line = LinkConfig::delayed(ms(20)).losing(loss);
        world.add_viewer(breed, &Wishes::data("chat"), line);
        world.join(0);
        let came_up = world.run_while(secs(10), |w| w.camera.logs[0].channels.is_empty());
        assert!(came_up, "{breed:?} at {loss} % loss: no channel");
        assert_eq!(world.camera.logs[0].channels, ["chat"]);
        let big = pattern(64 * 1_024);
        assert!(world.viewer_says(0, true, "grüß dich".as_bytes()));
        assert!(world.viewer_says(0, false, &big));
        assert!(world.camera_says(0, true, b"who is there?"));
        world.run_for(secs(10));
        let heard: Vec<_> = world.camera.logs[0]
            .messages
            .iter()
            .map(|m| (m.text, m.data.clone()))
            .collect();
        assert_eq!(
            heard,
            [
                (true, "grüß dich".as_bytes().to_vec()),
                (false, big.clone())
            ]
        );
        let echoed = &world.viewers[0].viewer.log().messages;
        assert_eq!(echoed.len(), 3, "{breed:?} at {loss} % loss");
        assert!(echoed.iter().any(|m| m.text && m.data == b"who is there?"));
        assert!(
            echoed.iter().any(|m| !m.text && m.data == big),
            "64 KiB come back intact"
        );
    }
}

#[test]
fn the_camera_calls_str0m() {
    let mut world = World::new(&Scenario::new(71));
    world.add_viewer(
        Breed::Str0m,
        &Wishes::video(Codec::H264),
        LinkConfig::delayed(ms(20)),
    );
    world.camera_calls(0, false);
    world.run_for(secs(2));
    world.start_media();
    world.run_for(secs(3));
    world.stop_media();
    world.run_for(secs(1));
    let played = world.playback(0, 0, ms(360));
    assert!(
        played.on_time >= 89,
        "{played:?} {:?}",
        world.viewers[0].viewer.log()
    );
}

#[test]
fn str0m_leaves_and_its_place_is_free_at_once() {
    for breed in [Breed::Str0m, Breed::Ours] {
        let mut world = World::new(&Scenario::new(81));
        world.add_viewer(
            breed,
            &Wishes::video(Codec::H264),
            LinkConfig::delayed(ms(20)),
        );
        world.start_media();
        world.join(0);
        world.run_for(secs(2));
        assert_eq!(world.camera.camera.viewer_count(), 1);
        world.leave(0);
        world.run_for(ms(60));
        assert_eq!(world.camera.camera.viewer_count(), 0, "{breed:?} has left");
    }
}
