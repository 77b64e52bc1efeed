//! Making an offer, and taking the answer to it.

use super::{
    Capabilities, DtlsRole, KindCapabilities, LocalOffer, Negotiated, Section,
    answer::{accepted_data, feedback, kind_capabilities, nothing, rejected_section},
    matching::Matched,
    peer,
    write::{self, extension_ids, supported_extensions},
};
use crate::{
    Codec, Direction, Error, Extension, ExtensionMap, Kind, Media, Payload, SessionDescription,
    Setup,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

pub(super) fn offer(capabilities: &Capabilities) -> LocalOffer {
    let mut local = write::session(capabilities);
    // Numbers of the dynamic range, in order; Opus has the one that everybody gives it.
    let mut next = 96;
    for (kind, ours) in [
        (Kind::Audio, &capabilities.audio),
        (Kind::Video, &capabilities.video),
    ] {
        if !ours.send.is_empty() || !ours.receive.is_empty() {
            let media = rtp_section(kind, ours, &capabilities.extensions, &mut next);
            local.media.push(media);
        }
    }
    if let Some(data) = capabilities.data {
        let mut media = Media::empty(
            Kind::Application,
            "UDP/DTLS/SCTP".into(),
            "webrtc-datachannel".into(),
        );
        media.sctp = Some(write::sctp(data));
        local.media.push(media);
    }
    for (index, media) in local.media.iter_mut().enumerate() {
        media.mid = Some(index.to_string());
        write::transport(media, capabilities, Setup::ActPass, index == 0);
    }
    write::bundle(&mut local);
    local_offer(local, capabilities)
}

pub(super) fn reoffer(last_sent: &SessionDescription, capabilities: &Capabilities) -> LocalOffer {
    let mut local = last_sent.clone();
    local.session_version = capabilities.session_version;
    let mut first = true;
    for media in local.media.iter_mut().filter(|media| !media.is_rejected()) {
        write::transport(media, capabilities, Setup::ActPass, first);
        first = false;
        if let Some(ours) = kind_capabilities(media, capabilities) {
            let direction = Direction::of(!ours.send.is_empty(), !ours.receive.is_empty());
            media.direction = Some(direction);
            if direction.sends() {
                let rtx = media
                    .payloads
                    .iter()
                    .any(|payload| payload.rtx_apt().is_some());
                write::stream(media, ours, rtx);
            }
        }
    }
    local_offer(local, capabilities)
}

fn local_offer(description: SessionDescription, capabilities: &Capabilities) -> LocalOffer {
    LocalOffer {
        sdp: description.emit(),
        description,
        capabilities: capabilities.clone(),
    }
}

fn rtp_section(
    kind: Kind,
    ours: &KindCapabilities,
    extensions: &[Extension],
    next: &mut u8,
) -> Media {
    let mut media = Media::empty(kind, "UDP/TLS/RTP/SAVPF".into(), String::new());
    media.direction = Some(Direction::of(
        !ours.send.is_empty(),
        !ours.receive.is_empty(),
    ));
    media.rtcp_mux = true;
    media.rtcp_rsize = true;
    media.receiver_rtt = true;
    media.extensions = Extension::ALL
        .into_iter()
        .zip(1..)
        .filter(|(extension, _)| extensions.contains(extension))
        .map(|(extension, id)| ExtensionMap { id, extension })
        .collect();
    let mut codecs: Vec<Codec> = Vec::new();
    for codec in ours.send.iter().chain(&ours.receive) {
        if !codecs.contains(codec) {
            codecs.push(*codec);
        }
    }
    for codec in codecs {
        let payload_type = match codec {
            Codec::Opus => 111,
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            _ => take(next),
        };
        let payload = Payload {
            payload_type,
            name: codec.name().into(),
            clock_rate: codec.clock_rate(),
            channels: codec.channels(),
            fmtp: codec.fmtp(),
            feedback: ours.feedback,
        };
        write::push(&mut media, payload);
        if ours.rtx {
            let rtx = write::rtx_payload(take(next), payload_type, codec.clock_rate());
            write::push(&mut media, rtx);
        }
    }
    if !ours.send.is_empty() {
        write::stream(&mut media, ours, ours.rtx);
    }
    media
}

/// The next free dynamic payload type; 111 belongs to Opus. Six codecs and their retransmissions
/// do not come near the end of the range.
fn take(next: &mut u8) -> u8 {
    let taken = *next;
    *next = match taken.saturating_add(1) {
        111 => 112,
        following => following.min(127),
    };
    taken
}

pub(super) fn accept_answer(
    offer: &LocalOffer,
    answer: &SessionDescription,
) -> Result<Negotiated, Error> {
    let offered = &offer.description.media;
    let mismatch = (0..offered.len().max(answer.media.len())).find(|index| {
        match (offered.get(*index), answer.media.get(*index)) {
            (Some(ours), Some(theirs)) => {
                ours.kind != theirs.kind
                    || (theirs.mid.is_some() && ours.mid != theirs.mid)
                    || (ours.is_rejected() && !theirs.is_rejected())
            }
            _ => true,
        }
    });
    if let Some(section) = mismatch {
        return Err(Error::AnswerMismatch { section });
    }

    let anchor = answer.media.iter().position(|media| !media.is_rejected());
    let Some(anchor) = anchor else {
        let sections = answer.media.iter().enumerate();
        return Ok(nothing(
            sections
                .map(|(index, media)| rejected_section(index, media))
                .collect(),
        ));
    };
    let bundle = answer
        .media
        .get(anchor)
        .and_then(|media| peer::group_of(answer, media));
    let role = match peer::setup(answer, anchor) {
        Some(Setup::Active) => DtlsRole::Server,
        Some(Setup::Passive) => DtlsRole::Client,
        _ => return Err(Error::BadSetup),
    };
    let sections = offered
        .iter()
        .zip(&answer.media)
        .enumerate()
        .map(|(index, (ours, theirs))| {
            let joins = match (bundle, &theirs.mid) {
                (Some(bundle), Some(mid)) => bundle.contains(mid),
                _ => index == anchor,
            };
            let accepted = joins && !theirs.is_rejected();
            let section = accepted
                .then(|| section(offer, answer, index, ours, theirs))
                .flatten();
            section.unwrap_or_else(|| rejected_section(index, ours))
        })
        .collect();
    peer::negotiated(answer, anchor, sections, role)
}

fn section(
    offer: &LocalOffer,
    answer: &SessionDescription,
    index: usize,
    ours: &Media,
    theirs: &Media,
) -> Option<Section> {
    let capabilities = &offer.capabilities;
    let Some(kind) = kind_capabilities(theirs, capabilities) else {
        return theirs.is_data_channel().then(|| accepted_data(index, ours));
    };
    let our_direction = offer.description.direction_of(ours);
    let their_direction = answer.direction_of(theirs);
    let matched = Matched::new(
        theirs,
        kind,
        our_direction.sends() && their_direction.receives(),
        our_direction.receives() && their_direction.sends(),
        Some(ours),
    );
    // Only what was offered under the same identifier was agreed on.
    let mut extensions = supported_extensions(answer, theirs, &capabilities.extensions);
    extensions.retain(|map| ours.extensions.contains(map));
    // Of what we send, or of what we receive if we only do that: feedback is stated per format, and
    // every browser states the same for all of them.
    let sent = matched.send.as_ref().map(|format| format.payload_type);
    let format = sent.or_else(|| matched.receive.first().map(|format| format.payload_type));
    Some(Section {
        direction: Direction::of(matched.send.is_some(), !matched.receive.is_empty()),
        extensions: extension_ids(&extensions),
        feedback: feedback(theirs, format).and(kind.feedback),
        rtcp_rsize: ours.rtcp_rsize && theirs.rtcp_rsize,
        remote_streams: peer::streams(theirs),
        send: matched.send,
        receive: matched.receive,
        rejected: false,
        ..rejected_section(index, ours)
    })
}
