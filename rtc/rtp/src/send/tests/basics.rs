//! Single packets: what goes out, what goes out again, what does not.

use super::world::{RTX_PT, VIDEO_PT, frame, ids, video};
use crate::history::Ring;
use crate::packet::{ExtensionIds, RtpPacket};
use crate::rtcp::{Compound, Rtcp, packets};
use crate::send::*;
use crate::{Codec, Mid, PayloadType};
use smolrtc_base::UnixTime;
use std::vec;
use std::vec::Vec;

const MS: fn(u64) -> Instant = Instant::from_millis;

fn sender() -> Sender {
    let config = Config {
        cname: "camera".into(),
        ..Config::default()
    };
    Sender::new(config, &Limits::HOST, Rng::from_u64(5))
}

fn video_ring() -> Vec<Ring> {
    vec![Ring::new(Codec::Vp8, &Limits::CHIP)]
}

fn push(ring: &mut Ring, number: u64, len: usize, key: bool) {
    let timestamp = (number * 3_000) as u32;
    ring.push(&frame(number, len, key), timestamp, key, MS(number * 33))
        .unwrap();
}

fn audio(track: usize) -> StreamConfig {
    StreamConfig {
        codec: Codec::Pcmu,
        payload_type: PayloadType::from_low_bits(0),
        rtx: None,
        extensions: ExtensionIds::default(),
        aead: false,
        ..video(track)
    }
}

/// Every packet that leaves from `at` on, within five seconds.
fn drain(sender: &mut Sender, rings: &[Ring], at: Instant) -> Vec<(Outgoing, Vec<u8>)> {
    let mut all = Vec::new();
    let mut buf = [0; 1_280];
    let mut now = at;
    while now < at + Duration::from_secs(5) {
        while let Some(out) = sender.poll_packet(now, rings, &mut buf) {
            all.push((out, buf[..out.len].to_vec()));
        }
        now = now + Duration::from_millis(1);
    }
    all
}

fn rtcp(sender: &mut Sender, now: Instant, write: impl FnOnce(&mut Compound<'_>)) {
    let mut buf = [0; 1_200];
    let mut compound = Compound::new(&mut buf);
    write(&mut compound);
    let len = compound.len();
    for packet in packets(&buf[..len]) {
        sender.handle_rtcp(now, &packet.unwrap());
    }
}

fn nack(sender: &mut Sender, now: Instant, ssrc: Ssrc, sequences: &[u16]) {
    rtcp(sender, now, |compound| {
        let sequences = sequences.iter().copied();
        compound.nack(Ssrc(1), ssrc, sequences).unwrap();
    });
}

fn pli(sender: &mut Sender, now: Instant, ssrc: Ssrc) {
    rtcp(sender, now, |compound| compound.pli(Ssrc(1), ssrc).unwrap());
}

#[test]
fn a_frame_leaves_in_sequence_with_its_extensions_and_one_marker() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 5_000, true);
    let mut sender = sender();
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    let sent = drain(&mut sender, &rings, MS(10));
    assert_eq!(sent.len(), 5);
    let first = sent[0].0.index;
    assert!(first < 1 << 15);
    let mut bytes = Vec::new();
    for (at, (out, packet)) in sent.iter().enumerate() {
        let view = RtpPacket::parse(packet).unwrap();
        assert_eq!(out.index, first + at as u64);
        assert_eq!(u64::from(view.sequence_number), out.index);
        assert_eq!(
            (view.ssrc, out.ssrc),
            (sender.ssrcs(id).unwrap().0, view.ssrc)
        );
        assert_eq!(view.payload_type, VIDEO_PT);
        assert_eq!(view.marker, at == 4);
        assert_eq!(view.header_len, out.header_len);
        assert!(view.header_len <= 28 && view.payload.len() <= 1_180);
        let extensions = view.extensions(&ids());
        assert_eq!(extensions.transport_sequence, Some(at as u16));
        assert_eq!(extensions.mid, Mid::new(b"0").ok());
        assert!(extensions.abs_send_time.is_some());
        bytes.extend_from_slice(&view.payload[1..]);
    }
    assert_eq!(bytes, frame(0, 5_000, true));
    let stats = sender.stream_stats(id).unwrap();
    assert_eq!(
        (stats.packets_sent, stats.frames_sent, stats.key_frames_sent),
        (5, 1, 1)
    );
    assert_eq!((stats.bytes_sent, stats.header_bytes_sent), (5_005, 5 * 28));
}

