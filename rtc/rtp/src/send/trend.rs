//! Does the queue on the way grow? The trendline filter of Google's congestion control
//! (draft-ietf-rmcat-gcc-02, with the least-squares slope that libwebrtc uses in place of the
//! Kalman filter).

/// Packets sent within this span count as one group, µs.
const GROUP: i64 = 5_000;
/// Groups in the slope, and the fewest that make one: a link that is far too narrow shows it in
/// the first key frame.
const POINTS: usize = 20;
const MIN_POINTS: u32 = 6;
/// Delay above the least of the last five to ten seconds that is a queue whatever the slope, µs.
const STANDING_QUEUE: i64 = 250_000;
const BASE_WINDOW: i64 = 5_000_000;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f32 = 0.9;
const GAIN: f32 = 4.0;
/// Slopes count fully once this many groups were seen.
const MAX_DELTAS: u32 = 60;
/// How long the slope must stay too steep, ms.
const OVERUSE_MS: f32 = 10.0;
/// Adaptation of the threshold, per ms.
const THRESHOLD_UP: f32 = 0.0087;
const THRESHOLD_DOWN: f32 = 0.039;

/// What the queue on the way does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    /// It stays as it is.
    #[default]
    Normal,
    /// It grows: more is sent than the link carries.
    Over,
    /// It drains.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    last_arrival: i64,
}

/// The filter: 280 bytes, fed with each packet that arrived.
#[derive(Debug)]
pub(super) struct Trend {
    current: Option<Group>,
    previous: Option<Group>,
    /// Arrival (µs) and smoothed delay (ms) of the newest groups, a ring.
    points: [(i64, f32); POINTS],
    next: usize,
    deltas: u32,
    delay: f32,
    smoothed: f32,
    slope: f32,
    threshold: f32,
    over_ms: f32,
    over_count: u32,
    last_update: i64,
    usage: Usage,
    /// Least difference of the clocks seen in this window and the one before.
    base: i64,
    base_before: i64,
    base_since: i64,
    standing: bool,
}

impl Trend {
    pub(super) const fn new() -> Self {
        Self {
            current: None,
            previous: None,
            points: [(0, 0.0); POINTS],
            next: 0,
            deltas: 0,
            delay: 0.0,
            smoothed: 0.0,
            slope: 0.0,
            threshold: 12.5,
            over_ms: -1.0,
            over_count: 0,
            last_update: 0,
            usage: Usage::Normal,
            base: i64::MAX,
            base_before: i64::MAX,
            base_since: 0,
            standing: false,
        }
    }

    pub(super) const fn usage(&self) -> Usage {
        if self.standing {
            Usage::Over
        } else {
            self.usage
        }
    }

    /// Whether packets wait long in a queue on the way, be it growing or not.
    pub(super) const fn standing_queue(&self) -> bool {
        self.standing
    }

    /// Compares the delay with the least one of late.
    fn watch_queue(&mut self, sent: i64, arrival: i64) {
        let delay = arrival.wrapping_sub(sent);
        if sent - self.base_since > BASE_WINDOW {
            self.base_before = self.base;
            self.base = i64::MAX;
            self.base_since = sent;
        }
        self.base = self.base.min(delay);
        self.standing = delay - self.base.min(self.base_before) > STANDING_QUEUE;
    }

    /// A packet sent at `sent` on our clock arrived at `arrival` on the receiver's, both µs.
    pub(super) fn packet(&mut self, sent: i64, arrival: i64) {
        self.watch_queue(sent, arrival);
        let Some(current) = &mut self.current else {
            self.current = Some(Group::new(sent, arrival));
            return;
        };
        if sent < current.first_sent {
            return;
        }
        let joins = sent - current.first_sent <= GROUP
            // Packets that a link held back and released at once.
            || (arrival - current.last_arrival <= GROUP
                && arrival - current.last_arrival < sent - current.last_sent);
        if joins {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrival = current.last_arrival.max(arrival);
            return;
        }
        let complete = *current;
        *current = Group::new(sent, arrival);
        if let Some(previous) = self.previous.replace(complete) {
            let sent = complete.last_sent - previous.last_sent;
            let arrived = complete.last_arrival - previous.last_arrival;
            if (-1_000_000..3_000_000).contains(&arrived) {
                self.delta(sent, arrived, complete.last_arrival);
            } else {
                // The receiver's clock jumped.
                *self = Self::new();
            }
        }
    }

    fn delta(&mut self, sent: i64, arrived: i64, arrival: i64) {
        let delay_ms = (arrived - sent) as f32 / 1_000.0;
        let sent_ms = sent as f32 / 1_000.0;
        self.deltas = self.deltas.saturating_add(1);
        self.delay += delay_ms;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        if let Some(point) = self.points.get_mut(self.next) {
            *point = (arrival, self.smoothed);
        }
        self.next = if self.next + 1 == POINTS {
            0
        } else {
            self.next + 1
        };
        let before = self.slope;
        if self.deltas >= MIN_POINTS {
            self.slope = self.fit(arrival);
        }
        self.judge(sent_ms, before, arrival);
    }

    /// Slope of the regression line through the points, ms of delay per ms.
    fn fit(&self, now: i64) -> f32 {
        let x = |at: i64| (at - now) as f32 / 1_000.0;
        let known = (self.deltas as usize).min(POINTS);
        let points = self.points.iter().take(known);
        let (mut sum_x, mut sum_y) = (0.0, 0.0);
        for (at, delay) in points.clone() {
            sum_x += x(*at);
            sum_y += delay;
        }
        let (mean_x, mean_y) = (sum_x / known as f32, sum_y / known as f32);
        let (mut above, mut below) = (0.0, 0.0);
        for (at, delay) in points {
            let dx = x(*at) - mean_x;
            above += dx * (delay - mean_y);
            below += dx * dx;
        }
        if below > 0.0 {
            above / below
        } else {
            self.slope
        }
    }

    fn judge(&mut self, sent_ms: f32, slope_before: f32, arrival: i64) {
        let scaled = self.deltas.min(MAX_DELTAS) as f32 * self.slope * GAIN;
        if scaled > self.threshold {
            self.over_ms = if self.over_ms < 0.0 {
                sent_ms / 2.0
            } else {
                self.over_ms + sent_ms
            };
            self.over_count += 1;
            if self.over_ms > OVERUSE_MS && self.over_count > 1 && self.slope >= slope_before {
                self.over_ms = 0.0;
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = -1.0;
            self.over_count = 0;
            self.usage = if scaled < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        let magnitude = scaled.max(-scaled);
        let elapsed = ((arrival - self.last_update) as f32 / 1_000.0).clamp(0.0, 100.0);
        self.last_update = arrival;
        // Spikes far above do not count: they are no sign of a competing flow.
        if magnitude <= self.threshold + 15.0 {
            let gain = if magnitude < self.threshold {
                THRESHOLD_DOWN
            } else {
                THRESHOLD_UP
            };
            let step = gain * (magnitude - self.threshold) * elapsed;
            self.threshold = (self.threshold + step).clamp(6.0, 600.0);
        }
    }
}

impl Group {
    const fn new(sent: i64, arrival: i64) -> Self {
        Self {
            first_sent: sent,
            last_sent: sent,
            last_arrival: arrival,
        }
    }
}
