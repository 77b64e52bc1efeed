//! The player: times never run backwards and nothing comes early, whatever two files it is given.
#![no_main]
use core::time::Duration;
use kvs_media::{Player, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((split, rest)) = data.split_first() else {
        return;
    };
    let at = rest.len() * usize::from(*split) / 255;
    let (video, audio) = rest.split_at(at);
    let mut player = Player::new(Source::open(video).ok(), Source::open(audio).ok(), true);
    let mut last = Duration::ZERO;
    for _ in 0..200 {
        let Some(due) = player.next_due() else {
            break;
        };
        let early = due.checked_sub(Duration::from_nanos(1));
        assert!(early.is_none_or(|early| player.next_frame(early).is_none()));
        let frame = player.next_frame(due).expect("it was due");
        assert_eq!(frame.pts, due);
        last = last.max(due);
    }
});
