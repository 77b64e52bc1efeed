//! The sample media, cut into packets and put together again.

use smolrtc_rtp::Codec;
use smolrtc_rtp::formats::annexb::{Nal, NalUnits};
use smolrtc_rtp::formats::{
    Depacketizer, FrameBuffer, begins_frame, emit, is_discardable, is_key_frame, plan,
};

const SIZES: [usize; 3] = [1_180, 1_191, 576];

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The access units of a byte stream whose pictures have one first slice each.
fn access_units(
    stream: &[u8],
    before_slices: impl Fn(&Nal<'_>) -> bool,
    first_slice: impl Fn(&Nal<'_>) -> bool,
) -> Vec<&[u8]> {
    let mut begins = vec![];
    let mut picture = true;
    for nal in NalUnits::new(stream) {
        let first = first_slice(&nal);
        if picture && (first || before_slices(&nal)) {
            let code = stream[..nal.offset]
                .iter()
                .rposition(|byte| *byte == 1)
                .expect("a start code");
            let zeros = stream[..code].iter().rev().take_while(|byte| **byte == 0);
            begins.push(code - zeros.count().min(3));
            picture = false;
        }
        picture |= first;
    }
    begins.push(stream.len());
    begins
        .windows(2)
        .map(|pair| &stream[pair[0]..pair[1]])
        .collect()
}

fn units(stream: &[u8]) -> Vec<&[u8]> {
    NalUnits::new(stream).map(|nal| nal.bytes).collect()
}

/// Cuts and joins the frame; returns it and whether it was a key frame.
fn there_and_back(codec: Codec, frame: &[u8], max: usize) -> (Vec<u8>, bool) {
    let mut buffer = FrameBuffer::with_limit(1 << 20).expect("memory");
    let mut depacketizer = Depacketizer::new(codec);
    let mut first = true;
    plan(codec, frame, max, &mut |plan| {
        let mut payload = vec![0; max];
        let len = emit(codec, &plan, frame, &mut payload).expect("room");
        assert_eq!(len, usize::from(plan.payload_len));
        if first && !is_key_frame(codec, frame) {
            assert!(begins_frame(codec, &payload[..len]));
        }
        first = false;
        depacketizer
            .push(&payload[..len], &mut buffer)
            .expect("a valid payload");
        Ok(())
    })
    .expect("a frame that can be sent");
    let key = depacketizer.finish().expect("a whole frame");
    assert_eq!(key, is_key_frame(codec, frame));
    (buffer.as_slice().to_vec(), key)
}

fn check_nal_stream(codec: Codec, stream: &[u8], frames: &[&[u8]]) {
    assert!(frames.len() > 100, "{} frames", frames.len());
    assert_eq!(
        frames.iter().map(|frame| frame.len()).sum::<usize>(),
        stream.len()
    );
    for max in SIZES {
        let mut keys = 0;
        for frame in frames {
            let (joined, key) = there_and_back(codec, frame, max);
            assert_eq!(units(&joined), units(frame));
            keys += usize::from(key);
        }
        assert!(keys > 1 && keys < frames.len(), "{keys} key frames");
    }
}

#[test]
fn every_unit_of_the_h264_sample_survives() {
    let stream = sample("sample.h264");
    let frames = access_units(
        &stream,
        |nal| matches!(nal.bytes[0] & 0x1f, 6..=9),
        |nal| matches!(nal.bytes[0] & 0x1f, 1 | 5) && nal.bytes[1] & 0x80 != 0,
    );
    check_nal_stream(Codec::H264, &stream, &frames);
}

#[test]
fn every_unit_of_the_h265_sample_survives() {
    let stream = sample("sample.h265");
    let kind = |nal: &Nal<'_>| nal.bytes[0] >> 1 & 0x3f;
    let frames = access_units(
        &stream,
        |nal| matches!(kind(nal), 32..=35 | 39),
        |nal| kind(nal) < 32 && nal.bytes[2] & 0x80 != 0,
    );
    check_nal_stream(Codec::H265, &stream, &frames);
}

#[test]
fn every_frame_of_the_vp8_sample_survives() {
    let file = sample("sample-vp8.ivf");
    let mut rest = &file[32..];
    let mut frames = 0;
    while let Some((header, tail)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        let (frame, tail) = tail.split_at(len);
        for max in SIZES {
            assert_eq!(there_and_back(Codec::Vp8, frame, max).0, frame);
        }
        // One reference after the other: nothing can be spared.
        assert!(!is_discardable(Codec::Vp8, frame));
        frames += 1;
        rest = tail;
    }
    assert!(frames > 100, "{frames} frames");
}

#[test]
fn g711_of_20_ms_survives() {
    for (name, codec) in [
        ("sample-ulaw.wav", Codec::Pcmu),
        ("sample-alaw.wav", Codec::Pcma),
    ] {
        for frame in sample(name).chunks(160) {
            assert_eq!(there_and_back(codec, frame, 576).0, frame);
        }
    }
}
