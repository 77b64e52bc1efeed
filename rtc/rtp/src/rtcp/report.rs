//! Sender and receiver reports, RFC 3550 sections 6.4.1 and 6.4.2.

use super::RtcpError;
use crate::Ssrc;
use smolrtc_base::{BufferTooSmall, Reader, Truncated, Writer};

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Who sends.
    pub ssrc: Ssrc,
    /// Wall time of the report, 32.32 fixed point seconds since 1900.
    pub ntp: u64,
    /// The same moment on the stream's RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent, modulo 2^32.
    pub packet_count: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octet_count: u32,
}

impl SenderInfo {
    /// The middle 32 bits of the NTP time, as a report block returns them (LSR).
    #[must_use]
    pub const fn compact_ntp(&self) -> u32 {
        (self.ntp >> 16) as u32
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            ssrc: Ssrc(reader.u32()?),
            ntp: reader.u64()?,
            rtp_timestamp: reader.u32()?,
            packet_count: reader.u32()?,
            octet_count: reader.u32()?,
        })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        writer.u32(self.ssrc.0)?;
        writer.u64(self.ntp)?;
        writer.u32(self.rtp_timestamp)?;
        writer.u32(self.packet_count)?;
        writer.u32(self.octet_count)
    }
}

/// What a receiver says of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream spoken of.
    pub ssrc: Ssrc,
    /// Packets lost since the last report, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, −2^23..2^23; duplicates may make it negative.
    pub cumulative_lost: i32,
    /// Highest sequence number received, its wraps in the upper half.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report; 0 if none came.
    pub last_sr: u32,
    /// Delay since then, in 1/65,536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    pub(super) const LEN: usize = 24;

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            ssrc: Ssrc(reader.u32()?),
            fraction_lost: reader.u8()?,
            // Sign-extends the 24-bit field.
            cumulative_lost: (reader.u24()? << 8) as i32 >> 8,
            highest_sequence: reader.u32()?,
            jitter: reader.u32()?,
            last_sr: reader.u32()?,
            delay_since_last_sr: reader.u32()?,
        })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        writer.u32(self.ssrc.0)?;
        writer.u8(self.fraction_lost)?;
        writer.u24(self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32)?;
        writer.u32(self.highest_sequence)?;
        writer.u32(self.jitter)?;
        writer.u32(self.last_sr)?;
        writer.u32(self.delay_since_last_sr)
    }

    /// The round trip that this block measures, 1/65,536 s, when it arrives at `compact_ntp`
    /// (RFC 3550 section 6.4.1); `None` if the peer has seen no sender report of ours, or says
    /// to have kept it longer than it was under way.
    #[must_use]
    pub const fn round_trip(&self, compact_ntp: u32) -> Option<u32> {
        if self.last_sr == 0 {
            return None;
        }
        let under_way = compact_ntp.wrapping_sub(self.last_sr);
        under_way.checked_sub(self.delay_since_last_sr)
    }
}

/// The report blocks of a report; as many whole ones as it announces.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = ReportBlock> + '_ {
    let mut reader = Reader::new(bytes);
    core::iter::from_fn(move || ReportBlock::parse(&mut reader).ok())
}

fn take_blocks<'a>(reader: &mut Reader<'a>, count: u8) -> Result<&'a [u8], Truncated> {
    reader.take(usize::from(count).wrapping_mul(ReportBlock::LEN))
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// What it says of its own stream.
    pub info: SenderInfo,
    blocks: &'a [u8],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            info: SenderInfo::parse(&mut reader)?,
            blocks: take_blocks(&mut reader, count)?,
        })
    }

    /// What it says of the streams it receives.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + 'a {
        blocks(self.blocks)
    }
}

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub sender: Ssrc,
    blocks: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            sender: Ssrc(reader.u32()?),
            blocks: take_blocks(&mut reader, count)?,
        })
    }

    /// What it says of the streams it receives.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + 'a {
        blocks(self.blocks)
    }
}
