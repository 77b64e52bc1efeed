//! Records: header, protection, replay window (RFC 6347 section 4.1).

mod writer;

use alloc::boxed::Box;
use core::fmt;

use smolrtc_base::{Reader, Truncated};
use smolrtc_crypto::{Aead, AeadAlgorithm, Provider};

pub(crate) use writer::RecordWriter;

/// DTLS 1.2 on the wire: the one's complement of 1.2.
pub(crate) const DTLS_1_2: u16 = 0xFEFD;
/// DTLS 1.0: what a first ClientHello's record, and any HelloVerifyRequest, may carry (RFC 6347
/// section 4.2.1).
pub(crate) const DTLS_1_0: u16 = 0xFEFF;

/// Type, version, epoch, sequence number, length.
pub(crate) const HEADER_LEN: usize = 13;
/// Explicit part of an AES-GCM nonce (RFC 5288 section 3).
const EXPLICIT_NONCE_LEN: usize = 8;
const TAG_LEN: usize = 16;

/// Bytes that precede the plaintext in the buffer given to
/// [`Connection::seal`](crate::Connection::seal): record header and explicit nonce.
pub const RECORD_OVERHEAD_HEAD: usize = HEADER_LEN + EXPLICIT_NONCE_LEN;
/// Bytes that follow it there: the tag.
pub const RECORD_OVERHEAD_TAIL: usize = TAG_LEN;
/// Most bytes a record adds to its plaintext. ChaCha20-Poly1305 needs 8 fewer.
pub const RECORD_OVERHEAD: usize = RECORD_OVERHEAD_HEAD + RECORD_OVERHEAD_TAIL;

/// Longest plaintext of a record (RFC 5246 section 6.2.1).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;
/// Record numbers have 48 bits.
pub(crate) const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// Content types (RFC 5246 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
}

impl ContentType {
    pub(crate) const fn id(self) -> u8 {
        match self {
            Self::ChangeCipherSpec => 20,
            Self::Alert => 21,
            Self::Handshake => 22,
            Self::ApplicationData => 23,
        }
    }

    pub(crate) const fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            20 => Self::ChangeCipherSpec,
            21 => Self::Alert,
            22 => Self::Handshake,
            23 => Self::ApplicationData,
            _ => return None,
        })
    }
}

/// A record's header. The content type stays a number, since unknown ones must be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) content_type: u8,
    pub(crate) version: u16,
    pub(crate) epoch: u16,
    /// 48 bits.
    pub(crate) sequence: u64,
    pub(crate) len: u16,
}

impl Header {
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            content_type: reader.u8()?,
            version: reader.u16()?,
            epoch: reader.u16()?,
            sequence: reader.u48()?,
            len: reader.u16()?,
        })
    }

    pub(crate) fn emit(self) -> [u8; HEADER_LEN] {
        let [v0, v1] = self.version.to_be_bytes();
        let [e0, e1] = self.epoch.to_be_bytes();
        let [_, _, s0, s1, s2, s3, s4, s5] = self.sequence.to_be_bytes();
        let [l0, l1] = self.len.to_be_bytes();
        [
            self.content_type,
            v0,
            v1,
            e0,
            e1,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            l0,
            l1,
        ]
    }

    /// Epoch and sequence number as one 64-bit number: the AEADs' sequence number.
    const fn full_sequence(self) -> u64 {
        ((self.epoch as u64) << 48) | (self.sequence & MAX_SEQUENCE)
    }

    /// RFC 5246 section 6.2.3.3: sequence number, type, version, plaintext length.
    fn additional_data(self, plaintext_len: u16) -> [u8; HEADER_LEN] {
        let mut aad = [0; HEADER_LEN];
        let header = Self {
            len: plaintext_len,
            ..self
        }
        .emit();
        let [kind, v0, v1, sequence @ .., l0, l1] = header;
        let [e0, e1, s0, s1, s2, s3, s4, s5] = sequence;
        aad.copy_from_slice(&[e0, e1, s0, s1, s2, s3, s4, s5, kind, v0, v1, l0, l1]);
        aad
    }
}

/// The record protection of one direction.
pub(crate) struct Cipher {
    aead: Box<dyn Aead>,
    /// GCM: 4 bytes of salt. ChaCha20-Poly1305: 12 bytes to which the sequence number is added.
    iv: [u8; 12],
    explicit_nonce: bool,
}

impl Cipher {
    pub(crate) const fn fixed_iv_len(algorithm: AeadAlgorithm) -> usize {
        match algorithm {
            AeadAlgorithm::ChaCha20Poly1305 => 12,
            _ => 4,
        }
    }

