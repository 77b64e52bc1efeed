//! What an agent reports.

use alloc::string::String;
use core::net::SocketAddr;

use crate::Candidate;

/// State of the connectivity checks (W3C `RTCIceTransportState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing to check yet.
    New,
    /// Checks run; no pair has answered in this generation.
    Checking,
    /// A pair is valid; data may flow. Nomination may be outstanding.
    Connected,
    /// A pair is nominated and selected.
    Completed,
    /// The path has stopped answering; consent has not expired yet. May heal.
    Disconnected,
    /// No pair answered in time, or consent expired. Only a restart helps.
    Failed,
}

/// State of gathering (W3C `RTCIceGatheringState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatheringState {
    /// No interface was added yet.
    New,
    /// STUN servers have not all answered.
    Gathering,
    /// Every candidate is known.
    Complete,
}

/// Tells one name to resolve from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MdnsId(pub u32);

/// Something the caller must know.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A new local candidate, to be signalled. After a restart all are reported again.
    LocalCandidate(Candidate),
    /// No further local candidate will come, unless interfaces change.
    GatheringComplete,
    /// The state is now this one.
    StateChanged(State),
    /// Data goes over this pair from now on. Reported for the first valid pair, and whenever
    /// [`Agent::send_path`](crate::Agent::send_path) changes.
    SelectedPairChanged {
        /// Base of the local candidate: the socket to send from.
        local: SocketAddr,
        /// The peer.
        remote: SocketAddr,
        /// Whether the pair was nominated; false while data flows ahead of nomination.
        nominated: bool,
    },
    /// A remote candidate bears a `.local` name. The answer goes to
    /// [`Agent::resolved`](crate::Agent::resolved).
    ResolveMdns {
        /// To be handed back.
        id: MdnsId,
        /// The name, ending in `.local`.
        name: String,
    },
    /// The peer has not renewed its consent (RFC 7675); nothing may be sent until a restart.
    ConsentExpired,
    /// A role conflict was resolved by changing sides (RFC 8445 section 7.3.1.1).
    RoleChanged {
        /// Whether this side nominates now.
        controlling: bool,
    },
}

/// Which timer a wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A response waits to be sent.
    Response,
    /// A check or its retransmission is due.
    Check,
    /// A consent check is due.
    Consent,
    /// A request to a STUN server is due.
    Gathering,
    /// A check has used up its transmissions.
    CheckFailed,
    /// The wait for a better pair is over.
    Nomination,
    /// Consent of a pair ends.
    ConsentExpiry,
    /// The path counts as disconnected.
    Disconnected,
    /// No pair answered in time.
    ConnectTimeout,
    /// A pair that the peer moved to is compared with the selected one.
    Challenge,
}

/// A call that cannot be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A user name fragment has 4 to 256 ice-chars (RFC 8839 section 5.4).
    InvalidUfrag,
    /// A password has 22 to 256 ice-chars (RFC 8839 section 5.4).
    InvalidPassword,
    /// Other credentials are in force for this generation; call
    /// [`Agent::restart`](crate::Agent::restart) first.
    RestartRequired,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::InvalidUfrag => {
                "the ICE user name fragment must have 4 to 256 letters, digits, '+' or '/'"
            }
            Self::InvalidPassword => {
                "the ICE password must have 22 to 256 letters, digits, '+' or '/'"
            }
            Self::RestartRequired => {
                "the peer's ICE credentials changed: restart ICE before setting them"
            }
        })
    }
}

impl core::error::Error for Error {}
