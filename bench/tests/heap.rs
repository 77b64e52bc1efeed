//! The heap of a viewer, compared with the committed numbers; and that no packet allocates.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p kvs-bench --test heap` writes them anew.

use kvs_bench::counting::Counting;
use kvs_bench::heap;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/heap.txt");

#[test]
fn a_viewer_takes_the_heap_that_is_committed_and_no_packet_allocates() {
    let usage = heap::measure_ours();
    assert_eq!(usage.allocations, 0, "in {} packets", usage.packets);
    let measured = [("live", usage.live), ("peak", usage.peak)];
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let lines = measured.map(|(name, bytes)| format!("{name} {bytes}\n"));
        std::fs::write(SNAPSHOT, lines.concat()).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(SNAPSHOT).unwrap();
    for (name, bytes) in measured {
        let line = committed.lines().find_map(|line| line.strip_prefix(name));
        let expected: isize = line.unwrap().trim().parse().unwrap();
        assert!(
            bytes.abs_diff(expected) * 50 <= expected.unsigned_abs(),
            "{name}: {bytes} bytes a viewer, committed {expected}"
        );
    }
}
