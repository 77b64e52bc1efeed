//! Writes our records.

use super::{Cipher, ContentType, DTLS_1_2, HEADER_LEN, Header, MAX_SEQUENCE};

/// Numbers our records, and protects those of epoch 1.
#[derive(Debug, Default)]
pub(crate) struct RecordWriter {
    /// Numbers used so far, by epoch.
    used: [u64; 2],
    cipher: Option<Cipher>,
    /// The epoch that alerts belong to: 1 from our ChangeCipherSpec on.
    pub(crate) epoch: u16,
}

impl RecordWriter {
    pub(crate) fn install(&mut self, cipher: Cipher) {
        self.cipher = Some(cipher);
    }

    /// The cipher of epoch 1.
    pub(crate) const fn cipher(&self) -> Option<&Cipher> {
        self.cipher.as_ref()
    }

    /// Whether any record was ever written.
    pub(crate) fn has_written(&self) -> bool {
        self.used != [0, 0]
    }

    /// Plaintext bytes that a record of `epoch` can hold within `space` bytes.
    pub(crate) fn room(&self, epoch: u16, space: usize) -> Option<usize> {
        space.checked_sub(match epoch {
            0 => HEADER_LEN,
            _ => self.cipher.as_ref()?.overhead(),
        })
    }

    /// Takes the next record number of `epoch`.
    pub(crate) fn next_sequence(&mut self, epoch: u16) -> Option<u64> {
        let used = self.used.get_mut(usize::from(epoch))?;
        if *used > MAX_SEQUENCE {
            return None;
        }
        let sequence = *used;
        *used = used.saturating_add(1);
        Some(sequence)
    }

    /// Writes one record to the front of `buf`; gives its length. `None`, and no number used, if it
    /// does not fit.
    pub(crate) fn write(
        &mut self,
        content_type: ContentType,
        epoch: u16,
        parts: &[&[u8]],
        buf: &mut [u8],
    ) -> Option<usize> {
        let len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let overhead = match epoch {
            0 => HEADER_LEN,
            _ => self.cipher.as_ref()?.overhead(),
        };
        let record = buf.get_mut(..len.checked_add(overhead)?)?;
        let record_len = record.len();
        let head_len = match epoch {
            0 => HEADER_LEN,
            _ => HEADER_LEN.saturating_add(self.cipher.as_ref()?.explicit_nonce_len()),
        };
        let mut plaintext = record.get_mut(head_len..)?;
        for part in parts {
            let (slot, rest) = plaintext.split_at_mut_checked(part.len())?;
            slot.copy_from_slice(part);
            plaintext = rest;
        }
        let sequence = self.next_sequence(epoch)?;
        if epoch == 0 {
            let header = Header {
                content_type: content_type.id(),
                version: DTLS_1_2,
                epoch,
                sequence,
                len: u16::try_from(len).ok()?,
            };
            *record.first_chunk_mut()? = header.emit();
        } else {
            self.cipher
                .as_ref()?
                .seal(content_type, epoch, sequence, record)?;
        }
        Some(record_len)
    }
}

#[cfg(test)]
mod tests;
