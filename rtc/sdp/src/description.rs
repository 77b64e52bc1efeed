//! A description as a structure.

use alloc::{string::String, vec::Vec};
use smolrtc_base::SecretBytes;

/// A parsed session description, or one to be emitted.
///
/// `parse(x.emit()) == x` for every description that `parse` returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionDescription {
    /// Session id of the `o=` line, as text: it is only ever echoed or compared.
    pub session_id: String,
    /// Session version of the `o=` line; grows by one with each new description of a session.
    pub session_version: u64,
    /// `s=`; `-` when there is nothing to say. Our refusals put their reason here.
    pub name: String,
    /// Groups, in order; WebRTC uses `BUNDLE` and `LS`.
    pub groups: Vec<Group>,
    /// `a=extmap-allow-mixed` at session level.
    pub extmap_allow_mixed: bool,
    /// The text after `a=msid-semantic:`.
    pub msid_semantic: Option<String>,
    /// Transport attributes that hold for every section without its own.
    pub transport: Transport,
    /// Header extensions that hold for every section without its own.
    pub extensions: Vec<ExtensionMap>,
    /// The direction of sections that state none (RFC 8866 section 6.7).
    pub direction: Option<Direction>,
    /// The media sections, in order.
    pub media: Vec<Media>,
}

impl SessionDescription {
    /// The mids of the first BUNDLE group, or an empty slice.
    #[must_use]
    pub fn bundle(&self) -> &[String] {
        self.groups
            .iter()
            .find(|group| group.semantics == "BUNDLE")
            .map_or(&[], |group| &group.mids)
    }

    /// The index of the section named `mid`.
    #[must_use]
    pub fn section_of_mid(&self, mid: &str) -> Option<usize> {
        self.media
            .iter()
            .position(|media| media.mid.as_deref() == Some(mid))
    }

    /// The direction of a section: its own, the session's, or sendrecv.
    #[must_use]
    pub fn direction_of(&self, media: &Media) -> Direction {
        media
            .direction
            .or(self.direction)
            .unwrap_or(Direction::SendRecv)
    }

    /// The ICE credentials that a section uses: its own or the session's.
    #[must_use]
    pub fn ice_of<'a>(&'a self, media: &'a Media) -> Option<&'a IceCredentials> {
        media.transport.ice.as_ref().or(self.transport.ice.as_ref())
    }

    /// Frees what only an answer to this description needs: formats, header extensions, candidates,
    /// sources. What a later description is compared with stays: session id and version, groups,
    /// mids, directions, ICE credentials and fingerprints.
    pub fn forget_formats(&mut self) {
        self.extensions = Vec::new();
        self.msid_semantic = None;
        for media in &mut self.media {
            media.formats = String::new();
            media.protocol = String::new();
            media.candidates = Vec::new();
            media.payloads = Vec::new();
            media.extensions = Vec::new();
            media.msid = Vec::new();
            media.streams = Vec::new();
            media.fid = Vec::new();
        }
        self.media.shrink_to_fit();
    }

    /// The reason a camera gave for refusing every section, if this is such an answer.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        let refused = !self.media.is_empty() && self.media.iter().all(Media::is_rejected);
        (refused && self.name.len() > 1).then_some(self.name.as_str())
    }
}

/// `a=group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `BUNDLE`, `LS`, ...
    pub semantics: String,
    /// The mids of the group, in order; the first is the tagged one (RFC 9143 section 7.2).
    pub mids: Vec<String>,
}

/// What a section says about ICE and DTLS; also the session-level defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// `a=ice-ufrag` and `a=ice-pwd`.
    pub ice: Option<IceCredentials>,
    /// `a=ice-options` names `trickle` (RFC 8838).
    pub trickle: bool,
    /// `a=ice-lite`.
    pub ice_lite: bool,
    /// `a=fingerprint` lines with a hash that we know.
    pub fingerprints: Vec<Fingerprint>,
    /// `a=setup`.
    pub setup: Option<Setup>,
}

/// ICE user name fragment and password of one side (RFC 8839 section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceCredentials {
    /// User name fragment.
    pub ufrag: String,
    /// Password; not shown by `Debug`.
    pub pwd: SecretBytes,
}

