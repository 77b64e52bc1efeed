//! Puts handshake messages together again, within limits (RFC 6347 section 4.2.3).

use alloc::vec::Vec;

use smolrtc_base::Limits;

use crate::DropReason;
use crate::message::Fragment;

/// How far ahead of the next message fragments are kept. The longest flight has six messages.
const AHEAD: u16 = 8;

/// Handshake messages of which parts are missing, or whose turn has not come.
///
/// Bytes are counted by announced message length, ranges by fragment; when either limit is
/// reached, messages furthest from their turn give way to the one whose turn it is.
#[derive(Debug)]
pub(crate) struct Reassembler {
    /// Number of the message to be delivered next.
    next: u16,
    /// Sorted by number.
    partial: Vec<Partial>,
    max_bytes: usize,
    max_fragments: usize,
}

#[derive(Debug)]
struct Partial {
    number: u16,
    kind: u8,
    body: Vec<u8>,
    /// Received parts of `body`, sorted, neither overlapping nor touching.
    ranges: Vec<(usize, usize)>,
}

/// A whole message, its turn come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) number: u16,
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Reassembler {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            next: 0,
            partial: Vec::new(),
            max_bytes: limits.dtls_reassembly_bytes,
            max_fragments: limits.dtls_reassembly_fragments,
        }
    }

    /// Takes one fragment, whose range [`Fragment::parse`] has checked against the message's
    /// length.
    pub(crate) fn insert(&mut self, fragment: &Fragment<'_>) -> Result<(), DropReason> {
        let ahead = fragment.number.wrapping_sub(self.next);
        if fragment.number < self.next {
            return Err(DropReason::StaleMessage);
        }
        if ahead >= AHEAD {
            return Err(DropReason::ReassemblyLimit);
        }
        // A part of nothing is only news when the message is empty.
        if fragment.bytes.is_empty() && fragment.message_len != 0 {
            return Err(DropReason::BadFragment);
        }
        let index = match self.position(fragment.number) {
            Ok(index) => index,
            Err(_) => self.start(fragment)?,
        };
        // One fragment adds at most one range.
        while self.fragments() >= self.max_fragments {
            self.evict_after(fragment.number)?;
        }
        let Some(partial) = self.partial.get_mut(index) else {
            return Err(DropReason::ReassemblyLimit);
        };
        if partial.kind != fragment.kind || partial.body.len() != fragment.message_len {
            return Err(DropReason::BadFragment);
        }
        let start = fragment.offset;
        let end = start.saturating_add(fragment.bytes.len());
        partial
            .body
            .get_mut(start..end)
            .ok_or(DropReason::BadFragment)?
            .copy_from_slice(fragment.bytes);
        partial.mark(start, end);
        Ok(())
    }

    /// The next message, once it is whole.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let first = self.partial.first()?;
        if first.number != self.next || !first.is_whole() {
            return None;
        }
        let first = self.partial.remove(0);
        self.next = self.next.wrapping_add(1);
        Some(Message {
            number: first.number,
            kind: first.kind,
            body: first.body,
        })
    }

    fn position(&self, number: u16) -> Result<usize, usize> {
        self.partial
            .binary_search_by_key(&number, |partial| partial.number)
    }

    /// Makes room for a new message and gives its index.
    fn start(&mut self, fragment: &Fragment<'_>) -> Result<usize, DropReason> {
        if fragment.message_len > self.max_bytes {
            return Err(DropReason::ReassemblyLimit);
        }
        while self.bytes().saturating_add(fragment.message_len) > self.max_bytes {
            self.evict_after(fragment.number)?;
        }
        let mut body = Vec::new();
        body.try_reserve_exact(fragment.message_len)
            .map_err(|_| DropReason::ReassemblyLimit)?;
        body.resize(fragment.message_len, 0);
        let index = match self.position(fragment.number) {
            Ok(index) | Err(index) => index,
        };
        self.partial.insert(
            index,
            Partial {
                number: fragment.number,
                kind: fragment.kind,
                body,
                ranges: Vec::new(),
            },
        );
        Ok(index)
    }

    /// Forgets the message furthest ahead, if it lies behind `number`.
    fn evict_after(&mut self, number: u16) -> Result<(), DropReason> {
        match self.partial.last() {
            Some(last) if last.number > number => {
                self.partial.pop();
                Ok(())
            }
            _ => Err(DropReason::ReassemblyLimit),
        }
    }

    fn bytes(&self) -> usize {
        self.partial
            .iter()
            .fold(0, |sum, partial| sum.saturating_add(partial.body.len()))
    }

    fn fragments(&self) -> usize {
        self.partial
            .iter()
            .fold(0, |sum, partial| sum.saturating_add(partial.ranges.len()))
    }
}

impl Partial {
    fn is_whole(&self) -> bool {
        match self.ranges.as_slice() {
            [] => false,
            [(start, end)] => *start == 0 && *end == self.body.len(),
            _ => false,
        }
    }

    /// Adds `start..end`, merging what it touches.
    fn mark(&mut self, start: usize, end: usize) {
        let (mut start, mut end) = (start, end);
        self.ranges.retain(|(from, to)| {
            let apart = *to < start || *from > end;
            if !apart {
                start = start.min(*from);
                end = end.max(*to);
            }
            apart
        });
        let at = self.ranges.partition_point(|(from, _)| *from < start);
        self.ranges.insert(at, (start, end));
    }
}

#[cfg(test)]
mod tests;
