//! Session keys and the transforms under them.

use alloc::boxed::Box;
use alloc::vec;
use smolrtc_base::SecretBytes;
use smolrtc_crypto::{Aead, Ctr, HashAlgorithm, Mac, Provider};

use crate::header::RTCP_HEADER_LEN;
use crate::{Profile, SrtpError};

/// HMAC-SHA1 session key, bytes (RFC 3711 section 5.2).
const AUTH_KEY_LEN: usize = 20;
/// SRTCP tag under HMAC-SHA1, bytes (RFC 5764 section 4.1.2).
const CM_RTCP_TAG_LEN: usize = 10;
const GCM_TAG_LEN: usize = 16;
/// The word with E-flag and SRTCP index.
const INDEX_WORD_LEN: usize = 4;
/// The rollover count, behind the authenticated packet.
const ROC_LEN: usize = 4;
/// The E-flag: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Labels of the key derivation (RFC 3711 sections 4.3.1 and 4.3.2).
#[derive(Clone, Copy)]
enum Usage {
    Rtp,
    Rtcp,
}

/// The keys of both packet kinds of one direction.
#[derive(Debug)]
pub(crate) struct SessionKeys {
    pub(crate) rtp: Transform,
    pub(crate) rtcp: Transform,
}

impl SessionKeys {
    /// Derives the session keys (RFC 3711 section 4.3, with a derivation rate of 0, so once).
    pub(crate) fn derive(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        provider: &dyn Provider,
    ) -> Result<Self, SrtpError> {
        if master_key.len() != profile.key_len() || master_salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let prf = provider.aes_ctr(master_key).ok_or(SrtpError::KeyLength)?;
        let transform = |usage: Usage| {
            let [key, auth, salt] = match usage {
                Usage::Rtp => [0, 1, 2],
                Usage::Rtcp => [3, 4, 5],
            };
            let key = prf_bytes(prf.as_ref(), master_salt, key, profile.key_len());
            let auth = prf_bytes(prf.as_ref(), master_salt, auth, AUTH_KEY_LEN);
            let salt = prf_bytes(prf.as_ref(), master_salt, salt, profile.salt_len());
            Transform::new(profile, usage, &key, &auth, &salt, provider)
        };
        Ok(Self {
            rtp: transform(Usage::Rtp)?,
            rtcp: transform(Usage::Rtcp)?,
        })
    }

    /// Session keys as published vectors give them, with no derivation.
    #[cfg(test)]
    pub(crate) fn with_session_keys(
        profile: Profile,
        key: &[u8],
        salt: &[u8],
        provider: &dyn Provider,
    ) -> Result<Self, SrtpError> {
        let (key, auth, salt) = (
            SecretBytes::new(key.to_vec()),
            SecretBytes::default(),
            SecretBytes::new(salt.to_vec()),
        );
        Ok(Self {
            rtp: Transform::new(profile, Usage::Rtp, &key, &auth, &salt, provider)?,
            rtcp: Transform::new(profile, Usage::Rtcp, &key, &auth, &salt, provider)?,
        })
    }
}

/// `len` bytes of the AES-CM pseudo-random function for `label` (RFC 3711 section 4.3.3; with a
/// 256-bit key RFC 6188 section 3). A 96-bit salt is followed by 16 zero bits.
pub(crate) fn prf_bytes(prf: &dyn Ctr, master_salt: &[u8], label: u8, len: usize) -> SecretBytes {
    let mut iv = [0; 16];
    for (to, from) in iv.iter_mut().zip(master_salt) {
        *to = *from;
    }
    // key_id = label || r is 56 bits long and aligned with the end of the 112-bit salt.
    iv[7] ^= label;
    let mut bytes = vec![0; len];
    prf.apply(&iv, &mut bytes);
    SecretBytes::new(bytes)
}

/// A packet could not be opened. What the buffer held is still encrypted, or wiped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    TooShort,
    BadTag,
}

