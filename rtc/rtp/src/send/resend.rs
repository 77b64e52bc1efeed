//! What waits to be resent, and what was resent so recently that asking again is in vain.

use super::config::StreamId;
use alloc::vec::Vec;
use smolrtc_base::{Duration, Instant};

/// Resends may use the share of the target bitrate that [`Resends::set_rate`] is given, and a
/// second's worth of it at once.
const CREDIT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Stream and index, see [`key`].
    key: u64,
    /// When it was resent; [`WAITING`] until then.
    resent: Instant,
    /// The transport-wide sequence number of the last resend, where those are counted.
    transport_sequence: Option<u16>,
    /// How often feedback that showed a resend lost has brought it back.
    renewals: u8,
}

/// A resend that feedback shows lost is renewed this often; then only the receiver can ask again.
const MAX_RENEWALS: u8 = 3;

const WAITING: Instant = Instant::FAR_FUTURE;

/// RFC 3711 section 3.3.1: an SRTP index has 48 bits.
const INDEX_BITS: u32 = 48;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

/// Names a packet of a stream: the stream's id in the upper 16 bits, the SRTP index (48 bits) below. So
/// the smallest key is the oldest packet of the first stream.
pub(super) const fn key(stream: StreamId, index: u64) -> u64 {
    ((stream.0 as u64) << INDEX_BITS) | index & INDEX_MASK
}

/// Whether `key` names a packet of `stream`.
pub(super) const fn is_of(key: u64, stream: StreamId) -> bool {
    key >> INDEX_BITS == stream.0 as u64 & 0xffff
}

/// The index in `key`.
pub(super) const fn index(key: u64) -> u64 {
    key & INDEX_MASK
}

/// What [`Resends::request`] made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It waits now.
    Queued,
    /// It waits already.
    Duplicate,
    /// It was resent less than a round trip ago.
    JustResent,
    /// Too many wait.
    Full,
}

/// Bounded in number (`Limits::resend_queue`) and in bytes a second.
#[derive(Debug)]
pub(super) struct Resends {
    entries: Vec<Entry>,
    limit: usize,
    pub(super) waiting: usize,
    /// Microseconds per byte at the rate allowed, with 8 binary places.
    cost: u64,
    /// Where the bytes resent so far would reach to at that rate.
    spent_until: Instant,
}

impl Resends {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            entries: Vec::with_capacity(limit),
            limit,
            waiting: 0,
            cost: 0,
            spent_until: Instant::ZERO,
        }
    }

    pub(super) const fn set_rate(&mut self, bps: u32) {
        let bps = if bps < 10_000 { 10_000 } else { bps };
        self.cost = (8_000_000_u64 << 8) / bps as u64;
    }

    /// Puts the packet `key` in the queue.
    pub(super) fn request(&mut self, now: Instant, key: u64, rtt: Duration) -> Verdict {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            if entry.resent == WAITING {
                return Verdict::Duplicate;
            }
            if now.since(entry.resent) < rtt {
                return Verdict::JustResent;
            }
            entry.resent = WAITING;
        } else {
            let entry = Entry {
                key,
                resent: WAITING,
                transport_sequence: None,
                renewals: 0,
            };
            if self.entries.len() < self.limit {
                self.entries.push(entry);
            } else {
                // The one resent longest ago makes room.
                let oldest = self.entries.iter_mut().min_by_key(|entry| entry.resent);
                match oldest {
                    Some(slot) if slot.resent != WAITING => *slot = entry,
                    _ => return Verdict::Full,
                }
            }
        }
        self.waiting = self.waiting.saturating_add(1);
        Verdict::Queued
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting != 0
    }

    /// When the budget lets the next one go; it may be past.
    pub(super) fn due(&self) -> Option<Instant> {
        self.is_waiting().then(|| self.spent_until - CREDIT)
    }

    /// The most urgent packet that waits, when the budget lets it go.
    pub(super) fn next(&self, now: Instant) -> Option<u64> {
        if self.due()? > now {
            return None;
        }
        self.entries
            .iter()
            .filter(|entry| entry.resent == WAITING)
            .map(|entry| entry.key)
            .min()
    }

    /// Feedback shows that the packet `transport_sequence` was lost: if it was a resend, it waits
    /// again. So a lost resend is made good without a request, which may be lost as well.
    pub(super) fn renew(&mut self, transport_sequence: u16) {
        let lost = self.entries.iter_mut().find(|entry| {
            entry.resent != WAITING && entry.transport_sequence == Some(transport_sequence)
        });
        if let Some(entry) = lost.filter(|entry| entry.renewals < MAX_RENEWALS) {
            entry.resent = WAITING;
            entry.renewals = entry.renewals.saturating_add(1);
            self.waiting = self.waiting.saturating_add(1);
        }
    }

    /// Records that `key` was resent in `bytes` bytes, under `transport_sequence` where those are
    /// counted.
    pub(super) fn resent(
        &mut self,
        now: Instant,
        key: u64,
        bytes: usize,
        transport_sequence: Option<u16>,
    ) {
        if let Some(entry) = self.waiting_entry(key) {
            entry.resent = now;
            entry.transport_sequence = transport_sequence;
            self.waiting = self.waiting.saturating_sub(1);
        }
        let micros = (bytes as u64).wrapping_mul(self.cost) >> 8;
        self.spent_until = self.spent_until.max(now) + Duration::from_micros(micros);
    }

    /// Records that `key` cannot be resent any more.
    pub(super) fn forget(&mut self, key: u64) {
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| entry.key == key && entry.resent == WAITING)
        {
            self.entries.swap_remove(at);
            self.waiting = self.waiting.saturating_sub(1);
        }
    }

    /// Drops whatever concerns `stream`.
    pub(super) fn forget_stream(&mut self, stream: StreamId) {
        self.entries.retain(|entry| !is_of(entry.key, stream));
        let waits = |entry: &&Entry| entry.resent == WAITING;
        self.waiting = self.entries.iter().filter(waits).count();
    }

    fn waiting_entry(&mut self, key: u64) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.key == key && entry.resent == WAITING)
    }
}
