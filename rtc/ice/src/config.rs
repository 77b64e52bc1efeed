//! What a session is told once, at its start.

use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::Limits;

/// Settings of an [`Agent`](crate::Agent). The default is a controlled dual-stack agent.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether this side nominates: the offerer does, unless the peer is lite (RFC 8445 section
    /// 6.1.1).
    pub controlling: bool,
    /// Bounds of the candidate and pair tables.
    pub limits: Limits,
    /// Whether IPv4 interfaces and candidates are used.
    pub ipv4: bool,
    /// Whether IPv6 interfaces and candidates are used.
    pub ipv6: bool,
    /// Which of the interfaces given to [`Agent::add_interface`](crate::Agent::add_interface) are
    /// used. The default takes all of them.
    pub interface_filter: fn(&SocketAddr) -> bool,
    /// Which remote addresses may be sent checks, beside the fixed rules (never port 0,
    /// multicast, broadcast or the unspecified address). The default takes all of them.
    pub remote_filter: fn(&SocketAddr) -> bool,
    /// Intervals and deadlines.
    pub timers: Timers,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            controlling: false,
            limits: Limits::HOST,
            ipv4: true,
            ipv6: true,
            interface_filter: |_| true,
            remote_filter: |_| true,
            timers: Timers::default(),
        }
    }
}

/// Intervals and deadlines of an agent, each with the source of its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Ta: spacing of new checks and gathering requests. 20 ms; RFC 8445 section 14.2 asks for
    /// 50 ms unless the use allows less, and never below 5 ms. Triggered checks, nominations
    /// and retransmissions are spaced 5 ms.
    pub ta: Duration,
    /// First retransmission timeout of a check or gathering request whose round-trip time is not
    /// known. 250 ms; doubles with each transmission up to 2 s.
    pub rto: Duration,
    /// Transmissions of a check before its pair fails. 7 (RFC 8489 section 6.2.1, Rc).
    pub check_attempts: u8,
    /// Transmissions to a STUN server before it is given up. 5, which with `rto` makes
    /// gathering end within 6 s.
    pub gather_attempts: u8,
    /// How long the controlling side waits for a better pair once one is valid that is not the
    /// best imaginable. 100 ms. A pair of two host candidates is nominated without waiting.
    pub nomination_delay: Duration,
    /// Mean interval of consent checks; each is drawn from 0.8 to 1.2 of it. 5 s (RFC 7675
    /// section 5.1).
    pub consent_interval: Duration,
    /// Consent ends this long after the last answer. 30 s (RFC 7675 section 5.1).
    pub consent_timeout: Duration,
    /// The session counts as [`State::Disconnected`](crate::State::Disconnected) when the path
    /// has given no answer for this long. 8 s: one consent check was lost.
    pub disconnected_after: Duration,
    /// Checks without any valid pair end in [`State::Failed`](crate::State::Failed) after this
    /// long. 30 s.
    pub connect_timeout: Duration,
    /// When both sides have announced the end of their candidates and every pair has failed, the
    /// session waits this long for a peer-reflexive candidate. 5 s.
    pub failed_grace: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            ta: Duration::from_millis(20),
            rto: Duration::from_millis(250),
            check_attempts: 7,
            gather_attempts: 5,
            nomination_delay: Duration::from_millis(100),
            consent_interval: Duration::from_secs(5),
            consent_timeout: Duration::from_secs(30),
            disconnected_after: Duration::from_secs(8),
            connect_timeout: Duration::from_secs(30),
            failed_grace: Duration::from_secs(5),
        }
    }
}
