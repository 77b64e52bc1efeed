//! The receiving half: which TSNs arrived, reassembly, order within streams.
//!
//! Fragments that follow one another are appended to one buffer, a [`Run`]; a message whose
//! fragments arrive in order is copied once and its runs are joined only when there were gaps.
//! What a peer can make us hold is bounded in bytes (the receive window), in gaps and in runs.

use alloc::{collections::BTreeMap, vec::Vec};

use smolrtc_base::{seq16_newer, seq32_sub};

use crate::{
    DropReason,
    chunk::{Data, ForwardTsn, flag},
};

/// Gap blocks count from the cumulative TSN in 16 bits, so nothing further ahead could ever be
/// acknowledged. The bound also limits how far FORWARD-TSN may jump.
const MAX_TSN_JUMP: i32 = 65_535;

/// What a message or run costs beside its bytes.
const OVERHEAD: usize = 64;

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complete {
    pub(crate) stream: u16,
    pub(crate) ppid: u32,
    pub(crate) data: Vec<u8>,
}

/// Fragments of one message with consecutive TSNs.
#[derive(Debug)]
struct Run {
    first: u32,
    next: u32,
    flags: u8,
    stream: u16,
    ssn: u16,
    ppid: u32,
    data: Vec<u8>,
}

/// Why DATA was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Drop(DropReason),
    /// The message is larger than announced.
    TooLarge,
}

#[derive(Debug)]
pub(crate) struct Inbound {
    cumulative: u32,
    /// TSNs received beyond the cumulative one: first and last of each block, ascending.
    gaps: Vec<(u32, u32)>,
    /// Ascending by TSN.
    runs: Vec<Run>,
    /// Whole messages that wait for an earlier one of their stream.
    waiting: BTreeMap<(u16, u16), Complete>,
    /// The next sequence number of each stream that has seen one.
    streams: Vec<(u16, u16)>,
    /// Whole messages in order, to be taken at once by the association.
    ready: Vec<Complete>,
    used: usize,
    window: usize,
    max_message: usize,
    max_gaps: usize,
    max_streams: usize,
}

impl Inbound {
    pub(crate) const fn new(
        window: usize,
        max_message: usize,
        max_gaps: usize,
        max_streams: usize,
    ) -> Self {
        Self {
            cumulative: 0,
            gaps: Vec::new(),
            runs: Vec::new(),
            waiting: BTreeMap::new(),
            streams: Vec::new(),
            ready: Vec::new(),
            used: 0,
            window,
            max_message,
            max_gaps,
            max_streams,
        }
    }

    /// The peer's first TSN is known.
    pub(crate) const fn start(&mut self, initial_tsn: u32) {
        self.cumulative = initial_tsn.wrapping_sub(1);
    }

    pub(crate) const fn cumulative(&self) -> u32 {
        self.cumulative
    }

    /// The window to announce.
    pub(crate) const fn window(&self) -> usize {
        self.window.saturating_sub(self.used)
    }

