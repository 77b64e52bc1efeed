//! Arrival times for transport-wide feedback, of all streams of a session together.

use crate::Ssrc;
use crate::rtcp::Compound;
use alloc::vec::Vec;
use core::time::Duration;
use smolrtc_base::{BufferTooSmall, Instant, seq16_sub};

/// Feedback goes out this long after the first arrival it reports, sooner when half the window
/// is full.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct ArrivalLog {
    arrivals: Vec<Option<Instant>>,
    /// The first sequence number not reported yet, and one past the highest seen.
    begin: u64,
    end: u64,
    feedback_count: u8,
    media: Ssrc,
    due: Option<Instant>,
}

impl ArrivalLog {
    pub(super) const fn new() -> Self {
        Self {
            arrivals: Vec::new(),
            begin: 0,
            end: 0,
            feedback_count: 0,
            media: Ssrc(0),
            due: None,
        }
    }

    /// Makes room for `packets` arrivals; part of setting up.
    pub(super) fn reserve(&mut self, packets: usize) {
        if self.arrivals.is_empty() && self.arrivals.try_reserve_exact(packets).is_ok() {
            self.arrivals.resize(packets, None);
        }
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Option<Instant>> {
        let index = sequence.checked_rem(self.arrivals.len() as u64)?;
        self.arrivals.get_mut(index as usize)
    }

    pub(super) fn record(&mut self, sequence: u16, media: Ssrc, now: Instant) {
        let window = self.arrivals.len() as u64;
        if window == 0 {
            return;
        }
        let sequence = if self.end == 0 {
            // One turn up, so that earlier ones have a place.
            let first = (1 << 16) | u64::from(sequence);
            (self.begin, self.end) = (first, first);
            first
        } else {
            let newest = self.end.saturating_sub(1);
            newest.saturating_add_signed(i64::from(seq16_sub(sequence, newest as u16)))
        };
        // Reported as lost already; the sender has drawn its conclusions.
        if sequence < self.begin {
            return;
        }
        let next = sequence.saturating_add(1);
        let oldest = next.saturating_sub(window);
        if oldest > self.begin {
            for passed in self.begin..oldest.min(self.end) {
                if let Some(slot) = self.slot(passed) {
                    *slot = None;
                }
            }
            self.begin = oldest;
        }
        self.end = self.end.max(next);
        if let Some(slot) = self.slot(sequence) {
            *slot = slot.or(Some(now));
        }
        self.media = media;
        let half_full = self.end.saturating_sub(self.begin) >= window / 2;
        let due = if half_full { now } else { now.plus(INTERVAL) };
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
    }

    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Writes what is not reported yet, as far as it fits.
    pub(super) fn emit(
        &mut self,
        sender: Ssrc,
        now: Instant,
        compound: &mut Compound<'_>,
    ) -> Result<(), BufferTooSmall> {
        let (arrivals, window) = (&self.arrivals, self.arrivals.len() as u64);
        let unreported = (self.begin..self.end).map(|sequence| {
            let index = sequence.checked_rem(window)?;
            arrivals.get(index as usize).copied().flatten()
        });
        let base = self.begin as u16;
        let count = compound.transport_feedback(
            sender,
            self.media,
            self.feedback_count,
            base,
            unreported,
        )?;
        self.feedback_count = self.feedback_count.wrapping_add(1);
        let reported = self.begin.saturating_add(u64::from(count));
        for sequence in self.begin..reported {
            if let Some(slot) = self.slot(sequence) {
                *slot = None;
            }
        }
        self.begin = reported;
        self.due = (self.begin < self.end).then_some(now);
        Ok(())
    }
}
