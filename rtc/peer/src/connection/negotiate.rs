//! Offer and answer: from session descriptions to engines.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use smolrtc_base::Instant;
use smolrtc_dtls as dtls;
use smolrtc_ice as ice;
use smolrtc_rtp::{Codec, Kind};
use smolrtc_sctp as sctp;
use smolrtc_sdp::negotiate::{
    self, Capabilities, DataCapabilities, DtlsRole, KindCapabilities, LocalStream, Negotiated,
    RemoteSctp,
};
use smolrtc_sdp::{self as sdp, SessionDescription};

use super::{Announced, PeerConnection, Signaling};
use crate::{Config, ConnectionState, Error};

impl PeerConnection {
    /// Takes the peer's offer and gives our answer, with the candidates known so far. A second offer
    /// renegotiates; new ICE credentials in it restart ICE and keep DTLS and SRTP.
    ///
    /// # Errors
    /// The offer is refused and the connection is as before.
    pub fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<String, Error> {
        let offer = SessionDescription::parse(offer.as_bytes(), &self.config.limits)?;
        self.accept_parsed_offer(now, offer)
    }

    /// [`accept_offer`](Self::accept_offer) for a description that was parsed already.
    ///
    /// # Errors
    /// As there.
    pub fn accept_parsed_offer(
        &mut self,
        now: Instant,
        offer: SessionDescription,
    ) -> Result<String, Error> {
        if self.closed.is_some() {
            return Err(Error::Closed);
        }
        if matches!(self.signaling, Signaling::HaveLocalOffer(_)) {
            return Err(Error::WrongSignalingState);
        }
        let restart = self
            .remote
            .as_deref()
            .is_some_and(|old| negotiate::ice_restart(old, &offer));
        // A dry run tells whether the offer is acceptable before anything changes.
        let trial = negotiate::answer(&offer, &self.capabilities())?;
        self.check_fingerprints(&trial)?;
        if !trial.accepts_anything() {
            return Err(Error::NothingInCommon);
        }
        if restart {
            self.ice.restart(now);
        }
        if self.remote.is_none() {
            // RFC 8445 section 6.1.1: the offerer controls, unless it is lite.
            self.ice.set_controlling(trial.remote_ice_lite);
        }
        self.announced.session_version = self.announced.session_version.saturating_add(1);
        let agreed = negotiate::answer(&offer, &self.capabilities())?;
        let answer = agreed.sdp.clone();
        self.remote = Some(Box::new(offer));
        self.remote_is_whole = true;
        self.apply(now, agreed)?;
        Ok(answer)
    }

    /// Makes an offer of ours, with the candidates known so far. A second one renegotiates;
    /// `restart_ice` gives it new credentials.
    ///
    /// # Errors
    /// [`Error::Closed`], or [`Error::WrongSignalingState`] while an offer of ours is out.
    pub fn create_offer(&mut self, now: Instant, restart_ice: bool) -> Result<String, Error> {
        if self.closed.is_some() {
            return Err(Error::Closed);
        }
        if matches!(self.signaling, Signaling::HaveLocalOffer(_)) {
            return Err(Error::WrongSignalingState);
        }
        if self.remote.is_none() {
            self.ice.set_controlling(true);
        } else if restart_ice {
            self.ice.restart(now);
        }
        self.announced.session_version = self.announced.session_version.saturating_add(1);
        let capabilities = self.capabilities();
        let last_sent = self
            .negotiated
            .as_ref()
            .filter(|agreed| !agreed.sdp.is_empty())
            .and_then(|agreed| {
                SessionDescription::parse(agreed.sdp.as_bytes(), &self.config.limits).ok()
            });
        let offer = match last_sent {
            Some(last) => negotiate::reoffer(&last, &capabilities),
            None => negotiate::offer(&capabilities),
        };
        let text = offer.sdp.clone();
        self.signaling = Signaling::HaveLocalOffer(Box::new(offer));
        self.pump(now);
        Ok(text)
    }