#[test]
fn a_lost_packet_comes_again_as_rtx_with_its_original_number_and_payload() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 5_000, true);
    let mut sender = sender();
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    let (ssrc, rtx) = sender.ssrcs(id).unwrap();
    let sent = drain(&mut sender, &rings, MS(0));
    let original = RtpPacket::parse(&sent[2].1).unwrap();
    nack(&mut sender, MS(5_000), ssrc, &[original.sequence_number]);
    let again = drain(&mut sender, &rings, MS(5_000));
    assert_eq!(again.len(), 1);
    let (out, packet) = &again[0];
    let view = RtpPacket::parse(packet).unwrap();
    assert!(out.resend && !out.plain_resend);
    assert_eq!((Some(view.ssrc), view.payload_type), (rtx, RTX_PT));
    assert_eq!(
        (view.timestamp, view.marker),
        (original.timestamp, original.marker)
    );
    assert_eq!(view.payload[..2], original.sequence_number.to_be_bytes());
    assert_eq!(view.payload[2..], *original.payload);
    assert_eq!(
        sender.stream_stats(id).unwrap().retransmitted_packets_sent,
        1
    );
}

#[test]
fn without_rtx_a_packet_comes_again_only_byte_for_byte() {
    let plain = StreamConfig {
        rtx: None,
        aead: false,
        extensions: ExtensionIds {
            mid: Some(1),
            ..ExtensionIds::default()
        },
        ..video(0)
    };
    let stamped = StreamConfig {
        extensions: ids(),
        ..plain.clone()
    };
    let sealed = StreamConfig {
        aead: true,
        ..plain.clone()
    };
    for (config, resends) in [(plain, 1), (stamped, 0), (sealed, 0)] {
        let mut rings = video_ring();
        push(&mut rings[0], 0, 5_000, true);
        let mut sender = sender();
        let id = sender.add_stream(MS(0), config).unwrap();
        let sent = drain(&mut sender, &rings, MS(0));
        let (first, bytes) = &sent[3];
        nack(&mut sender, MS(5_000), first.ssrc, &[first.index as u16]);
        let again = drain(&mut sender, &rings, MS(5_000));
        assert_eq!(again.len(), resends);
        for (out, packet) in again {
            assert!(out.plain_resend);
            assert_eq!((out.index, &packet), (first.index, bytes));
        }
        let refused = sender.stream_stats(id).unwrap().resends_refused;
        assert_eq!(refused, 1 - resends as u32);
    }
}

#[test]
fn one_number_is_resent_once_in_a_round_trip_however_often_it_is_asked_for() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 5_000, true);
    let mut sender = sender();
    sender.set_rtt(Duration::from_millis(200));
    sender.add_stream(MS(0), video(0)).unwrap();
    let sent = drain(&mut sender, &rings, MS(0));
    let (ssrc, wanted) = (sent[1].0.ssrc, sent[1].0.index as u16);
    let mut buf = [0; 1_280];
    let mut resent = 0;
    for ms in 0..400 {
        nack(&mut sender, MS(5_000 + ms), ssrc, &[wanted, wanted]);
        while sender
            .poll_packet(MS(5_000 + ms), &rings, &mut buf)
            .is_some()
        {
            resent += 1;
        }
    }
    assert_eq!(resent, 3, "at 0, 175 and 350 ms");
}

