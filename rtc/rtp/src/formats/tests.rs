#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test is a failure of the test"
)]

use super::annexb::{NalUnits, is_annexb};
use super::*;
use crate::Codec;
use std::vec;
use std::vec::Vec;

/// A unit with this header and a payload that holds neither zeros nor start codes.
fn unit(header: &[u8], len: usize) -> Vec<u8> {
    let mut unit = header.to_vec();
    unit.extend((header.len()..len).map(|i| (i % 251) as u8 | 0x80));
    unit
}

fn stream(units: &[Vec<u8>]) -> Vec<u8> {
    units.iter().fold(vec![], |mut stream, unit| {
        stream.extend([0, 0, 0, 1]);
        stream.extend(unit);
        stream
    })
}

fn payloads(codec: Codec, frame: &[u8], max: usize) -> Vec<(Vec<u8>, PacketPlan)> {
    let mut plans = vec![];
    plan(codec, frame, max, &mut |plan| {
        plans.push(plan);
        Ok(())
    })
    .unwrap();
    plans
        .into_iter()
        .map(|plan| {
            let mut buf = vec![0xee; max];
            let len = emit(codec, &plan, frame, &mut buf).unwrap();
            assert_eq!(len, usize::from(plan.payload_len));
            buf.truncate(len);
            (buf, plan)
        })
        .collect()
}

fn join(codec: Codec, payloads: &[Vec<u8>]) -> Result<(Vec<u8>, bool), DepacketizeError> {
    let mut buffer = FrameBuffer::with_limit(1 << 20).unwrap();
    let mut depacketizer = Depacketizer::new(codec);
    for payload in payloads {
        depacketizer.push(payload, &mut buffer)?;
    }
    let key = depacketizer.finish()?;
    Ok((buffer.as_slice().to_vec(), key))
}

/// Cuts and joins `frame`; checks every invariant of the plan on the way.
fn round_trip(codec: Codec, frame: &[u8], max: usize) -> Vec<PacketPlan> {
    let (bytes, plans): (Vec<_>, Vec<_>) = payloads(codec, frame, max).into_iter().unzip();
    assert!(bytes.iter().all(|payload| payload.len() <= max));
    let markers = plans.iter().filter(|plan| plan.marker).count();
    let expected = usize::from(codec.kind() == crate::Kind::Video);
    assert_eq!(markers, expected);
    assert_eq!(plans.last().unwrap().marker, expected == 1);
    let (joined, key) = join(codec, &bytes).unwrap();
    assert_eq!(joined, frame);
    assert_eq!(key, is_key_frame(codec, frame));
    plans
}

const SIZES: [usize; 3] = [1_180, 1_191, 576];

#[test]
fn a_plan_takes_16_bytes() {
    assert_eq!(size_of::<PacketPlan>(), 16);
}

#[test]
fn h264_units_are_equal_after_the_way_through_packets() {
    for max in SIZES {
        for len in [2, 100, max - 1, max, max + 1, 2 * max, 60_000] {
            let frame = stream(&[
                unit(&[0x67], 20),
                unit(&[0x68], 5),
                unit(&[0x65], len),
                unit(&[0x65], 30),
            ]);
            round_trip(Codec::H264, &frame, max);
            round_trip(Codec::H264, &stream(&[unit(&[0x41], len)]), max);
        }
    }
}

#[test]
fn h265_units_are_equal_after_the_way_through_packets() {
    for max in SIZES {
        for len in [3, 100, max - 1, max, max + 1, 2 * max, 60_000] {
            let frame = stream(&[
                unit(&[0x40, 0x01], 24),
                unit(&[0x42, 0x01], 40),
                unit(&[0x44, 0x01], 7),
                unit(&[0x26, 0x01], len),
            ]);
            round_trip(Codec::H265, &frame, max);
            round_trip(Codec::H265, &stream(&[unit(&[0x02, 0x01], len)]), max);
        }
    }
}

#[test]
fn other_codecs_are_equal_after_the_way_through_packets() {
    for max in SIZES {
        for len in [11, max - 2, max - 1, max, 60_000] {
            let key = unit(&[0x10, 0, 0, 0x9d, 0x01, 0x2a], len);
            round_trip(Codec::Vp8, &key, max);
            round_trip(Codec::Vp8, &unit(&[0x11, 0, 0], len), max);
        }
        for codec in [Codec::Opus, Codec::Pcmu, Codec::Pcma] {
            round_trip(codec, &unit(&[0x78], max), max);
            round_trip(codec, &[0xd5], max);
        }
    }
}

