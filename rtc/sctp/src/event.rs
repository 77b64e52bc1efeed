//! What an association tells its owner.

use crate::Reliability;

/// A data channel: its SCTP stream identifier, which W3C calls `id`. The identifier is used again
/// after [`Event::ChannelClosed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub(crate) u16);

impl ChannelId {
    /// The stream identifier, 0..=65,534.
    #[must_use]
    pub const fn stream_id(self) -> u16 {
        self.0
    }
}

/// What a message holds, as its payload protocol identifier says (RFC 8831 section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text. Received text is handed over as it came: check it before use.
    Text,
    /// Bytes.
    Binary,
}

/// Why an association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`abort`](crate::Association::abort) was called.
    LocalAbort,
    /// The peer sent ABORT with this first error cause (RFC 9260 section 3.3.10), 0 for none.
    RemoteAbort {
        /// Cause code.
        cause: u16,
    },
    /// Both sides finished an orderly shutdown.
    Shutdown,
    /// The peer did not answer INIT or COOKIE ECHO (9 tries).
    HandshakeTimeout,
    /// The peer acknowledged nothing over 10 retransmissions in a row.
    PeerUnreachable,
    /// The peer sent a message larger than announced.
    ProtocolViolation,
}

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The handshake is over.
    Established,
    /// A channel is open: the peer opened it, or acknowledged ours.
    ChannelOpened {
        /// The channel.
        id: ChannelId,
        /// Its label.
        label: &'a str,
        /// Its subprotocol.
        protocol: &'a str,
        /// Whether messages arrive in the order sent.
        ordered: bool,
        /// When messages are given up.
        reliability: Reliability,
        /// Whether the peer opened it.
        incoming: bool,
    },
    /// A whole message, lent until the next call.
    Message {
        /// The channel it came on.
        channel: ChannelId,
        /// Text or bytes.
        kind: MessageKind,
        /// The content; may be empty.
        data: &'a [u8],
    },
    /// The bytes buffered for a channel fell to its threshold or below.
    BufferedAmountLow {
        /// The channel.
        channel: ChannelId,
    },
    /// Both directions of a channel are closed; its identifier is free again.
    ChannelClosed {
        /// The channel.
        channel: ChannelId,
    },
    /// The association ended. Every channel is closed; no event follows.
    Closed(CloseReason),
}

/// Which timer [`poll_timeout`](crate::Association::poll_timeout) speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// INIT or COOKIE ECHO is to be repeated (T1).
    Handshake,
    /// Data is to be retransmitted (T3-rtx).
    Retransmit,
    /// A SACK was delayed long enough.
    DelayedSack,
    /// A HEARTBEAT is due, or its answer overdue.
    Heartbeat,
    /// A RE-CONFIG request is to be repeated.
    Reconfig,
    /// SHUTDOWN or SHUTDOWN ACK is to be repeated (T2).
    Shutdown,
}
