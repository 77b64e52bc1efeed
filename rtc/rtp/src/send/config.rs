//! What a caller sets and gets.

use crate::packet::ExtensionIds;
use crate::{Codec, Mid, PayloadType, Ssrc};
use alloc::string::String;
use smolrtc_base::{Duration, Instant};

/// How a [`Sender`](super::Sender) behaves. Valid as [`Default`] gives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Canonical name in RTCP SDES, the one written into the session description (RFC 7022); at
    /// most 255 bytes are sent.
    pub cname: String,
    /// First guess of the bandwidth, bit/s. 600 kbit/s: a link that carries less shows it within
    /// its first feedback, a link that carries more doubles it every second.
    pub start_bitrate: u32,
    /// The estimate never falls below, bit/s. Below it frames are thinned, not bits.
    pub min_bitrate: u32,
    /// The estimate never rises above, bit/s.
    pub max_bitrate: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cname: String::new(),
            start_bitrate: 600_000,
            min_bitrate: 50_000,
            max_bitrate: 20_000_000,
        }
    }
}

/// A retransmission stream (RFC 4588).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtxConfig {
    /// Its payload type: the one with `apt` naming the stream's.
    pub payload_type: PayloadType,
    /// Its SSRC; drawn at random when `None`.
    pub ssrc: Option<Ssrc>,
}

/// One track to one viewer.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Which of the rings given to the verbs carries the track.
    pub track: usize,
    /// The track's codec.
    pub codec: Codec,
    /// Payload type negotiated for it.
    pub payload_type: PayloadType,
    /// SSRC announced in the session description; drawn at random when `None`.
    pub ssrc: Option<Ssrc>,
    /// Retransmission stream, when negotiated.
    pub rtx: Option<RtxConfig>,
    /// The media section's mid, sent in a header extension when that is negotiated.
    pub mid: Option<Mid>,
    /// Header extensions negotiated.
    pub extensions: ExtensionIds,
    /// Whether SRTP uses an AEAD profile: then a packet never goes out twice under one index.
    pub aead: bool,
    /// Whether `nack` feedback was negotiated; otherwise nothing is resent.
    pub nack: bool,
}

/// A stream of a [`Sender`](super::Sender).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u32);

/// Why a stream was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The sender has as many streams as it may have (16).
    TooManyStreams,
    /// The SSRC is in use by another stream of this sender.
    SsrcInUse(Ssrc),
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooManyStreams => f.write_str("a viewer gets at most 16 streams"),
            Self::SsrcInUse(ssrc) => write!(f, "SSRC {:#010x} is in use", ssrc.0),
        }
    }
}

impl core::error::Error for ConfigError {}

/// An RTP packet that lies in the buffer given to [`poll_packet`](super::Sender::poll_packet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its length, bytes.
    pub len: usize,
    /// Length of its header with extensions, bytes: what SRTP leaves readable.
    pub header_len: usize,
    /// SSRC in its header: the stream's, or that of its retransmission stream.
    pub ssrc: Ssrc,
    /// SRTP packet index: rollover counter << 16 | sequence number.
    pub index: u64,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Whether it carries something sent before.
    pub resend: bool,
    /// Whether it is byte for byte a packet sent before, under the same index: only then may SRTP
    /// protect an index again.
    pub plain_resend: bool,
}

/// What the sender wants of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This viewer cannot go on without a new key frame of the track. Ask
    /// [`Ring::request_key_frame`](crate::history::Ring::request_key_frame) whether the encoder should hear of it.
    KeyFrameNeeded {
        /// Index of the ring.
        track: usize,
    },
    /// The bandwidth estimate moved by more than 5 %: what all media streams together may use.
    TargetBitrate {
        /// Bits per second, payload and RTP headers.
        bps: u32,
    },
}

/// What a sender's next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A media packet may leave.
    Media,
    /// A resend may leave.
    Resend,
    /// A key frame is still missing and is asked for again.
    KeyFrame,
    /// A sender report is due.
    Report,
}

/// When something is due.
pub(super) type Due = Option<(Instant, Reason)>;

/// The earlier of the two.
pub(super) fn earlier(a: Due, b: Due) -> Due {
    match (a, b) {
        (Some(x), Some(y)) => Some(if y.0 < x.0 { y } else { x }),
        (x, y) => x.or(y),
    }
}

/// Until a round trip was measured.
pub(super) const DEFAULT_RTT: Duration = Duration::from_millis(100);