#[test]
fn a_unit_of_the_limit_goes_whole_and_one_byte_more_goes_in_two_fragments() {
    for (len, packets) in [(1_179, 1), (1_180, 1), (1_181, 2)] {
        let frame = stream(&[unit(&[0x65], len)]);
        let plans = round_trip(Codec::H264, &frame, 1_180);
        assert_eq!(plans.len(), packets);
        let whole = plans[0].kind == PacketKind::Whole;
        assert_eq!(whole, packets == 1);
    }
    let frame = stream(&[unit(&[0x65], 1_181)]);
    let bytes = payloads(Codec::H264, &frame, 1_180);
    assert_eq!(bytes[0].0[..2], [0x7c, 0x85]);
    assert_eq!(bytes[1].0[..2], [0x7c, 0x45]);
    assert_eq!(bytes[0].0.len(), bytes[1].0.len());
}

#[test]
fn fragments_are_as_few_as_possible_and_of_one_length_but_for_the_last() {
    let frame = stream(&[unit(&[0x41], 10_000)]);
    let plans = round_trip(Codec::H264, &frame, 1_180);
    assert_eq!(plans.len(), 9_999_usize.div_ceil(1_178));
    let (last, others) = plans.split_last().unwrap();
    assert!(
        others
            .iter()
            .all(|plan| plan.payload_len == plans[0].payload_len)
    );
    assert!(last.payload_len <= plans[0].payload_len);
}

#[test]
fn parameter_sets_and_a_small_idr_share_one_stap_a() {
    // NRI of the aggregate is the highest of its units' (RFC 6184 section 5.7).
    let frame = stream(&[vec![0x27, 1, 2], vec![0x28, 3], vec![0x65, 4, 5, 6]]);
    let packets = payloads(Codec::H264, &frame, 1_180);
    assert_eq!(packets.len(), 1);
    assert_eq!(
        packets[0].0,
        [0x78, 0, 3, 0x27, 1, 2, 0, 2, 0x28, 3, 0, 4, 0x65, 4, 5, 6]
    );
}

#[test]
fn an_aggregation_packet_has_the_lowest_layer_and_temporal_id() {
    let frame = stream(&[vec![0x02, 0x0b, 9], vec![0x00, 0x12, 9]]);
    let packets = payloads(Codec::H265, &frame, 1_180);
    assert_eq!(packets[0].0[..2], [0x60, 0x0a]);
    assert_eq!(
        packets[0].0[2..],
        [0, 3, 0x02, 0x0b, 9, 0, 3, 0x00, 0x12, 9]
    );
}

#[test]
fn an_aggregate_is_closed_where_the_next_unit_would_not_fit() {
    let frame = stream(&[unit(&[0x67], 40), unit(&[0x41], 40), unit(&[0x41], 40)]);
    let exact = 1 + 3 * 42;
    assert_eq!(round_trip(Codec::H264, &frame, exact).len(), 1);
    let plans = round_trip(Codec::H264, &frame, exact - 1);
    let kinds: Vec<_> = plans.iter().map(|plan| plan.kind).collect();
    assert_eq!(kinds, [PacketKind::Aggregate, PacketKind::Whole]);
}

