//! Spreads packets over time.

use smolrtc_base::{Duration, Instant};

/// How much may leave at once: one wake-up, one batch of datagrams.
const BURST: Duration = Duration::from_millis(10);

/// Audio does not wait for the pacer; what it uses ahead of its turn holds video back by at most
/// this.
const MAX_DEBT: Duration = Duration::from_millis(500);

/// No queue in the network is thought to be longer.
const MAX_QUEUE: Duration = Duration::from_secs(2);

/// Microseconds per byte are kept with this many binary places.
const PLACES: u32 = 12;

/// A leaky bucket. Each packet sent moves the instant at which the line is free again; up to
/// 10 ms of line time may be used ahead, so that a wake-up sends a batch and not one packet.
#[derive(Debug)]
pub(super) struct Pacer {
    free_at: Instant,
    burst_end: Instant,
    cost: u64,
    /// When a line of the target rate would have carried everything sent so far.
    carried_at: Instant,
    target_cost: u64,
}

impl Pacer {
    pub(super) const fn new(bps: u32) -> Self {
        let mut pacer = Self {
            free_at: Instant::ZERO,
            burst_end: Instant::ZERO,
            cost: 0,
            carried_at: Instant::ZERO,
            target_cost: 0,
        };
        pacer.set_rate(bps);
        pacer.set_target(bps);
        pacer
    }

    /// Sets the rate, bit/s. One division: meant for each frame, not for each packet.
    pub(super) const fn set_rate(&mut self, bps: u32) {
        self.cost = cost(bps);
    }

    /// Sets what the link is thought to carry, bit/s.
    pub(super) const fn set_target(&mut self, bps: u32) {
        self.target_cost = cost(bps);
    }

    /// How long a line of the target rate needs for what was sent ahead of it: the queue in the
    /// network, if the target is right.
    pub(super) const fn debt(&self, now: Instant) -> Duration {
        self.carried_at.since(now)
    }

    /// Whether a packet may leave now.
    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        if now >= self.free_at {
            // A late wake-up may catch up, an idle line may not save up.
            self.free_at = self.free_at.max(now - BURST);
            self.burst_end = now + BURST;
            return true;
        }
        self.free_at < self.burst_end
    }

    /// Records that `bytes` bytes left.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) {
        let span = |cost: u64| Duration::from_micros((bytes as u64).wrapping_mul(cost) >> PLACES);
        self.carried_at = (self.carried_at.max(now) + span(self.target_cost)).min(now + MAX_QUEUE);
        let from = self.free_at.max(now - BURST);
        self.free_at = (from + span(self.cost)).min(now + MAX_DEBT);
    }

    /// When the next packet may leave, given that none may now.
    pub(super) const fn due(&self) -> Instant {
        self.free_at
    }
}

const fn cost(bps: u32) -> u64 {
    let bps = if bps < 10_000 { 10_000 } else { bps };
    (8_000_000_u64 << PLACES) / bps as u64
}
