//! The software provider.

mod aead;
mod ctr;
mod hash;
mod mac;
mod public_key;
#[cfg(feature = "rsa")]
mod rsa;

use alloc::boxed::Box;

use crate::{Aead, AeadAlgorithm, Ctr, HashAlgorithm, Job, JobResult, Mac, Provider};

/// RustCrypto's implementations, in constant time where the crates promise it.
///
/// Keyed objects hold the expanded key, so that a packet pays for no key schedule, and wipe it
/// when dropped. The crates pick AES-NI, SHA-NI and their ARMv8 kin at run time.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl Provider for RustCrypto {
    fn supports_rsa(&self) -> bool {
        cfg!(feature = "rsa")
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
        hash::digest(algorithm, parts)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
        mac::new(algorithm, key)
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>> {
        aead::new(algorithm, key)
    }

    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn Ctr>> {
        ctr::new(key)
    }

    fn run(&self, job: &Job) -> JobResult {
        public_key::run(job)
    }
}

#[cfg(test)]
mod tests;
