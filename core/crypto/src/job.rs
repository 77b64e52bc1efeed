//! Public-key operations as values.

use alloc::vec::Vec;
use smolrtc_base::{SecretArray, SecretBytes};

use crate::{Group, SignatureScheme};

/// Tells one outstanding job of an engine from another. Ids are never reused within an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A peer's public key, as it stands in its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// An uncompressed point of 65 bytes.
    P256(Vec<u8>),
    /// A PKCS#1 `RSAPublicKey` in DER.
    Rsa(Vec<u8>),
}

/// One public-key operation. All randomness comes with the job, so that its result is a function
/// of its contents.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Job {
    /// Derive a key pair for `group` from 32 random bytes.
    ///
    /// X25519 takes the seed as it is. For P-256 it is stretched to the 48 bytes
    /// c = HMAC-SHA-384(seed, "P-256 scalar"), and the scalar is c mod (n − 1) + 1 (FIPS 186-5
    /// appendix A.2.1): the same seed gives the same key with every provider.
    GenerateKey {
        /// Where the key lives.
        group: Group,
        /// 32 random bytes.
        seed: SecretArray<32>,
    },
    /// The shared secret of our private key and the peer's public key.
    Agree {
        /// Where both keys live.
        group: Group,
        /// What [`JobResult::Key`] gave as `private`.
        private: SecretBytes,
        /// The peer's point, not yet validated.
        peer_public: Vec<u8>,
    },
    /// An ECDSA-P256-SHA256 signature (deterministic, RFC 6979).
    Sign {
        /// The 32-byte scalar.
        private: SecretBytes,
        /// What to hash and sign.
        message: Vec<u8>,
    },
    /// Check a signature.
    Verify {
        /// How it was made.
        scheme: SignatureScheme,
        /// By whom.
        public: PublicKey,
        /// Over what, before hashing.
        message: Vec<u8>,
        /// DER for ECDSA, a raw string for RSA.
        signature: Vec<u8>,
    },
}

/// What a [`Job`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobResult {
    /// From [`Job::GenerateKey`].
    Key {
        /// 32-byte scalar.
        private: SecretBytes,
        /// Point as it goes on the wire.
        public: Vec<u8>,
    },
    /// From [`Job::Agree`]: the x coordinate or the X25519 output, 32 bytes.
    Shared(SecretArray<32>),
    /// From [`Job::Sign`]: DER.
    Signature(Vec<u8>),
    /// From [`Job::Verify`]: it holds.
    Valid,
    /// The job could not be done.
    Failed(JobError),
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// The peer's key is no point of the curve, the point at infinity, or of low order.
    BadPublicKey,
    /// The private key is out of range.
    BadPrivateKey,
    /// The signature is malformed or does not hold.
    BadSignature,
    /// This provider was built without the algorithm.
    Unsupported,
}
