//! What a connection is started with.

use alloc::vec::Vec;
use core::fmt;

use smolrtc_base::{Limits, constant_time_eq};
use smolrtc_crypto::{HashAlgorithm, Provider};

use crate::suite::srtp_profile;
use crate::{Certificate, CipherSuite, NamedGroup};

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends the ClientHello: `a=setup:active`.
    Client,
    /// Waits for it: `a=setup:passive`.
    Server,
}

/// What a connection is started with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Who speaks first.
    pub role: Role,
    /// Our certificate. Cloning it is cheap.
    pub certificate: Certificate,
    /// What the peer's certificate must hash to; at least one. They are compared as RFC 8122
    /// section 5 says: among those of the strongest hash, one must match.
    pub peer_fingerprints: Vec<Fingerprint>,
    /// SRTP protection profiles in order of preference ([`srtp_profile`]). Empty: no
    /// `use_srtp`. Profiles not known here are not offered.
    pub srtp_profiles: Vec<u16>,
    /// Largest datagram to send during the handshake, bytes: 200..=16,384.
    pub mtu: usize,
    /// Bounds of reassembly and receive buffer.
    pub limits: Limits,
    /// Cipher suites in order of preference. The RSA suites serve clients only, and only with a
    /// provider that verifies RSA.
    pub cipher_suites: &'static [CipherSuite],
    /// Groups in order of preference. A key for the first is made ahead.
    pub groups: &'static [NamedGroup],
}

impl Config {
    /// A configuration with every suite and group, the four SRTP profiles (AES-GCM first), 1,200
    /// byte datagrams and [`Limits::HOST`].
    #[must_use]
    pub fn new(role: Role, certificate: Certificate, peer_fingerprints: Vec<Fingerprint>) -> Self {
        Self {
            role,
            certificate,
            peer_fingerprints,
            srtp_profiles: Vec::from([
                srtp_profile::AEAD_AES_128_GCM,
                srtp_profile::AEAD_AES_256_GCM,
                srtp_profile::AES128_CM_HMAC_SHA1_80,
                srtp_profile::AES128_CM_HMAC_SHA1_32,
            ]),
            mtu: 1_200,
            limits: Limits::HOST,
            cipher_suites: CipherSuite::ALL,
            groups: NamedGroup::ALL,
        }
    }
}

/// The hash of a certificate, as a session description carries it (RFC 8122).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    hash: HashAlgorithm,
    bytes: [u8; 64],
}

impl Fingerprint {
    /// A fingerprint by its hash; `None` for SHA-1, MD5 and lengths that do not fit the hash.
    #[must_use]
    pub fn new(hash: HashAlgorithm, bytes: &[u8]) -> Option<Self> {
        if strength(hash) == 0 || bytes.len() != hash.len() {
            return None;
        }
        let mut array = [0; 64];
        array.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { hash, bytes: array })
    }

    /// The SHA-256 fingerprint `bytes`.
    #[must_use]
    pub fn sha256(bytes: [u8; 32]) -> Self {
        let mut array = [0; 64];
        if let Some(head) = array.first_chunk_mut() {
            *head = bytes;
        }
        Self {
            hash: HashAlgorithm::Sha256,
            bytes: array,
        }
    }

    /// A fingerprint by the hash's textual name: `sha-256`, `sha-384` or `sha-512`, in any case.
    #[must_use]
    pub fn from_name(name: &str, bytes: &[u8]) -> Option<Self> {
        let hash = [
            HashAlgorithm::Sha256,
            HashAlgorithm::Sha384,
            HashAlgorithm::Sha512,
        ]
        .into_iter()
        .find(|hash| name.eq_ignore_ascii_case(hash_name(*hash)))?;
        Self::new(hash, bytes)
    }

    /// The hash function.
    #[must_use]
    pub const fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The hash function's textual name: `sha-256` …
    #[must_use]
    pub const fn name(&self) -> &'static str {
        hash_name(self.hash)
    }

    /// The hash itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.hash.len()).unwrap_or(&[])
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (index, byte) in self.bytes().iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

const fn hash_name(hash: HashAlgorithm) -> &'static str {
    match hash {
        HashAlgorithm::Sha256 => "sha-256",
        HashAlgorithm::Sha384 => "sha-384",
        HashAlgorithm::Sha512 => "sha-512",
        _ => "unsupported",
    }
}

/// 0 for hashes that no fingerprint may use.
const fn strength(hash: HashAlgorithm) -> u8 {
    match hash {
        HashAlgorithm::Sha256 => 1,
        HashAlgorithm::Sha384 => 2,
        HashAlgorithm::Sha512 => 3,
        _ => 0,
    }
}

/// Whether `certificate` (DER) is one of those expected.
///
/// RFC 8122 section 5: choose the most preferred hash among those given, then any fingerprint of
/// that hash may match; a match under a weaker hash does not count. All candidates are compared, each
/// in constant time.
pub(crate) fn certificate_matches(
    provider: &dyn Provider,
    expected: &[Fingerprint],
    certificate: &[u8],
) -> bool {
    let Some(hash) = expected
        .iter()
        .map(|fingerprint| fingerprint.hash)
        .max_by_key(|hash| strength(*hash))
    else {
        return false;
    };
    let digest = provider.hash(hash, &[certificate]);
    let digest = digest.get(..hash.len()).unwrap_or(&[]);
    let mut matched = false;
    for fingerprint in expected
        .iter()
        .filter(|fingerprint| fingerprint.hash == hash)
    {
        matched |= constant_time_eq(digest, fingerprint.bytes());
    }
    matched
}

#[cfg(test)]
mod tests;
