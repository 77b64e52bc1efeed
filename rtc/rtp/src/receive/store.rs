//! Packets that wait for the ones before them, in a window over the sequence numbers.

use alloc::collections::{TryReserveError, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use smolrtc_base::Instant;

/// A gap may be mere reordering: this long the first request waits.
const REORDERING: Duration = Duration::from_millis(10);
/// Requests for one packet; after that the play-out limit decides.
const MAX_TRIES: u8 = 10;

/// What is known of a packet besides its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) codec: crate::Codec,
    pub(super) arrival: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Empty,
    Missing {
        since: Instant,
        next_request: Instant,
        tries: u8,
    },
    Held {
        meta: Meta,
        begin: u32,
        len: u16,
    },
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its turn has passed.
    Late,
    /// It is here already.
    Duplicate,
    /// The window or the byte store is full.
    Full,
}

/// The window: `next..end`, of which each packet is held or missing.
///
/// Payloads lie in a ring of bytes in order of arrival. What is taken out in order of sequence
/// frees it in nearly the order of arrival, for a packet that arrives late is taken out before
/// the younger ones that waited for it.
#[derive(Debug)]
pub(super) struct Store {
    slots: Vec<Slot>,
    next: u64,
    end: u64,
    bytes: Vec<u8>,
    head: usize,
    /// Sequence number and place of every payload in the ring, in order of arrival.
    regions: VecDeque<(u64, usize)>,
    /// No request is due before.
    next_request: Option<Instant>,
}

impl Store {
    /// A window of `packets` sequence numbers and `bytes` of payload.
    pub(super) fn new(packets: usize, bytes: usize) -> Result<Self, TryReserveError> {
        let packets = packets.max(2);
        let mut slots = Vec::new();
        slots.try_reserve_exact(packets)?;
        slots.resize(packets, Slot::Empty);
        let mut ring = Vec::new();
        ring.try_reserve_exact(bytes)?;
        ring.resize(bytes, 0);
        let mut regions = VecDeque::new();
        regions.try_reserve_exact(packets.saturating_mul(2))?;
        Ok(Self {
            slots,
            next: 0,
            end: 0,
            bytes: ring,
            head: 0,
            regions,
            next_request: None,
        })
    }

    /// Forgets everything and expects `sequence` next.
    pub(super) fn restart(&mut self, sequence: u64) {
        self.slots.fill(Slot::Empty);
        self.regions.clear();
        self.next = sequence;
        self.end = sequence;
        self.head = 0;
        self.next_request = None;
    }

    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// One past the highest sequence number seen.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Nothing waits: the next packet in sequence need not be stored.
    pub(super) const fn is_empty(&self) -> bool {
        self.next == self.end
    }

    fn index(&self, sequence: u64) -> usize {
        sequence.checked_rem(self.slots.len() as u64).unwrap_or(0) as usize
    }

    fn slot(&self, sequence: u64) -> Slot {
        let slot = self.slots.get(self.index(sequence));
        slot.copied().unwrap_or(Slot::Empty)
    }

