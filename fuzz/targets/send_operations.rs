//! Frames, time, feedback and requests in any order, on a small ring with two viewers: nothing
//! panics, a resend carries what was first sent under that number, an SRTP index protects two
//! packets only if they are equal, payloads stay within the limit, and a timer that is due always
//! has something to do.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_rtp::history::{MAX_PAYLOAD, Ring};
use smolrtc_rtp::packet::{ExtensionIds, RtpPacket};
use smolrtc_rtp::rtcp::{Compound, packets};
use smolrtc_rtp::send::{Config, Outgoing, RtxConfig, Sender, StreamConfig};
use smolrtc_rtp::{Codec, Mid, PayloadType, Ssrc};
use std::collections::BTreeMap;

#[derive(Arbitrary, Debug)]
enum Op {
    Frame {
        len: u16,
        key: bool,
        spare: bool,
    },
    Audio {
        len: u8,
    },
    Wait {
        millis: u8,
    },
    Send {
        packets: u8,
    },
    Nack {
        viewer: bool,
        audio: bool,
        back: u8,
        bitmask: u16,
    },
    Picture {
        viewer: bool,
    },
    Feedback {
        viewer: bool,
        back: u8,
        count: u8,
        arrived: u32,
        step: u16,
    },
    Remb {
        viewer: bool,
        bps: u32,
    },
    Rtcp {
        viewer: bool,
        bytes: Vec<u8>,
    },
    Rtt {
        viewer: bool,
        millis: u8,
    },
    Reports,
}

struct Viewer {
    sender: Sender,
    plain: bool,
    /// What every (SSRC, index) protected.
    protected: BTreeMap<(Ssrc, u64), Vec<u8>>,
    /// Payloads first sent, by (media SSRC, index).
    first: BTreeMap<(Ssrc, u64), Vec<u8>>,
    media: [Ssrc; 2],
    newest: [u64; 2],
    transport: u64,
}

fn viewer(seed: u64, plain: bool) -> Viewer {
    let mut sender = Sender::new(Config::default(), &Limits::CHIP, Rng::from_u64(seed));
    let mut media = [Ssrc(0); 2];
    for (track, codec) in [(0, Codec::H264), (1, Codec::Pcmu)] {
        let config = StreamConfig {
            track,
            codec,
            payload_type: PayloadType::from_low_bits(96 + track as u8),
            ssrc: None,
            rtx: (!plain).then(|| RtxConfig {
                payload_type: PayloadType::from_low_bits(106),
                ssrc: None,
            }),
            mid: Mid::new(b"0").ok(),
            extensions: ExtensionIds {
                mid: Some(1),
                abs_send_time: (!plain).then_some(2),
                transport_sequence: (!plain).then_some(3),
                ..ExtensionIds::default()
            },
            aead: !plain,
            nack: true,
        };
        let id = sender.add_stream(Instant::ZERO, config).unwrap();
        media[track] = sender.ssrcs(id).unwrap().0;
    }
    Viewer {
        sender,
        plain,
        protected: BTreeMap::new(),
        first: BTreeMap::new(),
        media,
        newest: [0; 2],
        transport: 0,
    }
}

