//! Why a call or a connection failed, and why datagrams were dropped.

use core::fmt;

/// Why a call could not be done. None of them harms a connection that was up before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The session description was refused.
    Sdp(smolrtc_sdp::Error),
    /// The ICE credentials in the session description were refused.
    Ice(smolrtc_ice::Error),
    /// DTLS could not be started.
    Dtls(smolrtc_dtls::Error),
    /// A candidate line could not be read.
    Candidate(smolrtc_ice::ParseCandidateError),
    /// No section of the peer's description could be accepted: no codec or transport in common.
    NothingInCommon,
    /// An answer came without an offer of ours, or an offer while ours is out.
    WrongSignalingState,
    /// The peer's certificate fingerprint changed in a new description; a new connection is needed.
    FingerprintChanged,
    /// The connection is closed.
    Closed,
    /// A data-channel call failed.
    Channel(smolrtc_sctp::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdp(error) => error.fmt(f),
            Self::Ice(error) => error.fmt(f),
            Self::Dtls(error) => error.fmt(f),
            Self::Candidate(error) => error.fmt(f),
            Self::NothingInCommon => f.write_str(
                "the peer's session description has no section, codec and transport that we share",
            ),
            Self::WrongSignalingState => {
                f.write_str("an answer without our offer, or an offer while ours is outstanding")
            }
            Self::FingerprintChanged => f.write_str(
                "the peer's certificate changed in a new description; open a new connection",
            ),
            Self::Closed => f.write_str("the peer connection is closed"),
            Self::Channel(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<smolrtc_sdp::Error> for Error {
    fn from(error: smolrtc_sdp::Error) -> Self {
        Self::Sdp(error)
    }
}

impl From<smolrtc_ice::Error> for Error {
    fn from(error: smolrtc_ice::Error) -> Self {
        Self::Ice(error)
    }
}

impl From<smolrtc_dtls::Error> for Error {
    fn from(error: smolrtc_dtls::Error) -> Self {
        Self::Dtls(error)
    }
}

impl From<smolrtc_sctp::Error> for Error {
    fn from(error: smolrtc_sctp::Error) -> Self {
        Self::Channel(error)
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`PeerConnection::close`](crate::PeerConnection::close) was called.
    Local,
    /// The peer sent close_notify.
    Peer,
    /// The DTLS handshake or its records failed.
    Dtls(smolrtc_dtls::Error),
    /// The peer has not renewed its consent for 30 s (RFC 7675), or no candidate pair ever worked.
    Unreachable,
    /// The peer agreed on no SRTP profile, yet media was negotiated.
    NoSrtp,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("closed by us"),
            Self::Peer => f.write_str("closed by the peer"),
            Self::Dtls(error) => error.fmt(f),
            Self::Unreachable => f.write_str("no network path to the peer answers any more"),
            Self::NoSrtp => f.write_str("the peer agreed on no SRTP protection profile"),
        }
    }
}

smolrtc_base::drop_reasons! {
    /// Why a datagram was dropped before any protocol saw it.
    pub enum DropReason, counted by
    /// Datagrams dropped by the demultiplexer and its gates.
    pub struct Drops {
        /// The first byte belongs to no protocol of ours.
        UnknownProtocol = "unknown_protocol",
        /// DTLS from an address without a validated candidate pair.
        DtlsFromUnvalidated = "dtls_from_unvalidated",
        /// A fifth early ClientHello.
        TooManyEarlyHellos = "too_many_early_hellos",
        /// DTLS before a description said who the peer is.
        DtlsTooEarly = "dtls_too_early",
        /// RTP or RTCP from an address without a validated candidate pair.
        MediaFromUnvalidated = "media_from_unvalidated",
        /// RTP or RTCP before the keys: never decoded in the clear.
        MediaBeforeKeys = "media_before_keys",
        /// RTCP that authenticated but could not be read.
        MalformedRtcp = "malformed_rtcp",
        /// Anything after the end.
        Closed = "closed",
    }
}
