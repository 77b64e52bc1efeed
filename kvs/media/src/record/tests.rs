use super::*;
use crate::Source;

fn recorded(file: &'static [u8]) -> Vec<u8> {
    let mut source = Source::open(file).unwrap();
    let mut recorder = Recorder::new(source.codec(), 3);
    let mut out = Vec::new();
    while let Some(frame) = source.next_frame() {
        recorder.frame(&frame, &mut out);
    }
    if let Some(header) = recorder.finish(&mut out) {
        out[..header.len()].copy_from_slice(&header);
    }
    out
}

#[test]
fn annex_b_is_recorded_byte_for_byte() {
    let file = include_bytes!("../../../../media/sample.h264");
    assert_eq!(recorded(file), file);
}

#[test]
fn a_recorded_wav_equals_its_source() {
    let file = include_bytes!("../../../../media/sample-ulaw.wav");
    assert_eq!(recorded(file), file);
}

#[test]
fn frames_of_other_containers_come_back_equal() {
    for file in [
        &include_bytes!("../../../../media/sample-vp8.ivf")[..],
        include_bytes!("../../../../media/sample.opus"),
    ] {
        let copy = recorded(file);
        let mut source = Source::open(file).unwrap();
        let mut again = Source::open(&copy[..]).unwrap();
        assert_eq!(source.frames(), again.frames());
        while let Some(frame) = source.next_frame() {
            let copy = again.next_frame().unwrap();
            assert_eq!((frame.data, frame.key), (copy.data, copy.key));
            assert!(frame.pts.abs_diff(copy.pts) <= Duration::from_millis(1));
        }
    }
}

#[test]
fn gaps_in_audio_become_silence() {
    for (codec, data) in [
        (Codec::Opus, &[0xf8, 1, 2][..]),
        (Codec::Pcma, &[0x55; 160][..]),
    ] {
        let mut recorder = Recorder::new(codec, 3);
        let mut out = Vec::new();
        for pts in [1_000, 1_020, 1_540] {
            let frame = Frame {
                codec,
                pts: Duration::from_millis(pts),
                duration: Duration::from_millis(20),
                key: true,
                data,
            };
            recorder.frame(&frame, &mut out);
        }
        if let Some(header) = recorder.finish(&mut out) {
            out[..header.len()].copy_from_slice(&header);
        }
        let source = Source::open(&out[..]).unwrap();
        assert_eq!(source.duration(), Duration::from_millis(560), "{codec:?}");
    }
}

#[test]
fn a_recorder_without_frames_writes_nothing() {
    let mut out = Vec::new();
    assert_eq!(Recorder::new(Codec::Vp8, 1).finish(&mut out), None);
    assert!(out.is_empty());
}
