#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test is a failure of the test"
)]

use super::*;
use smolrtc_base::{Instant, Rng};
use std::vec;
use std::vec::Vec;

const A: Ssrc = Ssrc(0x0102_0304);
const B: Ssrc = Ssrc(0xcafe_babe);

fn written(body: impl FnOnce(&mut Compound<'_>)) -> Vec<u8> {
    let mut buf = [0xee; 1_500];
    let mut compound = Compound::new(&mut buf);
    body(&mut compound);
    let len = compound.len();
    assert_eq!(len % 4, 0);
    buf[..len].to_vec()
}

fn only(bytes: &[u8]) -> Rtcp<'_> {
    let mut walk = packets(bytes);
    let first = walk.next().unwrap().unwrap();
    assert!(walk.next().is_none());
    first
}

const BLOCK: ReportBlock = ReportBlock {
    ssrc: B,
    fraction_lost: 64,
    cumulative_lost: -2,
    highest_sequence: 0x0001_fffe,
    jitter: 77,
    last_sr: 0x1122_3344,
    delay_since_last_sr: 65_536,
};

#[test]
fn a_sender_report_is_written_byte_for_byte_and_read_back() {
    let info = SenderInfo {
        ssrc: A,
        ntp: 0x1111_2222_3333_4444,
        rtp_timestamp: 5,
        packet_count: 6,
        octet_count: 7,
    };
    let bytes = written(|c| c.sender_report(&info, [BLOCK]).unwrap());
    assert_eq!(
        bytes,
        [
            0x81, 200, 0, 12, 1, 2, 3, 4, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0, 0, 0,
            5, 0, 0, 0, 6, 0, 0, 0, 7, 0xca, 0xfe, 0xba, 0xbe, 64, 0xff, 0xff, 0xfe, 0, 1, 0xff,
            0xfe, 0, 0, 0, 77, 0x11, 0x22, 0x33, 0x44, 0, 1, 0, 0,
        ]
    );
    let Rtcp::SenderReport(report) = only(&bytes) else {
        panic!("no sender report")
    };
    assert_eq!(report.info, info);
    assert_eq!(report.info.compact_ntp(), 0x2222_3333);
    assert_eq!(report.blocks().collect::<Vec<_>>(), [BLOCK]);
}

#[test]
fn the_round_trip_is_that_of_the_example_of_rfc_3550() {
    // Figure 2 of section 6.4.1: A = 0xb710:8000, DLSR = 5.25 s, LSR = 0xb705:2000, 6.125 s.
    let block = ReportBlock {
        last_sr: 0xb705_2000,
        delay_since_last_sr: 0x0005_4000,
        ..BLOCK
    };
    assert_eq!(block.round_trip(0xb710_8000), Some(0x0006_2000));
    assert_eq!(block.round_trip(0xb706_0000), None);
    let never = ReportBlock {
        last_sr: 0,
        ..block
    };
    assert_eq!(never.round_trip(0xb710_8000), None);
}

#[test]
fn a_compound_of_every_kind_is_read_back_in_order() {
    let bytes = written(|c| {
        c.receiver_report(A, [BLOCK, BLOCK]).unwrap();
        c.cname(A, b"camera").unwrap();
        c.nack(A, B, [10, 11, 26, 27, 65_535, 3]).unwrap();
        c.pli(A, B).unwrap();
        c.fir(A, B, 9).unwrap();
        c.remb(A, 1_000_000, [A, B]).unwrap();
        c.bye([A, B]).unwrap();
    });
    let mut walk = packets(&bytes).map(Result::unwrap);
    assert!(matches!(
        walk.next(),
        Some(Rtcp::ReceiverReport(report)) if report.sender == A && report.blocks().count() == 2
    ));
    let Some(Rtcp::Sdes(sdes)) = walk.next() else {
        panic!("no SDES")
    };
    let chunk = sdes.chunks().next().unwrap();
    assert_eq!((chunk.ssrc, chunk.cname), (A, &b"camera"[..]));
    let Some(Rtcp::Nack(nack)) = walk.next() else {
        panic!("no NACK")
    };
    let missing: Vec<_> = nack.sequence_numbers().collect();
    assert_eq!(missing, [10, 11, 26, 27, 65_535, 3]);
    assert!(matches!(
        walk.next(),
        Some(Rtcp::Pli {
            sender: A,
            media: B
        })
    ));
    let Some(Rtcp::Fir(fir)) = walk.next() else {
        panic!("no FIR")
    };
    let entry = FirEntry {
        ssrc: B,
        sequence_number: 9,
    };
    assert_eq!(fir.entries().collect::<Vec<_>>(), [entry]);
    let Some(Rtcp::Remb(remb)) = walk.next() else {
        panic!("no REMB")
    };
    assert_eq!((remb.bitrate, remb.sources().count()), (1_000_000, 2));
    let Some(Rtcp::Bye(bye)) = walk.next() else {
        panic!("no BYE")
    };
    assert_eq!(bye.sources().collect::<Vec<_>>(), [A, B]);
    assert!(walk.next().is_none());
}

