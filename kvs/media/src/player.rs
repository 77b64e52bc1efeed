//! Audio and video files played together, looping in step.

use crate::{Frame, Kind, Source};
use core::time::Duration;

/// Hands out the frames of up to two files in the order of their time.
///
/// When looping, both start over together once the longer one has ended; times go on growing. The
/// length of a turn is that of the longer file, rounded up to whole frame intervals of the video.
#[derive(Clone, Debug)]
pub struct Player<B> {
    video: Option<Source<B>>,
    audio: Option<Source<B>>,
    looping: bool,
    turn: Duration,
    /// Time at which the current turn began.
    began: Duration,
}

impl<B: AsRef<[u8]>> Player<B> {
    /// A player at the start of its files. `looping`: for ever, else once.
    #[must_use]
    pub fn new(video: Option<Source<B>>, audio: Option<Source<B>>, looping: bool) -> Self {
        let longest = |source: &Option<Source<B>>| source.as_ref().map(Source::duration);
        let longer = longest(&video).max(longest(&audio)).unwrap_or_default();
        let interval = video.as_ref().and_then(Source::frame_interval);
        Self {
            turn: interval.map_or(longer, |interval| round_up(longer, interval)),
            video,
            audio,
            looping,
            began: Duration::ZERO,
        }
    }

    /// How long one turn lasts.
    #[must_use]
    pub const fn turn(&self) -> Duration {
        self.turn
    }

    /// The video file.
    #[must_use]
    pub const fn video(&self) -> Option<&Source<B>> {
        self.video.as_ref()
    }

    /// The audio file.
    #[must_use]
    pub const fn audio(&self) -> Option<&Source<B>> {
        self.audio.as_ref()
    }

    /// When the next frame is due, in time since the start; `None` after the last one of a player
    /// that does not loop.
    pub fn next_due(&mut self) -> Option<Duration> {
        self.next().map(|(due, _)| due)
    }

    /// The next frame, if it is due at `elapsed` since the start. Call it until it returns `None`,
    /// then again at [`next_due`](Self::next_due).
    pub fn next_frame(&mut self, elapsed: Duration) -> Option<Frame<'_>> {
        let (due, kind) = self.next().filter(|(due, _)| *due <= elapsed)?;
        let source = match kind {
            Kind::Video => self.video.as_mut(),
            Kind::Audio => self.audio.as_mut(),
        };
        source?
            .next_frame()
            .map(|frame| Frame { pts: due, ..frame })
    }

    /// Due time and kind of the next frame; starts a new turn where one begins.
    fn next(&mut self) -> Option<(Duration, Kind)> {
        // At most two rounds: a file that was just rewound has a frame.
        for _ in 0..2 {
            let video = self.video.as_mut().and_then(Source::next_pts);
            let audio = self.audio.as_mut().and_then(Source::next_pts);
            let next = [(video, Kind::Video), (audio, Kind::Audio)]
                .into_iter()
                .filter_map(|(pts, kind)| pts.map(|pts| (pts, kind)))
                .min();
            if let Some((pts, kind)) = next {
                return Some((self.began.saturating_add(pts), kind));
            }
            if !self.looping || self.turn.is_zero() {
                return None;
            }
            self.began = self.began.saturating_add(self.turn);
            self.video
                .iter_mut()
                .chain(&mut self.audio)
                .for_each(Source::rewind);
        }
        None
    }
}

/// `span` as the next multiple of `unit`, allowing for the rounding of `unit` to nanoseconds.
fn round_up(span: Duration, unit: Duration) -> Duration {
    let (span_nanos, unit_nanos) = (span.as_nanos(), unit.as_nanos().max(1));
    let over = span_nanos.checked_rem(unit_nanos).unwrap_or(0);
    let frames = span_nanos.checked_div(unit_nanos).unwrap_or(0);
    // Each interval may be off by a nanosecond.
    let slack = frames.saturating_add(1);
    let missing = unit_nanos.saturating_sub(over);
    if over <= slack || missing <= slack {
        return span;
    }
    span.saturating_add(Duration::from_nanos(u64::try_from(missing).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
