//! An allocator that knows whose every byte is.
//!
//! Each allocation carries its owner and is given back to that owner wherever it is freed. Counts
//! are per thread; what one thread allocates must not be freed by another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Who allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The measurement itself: the network, the script.
    Harness,
    /// The side that is measured.
    Server,
    /// The other side.
    Viewer,
}

/// What an owner holds and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// Bytes held now.
    pub live: isize,
    /// Most bytes held since the last [`reset_peak`].
    pub peak: isize,
    /// Allocations so far. Growing an allocation counts as one, and holds both for a moment.
    pub allocations: u64,
}

thread_local! {
    static OWNER: Cell<Owner> = const { Cell::new(Owner::Harness) };
    static HEAPS: [Cell<Heap>; 3] = const {
        [const { Cell::new(Heap { live: 0, peak: 0, allocations: 0 }) }; 3]
    };
    static TRACING: Cell<bool> = const { Cell::new(false) };
    static TRACES: RefCell<BTreeMap<usize, (usize, Backtrace)>> = const {
        RefCell::new(BTreeMap::new())
    };
}

/// What `owner` holds.
#[must_use]
pub fn heap(owner: Owner) -> Heap {
    HEAPS.with(|heaps| heaps[owner as usize].get())
}

/// Starts a new peak.
pub fn reset_peak(owner: Owner) {
    HEAPS.with(|heaps| {
        let cell = &heaps[owner as usize];
        let heap = cell.get();
        cell.set(Heap {
            peak: heap.live,
            ..heap
        });
    });
}

/// Does `work` on `owner`'s account.
pub fn owned_by<T>(owner: Owner, work: impl FnOnce() -> T) -> T {
    let before = OWNER.replace(owner);
    let done = work();
    OWNER.set(before);
    done
}

/// From now on remembers where the server's allocations come from. Slow.
pub fn trace() {
    TRACING.set(true);
}

/// The server's live allocations made since [`trace`]: bytes and where they come from.
#[must_use]
pub fn traces() -> Vec<(usize, String)> {
    TRACING.set(false);
    let traces = TRACES.take();
    let traces = traces.into_values();
    traces
        .map(|(size, trace)| (size, trace.to_string()))
        .collect()
}

/// The allocator; to be named as `#[global_allocator]` by the program that counts.
#[derive(Debug)]
pub struct Counting;

/// What precedes each allocation.
struct Header {
    owner: Owner,
}

fn offset(layout: Layout) -> usize {
    layout.align().max(align_of::<usize>() * 2)
}

fn padded(layout: Layout) -> Option<Layout> {
    let offset = offset(layout);
    Layout::from_size_align(layout.size().checked_add(offset)?, offset).ok()
}

// SAFETY: every call goes to the system's allocator with room for a header added in front, and the
// pointer handed out lies that much behind the system's, aligned as asked for.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(padded) = padded(layout) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the padded layout is never empty.
        let base = unsafe { System.alloc(padded) };
        if base.is_null() {
            return base;
        }
        let owner = OWNER.get();
        // SAFETY: the block begins with at least 16 bytes of ours and is aligned to them.
        unsafe { base.cast::<Header>().write(Header { owner }) };
        // SAFETY: within the block.
        let pointer = unsafe { base.add(offset(layout)) };
        HEAPS.with(|heaps| {
            let cell = &heaps[owner as usize];
            let heap = cell.get();
            let live = heap.live + layout.size() as isize;
            cell.set(Heap {
                live,
                peak: heap.peak.max(live),
                allocations: heap.allocations + 1,
            });
        });
        if owner == Owner::Server && TRACING.replace(false) {
            let trace = (layout.size(), Backtrace::force_capture());
            owned_by(Owner::Harness, || {
                TRACES.with_borrow_mut(|traces| traces.insert(pointer as usize, trace));
            });
            TRACING.set(true);
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(padded) = padded(layout) else {
            return;
        };
        // SAFETY: `alloc` laid the block out so.
        let base = unsafe { pointer.sub(offset(layout)) };
        // SAFETY: as above.
        let owner = unsafe { base.cast::<Header>().read() }.owner;
        HEAPS.with(|heaps| {
            let cell = &heaps[owner as usize];
            let heap = cell.get();
            cell.set(Heap {
                live: heap.live - layout.size() as isize,
                ..heap
            });
        });
        if owner == Owner::Server && TRACING.replace(false) {
            TRACES.with_borrow_mut(|traces| traces.remove(&(pointer as usize)));
            TRACING.set(true);
        }
        // SAFETY: the block came from the system's allocator with this layout.
        unsafe { System.dealloc(base, padded) };
    }
}