#[test]
fn a_storm_of_requests_costs_no_more_than_its_share() {
    let mut rings = vec![Ring::new(Codec::Vp8, &Limits::HOST)];
    push(&mut rings[0], 0, 400_000, true);
    let mut sender = sender();
    sender.set_rtt(Duration::from_millis(1));
    sender.add_stream(MS(0), video(0)).unwrap();
    let sent = drain(&mut sender, &rings, MS(0));
    let ssrc = sent[0].0.ssrc;
    let all: Vec<u16> = sent.iter().map(|(out, _)| out.index as u16).collect();
    let mut buf = [0; 1_280];
    let mut bytes = 0;
    for ms in 0..10_000 {
        nack(&mut sender, MS(6_000 + ms), ssrc, &all);
        while let Some(out) = sender.poll_packet(MS(6_000 + ms), &rings, &mut buf) {
            bytes += out.len as u64;
        }
        assert!(sender.resends.is_waiting());
    }
    // 300 kbit/s for ten seconds, and one second's worth of credit.
    let allowed = u64::from(sender.target_bitrate()) / 2 / 8 * 11;
    assert!(
        (allowed * 9 / 10..allowed * 21 / 20).contains(&bytes),
        "{bytes} of {allowed}"
    );
}

#[test]
fn a_new_viewer_starts_with_the_newest_key_frame_and_audio_with_the_newest_frame() {
    let mut rings = video_ring();
    rings.push(Ring::new(Codec::Pcmu, &Limits::CHIP));
    for number in 0..10 {
        push(&mut rings[0], number, 500, number % 4 == 0);
        rings[1]
            .push(
                &[number as u8; 160],
                number as u32 * 160,
                false,
                MS(number * 20),
            )
            .unwrap();
    }
    let mut sender = sender();
    let video_id = sender.add_stream(MS(0), video(0)).unwrap();
    let audio_id = sender.add_stream(MS(0), audio(1)).unwrap();
    let sent = drain(&mut sender, &rings, MS(400));
    let of = |id| sent.iter().filter(move |(out, _)| out.stream == id);
    let mut numbers = of(video_id).map(|(_, packet)| RtpPacket::parse(packet).unwrap().payload[9]);
    assert!(numbers.by_ref().eq(8..=9));
    assert_eq!(of(audio_id).count(), 1);
    assert_eq!(sent[0].0.stream, audio_id, "audio goes first");
    assert_eq!(RtpPacket::parse(&sent[0].1).unwrap().payload, [9; 160]);
    assert_eq!(
        sender.poll_event(),
        Some(Event::TargetBitrate { bps: 600_000 })
    );
    assert_eq!(sender.poll_event(), None, "no key frame is asked for");
}

#[test]
fn a_viewer_without_a_key_frame_asks_and_goes_on_asking_twice_a_second() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 500, false);
    let mut sender = sender();
    sender.add_stream(MS(0), video(0)).unwrap();
    let mut buf = [0; 1_280];
    let mut asked = 0;
    sender.poll_event();
    let mut now = MS(0);
    while now < MS(2_000) {
        assert_eq!(sender.poll_packet(now, &rings, &mut buf), None);
        while let Some(event) = sender.poll_event() {
            assert_eq!(event, Event::KeyFrameNeeded { track: 0 });
            asked += 1;
        }
        let (next, reason) = sender.poll_timeout(&rings).unwrap();
        assert_eq!(reason, Reason::KeyFrame);
        assert!(next > now);
        now = next;
    }
    assert_eq!(asked, 4);
    push(&mut rings[0], 1, 500, true);
    assert!(sender.poll_packet(now, &rings, &mut buf).is_some());
}

#[test]
fn an_overtaken_cursor_jumps_to_the_newest_key_frame_or_asks_for_one() {
    let mut rings = video_ring();
    let mut sender = sender();
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    push(&mut rings[0], 0, 500, true);
    let mut buf = [0; 1_280];
    assert!(sender.poll_packet(MS(0), &rings, &mut buf).is_some());
    sender.poll_event();
    for number in 1..100 {
        push(&mut rings[0], number, 2_000, number == 90);
    }
    let sent = drain(&mut sender, &rings, MS(3_300));
    let first = RtpPacket::parse(&sent[0].1).unwrap();
    assert_eq!(first.payload[9], 90, "48 KB hold the frames from 77 on");
    assert_eq!(sent.len(), 20);
    assert_eq!(sender.stream_stats(id).unwrap().overtaken, 1);
    assert_eq!(sender.stream_stats(id).unwrap().frames_thinned, 89);
    for number in 100..200 {
        push(&mut rings[0], number, 2_000, false);
    }
    assert!(drain(&mut sender, &rings, MS(9_000)).is_empty());
    assert_eq!(
        sender.poll_event(),
        Some(Event::KeyFrameNeeded { track: 0 })
    );
}