#[test]
fn names_of_every_length_end_in_a_zero_and_on_a_word() {
    for len in 0..12 {
        let name = vec![b'x'; len];
        let bytes = written(|c| c.cname(B, &name).unwrap());
        assert_eq!(*bytes.last().unwrap(), 0);
        let Rtcp::Sdes(sdes) = only(&bytes) else {
            panic!("no SDES")
        };
        assert_eq!(sdes.chunks().next().unwrap().cname, name);
    }
}

#[test]
fn nack_entries_hold_a_first_number_and_the_sixteen_after_it() {
    let bytes = written(|c| c.nack(A, B, [100, 101, 116, 117]).unwrap());
    assert_eq!(bytes[12..], [0, 100, 0x80, 0x01, 0, 117, 0, 0]);
}

#[test]
fn remb_rates_are_rounded_down_to_18_bits() {
    for (rate, expected) in [
        (0, 0),
        (0x3_ffff, 0x3_ffff),
        (0x4_0001, 0x4_0000),
        (2_500_000, 2_500_000),
        (u64::MAX, 0x3_ffff << 46),
    ] {
        let bytes = written(|c| c.remb(A, rate, [B]).unwrap());
        let Rtcp::Remb(remb) = only(&bytes) else {
            panic!("no REMB")
        };
        assert_eq!(remb.bitrate, expected);
    }
}

#[test]
fn extended_reports_and_unknown_types_are_passed_over() {
    let mut bytes = vec![0x80, 207, 0, 1, 0, 0, 0, 1, 0x83, 204, 0, 0];
    bytes.extend([
        0x8b, 205, 0, 0, 0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'A', b'B', b'C', 0,
    ]);
    bytes.extend(written(|c| c.pli(A, B).unwrap()));
    let kinds: Vec<_> = packets(&bytes)
        .map(|packet| match packet.unwrap() {
            Rtcp::Other {
                packet_type,
                format,
            } => (packet_type, format),
            _ => (0, 0),
        })
        .collect();
    assert_eq!(kinds, [(207, 0), (204, 3), (205, 11), (206, 15), (0, 0)]);
}

#[test]
fn a_bad_packet_does_not_hide_the_next_but_a_bad_length_does() {
    let pli = written(|c| c.pli(A, B).unwrap());
    let mut bytes = vec![0x82, 201, 0, 1, 0, 0, 0, 1]; // two blocks announced, none there
    bytes.extend(&pli);
    let results: Vec<_> = packets(&bytes).map(|packet| packet.err()).collect();
    assert_eq!(results, [Some(RtcpError::TooShort), None]);
    let mut bytes = vec![0x80, 201, 0, 9, 0, 0, 0, 1];
    bytes.extend(&pli);
    let results: Vec<_> = packets(&bytes).map(|packet| packet.err()).collect();
    assert_eq!(results, [Some(RtcpError::TooShort)]);
    let first = packets(&[0x40, 201, 0, 0]).next();
    assert_eq!(first.unwrap().err(), Some(RtcpError::Version));
}

