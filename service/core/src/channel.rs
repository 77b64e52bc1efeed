//! Channels, their connections, and messages that wait.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;

use kvs_message::ClientId;
use smolrtc_base::{Duration, Instant, UnixTime};

use crate::quota::Bucket;

/// A WebSocket at the service. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) version: String,
    pub(crate) created: UnixTime,
    pub(crate) message_ttl: u32,
    pub(crate) master: Option<ConnectionId>,
    pub(crate) viewers: BTreeMap<ClientId, ConnectionId>,
    pub(crate) held: VecDeque<Held>,
    pub(crate) tags: BTreeMap<String, String>,
    /// ARN of the stream that media go to, if they are stored.
    pub(crate) storage: Option<String>,
    pub(crate) rates: ChannelRates,
}

/// Buckets of one channel.
pub(crate) struct ChannelRates {
    pub(crate) describe: Bucket,
    pub(crate) delete: Bucket,
    pub(crate) ice: Bucket,
    pub(crate) connect_master: Bucket,
    pub(crate) connect_viewer: Bucket,
}

impl ChannelRates {
    pub(crate) const fn new() -> Self {
        Self {
            describe: Bucket::new(),
            delete: Bucket::new(),
            ice: Bucket::new(),
            connect_master: Bucket::new(),
            connect_viewer: Bucket::new(),
        }
    }
}

/// One of the two ends of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Master,
    Viewer(ClientId),
}

/// A message whose receiver is not there.
pub(crate) struct Held {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) text: String,
    pub(crate) expires: Instant,
}

impl Channel {
    pub(crate) fn connection_of(&self, end: &End) -> Option<ConnectionId> {
        match end {
            End::Master => self.master,
            End::Viewer(id) => self.viewers.get(id).copied(),
        }
    }

    /// Keeps a message for an absent receiver. A new offer takes the place of everything that its
    /// sender has waiting: candidates of the old one are of no use.
    pub(crate) fn hold(&mut self, now: Instant, message: Held, is_offer: bool, bound: usize) {
        self.expire(now);
        if is_offer {
            self.held
                .retain(|held| held.from != message.from || held.to != message.to);
        }
        if self.held.len() >= bound {
            self.held.pop_front();
        }
        self.held.push_back(message);
    }

    /// What waits for an end that has just come.
    pub(crate) fn take_held(&mut self, now: Instant, end: &End) -> VecDeque<String> {
        self.expire(now);
        let (found, rest) = core::mem::take(&mut self.held)
            .into_iter()
            .partition::<VecDeque<Held>, _>(|held| held.to == *end);
        self.held = rest;
        found.into_iter().map(|held| held.text).collect()
    }

    fn expire(&mut self, now: Instant) {
        self.held.retain(|held| now < held.expires);
    }

    pub(crate) const fn ttl(&self) -> Duration {
        Duration::from_secs(self.message_ttl as u64)
    }
}

pub(crate) struct Connection {
    /// Name of the channel.
    pub(crate) channel: String,
    pub(crate) end: End,
    pub(crate) opened: Instant,
    pub(crate) active: Instant,
    pub(crate) told_to_go: bool,
    pub(crate) descriptions: Bucket,
    pub(crate) candidates: Bucket,
}