/// Encryption and authentication of RTP or of RTCP packets, keyed.
#[derive(Debug)]
pub(crate) struct Transform {
    cipher: Cipher,
    /// The session salt, in the upper bits as the counter block or nonce has it.
    salt: Salt,
}

#[derive(Debug)]
enum Cipher {
    Cm {
        ctr: Box<dyn Ctr>,
        mac: Box<dyn Mac>,
        tag_len: usize,
    },
    Gcm(Box<dyn Aead>),
}

/// What every nonce is made from.
struct Salt(u128);

impl core::fmt::Debug for Salt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Salt")
    }
}

impl Salt {
    /// The 128-bit counter block of AES-CM: (salt · 2¹⁶) ⊕ (SSRC · 2⁶⁴) ⊕ (index · 2¹⁶)
    /// (RFC 3711 section 4.1.1).
    #[inline]
    fn counter_block(&self, ssrc: u32, index: u64) -> [u8; 16] {
        (self.0 ^ (u128::from(ssrc) << 64) ^ (u128::from(index) << 16)).to_be_bytes()
    }

    /// The 96-bit nonce of GCM: salt ⊕ (SSRC · 2⁴⁸ + index), for RTP with its 48-bit index
    /// (RFC 7714 section 8.1) as for RTCP with its 31-bit one (section 9.1).
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let [_, _, _, _, nonce @ ..] =
            (self.0 ^ (u128::from(ssrc) << 48) ^ u128::from(index)).to_be_bytes();
        nonce
    }
}

impl Transform {
    fn new(
        profile: Profile,
        usage: Usage,
        key: &SecretBytes,
        auth: &SecretBytes,
        salt: &SecretBytes,
        provider: &dyn Provider,
    ) -> Result<Self, SrtpError> {
        let number = salt
            .expose()
            .iter()
            .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        let (cipher, salt) = match profile.aead() {
            Some(algorithm) => (
                Cipher::Gcm(
                    provider
                        .aead(algorithm, key.expose())
                        .ok_or(SrtpError::KeyLength)?,
                ),
                Salt(number),
            ),
            None => (
                Cipher::Cm {
                    ctr: provider.aes_ctr(key.expose()).ok_or(SrtpError::KeyLength)?,
                    mac: provider.hmac(HashAlgorithm::Sha1, auth.expose()),
                    tag_len: match usage {
                        Usage::Rtp => profile.rtp_tag_len(),
                        Usage::Rtcp => CM_RTCP_TAG_LEN,
                    },
                },
                Salt(number << 16),
            ),
        };
        Ok(Self { cipher, salt })
    }

    /// Protects `buf[..len]`, whose first `header_len` bytes stay in the clear, and returns the
    /// new length and a digest of the protected packet. The caller has made sure of the nonce.
    #[inline]
    pub(crate) fn protect_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<(usize, Digest)> {
        match &self.cipher {
            Cipher::Cm { ctr, mac, tag_len } => {
                let end = len.checked_add(*tag_len)?;
                if buf.len() < end {
                    return None;
                }
                let payload = buf.get_mut(header_len..len)?;
                ctr.apply(&self.salt.counter_block(ssrc, index), payload);
                // The rollover count is authenticated behind the packet. Written where the tag,
                // which is no shorter, goes next, it spares the hash a second piece.
                let covered = len.checked_add(ROC_LEN)?;
                buf.get_mut(len..covered)?.copy_from_slice(&roc(index));
                let full = mac.compute(&[buf.get(..covered)?]);
                buf.get_mut(len..end)?
                    .copy_from_slice(full.get(..*tag_len)?);
                Some((end, digest(&full)?))
            }
            Cipher::Gcm(aead) => {
                let (packet, room) = buf.split_at_mut_checked(len)?;
                let tag = room.get_mut(..GCM_TAG_LEN)?;
                let (header, payload) = packet.split_at_mut_checked(header_len)?;
                let full = aead.seal(&self.salt.nonce(ssrc, index), header, payload);
                tag.copy_from_slice(&full);
                Some((len.checked_add(GCM_TAG_LEN)?, digest(&full)?))
            }
        }
    }

