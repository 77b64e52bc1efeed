//! CPU time of one reliable, ordered data channel, both ends, through SCTP and DTLS, 1 ms of network
//! each way, in virtual time.

use crate::ours::Ours;
use crate::script::{Script, World};
use crate::theirs::Theirs;
use smolrtc::base::Duration;

/// Messages of this size.
pub const MESSAGE_BYTES: usize = 16 * 1024;

/// Nanoseconds this thread has run.
fn cpu_nanoseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Milliseconds of CPU a MiB, both ends together.
fn milliseconds<W: World>(mebibytes: u64) -> f64 {
    let mut script = Script::connection(false);
    script.delay = Duration::from_millis(1);
    let mut world = W::connected(script);
    let message = vec![0x5a; MESSAGE_BYTES];
    let total = mebibytes << 20;
    let (mut queued, before) = (0, cpu_nanoseconds());
    while world.received() < total {
        while queued < total && world.send_message(&message) {
            queued += message.len() as u64;
        }
        world.step();
    }
    (cpu_nanoseconds() - before) as f64 / 1e6 / mebibytes as f64
}

/// Ours, then str0m's.
#[must_use]
pub fn measure(mebibytes: u64) -> [f64; 2] {
    [
        milliseconds::<Ours>(mebibytes),
        milliseconds::<Theirs>(mebibytes),
    ]
}
