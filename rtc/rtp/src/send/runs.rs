//! Which packet of the ring went out under which sequence number.

use alloc::vec::Vec;

/// A stretch in which sequence numbers and packets of the ring advance together.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// SRTP packet index (rollover << 16 | sequence number) of its first packet.
    index: u64,
    /// Id of that packet in the ring.
    packet: u64,
}

/// The runs of one stream, oldest first: one per gap in the packets sent. When there are more
/// gaps than places the oldest run is forgotten, and with it the means to resend its packets.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    limit: usize,
    /// Index that the next packet gets.
    next_index: u64,
    /// Packet that would continue the newest run.
    next_packet: Option<u64>,
}

impl Runs {
    pub(super) fn new(limit: usize, first_index: u64) -> Self {
        let limit = limit.max(1);
        Self {
            runs: Vec::with_capacity(limit),
            limit,
            next_index: first_index,
            next_packet: None,
        }
    }

    pub(super) const fn next_index(&self) -> u64 {
        self.next_index
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Gives `packet` the next index. Packets only ever move forward.
    pub(super) fn assign(&mut self, packet: u64) -> u64 {
        let index = self.next_index;
        if self.next_packet != Some(packet) {
            if self.runs.len() >= self.limit {
                self.runs.remove(0);
            }
            self.runs.push(Run { index, packet });
        }
        self.next_index = index.saturating_add(1);
        self.next_packet = Some(packet.saturating_add(1));
        index
    }

    /// The newest index already sent whose sequence number is `sequence`.
    pub(super) const fn index_of(&self, sequence: u16) -> Option<u64> {
        let Some(last) = self.next_index.checked_sub(1) else {
            return None;
        };
        last.checked_sub((last as u16).wrapping_sub(sequence) as u64)
    }

    /// The packet sent under `index`, unless its run is forgotten.
    pub(super) fn packet_at(&self, index: u64) -> Option<u64> {
        if index >= self.next_index {
            return None;
        }
        let run = self.runs.iter().rev().find(|run| run.index <= index)?;
        run.packet.checked_add(index.checked_sub(run.index)?)
    }
}
