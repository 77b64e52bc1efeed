//! Decrypted application data that waits to be lent.

use alloc::vec::Vec;

/// Capacity kept while nothing waits: one datagram, so that a steady flow does not allocate.
const KEPT: usize = 2_048;
const LENGTH_LEN: usize = 2;

/// Records in one buffer, each after its 16-bit length.
pub(super) struct Received {
    bytes: Vec<u8>,
    /// Everything before was lent already.
    read: usize,
    max: usize,
}

impl Received {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            read: 0,
            max,
        }
    }

    /// Keeps `data`; `false` if there is no room.
    #[must_use]
    pub(super) fn push(&mut self, data: &[u8]) -> bool {
        self.bytes.drain(..self.read.min(self.bytes.len()));
        self.read = 0;
        let needed = data.len().saturating_add(LENGTH_LEN);
        let Ok(len) = u16::try_from(data.len()) else {
            return false;
        };
        if self.bytes.len().saturating_add(needed) > self.max
            || self.bytes.try_reserve(needed).is_err()
        {
            return false;
        }
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(data);
        true
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.read >= self.bytes.len()
    }

    /// Lends the oldest record.
    pub(super) fn pop(&mut self) -> Option<&[u8]> {
        let (len, rest) = self
            .bytes
            .get(self.read..)?
            .split_first_chunk::<LENGTH_LEN>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let data = rest.get(..len)?;
        self.read = self.read.saturating_add(LENGTH_LEN).saturating_add(len);
        Some(data)
    }

    /// Gives back, once everything was lent, what exceeds one datagram.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
            self.read = 0;
        }
    }
}

impl core::fmt::Debug for Received {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Received({} bytes)",
            self.bytes.len().saturating_sub(self.read)
        )
    }
}
