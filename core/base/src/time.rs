//! Monotonic and wall time as values that the caller passes in.

use core::time::Duration;

/// A point in monotonic time: microseconds since a start that the driver chooses.
///
/// It wraps after 584,000 years, so arithmetic saturates and never panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The driver's start.
    pub const ZERO: Self = Self(0);
    /// Later than every other instant.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant `micros` µs after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` ms after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since the start, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Time from `earlier` to `self`; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// `self + span`, saturating at [`Instant::FAR_FUTURE`].
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// `self - span`, saturating at [`Instant::ZERO`].
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        self.plus(span)
    }
}

impl core::ops::Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        self.minus(span)
    }
}

impl core::ops::Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Wall time: microseconds since 1970-01-01T00:00:00Z.
///
/// Only request signing, certificates and RTCP sender reports may take one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

/// Seconds between the NTP epoch (1900) and the Unix epoch (1970), RFC 3550 section 4.
const NTP_OFFSET: u64 = 2_208_988_800;

impl UnixTime {
    /// The time `micros` µs after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The time `seconds` s after the Unix epoch.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// `self + span`, saturating.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// `self - span`, saturating at the epoch.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// The 64-bit NTP timestamp of RFC 3550 section 4: seconds since 1900 in the upper half
    /// (modulo 2^32), a fraction of a second in the lower.
    #[must_use]
    pub const fn to_ntp(self) -> u64 {
        let seconds = (self.0 / 1_000_000).wrapping_add(NTP_OFFSET);
        let fraction = ((self.0 % 1_000_000) << 32) / 1_000_000;
        (seconds << 32) | fraction
    }
}

const fn micros(span: Duration) -> u64 {
    let micros = span.as_micros();
    if micros > u64::MAX as u128 {
        u64::MAX
    } else {
        micros as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::FAR_FUTURE + Duration::MAX, Instant::FAR_FUTURE);
        assert_eq!(Instant::ZERO - Instant::FAR_FUTURE, Duration::ZERO);
    }

    #[test]
    fn ntp_time_of_the_unix_epoch_is_2208988800_seconds() {
        assert_eq!(UnixTime::from_secs(0).to_ntp(), 2_208_988_800 << 32);
        assert_eq!(
            UnixTime::from_micros(500_000).to_ntp() & 0xffff_ffff,
            1 << 31
        );
    }
}
