#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test is a failure of the test"
)]

mod feedback;

use super::*;
use crate::formats::{emit, plan};
use crate::packet::{Extensions, RtpHeader};
use crate::rtcp::{Rtcp, packets};
use smolrtc_base::Rng;
use std::vec;
use std::vec::Vec;

const VIDEO: PayloadType = PayloadType::from_low_bits(108);
const VIDEO_RTX: PayloadType = PayloadType::from_low_bits(109);
const AUDIO: PayloadType = PayloadType::from_low_bits(111);
const MEDIA: Ssrc = Ssrc(0x1000);
const RTX: Ssrc = Ssrc(0x2000);
const US: Ssrc = Ssrc(0x3000);
const IDS: ExtensionIds = ExtensionIds {
    mid: Some(4),
    abs_send_time: Some(2),
    transport_sequence: Some(3),
    stream_id: None,
    repaired_stream_id: None,
};
const ALL: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    transport_wide: true,
    remb: true,
};

fn mid(text: &str) -> Option<Mid> {
    Some(Mid::new(text.as_bytes()).unwrap())
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn receiver() -> (Receiver, StreamId) {
    receiver_with(Limits::HOST, true)
}

fn receiver_with(limits: Limits, reduced_size: bool) -> (Receiver, StreamId) {
    let mut config = ReceiverConfig::new(US, b"camera".to_vec());
    config.reduced_size = reduced_size;
    let mut receiver = Receiver::new(limits, config);
    let id = receiver
        .add_stream(&StreamConfig {
            mid: mid("1"),
            codecs: &[(VIDEO, Codec::H264)],
            rtx: &[(VIDEO_RTX, VIDEO)],
            extension_ids: IDS,
            feedback: ALL,
            ..StreamConfig::default()
        })
        .unwrap();
    (receiver, id)
}

/// Bytes of a packet that came before SRTP.
fn packet(header: RtpHeader, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; header.buffer_len(&IDS)];
    header.emit(&IDS, &mut bytes).unwrap();
    bytes.extend(payload);
    bytes
}

fn header(sequence_number: u16) -> RtpHeader {
    RtpHeader {
        marker: false,
        payload_type: VIDEO,
        sequence_number,
        timestamp: 0,
        ssrc: MEDIA,
        extensions: Extensions {
            mid: mid("1"),
            abs_send_time: None,
            transport_sequence: Some(sequence_number.wrapping_add(100)),
        },
    }
}

/// The frame number `number`: a key frame each tenth, else a picture that others refer to.
fn frame(number: u32, len: usize) -> Vec<u8> {
    let mut frame = if number.is_multiple_of(10) {
        vec![
            0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88,
        ]
    } else {
        vec![0, 0, 0, 1, 0x41, 0x9a]
    };
    frame.extend((0..len).map(|i| 0x80 | (i as u32 * 7 + number) as u8));
    frame
}

/// The packets of frames of `len` bytes, 33 ms apart, and the frames.
fn video(first: u16, frames: u32, len: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut sequence, mut bytes, mut whole) = (first, vec![], vec![]);
    for number in 0..frames {
        let frame = frame(number, len);
        plan(Codec::H264, &frame, 500, &mut |plan| {
            let mut payload = vec![0; usize::from(plan.payload_len)];
            emit(Codec::H264, &plan, &frame, &mut payload).unwrap();
            let header = RtpHeader {
                marker: plan.marker,
                timestamp: number * 2_970,
                ..header(sequence)
            };
            bytes.push(packet(header, &payload));
            sequence = sequence.wrapping_add(1);
            Ok(())
        })
        .unwrap();
        whole.push(frame);
    }
    (bytes, whole)
}

fn as_rtx(original: &[u8], sequence_number: u16) -> Vec<u8> {
    let parsed = RtpPacket::parse(original).unwrap();
    let mut payload = parsed.sequence_number.to_be_bytes().to_vec();
    payload.extend(parsed.payload);
    let header = RtpHeader {
        marker: parsed.marker,
        payload_type: VIDEO_RTX,
        timestamp: parsed.timestamp,
        ssrc: RTX,
        ..header(sequence_number)
    };
    packet(header, &payload)
}

