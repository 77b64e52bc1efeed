//! Numbers after the W3C statistics' names, and what was dropped and why.

use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::Instant;

use crate::CandidateType;

smolrtc_base::drop_reasons! {
    /// Why a datagram or a candidate was dropped.
    pub enum DropReason, counted by
    /// Datagrams and candidates dropped, by reason.
    pub struct Drops {
        /// No STUN message, or one whose lengths do not add up.
        Malformed = "malformed",
        /// Arrived on an address that no interface has.
        UnknownInterface = "unknown_interface",
        /// Neither a Binding request nor an answer to one.
        UnexpectedMessage = "unexpected_message",
        /// The FINGERPRINT does not match.
        BadFingerprint = "bad_fingerprint",
        /// A request without our user name fragment.
        UnknownUsername = "unknown_username",
        /// An authentic request that joins our user name fragment with one of the peer's from
        /// before or after a restart.
        OtherGeneration = "other_generation",
        /// MESSAGE-INTEGRITY is missing or wrong.
        BadIntegrity = "bad_integrity",
        /// A response that answers no outstanding request.
        UnknownTransaction = "unknown_transaction",
        /// A response from another address than the request went to.
        AsymmetricResponse = "asymmetric_response",
        /// A response without a mapped address.
        MissingMappedAddress = "missing_mapped_address",
        /// An authentic error response other than a role conflict.
        ErrorResponse = "error_response",
        /// Too many responses were waiting.
        ResponseQueueFull = "response_queue_full",
        /// Error responses were due faster than their rate limit.
        ErrorRateLimited = "error_rate_limited",
        /// An error response would have been larger than its request.
        ErrorTooLarge = "error_too_large",
        /// The caller's transmit buffer was too small.
        BufferTooSmall = "buffer_too_small",
        /// A remote candidate with an address that must not be sent to: port 0, multicast,
        /// broadcast, unspecified, or refused by the filter.
        ForbiddenCandidate = "forbidden_candidate",
        /// A remote TCP candidate.
        TcpCandidate = "tcp_candidate",
        /// A remote candidate of another component than 1.
        OtherComponent = "other_component",
        /// A remote candidate of a generation that is over.
        StaleCandidate = "stale_candidate",
        /// More remote candidates than `ice_remote_candidates`.
        TooManyRemoteCandidates = "too_many_remote_candidates",
        /// More local candidates than `ice_local_candidates`.
        TooManyLocalCandidates = "too_many_local_candidates",
        /// More pairs than `ice_pairs`; the one of lowest priority was left out.
        TooManyPairs = "too_many_pairs",
        /// A `.local` name could not be resolved.
        Unresolved = "unresolved",
        /// An interface that the configuration refuses.
        InterfaceFiltered = "interface_filtered",
    }
}

/// Tells one candidate of an agent from another; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId(pub u32);

/// Tells one pair of an agent from another; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub u32);

/// State of a pair (RFC 8445 section 6.1.2.6; W3C `RTCStatsIceCandidatePairState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// Waits for a pair of the same foundation.
    Frozen,
    /// Waits for its turn.
    Waiting,
    /// A check was sent.
    InProgress,
    /// Answered; the pair is valid.
    Succeeded,
    /// Not answered, or consent expired.
    Failed,
}

/// One pair (W3C `RTCIceCandidatePairStats`; bytes and packets are the peer connection's).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PairStats {
    /// The pair.
    pub id: PairId,
    /// `localCandidateId`; the mapped candidate once the pair is valid.
    pub local_candidate: CandidateId,
    /// `remoteCandidateId`
    pub remote_candidate: CandidateId,
    /// Socket it sends from.
    pub local: SocketAddr,
    /// Where it sends to.
    pub remote: SocketAddr,
    /// `state`
    pub state: PairState,
    /// `nominated`
    pub nominated: bool,
    /// Whether data goes over it.
    pub selected: bool,
    /// Pair priority (RFC 8445 section 6.1.2.3).
    pub priority: u64,
    /// `requestsSent`: connectivity checks, consent and retransmissions not included.
    pub requests_sent: u32,
    /// `retransmissionsSent`
    pub retransmissions_sent: u32,
    /// `requestsReceived`
    pub requests_received: u32,
    /// `responsesSent`
    pub responses_sent: u32,
    /// `responsesReceived`
    pub responses_received: u32,
    /// `consentRequestsSent`
    pub consent_requests_sent: u32,
    /// `currentRoundTripTime`: of the latest answer.
    pub current_round_trip_time: Option<Duration>,
    /// `totalRoundTripTime`: over all answers.
    pub total_round_trip_time: Duration,
    /// When the latest answer came.
    pub last_response: Option<Instant>,
}

/// One candidate (W3C `RTCIceCandidateStats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandidateStats {
    /// The candidate.
    pub id: CandidateId,
    /// Whether it is the peer's.
    pub remote: bool,
    /// `address` and `port`
    pub address: SocketAddr,
    /// `candidateType`
    pub kind: CandidateType,
    /// `priority`
    pub priority: u32,
    /// `relatedAddress` and `relatedPort`
    pub related: Option<SocketAddr>,
}

/// Of the whole agent (W3C `RTCTransportStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentStats {
    /// `selectedCandidatePairChanges`
    pub selected_pair_changes: u32,
    /// Restarts so far.
    pub restarts: u32,
    /// Role conflicts resolved by changing sides.
    pub role_changes: u32,
    /// What was dropped.
    pub drops: Drops,
}