    /// Opens a protected packet in place and returns the length of the RTP packet.
    #[inline]
    pub(crate) fn unprotect_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, OpenError> {
        match &self.cipher {
            Cipher::Cm { ctr, mac, tag_len } => {
                let len = packet
                    .len()
                    .checked_sub(*tag_len)
                    .filter(|len| *len >= header_len)
                    .ok_or(OpenError::TooShort)?;
                let (packet, tag) = packet
                    .split_at_mut_checked(len)
                    .ok_or(OpenError::TooShort)?;
                if !mac.verify(&[packet, &roc(index)], tag) {
                    return Err(OpenError::BadTag);
                }
                if let Some(payload) = packet.get_mut(header_len..) {
                    ctr.apply(&self.salt.counter_block(ssrc, index), payload);
                }
                Ok(len)
            }
            Cipher::Gcm(aead) => {
                let (packet, tag) = packet
                    .split_last_chunk_mut::<GCM_TAG_LEN>()
                    .ok_or(OpenError::TooShort)?;
                let (header, payload) = packet
                    .split_at_mut_checked(header_len)
                    .ok_or(OpenError::TooShort)?;
                aead.open(&self.salt.nonce(ssrc, index), header, payload, tag)
                    .map_err(|_| OpenError::BadTag)?;
                Ok(packet.len())
            }
        }
    }

