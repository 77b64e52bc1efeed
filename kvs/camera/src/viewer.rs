//! One viewer's session.

use alloc::string::String;

use kvs_message::ClientId;
use smolrtc::PeerConnection;
use smolrtc::base::Instant;

use crate::event::{LeaveReason, ViewerId};

/// Where the session stands towards signaling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// The viewer's offer is answered, or ours is.
    Done,
    /// The viewer does not trickle: its answer waits until gathering is complete.
    AnswerHeld,
    /// Our offer is out.
    Offered,
}

pub(crate) struct Viewer {
    pub(crate) id: ViewerId,
    pub(crate) client: Option<ClientId>,
    pub(crate) peer: PeerConnection,
    pub(crate) exchange: Exchange,
    /// Mid of the section that candidates name.
    pub(crate) mid: String,
    /// Whether candidates may follow the answer.
    pub(crate) trickle: bool,
    pub(crate) joined: Instant,
    /// When the viewer was last heard.
    pub(crate) heard: Instant,
    pub(crate) connected: bool,
    /// The newest estimate, once there is one.
    pub(crate) estimate: Option<u32>,
    /// Set when the session is over; it goes once its goodbye is sent.
    pub(crate) leaving: Option<LeaveReason>,
}

impl Viewer {
    /// Whether the session still counts against the limit.
    pub(crate) const fn is_live(&self) -> bool {
        self.leaving.is_none()
    }
}