#[test]
fn padding_is_cut_off_and_checked() {
    let padded = [0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
    assert!(matches!(only(&padded), Rtcp::ReceiverReport(report) if report.sender == Ssrc(1)));
    for count in [0, 12, 255] {
        let mut bytes = padded;
        bytes[11] = count;
        let first = packets(&bytes).next().unwrap();
        assert_eq!(first.err(), Some(RtcpError::Padding), "{count}");
    }
}

#[test]
fn what_does_not_fit_leaves_the_buffer_as_it_was() {
    let mut buf = [0; 20];
    let mut compound = Compound::new(&mut buf);
    compound.pli(A, B).unwrap();
    assert!(compound.fir(A, B, 1).is_err());
    assert!(compound.receiver_report(A, [BLOCK]).is_err());
    assert_eq!(compound.len(), 12);
    compound.receiver_report(A, []).unwrap();
    assert_eq!(packets(&buf).filter_map(Result::ok).count(), 2);
}

fn feedback(arrivals: &[Option<u64>], base: u16) -> (Vec<u8>, u16) {
    let mut count = 0;
    let bytes = written(|c| {
        let times = arrivals.iter().map(|at| at.map(Instant::from_micros));
        count = c.transport_feedback(A, B, 3, base, times).unwrap();
    });
    (bytes, count)
}

fn arrivals(bytes: &[u8]) -> Vec<Arrival> {
    let Rtcp::TransportFeedback(feedback) = only(bytes) else {
        panic!("no transport feedback")
    };
    assert_eq!((feedback.sender, feedback.media), (A, B));
    assert_eq!(feedback.feedback_count, 3);
    let arrivals: Vec<_> = feedback.arrivals().collect();
    assert_eq!(arrivals.len(), usize::from(feedback.packet_count));
    arrivals
}

#[test]
fn transport_feedback_is_written_byte_for_byte() {
    // Reference 1 (64 ms); deltas of 4, 0 and −4 ticks, one packet lost.
    let (bytes, count) = feedback(&[Some(65_000), Some(65_000), None, Some(64_000)], 0xfffe);
    assert_eq!(count, 4);
    assert_eq!(
        bytes,
        [
            0x8f, 205, 0, 6, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe, // common
            0xff, 0xfe, 0, 4, 0, 0, 1, 3, // base, count, reference, number
            0xd4, 0x80, // 2-bit vector: small, small, lost, large
            4, 0, 0xff, 0xfc, 0, 0, // deltas and padding
        ]
    );
    let read = arrivals(&bytes);
    let numbers: Vec<_> = read.iter().map(|arrival| arrival.sequence).collect();
    assert_eq!(numbers, [0xfffe, 0xffff, 0, 1]);
    let micros: Vec<_> = read.iter().map(|arrival| arrival.micros).collect();
    assert_eq!(micros, [Some(65_000), Some(65_000), None, Some(64_000)]);
}

#[test]
fn feedback_padded_to_the_word_as_libwebrtc_does_is_read() {
    let (mut bytes, _) = feedback(&[Some(65_000), Some(65_000), None, Some(64_000)], 0xfffe);
    let unpadded = arrivals(&bytes);
    bytes[0] |= 0x20;
    *bytes.last_mut().unwrap() = 2;
    assert_eq!(arrivals(&bytes), unpadded);
}

#[test]
fn a_run_and_both_vectors_are_read() {
    let mut bytes = vec![0x8f, 205, 0, 0, 1, 2, 3, 4, 0xca, 0xfe, 0xba, 0xbe];
    bytes.extend([0, 10, 0, 24, 0xff, 0xff, 0xff, 3]); // reference −1
    bytes.extend([0x20, 3]); // three small
    bytes.extend([0xa0, 0x01]); // 1-bit vector: the first and the last of 14
    bytes.extend([0xc6, 0x00]); // 2-bit vector: lost, small, large, lost …
    bytes.extend([1, 2, 3, 4, 5, 6, 0xff, 0xff]);
    bytes[3] = ((bytes.len() - 4) / 4) as u8;
    assert_eq!(bytes.len() % 4, 2);
    bytes.extend([0, 0]);
    bytes[3] += 1;
    let read = arrivals(&bytes);
    let received: Vec<_> = read
        .iter()
        .filter_map(|arrival| Some((arrival.sequence, (arrival.micros? + 64_000) / 250)))
        .collect();
    assert_eq!(
        received,
        [
            (10, 1),
            (11, 3),
            (12, 6),
            (13, 10),
            (26, 15),
            (28, 21),
            (29, 20)
        ]
    );
}

#[test]
fn transport_feedback_that_lies_is_refused() {
    let (bytes, _) = feedback(&[Some(0), Some(1_000), None, Some(9_000)], 7);
    for words in 0..bytes.len() / 4 - 1 {
        let mut cut = bytes[..words * 4 + 4].to_vec();
        cut[3] = words as u8;
        assert!(packets(&cut).next().unwrap().is_err(), "{words}");
    }
    let mut empty_run = bytes;
    empty_run[20..22].copy_from_slice(&[0x20, 0]);
    let first = packets(&empty_run).next().unwrap();
    assert_eq!(first.err(), Some(RtcpError::Chunks));
}

#[test]
fn a_run_of_thousands_takes_one_chunk() {
    let mut times = vec![None; 9_000];
    times.push(Some(1_000_000));
    let (bytes, count) = feedback(&times, 0);
    assert_eq!(usize::from(count), times.len());
    assert!(bytes.len() < 40);
    assert_eq!(arrivals(&bytes).last().unwrap().micros, Some(1_000_000));
}

#[test]
fn transport_feedback_of_every_pattern_is_read_back() {
    let mut rng = Rng::from_u64(3);
    for round in 0..400 {
        let mut now = 1_000_000_u64;
        let loss = 1 + rng.below(9);
        let times: Vec<_> = (0..1 + rng.below(300))
            .map(|_| {
                let step = match rng.below(12) {
                    0 => u64::from(rng.below(300_000)),
                    1 => 0,
                    _ => u64::from(rng.below(2_000)),
                };
                now = (now + step).saturating_sub(u64::from(rng.below(2) * rng.below(4_000)));
                (rng.below(10) >= loss).then_some(now)
            })
            .collect();
        if times.iter().all(Option::is_none) {
            continue;
        }
        let (bytes, count) = feedback(&times, round as u16);
        assert_eq!(usize::from(count), times.len(), "round {round}");
        for (time, arrival) in times.iter().zip(arrivals(&bytes)) {
            assert_eq!(
                arrival.micros,
                time.map(|micros| (micros / 250 * 250) as i64)
            );
        }
    }
}

#[test]
fn transport_feedback_stops_at_the_buffer_and_at_a_difference_that_does_not_fit() {
    let times: Vec<_> = (0..200)
        .map(|i| Some(Instant::from_micros(i * 70_000)))
        .collect();
    let mut buf = [0; 100];
    let mut compound = Compound::new(&mut buf);
    let count = compound
        .transport_feedback(A, B, 3, 0, times.iter().copied())
        .unwrap();
    assert!((30..45).contains(&count), "{count}");
    let len = compound.len();
    assert_eq!(arrivals(&buf[..len]).len(), usize::from(count));
    let (_, count) = feedback(&[Some(0), None, Some(9_000_000)], 0);
    assert_eq!(count, 2);
    let mut compound = Compound::new(&mut buf);
    assert!(
        compound
            .transport_feedback(A, B, 3, 0, [None].into_iter())
            .is_err()
    );
    assert!(compound.is_empty());
}

#[test]
fn no_bytes_make_the_walk_panic_or_run_on() {
    let mut rng = Rng::from_u64(9);
    for _ in 0..20_000 {
        let mut bytes = vec![0; rng.below(80) as usize];
        rng.fill(&mut bytes);
        if bytes.len() > 3 {
            bytes[0] = 0x80 | bytes[0] & 0x3f;
            bytes[1] = 200 + bytes[1] % 8;
            bytes[2] = 0;
            bytes[3] %= 20;
        }
        for packet in packets(&bytes).flatten() {
            let items = match packet {
                Rtcp::SenderReport(report) => report.blocks().count(),
                Rtcp::ReceiverReport(report) => report.blocks().count(),
                Rtcp::Sdes(sdes) => sdes.chunks().count(),
                Rtcp::Bye(bye) => bye.sources().count(),
                Rtcp::Nack(nack) => nack.sequence_numbers().count(),
                Rtcp::Fir(fir) => fir.entries().count(),
                Rtcp::Remb(remb) => remb.sources().count(),
                Rtcp::TransportFeedback(feedback) => {
                    let count = feedback.arrivals().count();
                    assert_eq!(count, usize::from(feedback.packet_count));
                    0
                }
                Rtcp::Pli { .. } | Rtcp::ReferenceTime { .. } | Rtcp::Other { .. } => 0,
            };
            assert!(items <= bytes.len() * 5);
        }
    }
}

#[test]
fn a_reference_time_is_read_and_answered() {
    // RFC 3611 sections 4.4 and 4.5: XR with a block that is not known, then the reference time.
    let bytes = [
        0x80, 207, 0, 6, 0, 0, 0, 9, 42, 0, 0, 1, 1, 2, 3, 4, 4, 0, 0, 2, 0xde, 0xad, 0xbe, 0xef,
        0x12, 0x34, 0x56, 0x78,
    ];
    let Some(Ok(Rtcp::ReferenceTime { receiver, ntp })) = packets(&bytes).next() else {
        panic!("no reference time");
    };
    assert_eq!((receiver, ntp), (Ssrc(9), 0xdead_beef_1234_5678));
    let mut buf = [0; 64];
    let mut compound = Compound::new(&mut buf);
    compound
        .reference_time_answer(Ssrc(7), receiver, (ntp >> 16) as u32, 65_536)
        .unwrap();
    let len = compound.len();
    assert_eq!(
        buf[..len],
        [
            0x80, 207, 0, 5, 0, 0, 0, 7, 5, 0, 0, 3, 0, 0, 0, 9, 0xbe, 0xef, 0x12, 0x34, 0, 1, 0, 0
        ]
    );
}
