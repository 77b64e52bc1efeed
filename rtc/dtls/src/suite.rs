//! The registered parameters that are negotiated: cipher suites, groups, signature schemes, SRTP
//! profiles.

use smolrtc_crypto::{AeadAlgorithm, Group, HashAlgorithm, SignatureScheme};

/// Cipher suites, by what the server's certificate holds and how records are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CipherSuite {
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256` (RFC 5289).
    EcdheEcdsaAes128Gcm,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384` (RFC 5289).
    EcdheEcdsaAes256Gcm,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256` (RFC 7905).
    EcdheEcdsaChaCha20Poly1305,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` (RFC 5289). Client only.
    EcdheRsaAes128Gcm,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384` (RFC 5289). Client only.
    EcdheRsaAes256Gcm,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256` (RFC 7905). Client only.
    EcdheRsaChaCha20Poly1305,
}

impl CipherSuite {
    /// Every suite, in our order of preference.
    pub const ALL: &'static [Self] = &[
        Self::EcdheEcdsaAes128Gcm,
        Self::EcdheEcdsaAes256Gcm,
        Self::EcdheEcdsaChaCha20Poly1305,
        Self::EcdheRsaAes128Gcm,
        Self::EcdheRsaAes256Gcm,
        Self::EcdheRsaChaCha20Poly1305,
    ];

    /// The id in the TLS registry.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::EcdheEcdsaAes128Gcm => 0xC02B,
            Self::EcdheEcdsaAes256Gcm => 0xC02C,
            Self::EcdheEcdsaChaCha20Poly1305 => 0xCCA9,
            Self::EcdheRsaAes128Gcm => 0xC02F,
            Self::EcdheRsaAes256Gcm => 0xC030,
            Self::EcdheRsaChaCha20Poly1305 => 0xCCA8,
        }
    }

    /// The name in the TLS registry: `dtlsCipher` of the W3C statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdheEcdsaAes128Gcm => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheEcdsaAes256Gcm => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheEcdsaChaCha20Poly1305 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Self::EcdheRsaAes128Gcm => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaAes256Gcm => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaChaCha20Poly1305 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        }
    }

    /// Whether the server's certificate must hold an RSA key.
    #[must_use]
    pub const fn is_rsa(self) -> bool {
        matches!(
            self,
            Self::EcdheRsaAes128Gcm | Self::EcdheRsaAes256Gcm | Self::EcdheRsaChaCha20Poly1305
        )
    }

    pub(crate) const fn aead(self) -> AeadAlgorithm {
        match self {
            Self::EcdheEcdsaAes128Gcm | Self::EcdheRsaAes128Gcm => AeadAlgorithm::Aes128Gcm,
            Self::EcdheEcdsaAes256Gcm | Self::EcdheRsaAes256Gcm => AeadAlgorithm::Aes256Gcm,
            Self::EcdheEcdsaChaCha20Poly1305 | Self::EcdheRsaChaCha20Poly1305 => {
                AeadAlgorithm::ChaCha20Poly1305
            }
        }
    }

    /// Hash of the PRF and of the transcript.
    pub(crate) const fn hash(self) -> HashAlgorithm {
        match self {
            Self::EcdheEcdsaAes256Gcm | Self::EcdheRsaAes256Gcm => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha256,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|suite| suite.id() == id)
    }
}

/// Groups for the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamedGroup {
    /// X25519 (RFC 7748).
    X25519,
    /// secp256r1.
    P256,
}

impl NamedGroup {
    /// Every group, in our order of preference.
    pub const ALL: &'static [Self] = &[Self::X25519, Self::P256];

    /// The id in the TLS registry.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::X25519 => 29,
            Self::P256 => 23,
        }
    }

    /// The name: `tlsGroup` of the W3C statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519 => "X25519",
            Self::P256 => "P-256",
        }
    }

    pub(crate) const fn group(self) -> Group {
        match self {
            Self::X25519 => Group::X25519,
            Self::P256 => Group::P256,
        }
    }

    /// Length of a public key on the wire.
    pub(crate) const fn public_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::P256 => 65,
        }
    }

    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.id() == id)
    }
}

/// ECDSA on P-256 with SHA-256: what we sign with, always.
pub(crate) const ECDSA_SHA256: u16 = 0x0403;

/// What a peer may sign with. RSA comes last, and only if the provider verifies it.
pub(crate) const fn signature_schemes(rsa: bool) -> &'static [u16] {
    const ALL: &[u16] = &[ECDSA_SHA256, 0x0804, 0x0401, 0x0501, 0x0601];
    if rsa { ALL } else { &[ECDSA_SHA256] }
}

pub(crate) const fn signature_scheme(id: u16) -> Option<SignatureScheme> {
    Some(match id {
        ECDSA_SHA256 => SignatureScheme::EcdsaP256Sha256,
        0x0804 => SignatureScheme::RsaPssSha256,
        0x0401 => SignatureScheme::RsaPkcs1Sha256,
        0x0501 => SignatureScheme::RsaPkcs1Sha384,
        0x0601 => SignatureScheme::RsaPkcs1Sha512,
        _ => return None,
    })
}

/// SRTP protection profiles by their ids in the DTLS-SRTP registry (RFC 5764 section 4.1.2, RFC
/// 7714 section 14.2).
pub mod srtp_profile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    pub const AES128_CM_HMAC_SHA1_80: u16 = 0x0001;
    /// `SRTP_AES128_CM_HMAC_SHA1_32`.
    pub const AES128_CM_HMAC_SHA1_32: u16 = 0x0002;
    /// `SRTP_AEAD_AES_128_GCM`.
    pub const AEAD_AES_128_GCM: u16 = 0x0007;
    /// `SRTP_AEAD_AES_256_GCM`.
    pub const AEAD_AES_256_GCM: u16 = 0x0008;

    /// Lengths of master key and master salt in bytes, or `None` for a profile not known here.
    #[must_use]
    pub const fn key_and_salt_len(profile: u16) -> Option<(usize, usize)> {
        match profile {
            AES128_CM_HMAC_SHA1_80 | AES128_CM_HMAC_SHA1_32 => Some((16, 14)),
            AEAD_AES_128_GCM => Some((16, 12)),
            AEAD_AES_256_GCM => Some((32, 12)),
            _ => None,
        }
    }
}