impl IceCredentials {
    /// Credentials from text.
    #[must_use]
    pub fn new(ufrag: &str, pwd: &str) -> Self {
        Self {
            ufrag: ufrag.into(),
            pwd: SecretBytes::from(pwd),
        }
    }
}

/// `a=setup` (RFC 8842).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// DTLS client.
    Active,
    /// DTLS server.
    Passive,
    /// Either, at the answerer's choice.
    ActPass,
    /// No connection now.
    HoldConn,
}

/// Hash functions of `a=fingerprint` that we accept (RFC 8122 section 5, less the broken ones).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashFunction {
    /// `sha-256`, 32 bytes.
    Sha256,
    /// `sha-384`, 48 bytes.
    Sha384,
    /// `sha-512`, 64 bytes.
    Sha512,
}

impl HashFunction {
    /// Bytes of a digest.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    pub(crate) fn from_token(token: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|hash| token.eq_ignore_ascii_case(hash.token()))
    }
}

/// `a=fingerprint`: the digest of the certificate that the peer will present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The hash function.
    pub hash: HashFunction,
    /// The digest; as long as the hash function makes it.
    pub digest: Vec<u8>,
}

/// The kind of a media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `audio`
    Audio,
    /// `video`
    Video,
    /// `application`: data channels when the protocol and format say so.
    Application,
    /// Anything else; such sections are rejected.
    Other(String),
}

impl Kind {
    /// The token of the `m=` line.
    #[must_use]
    pub fn token(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
            Self::Other(token) => token,
        }
    }
}

/// Which way media flows, seen from the side that wrote the description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// From the writer.
    SendOnly,
    /// To the writer.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// The direction with the given halves.
    #[must_use]
    pub const fn of(send: bool, receive: bool) -> Self {
        match (send, receive) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the writer sends.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same flow seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// The attribute's name.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// One media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Audio, video, data or something else.
    pub kind: Kind,
    /// Port of the `m=` line: 9 (discard) while ICE decides, 0 for a rejected section.
    pub port: u16,
    /// Protocol, such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// The formats of the `m=` line as they stand; a rejected section echoes them.
    pub formats: String,
    /// `a=mid`.
    pub mid: Option<String>,
    /// `a=bundle-only`: the port of 0 is no rejection (RFC 9143 section 6).
    pub bundle_only: bool,
    /// The direction, if stated.
    pub direction: Option<Direction>,
    /// ICE and DTLS attributes of this section.
    pub transport: Transport,
    /// Candidates, each from `candidate:` on, as they stand.
    pub candidates: Vec<String>,
    /// `a=end-of-candidates`.
    pub end_of_candidates: bool,
    /// `a=rtcp-mux`.
    pub rtcp_mux: bool,
    /// `a=rtcp-rsize` (RFC 5506).
    pub rtcp_rsize: bool,
    /// `a=rtcp-xr:rcvr-rtt=`: a receiver's reference time is answered, so that it learns its round
    /// trip although it sends nothing (RFC 3611 section 5.1).
    pub receiver_rtt: bool,
    /// Payload formats in order of preference, RTP sections only.
    pub payloads: Vec<Payload>,
    /// Header extensions.
    pub extensions: Vec<ExtensionMap>,
    /// `a=msid`, the text after the colon.
    pub msid: Vec<String>,
    /// Synchronization sources with the names they carry.
    pub streams: Vec<RemoteStream>,
    /// Pairs of (media, retransmission) sources: `a=ssrc-group:FID`.
    pub fid: Vec<(u32, u32)>,
    /// `a=sctp-port` and `a=max-message-size`, data-channel sections only.
    pub sctp: Option<Sctp>,
}