#[test]
fn a_lost_picture_asks_for_a_key_frame_unless_one_is_on_its_way() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 500, true);
    let mut sender = sender();
    sender.set_rtt(Duration::from_millis(100));
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    let ssrc = sender.ssrcs(id).unwrap().0;
    sender.poll_event();
    let mut buf = [0; 1_280];
    assert!(sender.poll_packet(MS(1_000), &rings, &mut buf).is_some());
    let mut ask = |sender: &mut Sender, rings: &[Ring], at| {
        pli(sender, at, ssrc);
        let sent = sender.poll_packet(at, rings, &mut buf).is_some();
        (sent, sender.poll_event())
    };
    let needed = Some(Event::KeyFrameNeeded { track: 0 });
    assert_eq!(
        ask(&mut sender, &rings, MS(1_050)),
        (false, None),
        "just sent"
    );
    assert_eq!(ask(&mut sender, &rings, MS(2_000)), (false, needed));
    push(&mut rings[0], 1, 500, true);
    assert_eq!(
        ask(&mut sender, &rings, MS(3_000)),
        (true, None),
        "there is one"
    );
    assert_eq!(sender.stream_stats(id).unwrap().pli_count, 3);
}

#[test]
fn a_repeated_fir_is_one_request() {
    let rings = video_ring();
    let mut sender = sender();
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    let ssrc = sender.ssrcs(id).unwrap().0;
    for number in [1, 1, 2] {
        rtcp(&mut sender, MS(10), |compound| {
            compound.fir(Ssrc(1), ssrc, number).unwrap();
        });
    }
    assert_eq!(sender.stream_stats(id).unwrap().fir_count, 2);
    assert!(
        sender
            .poll_packet(MS(10), &rings, &mut [0; 1_280])
            .is_none()
    );
}

#[test]
fn sender_reports_tie_the_rtp_clock_to_wall_time_and_measure_the_round_trip() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 500, true);
    let mut sender = sender();
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    let ssrc = sender.ssrcs(id).unwrap().0;
    let mut buf = [0; 1_280];
    let unix = UnixTime::from_secs(1_000_000);
    assert_eq!(
        sender.poll_rtcp(MS(0), unix, &mut buf),
        None,
        "nothing was sent"
    );
    let out = sender.poll_packet(MS(100), &rings, &mut buf).unwrap();
    let timestamp = RtpPacket::parse(&buf[..out.len]).unwrap().timestamp;
    let len = sender.poll_rtcp(MS(100), unix, &mut buf).unwrap();
    let all: Vec<_> = packets(&buf[..len]).map(Result::unwrap).collect();
    let [Rtcp::SenderReport(report), Rtcp::Sdes(sdes)] = all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(report.info.ssrc, ssrc);
    assert_eq!(report.info.ntp, unix.to_ntp());
    // Captured at 0, reported 100 ms later.
    assert_eq!(report.info.rtp_timestamp, timestamp.wrapping_add(9_000));
    assert_eq!(
        (report.info.packet_count, report.info.octet_count),
        (1, 501)
    );
    assert_eq!(sdes.chunks().next().unwrap().cname, b"camera");
    let (due, reason) = sender.poll_timeout(&rings).unwrap();
    assert_eq!(reason, Reason::Report);
    assert!((MS(600)..MS(1_600)).contains(&due));
    let block = crate::rtcp::ReportBlock {
        ssrc,
        fraction_lost: 12,
        last_sr: report.info.compact_ntp(),
        delay_since_last_sr: 65_536 / 2,
        ..Default::default()
    };
    rtcp(&mut sender, MS(680), |compound| {
        compound.receiver_report(Ssrc(1), [block]).unwrap();
    });
    let stats = sender.stream_stats(id).unwrap();
    assert_eq!(stats.round_trip_time, Some(Duration::from_millis(80)));
    assert_eq!(stats.fraction_lost, 12);
    assert_eq!(sender.stats().round_trip_time, Duration::from_millis(80));
}

