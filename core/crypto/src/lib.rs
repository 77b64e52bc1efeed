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
//! Allocation happens when a key is set up, never per packet. Nothing here is random: whatever
//! randomness a key needs comes in with its job, and signatures are deterministic (RFC 6979).
//!
//! [`RustCrypto`] implements all of it in software: AES-GCM (RFC 5116), ChaCha20-Poly1305
//! (RFC 8439), AES-CTR, HMAC (RFC 2104), ECDH and ECDSA on P-256 (FIPS 186-5), X25519 (RFC 7748)
//! and, with the feature `rsa`, verification of RSA signatures (RFC 8017) with keys of 2,048 to
//! 4,096 bits. Tags and signatures are compared in constant time; points are taken uncompressed
//! only, and checked. [`self_test`] checks any provider, a hardware one too. Left out on purpose:
//! RSA signing, other curves, and every cipher that WebRTC does not negotiate.
//!
//! A keyed object costs its key schedule: 320 to 384 bytes for AES-GCM, 176 to 240 for AES-CTR,
//! 128 for HMAC-SHA1 on x86-64.
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
