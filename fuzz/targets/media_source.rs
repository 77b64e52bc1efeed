//! Media files: a file that opens plays whole, twice the same, and its recording holds its frames.
#![no_main]
use kvs_media::{Codec, H264Sps, Recorder, Source, nal_units};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for unit in nal_units(data) {
        assert!(!unit.is_empty());
        let _ = H264Sps::parse(unit);
    }
    let Ok(mut source) = Source::open(data) else {
        return;
    };
    let mut recorder = Recorder::new(source.codec(), 1);
    let mut recording = Vec::new();
    let (mut frames, mut bytes) = (0, 0);
    while let Some(frame) = source.next_frame() {
        frames += 1;
        bytes += frame.data.len();
        // Gaps in audio are filled, which may cost more than the file: frames without gaps only.
        if frame.codec.kind() == kvs_media::Kind::Video {
            recorder.frame(&frame, &mut recording);
        }
    }
    assert_eq!(frames, source.frames());
    assert!(matches!(source.codec(), Codec::Opus | Codec::Pcmu) || bytes <= data.len());
    source.rewind();
    let mut again = 0;
    while source.next_frame().is_some() {
        again += 1;
    }
    assert_eq!(again, frames);
    if let Some(header) = recorder.finish(&mut recording) {
        recording[..header.len()].copy_from_slice(&header);
    }
    if !recording.is_empty() {
        let copy = Source::open(&recording[..]).expect("our own recording");
        assert_eq!(copy.frames(), frames);
    }
});
