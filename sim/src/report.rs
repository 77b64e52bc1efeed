//! What a viewer saw, in figures.

use std::collections::BTreeMap;
use std::ops::Range;

use smolrtc::base::{Duration, Instant};

use crate::log::Log;
use crate::media::Source;
use crate::world::World;

/// How one track came out at one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Playback {
    /// Frames that should have come.
    pub expected: usize,
    /// Frames that came whole, unchanged and in time.
    pub on_time: usize,
    /// Frames that came whole and unchanged, but late.
    pub late: Vec<usize>,
    /// Frames that never came.
    pub missing: Vec<usize>,
    /// Frames handed out that nobody sent, or sent twice.
    pub foreign: usize,
    /// Frames handed out before the first known one: a receiver that takes whatever packet comes
    /// first for a beginning hands out the rest of that frame.
    pub torn: usize,
    /// Frames handed out in another order than they were sent in.
    pub disordered: usize,
    /// From encoder to receiver, of those that came, sorted.
    pub delays: Vec<Duration>,
}

impl Playback {
    /// Compares what `log` has with what `source` made in `window`; a frame may take `limit`.
    #[must_use]
    pub fn of(log: &Log, source: &Source, window: Range<Instant>, limit: Duration) -> Self {
        let numbers: BTreeMap<u64, usize> = source
            .sent
            .iter()
            .enumerate()
            .map(|(number, sent)| (sent.digest, number))
            .collect();
        let kind = source.recipe.codec.kind();
        let mut arrived = BTreeMap::new();
        let mut playback = Self::default();
        let mut newest = None;
        for arrival in log.frames.iter().filter(|arrival| arrival.kind == kind) {
            let number = numbers.get(&arrival.digest).copied();
            let fresh = number.is_some_and(|number| arrived.insert(number, arrival.at).is_none());
            // What comes before all else may lack its beginning.
            let torn = !fresh && arrived.is_empty();
            playback.torn += usize::from(torn);
            playback.foreign += usize::from(!fresh && !torn);
            playback.disordered += usize::from(number.is_some() && number < newest);
            newest = newest.max(number);
        }
        for (number, sent) in source
            .sent
            .iter()
            .enumerate()
            .filter(|(_, sent)| window.contains(&sent.at))
        {
            playback.expected += 1;
            let Some(at) = arrived.get(&number) else {
                playback.missing.push(number);
                continue;
            };
            let delay = at.since(sent.at);
            playback.delays.push(delay);
            if delay <= limit {
                playback.on_time += 1;
            } else {
                playback.late.push(number);
            }
        }
        playback.delays.sort_unstable();
        playback
    }

    /// Adds another receiver's figures.
    pub fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.on_time += other.on_time;
        self.late.extend(&other.late);
        self.missing.extend(&other.missing);
        self.foreign += other.foreign;
        self.torn += other.torn;
        self.disordered += other.disordered;
        self.delays.extend(&other.delays);
        self.delays.sort_unstable();
    }

    /// Frames whole and on time, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.on_time as f64 * 100.0 / self.expected.max(1) as f64
    }

    /// The delay that `percent` of the frames do not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.delays.len() * percent)
            .div_ceil(100)
            .saturating_sub(1);
        self.delays.get(at).copied().unwrap_or_default()
    }
}

/// The play-out limit: four round trips and 200 ms.
#[must_use]
pub fn playout_limit(one_way: Duration) -> Duration {
    one_way * 8 + Duration::from_millis(200)
}

impl World {
    /// How the camera's track came out at a viewer, from the moment the camera was connected to it.
    #[must_use]
    pub fn playback(&self, index: usize, track: usize, limit: Duration) -> Playback {
        let from = self.camera.logs[index]
            .connected
            .unwrap_or(Instant::FAR_FUTURE);
        self.playback_within(index, track, from..Instant::FAR_FUTURE, limit)
    }

    /// The same of the frames sent in a window of time.
    #[must_use]
    pub fn playback_within(
        &self,
        index: usize,
        track: usize,
        window: Range<Instant>,
        limit: Duration,
    ) -> Playback {
        let log = self.viewers[index].viewer.log();
        Playback::of(log, &self.sources[track], window, limit)
    }

    /// How a viewer's own track came out at the camera, from the moment the viewer was connected.
    #[must_use]
    pub fn playback_at_camera(&self, index: usize, track: usize, limit: Duration) -> Playback {
        let host = &self.viewers[index];
        let from = host.viewer.log().connected.unwrap_or(Instant::FAR_FUTURE);
        Playback::of(
            &self.camera.logs[index],
            &host.sources[track],
            from..Instant::FAR_FUTURE,
            limit,
        )
    }

    /// Time from the offer's arrival at the camera to the first SRTP packet's leaving.
    #[must_use]
    pub fn offer_to_media(&self, index: usize) -> Option<Duration> {
        let host = &self.viewers[index];
        Some(host.wire.first_srtp?.since(host.offer_arrived?))
    }
}
