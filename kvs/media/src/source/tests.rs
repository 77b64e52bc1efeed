use super::*;
use std::{format, string::ToString, vec::Vec};

const H264: &[u8] = include_bytes!("../../../../media/sample.h264");
const H265: &[u8] = include_bytes!("../../../../media/sample.h265");
const VP8: &[u8] = include_bytes!("../../../../media/sample-vp8.ivf");
const OPUS: &[u8] = include_bytes!("../../../../media/sample.opus");
const ULAW: &[u8] = include_bytes!("../../../../media/sample-ulaw.wav");
const ALAW: &[u8] = include_bytes!("../../../../media/sample-alaw.wav");

#[test]
fn every_sample_lasts_twelve_seconds_and_is_told_by_its_content() {
    for (file, codec, frames) in [
        (H264, Codec::H264, 360),
        (H265, Codec::H265, 360),
        (VP8, Codec::Vp8, 360),
        (OPUS, Codec::Opus, 600),
        (ULAW, Codec::Pcmu, 600),
        (ALAW, Codec::Pcma, 600),
    ] {
        let source = Source::open(file).unwrap();
        assert_eq!(source.codec(), codec);
        assert_eq!(source.frames(), frames);
        let off = source.duration().abs_diff(Duration::from_secs(12));
        assert!(
            off < Duration::from_micros(1),
            "{codec:?} {:?}",
            source.duration()
        );
    }
}

#[test]
fn each_second_of_video_begins_with_a_key_frame() {
    for file in [H264, H265, VP8] {
        let mut source = Source::open(file).unwrap();
        let (mut index, mut bytes) = (0_u64, 0);
        while let Some(frame) = source.next_frame() {
            assert_eq!(frame.key, index.is_multiple_of(30), "frame {index}");
            let exact = Duration::from_nanos(index * 1_000_000_000 / 30);
            assert!(frame.pts.abs_diff(exact) < Duration::from_micros(1));
            bytes += frame.data.len();
            index += 1;
        }
        assert_eq!(index, 360);
        // Annex B: no byte is lost. IVF: the headers are.
        let headers = if file == VP8 { 32 + 360 * 12 } else { 0 };
        assert_eq!(bytes + headers, file.len());
    }
}

#[test]
fn rewinding_starts_over_and_looking_ahead_loses_nothing() {
    let mut source = Source::open(OPUS).unwrap();
    let first = source.next_frame().unwrap().data.to_vec();
    assert_eq!(source.next_pts(), Some(Duration::from_millis(20)));
    assert_eq!(source.next_pts(), Some(Duration::from_millis(20)));
    source.rewind();
    assert_eq!(source.next_pts(), Some(Duration::ZERO));
    assert_eq!(source.next_frame().unwrap().data, first);
}

#[test]
fn another_frame_rate_stretches_a_stream() {
    let source = Source::open(H264).unwrap().with_frame_rate(15);
    assert_eq!(source.duration(), Duration::from_secs(24));
}

#[test]
fn rates_of_television_do_not_drift() {
    let interval = Duration::from_nanos(33_366_666);
    assert_eq!(annexb_pts(30_000, interval), Duration::from_secs(1_001));
    assert_eq!(annexb_pts(30, DEFAULT_INTERVAL), Duration::from_secs(1));
    assert_eq!(
        annexb_pts(2, Duration::from_micros(12_345)),
        Duration::from_micros(24_690)
    );
}

#[test]
fn files_of_another_kind_are_refused_by_name() {
    assert_eq!(Source::open(&b""[..]).unwrap_err(), Error::Empty);
    assert_eq!(
        Source::open(&b"\0\0\0\x20ftypisom"[..]).unwrap_err(),
        Error::UnknownFormat
    );
    let mp4 = Source::open_annexb(&b"\0\0\0\x20ftypisom"[..], Codec::H264).unwrap_err();
    assert_eq!(mp4, Error::NotH264 { offset: 0 });
    assert!(mp4.to_string().contains("h264_mp4toannexb"));
    let mixed = Source::open_annexb(H265, Codec::H264).unwrap_err();
    assert_eq!(mixed, Error::WrongCodec { found: Codec::H265 });
    assert_eq!(format!("{mixed}"), "the file holds H.265");
    let mut vp9 = VP8.to_vec();
    vp9[8..12].copy_from_slice(b"VP90");
    assert_eq!(
        Source::open(vp9).unwrap_err(),
        Error::IvfCodec { fourcc: *b"VP90" }
    );
}

#[test]
fn damage_in_the_middle_is_found_when_the_file_is_opened() {
    let mut file = H264.to_vec();
    // A NAL unit with the forbidden bit in the place of the 100th frame's.
    let mut source = Source::open(H264).unwrap();
    let mut offset = 0;
    for _ in 0..100 {
        offset += source.next_frame().unwrap().data.len();
    }
    let header = file[offset..].iter().position(|byte| *byte == 1).unwrap() + offset + 1;
    file[header] = 0xff;
    assert_eq!(
        Source::open(file).unwrap_err(),
        Error::NotH264 { offset: header }
    );
    let cut = &VP8[..VP8.len() - 1];
    assert!(matches!(
        Source::open(cut).unwrap_err(),
        Error::Truncated { .. }
    ));
}

#[test]
fn a_stream_without_a_key_frame_is_refused() {
    let mut source = Source::open(H264).unwrap();
    source.next_frame();
    let inter: Vec<u8> = source.next_frame().unwrap().data.to_vec();
    assert_eq!(
        Source::open([inter.clone(), inter].concat()).unwrap_err(),
        Error::NoKeyFrame
    );
}

#[test]
fn a_parameter_set_that_comes_after_the_key_frame_does_not_count() {
    let sps = nal_units(H264).next().unwrap();
    let idr = [0, 0, 1, 0x65, 0x88, 3];
    let late = [&idr[..], &[0, 0, 1], sps].concat();
    assert_eq!(Source::open(late).unwrap_err(), Error::NoKeyFrame);
    let early = [&[0, 0, 1], sps, &idr[..]].concat();
    assert_eq!(Source::open(early).unwrap().frames(), 1);
}
