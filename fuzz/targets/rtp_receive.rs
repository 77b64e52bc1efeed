//! Sequences of operations on a receiver: nothing panics, frames are bounded, and no timer asks
//! for the same moment again and again.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{Duration, Instant, Limits};
use smolrtc_rtp::packet::{ExtensionIds, Extensions, RtpHeader};
use smolrtc_rtp::receive::{Feedback, MIN_RTCP_BUFFER, Receiver, ReceiverConfig, StreamConfig};
use smolrtc_rtp::rtcp::{SenderInfo, packets};
use smolrtc_rtp::{Codec, Mid, PayloadType, Ssrc};

#[derive(Arbitrary, Debug)]
enum Op<'a> {
    Media {
        step: i8,
        frame: u8,
        marker: bool,
        kind: u8,
        ssrc: u8,
        mid: u8,
        payload: &'a [u8],
    },
    Rtx {
        original: u16,
        marker: bool,
        frame: u8,
        payload: &'a [u8],
    },
    Raw(&'a [u8]),
    Wait(u16),
    Frames,
    Rtcp,
    Bye(u8),
    SenderReport(u8),
    RoundTrip(u16),
    KeyFrame,
}

const IDS: ExtensionIds = ExtensionIds {
    mid: Some(4),
    abs_send_time: None,
    transport_sequence: Some(3),
    stream_id: None,
    repaired_stream_id: None,
};

const CODECS: [Codec; 6] = [
    Codec::H264,
    Codec::H265,
    Codec::Vp8,
    Codec::Opus,
    Codec::Pcmu,
    Codec::Pcma,
];

fuzz_target!(|ops: (bool, Vec<Op<'_>>)| {
    let (reduced_size, ops) = ops;
    let mut config = ReceiverConfig::new(Ssrc(0xff), b"camera".to_vec());
    config.reduced_size = reduced_size;
    config.max_bitrate = Some(1_000_000);
    let mut receiver = Receiver::new(Limits::CHIP, config);
    let types = |base: u8| {
        [0, 1, 2].map(|i: u8| {
            let codec = CODECS[usize::from(base + i)];
            (PayloadType::from_low_bits(base + i), codec)
        })
    };
    let rtx = [(
        PayloadType::from_low_bits(96),
        PayloadType::from_low_bits(0),
    )];
    let mut ids = vec![];
    for (mid, base) in [(b"0", 0), (b"1", 3)] {
        let added = receiver.add_stream(&StreamConfig {
            mid: Mid::new(mid).ok(),
            codecs: &types(base),
            rtx: if base == 0 { &rtx } else { &[] },
            extension_ids: IDS,
            feedback: Feedback {
                nack: base == 0,
                pli: base == 0,
                fir: true,
                transport_wide: true,
                remb: true,
            },
            ..StreamConfig::default()
        });
        ids.push(added.expect("two streams are few"));
    }
    let (mut now, mut sequence, mut transport) = (Instant::ZERO, 65_500_u16, 0_u16);
    let mut send = |receiver: &mut Receiver, now, header: RtpHeader, payload: &[u8]| {
        transport = transport.wrapping_add(1);
        let mut bytes = vec![0; 64];
        let header = RtpHeader {
            extensions: Extensions {
                transport_sequence: Some(transport),
                ..header.extensions
            },
            ..header
        };
        let len = header.emit(&IDS, &mut bytes).expect("64 bytes are enough");
        bytes.truncate(len);
        bytes.extend(payload);
        receiver.handle_rtp(now, &bytes);
    };
    for op in ops {
        match op {
            Op::Media {
                step,
                frame,
                marker,
                kind,
                ssrc,
                mid,
                payload,
            } => {
                sequence = sequence.wrapping_add_signed(i16::from(step));
                let mid = [
                    None,
                    Mid::new(b"0").ok(),
                    Mid::new(b"1").ok(),
                    Mid::new(b"2").ok(),
                ][usize::from(mid % 4)];
                let header = RtpHeader {
                    marker,
                    payload_type: PayloadType::from_low_bits(kind % 7),
                    sequence_number: sequence,
                    timestamp: u32::from(frame) * 3_000,
                    ssrc: Ssrc(u32::from(ssrc % 3)),
                    extensions: Extensions {
                        mid,
                        ..Extensions::default()
                    },
                };
                send(&mut receiver, now, header, payload);
            }
            Op::Rtx {
                original,
                marker,
                frame,
                payload,
            } => {
                let header = RtpHeader {
                    marker,
                    payload_type: PayloadType::from_low_bits(96),
                    timestamp: u32::from(frame) * 3_000,
                    ssrc: Ssrc(0xaa),
                    ..RtpHeader::default()
                };
                let bytes = [&original.to_be_bytes(), payload].concat();
                send(&mut receiver, now, header, &bytes);
            }
            Op::Raw(bytes) => {
                receiver.handle_rtp(now, bytes);
            }
            Op::Wait(millis) => {
                now = now + Duration::from_millis(u64::from(millis));
                receiver.handle_timeout(now);
            }
            Op::Frames => frames(&mut receiver),
            Op::Rtcp => rtcp(&mut receiver, now),
            Op::Bye(ssrc) => {
                receiver.handle_bye(Ssrc(u32::from(ssrc % 3)));
            }
            Op::SenderReport(ssrc) => {
                let ssrc = Ssrc(u32::from(ssrc % 3));
                receiver.handle_sender_report(
                    now,
                    &SenderInfo {
                        ssrc,
                        ..SenderInfo::default()
                    },
                );
            }
            Op::RoundTrip(millis) => {
                receiver.set_round_trip(Duration::from_millis(u64::from(millis)));
            }
            Op::KeyFrame => ids.iter().for_each(|id| receiver.request_key_frame(*id)),
        }
    }
    let mut idle = 0;
    for _ in 0..100 {
        frames(&mut receiver);
        let Some((due, reason)) = receiver.poll_timeout() else {
            break;
        };
        idle = if due > now { 0 } else { idle + 1 };
        assert!(idle < 4, "{reason:?} again at {due:?}");
        now = now.max(due);
        receiver.handle_timeout(now);
        rtcp(&mut receiver, now);
    }
});

fn frames(receiver: &mut Receiver) {
    let mut count = 0;
    while let Some(frame) = receiver.poll_frame() {
        assert!(!frame.data.is_empty() && frame.data.len() <= Limits::CHIP.receive_bytes);
        count += 1;
        assert!(count <= 4 * Limits::CHIP.receive_packets);
    }
}

fn rtcp(receiver: &mut Receiver, now: Instant) {
    let mut buf = [0; MIN_RTCP_BUFFER];
    let mut count = 0;
    while let Some(len) = receiver.poll_rtcp(now, &mut buf) {
        assert!(packets(&buf[..len]).all(|packet| packet.is_ok()));
        count += 1;
        assert!(count < 30, "RTCP without end");
    }
}