    /// Takes the peer's answer to our offer.
    ///
    /// # Errors
    /// The answer is refused; our offer still stands.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), Error> {
        if self.closed.is_some() {
            return Err(Error::Closed);
        }
        let answer = SessionDescription::parse(answer.as_bytes(), &self.config.limits)?;
        let Signaling::HaveLocalOffer(offer) = &self.signaling else {
            return Err(Error::WrongSignalingState);
        };
        let mut agreed = negotiate::accept_answer(offer, &answer)?;
        self.check_fingerprints(&agreed)?;
        if !agreed.accepts_anything() {
            return Err(Error::NothingInCommon);
        }
        // What we sent last is what a further offer of ours starts from.
        agreed.sdp.clone_from(&offer.sdp);
        if agreed.remote_ice_lite {
            self.ice.set_controlling(true);
        }
        self.signaling = Signaling::Stable;
        self.remote = Some(Box::new(answer));
        self.remote_is_whole = true;
        self.apply(now, agreed)
    }

    /// The answer to the peer's newest offer as it would be written now: with the candidates known by
    /// now. `None` without an offer, and once gathering is complete and the connection is up: then there
    /// is nothing to add to the answer that was sent.
    #[must_use]
    pub fn current_answer(&self) -> Option<String> {
        let offer = self.remote.as_deref().filter(|_| self.remote_is_whole)?;
        let agreed = negotiate::answer(offer, &self.capabilities()).ok()?;
        Some(agreed.sdp)
    }

    /// Frees what the negotiation alone needed: most of a browser's description. Nothing that waits
    /// in the queue of events may still want it.
    pub(super) fn forget_formats(&mut self) {
        let settled = self.state == ConnectionState::Connected
            && matches!(self.signaling, Signaling::Stable)
            && self.is_gathering_complete()
            && self.events.is_empty();
        if !self.remote_is_whole || !settled {
            return;
        }
        self.remote_is_whole = false;
        if let Some(remote) = &mut self.remote {
            remote.forget_formats();
        }
        if let Some(agreed) = &mut self.negotiated {
            agreed.remote_candidates = Vec::new();
            agreed.sdp.shrink_to_fit();
        }
        self.ice.shrink();
        // Requests and estimates still come, a few at a time.
        self.events.shrink_to(4);
    }

    /// DTLS lives through renegotiation, so the peer must stay the one it was (RFC 8842 section 4).
    fn check_fingerprints(&self, agreed: &Negotiated) -> Result<(), Error> {
        let Some(before) = &self.negotiated else {
            return Ok(());
        };
        let kept = agreed
            .remote_fingerprints
            .iter()
            .any(|fingerprint| before.remote_fingerprints.contains(fingerprint));
        if kept || agreed.remote_fingerprints.is_empty() {
            Ok(())
        } else {
            Err(Error::FingerprintChanged)
        }
    }

    fn apply(&mut self, now: Instant, agreed: Negotiated) -> Result<(), Error> {
        // The parser has checked their grammar, and a change of them has restarted ICE.
        if let Some(remote) = &agreed.remote_ice {
            self.ice
                .set_remote_credentials(&remote.ufrag, &remote.pwd)?;
        }
        self.ice.set_remote_lite(agreed.remote_ice_lite);
        for line in &agreed.remote_candidates {
            // A line that cannot be read costs one path, not the session.
            if let Ok(candidate) = ice::Candidate::parse(line) {
                self.ice.add_remote_candidate(now, candidate);
            }
        }
        // A peer that does not trickle has said all it has to say.
        if agreed.remote_end_of_candidates
            || (!agreed.remote_trickle && !agreed.remote_candidates.is_empty())
        {
            self.ice.end_of_remote_candidates();
        }
        if self.dtls.is_none() {
            self.start_dtls(now, &agreed)?;
        }
        if let (Some(remote), None) = (agreed.sctp, &self.sctp) {
            self.start_sctp(remote);
        }
        self.negotiated = Some(Box::new(agreed));
        self.wire_streams(now);
        // A connection that is up stays up while it renegotiates or restarts ICE.
        if self.state == ConnectionState::New {
            self.set_state(ConnectionState::Connecting);
        }
        self.pump(now);
        Ok(())
    }

    /// Made at once, so that its first key pair is computed while ICE checks; nothing is sent
    /// before a pair is valid.
    fn start_dtls(&mut self, now: Instant, agreed: &Negotiated) -> Result<(), Error> {
        let role = match agreed.dtls_role {
            DtlsRole::Client => dtls::Role::Client,
            DtlsRole::Server => dtls::Role::Server,
        };
        let fingerprints: Vec<dtls::Fingerprint> = agreed
            .remote_fingerprints
            .iter()
            .filter_map(|fingerprint| {
                let name = match fingerprint.hash {
                    sdp::HashFunction::Sha256 => "sha-256",
                    sdp::HashFunction::Sha384 => "sha-384",
                    sdp::HashFunction::Sha512 => "sha-512",
                };
                dtls::Fingerprint::from_name(name, &fingerprint.digest)
            })
            .collect();
        let mut config = dtls::Config::new(role, self.config.certificate.clone(), fingerprints);
        config.srtp_profiles.clone_from(&self.config.srtp_profiles);
        config.limits = self.config.limits;
        self.dtls = Some(Box::new(dtls::Connection::new(
            now,
            config,
            self.rng.fork(),
            self.provider,
        )?));
        self.dtls_role = Some(role);
        Ok(())
    }

    fn start_sctp(&mut self, remote: RemoteSctp) {
        let is_client = self.dtls_role == Some(dtls::Role::Client);
        let mut config = sctp::Config::new(is_client, self.config.limits);
        config.remote_port = remote.port;
        // What DTLS adds must still fit our datagrams.
        config.mtu = config
            .mtu
            .min(super::MTU.saturating_sub(dtls::RECORD_OVERHEAD));
        let mut association = sctp::Association::new(config, self.rng.fork(), self.provider);
        let max = usize::try_from(remote.max_message_size).unwrap_or(usize::MAX);
        association.set_max_message_size(max);
        self.sctp = Some(Box::new(association));
    }

    fn capabilities(&self) -> Capabilities {
        let (ufrag, pwd) = self.ice.local_credentials();
        let role = match self.dtls_role {
            Some(dtls::Role::Server) => DtlsRole::Server,
            Some(dtls::Role::Client) | None => DtlsRole::Client,
        };
        let fingerprint = self.config.certificate.fingerprint();
        Capabilities {
            audio: self.config.kind(Kind::Audio, &self.announced),
            video: self.config.kind(Kind::Video, &self.announced),
            data: self.config.data_channels.then(|| DataCapabilities {
                port: 5_000,
                max_message_size: u32::try_from(self.config.limits.sctp_message_bytes)
                    .unwrap_or(u32::MAX),
            }),
            extensions: sdp::Extension::ALL.to_vec(),
            ice: Some(sdp::IceCredentials {
                ufrag: ufrag.into(),
                pwd: pwd.clone(),
            }),
            trickle: true,
            candidates: self
                .ice
                .local_candidates()
                .map(|candidate| candidate.to_string())
                .collect(),
            end_of_candidates: self.ice.gathering_state() == ice::GatheringState::Complete,
            fingerprints: Vec::from([sdp::Fingerprint {
                hash: sdp::HashFunction::Sha256,
                digest: fingerprint.bytes().to_vec(),
            }]),
            role,
            session_id: self.announced.session_id,
            session_version: self.announced.session_version,
        }
    }
}

