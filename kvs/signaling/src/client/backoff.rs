//! How long to wait before the next try.

use smolrtc_base::{Duration, Instant, Rng};

const BASE_MILLIS: u32 = 100;
const CAP_MILLIS: u32 = 10_000;

/// Full jitter: uniform in [0, min(10 s, 100 ms·2ⁿ)] before the n-th retry, without end. A
/// thousand cameras that lost the service together do not come back together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    retry_at: Option<Instant>,
}

impl Backoff {
    /// Counts a failure and says when to try again.
    pub(super) fn fail(&mut self, now: Instant, rng: &mut Rng) -> Instant {
        let ceiling = BASE_MILLIS
            .checked_shl(self.failures.min(16))
            .map_or(CAP_MILLIS, |wait| wait.min(CAP_MILLIS));
        self.failures = self.failures.saturating_add(1);
        let wait = u64::from(rng.below(ceiling.saturating_add(1)));
        let at = now.plus(Duration::from_millis(wait));
        self.retry_at = Some(at);
        at
    }

    pub(super) const fn reset(&mut self) {
        self.failures = 0;
        self.retry_at = None;
    }

    /// Whether nothing stands in the way of a try at `now`.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.retry_at.is_none_or(|at| now >= at)
    }

    /// When the next try is due, if it is still ahead of or at hand.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }
}