    /// Protects the compound packet `buf[..len]` and returns the new length.
    pub(crate) fn protect_rtcp(
        &self,
        buf: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Option<usize> {
        let (packet, room) = buf.split_at_mut_checked(len)?;
        let (header, payload) = packet.split_at_mut_checked(RTCP_HEADER_LEN)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.cipher {
            // Packet, index word, tag: RFC 3711 section 3.4.
            Cipher::Cm { ctr, mac, tag_len } => {
                let (word_at, room) = room.split_first_chunk_mut::<INDEX_WORD_LEN>()?;
                let tag = room.get_mut(..*tag_len)?;
                ctr.apply(&self.salt.counter_block(ssrc, u64::from(index)), payload);
                tag.copy_from_slice(mac.compute(&[packet, &word]).get(..*tag_len)?);
                *word_at = word;
                len.checked_add(INDEX_WORD_LEN)?.checked_add(*tag_len)
            }
            // Packet, tag, index word: RFC 7714 section 9.2.
            Cipher::Gcm(aead) => {
                let (tag, room) = room.split_first_chunk_mut::<GCM_TAG_LEN>()?;
                let (word_at, _) = room.split_first_chunk_mut::<INDEX_WORD_LEN>()?;
                let aad = rtcp_aad(header, &word)?;
                *tag = aead.seal(&self.salt.nonce(ssrc, u64::from(index)), &aad, payload);
                *word_at = word;
                len.checked_add(GCM_TAG_LEN)?.checked_add(INDEX_WORD_LEN)
            }
        }
    }

    /// Splits the word with E-flag and index off a protected compound packet.
    #[inline]
    pub(crate) fn rtcp_index(&self, packet: &[u8]) -> Result<RtcpIndex, OpenError> {
        let word = match &self.cipher {
            Cipher::Cm { tag_len, .. } => packet
                .len()
                .checked_sub(*tag_len)
                .and_then(|end| packet.get(..end))
                .unwrap_or(&[]),
            Cipher::Gcm(_) => packet,
        };
        let (_, word) = word
            .split_last_chunk::<INDEX_WORD_LEN>()
            .ok_or(OpenError::TooShort)?;
        let word = u32::from_be_bytes(*word);
        Ok(RtcpIndex {
            encrypted: word & ENCRYPTED != 0,
            index: word & !ENCRYPTED,
        })
    }

    /// Opens a protected compound packet in place and returns its length.
    ///
    /// A packet without the E-flag is authentic all the same; the flag is covered by the tag.
    pub(crate) fn unprotect_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        index: RtcpIndex,
    ) -> Result<usize, OpenError> {
        let number = u64::from(index.index);
        match &self.cipher {
            Cipher::Cm { ctr, mac, tag_len } => {
                let end = packet.len().checked_sub(*tag_len);
                let (packet, tag) = end
                    .and_then(|end| packet.split_at_mut_checked(end))
                    .ok_or(OpenError::TooShort)?;
                let len = packet
                    .len()
                    .checked_sub(INDEX_WORD_LEN)
                    .filter(|len| *len >= RTCP_HEADER_LEN)
                    .ok_or(OpenError::TooShort)?;
                if !mac.verify(&[packet], tag) {
                    return Err(OpenError::BadTag);
                }
                if let Some(payload) = packet.get_mut(RTCP_HEADER_LEN..len)
                    && index.encrypted
                {
                    ctr.apply(&self.salt.counter_block(ssrc, number), payload);
                }
                Ok(len)
            }
            Cipher::Gcm(aead) => {
                let len = packet
                    .len()
                    .checked_sub(GCM_TAG_LEN.saturating_add(INDEX_WORD_LEN))
                    .filter(|len| *len >= RTCP_HEADER_LEN)
                    .ok_or(OpenError::TooShort)?;
                let (body, trailer) = packet
                    .split_at_mut_checked(len)
                    .ok_or(OpenError::TooShort)?;
                let (tag, word) = trailer
                    .split_first_chunk_mut::<GCM_TAG_LEN>()
                    .ok_or(OpenError::TooShort)?;
                let (header, payload) = body
                    .split_at_mut_checked(RTCP_HEADER_LEN)
                    .ok_or(OpenError::TooShort)?;
                let nonce = self.salt.nonce(ssrc, number);
                if index.encrypted {
                    let aad = rtcp_aad(header, word).ok_or(OpenError::TooShort)?;
                    aead.open(&nonce, &aad, payload, tag)
                        .map_err(|_| OpenError::BadTag)?;
                } else {
                    // RFC 7714 section 9.3: packet and index word are associated data. The word
                    // takes the tag's place, so that the two lie side by side.
                    let tag = *tag;
                    trailer.copy_within(GCM_TAG_LEN.., 0);
                    let aad_len = len.saturating_add(INDEX_WORD_LEN);
                    let aad = packet.get(..aad_len).unwrap_or(&[]);
                    if aead.open(&nonce, aad, &mut [], &tag).is_err() {
                        packet.fill(0);
                        return Err(OpenError::BadTag);
                    }
                }
                Ok(len)
            }
        }
    }
}

/// E-flag and SRTCP index as they stand in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtcpIndex {
    pub(crate) encrypted: bool,
    pub(crate) index: u32,
}

/// Tells two protected packets apart: the front of the tag before it is cut.
pub(crate) type Digest = [u8; 8];

fn digest(tag: &[u8]) -> Option<Digest> {
    tag.first_chunk().copied()
}

/// The rollover count, which is authenticated but not sent (RFC 3711 section 4.2).
fn roc(index: u64) -> [u8; ROC_LEN] {
    ((index >> 16) as u32).to_be_bytes()
}

/// The associated data of an encrypted compound: its clear header and the word with E-flag and
/// index (RFC 7714 section 9.2).
fn rtcp_aad(header: &[u8], word: &[u8]) -> Option<[u8; 12]> {
    let mut aad = [0; 12];
    let (front, back) = aad.split_first_chunk_mut::<RTCP_HEADER_LEN>()?;
    *front = *header.first_chunk()?;
    back.copy_from_slice(word.first_chunk::<INDEX_WORD_LEN>()?);
    Some(aad)
}
