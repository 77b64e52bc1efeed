//! What an association knows of one data channel.

use alloc::{boxed::Box, collections::VecDeque};

use crate::{ChannelStats, Reliability, outbound::Message};

/// Where the opening of a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Our OPEN has not been answered: user messages go ordered (RFC 8832 section 6).
    Asked,
    Open,
    /// Messages are neither taken nor handed out any more.
    Closing,
}

/// Where the reset of our direction stands (RFC 6525).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutgoingReset {
    No,
    /// To be asked for once the queue is empty.
    Wanted,
    Requested,
    Done,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u16,
    pub(crate) opening: Opening,
    pub(crate) ordered: bool,
    pub(crate) reliability: Reliability,
    /// Label and protocol, until the event that names them.
    pub(crate) names: Option<(Box<str>, Box<str>)>,
    pub(crate) queue: VecDeque<Message>,
    pub(crate) next_ssn: u16,
    /// User bytes that have no TSN yet.
    pub(crate) buffered: usize,
    pub(crate) low_threshold: usize,
    /// A message was refused for want of room.
    pub(crate) refused: bool,
    pub(crate) outgoing: OutgoingReset,
    /// The application never heard of it: the stream of a refused OPEN.
    pub(crate) silent: bool,
    /// The peer has reset its direction.
    pub(crate) incoming_done: bool,
    pub(crate) stats: ChannelStats,
}

impl Channel {
    pub(crate) fn new(id: u16, opening: Opening, ordered: bool, reliability: Reliability) -> Self {
        Self {
            id,
            opening,
            ordered,
            reliability,
            names: None,
            queue: VecDeque::new(),
            next_ssn: 0,
            buffered: 0,
            low_threshold: 0,
            refused: false,
            outgoing: OutgoingReset::No,
            silent: false,
            incoming_done: false,
            stats: ChannelStats::default(),
        }
    }

    /// The next message, if there is one.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        message
    }
}
