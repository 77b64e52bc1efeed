//! A bounded queue whose entries are found by a number that never repeats.

use alloc::vec::Vec;

/// Entries `first..next`, at most as many as it was made for. No lookup divides: `u64` division
/// is a library call on a 32-bit chip.
#[derive(Debug)]
pub(crate) struct Window<T> {
    slots: Vec<T>,
    capacity: usize,
    /// Slot of the entry `first`.
    start: usize,
    len: usize,
    first: u64,
}

impl<T: Copy> Window<T> {
    /// An empty window; the only allocation it ever makes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            slots: Vec::with_capacity(capacity),
            capacity,
            start: 0,
            len: 0,
            first: 0,
        }
    }

    /// Id of the oldest entry; equal to [`next`](Self::next) when there is none.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Id that the next entry gets.
    pub(crate) const fn next(&self) -> u64 {
        self.first.saturating_add(self.len as u64)
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    const fn slot(&self, ahead: usize) -> usize {
        let slot = self.start.wrapping_add(ahead);
        if slot >= self.capacity {
            slot.wrapping_sub(self.capacity)
        } else {
            slot
        }
    }

    fn find(&self, id: u64) -> Option<usize> {
        let ahead = usize::try_from(id.checked_sub(self.first)?).ok()?;
        (ahead < self.len).then(|| self.slot(ahead))
    }

    pub(crate) fn get(&self, id: u64) -> Option<&T> {
        self.slots.get(self.find(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let slot = self.find(id)?;
        self.slots.get_mut(slot)
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.get(self.first)
    }

    /// Appends `entry` and returns its id; `None` when the window is full.
    pub(crate) fn push(&mut self, entry: T) -> Option<u64> {
        if self.is_full() {
            return None;
        }
        let slot = self.slot(self.len);
        match self.slots.get_mut(slot) {
            Some(old) => *old = entry,
            // Slots fill up in order until the first wrap.
            None => self.slots.push(entry),
        }
        let id = self.next();
        self.len = self.len.wrapping_add(1);
        Some(id)
    }

    /// Removes the oldest entry.
    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let entry = *self.front()?;
        self.drop_front(1);
        Some(entry)
    }

    /// Removes the `count` oldest entries.
    pub(crate) fn drop_front(&mut self, count: usize) {
        let count = count.min(self.len);
        self.start = self.slot(count);
        self.len = self.len.wrapping_sub(count);
        self.first = self.first.saturating_add(count as u64);
    }

    /// Removes the newest entries, down to the one before `id`.
    pub(crate) fn truncate(&mut self, id: u64) {
        if let Some(keep) = id.checked_sub(self.first) {
            self.len = self.len.min(usize::try_from(keep).unwrap_or(usize::MAX));
        }
    }
}
