//! What every engine stands on.
//!
//! Nothing here knows a protocol. The crate holds the types that let an engine be a deterministic
//! state machine: [`Instant`] is handed in, never read from a clock; [`Rng`] is seeded by the
//! caller, never by the system; [`Limits`] names every bound; [`Reader`] and [`Writer`] make bad
//! lengths an error instead of a panic; [`drop_reasons!`] counts what is thrown away, by name.
//!
//! The crate allocates only in [`SecretBytes`].
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bytes;
mod drops;
mod limits;
mod rng;
mod secret;
mod serial;
mod time;
mod transmit;

pub use bytes::{BufferTooSmall, Reader, Truncated, Writer};
pub use limits::Limits;
pub use rng::Rng;
pub use secret::{SecretArray, SecretBytes, constant_time_eq};
pub use serial::{Extended16, Extended32, seq16_newer, seq16_sub, seq32_newer, seq32_sub};
pub use time::{Instant, UnixTime};
pub use transmit::Transmit;

/// Length of a time span; the standard library's own type, re-exported so that no engine needs
/// to choose.
pub use core::time::Duration;
