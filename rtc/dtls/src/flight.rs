//! Our flights: cut into records and datagrams, sent, sent again (RFC 6347 sections 4.2.3, 4.2.4).

use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant};

use crate::message;
use crate::record::DTLS_1_2;
use crate::record::{Cipher, ContentType, HEADER_LEN, Header, MAX_SEQUENCE};

/// A fragment smaller than this is not worth the two headers before it; it goes into the next
/// datagram.
const SMALLEST_FRAGMENT: usize = 64;

/// One thing to send in a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The message whose header starts at `at` in the bytes that the flight is cut from.
    Message { at: usize, epoch: u16 },
    /// Not a handshake message, and the only thing that is not in the transcript.
    ChangeCipherSpec,
}

/// The last flight, and how much of it has been sent.
///
/// The messages themselves are not in here: the transcript holds them anyway.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    items: Vec<Item>,
    /// The item to send next.
    item: usize,
    /// Bytes of its body already sent.
    offset: usize,
}

impl Flight {
    pub(crate) const fn new(items: Vec<Item>) -> Self {
        Self {
            items,
            item: 0,
            offset: 0,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether anything of it waits to be sent.
    pub(crate) const fn is_pending(&self) -> bool {
        self.item < self.items.len()
    }

    /// Sends all of it again.
    pub(crate) const fn rewind(&mut self) {
        self.item = 0;
        self.offset = 0;
    }

    /// Fills `datagram` with records; gives the bytes written. `bytes` is what the items point into.
    pub(crate) fn emit(
        &mut self,
        bytes: &[u8],
        records: &mut RecordWriter,
        datagram: &mut [u8],
    ) -> usize {
        let mut written = 0_usize;
        while let Some(item) = self.items.get(self.item).copied() {
            let Some(rest) = datagram.get_mut(written..) else {
                break;
            };
            let len = match item {
                Item::ChangeCipherSpec => {
                    let len = records.write(ContentType::ChangeCipherSpec, 0, &[&[1]], rest);
                    if len.is_some() {
                        self.item = self.item.saturating_add(1);
                    }
                    len
                }
                Item::Message { at, epoch } => {
                    self.emit_fragment(bytes, at, epoch, records, rest, written == 0)
                }
            };
            match len {
                Some(len) => written = written.saturating_add(len),
                None => break,
            }
        }
        written
    }

    fn emit_fragment(
        &mut self,
        bytes: &[u8],
        at: usize,
        epoch: u16,
        records: &mut RecordWriter,
        buf: &mut [u8],
        is_first: bool,
    ) -> Option<usize> {
        let (header, rest) = bytes
            .get(at..)?
            .split_first_chunk::<{ message::HEADER_LEN }>()?;
        let [kind, m0, m1, m2, n0, n1, ..] = *header;
        let message_len = u32::from_be_bytes([0, m0, m1, m2]) as usize;
        let number = u16::from_be_bytes([n0, n1]);
        let left = rest.get(self.offset..message_len)?;

        let room = records
            .room(epoch, buf.len())?
            .checked_sub(message::HEADER_LEN)?;
        let len = room.min(left.len());
        let enough = if is_first { 1 } else { SMALLEST_FRAGMENT };
        if len < left.len().min(enough) {
            return None;
        }
        let fragment = left.get(..len)?;
        let header = message::header(kind, number, message_len, self.offset, len);
        let written = records.write(ContentType::Handshake, epoch, &[&header, fragment], buf)?;
        self.offset = self.offset.saturating_add(len);
        if self.offset == message_len {
            self.item = self.item.saturating_add(1);
            self.offset = 0;
        }
        Some(written)
    }
}

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
    fn room(&self, epoch: u16, space: usize) -> Option<usize> {
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

/// When to send the flight again.
///
/// The first wait is twice the round-trip time that ICE measured, within 50 ms and 3 s, as
/// libwebrtc does it; 1 s when nothing was measured (RFC 6347 section 4.2.4.1). It doubles up to 3 s,
/// not to the 60 s of the RFC: consent ends a path after 30 s without answer, so a longer wait would
/// outlive what it waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetransmitTimer {
    initial: Duration,
    current: Duration,
    sent: Option<Instant>,
    /// Times the current flight timed out.
    timeouts: u32,
}

impl RetransmitTimer {
    const FIRST: Duration = Duration::from_secs(1);
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(3);

    pub(crate) const fn new() -> Self {
        Self {
            initial: Self::FIRST,
            current: Self::FIRST,
            sent: None,
            timeouts: 0,
        }
    }

    /// A running wait is shortened, never lengthened.
    pub(crate) fn set_rtt(&mut self, rtt: Duration) {
        self.initial = rtt.saturating_mul(2).clamp(Self::SHORTEST, Self::LONGEST);
        if self.timeouts == 0 {
            self.current = if self.sent.is_some() {
                self.current.min(self.initial)
            } else {
                self.initial
            };
        }
    }

    /// A new flight is about to be sent.
    pub(crate) const fn reset(&mut self) {
        self.current = self.initial;
        self.sent = None;
        self.timeouts = 0;
    }

    /// The flight's last datagram was handed over.
    pub(crate) const fn start(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// The wait is over and the flight will be sent again.
    pub(crate) fn expire(&mut self) {
        self.current = self.current.saturating_mul(2).min(Self::LONGEST);
        self.sent = None;
        self.timeouts = self.timeouts.saturating_add(1);
    }

    /// The flight will be sent again because the peer asked for it.
    pub(crate) const fn stop(&mut self) {
        self.sent = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sent.map(|sent| sent.plus(self.current))
    }

    pub(crate) const fn timeouts(&self) -> u32 {
        self.timeouts
    }
}

#[cfg(test)]
mod tests;
