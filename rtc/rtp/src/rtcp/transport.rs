//! Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.

use super::RtcpError;
use crate::Ssrc;
use smolrtc_base::Reader;

/// Ticks of the reference time are 64 ms, of a delta 250 µs.
pub(super) const REFERENCE_TICK_MICROS: i64 = 64_000;
/// See [`REFERENCE_TICK_MICROS`].
pub(super) const DELTA_TICK_MICROS: i64 = 250;

/// A feedback packet, its chunks and deltas checked to be complete.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Who reports.
    pub sender: Ssrc,
    /// Any of the streams reported of.
    pub media: Ssrc,
    /// Transport-wide sequence number of the first packet reported of.
    pub base_sequence: u16,
    /// Packets reported of, received or not.
    pub packet_count: u16,
    /// Counts feedback packets, so that lost ones show.
    pub feedback_count: u8,
    reference_time: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// What the feedback says of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// When it arrived: microseconds on the peer's clock, whose start is unknown and which wraps
    /// after 12 days. `None` if it did not.
    pub micros: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    NotReceived,
    /// One byte of delta, never negative.
    Small,
    /// Two bytes of delta.
    Large,
    /// Status 3: received, no delta follows.
    WithoutDelta,
}

impl Status {
    const fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::NotReceived,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::WithoutDelta,
        }
    }

    const fn delta_len(self) -> usize {
        match self {
            Self::NotReceived | Self::WithoutDelta => 0,
            Self::Small => 1,
            Self::Large => 2,
        }
    }
}

/// A packet status chunk: what is left of it.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run { status: Status, left: u16 },
    Vector { bits: u16, width: u16, left: u16 },
}

impl Chunk {
    const fn parse(word: u16) -> Self {
        if word & 0x8000 == 0 {
            Self::Run {
                status: Status::from_bits(word >> 13),
                left: word & 0x1fff,
            }
        } else if word & 0x4000 == 0 {
            // 14 symbols of one bit, the first in the highest.
            Self::Vector {
                bits: word << 2,
                width: 1,
                left: 14,
            }
        } else {
            Self::Vector {
                bits: word << 2,
                width: 2,
                left: 7,
            }
        }
    }

    /// The next symbol, or `None` when the chunk is used up.
    fn next(&mut self) -> Option<Status> {
        match self {
            Self::Run { status, left } => {
                *left = left.checked_sub(1)?;
                Some(*status)
            }
            Self::Vector { bits, width, left } => {
                *left = left.checked_sub(1)?;
                let status = Status::from_bits(*bits >> 16_u16.wrapping_sub(*width));
                *bits <<= *width;
                Some(status)
            }
        }
    }
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut reader = Reader::new(body);
        let sender = Ssrc(reader.u32()?);
        let media = Ssrc(reader.u32()?);
        let base_sequence = reader.u16()?;
        let packet_count = reader.u16()?;
        // Sign-extends the 24-bit field.
        let reference_time = (reader.u24()? << 8) as i32 >> 8;
        let feedback_count = reader.u8()?;
        let after_header = reader;
        let (mut left, mut delta_len) = (packet_count, 0_usize);
        while left > 0 {
            let mut chunk = Chunk::parse(reader.u16()?);
            // A run counts in one step, so that the work is bounded by the packet's length.
            if let Chunk::Run { status, left: run } = chunk {
                if run == 0 {
                    return Err(RtcpError::Chunks);
                }
                let run = run.min(left);
                left = left.wrapping_sub(run);
                let bytes = usize::from(run).wrapping_mul(status.delta_len());
                delta_len = delta_len.saturating_add(bytes);
                continue;
            }
            while left > 0
                && let Some(status) = chunk.next()
            {
                left = left.wrapping_sub(1);
                delta_len = delta_len.saturating_add(status.delta_len());
            }
        }
        let mut from_chunks = after_header;
        let chunks = from_chunks.take(after_header.len().saturating_sub(reader.len()))?;
        let deltas = reader.take(delta_len)?;
        Ok(Self {
            sender,
            media,
            base_sequence,
            packet_count,
            feedback_count,
            reference_time,
            chunks,
            deltas,
        })
    }

    /// The packets reported of, in sequence.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            sequence: self.base_sequence,
            left: self.packet_count,
            micros: i64::from(self.reference_time).wrapping_mul(REFERENCE_TICK_MICROS),
            chunk: Chunk::Run {
                status: Status::NotReceived,
                left: 0,
            },
            chunks: Reader::new(self.chunks),
            deltas: Reader::new(self.deltas),
        }
    }
}

/// Iterator of [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    sequence: u16,
    left: u16,
    micros: i64,
    chunk: Chunk,
    chunks: Reader<'a>,
    deltas: Reader<'a>,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        let status = match self.chunk.next() {
            Some(status) => status,
            None => {
                self.chunk = Chunk::parse(self.chunks.u16().ok()?);
                self.chunk.next()?
            }
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let ticks = match status {
            // Without a delta the time is unknown, which serves an estimator no better.
            Status::NotReceived | Status::WithoutDelta => {
                return Some(Arrival {
                    sequence,
                    micros: None,
                });
            }
            Status::Small => i64::from(self.deltas.u8().ok()?),
            Status::Large => i64::from(self.deltas.u16().ok()? as i16),
        };
        let delta = ticks.wrapping_mul(DELTA_TICK_MICROS);
        self.micros = self.micros.wrapping_add(delta);
        Some(Arrival {
            sequence,
            micros: Some(self.micros),
        })
    }
}
