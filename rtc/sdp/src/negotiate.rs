//! Offer and answer (RFC 3264, RFC 8829) for a camera: stateless functions.
//!
//! The camera offers at most one stream of each kind and one transport. [`answer`] keeps the order
//! of the offer's sections, accepts what it can and rejects the rest with port 0; the sections it
//! accepts share one BUNDLE transport. A section that cannot join it is rejected.

mod answer;
mod matching;
mod offer;
mod peer;
mod write;

use crate::{
    Codec, Direction, Error, Extension, ExtensionIds, Feedback, Fingerprint, IceCredentials, Kind,
    SessionDescription,
};
use alloc::{string::String, vec::Vec};

/// What we can do, and what we announce.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Audio.
    pub audio: KindCapabilities,
    /// Video.
    pub video: KindCapabilities,
    /// Data channels: port and largest message we take; `None` rejects data sections.
    pub data: Option<DataCapabilities>,
    /// Header extensions we support.
    pub extensions: Vec<Extension>,
    /// Our ICE credentials.
    pub ice: Option<IceCredentials>,
    /// Announce trickle ICE.
    pub trickle: bool,
    /// Our candidates known so far, each from `candidate:` on.
    pub candidates: Vec<String>,
    /// No further candidate will follow.
    pub end_of_candidates: bool,
    /// Digests of our certificate.
    pub fingerprints: Vec<Fingerprint>,
    /// Our DTLS role when the choice is ours (the offer says `actpass`): `Active` unless
    /// an existing association made us `Passive`. Offers always say `actpass`.
    pub role: DtlsRole,
    /// `o=` session id; one number a session, kept over renegotiations.
    pub session_id: u64,
    /// `o=` session version; one more with each description of a session.
    pub session_version: u64,
}

/// What we can do in one kind of media.
///
/// An empty `send` or `receive` means that we cannot: the section's direction follows. Who sends
/// several codecs lists them in order of preference; one is chosen a section.
#[derive(Clone, Debug, Default)]
pub struct KindCapabilities {
    /// Codecs that we have to send, most preferred first.
    pub send: Vec<Codec>,
    /// Codecs that we can take.
    pub receive: Vec<Codec>,
    /// The stream that we announce when we send.
    pub stream: Option<LocalStream>,
    /// RTCP feedback that we understand.
    pub feedback: Feedback,
    /// Whether we retransmit by RFC 4588 when offered.
    pub rtx: bool,
}

/// The stream that a section announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStream {
    /// Synchronization source.
    pub ssrc: u32,
    /// Source of the retransmissions, announced when RTX is negotiated.
    pub rtx_ssrc: Option<u32>,
    /// Canonical name; the same for audio and video that are to be played in step.
    pub cname: String,
    /// MediaStream identifier of `a=msid`.
    pub stream_id: String,
    /// MediaStreamTrack identifier of `a=msid`.
    pub track_id: String,
}

/// What we announce for data channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataCapabilities {
    /// SCTP port.
    pub port: u16,
    /// Largest message that we take, bytes.
    pub max_message_size: u32,
}

/// Who sends the ClientHello.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtlsRole {
    /// We do (`a=setup:active`).
    #[default]
    Client,
    /// The peer does (`a=setup:passive`).
    Server,
}

/// What offer and answer agreed on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Negotiated {
    /// The answer to send; empty after [`accept_answer`].
    pub sdp: String,
    /// One entry a section, in the order of the offer.
    pub sections: Vec<Section>,
    /// The peer's ICE credentials; `None` only if every section was rejected.
    pub remote_ice: Option<IceCredentials>,
    /// The peer's ICE is lite: we take the controlling role.
    pub remote_ice_lite: bool,
    /// The peer trickles: it may send candidates later, and takes ours later.
    pub remote_trickle: bool,
    /// The peer's candidates so far, each from `candidate:` on.
    pub remote_candidates: Vec<String>,
    /// The peer said that no candidate will follow.
    pub remote_end_of_candidates: bool,
    /// Digests of the peer's certificate; never empty unless every section was rejected.
    pub remote_fingerprints: Vec<Fingerprint>,
    /// Our DTLS role.
    pub dtls_role: DtlsRole,
    /// The peer's data-channel parameters, if data channels were agreed on.
    pub sctp: Option<RemoteSctp>,
}

impl Negotiated {
    /// Whether anything at all was accepted.
    #[must_use]
    pub fn accepts_anything(&self) -> bool {
        self.sections.iter().any(|section| !section.rejected)
    }

