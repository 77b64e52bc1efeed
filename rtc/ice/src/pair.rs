//! One candidate pair, its timers and counters.

use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::Instant;

use crate::{CandidateId, PairId, PairState, PairStats};

/// A local socket and a remote address, with what is known about the way between them.
///
/// A pair is named by `(base, remote)` within its generation: a server-reflexive candidate is sent
/// from its base, so its pairs are the base's (RFC 8445 section 6.1.2.4).
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) id: PairId,
    pub(crate) generation: u32,
    pub(crate) base: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) local_id: CandidateId,
    pub(crate) remote_id: CandidateId,
    pub(crate) priority: u64,
    /// Digest of both foundations: pairs of one group thaw together.
    pub(crate) group: u32,
    pub(crate) state: PairState,
    /// Both ends are interfaces' own addresses: there can be no better way.
    pub(crate) direct: bool,
    /// In the triggered-check queue; the number is its place.
    pub(crate) triggered: Option<u32>,
    /// The peer asked to use it (controlled), or we ask (controlling).
    pub(crate) use_candidate: bool,
    /// Nomination is acknowledged.
    pub(crate) nominated: bool,
    /// Consent expired: dead until a restart (RFC 7675 section 5.1).
    pub(crate) revoked: bool,

    /// Transmissions since the last answer, of the check or nomination under way.
    pub(crate) attempts: u8,
    /// In progress or nominating: next transmission, or, after the last one, failure. Valid
    /// otherwise: next consent check.
    pub(crate) next_at: Instant,
    /// When the first of the transmissions not yet answered was sent.
    pub(crate) unanswered_since: Option<Instant>,
    pub(crate) last_response: Option<Instant>,
    srtt: Option<Duration>,

    last_rtt: Option<Duration>,
    total_rtt: Duration,
    pub(crate) requests_sent: u32,
    pub(crate) retransmissions_sent: u32,
    pub(crate) consent_requests_sent: u32,
    pub(crate) requests_received: u32,
    pub(crate) responses_sent: u32,
    responses_received: u32,
}

/// The bounds of a retransmission timeout once a round-trip time is known.
const MIN_RTO: Duration = Duration::from_millis(50);
const MAX_RTO: Duration = Duration::from_secs(2);

impl Pair {
    pub(crate) fn new(
        id: PairId,
        generation: u32,
        (local_id, base): (CandidateId, SocketAddr),
        (remote_id, remote): (CandidateId, SocketAddr),
    ) -> Self {
        Self {
            id,
            generation,
            base,
            remote,
            local_id,
            remote_id,
            priority: 0,
            group: 0,
            state: PairState::Frozen,
            direct: false,
            triggered: None,
            use_candidate: false,
            nominated: false,
            revoked: false,
            attempts: 0,
            next_at: Instant::ZERO,
            unanswered_since: None,
            last_response: None,
            srtt: None,
            last_rtt: None,
            total_rtt: Duration::ZERO,
            requests_sent: 0,
            retransmissions_sent: 0,
            consent_requests_sent: 0,
            requests_received: 0,
            responses_sent: 0,
            responses_received: 0,
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.state == PairState::Succeeded
    }

    /// Sends data or could: worth keeping, whatever limits say.
    pub(crate) fn is_precious(&self) -> bool {
        self.is_valid() || self.triggered.is_some() || self.use_candidate
    }

    /// Our nomination is under way.
    pub(crate) const fn is_nominating(&self) -> bool {
        self.use_candidate && !self.nominated
    }

    /// Smoothed round-trip time.
    pub(crate) const fn rtt(&self) -> Option<Duration> {
        self.srtt
    }

    /// Time until the next transmission, after `attempts` of them.
    pub(crate) fn rto(&self, initial: Duration) -> Duration {
        let first = self.srtt.map_or(initial, |rtt| (rtt * 2).max(MIN_RTO));
        let doublings = u32::from(self.attempts.saturating_sub(1).min(5));
        (first * (1 << doublings)).min(MAX_RTO)
    }

    /// Takes an answer to a request sent at `sent`.
    pub(crate) fn answered(&mut self, now: Instant, sent: Instant) {
        let sample = now - sent;
        self.responses_received = self.responses_received.saturating_add(1);
        self.last_rtt = Some(sample);
        self.total_rtt = self.total_rtt.saturating_add(sample);
        // The weights of RFC 6298.
        self.srtt = Some(self.srtt.map_or(sample, |srtt| (srtt * 7 + sample) / 8));
        self.last_response = Some(now);
        self.unanswered_since = None;
        self.attempts = 0;
    }

    /// Back to waiting, for a check of its own.
    pub(crate) fn reset_check(&mut self) {
        self.state = PairState::Waiting;
        self.attempts = 0;
    }

    pub(crate) fn stats(&self, selected: bool) -> PairStats {
        PairStats {
            id: self.id,
            local_candidate: self.local_id,
            remote_candidate: self.remote_id,
            local: self.base,
            remote: self.remote,
            state: self.state,
            nominated: self.nominated,
            selected,
            priority: self.priority,
            requests_sent: self.requests_sent,
            retransmissions_sent: self.retransmissions_sent,
            requests_received: self.requests_received,
            responses_sent: self.responses_sent,
            responses_received: self.responses_received,
            consent_requests_sent: self.consent_requests_sent,
            current_round_trip_time: self.last_rtt,
            total_round_trip_time: self.total_rtt,
            last_response: self.last_response,
        }
    }
}
