//! What a peer connection reports.

use alloc::string::String;

use smolrtc_crypto::{Job, JobId};
use smolrtc_rtp::receive;
use smolrtc_sctp::{ChannelId, MessageKind, Reliability};

use crate::CloseReason;

/// State of the whole connection (W3C `RTCPeerConnectionState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// No description yet.
    New,
    /// ICE or DTLS is on its way.
    Connecting,
    /// Media and data may flow.
    Connected,
    /// The path has stopped answering; it may heal.
    Disconnected,
    /// Over, not by either side's wish.
    Failed,
    /// Over.
    Closed,
}

/// Something the owner must know or do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A local candidate to be signaled: the text of the `candidate` attribute, from `candidate:`.
    LocalCandidate(String),
    /// No further local candidate will come.
    GatheringComplete,
    /// A `.local` name of the peer's to be resolved; the answer goes to
    /// [`PeerConnection::resolved`](crate::PeerConnection::resolved).
    ResolveMdns {
        /// To be handed back.
        id: smolrtc_ice::MdnsId,
        /// The name.
        name: String,
    },
    /// A public-key operation to be run; the result goes to
    /// [`PeerConnection::handle_computed`](crate::PeerConnection::handle_computed).
    Compute(JobId, Job),
    /// The connection's state changed.
    StateChanged(ConnectionState),
    /// The connection ended.
    Closed(CloseReason),
    /// This peer cannot go on without a key frame of the track.
    KeyFrameNeeded {
        /// Index of the history ring.
        track: usize,
    },
    /// What all media streams to this peer together may use.
    TargetBitrate {
        /// Bits per second.
        bps: u32,
    },
    /// A whole frame from the peer, lent until the next call.
    Frame(receive::Frame<'a>),
    /// SCTP is up: data channels may be opened and will be acknowledged.
    DataReady,
    /// A data channel is open.
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
    /// A data-channel message, lent until the next call.
    Message {
        /// The channel.
        channel: ChannelId,
        /// Text or bytes.
        kind: MessageKind,
        /// The content.
        data: &'a [u8],
    },
    /// The bytes buffered for a channel fell to its threshold.
    BufferedAmountLow {
        /// The channel.
        channel: ChannelId,
    },
    /// A data channel is closed.
    ChannelClosed {
        /// The channel.
        channel: ChannelId,
    },
    /// The SCTP association ended; media goes on.
    DataClosed(smolrtc_sctp::CloseReason),
}

/// Which part of the connection a wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// ICE.
    Ice(smolrtc_ice::Reason),
    /// DTLS.
    Dtls(smolrtc_dtls::Reason),
    /// SCTP.
    Sctp(smolrtc_sctp::Reason),
    /// Sending media.
    Send(smolrtc_rtp::send::Reason),
    /// Receiving media.
    Receive(receive::Reason),
    /// A goodbye waits to be sent.
    Close,
}
