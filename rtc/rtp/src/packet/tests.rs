#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test is a failure of the test"
)]

use super::*;
use crate::Mid;
use smolrtc_base::Instant;
use std::vec::Vec;

/// Chromium's ids for video in the recorded offer.
const IDS: ExtensionIds = ExtensionIds {
    mid: Some(4),
    abs_send_time: Some(2),
    transport_sequence: Some(3),
    stream_id: Some(10),
    repaired_stream_id: Some(11),
};

fn header() -> RtpHeader {
    RtpHeader {
        marker: true,
        payload_type: PayloadType::from_low_bits(108),
        sequence_number: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: Ssrc(0xcafe_babe),
        extensions: Extensions {
            mid: Some(Mid::new(b"1").unwrap()),
            abs_send_time: Some(0x00ab_cdef),
            transport_sequence: Some(0x1234),
        },
    }
}

#[test]
fn the_header_is_written_byte_for_byte_in_the_one_byte_form() {
    let mut buf = [0xff; 64];
    let len = header().emit(&IDS, &mut buf).unwrap();
    assert_eq!(len, header().buffer_len(&IDS));
    assert_eq!(
        &buf[..len],
        [
            0x90, 0xec, 0xff, 0xfe, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe, // fixed
            0xbe, 0xde, 0, 3, // three words
            0x22, 0xab, 0xcd, 0xef, 0x31, 0x12, 0x34, 0x40, b'1', 0, 0, 0,
        ]
    );
}

#[test]
fn what_is_written_is_read_back_in_both_forms() {
    let two_byte = ExtensionIds {
        mid: Some(200),
        ..IDS
    };
    for ids in [IDS, two_byte, ExtensionIds::default()] {
        let mut buf = [0; 64];
        let len = header().emit(&ids, &mut buf).unwrap();
        assert_eq!(len % 4, 0);
        buf[len] = 7;
        let packet = RtpPacket::parse(&buf[..len + 1]).unwrap();
        assert_eq!(packet.payload, [7]);
        assert_eq!((packet.marker, packet.payload_type.get()), (true, 108));
        assert_eq!(
            (packet.sequence_number, packet.timestamp),
            (0xfffe, 0x0102_0304)
        );
        assert_eq!(packet.ssrc, Ssrc(0xcafe_babe));
        let expected = if ids == ExtensionIds::default() {
            Extensions::default()
        } else {
            header().extensions
        };
        assert_eq!(packet.extensions(&ids), expected);
    }
}

#[test]
fn every_buffer_that_is_too_short_is_refused() {
    let len = header().buffer_len(&IDS);
    for short in 0..len {
        assert!(header().emit(&IDS, &mut std::vec![0; short]).is_err());
    }
}

#[test]
fn every_truncation_within_the_header_is_an_error() {
    let mut buf = [0; 64];
    let len = header().emit(&IDS, &mut buf).unwrap();
    for short in 0..len {
        assert_eq!(
            RtpPacket::parse(&buf[..short]).err(),
            Some(PacketError::TooShort)
        );
    }
    assert!(RtpPacket::parse(&buf[..len]).unwrap().payload.is_empty());
}

#[test]
fn contributing_sources_are_passed_over_and_padding_is_cut_off() {
    let mut packet = std::vec![0xa1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9];
    packet.extend([1, 2, 3, 0, 0, 3]);
    let parsed = RtpPacket::parse(&packet).unwrap();
    assert_eq!((parsed.payload, parsed.header_len), (&[1, 2, 3][..], 16));
    assert_eq!(parsed.padding_len, 3);
}

#[test]
fn padding_that_lies_is_an_error() {
    for count in [0, 3, 255] {
        let packet = [0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 7, count];
        assert_eq!(
            RtpPacket::parse(&packet).err(),
            Some(PacketError::Padding),
            "{count}"
        );
    }
    let all_padding = [0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 7, 2];
    assert!(RtpPacket::parse(&all_padding).unwrap().payload.is_empty());
}

#[test]
fn other_versions_are_refused() {
    for version in [0x00, 0x40, 0xc0] {
        let packet = [version, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        assert_eq!(RtpPacket::parse(&packet).err(), Some(PacketError::Version));
    }
}

#[test]
fn elements_after_a_lie_or_a_stop_are_not_read() {
    let collect = |profile, bytes| {
        Elements::new(profile, bytes)
            .map(|e| e.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(collect(0xbede, &[0x10, 1, 0, 0x20, 2, 0, 0, 0]), [1, 2]);
    assert_eq!(collect(0xbede, &[0x10, 1, 0xf0, 1, 0x20, 2, 0, 0]), [1]);
    assert_eq!(collect(0xbede, &[0x10, 1, 0x2f, 2]), [1]);
    assert_eq!(collect(0x1000, &[1, 0, 2, 1, 9, 0, 3, 9]), [1, 2]);
    assert_eq!(collect(0x1007, &[1, 0, 0, 0]), [1]);
    assert_eq!(collect(0x1234, &[0x10, 1, 0, 0]), []);
}

#[test]
fn abs_send_time_counts_64_seconds_in_18_bit_fractions() {
    assert_eq!(abs_send_time(Instant::from_micros(1_000_000)), 1 << 18);
    assert_eq!(abs_send_time(Instant::from_micros(500_000)), 1 << 17);
    assert_eq!(abs_send_time(Instant::from_millis(64_000)), 0);
    assert_eq!(abs_send_time(Instant::from_micros(63_999_999)), 0x00ff_ffff);
}

#[test]
fn rtcp_is_told_from_rtp_by_the_second_byte() {
    assert!(is_rtcp(&[0x80, 200]));
    assert!(is_rtcp(&[0x81, 207]));
    assert!(!is_rtcp(&[0x80, 111]) && !is_rtcp(&[0x80, 0x80 | 111]) && !is_rtcp(&[0x80]));
}
