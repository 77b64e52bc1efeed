//! Making an answer.

use super::{
    Capabilities, DtlsRole, KindCapabilities, Negotiated, Section,
    matching::Matched,
    peer,
    write::{self, extension_ids, supported_extensions},
};
use crate::{Direction, Error, Feedback, Kind, Media, SessionDescription, Setup};
use alloc::{string::String, vec::Vec};

pub(super) fn answer(
    offer: &SessionDescription,
    capabilities: &Capabilities,
) -> Result<Negotiated, Error> {
    let anchor = offer
        .media
        .iter()
        .position(|media| acceptable(offer, media, capabilities));
    let bundle = anchor
        .and_then(|anchor| offer.media.get(anchor))
        .and_then(|media| peer::group_of(offer, media));
    let setup = anchor.and_then(|anchor| peer::setup(offer, anchor));
    let role = match setup {
        Some(Setup::Active) => DtlsRole::Server,
        Some(Setup::Passive) => DtlsRole::Client,
        // Absent means the same as actpass (RFC 8842 section 5.1).
        Some(Setup::ActPass | Setup::HoldConn) | None => capabilities.role,
    };

    let mut answerer = Answerer {
        offer,
        capabilities,
        role,
        transport_written: false,
        audio_taken: false,
        video_taken: false,
        data_taken: false,
    };
    let mut local = write::session(capabilities);
    let mut sections = Vec::with_capacity(offer.media.len());
    for (index, media) in offer.media.iter().enumerate() {
        let joins = match (bundle, &media.mid) {
            (Some(bundle), Some(mid)) => bundle.contains(mid),
            _ => Some(index) == anchor,
        };
        let (section, written) = joins
            .then(|| answerer.section(index, media))
            .flatten()
            .unwrap_or_else(|| (rejected_section(index, media), rejected_media(media)));
        sections.push(section);
        local.media.push(written);
    }
    if bundle.is_some() {
        write::bundle(&mut local);
    }

    let mut negotiated = match sections.iter().position(|section| !section.rejected) {
        Some(anchor) => peer::negotiated(offer, anchor, sections, role)?,
        None => nothing(sections),
    };
    negotiated.sdp = local.emit();
    Ok(negotiated)
}

pub(super) fn reject_all(offer: &SessionDescription, reason: &str) -> String {
    let mut local = SessionDescription {
        session_id: offer.session_id.clone(),
        session_version: offer.session_version,
        // A line break would let the reason speak for the description.
        name: reason.chars().filter(|c| !c.is_control()).collect(),
        ..SessionDescription::default()
    };
    local.media.extend(offer.media.iter().map(rejected_media));
    local.emit()
}

/// Whether the section could be accepted if it had the transport to itself.
fn acceptable(offer: &SessionDescription, media: &Media, capabilities: &Capabilities) -> bool {
    if media.is_rejected() {
        return false;
    }
    match kind_capabilities(media, capabilities) {
        Some(ours) => {
            let muxed = media.rtcp_mux || bundled_mux(offer, media);
            muxed && !Matched::new(media, ours, true, true, None).is_empty()
        }
        None => media.is_data_channel() && capabilities.data.is_some(),
    }
}

/// Whether the tagged section of the bundle states rtcp-mux for this one too.
fn bundled_mux(offer: &SessionDescription, media: &Media) -> bool {
    peer::group_of(offer, media)
        .and_then(<[String]>::first)
        .and_then(|mid| offer.section_of_mid(mid))
        .and_then(|index| offer.media.get(index))
        .is_some_and(|tagged| tagged.rtcp_mux)
}

pub(super) fn kind_capabilities<'a>(
    media: &Media,
    capabilities: &'a Capabilities,
) -> Option<&'a KindCapabilities> {
    match media.kind {
        Kind::Audio if media.is_rtp() => Some(&capabilities.audio),
        Kind::Video if media.is_rtp() => Some(&capabilities.video),
        _ => None,
    }
}

/// Goes through the sections of an offer and hands out our streams, one of each kind.
struct Answerer<'a> {
    offer: &'a SessionDescription,
    capabilities: &'a Capabilities,
    role: DtlsRole,
    /// The candidates stand in an earlier section already.
    transport_written: bool,
    audio_taken: bool,
    video_taken: bool,
    data_taken: bool,
}

