//! A provider that lets a fuzzer through.
//!
//! Tags and signatures keep a fuzzer out of everything behind them. [`AcceptAll`] computes what
//! [`RustCrypto`] computes, so that two engines still understand each other, but finds every tag
//! and every signature right. It is deterministic. **Never enable it in a product.**

use alloc::boxed::Box;

use crate::{
    Aead, AeadAlgorithm, BadTag, Ctr, HashAlgorithm, Job, JobResult, Mac, Provider, RustCrypto,
};

/// Accepts every tag and every signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAll;

impl Provider for AcceptAll {
    fn supports_rsa(&self) -> bool {
        true
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
        RustCrypto.hash(algorithm, parts)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
        Box::new(AnyMac(RustCrypto.hmac(algorithm, key)))
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>> {
        Some(Box::new(AnyTag(RustCrypto.aead(algorithm, key)?)))
    }

    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn Ctr>> {
        RustCrypto.aes_ctr(key)
    }

    fn run(&self, job: &Job) -> JobResult {
        match job {
            Job::Verify { .. } => JobResult::Valid,
            _ => RustCrypto.run(job),
        }
    }
}

#[derive(Debug)]
struct AnyTag(Box<dyn Aead>);

impl Aead for AnyTag {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buf: &mut [u8]) -> [u8; 16] {
        self.0.seal(nonce, aad, buf)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buf: &mut [u8],
        _tag: &[u8; 16],
    ) -> Result<(), BadTag> {
        // All these ciphers add a key stream, so that sealing a second time opens.
        self.0.seal(nonce, aad, buf);
        Ok(())
    }
}

#[derive(Debug)]
struct AnyMac(Box<dyn Mac>);

impl Mac for AnyMac {
    fn compute(&self, parts: &[&[u8]]) -> [u8; 64] {
        self.0.compute(parts)
    }

    fn verify(&self, _parts: &[&[u8]], _tag: &[u8]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