impl Media {
    /// Whether the section is rejected or disabled (port 0 without `a=bundle-only`).
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }

    /// Whether the protocol is one of RTP over DTLS-SRTP (RFC 8829 section 5.1.2).
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        matches!(
            self.protocol.as_str(),
            "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "TCP/DTLS/RTP/SAVPF" | "RTP/SAVPF"
        )
    }

    /// Whether this is a data-channel section.
    #[must_use]
    pub const fn is_data_channel(&self) -> bool {
        self.sctp.is_some()
    }

    /// The retransmission payload type that goes with `payload_type`, if one is offered.
    #[must_use]
    pub fn rtx_of(&self, payload_type: u8) -> Option<u8> {
        self.payloads
            .iter()
            .find(|payload| payload.rtx_apt() == Some(payload_type))
            .map(|payload| payload.payload_type)
    }
}

/// One payload format of an RTP section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// RTP payload type, 0–127.
    pub payload_type: u8,
    /// Encoding name of `a=rtpmap`, as written; empty if none is known.
    pub name: String,
    /// Clock rate, Hz.
    pub clock_rate: u32,
    /// Channels; 1 if not stated.
    pub channels: u8,
    /// The parameters of `a=fmtp`, as they stand; empty if there are none.
    pub fmtp: String,
    /// `a=rtcp-fb` lines that we know.
    pub feedback: Feedback,
}

impl Payload {
    /// The value of a parameter of `a=fmtp`, names compared without case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The payload type that this format retransmits, if it is `rtx` (RFC 4588 section 8.1).
    #[must_use]
    pub fn rtx_apt(&self) -> Option<u8> {
        if self.name.eq_ignore_ascii_case("rtx") {
            self.parameter("apt")?.parse().ok().filter(|pt| *pt < 128)
        } else {
            None
        }
    }
}

/// Kinds of RTCP feedback that can be negotiated (RFC 4585, 5104).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// `nack`
    pub nack: bool,
    /// `nack pli`
    pub pli: bool,
    /// `ccm fir`
    pub fir: bool,
    /// `goog-remb`
    pub remb: bool,
    /// `transport-cc`
    pub transport_cc: bool,
}

impl Feedback {
    /// Every kind.
    pub const ALL: Self = Self {
        nack: true,
        pli: true,
        fir: true,
        remb: true,
        transport_cc: true,
    };

    /// Transport-wide congestion control alone: what audio uses.
    pub const AUDIO: Self = Self {
        nack: false,
        pli: false,
        fir: false,
        remb: false,
        transport_cc: true,
    };

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            nack: self.nack && other.nack,
            pli: self.pli && other.pli,
            fir: self.fir && other.fir,
            remb: self.remb && other.remb,
            transport_cc: self.transport_cc && other.transport_cc,
        }
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            nack: self.nack || other.nack,
            pli: self.pli || other.pli,
            fir: self.fir || other.fir,
            remb: self.remb || other.remb,
            transport_cc: self.transport_cc || other.transport_cc,
        }
    }
}

/// `a=extmap` (RFC 8285 section 5) of an extension that we know; others are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionMap {
    /// Local identifier: 1–14 fit the one-byte header, 15–255 only the two-byte one.
    pub id: u8,
    /// Which extension.
    pub extension: Extension,
}

/// Header extensions that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid` (RFC 9143 section 15)
    Mid,
    /// Absolute send time.
    AbsSendTime,
    /// Transport-wide sequence number.
    TransportWideCc,
}

impl Extension {
    /// Every extension, in the order in which we number them.
    pub const ALL: [Self; 3] = [Self::Mid, Self::AbsSendTime, Self::TransportWideCc];

    /// The URI of `a=extmap`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportWideCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
        }
    }
}

/// The identifiers that an accepted section gives to the extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// Of [`Extension::Mid`].
    pub mid: Option<u8>,
    /// Of [`Extension::AbsSendTime`].
    pub abs_send_time: Option<u8>,
    /// Of [`Extension::TransportWideCc`].
    pub transport_wide_cc: Option<u8>,
}

/// One synchronization source that a description announces (RFC 5576).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteStream {
    /// The source.
    pub ssrc: u32,
    /// `cname:`; empty if not stated.
    pub cname: String,
}

/// The parameters of a data-channel section (RFC 8841).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// SCTP port, 5000 by custom.
    pub port: u16,
    /// Largest message the writer takes, bytes; `None` if not stated (64 KiB then), `Some(0)` for
    /// any length.
    pub max_message_size: Option<u64>,
}
