//! ICE agent: finds and keeps a working path between two peers.
//!
//! Implemented: RFC 8445 (full agent, both roles, one component of one data stream, as BUNDLE and
//! rtcp-mux leave it), RFC 8838 (trickle, both ways), RFC 7675 (consent), RFC 8421 and RFC 6724
//! (preferences of a dual-stack host), the candidate attribute of RFC 8839 section 5.1, and the
//! `.local` names of draft-ietf-mmusic-mdns-ice-candidates, which the driver resolves.
//!
//! Left out: TCP candidates (RFC 6544; recognised, refused and counted), more than one component,
//! acting as a lite agent. Relayed candidates have their place in the types; no agent makes one yet.
//!
//! # Who owns what
//!
//! The caller owns sockets, clock and buffers. [`Agent`] never allocates once its tables have
//! grown to the session's size; the tables are bounded by [`smolrtc_base::Limits`]
//! (`ice_local_candidates`, `ice_remote_candidates`, `ice_pairs`). On a 64-bit machine a pair is
//! 224 bytes, a remote candidate 128, a local one 232, an outstanding request 32 (at most four a
//! pair): 42 KiB at the worst with `Limits::HOST`, 12 KiB with `Limits::CHIP`; a session of two
//! interfaces with a browser takes about 2 KiB.
//!
//! # The way through
//!
//! 1. [`Agent::new`] makes credentials; [`Agent::add_interface`] makes host candidates, which
//!    come out as [`Event::LocalCandidate`]; STUN servers add server-reflexive ones.
//! 2. [`Agent::set_remote_credentials`] and [`Agent::add_remote_candidate`], in any order; checks
//!    leave through [`Agent::poll_transmit`].
//! 3. The first pair that answers opens [`Agent::send_path`]; data may flow before nomination.
//! 4. The controlling side nominates; [`Event::SelectedPairChanged`] reports it on both.
//! 5. Consent is renewed every five seconds; silence for 30 s ends in [`Event::ConsentExpired`].
//!
//! ```
//! use smolrtc_base::{Instant, Rng};
//! use smolrtc_ice::{Agent, Config, MAX_MESSAGE_LEN, State};
//!
//! static PROVIDER: smolrtc_crypto::RustCrypto = smolrtc_crypto::RustCrypto;
//! let config = Config { controlling: true, ..Config::default() };
//! let mut camera = Agent::new(Config::default(), Rng::from_u64(1), &PROVIDER);
//! let mut viewer = Agent::new(config, Rng::from_u64(2), &PROVIDER);
//!
//! let mut now = Instant::ZERO;
//! camera.add_interface(now, "192.0.2.1:5000".parse().unwrap());
//! viewer.add_interface(now, "192.0.2.2:6000".parse().unwrap());
//!
//! // Signalling: credentials and candidates cross over.
//! let (ufrag, pwd) = camera.local_credentials();
//! viewer.set_remote_credentials(ufrag, pwd)?;
//! let (ufrag, pwd) = viewer.local_credentials();
//! camera.set_remote_credentials(ufrag, pwd)?;
//! for candidate in camera.local_candidates() {
//!     viewer.add_remote_candidate(now, candidate.clone());
//! }
//!
//! // A network that takes no time.
//! let mut buf = [0; MAX_MESSAGE_LEN];
//! while viewer.state() != State::Completed || camera.state() != State::Completed {
//!     while let Some(sent) = viewer.poll_transmit(now, &mut buf) {
//!         camera.handle_input(now, sent.from, sent.to, &buf[..sent.len]);
//!     }
//!     while let Some(sent) = camera.poll_transmit(now, &mut buf) {
//!         viewer.handle_input(now, sent.from, sent.to, &buf[..sent.len]);
//!     }
//!     let due = [&camera, &viewer].into_iter().filter_map(|agent| Some(agent.poll_timeout()?.0));
//!     now = due.min().unwrap_or(now).max(now);
//! }
//! assert_eq!(camera.send_path(), viewer.send_path().map(|(local, remote)| (remote, local)));
//! # Ok::<(), smolrtc_ice::Error>(())
//! ```
//!
//! # Deliberate differences from the RFCs
//!
//! * Ta is 20 ms, not 50 (RFC 8445 section 14.2 allows down to 5), and the first retransmission
//!   comes after 250 ms, not 500: a session has few pairs, and every browser paces alike.
//! * Each transmission of a check is a transaction of its own, as consent checks must be. So a
//!   round-trip time is always exact, and a late answer to an earlier transmission still counts.
//! * A request with wrong credentials is dropped in silence instead of answered with 401: the
//!   agent cannot be used to reflect traffic.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod agent;
mod candidate;
mod config;
mod credentials;
mod event;
mod foundation;
mod pair;
mod preference;
mod stats;

pub use agent::{Agent, MAX_MESSAGE_LEN};
pub use candidate::{
    Candidate, CandidateAddress, CandidateType, ParseCandidateError, TcpType, Transport,
};
pub use config::{Config, Timers};
pub use credentials::local_ufrag;
pub use event::{Error, Event, GatheringState, MdnsId, Reason, State};
pub use foundation::Foundation;
pub use stats::{
    AgentStats, CandidateId, CandidateStats, DropReason, Drops, PairId, PairState, PairStats,
};