    /// The section that carries our stream of `kind`.
    #[must_use]
    pub fn sending(&self, kind: &Kind) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.kind == *kind && section.send.is_some())
    }
}

/// What was agreed on for one section.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// Index of the `m=` line.
    pub index: usize,
    /// `a=mid`, empty if the offer has none.
    pub mid: String,
    /// Audio, video, data.
    pub kind: Kind,
    /// Port 0: nothing flows.
    pub rejected: bool,
    /// The flow, seen from us.
    pub direction: Direction,
    /// What we send, if we do.
    pub send: Option<SendFormat>,
    /// What may arrive.
    pub receive: Vec<ReceiveFormat>,
    /// Header extension identifiers; the same both ways.
    pub extensions: ExtensionIds,
    /// Feedback agreed on for the format that we send; for the first we receive if we send none.
    pub feedback: Feedback,
    /// RTCP packets need not be compound (RFC 5506).
    pub rtcp_rsize: bool,
    /// Sources that the peer announces, with retransmission source and name.
    pub remote_streams: Vec<PeerStream>,
}

/// The format that we send in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendFormat {
    /// Payload type.
    pub payload_type: u8,
    /// Codec, with the parameters of what we send.
    pub codec: Codec,
    /// Payload type of retransmissions, if agreed on.
    pub rtx: Option<u8>,
    /// The peer's `a=fmtp` parameters for it.
    pub fmtp: String,
}

/// A format that may arrive in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveFormat {
    /// Payload type.
    pub payload_type: u8,
    /// Codec, with the peer's parameters.
    pub codec: Codec,
    /// Payload type of its retransmissions, if agreed on.
    pub rtx: Option<u8>,
}

/// A source that the peer announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStream {
    /// Synchronization source.
    pub ssrc: u32,
    /// Source of its retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Canonical name.
    pub cname: String,
}

/// The peer's side of the SCTP association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSctp {
    /// SCTP port.
    pub port: u16,
    /// Largest message that the peer takes, bytes; `u64::MAX` if it takes any.
    pub max_message_size: u64,
}

/// An offer of ours.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalOffer {
    /// The text to send.
    pub sdp: String,
    /// The same as a structure, which [`accept_answer`] compares with the answer.
    pub description: SessionDescription,
    /// What we can do, for [`accept_answer`].
    pub capabilities: Capabilities,
}

/// Answers an offer.
///
/// # Errors
///
/// [`Error::NoIceCredentials`] or [`Error::NoFingerprint`] if a section could be accepted but the
/// offer does not say how to reach the peer or how to know it. An offer of which nothing can
/// be accepted is no error: the answer has every section at port 0.
pub fn answer(
    offer: &SessionDescription,
    capabilities: &Capabilities,
) -> Result<Negotiated, Error> {
    answer::answer(offer, capabilities)
}

/// Makes the first offer of a session: a section for each kind that we can send or receive, in the
/// order audio, video, data, with the mids 0, 1, 2.
#[must_use]
pub fn offer(capabilities: &Capabilities) -> LocalOffer {
    offer::offer(capabilities)
}

/// Makes a further offer of a session from the description that we sent last (offer or answer): the
/// same sections, mids and payload types, with the credentials and candidates of `capabilities`.
/// New credentials make it an ICE restart.
#[must_use]
pub fn reoffer(last_sent: &SessionDescription, capabilities: &Capabilities) -> LocalOffer {
    offer::reoffer(last_sent, capabilities)
}

/// Takes the peer's answer to our offer.
///
/// # Errors
///
/// [`Error::AnswerMismatch`] if the sections are not those of the offer, [`Error::BadSetup`] if
/// the roles do not fit, [`Error::NoIceCredentials`] and [`Error::NoFingerprint`] as in [`answer`].
pub fn accept_answer(offer: &LocalOffer, answer: &SessionDescription) -> Result<Negotiated, Error> {
    offer::accept_answer(offer, answer)
}

/// An answer that rejects every section and says why in its `s=` line.
///
/// [`SessionDescription::refusal`] reads the reason back.
#[must_use]
pub fn reject_all(offer: &SessionDescription, reason: &str) -> String {
    answer::reject_all(offer, reason)
}

/// Whether `new` restarts ICE relative to `old`: the credentials of its transport differ
/// (RFC 8839 section 4.4.1.1.1).
#[must_use]
pub fn ice_restart(old: &SessionDescription, new: &SessionDescription) -> bool {
    match (peer::ice(old), peer::ice(new)) {
        (Some(old), Some(new)) => old != new,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
