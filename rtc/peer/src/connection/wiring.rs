//! What one engine's event means for the others.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smolrtc_base::Instant;
use smolrtc_dtls as dtls;
use smolrtc_ice as ice;
use smolrtc_rtp::{Codec, Mid, PayloadType, Ssrc, receive, send};
use smolrtc_sctp as sctp;
use smolrtc_sdp::{self as sdp, negotiate};
use smolrtc_srtp as srtp;

use super::{Closing, PeerConnection, Queued, Srtp, Wired};
use crate::{CloseReason, ConnectionState, Event};

impl PeerConnection {
    /// Carries what the engines have to tell to each other and to the owner. Called at the end of
    /// every verb, so that none needs another to be called first.
    pub(super) fn pump(&mut self, now: Instant) {
        self.pump_ice();
        if self.ice.send_path().is_some() {
            if let (Some(rtt), Some(dtls)) = (self.ice.rtt(), &mut self.dtls)
                && !dtls.is_connected()
            {
                dtls.set_rtt(rtt);
            }
            self.replay_early_hellos(now);
        }
        self.pump_dtls(now);
        while let Some(event) = self.sender.poll_event() {
            match event {
                send::Event::KeyFrameNeeded { track } => {
                    self.events.push_back(Queued::KeyFrameNeeded(track));
                }
                send::Event::TargetBitrate { bps } => {
                    self.events.push_back(Queued::TargetBitrate(bps));
                }
                _ => {}
            }
        }
    }

    pub(super) fn ice_state_changed(&mut self, state: ice::State) {
        let dtls_up = self.dtls.as_ref().is_some_and(|dtls| dtls.is_connected());
        match state {
            ice::State::Checking if self.state == ConnectionState::New => {
                self.set_state(ConnectionState::Connecting);
            }
            ice::State::Connected | ice::State::Completed if dtls_up => {
                self.set_state(ConnectionState::Connected);
            }
            ice::State::Disconnected => self.set_state(ConnectionState::Disconnected),
            ice::State::Failed => {
                self.end(CloseReason::Unreachable, ConnectionState::Failed);
            }
            _ => {}
        }
    }

    fn pump_dtls(&mut self, now: Instant) {
        let Some(mut dtls) = self.dtls.take() else {
            return;
        };
        let mut connected = None;
        while let Some(event) = dtls.poll_event() {
            match event {
                dtls::Event::Compute(id, job) => self.events.push_back(Queued::Compute(id, job)),
                dtls::Event::Connected { srtp } => connected = Some(srtp),
                dtls::Event::Data(packet) => {
                    if let Some(sctp) = &mut self.sctp {
                        sctp.handle_input(now, packet);
                    }
                }
                dtls::Event::Closed(dtls::CloseReason::Peer) => {
                    self.end(CloseReason::Peer, ConnectionState::Closed);
                    self.closing = Closing::Notify;
                }
                _ => {}
            }
        }
        self.dtls = Some(dtls);
        if let Some(keys) = connected {
            self.dtls_connected(now, keys);
        }
    }

    fn dtls_connected(&mut self, now: Instant, keys: Option<dtls::SrtpKeys>) {
        self.early_hellos = Vec::new();
        if let Some(keys) = keys {
            let limits = &self.config.limits;
            let made = srtp::Profile::from_id(keys.profile).and_then(|profile| {
                let tx = srtp::Sender::new(
                    profile,
                    keys.local_key.expose(),
                    keys.local_salt.expose(),
                    self.provider,
                    limits,
                )
                .ok()?;
                let rx = srtp::Receiver::new(
                    profile,
                    keys.remote_key.expose(),
                    keys.remote_salt.expose(),
                    self.provider,
                    limits,
                )
                .ok()?;
                Some(Srtp { tx, rx, profile })
            });
            self.srtp = made.map(Box::new);
        }
        let media = self.negotiated.as_ref().is_some_and(|agreed| {
            agreed
                .sections
                .iter()
                .any(|s| !s.rejected && s.kind != sdp::Kind::Application)
        });
        if media && self.srtp.is_none() {
            self.end(CloseReason::NoSrtp, ConnectionState::Failed);
            self.closing = Closing::Notify;
            return;
        }
        if let Some(rtt) = self.ice.rtt() {
            self.sender.set_rtt(rtt);
            self.receiver.set_round_trip(rtt);
        }
        self.wire_streams(now);
        if let Some(sctp) = &mut self.sctp {
            if let Some(rtt) = self.ice.rtt() {
                sctp.set_rtt(rtt);
            }
            sctp.connect(now);
        }
        self.set_state(ConnectionState::Connected);
    }

    /// Starts the streams of every accepted section that do not run yet, and pauses or resumes those
    /// that do, as the section's direction says. Needs the SRTP profile: AEAD profiles forbid plain
    /// resends.
    pub(super) fn wire_streams(&mut self, now: Instant) {
        let (Some(srtp), Some(agreed)) = (&mut self.srtp, &self.negotiated) else {
            return;
        };
        let aead = is_aead(srtp.profile);
        for section in &agreed.sections {
            if !matches!(section.kind, sdp::Kind::Audio | sdp::Kind::Video) {
                continue;
            }
            let known = self.wired.iter().position(|w| w.section == section.index);
            let at = match known {
                Some(at) => at,
                None if section.rejected => continue,
                None => {
                    self.wired.push(Wired {
                        section: section.index,
                        outgoing: None,
                        incoming: None,
                    });
                    self.wired.len().saturating_sub(1)
                }
            };
            let Some(wired) = self.wired.get_mut(at) else {
                continue;
            };
            let format = section.send.as_ref().filter(|_| !section.rejected);
            if let Some(running) = wired.outgoing {
                self.sender.set_sending(now, running, format.is_some());
            } else if let Some(format) = format {
                if format.rtx.is_none() && section.feedback.nack {
                    // Only a plain resend can repair this stream: SRTP must know it for identical.
                    srtp.tx.remember(PLAIN_RESEND_MEMORY);
                }
                // Adding fails only when SSRCs collide or the streams are too many, which a
                // description within `sdp_sections` cannot bring about; the section then stays silent.
                wired.outgoing = self
                    .config
                    .outgoing(section, format, aead, &self.announced)
                    .and_then(|stream| self.sender.add_stream(now, stream).ok());
            }
            if wired.incoming.is_none() && !section.rejected {
                wired.incoming = add_incoming(&mut self.receiver, section);
            }
        }
    }
}

