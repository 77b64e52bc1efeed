//! What a camera reports.

use alloc::string::String;

use kvs_message::{ClientId, Outbound};
use smolrtc::crypto::{Job, JobId};
use smolrtc::rtp::receive;
use smolrtc::sctp::{ChannelId, MessageKind};
use smolrtc::{CloseReason, ConnectionState};

/// A viewer's session. Never used again after it ends, unlike the sender's client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewerId(pub(crate) u64);

impl core::fmt::Display for ViewerId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "viewer {}", self.0)
    }
}

/// Why an offer was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// As many viewers as the limit allows are watching.
    ViewerLimit {
        /// The limit.
        limit: usize,
    },
    /// The offer itself could not be accepted.
    Offer(smolrtc::Error),
}

impl core::fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::ViewerLimit { limit } => {
                write!(f, "viewer limit reached: {limit} are watching already")
            }
            Self::Offer(error) => error.fmt(f),
        }
    }
}

/// Why a viewer's session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaveReason {
    /// Its connection ended.
    Connection(CloseReason),
    /// The same sender came with a new connection.
    Replaced,
    /// It had been silent and a newcomer needed the place.
    MadeRoom,
    /// It did not connect in time.
    ConnectTimeout,
}

impl core::fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Connection(reason) => reason.fmt(f),
            Self::Replaced => f.write_str("replaced by a newer session of the same viewer"),
            Self::MadeRoom => f.write_str("silent, and a new viewer needed the place"),
            Self::ConnectTimeout => f.write_str("did not connect in time"),
        }
    }
}

/// What a camera's next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A viewer's connection.
    Connection(smolrtc::Reason),
    /// A viewer's time to connect is over.
    ConnectTimeout,
}

/// Something the owner must know or do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A signaling message to be sent.
    Signal(Outbound),
    /// A public-key operation to be run; the result goes to
    /// [`Camera::handle_computed`](crate::Camera::handle_computed).
    Compute {
        /// Whose.
        viewer: ViewerId,
        /// To be handed back.
        id: JobId,
        /// What to do.
        job: Job,
    },
    /// A `.local` name to be resolved; the answer goes to
    /// [`Camera::resolved`](crate::Camera::resolved).
    ResolveMdns {
        /// Whose.
        viewer: ViewerId,
        /// To be handed back.
        id: smolrtc::ice::MdnsId,
        /// The name.
        name: String,
    },
    /// A viewer was admitted; its connection is on the way.
    ViewerJoined {
        /// Its session.
        viewer: ViewerId,
        /// The sender of its offer.
        client: Option<ClientId>,
    },
    /// An offer was refused.
    ViewerRefused {
        /// Its sender.
        client: Option<ClientId>,
        /// Why.
        reason: RefusalReason,
    },
    /// A viewer's connection changed its state.
    ViewerState {
        /// Its session.
        viewer: ViewerId,
        /// The new state.
        state: ConnectionState,
    },
    /// A viewer's session ended and its place is free.
    ViewerLeft {
        /// Its session.
        viewer: ViewerId,
        /// The sender of its offer.
        client: Option<ClientId>,
        /// Why.
        reason: LeaveReason,
    },
    /// The encoder of the track should make a key frame.
    KeyFrameNeeded {
        /// Index of the track.
        track: usize,
    },
    /// What the encoders together should aim at.
    TargetBitrate {
        /// Bits per second.
        bps: u32,
    },
    /// A whole frame from a viewer, lent until the next call.
    Frame {
        /// Whose.
        viewer: ViewerId,
        /// The frame.
        frame: receive::Frame<'a>,
    },
    /// A viewer's data transport is up.
    DataReady {
        /// Whose.
        viewer: ViewerId,
    },
    /// A viewer's data transport ended; its media goes on.
    DataClosed {
        /// Whose.
        viewer: ViewerId,
        /// Why.
        reason: smolrtc::sctp::CloseReason,
    },
    /// A data channel is open.
    ChannelOpened {
        /// Whose.
        viewer: ViewerId,
        /// The channel.
        channel: ChannelId,
        /// Its label.
        label: &'a str,
    },
    /// A data-channel message, lent until the next call.
    Message {
        /// Whose.
        viewer: ViewerId,
        /// The channel.
        channel: ChannelId,
        /// Text or bytes.
        kind: MessageKind,
        /// The content.
        data: &'a [u8],
    },
    /// The bytes buffered for a channel fell to its threshold.
    BufferedAmountLow {
        /// Whose.
        viewer: ViewerId,
        /// The channel.
        channel: ChannelId,
    },
    /// A data channel is closed.
    ChannelClosed {
        /// Whose.
        viewer: ViewerId,
        /// The channel.
        channel: ChannelId,
    },
}
