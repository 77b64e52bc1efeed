//! One direction of an access line.

use smolrtc::base::{Duration, Instant, Rng};

/// Bytes of IPv4 and UDP headers, which take their share of a limited rate.
const HEADERS: usize = 28;

/// How a line behaves. [`LinkConfig::PERFECT`] hands over at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// Time from end to end.
    pub delay: Duration,
    /// Uniformly distributed extra delay, up to this; it lets datagrams overtake each other.
    pub jitter: Duration,
    /// Share of datagrams lost, each by its own throw, in percent.
    pub loss: f64,
    /// Share of datagrams that arrive twice, in percent.
    pub duplication: f64,
    /// Share of datagrams held back by [`hold`](Self::hold), so that later ones overtake them, in
    /// percent.
    pub reordering: f64,
    /// How long a held datagram is held.
    pub hold: Duration,
    /// Bits per second, headers of IPv4 and UDP included; `None` is no limit.
    pub rate: Option<u64>,
    /// Bytes that may wait for a limited line; what comes on top is dropped.
    pub queue: usize,
    /// Longest UDP payload carried; longer ones vanish.
    pub mtu: usize,
}

impl LinkConfig {
    /// No delay, no loss, no limit.
    pub const PERFECT: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: 0.0,
        duplication: 0.0,
        reordering: 0.0,
        hold: Duration::from_millis(20),
        rate: None,
        queue: 64 * 1024,
        mtu: 1_472,
    };

    /// A line with this delay, perfect else.
    #[must_use]
    pub const fn delayed(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::PERFECT
        }
    }

    /// The same, losing `percent` of its datagrams.
    #[must_use]
    pub const fn losing(mut self, percent: f64) -> Self {
        self.loss = percent;
        self
    }
}

/// What a line did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams handed in.
    pub offered: u64,
    /// Datagrams lost at random, in an outage, or for their length.
    pub lost: u64,
    /// Datagrams dropped by a full queue.
    pub overflowed: u64,
}

/// A line, one direction.
#[derive(Debug)]
pub struct Link {
    /// How it behaves from now on.
    pub config: LinkConfig,
    /// Nothing passes before this instant.
    pub down_until: Instant,
    /// What it did.
    pub stats: LinkStats,
    rng: Rng,
    /// When a limited line is free again.
    free_at: Instant,
}

impl Link {
    /// A line with its own dice.
    #[must_use]
    pub fn new(config: LinkConfig, rng: Rng) -> Self {
        Self {
            config,
            down_until: Instant::ZERO,
            stats: LinkStats::default(),
            rng,
            free_at: Instant::ZERO,
        }
    }

    /// Hands in a datagram of `len` bytes; when it arrives, once, twice or never.
    pub fn carry(&mut self, now: Instant, len: usize) -> [Option<Instant>; 2] {
        self.stats.offered += 1;
        if now < self.down_until || len > self.config.mtu || self.throw(self.config.loss) {
            self.stats.lost += 1;
            return [None, None];
        }
        let mut leaves = now;
        if let Some(rate) = self.config.rate {
            let start = self.free_at.max(now);
            let waiting = start.since(now).as_micros() as u64 * rate / 8_000_000;
            if waiting as usize + len > self.config.queue {
                self.stats.overflowed += 1;
                return [None, None];
            }
            let bits = (len + HEADERS) as u64 * 8;
            self.free_at = start + Duration::from_micros(bits * 1_000_000 / rate);
            leaves = self.free_at;
        }
        let first = leaves + self.travel();
        let twice = self.throw(self.config.duplication);
        [Some(first), twice.then(|| leaves + self.travel())]
    }

    fn travel(&mut self) -> Duration {
        let held = self.throw(self.config.reordering);
        let jitter = self.config.jitter.as_micros() as u32;
        let jitter = Duration::from_micros(u64::from(self.rng.below(jitter)));
        let hold = if held {
            self.config.hold
        } else {
            Duration::ZERO
        };
        self.config.delay + jitter + hold
    }

    /// True in `percent` of a hundred throws. No dice are thrown for 0 %.
    fn throw(&mut self, percent: f64) -> bool {
        percent > 0.0 && f64::from(self.rng.below(1_000_000)) < percent * 10_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(config: LinkConfig) -> Link {
        Link::new(config, Rng::from_u64(5))
    }

    #[test]
    fn a_perfect_line_hands_over_at_once() {
        let now = Instant::from_millis(7);
        assert_eq!(
            link(LinkConfig::PERFECT).carry(now, 1_200),
            [Some(now), None]
        );
    }

    #[test]
    fn losses_come_near_to_their_rate() {
        let mut link = link(LinkConfig::PERFECT.losing(10.0));
        let lost = (0..10_000)
            .filter(|_| link.carry(Instant::ZERO, 100)[0].is_none())
            .count();
        assert!((900..1_100).contains(&lost), "{lost}");
        assert_eq!(link.stats.lost, lost as u64);
    }

    #[test]
    fn a_limited_line_spaces_datagrams_and_drops_the_tail() {
        let rate = Some(800_000);
        let mut link = link(LinkConfig {
            rate,
            queue: 3_000,
            ..LinkConfig::PERFECT
        });
        // 972 + 28 bytes take 10 ms each.
        let arrivals: Vec<_> = (0..5).map(|_| link.carry(Instant::ZERO, 972)[0]).collect();
        let at = |ms| Some(Instant::from_millis(ms));
        assert_eq!(arrivals, [at(10), at(20), at(30), None, None]);
        assert_eq!(link.stats.overflowed, 2);
    }

    #[test]
    fn an_outage_swallows_everything_until_it_ends() {
        let mut link = link(LinkConfig::PERFECT);
        link.down_until = Instant::from_millis(10);
        assert_eq!(link.carry(Instant::from_millis(9), 1), [None, None]);
        assert!(link.carry(Instant::from_millis(10), 1)[0].is_some());
    }
}