#[test]
fn goodbye_names_every_source() {
    let mut sender = sender();
    let mut buf = [0; 600];
    assert_eq!(sender.bye(&mut buf), Ok(None));
    let mut ssrcs = Vec::new();
    for _ in 0..16 {
        let id = sender.add_stream(MS(0), video(0)).unwrap();
        let (ssrc, rtx) = sender.ssrcs(id).unwrap();
        ssrcs.extend([Some(ssrc), rtx]);
    }
    let full = sender.add_stream(MS(0), video(0));
    assert_eq!(full, Err(ConfigError::TooManyStreams));
    let len = sender.bye(&mut buf).unwrap().unwrap();
    let mut named: Vec<_> = packets(&buf[..len])
        .flat_map(|packet| match packet.unwrap() {
            Rtcp::Bye(bye) => bye.sources().map(Some).collect(),
            _ => Vec::new(),
        })
        .collect();
    named.sort_unstable();
    ssrcs.sort_unstable();
    assert_eq!(named, ssrcs);
}

#[test]
fn a_long_mid_gives_way_before_the_packet_gets_too_long() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 5_000, true);
    for mid in [&b"0"[..], b"video", b"a-mid-of-sixteen"] {
        let mut sender = sender();
        let config = StreamConfig {
            mid: Mid::new(mid).ok(),
            ..video(0)
        };
        sender.add_stream(MS(0), config).unwrap();
        for (out, packet) in drain(&mut sender, &rings, MS(0)) {
            assert!(out.header_len <= 28);
            let extensions = RtpPacket::parse(&packet).unwrap().extensions(&ids());
            assert!(extensions.transport_sequence.is_some());
            assert_eq!(extensions.mid.is_some(), mid.len() <= 8);
        }
    }
}

#[test]
fn an_ssrc_is_used_once() {
    let mut sender = sender();
    let config = StreamConfig {
        ssrc: Some(Ssrc(9)),
        ..video(0)
    };
    sender.add_stream(MS(0), config.clone()).unwrap();
    let again = sender.add_stream(MS(0), config);
    assert_eq!(again, Err(ConfigError::SsrcInUse(Ssrc(9))));
}

/// 150,000 packets of audio, so two rollovers; requests for random numbers of the recent past and
/// some nonsense. What comes again carries what the number stood for; no (SSRC, index) pair ever
/// goes out with two contents.
#[test]
fn across_rollovers_a_resend_is_what_was_asked_for() {
    let mut rings = vec![Ring::new(Codec::Pcmu, &Limits::CHIP)];
    let mut sender = sender();
    let config = StreamConfig {
        rtx: Some(RtxConfig {
            payload_type: RTX_PT,
            ssrc: None,
        }),
        aead: true,
        ..audio(0)
    };
    sender.add_stream(MS(0), config).unwrap();
    let mut rng = Rng::from_u64(77);
    let mut buf = [0; 1_280];
    let (mut next_media, mut next_rtx) = (None, None);
    let (mut first, mut resent) = (0, 0);
    for number in 0..150_000_u64 {
        let now = MS(number * 20);
        let payload = number.to_be_bytes();
        rings[0].push(&payload, number as u32, true, now).unwrap();
        let out = sender.poll_packet(now, &rings, &mut buf).unwrap();
        first = if number == 0 { out.index } else { first };
        assert_eq!(out.index, first + number);
        assert_eq!(RtpPacket::parse(&buf[..out.len]).unwrap().payload, payload);
        assert!(next_media.replace(out.index) < Some(out.index));
        let wanted = out.index.wrapping_sub(u64::from(rng.below(100)));
        nack(&mut sender, now, out.ssrc, &[wanted as u16]);
        while let Some(out) = sender.poll_packet(now, &rings, &mut buf) {
            let view = RtpPacket::parse(&buf[..out.len]).unwrap();
            assert!(out.resend);
            assert!(next_rtx.replace(out.index) < Some(out.index));
            assert_eq!(view.payload[..2], (wanted as u16).to_be_bytes());
            assert_eq!(view.payload[2..], (wanted - first).to_be_bytes());
            resent += 1;
        }
    }
    assert!(next_media > Some(2 << 16));
    assert!(resent > 50_000, "{resent}");
}

