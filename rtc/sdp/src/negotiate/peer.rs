//! What a peer's description says about its transport.

use super::{DtlsRole, Negotiated, PeerStream, RemoteSctp, Section};
use crate::{Error, IceCredentials, Media, SessionDescription, Setup};
use alloc::{string::String, vec::Vec};

/// The section whose transport attributes hold for the bundle: the tagged one (RFC 9143
/// section 7.3), else `anchor`.
pub(super) fn tagged(peer: &SessionDescription, anchor: usize) -> Option<&Media> {
    let anchor = peer.media.get(anchor)?;
    let group = group_of(peer, anchor);
    let tagged = group.and_then(<[String]>::first);
    tagged
        .and_then(|mid| peer.section_of_mid(mid))
        .and_then(|index| peer.media.get(index))
        .or(Some(anchor))
}

/// The mids of the BUNDLE group that names `media`.
pub(super) fn group_of<'a>(peer: &'a SessionDescription, media: &Media) -> Option<&'a [String]> {
    let mid = media.mid.as_ref()?;
    peer.groups
        .iter()
        .find(|group| group.semantics == "BUNDLE" && group.mids.contains(mid))
        .map(|group| group.mids.as_slice())
}

/// The credentials of the first transport in use.
pub(super) fn ice(peer: &SessionDescription) -> Option<&IceCredentials> {
    let anchor = peer.media.iter().position(|media| !media.is_rejected())?;
    let anchor_ice = peer.media.get(anchor).and_then(|media| peer.ice_of(media));
    tagged(peer, anchor)
        .and_then(|media| peer.ice_of(media))
        .or(anchor_ice)
}

/// The peer's `a=setup`, as it holds for the bundle.
pub(super) fn setup(peer: &SessionDescription, anchor: usize) -> Option<Setup> {
    tagged(peer, anchor)
        .and_then(|media| media.transport.setup)
        .or_else(|| {
            peer.media
                .get(anchor)
                .and_then(|media| media.transport.setup)
        })
        .or(peer.transport.setup)
}

/// Puts everything together once the sections are decided; `anchor` is the first accepted one.
pub(super) fn negotiated(
    peer: &SessionDescription,
    anchor: usize,
    sections: Vec<Section>,
    dtls_role: DtlsRole,
) -> Result<Negotiated, Error> {
    let anchor_media = peer.media.get(anchor).ok_or(Error::NoIceCredentials)?;
    let tagged = tagged(peer, anchor).unwrap_or(anchor_media);
    let remote_ice = peer
        .ice_of(tagged)
        .or_else(|| peer.ice_of(anchor_media))
        .ok_or(Error::NoIceCredentials)?;
    let remote_fingerprints = [&tagged.transport, &anchor_media.transport, &peer.transport]
        .into_iter()
        .map(|transport| &transport.fingerprints)
        .find(|fingerprints| !fingerprints.is_empty())
        .ok_or(Error::NoFingerprint)?;
    // The C SDK repeats its candidates in every section.
    let mut remote_candidates: Vec<String> = Vec::new();
    let accepted = sections.iter().filter(|section| !section.rejected);
    let accepted = accepted.filter_map(|section| peer.media.get(section.index));
    for candidate in accepted.chain([tagged]).flat_map(|media| &media.candidates) {
        if !remote_candidates.contains(candidate) {
            remote_candidates.push(candidate.clone());
        }
    }
    let sctp = sections
        .iter()
        .filter(|section| !section.rejected)
        .find_map(|section| peer.media.get(section.index)?.sctp)
        .map(|sctp| RemoteSctp {
            port: sctp.port,
            // RFC 8841 section 6.1: 64 KiB if absent, 0 for no limit.
            max_message_size: match sctp.max_message_size {
                None => 65_536,
                Some(0) => u64::MAX,
                Some(size) => size,
            },
        });
    Ok(Negotiated {
        sdp: String::new(),
        remote_ice: Some(remote_ice.clone()),
        remote_ice_lite: peer.transport.ice_lite || tagged.transport.ice_lite,
        remote_trickle: peer.transport.trickle || tagged.transport.trickle,
        remote_candidates,
        remote_end_of_candidates: tagged.end_of_candidates,
        remote_fingerprints: remote_fingerprints.clone(),
        dtls_role,
        sctp,
        sections,
    })
}

/// The sources that a section announces, retransmission sources folded into theirs.
pub(super) fn streams(media: &Media) -> Vec<PeerStream> {
    media
        .streams
        .iter()
        .filter(|stream| !media.fid.iter().any(|(_, rtx)| *rtx == stream.ssrc))
        .map(|stream| PeerStream {
            ssrc: stream.ssrc,
            rtx_ssrc: media
                .fid
                .iter()
                .find(|(media, _)| *media == stream.ssrc)
                .map(|(_, rtx)| *rtx),
            cname: stream.cname.clone(),
        })
        .collect()
}