    pub(crate) const fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Blocks for a SACK: offsets from the cumulative TSN.
    pub(crate) fn gap_blocks(&self) -> impl ExactSizeIterator<Item = (u16, u16)> + '_ {
        let offset = |tsn: u32| tsn.wrapping_sub(self.cumulative) as u16;
        self.gaps
            .iter()
            .map(move |&(first, last)| (offset(first), offset(last)))
    }

    /// Messages that became whole and in order.
    pub(crate) fn take_ready(&mut self) -> Vec<Complete> {
        core::mem::take(&mut self.ready)
    }

    /// The application has seen a message of `len` bytes.
    pub(crate) fn release(&mut self, len: usize) {
        self.used = self.used.saturating_sub(len + OVERHEAD);
    }

    /// Takes a DATA chunk.
    pub(crate) fn receive(&mut self, data: &Data<'_>) -> Result<(), Refusal> {
        let distance = seq32_sub(data.tsn, self.cumulative);
        if data.payload.is_empty() {
            return Err(Refusal::Drop(DropReason::BadData));
        }
        if distance <= 0 || self.is_in_gap(data.tsn) {
            return Err(Refusal::Drop(DropReason::DuplicateTsn));
        }
        if distance > MAX_TSN_JUMP {
            return Err(Refusal::Drop(DropReason::TsnTooFar));
        }
        // What comes in order is taken beyond the window, up to one message: else data behind a
        // gap could fill the window and keep out the very fragment it waits for.
        let in_order = distance == 1;
        let bound = if in_order {
            self.window + self.max_message
        } else {
            self.window
        };
        let full = self.used + data.payload.len() > bound
            || (!in_order && self.gaps.len() >= self.max_gaps)
            || self.runs.len() > self.max_gaps;
        if full {
            return Err(Refusal::Drop(DropReason::ReceiveBufferFull));
        }
        self.store(data)?;
        self.mark(data.tsn);
        Ok(())
    }

    fn is_in_gap(&self, tsn: u32) -> bool {
        let after = self
            .gaps
            .partition_point(|&(first, _)| seq32_sub(first, tsn) <= 0);
        after
            .checked_sub(1)
            .and_then(|at| self.gaps.get(at))
            .is_some_and(|&(_, last)| seq32_sub(tsn, last) <= 0)
    }

    /// Records that `tsn`, not seen before, arrived.
    fn mark(&mut self, tsn: u32) {
        if tsn == self.cumulative.wrapping_add(1) {
            self.cumulative = tsn;
            self.absorb();
            return;
        }
        let at = self
            .gaps
            .partition_point(|&(first, _)| seq32_sub(first, tsn) <= 0);
        let joins_next = self
            .gaps
            .get(at)
            .is_some_and(|&(first, _)| first == tsn.wrapping_add(1));
        let before = at.checked_sub(1).and_then(|at| self.gaps.get_mut(at));
        match before {
            Some((_, last)) if last.wrapping_add(1) == tsn => {
                *last = tsn;
                if joins_next {
                    let (_, end) = self.gaps.remove(at);
                    if let Some((_, last)) = self.gaps.get_mut(at - 1) {
                        *last = end;
                    }
                }
            }
            _ if joins_next => {
                if let Some((first, _)) = self.gaps.get_mut(at) {
                    *first = tsn;
                }
            }
            _ => self.gaps.insert(at, (tsn, tsn)),
        }
    }

    /// Moves the cumulative TSN over the blocks it has reached.
    fn absorb(&mut self) {
        let mut cumulative = self.cumulative;
        let reached = self
            .gaps
            .iter()
            .take_while(|&&(first, last)| {
                let reached = seq32_sub(first, cumulative.wrapping_add(1)) <= 0;
                if reached && seq32_sub(last, cumulative) > 0 {
                    cumulative = last;
                }
                reached
            })
            .count();
        self.gaps.drain(..reached);
        self.cumulative = cumulative;
        if self.gaps.is_empty() {
            self.gaps = Vec::new();
        }
    }

    fn store(&mut self, data: &Data<'_>) -> Result<(), Refusal> {
        let len = data.payload.len();
        let whole = flag::BEGIN | flag::END;
        let at = self
            .runs
            .partition_point(|run| seq32_sub(run.first, data.tsn) <= 0);
        if data.flags & whole == whole {
            if len > self.max_message {
                return Err(Refusal::TooLarge);
            }
            self.used += len + OVERHEAD;
            let (stream, ppid) = (data.stream, data.ppid);
            let complete = Complete {
                stream,
                ppid,
                data: data.payload.to_vec(),
            };
            self.deliver(complete, data.ssn, data.flags);
            return Ok(());
        }
        let before = at.checked_sub(1).and_then(|at| self.runs.get_mut(at));
        let at = match before {
            Some(run) if run.next == data.tsn && run.flags & flag::END == 0 => {
                let same = data.flags & flag::BEGIN == 0
                    && run.stream == data.stream
                    && (run.flags ^ data.flags) & flag::UNORDERED == 0
                    && (run.ssn == data.ssn || data.flags & flag::UNORDERED != 0);
                if !same {
                    return Err(Refusal::Drop(DropReason::BadData));
                }
                if run.data.len() + len > self.max_message {
                    return Err(Refusal::TooLarge);
                }
                run.data.extend_from_slice(data.payload);
                run.next = data.tsn.wrapping_add(1);
                run.flags |= data.flags & flag::END;
                self.used += len;
                at - 1
            }
            _ => {
                self.used += len + OVERHEAD;
                self.runs.insert(
                    at,
                    Run {
                        first: data.tsn,
                        next: data.tsn.wrapping_add(1),
                        flags: data.flags,
                        stream: data.stream,
                        ssn: data.ssn,
                        ppid: data.ppid,
                        data: data.payload.to_vec(),
                    },
                );
                at
            }
        };
        self.join(at)
    }

    /// Delivers the message to which the run at `at` belongs, if all of it is here.
    fn join(&mut self, at: usize) -> Result<(), Refusal> {
        let (mut from, mut to) = (at, at);
        while let Some(run) = self.runs.get(from)
            && run.flags & flag::BEGIN == 0
        {
            let before = from.checked_sub(1).and_then(|at| self.runs.get(at));
            if !before.is_some_and(|b| b.next == run.first && b.flags & flag::END == 0) {
                return Ok(());
            }
            from -= 1;
        }
        while let Some(run) = self.runs.get(to)
            && run.flags & flag::END == 0
        {
            let after = self.runs.get(to + 1);
            if !after.is_some_and(|a| a.first == run.next && a.flags & flag::BEGIN == 0) {
                return Ok(());
            }
            to += 1;
        }
        let total: usize = self
            .runs
            .get(from..=to)
            .unwrap_or(&[])
            .iter()
            .map(|run| run.data.len())
            .sum();
        if total > self.max_message {
            return Err(Refusal::TooLarge);
        }
        self.used = self.used.saturating_sub(OVERHEAD * (to - from));
        let mut runs = self.runs.drain(from..=to);
        let Some(mut whole) = runs.next() else {
            return Ok(());
        };
        whole.data.reserve_exact(total - whole.data.len());
        for run in runs {
            whole.data.extend_from_slice(&run.data);
        }
        if self.runs.is_empty() {
            self.runs = Vec::new();
        }
        let Run {
            stream,
            ppid,
            data,
            ssn,
            flags,
            ..
        } = whole;
        self.deliver(Complete { stream, ppid, data }, ssn, flags);
        Ok(())
    }

    fn deliver(&mut self, message: Complete, ssn: u16, flags: u8) {
        if flags & flag::UNORDERED != 0 {
            self.ready.push(message);
            return;
        }
        let stream = message.stream;
        let Some(next) = self.next_ssn(stream) else {
            // More streams than channels are allowed: of no use to anybody.
            self.release(message.data.len());
            return;
        };
        if ssn == *next {
            *next = next.wrapping_add(1);
            self.ready.push(message);
            self.deliver_waiting(stream);
        } else if seq16_newer(ssn, *next) {
            if let Some(twice) = self.waiting.insert((stream, ssn), message) {
                self.release(twice.data.len());
            }
        } else {
            self.release(message.data.len());
        }
    }

    fn deliver_waiting(&mut self, stream: u16) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(mut next) = self.next_ssn(stream).map(|next| *next) else {
            return;
        };
        while let Some(message) = self.waiting.remove(&(stream, next)) {
            self.ready.push(message);
            next = next.wrapping_add(1);
        }
        if let Some(slot) = self.next_ssn(stream) {
            *slot = next;
        }
    }

    pub(crate) fn next_ssn(&mut self, stream: u16) -> Option<&mut u16> {
        let at = match self.streams.iter().position(|&(id, _)| id == stream) {
            Some(at) => at,
            None if self.streams.len() < self.max_streams => {
                self.streams.push((stream, 0));
                self.streams.len() - 1
            }
            None => return None,
        };
        self.streams.get_mut(at).map(|(_, next)| next)
    }

    /// The peer starts the stream anew (RFC 6525 section 5.2.2).
    pub(crate) fn reset_stream(&mut self, stream: u16) {
        self.streams.retain(|&(id, _)| id != stream);
        while let Some((&key, _)) = self.waiting.range((stream, 0)..=(stream, u16::MAX)).next() {
            if let Some(message) = self.waiting.remove(&key) {
                self.release(message.data.len());
            }
        }
    }

    /// Skips what the peer has given up (RFC 3758 section 3.6).
    pub(crate) fn forward(&mut self, forward: &ForwardTsn<'_>) -> Result<(), DropReason> {
        let distance = seq32_sub(forward.cumulative, self.cumulative);
        if distance > MAX_TSN_JUMP {
            return Err(DropReason::TsnTooFar);
        }
        if distance <= 0 {
            return Err(DropReason::DuplicateTsn);
        }
        let cumulative = forward.cumulative;
        let mut freed = 0;
        self.runs.retain(|run| {
            let keep = seq32_sub(run.first, cumulative) > 0;
            if !keep {
                freed += run.data.len() + OVERHEAD;
            }
            keep
        });
        self.used = self.used.saturating_sub(freed);
        self.cumulative = cumulative;
        self.absorb();
        for (stream, ssn) in forward.streams() {
            self.skip(stream, ssn);
        }
        Ok(())
    }

    /// Messages of `stream` up to `ssn` that have not arrived never will.
    fn skip(&mut self, stream: u16, ssn: u16) {
        let Some(next) = self.next_ssn(stream).map(|next| *next) else {
            return;
        };
        if seq16_newer(next, ssn) {
            return;
        }
        // In serial order from `next`, which the map's order is but for one wrap.
        let keys: Vec<(u16, u16)> = self
            .waiting
            .range((stream, next)..=(stream, u16::MAX))
            .chain(self.waiting.range((stream, 0)..(stream, next)))
            .map(|(&key, _)| key)
            .filter(|&(_, waiting)| !seq16_newer(waiting, ssn))
            .collect();
        for key in keys {
            if let Some(message) = self.waiting.remove(&key) {
                self.ready.push(message);
            }
        }
        if let Some(slot) = self.next_ssn(stream) {
            *slot = ssn.wrapping_add(1);
        }
        self.deliver_waiting(stream);
    }
}

#[cfg(test)]
mod tests;