/// Packets that may still be resent to a peer without RTX: a second of video at 3 Mbit/s.
const PLAIN_RESEND_MEMORY: usize = 256;

/// Whether the profile's nonce forbids protecting an index twice (RFC 7714 section 8.4).
fn is_aead(profile: srtp::Profile) -> bool {
    matches!(
        profile.id(),
        dtls::srtp_profile::AEAD_AES_128_GCM | dtls::srtp_profile::AEAD_AES_256_GCM
    )
}

impl crate::Config {
    fn outgoing(
        &self,
        section: &negotiate::Section,
        format: &negotiate::SendFormat,
        aead: bool,
        announced: &super::Announced,
    ) -> Option<send::StreamConfig> {
        let codec = codec_of(format.codec)?;
        let track = self.tracks.iter().position(|track| *track == codec)?;
        let video = section.kind == sdp::Kind::Video;
        let rtx = format
            .rtx
            .and_then(PayloadType::new)
            .map(|payload_type| send::RtxConfig {
                payload_type,
                ssrc: video.then_some(Ssrc(announced.video_rtx_ssrc)),
            });
        Some(send::StreamConfig {
            track,
            codec,
            payload_type: PayloadType::new(format.payload_type)?,
            ssrc: Some(Ssrc(if video {
                announced.video_ssrc
            } else {
                announced.audio_ssrc
            })),
            rtx,
            mid: Mid::new(section.mid.as_bytes()).ok(),
            extensions: extension_ids(&section.extensions),
            aead,
            nack: section.feedback.nack,
        })
    }
}

fn add_incoming(
    receiver: &mut receive::Receiver,
    section: &negotiate::Section,
) -> Option<receive::StreamId> {
    let formats = section.receive.iter().filter_map(|format| {
        Some((
            format,
            codec_of(format.codec)?,
            PayloadType::new(format.payload_type)?,
        ))
    });
    let codecs: Vec<_> = formats.clone().map(|(_, codec, pt)| (pt, codec)).collect();
    let rtx: Vec<_> = formats
        .filter_map(|(format, _, pt)| Some((format.rtx.and_then(PayloadType::new)?, pt)))
        .collect();
    let source = section.remote_streams.first();
    let stream = receive::StreamConfig {
        mid: Mid::new(section.mid.as_bytes()).ok(),
        codecs: &codecs,
        rtx: &rtx,
        extension_ids: extension_ids(&section.extensions),
        feedback: receive::Feedback {
            nack: section.feedback.nack,
            pli: section.feedback.pli,
            fir: section.feedback.fir,
            transport_wide: section.feedback.transport_cc,
            remb: section.feedback.remb,
        },
        ssrc: source.map(|source| Ssrc(source.ssrc)),
        rtx_ssrc: source.and_then(|source| source.rtx_ssrc).map(Ssrc),
    };
    receiver.add_stream(&stream).ok()
}

fn extension_ids(ids: &sdp::ExtensionIds) -> smolrtc_rtp::packet::ExtensionIds {
    smolrtc_rtp::packet::ExtensionIds {
        mid: ids.mid,
        abs_send_time: ids.abs_send_time,
        transport_sequence: ids.transport_wide_cc,
        ..Default::default()
    }
}

/// The payload format of a negotiated codec; `None` for H.264 in single NAL unit mode, which cannot
/// carry a NAL unit larger than a packet.
pub(super) const fn codec_of(codec: sdp::Codec) -> Option<Codec> {
    match codec {
        sdp::Codec::H264 {
            packetization_mode: sdp::PacketizationMode::NonInterleaved,
            ..
        } => Some(Codec::H264),
        sdp::Codec::H265 => Some(Codec::H265),
        sdp::Codec::Vp8 => Some(Codec::Vp8),
        sdp::Codec::Opus => Some(Codec::Opus),
        sdp::Codec::Pcmu => Some(Codec::Pcmu),
        sdp::Codec::Pcma => Some(Codec::Pcma),
        _ => None,
    }
}

/// The same event in the connection's words.
pub(super) fn data_event(event: sctp::Event<'_>) -> Event<'_> {
    match event {
        sctp::Event::Established => Event::DataReady,
        sctp::Event::ChannelOpened {
            id,
            label,
            protocol,
            ordered,
            reliability,
            incoming,
        } => Event::ChannelOpened {
            id,
            label,
            protocol,
            ordered,
            reliability,
            incoming,
        },
        sctp::Event::Message {
            channel,
            kind,
            data,
        } => Event::Message {
            channel,
            kind,
            data,
        },
        sctp::Event::BufferedAmountLow { channel } => Event::BufferedAmountLow { channel },
        sctp::Event::ChannelClosed { channel } => Event::ChannelClosed { channel },
        sctp::Event::Closed(reason) => Event::DataClosed(reason),
        _ => Event::DataReady,
    }
}
