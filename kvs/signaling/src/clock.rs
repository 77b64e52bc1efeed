//! Wall time out of monotonic time, corrected by what the service says.

use smolrtc_base::{Instant, UnixTime};

/// Differences below this are left alone: AWS accepts five minutes.
const TOLERANCE_SECS: i64 = 60;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    at: Instant,
    unix: UnixTime,
    /// Added to our own idea of the time, µs.
    skew: i64,
}

impl Clock {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            at: now,
            unix: UnixTime::from_secs(0),
            skew: 0,
        }
    }

    /// Takes the driver's word. What was learned from the service stays, unless the driver's
    /// clock was set meanwhile.
    pub(crate) fn set(&mut self, now: Instant, unix: UnixTime) {
        let expected = self.unix.plus(now.since(self.at));
        if seconds_between(expected, unix).unsigned_abs() > TOLERANCE_SECS.unsigned_abs() {
            self.skew = 0;
        }
        (self.at, self.unix) = (now, unix);
    }

    pub(crate) fn now(&self, now: Instant) -> UnixTime {
        let own = self.unix.plus(now.since(self.at)).as_micros();
        UnixTime::from_micros(own.saturating_add_signed(self.skew))
    }

    /// Adopts the service's time if it differs much. Returns the whole correction in seconds.
    pub(crate) fn learn(&mut self, now: Instant, service: UnixTime) -> Option<i64> {
        if seconds_between(self.now(now), service).unsigned_abs() <= TOLERANCE_SECS.unsigned_abs() {
            return None;
        }
        let own = self.unix.plus(now.since(self.at));
        self.skew = micros_between(own, service);
        Some(seconds_between(own, service))
    }
}

fn micros_between(from: UnixTime, to: UnixTime) -> i64 {
    let clamp = |time: UnixTime| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    clamp(to).saturating_sub(clamp(from))
}

fn seconds_between(from: UnixTime, to: UnixTime) -> i64 {
    micros_between(from, to) / 1_000_000
}
