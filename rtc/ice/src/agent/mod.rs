//! The agent: its tables, what it is told and what it can be asked.

mod conclude;
mod gather;
mod receive;
mod remote;
mod report;
mod restart;
mod schedule;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::{Instant, Rng, SecretBytes};
use smolrtc_crypto::Provider;
use smolrtc_stun::TransactionId;

use crate::credentials::{Credentials, Generation};
use crate::pair::Pair;
use crate::preference::pair_priority;
use crate::{
    AgentStats, Candidate, CandidateId, CandidateType, Config, DropReason, Drops, Error,
    Foundation, GatheringState, MdnsId, PairId, State,
};

/// Longest message an agent sends, bytes: what a buffer for [`Agent::poll_transmit`] must hold.
/// Reached only with user name fragments of 256 characters.
pub const MAX_MESSAGE_LEN: usize = 620;

/// A full ICE agent for one component.
///
/// All methods may be called in any order. The work of each is bounded by the sizes of the
/// candidate and pair tables; none blocks.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    rng: Rng,
    provider: &'static dyn Provider,
    /// The latest time that was passed in, for calls that bring none.
    now: Instant,

    controlling: bool,
    remote_lite: bool,
    tiebreaker: u64,

    generation: Generation,
    /// The generation before a restart, while its path still has consent.
    previous: Option<Generation>,

    interfaces: Vec<SocketAddr>,
    locals: Vec<Local>,
    remotes: Vec<Remote>,
    unresolved: Vec<Unresolved>,
    remote_ended: bool,
    servers: Vec<SocketAddr>,
    gathers: Vec<gather::Gather>,
    pairs: Vec<Pair>,

    transactions: VecDeque<Transaction>,
    responses: VecDeque<receive::Response>,
    error_budget: receive::ErrorBudget,
    /// Latest request of any kind, of a new check, and to a STUN server.
    last_sent: Option<Instant>,
    last_new: Option<Instant>,
    last_gather: Option<Instant>,
    next_trigger: u32,
    next_id: u32,

    /// The nominated pair of this generation.
    selected: Option<PairId>,
    /// The pair that carries data.
    path: Option<PairId>,
    nominate_at: Option<Instant>,
    challenge: Option<conclude::Challenge>,
    /// When this generation began to look for a path.
    searching_since: Option<Instant>,
    /// When every pair had failed.
    exhausted_since: Option<Instant>,
    had_path: bool,
    failed: bool,
    state: State,

    reported: report::Reported,
    selected_pair_changes: u32,
    restarts: u32,
    role_changes: u32,
    drops: Drops,
}

/// A local candidate.
#[derive(Debug)]
struct Local {
    id: CandidateId,
    candidate: Candidate,
    address: SocketAddr,
    base: SocketAddr,
    announced: bool,
}

/// A remote candidate with a known address.
#[derive(Debug)]
struct Remote {
    id: CandidateId,
    generation: u32,
    address: SocketAddr,
    kind: CandidateType,
    priority: u32,
    foundation: Foundation,
    related: Option<SocketAddr>,
    /// The generation it was said to belong to.
    ufrag: Option<Box<str>>,
}

/// A remote candidate whose name the driver looks up.
#[derive(Debug)]
struct Unresolved {
    id: MdnsId,
    candidate: Candidate,
    announced: bool,
}

/// A request that may still be answered.
#[derive(Debug)]
struct Transaction {
    id: TransactionId,
    pair: PairId,
    sent: Instant,
    controlling: bool,
    use_candidate: bool,
}

/// Requests of one pair that may be outstanding together; an answer to an older one comes too
/// late to tell anything.
const TRANSACTIONS_PER_PAIR: usize = 4;

impl Agent {
    /// An agent with fresh credentials and no interface.
    ///
    /// Credentials, tie-breaker, transaction ids and jitter all come from `rng`, which must be
    /// seeded with real entropy: who can predict a transaction id can forge consent.
    #[must_use]
    pub fn new(config: Config, mut rng: Rng, provider: &'static dyn Provider) -> Self {
        let local = Credentials::random(&mut rng, provider);
        Self {
            controlling: config.controlling,
            remote_lite: false,
            tiebreaker: rng.u64(),
            generation: Generation::new(0, local),
            previous: None,
            interfaces: Vec::new(),
            locals: Vec::new(),
            remotes: Vec::new(),
            unresolved: Vec::new(),
            remote_ended: false,
            servers: Vec::new(),
            gathers: Vec::new(),
            pairs: Vec::new(),
            transactions: VecDeque::new(),
            responses: VecDeque::with_capacity(4),
            error_budget: receive::ErrorBudget::default(),
            last_sent: None,
            last_new: None,
            last_gather: None,
            next_trigger: 0,
            next_id: 0,
            selected: None,
            path: None,
            nominate_at: None,
            challenge: None,
            searching_since: None,
            exhausted_since: None,
            had_path: false,
            failed: false,
            state: State::New,
            reported: report::Reported::default(),
            selected_pair_changes: 0,
            restarts: 0,
            role_changes: 0,
            drops: Drops::default(),
            now: Instant::ZERO,
            config,
            rng,
            provider,
        }
    }

    /// Gives back the room that tables took beyond what they hold: once candidates have stopped
    /// coming it is not needed any more. They grow again when it is.
    pub fn shrink(&mut self) {
        self.locals.shrink_to_fit();
        self.remotes.shrink_to_fit();
        self.unresolved.shrink_to_fit();
        self.pairs.shrink_to_fit();
    }

