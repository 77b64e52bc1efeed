//! Offer → data channel open, in one process, without sockets: both ends' work, public-key
//! operations done at once, and every timer waited for.

use std::time::{Duration, Instant};

use crate::ours::Ours;
use crate::script::Script;
use crate::theirs::Theirs;

const TIMES: usize = 50;

/// The median of 50 times, the fastest and the slowest.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Half were faster.
    pub median: Duration,
    /// The fastest.
    pub fastest: Duration,
    /// The slowest.
    pub slowest: Duration,
}

fn spread(mut once: impl FnMut() -> Duration) -> Spread {
    let mut times: Vec<Duration> = (0..TIMES).map(|_| once()).collect();
    times.sort_unstable();
    Spread {
        median: times[TIMES / 2],
        fastest: times[0],
        slowest: times[TIMES - 1],
    }
}

/// Ours, then str0m's.
#[must_use]
pub fn measure() -> [Spread; 2] {
    let script = Script::connection(true);
    let ours = spread(|| {
        let mut world = Ours::new(script);
        let start = Instant::now();
        world.connect();
        start.elapsed()
    });
    let theirs = spread(|| {
        let mut world = Theirs::new(script);
        let start = Instant::now();
        world.connect();
        start.elapsed()
    });
    [ours, theirs]
}