    fn set(&mut self, sequence: u64, value: Slot) {
        let index = self.index(sequence);
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = value;
        }
    }

    /// Whether `sequence` lies so far ahead that the window must move first.
    pub(super) fn is_ahead(&self, sequence: u64) -> bool {
        sequence.saturating_sub(self.next) >= self.slots.len() as u64
    }

    /// Keeps a packet; everything between the highest so far and it is missing from now on.
    pub(super) fn insert(
        &mut self,
        sequence: u64,
        meta: Meta,
        payload: &[u8],
    ) -> Result<(), Refused> {
        if sequence < self.next {
            return Err(Refused::Late);
        }
        if self.is_ahead(sequence) {
            return Err(Refused::Full);
        }
        if sequence < self.end && matches!(self.slot(sequence), Slot::Held { .. }) {
            return Err(Refused::Duplicate);
        }
        let begin = self.keep(sequence, payload).ok_or(Refused::Full)?;
        self.mark_missing(self.end, sequence, meta.arrival);
        self.end = self.end.max(sequence.saturating_add(1));
        self.set(
            sequence,
            Slot::Held {
                meta,
                begin: begin as u32,
                len: payload.len() as u16,
            },
        );
        Ok(())
    }

    /// Moves the beginning back to `sequence` while nothing has been taken out yet.
    pub(super) fn begin_earlier(&mut self, sequence: u64, now: Instant) -> Result<(), Refused> {
        let span = self.end.saturating_sub(sequence);
        if sequence >= self.next || span >= self.slots.len() as u64 {
            return Err(Refused::Late);
        }
        self.mark_missing(sequence, self.next, now);
        self.next = sequence;
        Ok(())
    }

    fn mark_missing(&mut self, begin: u64, end: u64, now: Instant) {
        let next_request = now.plus(REORDERING);
        for sequence in begin..end {
            self.set(
                sequence,
                Slot::Missing {
                    since: now,
                    next_request,
                    tries: 0,
                },
            );
            self.wake_at(next_request);
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.next_request = Some(self.next_request.map_or(at, |known| known.min(at)));
    }

    /// Copies a payload into the ring; tells where it lies.
    fn keep(&mut self, sequence: u64, payload: &[u8]) -> Option<usize> {
        // Nothing takes no place: with it a full ring would look empty.
        if payload.is_empty() {
            return Some(0);
        }
        let begin = self.allocate(payload.len())?;
        let end = begin.checked_add(payload.len())?;
        self.bytes.get_mut(begin..end)?.copy_from_slice(payload);
        self.regions.push_back((sequence, begin));
        self.head = end;
        Some(begin)
    }

    /// A place for `len` bytes in one piece.
    fn allocate(&mut self, len: usize) -> Option<usize> {
        while let Some((sequence, _)) = self.regions.front()
            && *sequence < self.next
        {
            self.regions.pop_front();
        }
        if self.regions.len() == self.regions.capacity() {
            return None;
        }
        let capacity = self.bytes.len();
        let Some((_, tail)) = self.regions.front().copied() else {
            return (len <= capacity).then_some(0);
        };
        // Head and tail never meet but in an empty ring, hence "<" below.
        if self.head > tail {
            if len <= capacity.saturating_sub(self.head) {
                return Some(self.head);
            }
            return (len < tail).then_some(0);
        }
        (len < tail.saturating_sub(self.head)).then_some(self.head)
    }

    /// The next packet in sequence, if it is here.
    pub(super) fn front(&self) -> Option<(Meta, &[u8])> {
        if self.is_empty() {
            return None;
        }
        self.held(self.next)
    }

    fn held(&self, sequence: u64) -> Option<(Meta, &[u8])> {
        match self.slot(sequence) {
            Slot::Held { meta, begin, len } => {
                let begin = begin as usize;
                let end = begin.saturating_add(usize::from(len));
                Some((meta, self.bytes.get(begin..end).unwrap_or(&[])))
            }
            Slot::Empty | Slot::Missing { .. } => None,
        }
    }

    /// Takes the next packet out, or passes one that never was in.
    pub(super) fn pop(&mut self) {
        self.set(self.next, Slot::Empty);
        self.next = self.next.saturating_add(1);
        self.end = self.end.max(self.next);
    }

    /// Since when the next packet in sequence is known to be missing.
    pub(super) fn gap_since(&self) -> Option<Instant> {
        if self.is_empty() {
            return None;
        }
        match self.slot(self.next) {
            Slot::Missing { since, .. } => Some(since),
            Slot::Empty | Slot::Held { .. } => None,
        }
    }

    /// Gives up what is missing before the first packet that is here; returns how many.
    pub(super) fn skip_gap(&mut self) -> u64 {
        let begin = self.next;
        while !self.is_empty() && self.front().is_none() {
            self.pop();
        }
        self.next.saturating_sub(begin)
    }

    /// The first packet that is here, whatever is missing before it.
    pub(super) fn first_held(&self) -> Option<(Meta, &[u8])> {
        (self.next..self.end).find_map(|sequence| self.held(sequence))
    }

    /// When the next request is due; may be early by what has arrived meanwhile.
    pub(super) const fn next_request(&self) -> Option<Instant> {
        self.next_request
    }

    /// The missing packets whose request is due, in sequence.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = u16> + '_ {
        let waiting = self.next_request.is_some_and(|at| at <= now);
        let end = if waiting { self.end } else { self.next };
        (self.next..end).filter_map(move |sequence| match self.slot(sequence) {
            Slot::Missing {
                next_request,
                tries,
                ..
            } if next_request <= now && tries < MAX_TRIES => Some(sequence as u16),
            _ => None,
        })
    }

    /// Records that the first `count` of [`due`](Self::due) were requested, and finds out when
    /// the next request is due.
    pub(super) fn requested(&mut self, now: Instant, mut count: usize, retry_after: Duration) {
        self.next_request = None;
        for sequence in self.next..self.end {
            let Slot::Missing {
                since,
                mut next_request,
                mut tries,
            } = self.slot(sequence)
            else {
                continue;
            };
            if tries >= MAX_TRIES {
                continue;
            }
            if next_request <= now && count > 0 {
                count = count.saturating_sub(1);
                tries = tries.saturating_add(1);
                next_request = now.plus(retry_after);
                self.set(
                    sequence,
                    Slot::Missing {
                        since,
                        next_request,
                        tries,
                    },
                );
            }
            if tries < MAX_TRIES {
                self.wake_at(next_request);
            }
        }
    }
}
