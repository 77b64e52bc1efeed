//! Wall time out of monotonic time, corrected by what the service says, endpoint by endpoint.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant, UnixTime};

/// Differences below this are left alone: AWS accepts five minutes.
const TOLERANCE_SECS: i64 = 60;
/// Endpoints whose skew is remembered.
const MAX_ENDPOINTS: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    at: Instant,
    unix: UnixTime,
    /// Added to our own idea of the time where nothing else is known, µs: what was learned last.
    skew: i64,
    /// The same for one host each.
    hosts: Vec<(String, i64)>,
}

impl Clock {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            at: now,
            unix: UnixTime::from_secs(0),
            skew: 0,
            hosts: Vec::new(),
        }
    }

    /// Takes the driver's word. What was learned from the service stays, unless the driver's
    /// clock was set meanwhile.
    pub(crate) fn set(&mut self, now: Instant, unix: UnixTime) {
        let expected = self.unix.plus(now.since(self.at));
        if seconds_between(expected, unix).unsigned_abs() > TOLERANCE_SECS.unsigned_abs() {
            self.skew = 0;
            self.hosts.clear();
        }
        (self.at, self.unix) = (now, unix);
    }

    pub(crate) fn now(&self, now: Instant) -> UnixTime {
        self.shifted(now, self.skew)
    }

    /// The time as `host` has it.
    pub(crate) fn now_at(&self, now: Instant, host: &str) -> UnixTime {
        self.shifted(now, self.skew_of(host))
    }

    /// When the corrected clock shows `time`.
    pub(crate) fn instant_of(&self, time: UnixTime) -> Instant {
        let anchor = self.shifted(self.at, self.skew);
        let ahead = micros_between(anchor, time);
        let span = Duration::from_micros(ahead.unsigned_abs());
        if ahead < 0 {
            self.at.minus(span)
        } else {
            self.at.plus(span)
        }
    }

    /// Adopts the time of `host` if it differs much. Returns the whole correction in seconds.
    pub(crate) fn learn(&mut self, now: Instant, host: &str, service: UnixTime) -> Option<i64> {
        let believed = self.now_at(now, host);
        if seconds_between(believed, service).unsigned_abs() <= TOLERANCE_SECS.unsigned_abs() {
            return None;
        }
        let own = self.unix.plus(now.since(self.at));
        self.skew = micros_between(own, service);
        self.hosts.retain(|(known, _)| known != host);
        if self.hosts.len() >= MAX_ENDPOINTS {
            self.hosts.remove(0);
        }
        self.hosts.push((host.into(), self.skew));
        Some(seconds_between(own, service))
    }

    /// What was learned: hosts and the seconds by which they are ahead of us.
    pub(crate) fn skews(&self) -> impl Iterator<Item = (&str, i64)> {
        self.hosts
            .iter()
            .map(|(host, skew)| (host.as_str(), skew / 1_000_000))
    }

    fn skew_of(&self, host: &str) -> i64 {
        self.hosts
            .iter()
            .find(|(known, _)| known == host)
            .map_or(self.skew, |(_, skew)| *skew)
    }

    fn shifted(&self, now: Instant, skew: i64) -> UnixTime {
        let own = self.unix.plus(now.since(self.at)).as_micros();
        UnixTime::from_micros(own.saturating_add_signed(skew))
    }
}

fn micros_between(from: UnixTime, to: UnixTime) -> i64 {
    let clamp = |time: UnixTime| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    clamp(to).saturating_sub(clamp(from))
}

fn seconds_between(from: UnixTime, to: UnixTime) -> i64 {
    micros_between(from, to) / 1_000_000
}
