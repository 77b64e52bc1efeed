use super::*;
use std::vec::Vec;

const SPS: &[u8] = &[0, 0, 0, 1, 0x67, 1];
const PPS: &[u8] = &[0, 0, 1, 0x68, 2];
const IDR: &[u8] = &[0, 0, 1, 0x65, 0x88, 3];
const SECOND_IDR_SLICE: &[u8] = &[0, 0, 1, 0x65, 0x40, 3];
const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 4];
const AUD: &[u8] = &[0, 0, 0, 1, 0x09, 0x10];

fn units(bytes: &[u8], codec: Codec) -> Result<Vec<(Range<usize>, bool)>, Error> {
    let mut cursor = Cursor::new(codec);
    let mut units = Vec::new();
    while let Some(unit) = cursor.next(bytes)? {
        units.push((unit.range, unit.key));
    }
    Ok(units)
}

#[test]
fn nal_units_are_split_at_start_codes_of_both_lengths() {
    let bytes = [SPS, PPS, IDR, &[0, 0, 0]].concat();
    let split: Vec<&[u8]> = nal_units(&bytes).collect();
    assert_eq!(split, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0x88, 3]]);
    assert_eq!(nal_units(&[1, 2, 3]).next(), None);
    assert_eq!(nal_units(&[0, 0, 1]).next(), None);
    assert_eq!(
        nal_units(&[0, 0, 1, 0, 0, 1, 7]).collect::<Vec<_>>(),
        [&[7][..]]
    );
}

#[test]
fn parameter_sets_and_slices_group_into_access_units() {
    let bytes = [SPS, PPS, IDR, SECOND_IDR_SLICE, SLICE, SPS, PPS, IDR, SLICE].concat();
    let first = SPS.len() + PPS.len() + IDR.len() + SECOND_IDR_SLICE.len();
    let second = first + SLICE.len();
    let third = second + SPS.len() + PPS.len() + IDR.len();
    assert_eq!(
        units(&bytes, Codec::H264).unwrap(),
        [
            (0..first, true),
            (first..second, false),
            (second..third, true),
            (third..bytes.len(), false)
        ]
    );
}

#[test]
fn a_delimiter_begins_an_access_unit() {
    let bytes = [AUD, SPS, PPS, IDR, AUD, SLICE].concat();
    let first = AUD.len() + SPS.len() + PPS.len() + IDR.len();
    assert_eq!(
        units(&bytes, Codec::H264).unwrap(),
        [(0..first, true), (first..bytes.len(), false)]
    );
}

#[test]
fn parameter_sets_at_the_very_end_are_no_frame() {
    let bytes = [SPS, PPS, IDR, SPS].concat();
    assert_eq!(units(&bytes, Codec::H264).unwrap().len(), 1);
}

#[test]
fn h265_pictures_begin_at_their_first_slice_segment() {
    let vps = [0, 0, 0, 1, 0x40, 0x01, 9];
    let idr = [0, 0, 1, 0x28, 0x01, 0x80, 9];
    let more = [0, 0, 1, 0x28, 0x01, 0x10, 9];
    let trail = [0, 0, 1, 0x02, 0x01, 0x80, 9];
    let suffix_sei = [0, 0, 1, 0x50, 0x01, 9];
    let bytes = [&vps[..], &idr, &more, &suffix_sei, &trail].concat();
    assert_eq!(
        units(&bytes, Codec::H265).unwrap(),
        [(0..27, true), (27..bytes.len(), false)]
    );
    assert!(is_key_h265(&bytes[..27]) && !is_key_h265(&bytes[27..]));
}

#[test]
fn what_is_no_stream_is_refused_with_its_place() {
    let bytes = [b"junk", SPS, IDR].concat();
    assert_eq!(
        units(&bytes, Codec::H264),
        Err(Error::NotH264 { offset: 0 })
    );
    assert_eq!(
        units(&[0, 0, 1, 0xff], Codec::H264),
        Err(Error::NotH264 { offset: 3 })
    );
    assert_eq!(
        units(&[0, 0, 1, 0x40, 0], Codec::H265),
        Err(Error::NotH265 { offset: 3 })
    );
    assert_eq!(detect(b"ftypisom"), None);
    assert_eq!(detect(&bytes), None);
}
