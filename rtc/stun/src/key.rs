//! Keys of the integrity attributes (RFC 8489 sections 9.1.1 and 9.2.2).

use alloc::boxed::Box;
use core::fmt;

use smolrtc_crypto::{HashAlgorithm, Mac, Provider};

/// An HMAC key, set up for both integrity attributes.
pub struct Key {
    sha1: Box<dyn Mac>,
    sha256: Box<dyn Mac>,
}

impl Key {
    /// The key of the short-term mechanism, which ICE uses: the password itself.
    #[must_use]
    pub fn short_term(provider: &dyn Provider, password: &[u8]) -> Self {
        Self {
            sha1: provider.hmac(HashAlgorithm::Sha1, password),
            sha256: provider.hmac(HashAlgorithm::Sha256, password),
        }
    }

    /// The key of the long-term mechanism, which TURN uses: the MD5 of `username:realm:password`.
    ///
    /// `password` is taken as prepared by OpaqueString (RFC 8265); ASCII always is.
    #[must_use]
    pub fn long_term_md5(
        provider: &dyn Provider,
        username: &str,
        realm: &str,
        password: &[u8],
    ) -> Self {
        Self::long_term(provider, HashAlgorithm::Md5, username, realm, password)
    }

    /// Like [`Key::long_term_md5`] for the password algorithm SHA-256 (section 18.5.1.2).
    #[must_use]
    pub fn long_term_sha256(
        provider: &dyn Provider,
        username: &str,
        realm: &str,
        password: &[u8],
    ) -> Self {
        Self::long_term(provider, HashAlgorithm::Sha256, username, realm, password)
    }

    fn long_term(
        provider: &dyn Provider,
        algorithm: HashAlgorithm,
        username: &str,
        realm: &str,
        password: &[u8],
    ) -> Self {
        let parts = [username.as_bytes(), b":", realm.as_bytes(), b":", password];
        let digest = provider.hash(algorithm, &parts);
        Self::short_term(provider, digest.get(..algorithm.len()).unwrap_or(&digest))
    }

    pub(crate) fn sha1(&self) -> &dyn Mac {
        &*self.sha1
    }

    pub(crate) fn sha256(&self) -> &dyn Mac {
        &*self.sha256
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