/// Which of `whole` came out; short to read when it is not what was expected.
fn numbers(out: &[Vec<u8>], whole: &[Vec<u8>]) -> Vec<Option<usize>> {
    let find = |frame: &Vec<u8>| whole.iter().position(|whole| whole == frame);
    out.iter().map(find).collect()
}

fn all(count: usize) -> Vec<Option<usize>> {
    (0..count).map(Some).collect()
}

fn frames(receiver: &mut Receiver) -> Vec<Vec<u8>> {
    let mut frames = vec![];
    while let Some(frame) = receiver.poll_frame() {
        frames.push(frame.data.to_vec());
    }
    frames
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    nack: Vec<u16>,
    pli: usize,
    fir: usize,
    reports: Vec<crate::rtcp::ReportBlock>,
    arrivals: Vec<(u16, bool)>,
    remb: Option<u64>,
    names: usize,
}

/// Everything that is due.
fn said(receiver: &mut Receiver, now: Instant) -> Said {
    let mut said = Said::default();
    let mut buf = [0; 1_200];
    for _ in 0..20 {
        let Some(len) = receiver.poll_rtcp(now, &mut buf) else {
            let due = receiver.next_rtcp().map(|(at, _)| at);
            assert!(due.is_none_or(|at| at > now), "still due: {due:?}");
            return said;
        };
        for packet in packets(&buf[..len]) {
            match packet.unwrap() {
                Rtcp::Nack(nack) => {
                    assert_eq!((nack.sender, nack.media), (US, MEDIA));
                    said.nack.extend(nack.sequence_numbers());
                }
                Rtcp::Pli { media, .. } => said.pli += usize::from(media == MEDIA),
                Rtcp::Fir(fir) => said.fir += fir.entries().count(),
                Rtcp::ReceiverReport(report) => said.reports.extend(report.blocks()),
                Rtcp::Remb(remb) => said.remb = Some(remb.bitrate),
                Rtcp::Sdes(_) => said.names += 1,
                Rtcp::TransportFeedback(feedback) => said.arrivals.extend(
                    feedback
                        .arrivals()
                        .map(|arrival| (arrival.sequence, arrival.micros.is_some())),
                ),
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    panic!("RTCP without end");
}

#[test]
fn frames_in_sequence_come_out_equal_and_at_once() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(65_530, 12, 1_300);
    let mut out = vec![];
    for bytes in &bytes {
        assert_eq!(receiver.handle_rtp(at(5), bytes), Some(id));
        out.extend(frames(&mut receiver));
    }
    assert_eq!(numbers(&out, &whole), all(whole.len()));
    let stats = receiver.stats(id).unwrap();
    assert_eq!(stats.packets_received, bytes.len() as u64);
    assert_eq!((stats.packets_lost, stats.frames_received), (0, 12));
    assert_eq!((stats.key_frames_received, stats.frames_dropped), (2, 0));
    assert_eq!(receiver.drops().total(), 0);
    assert_eq!(receiver.ssrc(id), Some(MEDIA));
}

#[test]
fn frames_that_are_fetched_late_wait_in_sequence() {
    let (mut receiver, _) = receiver();
    let (bytes, whole) = video(1, 12, 1_300);
    for bytes in &bytes {
        receiver.handle_rtp(at(5), bytes);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
    assert_eq!(receiver.drops().total(), 0);
}

#[test]
fn any_order_within_the_window_gives_the_same_frames() {
    let mut rng = Rng::from_u64(5);
    for _ in 0..50 {
        let (mut receiver, _) = receiver();
        let (mut bytes, whole) = video(65_500, 10, 1_300);
        for i in 0..bytes.len() {
            let other = (i + rng.below(6) as usize).min(bytes.len() - 1);
            bytes.swap(i, other);
        }
        let mut out = vec![];
        for bytes in &bytes {
            receiver.handle_rtp(at(1), bytes);
            receiver.handle_rtp(at(1), bytes);
            out.extend(frames(&mut receiver));
        }
        out.extend(frames(&mut receiver));
        assert_eq!(numbers(&out, &whole), all(whole.len()));
        let drops = receiver.drops();
        let twice = drops.get(DropReason::Duplicate) + drops.get(DropReason::Late);
        assert_eq!(twice as usize, bytes.len());
    }
}

#[test]
fn a_missing_packet_is_requested_after_10_ms_and_then_once_a_round_trip() {
    let (mut receiver, id) = receiver();
    receiver.set_round_trip(Duration::from_millis(160));
    let (bytes, whole) = video(1, 2, 1_300);
    receiver.handle_rtp(at(0), &bytes[0]);
    receiver.handle_rtp(at(0), &bytes[2]);
    assert_eq!(said(&mut receiver, at(9)).nack, []);
    assert_eq!(receiver.poll_timeout(), Some((at(10), Reason::Nack)));
    assert_eq!(said(&mut receiver, at(10)).nack, [2]);
    assert_eq!(said(&mut receiver, at(150)).nack, []);
    assert_eq!(said(&mut receiver, at(190)).nack, [2]);
    assert_eq!(
        receiver.handle_rtp(at(200), &as_rtx(&bytes[1], 7)),
        Some(id)
    );
    for bytes in &bytes[3..] {
        receiver.handle_rtp(at(200), bytes);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
    assert_eq!(said(&mut receiver, at(900)).nack, []);
    let stats = receiver.stats(id).unwrap();
    assert_eq!(
        (stats.nack_count, stats.retransmitted_packets_received),
        (2, 1)
    );
    assert_eq!(stats.packets_lost, 1); // RTX is another source: RFC 4588 section 7
}

#[test]
fn reordering_shorter_than_10_ms_asks_for_nothing() {
    let (mut receiver, _) = receiver();
    let (bytes, whole) = video(1, 1, 5_000);
    for (i, pair) in bytes.chunks(2).enumerate() {
        for bytes in pair.iter().rev() {
            receiver.handle_rtp(at(i as u64 * 5), bytes);
        }
        assert_eq!(said(&mut receiver, at(i as u64 * 5 + 4)).nack, []);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
}

#[test]
fn an_incomplete_frame_is_skipped_at_the_play_out_limit_and_a_key_frame_requested() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(1, 3, 600); // 3 packets of the key frame, 2 of each other
    for (i, bytes) in bytes.iter().enumerate() {
        if i != 3 {
            receiver.handle_rtp(at(0), bytes);
        }
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(1));
    // 4 round trips of 100 ms and 200 ms.
    receiver.handle_timeout(at(599));
    assert_eq!(frames(&mut receiver).len(), 0);
    assert_eq!(said(&mut receiver, at(599)).pli, 0);
    receiver.handle_timeout(at(600));
    let after = receiver.poll_frame().unwrap();
    assert_eq!(after.data, whole[2]);
    assert!(after.discontinuity && !after.key);
    assert_eq!(said(&mut receiver, at(600)).pli, 1);
    assert_eq!(said(&mut receiver, at(1_099)).pli, 0);
    assert_eq!(said(&mut receiver, at(1_100)).pli, 1);
    let stats = receiver.stats(id).unwrap();
    assert_eq!((stats.frames_dropped, stats.pli_count), (1, 2));
    receiver.handle_rtp(at(1_200), &bytes[3]);
    assert_eq!(receiver.drops().get(DropReason::Late), 1);
}

#[test]
fn a_lost_end_of_a_frame_does_not_harm_the_next_one() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(1, 4, 600);
    for (i, bytes) in bytes.iter().enumerate() {
        if i != 4 {
            receiver.handle_rtp(at(0), bytes);
        }
    }
    receiver.handle_timeout(at(700));
    assert_eq!(frames(&mut receiver), [&whole[0][..], &whole[2], &whole[3]]);
    assert_eq!(receiver.stats(id).unwrap().frames_dropped, 1);
}

#[test]
fn a_frame_without_its_marker_ends_where_the_next_timestamp_begins() {
    let (mut receiver, _) = receiver();
    let (bytes, whole) = video(1, 2, 600);
    for mut bytes in bytes {
        bytes[1] &= 0x7f;
        receiver.handle_rtp(at(0), &bytes);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(1));
}

#[test]
fn video_begins_with_a_key_frame_which_is_requested() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(1, 12, 600);
    let late = bytes.iter().skip(5); // joins at the third frame
    let mut out = vec![];
    let mut pli = 0;
    for (i, bytes) in late.enumerate() {
        let now = at(i as u64 * 15);
        receiver.handle_rtp(now, bytes);
        pli += said(&mut receiver, now).pli;
        out.extend(frames(&mut receiver));
    }
    assert_eq!(numbers(&out, &whole), [Some(10), Some(11)]);
    assert_eq!(pli, 1);
    assert_eq!(receiver.stats(id).unwrap().frames_before_key, 8);
    assert_eq!(said(&mut receiver, at(5_000)).pli, 0);
}

#[test]
fn a_source_without_nack_waits_for_reordering_only() {
    let mut receiver = Receiver::new(Limits::HOST, ReceiverConfig::new(US, vec![]));
    let audio = receiver
        .add_stream(&StreamConfig {
            mid: mid("0"),
            codecs: &[(AUDIO, Codec::Opus)],
            extension_ids: IDS,
            ..StreamConfig::default()
        })
        .unwrap();
    let sound = |number: u16| {
        let mut header = header(number);
        header.payload_type = AUDIO;
        header.timestamp = u32::from(number) * 960;
        header.extensions.mid = mid("0");
        packet(header, &[0x78, number as u8])
    };
    receiver.handle_rtp(at(0), &sound(1));
    receiver.handle_rtp(at(40), &sound(3));
    assert_eq!(frames(&mut receiver), [[0x78, 1]]);
    assert_eq!(receiver.poll_timeout(), Some((at(140), Reason::Gap)));
    receiver.handle_timeout(at(140));
    let frame = receiver.poll_frame().unwrap();
    assert_eq!((frame.stream, frame.data), (audio, &[0x78, 3][..]));
    assert!(frame.key && frame.discontinuity);
    assert_eq!((frame.rtp_timestamp, frame.received), (2_880, at(40)));
    let buf = &mut [0; 1_200];
    assert_eq!(receiver.poll_rtcp(at(200), buf), None);
}

#[test]
fn packets_find_their_stream_by_mid_then_source_then_payload_type() {
    let (mut receiver, video_id) = receiver();
    let sound = |mid, feedback| StreamConfig {
        mid,
        codecs: &[(AUDIO, Codec::Opus)],
        extension_ids: IDS,
        feedback,
        ..StreamConfig::default()
    };
    let audio = receiver.add_stream(&sound(mid("0"), ALL)).unwrap();
    let mut sequence = 0;
    let mut make = |ssrc, payload_type, mid| {
        sequence += 1;
        let mut header = header(sequence);
        header.ssrc = Ssrc(ssrc);
        header.payload_type = payload_type;
        header.extensions = Extensions {
            mid,
            ..Extensions::default()
        };
        packet(header, &[0x78, 1])
    };
    // By mid, by payload type, and by source, which a mid would have to overrule.
    assert_eq!(
        receiver.handle_rtp(at(0), &make(1, AUDIO, mid("0"))),
        Some(audio)
    );
    assert_eq!(
        receiver.handle_rtp(at(0), &make(2, VIDEO, None)),
        Some(video_id)
    );
    assert_eq!(
        receiver.handle_rtp(at(0), &make(1, AUDIO, None)),
        Some(audio)
    );
    assert_eq!(receiver.handle_rtp(at(0), &make(3, AUDIO, mid("7"))), None);
    assert_eq!(receiver.handle_rtp(at(0), &make(1, VIDEO, None)), None);
    assert_eq!(receiver.drops().get(DropReason::UnknownStream), 1);
    assert_eq!(receiver.drops().get(DropReason::UnknownPayloadType), 1);
    // With a second section of the same payload type it tells nothing any more.
    let second = receiver.add_stream(&sound(mid("2"), ALL)).unwrap();
    assert_eq!(receiver.handle_rtp(at(0), &make(4, AUDIO, None)), None);
    // A source that is said to belong elsewhere moves.
    assert_eq!(
        receiver.handle_rtp(at(0), &make(1, AUDIO, mid("2"))),
        Some(second)
    );
    assert_eq!(
        receiver.handle_rtp(at(0), &make(1, AUDIO, None)),
        Some(second)
    );
    assert_eq!(receiver.ssrc(audio), None);
}

#[test]
fn a_second_source_is_dropped_until_the_first_is_silent_or_says_goodbye() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(1, 1, 600);
    for bytes in &bytes {
        receiver.handle_rtp(at(0), bytes);
    }
    let other: Vec<_> = bytes
        .iter()
        .map(|bytes| {
            let mut bytes = bytes.clone();
            bytes[8..12].copy_from_slice(&7_u32.to_be_bytes());
            bytes
        })
        .collect();
    assert_eq!(receiver.handle_rtp(at(500), &other[0]), None);
    assert_eq!(receiver.drops().get(DropReason::SecondSource), 1);
    assert_eq!(receiver.handle_bye(MEDIA), Some(id));
    assert_eq!(receiver.handle_bye(MEDIA), None);
    for bytes in &other {
        assert_eq!(receiver.handle_rtp(at(600), bytes), Some(id));
    }
    assert_eq!(frames(&mut receiver), [&whole[0][..], &whole[0]]);
    for bytes in &bytes {
        assert_eq!(receiver.handle_rtp(at(1_600), bytes), Some(id));
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
}

#[test]
fn a_jump_beyond_the_window_starts_over() {
    let (mut receiver, _) = receiver_with(Limits::CHIP, true);
    let (bytes, whole) = video(1, 1, 600);
    let (later, whole_later) = video(30_000, 2, 600);
    for bytes in &bytes {
        receiver.handle_rtp(at(0), bytes);
    }
    receiver.handle_rtp(at(1), &later[0]);
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
    for bytes in &later {
        receiver.handle_rtp(at(2), bytes);
    }
    let mut out = vec![];
    while let Some(frame) = receiver.poll_frame() {
        out.push((frame.discontinuity, frame.data.to_vec()));
    }
    assert_eq!(out[0], (true, whole_later[0].clone()));
    assert_eq!(out[1], (false, whole_later[1].clone()));
    assert_eq!(said(&mut receiver, at(20)).nack, []);
}

#[test]
fn padding_probes_belong_to_no_frame() {
    let (mut receiver, id) = receiver();
    let (bytes, whole) = video(1, 2, 400);
    let mut probe = packet(header(0), &[0; 255]);
    probe[0] |= 0x20;
    *probe.last_mut().unwrap() = 255;
    for (i, bytes) in bytes.iter().enumerate() {
        let mut bytes = bytes.clone();
        bytes[2..4].copy_from_slice(&(2 * i as u16).to_be_bytes());
        receiver.handle_rtp(at(0), &bytes);
        probe[2..4].copy_from_slice(&(2 * i as u16 + 1).to_be_bytes());
        receiver.handle_rtp(at(0), &probe);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
    assert_eq!(receiver.stats(id).unwrap().frames_dropped, 0);
}

#[test]
fn a_frame_too_long_for_its_buffer_is_dropped_and_the_next_comes() {
    let (mut receiver, id) = receiver_with(Limits::CHIP, true);
    let (long, _) = video(1, 1, Limits::CHIP.receive_bytes + 1);
    for bytes in &long {
        receiver.handle_rtp(at(0), bytes);
    }
    assert_eq!(receiver.drops().get(DropReason::FrameTooLong), 1);
    assert_eq!(receiver.stats(id).unwrap().frames_dropped, 1);
    let (next, whole) = video(1 + long.len() as u16, 1, 600);
    for bytes in &next {
        let mut bytes = bytes.clone();
        bytes[4] = 1;
        receiver.handle_rtp(at(1), &bytes);
    }
    assert_eq!(numbers(&frames(&mut receiver), &whole), all(whole.len()));
}

#[test]
fn retransmissions_of_nothing_are_counted() {
    let (mut receiver, id) = receiver();
    let (bytes, _) = video(1, 3, 600);
    assert_eq!(receiver.handle_rtp(at(0), &as_rtx(&bytes[0], 1)), None);
    receiver.handle_rtp(at(0), &bytes[0]);
    assert_eq!(receiver.handle_rtp(at(0), &as_rtx(&bytes[4], 2)), None);
    assert_eq!(receiver.drops().get(DropReason::RtxBeforeMedia), 2);
    let mut short = header(3);
    short.payload_type = VIDEO_RTX;
    short.ssrc = RTX;
    assert_eq!(receiver.handle_rtp(at(0), &packet(short, &[1])), None);
    assert_eq!(receiver.handle_rtp(at(0), &packet(short, &[])), Some(id));
    assert_eq!(receiver.drops().get(DropReason::BadPacket), 1);
}

#[test]
fn streams_are_limited_and_take_turns() {
    let mut receiver = Receiver::new(Limits::CHIP, ReceiverConfig::new(US, vec![]));
    assert_eq!(
        receiver.add_stream(&StreamConfig::default()),
        Err(StreamError::NoCodec)
    );
    let mut ids = vec![];
    for i in 0..Limits::CHIP.sdp_sections {
        let codecs = [(PayloadType::from_low_bits(i as u8), Codec::Pcmu)];
        let config = StreamConfig {
            codecs: &codecs,
            ..StreamConfig::default()
        };
        ids.push(receiver.add_stream(&config).unwrap());
    }
    let config = StreamConfig {
        codecs: &[(AUDIO, Codec::Opus)],
        ..StreamConfig::default()
    };
    assert_eq!(receiver.add_stream(&config), Err(StreamError::TooMany));
    for sequence in 0..2 {
        for (i, id) in ids.iter().enumerate() {
            let header = RtpHeader {
                payload_type: PayloadType::from_low_bits(i as u8),
                sequence_number: sequence,
                ssrc: Ssrc(i as u32),
                ..RtpHeader::default()
            };
            assert_eq!(receiver.handle_rtp(at(0), &packet(header, &[1])), Some(*id));
        }
    }
    let mut order = vec![];
    while let Some(frame) = receiver.poll_frame() {
        order.push(frame.stream);
    }
    assert_eq!(order, [&ids[..], &ids].concat());
    receiver.remove_stream(ids[0]);
    assert!(receiver.stats(ids[0]).is_none());
    assert!(receiver.add_stream(&config).is_ok());
}

/// A lossy path with a peer that answers NACK by RTX after a round trip.
fn lossy_run(seed: u64, loss_percent: u32, round_trip: u64) -> (usize, usize) {
    let mut rng = Rng::from_u64(seed);
    let (mut receiver, _) = receiver();
    receiver.set_round_trip(Duration::from_millis(round_trip));
    let (bytes, whole) = video(65_000, 300, 2_400);
    let per_frame = bytes.len() / 300;
    let mut flight: Vec<(u64, Vec<u8>)> = vec![];
    let mut rtx_sequence = 0;
    let (mut good, mut rtx_count) = (0, 0);
    for now in 0..300 * 33 + 4 * round_trip + 400 {
        if now % 33 == 0 && now / 33 < 300 {
            let begin = (now / 33) as usize * per_frame;
            let end = if now / 33 == 299 {
                bytes.len()
            } else {
                begin + per_frame
            };
            for bytes in &bytes[begin..end] {
                flight.push((now + round_trip / 2, bytes.clone()));
            }
        }
        let (arrived, still): (Vec<_>, Vec<_>) = flight.into_iter().partition(|p| p.0 <= now);
        flight = still;
        for (_, bytes) in arrived {
            if rng.below(100) >= loss_percent {
                receiver.handle_rtp(at(now), &bytes);
            }
        }
        if receiver
            .poll_timeout()
            .is_some_and(|(due, _)| due <= at(now))
        {
            receiver.handle_timeout(at(now));
            let nack = said(&mut receiver, at(now)).nack;
            if rng.below(100) >= loss_percent {
                for sequence in nack {
                    // The first packet's predecessors are asked for on suspicion.
                    let Some(original) = bytes.get(usize::from(sequence.wrapping_sub(65_000)))
                    else {
                        continue;
                    };
                    flight.push((now + round_trip, as_rtx(original, rtx_sequence)));
                    rtx_sequence = rtx_sequence.wrapping_add(1);
                    rtx_count += 1;
                }
            }
        }
        while let Some(frame) = receiver.poll_frame() {
            good += usize::from(whole.iter().any(|whole| whole == frame.data));
        }
    }
    (good, rtx_count)
}

#[test]
fn ten_percent_loss_costs_few_frames_and_little_overhead() {
    for round_trip in [40, 400] {
        let (mut good, mut rtx) = (0, 0);
        for seed in 0..5 {
            let (frames, resent) = lossy_run(seed, 10, round_trip);
            good += frames;
            rtx += resent;
        }
        assert!(
            good >= 1_500 * 995 / 1_000,
            "{round_trip} ms: {good} of 1,500"
        );
        let lost = 5 * 300 * 5 / 10;
        assert!(
            rtx <= lost * 3 / 2,
            "{round_trip} ms: {rtx} resent, about {lost} lost"
        );
    }
    assert_eq!(lossy_run(1, 0, 100), (300, 0));
}

#[test]
fn any_operations_in_any_order_keep_the_timers_moving() {
    let mut rng = Rng::from_u64(11);
    for round in 0..30 {
        let limits = if round % 2 == 0 {
            Limits::CHIP
        } else {
            Limits::HOST
        };
        let (mut receiver, id) = receiver_with(limits, round % 3 == 0);
        let (bytes, _) = video(65_300, 60, 900);
        let mut now = 0;
        for _ in 0..800 {
            now += u64::from(rng.below(40));
            let pick = rng.below(bytes.len() as u32) as usize;
            match rng.below(10) {
                0 => drop(frames(&mut receiver)),
                1 => receiver.handle_timeout(at(now)),
                2 => drop(said(&mut receiver, at(now))),
                3 => drop(receiver.handle_rtp(at(now), &as_rtx(&bytes[pick], pick as u16))),
                4 => {
                    let mut bytes = bytes[pick].clone();
                    let place = rng.below(bytes.len() as u32) as usize;
                    bytes[place] ^= 1 << rng.below(8);
                    receiver.handle_rtp(at(now), &bytes);
                }
                5 if rng.below(20) == 0 => drop(receiver.handle_bye(MEDIA)),
                _ => drop(receiver.handle_rtp(at(now), &bytes[pick])),
            }
        }
        // Each wake-up does what it is for, so that the next is later.
        drop(frames(&mut receiver));
        let mut last = (Instant::ZERO, 0);
        for _ in 0..50 {
            let Some((due, reason)) = receiver.poll_timeout() else {
                break;
            };
            let time = due.max(receiver.now);
            receiver.handle_timeout(time);
            said(&mut receiver, time);
            drop(frames(&mut receiver));
            last = if time == last.0 {
                (time, last.1 + 1)
            } else {
                (time, 0)
            };
            assert!(last.1 < 3, "round {round}: {reason:?} again at {time:?}");
        }
        assert!(receiver.stats(id).is_some());
    }
}
