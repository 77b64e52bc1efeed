//! The two clocks of the system, as the machines' own types.

use std::time::SystemTime;

use smolrtc_base::{Duration, Instant, UnixTime};

/// Turns the system's monotonic clock into [`Instant`]s, counted from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// A clock that starts at [`Instant::ZERO`] now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(micros)
    }

    /// Wall time, as the system believes it.
    #[must_use]
    pub fn unix(&self) -> UnixTime {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        UnixTime::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// The tokio instant at which the machine's `at` comes; for sleeping.
    #[must_use]
    pub fn deadline(&self, at: Instant) -> tokio::time::Instant {
        // Far enough to never fire, near enough for the timer wheel.
        let span = at
            .since(Instant::ZERO)
            .min(self.start.elapsed() + Duration::from_secs(3_600));
        tokio::time::Instant::from_std(self.start + span)
    }
}
