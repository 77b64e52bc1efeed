//! Misuse of the API, and why packets were dropped.

use core::fmt;

/// Why a channel could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Label or protocol is longer than 255 bytes.
    NameTooLong,
    /// The negotiated stream identifier is taken, or 65,535, which RFC 8832 section 6 excludes.
    StreamIdInUse,
    /// As many channels as the limit `data_channels` allows are open, or the peer has no stream
    /// left.
    TooManyChannels,
    /// The association ended.
    Closed,
    /// No such channel.
    NoSuchChannel,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTooLong => "the channel's label or protocol is longer than 255 bytes",
            Self::StreamIdInUse => "the negotiated stream identifier is in use or 65535",
            Self::TooManyChannels => "no more data channels fit; close one or raise data_channels",
            Self::Closed => "the SCTP association has ended",
            Self::NoSuchChannel => "no data channel has this identifier",
        })
    }
}

impl core::error::Error for Error {}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The message is longer than the peer accepts.
    TooLarge {
        /// Most bytes a message may have.
        max: usize,
    },
    /// The send buffer is full; wait for [`Event::BufferedAmountLow`](crate::Event).
    BufferFull,
    /// The channel does not exist or is closing.
    NotOpen,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { max } => write!(f, "the peer accepts messages up to {max} bytes"),
            Self::BufferFull => f.write_str("the send buffer is full; wait until it drains"),
            Self::NotOpen => f.write_str("the data channel is not open"),
        }
    }
}

impl core::error::Error for SendError {}

smolrtc_base::drop_reasons! {
    /// Why a packet, a chunk or a message was dropped.
    pub enum DropReason, counted by
    /// Drops by reason.
    pub struct Drops {
        /// The packet ended inside a header, or a chunk's length lies.
        Malformed = "malformed",
        /// The CRC32c did not match.
        BadChecksum = "bad_checksum",
        /// Other ports than ours.
        WrongPort = "wrong_port",
        /// The verification tag is not ours.
        WrongTag = "wrong_tag",
        /// A chunk that has no meaning in this state.
        UnexpectedChunk = "unexpected_chunk",
        /// A chunk type nobody here knows.
        UnknownChunk = "unknown_chunk",
        /// INIT or INIT ACK with a zero tag, no stream, or an unusable parameter.
        BadInit = "bad_init",
        /// A state cookie that we did not make, or made too long ago.
        BadCookie = "bad_cookie",
        /// DATA that was received before.
        DuplicateTsn = "duplicate_tsn",
        /// A TSN too far ahead of the last one in order.
        TsnTooFar = "tsn_too_far",
        /// DATA without a byte, or a fragment that does not fit its neighbours.
        BadData = "bad_data",
        /// No room: receive window, gaps or fragments at their limit.
        ReceiveBufferFull = "receive_buffer_full",
        /// A message on a stream that is no data channel.
        UnknownStream = "unknown_stream",
        /// A payload protocol identifier that is no WebRTC one.
        UnknownPayload = "unknown_payload",
        /// A DCEP message that could not be read.
        BadDcep = "bad_dcep",
        /// A peer's OPEN on a stream that is taken, of the wrong parity, or beyond the limit.
        RefusedChannel = "refused_channel",
        /// An old or impossible acknowledgement.
        StaleSack = "stale_sack",
        /// A RE-CONFIG request or response out of turn.
        BadReconfig = "bad_reconfig",
        /// A HEARTBEAT ACK that answers nothing of ours.
        BadHeartbeat = "bad_heartbeat",
    }
}