impl Config {
    fn kind(&self, kind: Kind, announced: &Announced) -> KindCapabilities {
        let send: Vec<sdp::Codec> = self
            .tracks
            .iter()
            .filter(|codec| codec.kind() == kind)
            .map(|codec| description_codec(*codec))
            .collect();
        let receive = match kind {
            Kind::Audio => &self.receive_audio,
            Kind::Video => &self.receive_video,
        };
        let video = kind == Kind::Video;
        let stream = (!send.is_empty()).then(|| LocalStream {
            ssrc: if video {
                announced.video_ssrc
            } else {
                announced.audio_ssrc
            },
            rtx_ssrc: video.then_some(announced.video_rtx_ssrc),
            cname: self.sender.cname.clone(),
            stream_id: self.stream_id.clone(),
            track_id: String::from(if video { "video" } else { "audio" }),
        });
        KindCapabilities {
            send,
            receive: receive
                .iter()
                .map(|codec| description_codec(*codec))
                .collect(),
            stream,
            feedback: if video {
                sdp::Feedback::ALL
            } else {
                sdp::Feedback::AUDIO
            },
            rtx: video,
        }
    }
}

const fn description_codec(codec: Codec) -> sdp::Codec {
    match codec {
        Codec::H264 => sdp::Codec::H264_BASELINE,
        Codec::H265 => sdp::Codec::H265,
        Codec::Vp8 => sdp::Codec::Vp8,
        Codec::Opus => sdp::Codec::Opus,
        Codec::Pcmu => sdp::Codec::Pcmu,
        Codec::Pcma => sdp::Codec::Pcma,
    }
}
