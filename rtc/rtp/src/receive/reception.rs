//! What a receiver report says of a source: RFC 3550 appendices A.3 and A.8.

use crate::Ssrc;
use crate::rtcp::{ReportBlock, SenderInfo};
use smolrtc_base::{Instant, seq16_sub};

/// Sequence numbers begin one turn up, so that a packet from before the first one has a place.
const TURN: u64 = 1 << 16;

#[derive(Clone, Copy, Debug)]
pub(super) struct Reception {
    pub(super) ssrc: Ssrc,
    first: u64,
    highest: u64,
    received: u64,
    /// Expected and received at the last report.
    reported: (u64, u64),
    /// Arrival minus timestamp of the last packet, in timestamp units.
    transit: Option<u32>,
    /// Sixteen times the jitter.
    jitter_x16: u32,
    sender_report: Option<(u32, Instant)>,
    pub(super) last_packet: Instant,
}

impl Reception {
    pub(super) fn new(ssrc: Ssrc, sequence: u16, now: Instant) -> Self {
        let first = TURN.saturating_add(u64::from(sequence));
        Self {
            ssrc,
            first,
            highest: first,
            received: 0,
            reported: (0, 0),
            transit: None,
            jitter_x16: 0,
            sender_report: None,
            last_packet: now,
        }
    }

    /// The full sequence number nearest to the highest received.
    pub(super) fn extend(&self, sequence: u16) -> u64 {
        let delta = seq16_sub(sequence, self.highest as u16);
        self.highest.saturating_add_signed(i64::from(delta))
    }

    /// Counts a packet that came under its own sequence number, not by RTX.
    pub(super) fn count(&mut self, sequence: u64, timestamp: u32, clock_rate: u32, now: Instant) {
        self.received = self.received.saturating_add(1);
        self.first = self.first.min(sequence);
        self.last_packet = now;
        // A packet that was resent arrives late on purpose and says nothing of jitter.
        if sequence < self.highest {
            return;
        }
        self.highest = sequence;
        let micros = u128::from(now.as_micros());
        let arrival = micros.saturating_mul(u128::from(clock_rate)) / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(timestamp);
        if let Some(before) = self.transit {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // J += (|D| - J) / 16, rounded as in A.8.
            let decay = self.jitter_x16.saturating_add(8) >> 4;
            self.jitter_x16 = self
                .jitter_x16
                .saturating_add(difference)
                .saturating_sub(decay);
        }
        self.transit = Some(transit);
    }

    /// Notes the peer's time and when it came, for LSR and DLSR.
    pub(super) fn on_sender_report(&mut self, info: &SenderInfo, now: Instant) {
        self.sender_report = Some((info.compact_ntp(), now));
    }

    fn expected(&self) -> u64 {
        self.highest.saturating_sub(self.first).saturating_add(1)
    }

    /// Packets expected but not received; negative when duplicates outnumber the losses.
    pub(super) fn lost(&self) -> i64 {
        (self.expected() as i64).saturating_sub(self.received as i64)
    }

    /// Jitter in timestamp units.
    pub(super) const fn jitter(&self) -> u32 {
        self.jitter_x16 >> 4
    }

    /// The report block; the next one's fraction counts from here.
    pub(super) fn report(&mut self, now: Instant) -> ReportBlock {
        let expected = self.expected();
        let (expected_before, received_before) = self.reported;
        let expected_now = expected.saturating_sub(expected_before);
        let received_now = self.received.saturating_sub(received_before);
        self.reported = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = lost_now.saturating_mul(256).checked_div(expected_now);
        let (last_sr, delay) = self.sender_report.map_or((0, 0), |(ntp, at)| {
            let micros = now.since(at).as_micros().min(u128::from(u32::MAX)) as u64;
            (ntp, (micros.saturating_mul(65_536) / 1_000_000) as u32)
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.unwrap_or(0).min(255) as u8,
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest.saturating_sub(TURN) as u32,
            jitter: self.jitter(),
            last_sr,
            delay_since_last_sr: delay,
        }
    }
}