#[test]
fn a_lost_first_packet_is_resent_although_nobody_can_ask_for_it() {
    let mut rings = video_ring();
    push(&mut rings[0], 0, 5_000, true);
    let mut sender = sender();
    sender.add_stream(MS(0), video(0)).unwrap();
    let sent = drain(&mut sender, &rings, MS(0));
    // The first two are lost: feedback begins with the third.
    rtcp(&mut sender, MS(5_000), |compound| {
        let arrivals = (0..3).map(|at| Some(MS(100 + at)));
        compound
            .transport_feedback(Ssrc(1), sent[0].0.ssrc, 0, 2, arrivals)
            .unwrap();
    });
    let again = drain(&mut sender, &rings, MS(5_000));
    assert_eq!(again.len(), 2);
    for ((_, first), (out, packet)) in sent.iter().zip(&again) {
        let first = RtpPacket::parse(first).unwrap();
        let again = RtpPacket::parse(packet).unwrap();
        assert!(out.resend);
        assert_eq!(again.payload[..2], first.sequence_number.to_be_bytes());
        assert_eq!(again.payload[2..], *first.payload);
    }
}

#[test]
fn a_paused_stream_is_silent_and_goes_on_with_the_next_sequence_number() {
    let (mut sender, mut rings) = (sender(), video_ring());
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    push(&mut rings[0], 0, 3_000, true);
    push(&mut rings[0], 1, 500, false);
    let before = drain(&mut sender, &rings, MS(40));
    assert_eq!(before.len(), 4);
    sender.set_sending(MS(6_000), id, false);
    push(&mut rings[0], 2, 500, false);
    push(&mut rings[0], 3, 3_000, true);
    push(&mut rings[0], 4, 500, false);
    // What was lost is not sent again either, and no key frame asked for.
    let last = RtpPacket::parse(&before[3].1).unwrap();
    nack(&mut sender, MS(6_000), last.ssrc, &[last.sequence_number]);
    pli(&mut sender, MS(6_000), last.ssrc);
    assert!(drain(&mut sender, &rings, MS(6_001)).is_empty());
    assert!(!matches!(
        sender.poll_event(),
        Some(Event::KeyFrameNeeded { .. })
    ));
    sender.set_sending(MS(12_000), id, true);
    let after = drain(&mut sender, &rings, MS(12_000));
    let first = RtpPacket::parse(&after[0].1).unwrap();
    assert_eq!(first.sequence_number, last.sequence_number.wrapping_add(1));
    assert_eq!(after.len(), 4, "the newest key frame and what follows it");
    assert_eq!(sender.stream_stats(id).unwrap().frames_thinned, 0);
}

#[test]
fn a_stream_resumed_without_a_new_key_frame_asks_for_one() {
    let (mut sender, mut rings) = (sender(), video_ring());
    let id = sender.add_stream(MS(0), video(0)).unwrap();
    push(&mut rings[0], 0, 500, true);
    drain(&mut sender, &rings, MS(1));
    while sender.poll_event().is_some() {}
    sender.set_sending(MS(6_000), id, false);
    push(&mut rings[0], 1, 500, false);
    sender.set_sending(MS(6_100), id, true);
    assert!(drain(&mut sender, &rings, MS(6_100)).is_empty());
    let asked = core::iter::from_fn(|| sender.poll_event())
        .any(|event| matches!(event, Event::KeyFrameNeeded { track: 0 }));
    assert!(asked);
    push(&mut rings[0], 2, 500, true);
    assert_eq!(drain(&mut sender, &rings, MS(12_000)).len(), 1);
}
