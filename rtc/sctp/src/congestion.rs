//! Congestion window (RFC 9260 section 7.2).

use smolrtc_base::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Congestion {
    mtu: usize,
    window: usize,
    threshold: usize,
    partial_bytes_acked: usize,
    /// Highest TSN outstanding when fast recovery was entered.
    recovery_exit: Option<u32>,
    last_sent: Instant,
}

impl Congestion {
    /// `mtu` is the payload of a full packet (PMDCS).
    pub(crate) fn new(mtu: usize) -> Self {
        Self {
            mtu,
            // Section 7.2.1.
            window: (4 * mtu).min((2 * mtu).max(4_404)),
            threshold: usize::MAX,
            partial_bytes_acked: 0,
            recovery_exit: None,
            last_sent: Instant::ZERO,
        }
    }

    pub(crate) const fn window(&self) -> usize {
        self.window
    }

    pub(crate) const fn threshold(&self) -> usize {
        self.threshold
    }

    pub(crate) const fn recovery_exit(&self) -> Option<u32> {
        self.recovery_exit
    }

    /// The threshold starts at the peer's window.
    pub(crate) const fn set_threshold(&mut self, bytes: usize) {
        self.threshold = bytes;
    }

    /// `acked` bytes were newly acknowledged. `flight` is what was outstanding before.
    pub(crate) fn acknowledged(&mut self, acked: usize, flight: usize, cumulative_moved: bool) {
        // A window that is not used is no evidence of what the path can bear.
        let used = flight + self.mtu > self.window;
        if self.window <= self.threshold {
            // Section 7.2.1, with L = 2 as byte counting for delayed SACKs allows.
            if cumulative_moved && used && self.recovery_exit.is_none() {
                self.window = self.window.saturating_add(acked.min(2 * self.mtu));
            }
        } else {
            // Section 7.2.2.
            self.partial_bytes_acked = self.partial_bytes_acked.saturating_add(acked);
            if self.partial_bytes_acked >= self.window {
                if used && cumulative_moved {
                    self.partial_bytes_acked -= self.window;
                    self.window = self.window.saturating_add(self.mtu);
                } else {
                    self.partial_bytes_acked = self.window;
                }
            }
        }
    }

    /// Nothing is outstanding any more.
    pub(crate) const fn drained(&mut self) {
        self.partial_bytes_acked = 0;
    }

    /// Leaves fast recovery once `reached` says that its exit point is acknowledged.
    pub(crate) fn leave_recovery(&mut self, reached: impl FnOnce(u32) -> bool) {
        if self.recovery_exit.is_some_and(reached) {
            self.recovery_exit = None;
        }
    }

    /// Chunks are missing; `highest` is the last TSN sent (section 7.2.4).
    pub(crate) fn fast_retransmit(&mut self, highest: u32) {
        if self.recovery_exit.is_none() {
            self.shrink();
            self.window = self.threshold;
            self.recovery_exit = Some(highest);
        }
    }

    /// T3-rtx ran out (section 7.2.3).
    pub(crate) fn timed_out(&mut self) {
        self.shrink();
        self.window = self.mtu;
        self.recovery_exit = None;
    }

    fn shrink(&mut self) {
        self.threshold = (self.window / 2).max(4 * self.mtu);
        self.partial_bytes_acked = 0;
    }

    /// New data leaves. A window that lay idle halves for each timeout that passed (section
    /// 7.2.1, last rule), down to the initial one.
    pub(crate) fn sending(&mut self, now: Instant, idle: bool, timeout: Duration) {
        if idle && self.last_sent > Instant::ZERO {
            let mut silence = now.since(self.last_sent);
            while silence > timeout && self.window > 4 * self.mtu {
                self.window = (self.window / 2).max(4 * self.mtu);
                silence -= timeout;
            }
        }
        self.last_sent = now;
    }
}
