//! Live heap of a viewer at the serving side, its peak, and allocations a packet. Works only under
//! [`Counting`](crate::counting::Counting).

use std::collections::BTreeMap;

use smolrtc::base::Duration;

use crate::counting::{self, Owner, heap, reset_peak};
use crate::ours::{Ours, camera};
use crate::script::{Script, World};
use crate::theirs::Theirs;

/// What a serving side holds for its viewers.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Bytes a viewer, 60 s into streaming.
    pub live: isize,
    /// Most bytes a viewer took while it connected.
    pub peak: isize,
    /// Packets sent between the 5th and the 60th second.
    pub packets: u64,
    /// Allocations in that time.
    pub allocations: u64,
}

/// Where a run's heap stands at three moments.
struct Run {
    begun: isize,
    peak: isize,
    live: isize,
    packets: u64,
    allocations: u64,
}

fn run<W: World>(viewers: usize) -> Run {
    let begun = heap(Owner::Server).live;
    reset_peak(Owner::Server);
    let mut world = W::connected(Script::heap(viewers));
    let peak = heap(Owner::Server).peak;
    world.stream(Duration::from_secs(5));
    let (before, packets) = (heap(Owner::Server), world.tally().packets);
    world.stream(Duration::from_secs(55));
    let after = heap(Owner::Server);
    Run {
        begun,
        peak,
        live: after.live - begun,
        packets: world.tally().packets - packets,
        allocations: after.allocations - before.allocations,
    }
}

fn usage<W: World>(empty: impl Fn() -> isize) -> Usage {
    let (one, two) = (run::<W>(1), run::<W>(2));
    Usage {
        // What a second viewer adds; what all viewers share falls out.
        live: two.live - one.live,
        peak: one.peak - one.begun - empty(),
        packets: two.packets,
        allocations: two.allocations,
    }
}

/// Bytes of a camera that has no place for a viewer.
fn empty_camera() -> isize {
    let before = heap(Owner::Server).live;
    let camera = counting::owned_by(Owner::Server, || camera(&Script::heap(0)));
    let live = heap(Owner::Server).live - before;
    drop(camera);
    live
}

/// Ours, then str0m's.
#[must_use]
pub fn measure() -> [Usage; 2] {
    [usage::<Ours>(empty_camera), usage::<Theirs>(|| 0)]
}

/// Ours alone.
#[must_use]
pub fn measure_ours() -> Usage {
    usage::<Ours>(empty_camera)
}

/// Live bytes of our side by the crate that asked for them, after 60 s; with one viewer, the camera
/// itself included.
#[must_use]
pub fn components(detailed: bool) -> BTreeMap<String, usize> {
    if !detailed {
        counting::trace();
    }
    let mut world = Ours::connected(Script::heap(1));
    world.stream(Duration::from_secs(5));
    if detailed {
        counting::trace();
    }
    world.stream(Duration::from_secs(55));
    let mut components = BTreeMap::new();
    for (size, trace) in counting::traces() {
        let mut places = trace.lines().filter_map(place);
        let name = if detailed {
            places.take(2).collect::<Vec<_>>().join(" < ")
        } else {
            let first = places.next().unwrap_or("other");
            first
                .split_once("/src")
                .map_or(first, |(name, _)| name)
                .to_owned()
        };
        *components.entry(name).or_default() += size;
    }
    components
}

/// The place of ours that a line of a backtrace names.
fn place(line: &str) -> Option<&str> {
    let (_, path) = line.split_once("at ./")?;
    let ours = ["core/", "rtc/", "kvs/"]
        .iter()
        .any(|part| path.starts_with(part));
    ours.then_some(path)
}