    /// `None` if the lengths do not fit the algorithm.
    pub(crate) fn new(
        provider: &dyn Provider,
        algorithm: AeadAlgorithm,
        key: &[u8],
        fixed_iv: &[u8],
    ) -> Option<Self> {
        if fixed_iv.len() != Self::fixed_iv_len(algorithm) {
            return None;
        }
        let mut iv = [0; 12];
        iv.get_mut(..fixed_iv.len())?.copy_from_slice(fixed_iv);
        Some(Self {
            aead: provider.aead(algorithm, key)?,
            iv,
            explicit_nonce: fixed_iv.len() == 4,
        })
    }

    /// Bytes between header and ciphertext.
    pub(crate) const fn explicit_nonce_len(&self) -> usize {
        if self.explicit_nonce {
            EXPLICIT_NONCE_LEN
        } else {
            0
        }
    }

    /// Bytes a record of this cipher adds to its plaintext.
    pub(crate) const fn overhead(&self) -> usize {
        HEADER_LEN
            .saturating_add(self.explicit_nonce_len())
            .saturating_add(TAG_LEN)
    }

    fn nonce(&self, sequence: [u8; 8]) -> [u8; 12] {
        let [a, b, c, d, rest @ ..] = self.iv;
        let mut low = sequence;
        if !self.explicit_nonce {
            // RFC 7905 section 2: the padded sequence number XOR the IV.
            for (byte, iv) in low.iter_mut().zip(rest) {
                *byte ^= iv;
            }
        }
        let [s0, s1, s2, s3, s4, s5, s6, s7] = low;
        [a, b, c, d, s0, s1, s2, s3, s4, s5, s6, s7]
    }

    /// Protects the plaintext that lies at `record[HEADER_LEN + explicit_nonce_len()..]`, followed by
    /// room for the tag, and writes everything around it. `None` if `record` is no record's length.
    pub(crate) fn seal(
        &self,
        content_type: ContentType,
        epoch: u16,
        sequence: u64,
        record: &mut [u8],
    ) -> Option<()> {
        let plaintext_len = record.len().checked_sub(self.overhead())?;
        let header = Header {
            content_type: content_type.id(),
            version: DTLS_1_2,
            epoch,
            sequence,
            len: u16::try_from(record.len().checked_sub(HEADER_LEN)?).ok()?,
        };
        let aad = header.additional_data(u16::try_from(plaintext_len).ok()?);
        let number = header.full_sequence().to_be_bytes();

        let (head, rest) = record.split_first_chunk_mut::<HEADER_LEN>()?;
        *head = header.emit();
        let (explicit, rest) = rest.split_at_mut_checked(self.explicit_nonce_len())?;
        if self.explicit_nonce {
            // Unique per key because the sequence number is (RFC 5288 section 3).
            explicit.copy_from_slice(&number);
        }
        let (plaintext, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        *tag = self.aead.seal(&self.nonce(number), &aad, plaintext);
        Some(())
    }

    /// Opens `body`, all that follows the header, in place; gives the plaintext. `None` when the
    /// record is too short or its tag does not match; no plaintext is left then.
    pub(crate) fn open<'a>(&self, header: Header, body: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (explicit, rest) = body.split_at_mut_checked(self.explicit_nonce_len())?;
        let (ciphertext, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        if ciphertext.len() > MAX_PLAINTEXT {
            return None;
        }
        let number = if self.explicit_nonce {
            <[u8; 8]>::try_from(&*explicit).ok()?
        } else {
            header.full_sequence().to_be_bytes()
        };
        let aad = header.additional_data(u16::try_from(ciphertext.len()).ok()?);
        self.aead
            .open(&self.nonce(number), &aad, ciphertext, tag)
            .ok()?;
        Some(ciphertext)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.aead, f)
    }
}

/// Which of the last 64 record numbers have been seen (RFC 6347 section 4.1.2.6).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReplayWindow {
    /// One above the highest number accepted; 0 before the first.
    next: u64,
    /// Bit n: number `next - 1 - n` was accepted.
    seen: u64,
}

impl ReplayWindow {
    /// Whether `sequence` is new. Nothing is recorded: the record is not authenticated yet.
    pub(crate) const fn is_new(self, sequence: u64) -> bool {
        if sequence >= self.next {
            return true;
        }
        let age = self.next.saturating_sub(1).saturating_sub(sequence);
        age < 64 && (self.seen >> age) & 1 == 0
    }

    /// Records an authenticated `sequence`.
    pub(crate) const fn accept(&mut self, sequence: u64) {
        if sequence >= self.next {
            let shift = sequence.saturating_sub(self.next).saturating_add(1);
            self.seen = if shift < 64 { self.seen << shift } else { 0 } | 1;
            self.next = sequence.saturating_add(1);
        } else {
            let age = self.next.saturating_sub(1).saturating_sub(sequence);
            if age < 64 {
                self.seen |= 1 << age;
            }
        }
    }
}

#[cfg(test)]
mod tests;
