//! What an engine may ask of cryptography.

use alloc::boxed::Box;
use core::fmt::Debug;

use crate::{Job, JobResult};

/// The tag did not match. The buffer was wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTag;

/// Ciphers with associated data. All have 12-byte nonces and 16-byte tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AeadAlgorithm {
    /// 16-byte key (RFC 5116).
    Aes128Gcm,
    /// 32-byte key (RFC 5116).
    Aes256Gcm,
    /// 32-byte key (RFC 8439).
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// Key length, bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// Hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// 16 bytes. Only for STUN long-term keys (RFC 8489 section 9.2.2).
    Md5,
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

#[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
impl HashAlgorithm {
    /// Output length, bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Groups for key agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// secp256r1; public keys are 65-byte uncompressed points.
    P256,
    /// X25519 (RFC 7748); public keys are 32 bytes.
    X25519,
}

/// Signature schemes. Signing is done with [`SignatureScheme::EcdsaP256Sha256`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ECDSA on P-256 with SHA-256; signatures are DER `ECDSA-Sig-Value`.
    EcdsaP256Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-256; verify only.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384; verify only.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512; verify only.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256 and an rsaEncryption key; verify only.
    RsaPssSha256,
}

/// A keyed AEAD.
pub trait Aead: Send + Sync + Debug {
    /// Encrypts `buf` in place and returns the tag.
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buf: &mut [u8]) -> [u8; 16];

    /// Decrypts `buf` in place after checking `tag`, in constant time.
    ///
    /// # Errors
    /// [`BadTag`]; `buf` then holds zeros, never unauthenticated plaintext.
    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), BadTag>;
}

/// A keyed AES in counter mode with a 128-bit big-endian counter block (RFC 3711 section 4.1.1).
pub trait Ctr: Send + Sync + Debug {
    /// Adds the keystream that starts at `iv` to `buf`.
    fn apply(&self, iv: &[u8; 16], buf: &mut [u8]);
}

/// A keyed HMAC.
pub trait Mac: Send + Sync + Debug {
    /// The tag over the concatenation of `parts`. Shorter hashes fill the front of the array.
    fn compute(&self, parts: &[&[u8]]) -> [u8; 64];

    /// Whether `tag`, which may be truncated but not empty, is right for the concatenation of
    /// `parts`. Takes a time that does not depend on where they differ. The caller has checked
    /// that the tag is as long as its protocol demands.
    ///
    /// Engines check tags with this and never with [`compute`](Self::compute), so that the
    /// provider for fuzzing can let them through.
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let right = self.compute(parts);
        match right.get(..tag.len()) {
            Some(right) if !tag.is_empty() => smolrtc_base::constant_time_eq(right, tag),
            _ => false,
        }
    }
}

/// A source of cryptographic operations.
pub trait Provider: Send + Sync + Debug {
    /// Whether this provider can verify RSA signatures, and so whether the `ECDHE_RSA` cipher
    /// suites may be offered.
    fn supports_rsa(&self) -> bool;

    /// The digest of the concatenation of `parts`. Shorter hashes fill the front of the array;
    /// their length is [`HashAlgorithm::len`].
    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64];

    /// A MAC keyed with `key`, of any length. `algorithm` is SHA-1, SHA-256 or SHA-384.
    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac>;

    /// An AEAD keyed with `key`; `None` if the length does not fit the algorithm.
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>>;

    /// AES-CTR keyed with `key` of 16 or 32 bytes; `None` for other lengths.
    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn Ctr>>;

    /// Performs one public-key operation, to its end. This is the slow one: drivers call it,
    /// engines never do.
    fn run(&self, job: &Job) -> JobResult;
}
