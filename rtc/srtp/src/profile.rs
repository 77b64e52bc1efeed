//! Protection profiles.

use smolrtc_crypto::AeadAlgorithm;

/// An SRTP protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 counter mode, HMAC-SHA1 cut to 80 bits.
    Aes128CmHmacSha1_80,
    /// The same with 32 bits for RTP; RTCP keeps 80.
    Aes128CmHmacSha1_32,
    /// AES-128-GCM with a 128-bit tag.
    AeadAes128Gcm,
    /// AES-256-GCM with a 128-bit tag.
    AeadAes256Gcm,
}

impl Profile {
    /// Every profile, the AEAD ones first.
    ///
    /// That order suits a processor with instructions for AES and carry-less multiplication (0.7
    /// of the time of CM for 1,200 bytes). In software GCM costs 1.4 times as much as CM, so a
    /// chip without an accelerator does better to prefer CM.
    pub const ALL: &'static [Self] = &[
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
    ];

    /// The profile with this number in `use_srtp`, if it is known.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmHmacSha1_80),
            0x0002 => Some(Self::Aes128CmHmacSha1_32),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// Its number in `use_srtp`.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Aes128CmHmacSha1_80 => 0x0001,
            Self::Aes128CmHmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Its registered name, as statistics show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128CmHmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Master key length, bytes. Session keys have the same.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Master salt length, bytes. Session salts have the same.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes that protection adds to an RTP packet.
    #[must_use]
    pub const fn rtp_tag_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Bytes that protection adds to an RTCP packet: the tag and the word with the SRTCP index.
    #[must_use]
    pub const fn rtcp_tag_len(self) -> usize {
        match self {
            // RFC 5764 section 4.1.2: the _32 profile too authenticates RTCP with 80 bits.
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 20,
        }
    }

    /// Bytes to export from DTLS with the label `EXTRACTOR-dtls_srtp`.
    #[must_use]
    pub const fn exported_len(self) -> usize {
        (self.key_len().saturating_add(self.salt_len())).saturating_mul(2)
    }

    /// Divides what DTLS exported (RFC 5764 section 4.2); `None` if its length is not
    /// [`exported_len`](Self::exported_len).
    #[must_use]
    pub fn split_exported(self, material: &[u8]) -> Option<Exported<'_>> {
        let (client_key, rest) = material.split_at_checked(self.key_len())?;
        let (server_key, rest) = rest.split_at_checked(self.key_len())?;
        let (client_salt, server_salt) = rest.split_at_checked(self.salt_len())?;
        (server_salt.len() == self.salt_len()).then_some(Exported {
            client_key,
            client_salt,
            server_key,
            server_salt,
        })
    }

    pub(crate) const fn aead(self) -> Option<AeadAlgorithm> {
        match self {
            Self::AeadAes128Gcm => Some(AeadAlgorithm::Aes128Gcm),
            Self::AeadAes256Gcm => Some(AeadAlgorithm::Aes256Gcm),
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => None,
        }
    }
}

/// Master keys and salts of both directions. The DTLS client sends with the client's, and
/// receives with the server's.
#[derive(Clone, Copy)]
pub struct Exported<'a> {
    /// What the DTLS client sends with.
    pub client_key: &'a [u8],
    /// Its salt.
    pub client_salt: &'a [u8],
    /// What the DTLS server sends with.
    pub server_key: &'a [u8],
    /// Its salt.
    pub server_salt: &'a [u8],
}

impl core::fmt::Debug for Exported<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Exported")
    }
}
