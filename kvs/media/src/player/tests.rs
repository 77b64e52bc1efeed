use super::*;
use crate::Codec;
use std::vec::Vec;

const H264: &[u8] = include_bytes!("../../../../media/sample.h264");
const OPUS: &[u8] = include_bytes!("../../../../media/sample.opus");

type File = Option<Source<&'static [u8]>>;

fn sources() -> (File, File) {
    (Source::open(H264).ok(), Source::open(OPUS).ok())
}

#[test]
fn audio_and_video_loop_in_step_and_time_goes_on() {
    let (video, audio) = sources();
    let mut player = Player::new(video, audio, true);
    assert_eq!(player.turn(), Duration::from_secs(12));
    let (mut last, mut video, mut audio) = (Duration::ZERO, 0_u32, 0_u32);
    while let Some(frame) = player.next_frame(Duration::from_millis(36_500)) {
        assert!(frame.pts >= last);
        last = frame.pts;
        match frame.codec {
            Codec::H264 => {
                assert_eq!(frame.key, video.is_multiple_of(30));
                video += 1;
            }
            _ => {
                assert_eq!(frame.pts, Duration::from_millis(20) * audio);
                audio += 1;
            }
        }
    }
    // Three turns and half a second.
    assert_eq!((video, audio), (3 * 360 + 16, 3 * 600 + 26));
}

#[test]
fn nothing_is_handed_out_before_its_time() {
    let (video, _) = sources();
    let mut player = Player::new(video, None, true);
    assert_eq!(player.next_due(), Some(Duration::ZERO));
    assert!(player.next_frame(Duration::ZERO).is_some());
    assert!(player.next_frame(Duration::from_millis(33)).is_none());
    let due = player.next_due().unwrap();
    assert!(player.next_frame(due).is_some());
}

#[test]
fn played_once_it_ends() {
    let (video, audio) = sources();
    let mut player = Player::new(video, audio, false);
    let mut frames = 0;
    while player.next_frame(Duration::MAX).is_some() {
        frames += 1;
    }
    assert_eq!(frames, 960);
    assert_eq!(player.next_due(), None);
}

#[test]
fn the_shorter_file_waits_for_the_longer_one() {
    let mut recorder = crate::Recorder::new(Codec::Opus, 1);
    let mut short = Vec::new();
    let mut source = Source::open(OPUS).unwrap();
    for _ in 0..50 {
        recorder.frame(&source.next_frame().unwrap(), &mut short);
    }
    recorder.finish(&mut short);
    let mut player = Player::new(
        Source::open(H264.to_vec()).ok(),
        Source::open(short).ok(),
        true,
    );
    let mut audio = Vec::new();
    while let Some(frame) = player.next_frame(Duration::from_secs(12)) {
        if frame.codec == Codec::Opus {
            audio.push(frame.pts);
        }
    }
    assert_eq!(audio.len(), 51);
    assert_eq!(audio[50], Duration::from_secs(12));
}

#[test]
fn a_turn_is_whole_frames_of_the_video() {
    let frame = Duration::from_nanos(33_333_333);
    assert_eq!(
        round_up(Duration::from_secs(12), frame),
        Duration::from_secs(12)
    );
    let rounded = round_up(Duration::from_millis(12_010), frame);
    assert_eq!(rounded.as_millis(), 12_033);
    assert_eq!(round_up(Duration::ZERO, frame), Duration::ZERO);
}

#[test]
fn an_empty_player_has_nothing_to_play() {
    let mut player: Player<&[u8]> = Player::new(None, None, true);
    assert_eq!(player.next_due(), None);
    assert!(player.next_frame(Duration::MAX).is_none());
}
