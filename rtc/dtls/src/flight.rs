//! Our flights: cut into records and datagrams, sent, sent again (RFC 6347 sections 4.2.3, 4.2.4).

use alloc::vec::Vec;

use crate::message;
use crate::record::{ContentType, RecordWriter};

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

#[cfg(test)]
mod tests;