impl Answerer<'_> {
    /// Our side of a section, or `None` to reject it.
    fn section(&mut self, index: usize, media: &Media) -> Option<(Section, Media)> {
        if !acceptable(self.offer, media, self.capabilities) {
            return None;
        }
        let (section, mut written) = match kind_capabilities(media, self.capabilities) {
            Some(ours) => self.rtp(index, media, ours),
            None => self.data(index, media)?,
        };
        let setup = match self.role {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        };
        write::transport(
            &mut written,
            self.capabilities,
            setup,
            !self.transport_written,
        );
        self.transport_written = true;
        Some((section, written))
    }

    fn rtp(&mut self, index: usize, media: &Media, ours: &KindCapabilities) -> (Section, Media) {
        let theirs = self.offer.direction_of(media);
        let taken = match media.kind {
            Kind::Audio => &mut self.audio_taken,
            _ => &mut self.video_taken,
        };
        let matched = Matched::new(
            media,
            ours,
            theirs.receives() && !*taken,
            theirs.sends(),
            None,
        );
        *taken |= matched.send.is_some();
        // A section through which nothing flows now keeps its formats for a later offer.
        let types = if matched.is_empty() {
            Matched::new(media, ours, true, true, None).payload_types()
        } else {
            matched.payload_types()
        };
        let direction = Direction::of(matched.send.is_some(), !matched.receive.is_empty());

        let mut written = echo(media);
        written.direction = Some(direction);
        written.rtcp_mux = true;
        written.rtcp_rsize = media.rtcp_rsize;
        written.receiver_rtt = media.receiver_rtt;
        written.extensions = supported_extensions(self.offer, media, &self.capabilities.extensions);
        write::payloads(&mut written, media, ours, &types);
        if let Some(format) = &matched.send {
            write::stream(&mut written, ours, format.rtx.is_some());
        }
        let first = types.first().map(|(pt, _)| *pt);
        let section = Section {
            index,
            mid: media.mid.clone().unwrap_or_default(),
            kind: media.kind.clone(),
            rejected: false,
            direction,
            send: matched.send,
            receive: matched.receive,
            extensions: extension_ids(&written.extensions),
            feedback: feedback(&written, first),
            rtcp_rsize: media.rtcp_rsize,
            remote_streams: peer::streams(media),
        };
        (section, written)
    }

    fn data(&mut self, index: usize, media: &Media) -> Option<(Section, Media)> {
        let ours = self.capabilities.data?;
        // One SCTP association a DTLS association (RFC 8841 section 7).
        if core::mem::replace(&mut self.data_taken, true) {
            return None;
        }
        let mut written = echo(media);
        written.sctp = Some(write::sctp(ours));
        // The older form has its port in the m= line; it is symmetric there.
        if let (Some(sctp), "DTLS/SCTP") = (&mut written.sctp, media.protocol.as_str()) {
            sctp.port = media.sctp?.port;
        }
        Some((accepted_data(index, media), written))
    }
}

pub(super) fn accepted_data(index: usize, media: &Media) -> Section {
    Section {
        rejected: false,
        direction: Direction::SendRecv,
        ..rejected_section(index, media)
    }
}

pub(super) fn rejected_section(index: usize, media: &Media) -> Section {
    Section {
        index,
        mid: media.mid.clone().unwrap_or_default(),
        kind: media.kind.clone(),
        rejected: true,
        direction: Direction::Inactive,
        send: None,
        receive: Vec::new(),
        extensions: crate::ExtensionIds::default(),
        feedback: Feedback::default(),
        rtcp_rsize: false,
        remote_streams: Vec::new(),
    }
}

/// The agreement that nothing flows.
pub(super) const fn nothing(sections: Vec<Section>) -> Negotiated {
    Negotiated {
        sdp: String::new(),
        sections,
        remote_ice: None,
        remote_ice_lite: false,
        remote_trickle: false,
        remote_candidates: Vec::new(),
        remote_end_of_candidates: false,
        remote_fingerprints: Vec::new(),
        dtls_role: DtlsRole::Client,
        sctp: None,
    }
}

/// Feedback agreed on for one payload type of a written section.
pub(super) fn feedback(written: &Media, payload_type: Option<u8>) -> Feedback {
    written
        .payloads
        .iter()
        .find(|payload| Some(payload.payload_type) == payload_type)
        .map_or_else(Feedback::default, |payload| payload.feedback)
}

fn echo(media: &Media) -> Media {
    let mut written = Media::empty(
        media.kind.clone(),
        media.protocol.clone(),
        media.formats.clone(),
    );
    written.mid.clone_from(&media.mid);
    written
}

fn rejected_media(media: &Media) -> Media {
    let mut written = echo(media);
    written.port = 0;
    written.direction = Some(Direction::Inactive);
    written
}
