//! Messages with an address, and the trait of whoever carries them.

use crate::{Body, ClientId, IceServer};
use alloc::string::String;
use smolrtc_base::Instant;

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Who sent it: a viewer; `None` for the master or the service itself.
    pub from: Option<ClientId>,
    /// What it says.
    pub body: Body,
    /// The sender's correlation id; only a service sees one.
    pub correlation_id: Option<String>,
    /// Whom it is for; only a service sees one.
    pub to: Option<ClientId>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Whom it is for: a viewer; `None` for the master.
    pub to: Option<ClientId>,
    /// What it says.
    pub body: Body,
    /// With an id the service reports errors as a `STATUS_RESPONSE` that names it.
    pub correlation_id: Option<String>,
}

impl Outbound {
    /// A message for a viewer, without a correlation id.
    #[must_use]
    pub const fn to_viewer(to: ClientId, body: Body) -> Self {
        Self {
            to: Some(to),
            body,
            correlation_id: None,
        }
    }

    /// A message for the master, without a correlation id.
    #[must_use]
    pub const fn to_master(body: Body) -> Self {
        Self {
            to: None,
            body,
            correlation_id: None,
        }
    }
}

/// Whoever brings messages to a camera and takes its own: the AWS connection of `kvs-signaling`,
/// the link to another chip, a test.
pub trait Signaling {
    /// The next message that arrived, if there is one.
    fn poll_message(&mut self) -> Option<Inbound>;

    /// Queues a message. `false`: the queue is full or there is no connection; the message is
    /// lost and the caller may try again later.
    fn send(&mut self, now: Instant, message: Outbound) -> bool;

    /// The ICE servers that new sessions shall use; their age is counted off already.
    fn ice_servers(&self, now: Instant) -> &[IceServer];
}
