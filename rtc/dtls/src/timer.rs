//! The retransmission timer (RFC 6347 section 4.2.4.1).

use smolrtc_base::{Duration, Instant};

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
    /// The wait was cut short; the next is the first again.
    hastened: bool,
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
            hastened: false,
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
        self.hastened = false;
    }

    /// The flight's last datagram was handed over.
    pub(crate) const fn start(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// The wait is over and the flight will be sent again.
    pub(crate) fn expire(&mut self) {
        self.current = if core::mem::take(&mut self.hastened) {
            self.initial
        } else {
            self.current.saturating_mul(2).min(Self::LONGEST)
        };
        self.sent = None;
        self.timeouts = self.timeouts.saturating_add(1);
    }

    /// Cuts the wait short to an eighth of a round trip from now, if one has passed since the flight
    /// was sent.
    pub(crate) fn hasten(&mut self, now: Instant) {
        let Some(sent) = self.sent else { return };
        let waited = now.since(sent);
        let part = |share| self.initial.checked_div(share).unwrap_or_default();
        let short = waited.saturating_add(part(16));
        if waited >= part(2) && short < self.current {
            self.current = short;
            self.hastened = true;
        }
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