#[test]
fn start_codes_of_three_and_four_bytes_and_trailing_zeros_are_no_part_of_a_unit() {
    let bytes = [
        0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 0, 0, 1, 0x41, 0, 0,
    ];
    let units: Vec<_> = NalUnits::new(&bytes)
        .map(|nal| nal.bytes.to_vec())
        .collect();
    assert_eq!(
        units,
        [&[0x67, 1][..], &[0x68, 2], &[0x65, 0, 0, 3], &[0x41]]
    );
    for nal in NalUnits::new(&bytes) {
        assert_eq!(&bytes[nal.offset..nal.end()], nal.bytes);
    }
    let (joined, _) = join(
        Codec::H264,
        &payloads(Codec::H264, &bytes, 20)
            .into_iter()
            .map(|packet| packet.0)
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let joined: Vec<_> = NalUnits::new(&joined)
        .map(|nal| nal.bytes.to_vec())
        .collect();
    assert_eq!(joined, units);
}

#[test]
fn the_scan_finds_a_start_code_at_every_alignment() {
    for lead in 0..8 {
        let mut bytes = vec![0, 0, 1, 0x67];
        bytes.extend(vec![7; lead]);
        bytes.extend([0, 0, 1, 0x68]);
        assert_eq!(NalUnits::new(&bytes).count(), 2, "{lead}");
    }
    assert_eq!(NalUnits::new(&[0, 0]).count(), 0);
    assert_eq!(NalUnits::new(&[0, 0, 1]).count(), 0);
    assert!(!is_annexb(&[0, 1, 0x67]) && !is_annexb(&[]) && is_annexb(&[0, 0, 0, 0, 1, 9]));
}

#[test]
fn unit_types_that_mean_something_else_on_the_wire_are_left_out() {
    let good = [unit(&[0x67], 9), unit(&[0x65], 9)];
    let frame = stream(&[good[0].clone(), unit(&[0x7c], 9), good[1].clone()]);
    let bytes: Vec<_> = payloads(Codec::H264, &frame, 1_180)
        .into_iter()
        .map(|packet| packet.0)
        .collect();
    assert_eq!(join(Codec::H264, &bytes).unwrap().0, stream(&good));
}

#[test]
fn frames_that_cannot_be_sent_are_refused_by_name() {
    let refuse = |codec, frame: &[u8], max| plan(codec, frame, max, &mut |_| Ok(())).unwrap_err();
    assert_eq!(refuse(Codec::H264, &[], 1_180), PlanError::Empty);
    let avcc = [0, 0, 0, 2, 0x67, 1];
    assert_eq!(refuse(Codec::H264, &avcc, 1_180), PlanError::NotAnnexB);
    assert_eq!(refuse(Codec::H264, &[0, 0, 1], 1_180), PlanError::NoNalUnit);
    assert_eq!(refuse(Codec::Opus, &[0; 577], 576), PlanError::FrameTooLong);
    let tiny = refuse(Codec::Vp8, &[1], MIN_MAX_PAYLOAD - 1);
    assert_eq!(tiny, PlanError::MaxPayloadTooSmall);
    let frame = stream(&[unit(&[0x65], 100)]);
    let mut room = 2;
    let full = plan(Codec::H264, &frame, 20, &mut |_| {
        room -= 1;
        if room == 0 {
            Err(PlanError::TooManyPackets)
        } else {
            Ok(())
        }
    });
    assert_eq!(full, Err(PlanError::TooManyPackets));
}

#[test]
fn a_payload_is_not_written_into_too_little_room() {
    let frame = stream(&[vec![0x67, 1, 2], vec![0x68, 3], unit(&[0x65], 2_000)]);
    for (payload, plan) in payloads(Codec::H264, &frame, 1_180) {
        for short in 0..payload.len() {
            assert!(emit(Codec::H264, &plan, &frame, &mut vec![0; short]).is_err());
        }
        assert!(emit(Codec::H264, &plan, &frame[..8], &mut [0; 1_180]).is_err());
    }
}

#[test]
fn discardable_frames_are_told_by_their_headers() {
    let h264 = |units: &[&[u8]]| {
        let units: Vec<_> = units.iter().map(|unit| unit.to_vec()).collect();
        is_discardable(Codec::H264, &stream(&units))
    };
    assert!(h264(&[&[0x01, 0x9a]]));
    assert!(h264(&[&[0x09, 0x10], &[0x01, 0x9a], &[0x01, 0x2a]]));
    assert!(!h264(&[&[0x01, 0x9a], &[0x21, 0x2a]]));
    assert!(!h264(&[&[0x41, 0x9a]]));
    assert!(!h264(&[&[0x68, 0xce], &[0x01, 0x9a]]));
    assert!(!h264(&[&[0x09, 0x10]]));
    let h265 = |header| is_discardable(Codec::H265, &stream(&[unit(&[header, 0x02], 20)]));
    assert!(h265(0x00) && h265(0x04) && h265(0x10));
    assert!(!h265(0x02) && !h265(0x26) && !h265(0x2a));
    assert!(!is_discardable(Codec::Opus, &[0x78]));
}

/// Encodes bits of even probability as RFC 6386 section 7.3 does.
fn bool_encode(bits: &[u8]) -> Vec<u8> {
    let (mut out, mut range, mut bottom, mut bit_count) = (Vec::<u8>::new(), 255_u32, 0_u32, 24);
    let carry = |out: &mut Vec<u8>| {
        for byte in out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    };
    for bit in bits.iter().copied().chain([0; 32]) {
        let split = 1 + (((range - 1) * 128) >> 8);
        if bit == 1 {
            bottom += split;
            range -= split;
        } else {
            range = split;
        }
        while range < 128 {
            range <<= 1;
            if bottom & (1 << 31) != 0 {
                carry(&mut out);
            }
            bottom <<= 1;
            bit_count -= 1;
            if bit_count == 0 {
                out.push((bottom >> 24) as u8);
                bottom &= (1 << 24) - 1;
                bit_count = 8;
            }
        }
    }
    out
}

#[test]
fn vp8_frames_that_touch_no_buffer_are_discardable() {
    // Segmentation off, filter (10 bits), deltas off, partitions and quantizer (9), no deltas.
    let header = |golden: u8, alternate: u8, copy: [u8; 4], entropy: u8, last: u8| {
        let mut bits = vec![0];
        bits.extend([0, 1, 0, 1, 1, 0, 0, 1, 0, 1]);
        bits.push(0);
        bits.extend([0, 1, 1, 0, 1, 1, 0, 0, 1]);
        bits.extend([0; 5]);
        bits.extend([golden, alternate]);
        if golden == 0 {
            bits.extend(&copy[..2]);
        }
        if alternate == 0 {
            bits.extend(&copy[2..]);
        }
        bits.extend([0, 0, entropy, last]);
        let mut frame = vec![0x11, 0x02, 0x00];
        frame.extend(bool_encode(&bits));
        frame.extend([0x55; 40]);
        is_discardable(Codec::Vp8, &frame)
    };
    assert!(header(0, 0, [0; 4], 0, 0));
    assert!(!header(0, 0, [0; 4], 0, 1));
    assert!(!header(0, 0, [0; 4], 1, 0));
    assert!(!header(1, 0, [0; 4], 0, 0));
    assert!(!header(0, 1, [0; 4], 0, 0));
    assert!(!header(0, 0, [0, 1, 0, 0], 0, 0));
    assert!(!header(0, 0, [0, 0, 1, 0], 0, 0));
    assert!(!is_discardable(Codec::Vp8, &[0x11, 2, 0]));
    assert!(!is_discardable(
        Codec::Vp8,
        &[0x10, 2, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0]
    ));
}

#[test]
fn vp8_descriptors_of_every_shape_are_read_over() {
    for (descriptor, len) in [
        (&[0x10][..], 1),
        (&[0x90, 0x80, 0x11], 3),
        (&[0x90, 0x80, 0x91, 0x22], 4),
        (&[0x90, 0xc0, 0x91, 0x22, 7], 5),
        (&[0x90, 0xf0, 0x91, 0x22, 7, 0x20], 6),
        (&[0x90, 0x10, 0x20], 3),
    ] {
        assert_eq!(descriptor.len(), len);
        let mut payload = descriptor.to_vec();
        payload.extend([0x10, 1, 2, 0x9d, 0x01, 0x2a]);
        let (frame, key) = join(Codec::Vp8, &[payload.clone()]).unwrap();
        assert_eq!((&frame[..], key), (&payload[len..], true));
        for short in 0..=len {
            let cut = join(Codec::Vp8, &[payload[..short].to_vec()]);
            assert_eq!(cut.unwrap_err(), DepacketizeError::Truncated);
        }
    }
}

#[test]
fn malformed_payloads_have_a_name_each() {
    use DepacketizeError::*;
    let fail = |codec, payloads: &[&[u8]]| {
        let payloads: Vec<_> = payloads.iter().map(|payload| payload.to_vec()).collect();
        join(codec, &payloads).unwrap_err()
    };
    for codec in [Codec::H264, Codec::H265, Codec::Vp8, Codec::Opus] {
        assert_eq!(fail(codec, &[&[]]), Truncated);
        assert_eq!(fail(codec, &[]), Truncated);
    }
    assert_eq!(fail(Codec::H264, &[&[0x78]]), Truncated);
    assert_eq!(fail(Codec::H264, &[&[0x78, 0, 0]]), Truncated);
    assert_eq!(fail(Codec::H264, &[&[0x78, 0, 4, 0x67, 1]]), Truncated);
    assert_eq!(fail(Codec::H264, &[&[0x7c]]), Truncated);
    assert_eq!(fail(Codec::H264, &[&[0x7c, 0x05, 1]]), FragmentWithoutStart);
    assert_eq!(fail(Codec::H264, &[&[0x7c, 0x85, 1]]), FragmentUnfinished);
    let twice: [&[u8]; 2] = [&[0x7c, 0x85, 1], &[0x7c, 0x85, 2]];
    assert_eq!(fail(Codec::H264, &twice), FragmentUnfinished);
    let other: [&[u8]; 2] = [&[0x7c, 0x85, 1], &[0x7c, 0x41, 2]];
    assert_eq!(fail(Codec::H264, &other), FragmentMismatch);
    let whole: [&[u8]; 2] = [&[0x7c, 0x85, 1], &[0x65, 1]];
    assert_eq!(fail(Codec::H264, &whole), FragmentUnfinished);
    for kind in [0, 25, 26, 27, 29, 30, 31] {
        assert_eq!(fail(Codec::H264, &[&[0x60 | kind, 1, 2]]), UnsupportedType);
    }
    assert_eq!(fail(Codec::H264, &[&[0x7c, 0x9c, 1]]), UnsupportedType);
    assert_eq!(fail(Codec::H265, &[&[0x26]]), Truncated);
    assert_eq!(fail(Codec::H265, &[&[0x60, 1, 0, 9, 1]]), Truncated);
    assert_eq!(fail(Codec::H265, &[&[0x60, 1, 0, 1, 1]]), Truncated);
    assert_eq!(
        fail(Codec::H265, &[&[0x62, 1, 0x13, 1]]),
        FragmentWithoutStart
    );
    assert_eq!(fail(Codec::H265, &[&[0x64, 1, 1]]), UnsupportedType);
    assert_eq!(
        fail(Codec::H265, &[&[0x60, 1, 0, 2, 0x62, 1]]),
        UnsupportedType
    );
    assert_eq!(fail(Codec::Vp8, &[&[0x00, 1]]), FragmentWithoutStart);
    assert_eq!(
        fail(Codec::Vp8, &[&[0x10, 1], &[0x10, 1]]),
        FragmentMismatch
    );
    assert_eq!(fail(Codec::Opus, &[&[1], &[2]]), FragmentMismatch);
}

#[test]
fn a_frame_never_outgrows_its_buffer() {
    let mut buffer = FrameBuffer::with_limit(64).unwrap();
    let mut depacketizer = Depacketizer::new(Codec::H264);
    assert_eq!(depacketizer.push(&[0x41; 60], &mut buffer), Ok(()));
    let error = depacketizer.push(&[0x41; 1], &mut buffer);
    assert_eq!(error, Err(DepacketizeError::FrameTooLong));
    assert_eq!(buffer.as_slice().len(), 64);
}

#[test]
fn a_payload_that_begins_a_frame_is_told_from_one_that_may_not() {
    for (payload, begins) in [
        (&[0x67, 1][..], true),
        (&[0x41, 0x9a], true),
        (&[0x41, 0x1a], false),
        (&[0x65, 0x88], false), // its parameter sets may be lost
        (&[0x78, 0, 2, 0x67, 1], true),
        (&[0x7c, 0x81, 0x9a], true),
        (&[0x7c, 0x41, 0x9a], false),
        (&[], false),
    ] {
        assert_eq!(begins_frame(Codec::H264, payload), begins, "{payload:02x?}");
    }
    for (payload, begins) in [
        (&[0x40, 1, 7][..], true),
        (&[0x02, 1, 0x80], true),
        (&[0x02, 1, 0x40], false),
        (&[0x26, 1, 0x80], false),
        (&[0x60, 1, 0, 3, 0x40, 1, 7], true),
        (&[0x62, 1, 0x81, 0x80], true),
        (&[0x62, 1, 0x01, 0x80], false),
        (&[0x62], false),
    ] {
        assert_eq!(begins_frame(Codec::H265, payload), begins, "{payload:02x?}");
    }
}
