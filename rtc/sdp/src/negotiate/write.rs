//! The parts of our own descriptions.

use super::{Capabilities, DataCapabilities, KindCapabilities};
use crate::{
    Codec, Extension, ExtensionIds, ExtensionMap, Group, Media, Payload, RemoteStream, Sctp,
    SessionDescription, Setup,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) fn session(capabilities: &Capabilities) -> SessionDescription {
    SessionDescription {
        session_id: capabilities.session_id.to_string(),
        session_version: capabilities.session_version,
        name: "-".into(),
        ..SessionDescription::default()
    }
}

/// Groups every section that was not rejected.
pub(super) fn bundle(local: &mut SessionDescription) {
    let accepted = local.media.iter().filter(|media| !media.is_rejected());
    let mids: Vec<String> = accepted.filter_map(|media| media.mid.clone()).collect();
    if !mids.is_empty() {
        local.groups.push(Group {
            semantics: "BUNDLE".into(),
            mids,
        });
    }
}

/// ICE and DTLS attributes; each section repeats them, as browsers do. The candidates stand in the
/// first section only, which is the tagged one.
pub(super) fn transport(media: &mut Media, ours: &Capabilities, setup: Setup, first: bool) {
    media.transport.ice.clone_from(&ours.ice);
    media.transport.trickle = ours.trickle;
    media.transport.fingerprints.clone_from(&ours.fingerprints);
    media.transport.setup = Some(setup);
    media.candidates.clear();
    if first {
        media.candidates.clone_from(&ours.candidates);
    }
    media.end_of_candidates = first && ours.end_of_candidates;
}

/// The formats `types` of `media`, with the parameters of our side.
pub(super) fn payloads(
    written: &mut Media,
    media: &Media,
    ours: &KindCapabilities,
    types: &[(u8, Option<u8>)],
) {
    written.formats.clear();
    for (payload_type, rtx) in types {
        let Some(theirs) = media
            .payloads
            .iter()
            .find(|payload| payload.payload_type == *payload_type)
        else {
            continue;
        };
        let mut payload = theirs.clone();
        payload.feedback = theirs.feedback.and(ours.feedback);
        payload.fmtp = answer_fmtp(theirs, ours);
        push(written, payload);
        if let Some(rtx) = rtx {
            push(written, rtx_payload(*rtx, *payload_type, theirs.clock_rate));
        }
    }
}

/// Appends a payload format and its entry in the `m=` line.
pub(super) fn push(written: &mut Media, payload: Payload) {
    if !written.formats.is_empty() {
        written.formats.push(' ');
    }
    written.formats.push_str(&payload.payload_type.to_string());
    written.payloads.push(payload);
}

pub(super) fn rtx_payload(payload_type: u8, apt: u8, clock_rate: u32) -> Payload {
    Payload {
        payload_type,
        name: "rtx".into(),
        clock_rate,
        channels: 1,
        fmtp: format!("apt={apt}"),
        feedback: crate::Feedback::default(),
    }
}

/// The parameters with which we accept a format.
fn answer_fmtp(theirs: &Payload, ours: &KindCapabilities) -> String {
    match Codec::of(theirs) {
        // The profile is symmetric; the level is what we take, unless the peer does not allow the
        // two directions to differ (RFC 6184 section 8.2.2).
        Some(Codec::H264 {
            profile_level_id,
            packetization_mode,
        }) => {
            let asymmetric = theirs.parameter("level-asymmetry-allowed") == Some("1");
            let level = ours
                .send
                .iter()
                .chain(&ours.receive)
                .filter_map(|codec| match codec {
                    Codec::H264 {
                        profile_level_id, ..
                    } => Some(profile_level_id.level()),
                    _ => None,
                })
                .max()
                .unwrap_or(profile_level_id.level());
            let level = if asymmetric {
                level
            } else {
                level.min(profile_level_id.level())
            };
            Codec::H264 {
                profile_level_id: profile_level_id.with_level(level),
                packetization_mode,
            }
            .fmtp()
        }
        Some(Codec::Opus) => Codec::Opus.fmtp(),
        _ => theirs.fmtp.clone(),
    }
}

/// Announces our stream in a section.
pub(super) fn stream(written: &mut Media, ours: &KindCapabilities, rtx: bool) {
    let Some(stream) = &ours.stream else {
        return;
    };
    written.msid = Vec::from([format!("{} {}", stream.stream_id, stream.track_id)]);
    let rtx_ssrc = stream.rtx_ssrc.filter(|_| rtx);
    written.fid = rtx_ssrc.map(|rtx| (stream.ssrc, rtx)).into_iter().collect();
    written.streams = [Some(stream.ssrc), rtx_ssrc]
        .into_iter()
        .flatten()
        .map(|ssrc| RemoteStream {
            ssrc,
            cname: stream.cname.clone(),
        })
        .collect();
}

pub(super) fn sctp(ours: DataCapabilities) -> Sctp {
    Sctp {
        port: ours.port,
        max_message_size: Some(ours.max_message_size.into()),
    }
}

/// The offered extensions that we support, under the offered identifiers, as far as these fit the
/// one-byte header (RFC 8285 section 4.2).
pub(super) fn supported_extensions(
    peer: &SessionDescription,
    media: &Media,
    ours: &[Extension],
) -> Vec<ExtensionMap> {
    let mut maps: Vec<ExtensionMap> = Vec::new();
    for map in media.extensions.iter().chain(&peer.extensions) {
        let usable = map.id < 15 && ours.contains(&map.extension);
        let known = maps.iter().any(|known| known.extension == map.extension);
        if usable && !known && (map.extension != Extension::Mid || media.mid.is_some()) {
            maps.push(*map);
        }
    }
    maps
}

pub(super) fn extension_ids(maps: &[ExtensionMap]) -> ExtensionIds {
    let id = |extension| {
        maps.iter()
            .find(|map| map.extension == extension)
            .map(|map| map.id)
    };
    ExtensionIds {
        mid: id(Extension::Mid),
        abs_send_time: id(Extension::AbsSendTime),
        transport_wide_cc: id(Extension::TransportWideCc),
    }
}
