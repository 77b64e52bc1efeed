//! The agent.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use smolrtc_base::{Instant, Rng, SecretBytes, Transmit};
use smolrtc_crypto::Provider;

use crate::{
    AgentStats, Candidate, CandidateStats, Config, Error, Event, GatheringState, MdnsId, PairStats,
    Reason, State,
};

/// Longest message an agent sends, bytes: what a buffer for [`Agent::poll_transmit`] must hold.
/// Reached only with user name fragments of 256 characters.
pub const MAX_MESSAGE_LEN: usize = 620;

/// A full ICE agent for one component.
#[derive(Debug)]
pub struct Agent {
    config: Config,
}

impl Agent {
    /// An agent with fresh credentials and no interface.
    #[must_use]
    pub fn new(config: Config, _rng: Rng, _provider: &'static dyn Provider) -> Self {
        Self { config }
    }
    /// What the peer needs to know: user name fragment and password.
    #[must_use]
    pub fn local_credentials(&self) -> (&str, &SecretBytes) {
        unreachable!()
    }
    /// Sets the peer's user name fragment and password. The same once more changes nothing.
    ///
    /// # Errors
    /// They break the grammar, or others are in force.
    pub fn set_remote_credentials(
        &mut self,
        _ufrag: &str,
        _pwd: &SecretBytes,
    ) -> Result<(), Error> {
        Ok(())
    }
    /// Says whether the peer is a lite agent (`a=ice-lite`); if so, this side controls.
    pub fn set_remote_lite(&mut self, _lite: bool) {}
    /// Sets the role, when the descriptions decide it later than the construction.
    pub fn set_controlling(&mut self, controlling: bool) {
        self.config.controlling = controlling;
    }
    /// Whether this side nominates.
    #[must_use]
    pub fn is_controlling(&self) -> bool {
        self.config.controlling
    }
    /// Adds a bound UDP socket, whose address becomes a host candidate.
    pub fn add_interface(&mut self, _now: Instant, _local: SocketAddr) {}
    /// Removes a socket; its candidates and pairs go.
    pub fn remove_interface(&mut self, _now: Instant, _local: SocketAddr) {}
    /// Replaces the STUN servers that are asked for reflexive addresses.
    pub fn set_stun_servers(&mut self, _now: Instant, _servers: &[SocketAddr]) {}
    /// The local candidates to signal.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        core::iter::empty()
    }
    /// Adds a candidate of the peer's; what cannot be used is dropped and counted.
    pub fn add_remote_candidate(&mut self, _now: Instant, _candidate: Candidate) {}
    /// The peer has no further candidates.
    pub fn end_of_remote_candidates(&mut self) {}
    /// Answers [`Event::ResolveMdns`].
    pub fn resolved(&mut self, _now: Instant, _id: MdnsId, _ip: Option<IpAddr>) {}
    /// Begins a new generation: new local credentials; the peer's follow. The path in use carries
    /// data until the new generation has one.
    pub fn restart(&mut self, _now: Instant) {}
    /// How far gathering is.
    #[must_use]
    pub fn gathering_state(&self) -> GatheringState {
        GatheringState::New
    }
    /// How far the checks are.
    #[must_use]
    pub fn state(&self) -> State {
        State::New
    }
    /// Takes a STUN datagram that came from `from` to the socket `local`.
    pub fn handle_input(
        &mut self,
        _now: Instant,
        _from: SocketAddr,
        _local: SocketAddr,
        _datagram: &[u8],
    ) {
    }
    /// Does what time demands.
    pub fn handle_timeout(&mut self, _now: Instant) {}
    /// Writes the next datagram that is due.
    pub fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }
    /// The next thing to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
    /// When to come back, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        None
    }
    /// Whether a valid pair joins this remote address to this socket: the gate for DTLS and SRTP.
    #[must_use]
    pub fn is_validated(&self, _from: SocketAddr, _local: SocketAddr) -> bool {
        false
    }
    /// Where data goes, as (local, remote): the selected pair, or the best valid one before
    /// nomination; none without consent.
    #[must_use]
    pub fn send_path(&self) -> Option<(SocketAddr, SocketAddr)> {
        None
    }
    /// Smoothed round-trip time over [`Agent::send_path`].
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        None
    }
    /// Statistics of every pair.
    pub fn pair_stats(&self) -> impl Iterator<Item = PairStats> + '_ {
        core::iter::empty()
    }
    /// Statistics of every candidate, local ones first.
    pub fn candidate_stats(&self) -> impl Iterator<Item = CandidateStats> + '_ {
        core::iter::empty()
    }
    /// Statistics of the agent.
    #[must_use]
    pub fn stats(&self) -> AgentStats {
        AgentStats::default()
    }
}
