//! Cryptography behind one trait.
//!
//! Engines never name an algorithm's crate: they hold a `&'static dyn` [`Provider`] and ask it
//! for keyed objects ([`Aead`], [`Ctr`], [`Mac`]). Two rules shape the rest:
//!
//! * **Public-key work is a job.** A P-256 operation costs 8–9 million instructions on riscv32, so
//!   no engine performs one inline. It emits a [`Job`] and takes a [`JobResult`] later; the driver
//!   runs [`Provider::run`] where it likes (inline, on a thread, in hardware).
//! * **A failed open leaves no plaintext.** [`Aead::open`] wipes the buffer when the tag is wrong.
//!
//! Allocation happens when a key is set up, never per packet.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod job;
mod provider;
#[cfg(feature = "rustcrypto")]
mod rustcrypto;
#[cfg(feature = "rustcrypto")]
mod self_test;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use job::{Job, JobError, JobId, JobResult, PublicKey};
pub use provider::{
    Aead, AeadAlgorithm, BadTag, Ctr, Group, HashAlgorithm, Mac, Provider, SignatureScheme,
};
#[cfg(feature = "rustcrypto")]
pub use rustcrypto::RustCrypto;
#[cfg(feature = "rustcrypto")]
pub use self_test::{SelfTestError, self_test};
