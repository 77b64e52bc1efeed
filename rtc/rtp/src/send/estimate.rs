//! How much the way to the viewer carries.
//!
//! From transport-wide feedback: delay first. A growing queue sets the target to 85 % of what
//! arrived lately; without one it grows, doubling every second until the first congestion, then by
//! 8 % a second. Loss counts only above 15 % over two seconds: radio links lose up to a tenth at
//! random, and resends repair that; a queue that overflows loses more or shows in the delay. So
//! target ≥ 85 % of what arrives, and a lossy but fast link is not mistaken for a slow one.
//!
//! Without transport-wide feedback the receiver's own estimate (REMB) is taken as it comes, and
//! without that the loss in receiver reports steers alone.

use super::trend::{Trend, Usage};
use smolrtc_base::{Duration, Instant};

/// A bucket of arrivals is 2^15 µs wide; sixteen of them are the half second that is measured.
const BUCKETS: usize = 16;
const BUCKET_SHIFT: u32 = 15;
/// Buckets in which a burst fills a link: 131 ms.
const PEAK: usize = 4;
/// Loss is judged over this.
const LOSS_WINDOW: Duration = Duration::from_secs(2);
const LOSS_MIN_PACKETS: u32 = 20;
/// Above this loss (in 1/256: 15 %) the target falls, above the other (10 %) it does not grow.
const LOSS_HIGH: u32 = 38;
const LOSS_LOW: u32 = 26;

#[derive(Debug)]
pub(super) struct Estimate {
    target: u32,
    min: u32,
    max: u32,
    trend: Trend,
    /// Bytes that arrived, by time of arrival on the receiver's clock.
    buckets: [u32; BUCKETS],
    bucket: i64,
    first_bucket: Option<i64>,
    window_start: Instant,
    received: u32,
    lost: u32,
    /// Loss over the last complete window, in 1/256.
    loss: u32,
    grown_at: Option<Instant>,
    decreased_at: Option<Instant>,
    /// Whether the last decrease has not helped yet.
    still_over: bool,
    /// Whether congestion has ever shown.
    congested: bool,
    has_feedback: bool,
    /// The receiver's newest estimate.
    remb: Option<u32>,
}

impl Estimate {
    pub(super) fn new(start: u32, min: u32, max: u32) -> Self {
        let max = max.max(min);
        Self {
            target: start.clamp(min, max),
            min,
            max,
            trend: Trend::new(),
            buckets: [0; BUCKETS],
            bucket: 0,
            first_bucket: None,
            window_start: Instant::ZERO,
            received: 0,
            lost: 0,
            loss: 0,
            grown_at: None,
            decreased_at: None,
            still_over: false,
            congested: false,
            has_feedback: false,
            remb: None,
        }
    }

    #[cfg(test)]
    pub(super) fn shrink_for_test(&mut self, to: u32) {
        self.decrease(Instant::ZERO, to);
    }

    /// The estimate, bit/s.
    pub(super) const fn target(&self) -> u32 {
        self.target
    }

    /// Whether the link has ever shown its limit. Until then nobody is held back.
    pub(super) const fn congested(&self) -> bool {
        self.congested
    }

    /// Whether a queue on the way is to be emptied before anything else.
    pub(super) const fn must_drain(&self) -> bool {
        self.congested && self.trend.standing_queue()
    }

    /// A packet of `bytes` bytes, sent at `sent` (µs, ours), arrived at `arrival` (µs, theirs).
    pub(super) fn arrived(&mut self, sent: i64, arrival: i64, bytes: u32) {
        self.received = self.received.saturating_add(1);
        self.trend.packet(sent, arrival);
        let bucket = arrival >> BUCKET_SHIFT;
        if self.first_bucket.is_none() || (bucket - self.bucket).abs() > 1 << 10 {
            self.first_bucket = Some(bucket);
            self.bucket = bucket;
            self.buckets = [0; BUCKETS];
        }
        while self.bucket < bucket {
            self.bucket += 1;
            self.buckets[(self.bucket & 15) as usize] = 0;
        }
        if self.bucket - bucket < BUCKETS as i64 {
            let slot = &mut self.buckets[(bucket & 15) as usize];
            *slot = slot.saturating_add(bytes);
        }
    }

    pub(super) const fn lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// Bit/s that arrived over the last half second; `None` until a quarter was seen.
    pub(super) fn throughput(&self) -> Option<u32> {
        let span = (self.bucket - self.first_bucket? + 1).min(BUCKETS as i64);
        if span < 2 * PEAK as i64 {
            return None;
        }
        Some(rate(self.buckets.iter().copied(), span as u64))
    }

    /// Bit/s that arrived over the best 131 ms of the last half second: what the link carries,
    /// if it was filled that long, however little was sent before and after.
    fn peak(&self) -> u32 {
        // The newest bucket is not complete.
        let starts = 1..=(BUCKETS - PEAK) as i64;
        let window = |start: i64| {
            let bytes = (start..start + PEAK as i64)
                .map(|back| self.buckets[((self.bucket - back) & 15) as usize]);
            rate(bytes, PEAK as u64)
        };
        starts.map(window).max().unwrap_or(0)
    }

