//! The deterministic world: a camera, its viewers, the signaling service and the network between
//! them in one process, in virtual time.
//!
//! Nothing here reads a clock, opens a socket or starts a thread. A [`World`] is made from one `u64`
//! seed; every delay, loss, key and identifier of ours follows from it, so that a failing scenario is
//! replayed from the number in its message. (str0m draws its own randomness from the system: a world
//! with a str0m viewer repeats itself only in what matters. Worlds of our own viewers repeat every
//! byte.)
//!
//! * [`link`]: one direction of an access line: delay, jitter, loss, duplication, rate, queue, MTU.
//! * [`nat`]: an address translator whose mapping can be lost.
//! * [`media`]: synthetic frames that are told apart by their bytes.
//! * [`camera`], [`viewer`], [`strange`]: the hosts: [`kvs_camera::Camera`],
//!   [`smolrtc::PeerConnection`], and str0m, which shares no code with us.
//! * [`cloud`]: [`kvs_signaling::Client`]s and [`kvs_service_core::Service`] over byte streams.
//! * [`world`]: the loop that joins them. [`report`]: what a viewer saw, in figures.
//!
//! The network is a star: a datagram leaves through its sender's `up` line and arrives through its
//! receiver's `down` line; delays add up.
#![forbid(unsafe_code)]
#![allow(
    clippy::missing_panics_doc,
    reason = "the world is a test: it panics, with its seed, when it finds what must not be"
)]

pub mod camera;
pub mod cloud;
pub mod link;
pub mod log;
pub mod media;
pub mod nat;
pub mod report;
pub mod scene;
pub mod snapshot;
pub mod strange;
pub mod trace;
pub mod viewer;
pub mod world;

pub use camera::Compute;
pub use link::LinkConfig;
pub use media::Recipe;
pub use report::Playback;
pub use smolrtc::base::{Duration, Instant};
pub use viewer::Wishes;
pub use world::{Node, Scenario, Signaling, World};

use smolrtc::base::{Rng, UnixTime};
use smolrtc::crypto::RustCrypto;

/// The provider of everything of ours.
pub static PROVIDER: RustCrypto = RustCrypto;

/// Wall time at the world's start: 2023-11-14T22:13:20Z.
pub const EPOCH: UnixTime = UnixTime::from_secs(1_700_000_000);

/// The wall time at `now`.
#[must_use]
pub const fn unix(now: Instant) -> UnixTime {
    EPOCH.plus(now.since(Instant::ZERO))
}

/// A certificate that follows from `rng`.
#[must_use]
pub fn certificate(rng: &mut Rng) -> smolrtc::Certificate {
    smolrtc::Certificate::generate(&PROVIDER, rng, EPOCH).expect("a provider that signs")
}

/// Milliseconds.
#[must_use]
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