impl Viewer {
    fn left(&mut self, out: &Outgoing, bytes: &[u8]) {
        let packet = RtpPacket::parse(bytes).unwrap();
        assert_eq!(packet.header_len, out.header_len);
        assert_eq!(packet.ssrc, out.ssrc);
        assert_eq!(packet.sequence_number, out.index as u16);
        self.transport += u64::from(!self.plain);
        let before = self.protected.insert((out.ssrc, out.index), bytes.to_vec());
        match before {
            Some(before) => {
                assert!(out.plain_resend && self.plain);
                assert_eq!(before, bytes);
            }
            None => assert!(!out.plain_resend),
        }
        if !out.resend {
            assert!(packet.payload.len() <= MAX_PAYLOAD);
            let track = usize::from(out.ssrc == self.media[1]);
            self.newest[track] = out.index;
            self.first
                .insert((out.ssrc, out.index), packet.payload.to_vec());
        } else if !self.plain {
            let (original, payload) = packet.payload.split_first_chunk::<2>().unwrap();
            let low = u16::from_be_bytes(*original);
            let found = self.media.iter().zip(self.newest).any(|(ssrc, newest)| {
                let back = u64::from((newest as u16).wrapping_sub(low));
                let index = newest.checked_sub(back);
                let sent = index.and_then(|index| self.first.get(&(*ssrc, index)));
                sent.is_some_and(|sent| sent == payload)
            });
            assert!(found, "a resend of what was never sent");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut rings = [
        Ring::new(Codec::H264, &Limits::CHIP),
        Ring::new(Codec::Pcmu, &Limits::CHIP),
    ];
    let mut viewers = [viewer(1, false), viewer(2, true)];
    let mut now = Instant::from_millis(1);
    let (mut buf, mut reply, mut frames) = ([0; 1_280], [0; 1_200], 0_u32);
    let mut input = Unstructured::new(data);
    while !input.is_empty() {
        let Ok(op) = Op::arbitrary(&mut input) else {
            return;
        };
        let mut compound = Compound::new(&mut reply);
        let mut to = None;
        match op {
            Op::Frame { len, key, spare } => {
                frames += 1;
                let mut frame = vec![frames as u8 | 0x80; 5 + usize::from(len)];
                let header = if key {
                    0x65
                } else if spare {
                    0x01
                } else {
                    0x41
                };
                frame[..5].copy_from_slice(&[0, 0, 0, 1, header]);
                let _ = rings[0].push(&frame, frames, key, now);
            }
            Op::Audio { len } => {
                frames += 1;
                let _ = rings[1].push(&vec![frames as u8; usize::from(len)], frames, true, now);
            }
            Op::Wait { millis } => now = now + Duration::from_millis(u64::from(millis)),
            Op::Send { packets } => {
                for viewer in &mut viewers {
                    let mut idle = false;
                    for _ in 0..packets {
                        let Some(out) = viewer.sender.poll_packet(now, &rings, &mut buf) else {
                            idle = true;
                            break;
                        };
                        viewer.left(&out, &buf[..out.len]);
                    }
                    if idle {
                        viewer
                            .sender
                            .poll_rtcp(now, UnixTime::from_secs(1), &mut buf);
                        if let Some((at, reason)) = viewer.sender.poll_timeout(&rings) {
                            assert!(at > now, "{reason:?} is due, but there was nothing to do");
                        }
                    }
                }
            }
            Op::Nack {
                viewer,
                audio,
                back,
                bitmask,
            } => {
                to = Some(viewer);
                let of = &viewers[usize::from(viewer)];
                let track = usize::from(audio);
                let base = (of.newest[track] as u16).wrapping_sub(u16::from(back));
                let bits = (0..16).filter(|bit| bitmask >> bit & 1 != 0);
                let _ = compound.nack(
                    Ssrc(1),
                    of.media[track],
                    bits.map(|bit| base.wrapping_add(bit)),
                );
            }
            Op::Picture { viewer } => {
                to = Some(viewer);
                let _ = compound.pli(Ssrc(1), viewers[usize::from(viewer)].media[0]);
            }
            Op::Feedback {
                viewer,
                back,
                count,
                arrived,
                step,
            } => {
                to = Some(viewer);
                let base = viewers[usize::from(viewer)].transport as u16;
                let base = base.wrapping_sub(u16::from(back));
                let arrivals = (0..u32::from(count)).map(|at| {
                    let micros = now.as_micros() + u64::from(at) * u64::from(step);
                    (arrived >> (at % 32) & 1 != 0).then_some(Instant::from_micros(micros))
                });
                let _ = compound.transport_feedback(Ssrc(1), Ssrc(2), 0, base, arrivals);
            }
            Op::Remb { viewer, bps } => {
                to = Some(viewer);
                let _ = compound.remb(Ssrc(1), u64::from(bps), []);
            }
            Op::Rtcp { viewer, bytes } => {
                let sender = &mut viewers[usize::from(viewer)].sender;
                for packet in packets(&bytes).flatten() {
                    sender.handle_rtcp(now, &packet);
                }
            }
            Op::Rtt { viewer, millis } => {
                let rtt = Duration::from_millis(u64::from(millis));
                viewers[usize::from(viewer)].sender.set_rtt(rtt);
            }
            Op::Reports => {
                for viewer in &mut viewers {
                    viewer
                        .sender
                        .poll_rtcp(now, UnixTime::from_secs(1), &mut buf);
                    while viewer.sender.poll_event().is_some() {}
                }
            }
        }
        let len = compound.len();
        if let Some(viewer) = to {
            for packet in packets(&reply[..len]).flatten() {
                viewers[usize::from(viewer)]
                    .sender
                    .handle_rtcp(now, &packet);
            }
        }
    }
});
