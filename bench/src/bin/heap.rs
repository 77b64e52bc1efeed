//! The measurements that need a counting allocator, in a program of their own: counting costs time.
//! Without arguments it prints three lines for the bench; `detail` tells where live bytes come from.
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

use kvs_bench::counting::Counting;
use kvs_bench::heap;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("detail") {
        let mut components: Vec<_> = heap::components(true).into_iter().collect();
        components.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        for (name, bytes) in components {
            println!("{bytes:8} {name}");
        }
        return;
    }
    for usage in heap::measure() {
        let heap::Usage {
            live,
            peak,
            packets,
            allocations,
        } = usage;
        println!("{live} {peak} {packets} {allocations}");
    }
    let components = heap::components(false);
    let parts = components
        .iter()
        .map(|(name, bytes)| format!("{name} {bytes}"));
    println!("{}", parts.collect::<Vec<_>>().join(", "));
}
