//! What several fuzz targets share.

mod depacketize;

pub use depacketize::depacketize;

use smolrtc_base::{Rng, SecretArray, SecretBytes, UnixTime};
use smolrtc_crypto::fuzzing::AcceptAll;
use smolrtc_crypto::{
    Aead, AeadAlgorithm, Ctr, Group, HashAlgorithm, Job, JobError, JobResult, Mac, Provider,
    RustCrypto,
};
use smolrtc_dtls::Certificate;

/// Time of day at the start of every run.
pub const WALL: UnixTime = UnixTime::from_secs(1_780_000_000);

/// A provider whose public-key operations cost nothing, so that a fuzzer completes thousands of
/// handshakes a second. A public key contains its private key; every signature is right.
///
/// Tags are checked or not as the field says: checked, an engine must keep every promise whatever the
/// network does; unchecked, a changed byte reaches what lies behind the tag.
#[derive(Clone, Copy, Debug)]
pub struct Quick {
    /// Whether a wrong tag is refused.
    pub tags: bool,
}

/// The provider that refuses wrong tags.
pub static CHECKED: Quick = Quick { tags: true };
/// The provider that takes them.
pub static UNCHECKED: Quick = Quick { tags: false };

impl Quick {
    fn inner(&self) -> &'static dyn Provider {
        if self.tags { &RustCrypto } else { &AcceptAll }
    }
}

impl Provider for Quick {
    fn supports_rsa(&self) -> bool {
        true
    }

    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
        self.inner().hash(algorithm, parts)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
        self.inner().hmac(algorithm, key)
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>> {
        self.inner().aead(algorithm, key)
    }

    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn Ctr>> {
        self.inner().aes_ctr(key)
    }

    fn run(&self, job: &Job) -> JobResult {
        match job {
            Job::GenerateKey { group, seed } => {
                let private = seed.expose();
                let mut public = private.to_vec();
                if *group == Group::P256 {
                    public.insert(0, 4);
                    public.extend_from_slice(private);
                }
                JobResult::Key {
                    private: SecretBytes::new(private.to_vec()),
                    public,
                }
            }
            Job::Agree {
                group,
                private,
                peer_public,
            } => {
                let point = match group {
                    Group::P256 => peer_public.get(1..33).filter(|_| peer_public.len() == 65),
                    _ => peer_public.get(..32).filter(|_| peer_public.len() == 32),
                };
                let Some(point) = point else {
                    return JobResult::Failed(JobError::BadPublicKey);
                };
                let mut shared = [0; 32];
                for (out, (a, b)) in shared.iter_mut().zip(private.expose().iter().zip(point)) {
                    *out = a ^ b;
                }
                JobResult::Shared(SecretArray::new(shared))
            }
            // The shortest DER of a signature: r = s = 1.
            Job::Sign { .. } => JobResult::Signature(vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
            Job::Verify { .. } => JobResult::Valid,
            other => self.inner().run(other),
        }
    }
}

/// A certificate made with [`Quick`]; one for each seed.
///
/// # Panics
/// Never: the provider does not fail.
#[must_use]
pub fn certificate(seed: u64) -> Certificate {
    Certificate::generate(&CHECKED, &mut Rng::from_u64(seed), WALL).expect("a certificate")
}
