//! Retransmission timeout from the measured round trip (RFC 9260 section 6.3.1).

use smolrtc_base::Duration;

/// First timeout without any measurement. RFC 9260 says 1 s; 500 ms is what browsers use between
/// two ends that ICE has just shown to be reachable.
const INITIAL: Duration = Duration::from_millis(500);
/// Lower bound while data is in flight: twice the 200 ms by which a peer may delay its SACK.
const MIN: Duration = Duration::from_millis(400);
/// Lower bound during the handshake, whose answers nobody delays.
const MIN_HANDSHAKE: Duration = Duration::from_millis(20);
/// Upper bound. RFC 9260 says 60 s, but ICE consent ends the session after 30 s of silence, and
/// a path that came back after 5 s shall not be left idle for a minute.
const MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rto {
    smoothed: Duration,
    variation: Duration,
    timeout: Duration,
}

impl Rto {
    pub(crate) const fn new() -> Self {
        Self {
            smoothed: Duration::ZERO,
            variation: Duration::ZERO,
            timeout: INITIAL,
        }
    }

    /// Takes over the round trip that ICE measured, unless one of our own is known.
    pub(crate) fn set_initial(&mut self, rtt: Duration) {
        if self.smoothed.is_zero() {
            self.measure(rtt);
        }
    }

    /// A round trip of a packet sent once.
    pub(crate) fn measure(&mut self, rtt: Duration) {
        let rtt = rtt.clamp(Duration::from_micros(1), MAX);
        if self.smoothed.is_zero() {
            self.smoothed = rtt;
            self.variation = rtt / 2;
        } else {
            self.variation = self.variation * 3 / 4 + self.smoothed.abs_diff(rtt) / 4;
            self.smoothed = self.smoothed * 7 / 8 + rtt / 8;
        }
        self.timeout = self.base();
    }

    fn base(&self) -> Duration {
        if self.smoothed.is_zero() {
            INITIAL
        } else {
            self.smoothed
                .saturating_add(self.variation.saturating_mul(4))
                .min(MAX)
        }
    }

    /// Doubles the timeout after it has run out.
    pub(crate) fn back_off(&mut self) {
        self.timeout = self.timeout.max(MIN).saturating_mul(2).min(MAX);
    }

    /// Timeout for data and everything else that may be answered late.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.max(MIN)
    }

    /// Timeout of the handshake's try number `tries`, counted from 0.
    pub(crate) fn handshake_timeout(&self, tries: u32) -> Duration {
        self.base()
            .max(MIN_HANDSHAKE)
            .saturating_mul(1 << tries.min(10))
            .min(MAX)
    }

    /// Smoothed round trip; zero when none was measured.
    pub(crate) const fn smoothed(&self) -> Duration {
        self.smoothed
    }
}