    /// A feedback message was read to its end.
    pub(super) fn feedback_complete(&mut self, now: Instant, rtt: Duration) {
        self.has_feedback = true;
        self.close_loss_window(now);
        let throughput = self.throughput();
        let rested = self
            .decreased_at
            .is_none_or(|at| now.since(at) >= rtt + Duration::from_millis(200));
        let usage = self.trend.usage();
        self.still_over &= usage == Usage::Over;
        match usage {
            Usage::Over => {
                if let Some(arriving) = throughput
                    && rested
                {
                    // Our own bursts fill a queue for a moment: that says what the link carries.
                    // A queue that does not go away says that what arrives is all it carries.
                    let carried = match self.still_over {
                        false => self.peak().max(arriving),
                        true => arriving,
                    };
                    self.still_over = true;
                    self.decrease(now, mul_256(carried, 218));
                }
                self.grown_at = None;
            }
            // The queue drains: wait until it is empty.
            Usage::Under => self.grown_at = None,
            Usage::Normal if self.loss > LOSS_HIGH && rested => {
                let floor = throughput.map_or(0, |arriving| mul_256(arriving, 218));
                let lower = mul_256(self.target, 256 - self.loss / 2);
                self.decrease(now, lower.max(floor));
                self.loss = 0;
            }
            Usage::Normal if self.loss > LOSS_LOW => self.grown_at = None,
            Usage::Normal => self.grow(now, throughput),
        }
    }

    /// Feedback speaks only of packets that are long forgotten: a queue of unknown length.
    pub(super) fn blind(&mut self, now: Instant, rtt: Duration) {
        let pause = rtt + Duration::from_millis(300);
        if self.decreased_at.is_none_or(|at| now.since(at) >= pause) {
            self.decrease(now, self.target / 2);
        }
    }

    fn close_loss_window(&mut self, now: Instant) {
        let total = self.received + self.lost;
        if now.since(self.window_start) >= LOSS_WINDOW && total >= LOSS_MIN_PACKETS {
            self.loss = (u64::from(self.lost) * 256 / u64::from(total)) as u32;
            self.window_start = now;
            self.received = 0;
            self.lost = 0;
        }
    }

    fn decrease(&mut self, now: Instant, to: u32) {
        self.congested = true;
        self.decreased_at = Some(now);
        self.grown_at = None;
        self.target = self.target.min(to).max(self.min);
    }

    /// Grows the target for the time since it last did, but not far past what is used of it.
    fn grow(&mut self, now: Instant, throughput: Option<u32>) {
        let elapsed = self.grown_at.map_or(Duration::ZERO, |at| now.since(at));
        self.grown_at = Some(now);
        let millis = elapsed.as_millis().min(1_000) as u64;
        // A share of the target each second: doubling needs feedback that is quick to object.
        let per_mille = if self.congested || !self.has_feedback {
            80
        } else {
            1_000
        };
        let step = u64::from(self.target) * per_mille * millis / 1_000_000;
        let grown = u64::from(self.target) + step;
        let ceiling = match throughput {
            Some(arriving) => u64::from(arriving) * 2 + 10_000,
            None => u64::from(self.max),
        };
        if grown <= ceiling {
            self.target = u32::try_from(grown)
                .unwrap_or(u32::MAX)
                .clamp(self.min, self.max);
        }
    }

    /// The receiver's own estimate (REMB). Counts only where we do not measure ourselves.
    pub(super) fn remb(&mut self, now: Instant, bps: u64) {
        if self.has_feedback {
            return;
        }
        let bps = u32::try_from(bps).unwrap_or(u32::MAX);
        let before = self.remb.replace(bps);
        if before.is_some_and(|before| bps < mul_256(before, 224)) {
            self.decrease(now, bps);
        } else {
            // At first the receiver's estimate only follows what it gets: no sign of congestion.
            self.target = bps.clamp(self.min, self.max);
        }
    }

    /// A receiver report on a video stream: fraction lost in 1/256. The last resort.
    pub(super) fn receiver_report(&mut self, now: Instant, fraction_lost: u8) {
        if self.has_feedback || self.remb.is_some() {
            return;
        }
        let loss = u32::from(fraction_lost);
        if loss > LOSS_HIGH {
            self.decrease(now, mul_256(self.target, 256 - loss / 2));
        } else if loss < LOSS_LOW {
            self.grow(now, None);
        }
    }
}

fn rate(buckets: impl Iterator<Item = u32>, count: u64) -> u32 {
    let bytes: u64 = buckets.map(u64::from).sum();
    let micros = count << BUCKET_SHIFT;
    u32::try_from(bytes * 8_000_000 / micros.max(1)).unwrap_or(u32::MAX)
}

/// `value × share / 256`.
fn mul_256(value: u32, share: u32) -> u32 {
    u32::try_from(u64::from(value) * u64::from(share) / 256).unwrap_or(u32::MAX)
}