    /// What the peer needs to know: user name fragment and password.
    #[must_use]
    pub fn local_credentials(&self) -> (&str, &SecretBytes) {
        let local = &self.generation.local;
        (&local.ufrag, &local.pwd)
    }

    /// The peer's user name fragment in this generation, if it is known yet.
    #[must_use]
    pub fn remote_ufrag(&self) -> Option<&str> {
        self.generation
            .remote
            .as_ref()
            .map(|remote| remote.ufrag.as_str())
    }

    /// Whether requests to the user name fragment `ufrag` are for this agent: that of the current
    /// generation, or of the one before a restart that is not finished.
    #[must_use]
    pub fn owns_ufrag(&self, ufrag: &str) -> bool {
        self.generation_of_ufrag(ufrag).is_some()
    }

    fn generation_of_ufrag(&self, ufrag: &str) -> Option<&Generation> {
        core::iter::once(&self.generation)
            .chain(&self.previous)
            .find(|generation| generation.local.ufrag == ufrag)
    }

    fn generation(&self, number: u32) -> Option<&Generation> {
        core::iter::once(&self.generation)
            .chain(&self.previous)
            .find(|generation| generation.number == number)
    }

    /// Sets the peer's user name fragment and password, and with them lets the checks begin. The
    /// same once more changes nothing.
    ///
    /// # Errors
    /// They break the grammar, or others are in force: a peer that changes its credentials
    /// restarts ICE, and [`Agent::restart`] must be called first.
    pub fn set_remote_credentials(&mut self, ufrag: &str, pwd: &SecretBytes) -> Result<(), Error> {
        if let Some(known) = &self.generation.remote {
            let same = known.ufrag == ufrag && known.pwd == *pwd;
            return if same {
                Ok(())
            } else {
                Err(Error::RestartRequired)
            };
        }
        let remote = Credentials::new(ufrag, pwd, self.provider)?;
        self.generation.set_remote(remote);
        self.drop_stale_remotes();
        self.conclude();
        Ok(())
    }

    /// Says whether the peer is a lite agent (`a=ice-lite`). If so this side controls: a lite agent
    /// sends no checks and cannot nominate (RFC 8445 section 6.1.1).
    pub fn set_remote_lite(&mut self, lite: bool) {
        self.remote_lite = lite;
        if lite {
            self.set_controlling(true);
        }
    }

    /// Sets the role, when the descriptions decide it later than the construction.
    pub fn set_controlling(&mut self, controlling: bool) {
        if self.controlling == controlling {
            return;
        }
        self.controlling = controlling;
        self.nominate_at = None;
        for pair in &mut self.pairs {
            // It meant the other side's wish, or ours, which now counts for nothing.
            pair.use_candidate &= pair.nominated;
            let g = self.locals.iter().find(|local| local.id == pair.local_id);
            let d = self
                .remotes
                .iter()
                .find(|remote| remote.id == pair.remote_id);
            if let (Some(local), Some(remote)) = (g, d) {
                pair.priority =
                    pair_priority(controlling, local.candidate.priority, remote.priority);
            }
        }
        self.conclude();
    }

    /// Whether this side nominates.
    #[must_use]
    pub const fn is_controlling(&self) -> bool {
        self.controlling
    }

    /// The local candidates to signal: those of this generation, peer-reflexive ones left out.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.locals
            .iter()
            .map(|local| &local.candidate)
            .filter(|candidate| candidate.kind != CandidateType::PeerReflexive)
    }

    /// Whether `local` is a socket that was added and not removed.
    #[must_use]
    pub fn has_interface(&self, local: SocketAddr) -> bool {
        self.interfaces.contains(&local)
    }

    /// How far gathering is.
    #[must_use]
    pub fn gathering_state(&self) -> GatheringState {
        if self.interfaces.is_empty() {
            GatheringState::New
        } else if self.gathers.iter().any(gather::Gather::is_open) {
            GatheringState::Gathering
        } else {
            GatheringState::Complete
        }
    }

    /// How far the checks are.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a valid pair joins this remote address to this socket: the gate for DTLS and SRTP.
    #[must_use]
    pub fn is_validated(&self, from: SocketAddr, local: SocketAddr) -> bool {
        self.pairs
            .iter()
            .any(|pair| pair.is_valid() && pair.remote == from && pair.base == local)
    }

    /// Where data goes, as (local, remote): the selected pair, or the best valid one before
    /// nomination, or during a restart that of the generation before; none without consent.
    #[must_use]
    pub fn send_path(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.path_pair().map(|pair| (pair.base, pair.remote))
    }

    /// Smoothed round-trip time over [`Agent::send_path`].
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.path_pair().and_then(Pair::rtt)
    }

    fn path_pair(&self) -> Option<&Pair> {
        self.pair(self.path?)
    }

    fn pair(&self, id: PairId) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.id == id)
    }

    fn pair_mut(&mut self, id: PairId) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.id == id)
    }

    /// Statistics of the agent.
    #[must_use]
    pub const fn stats(&self) -> AgentStats {
        AgentStats {
            selected_pair_changes: self.selected_pair_changes,
            restarts: self.restarts,
            role_changes: self.role_changes,
            drops: self.drops,
        }
    }

    fn count(&mut self, reason: DropReason) {
        self.drops.count(reason);
    }

    fn touch(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn new_id(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}

#[cfg(test)]
mod tests;
