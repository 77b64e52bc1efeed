//! RTCP: compound packets of RFC 3550 section 6, reduced-size ones of RFC 5506, the feedback of
//! RFC 4585 and RFC 5104, REMB and transport-wide feedback, and of RFC 3611 what lets a receiver that
//! sends no media measure its round trip.
//!
//! [`packets`] walks a received compound packet; [`Compound`] writes one. Types that are not
//! known here, other extended reports among them, come out as [`Rtcp::Other`] and are to be ignored.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::Ssrc;
use core::fmt;
use smolrtc_base::{Reader, Truncated};

mod feedback;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod transport;
mod write;

pub use feedback::{Fir, FirEntry, Nack, Remb};
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use source::{Bye, Sdes, SdesChunk};
pub use transport::{Arrival, Arrivals, TransportFeedback};
pub use write::Compound;

pub(crate) const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// RTPFB, RFC 4585 section 6.1.
const TRANSPORT_LAYER: u8 = 205;
/// PSFB, RFC 4585 section 6.1.
const PAYLOAD_SPECIFIC: u8 = 206;
/// XR, RFC 3611 section 2.
const EXTENDED_REPORT: u8 = 207;
/// Receiver Reference Time report block, RFC 3611 section 4.4.
const BLOCK_REFERENCE_TIME: u8 = 4;
/// DLRR report block, RFC 3611 section 4.5.
const BLOCK_DLRR: u8 = 5;

const FMT_NACK: u8 = 1;
const FMT_TRANSPORT_WIDE: u8 = 15;
const FMT_PLI: u8 = 1;
const FMT_FIR: u8 = 4;
/// Application layer feedback; REMB is one.
const FMT_APPLICATION: u8 = 15;

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rtcp<'a> {
    /// Sender report.
    SenderReport(SenderReport<'a>),
    /// Receiver report.
    ReceiverReport(ReceiverReport<'a>),
    /// Source description.
    Sdes(Sdes<'a>),
    /// Sources that leave.
    Bye(Bye<'a>),
    /// Sequence numbers not received.
    Nack(Nack<'a>),
    /// Picture loss indication: `media` needs a key frame.
    Pli {
        /// Who asks.
        sender: Ssrc,
        /// Of whom.
        media: Ssrc,
    },
    /// Full intra requests.
    Fir(Fir<'a>),
    /// The receiver's estimate of the bit rate it can take.
    Remb(Remb<'a>),
    /// Arrival times of packets, by transport-wide sequence number.
    TransportFeedback(TransportFeedback<'a>),
    /// The time at a receiver that sends no media: it wants to be told how long ago it said so
    /// (RFC 3611 section 4.4).
    ReferenceTime {
        /// Who asks.
        receiver: Ssrc,
        /// Its clock, as [`smolrtc_base::UnixTime::to_ntp`] counts.
        ntp: u64,
    },
    /// A type or format that is not known here.
    Other {
        /// RTCP packet type.
        packet_type: u8,
        /// The five bits that hold a count or a feedback format.
        format: u8,
    },
}

/// Why bytes are no RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtcpError {
    /// The packet ends before a field or before the length it announces.
    TooShort,
    /// The version is not 2.
    Version,
    /// The padding count is zero or longer than the packet.
    Padding,
    /// Transport-wide feedback whose chunks do not cover the packets it announces.
    Chunks,
}

impl fmt::Display for RtcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the RTCP packet is shorter than it announces",
            Self::Version => "the RTCP version is not 2",
            Self::Padding => "the RTCP padding count does not fit",
            Self::Chunks => "the feedback's status chunks do not cover its packets",
        })
    }
}

impl core::error::Error for RtcpError {}

impl From<Truncated> for RtcpError {
    fn from(_: Truncated) -> Self {
        Self::TooShort
    }
}

/// Walks the packets of a compound or a reduced-size packet.
///
/// A packet that is bad in itself yields an error and the walk goes on; one whose length or
/// version is wrong ends it, for nothing after it can be trusted.
#[must_use]
pub const fn packets(compound: &[u8]) -> Packets<'_> {
    Packets {
        reader: Reader::new(compound),
    }
}

/// Iterator of [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    reader: Reader<'a>,
}

/// The common header of section 6.4.1 and the body it announces, padding cut off.
struct Framed<'a> {
    packet_type: u8,
    format: u8,
    body: &'a [u8],
}

impl<'a> Framed<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, RtcpError> {
        let first = reader.u8()?;
        if first >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        let packet_type = reader.u8()?;
        let words = reader.u16()?;
        let mut body = reader.take(usize::from(words).wrapping_mul(4))?;
        if first & 0x20 != 0 {
            let padding = body.last().copied().map_or(0, usize::from);
            // RFC 3550 section 6.4.1 wants a multiple of four, yet libwebrtc fills transport-wide
            // feedback up to the word with one to three octets and counts just those.
            if padding == 0 {
                return Err(RtcpError::Padding);
            }
            body = body
                .len()
                .checked_sub(padding)
                .and_then(|len| body.get(..len))
                .ok_or(RtcpError::Padding)?;
        }
        Ok(Self {
            packet_type,
            format: first & 0x1f,
            body,
        })
    }

    fn open(&self) -> Result<Rtcp<'a>, RtcpError> {
        let Self {
            packet_type,
            format,
            body,
        } = *self;
        Ok(match (packet_type, format) {
            (SENDER_REPORT, count) => Rtcp::SenderReport(SenderReport::parse(count, body)?),
            (RECEIVER_REPORT, count) => Rtcp::ReceiverReport(ReceiverReport::parse(count, body)?),
            (SOURCE_DESCRIPTION, count) => Rtcp::Sdes(Sdes::new(count, body)),
            (GOODBYE, count) => Rtcp::Bye(Bye::parse(count, body)?),
            (TRANSPORT_LAYER, FMT_NACK) => Rtcp::Nack(Nack::parse(body)?),
            (TRANSPORT_LAYER, FMT_TRANSPORT_WIDE) => {
                Rtcp::TransportFeedback(TransportFeedback::parse(body)?)
            }
            (PAYLOAD_SPECIFIC, FMT_PLI) => {
                let mut reader = Reader::new(body);
                Rtcp::Pli {
                    sender: Ssrc(reader.u32()?),
                    media: Ssrc(reader.u32()?),
                }
            }
            (PAYLOAD_SPECIFIC, FMT_FIR) => Rtcp::Fir(Fir::parse(body)?),
            (EXTENDED_REPORT, _) => match reference_time(body)? {
                Some((receiver, ntp)) => Rtcp::ReferenceTime { receiver, ntp },
                None => Rtcp::Other {
                    packet_type,
                    format,
                },
            },
            (PAYLOAD_SPECIFIC, FMT_APPLICATION) => match Remb::parse(body)? {
                Some(remb) => Rtcp::Remb(remb),
                None => Rtcp::Other {
                    packet_type,
                    format,
                },
            },
            _ => Rtcp::Other {
                packet_type,
                format,
            },
        })
    }
}

/// Who made an extended report, and its reference time if it has one.
fn reference_time(body: &[u8]) -> Result<Option<(Ssrc, u64)>, RtcpError> {
    let mut reader = Reader::new(body);
    let receiver = Ssrc(reader.u32()?);
    while !reader.is_empty() {
        let kind = reader.u8()?;
        reader.u8()?;
        let words = reader.u16()?;
        let mut block = Reader::new(reader.take(usize::from(words).wrapping_mul(4))?);
        if kind == BLOCK_REFERENCE_TIME {
            return Ok(Some((receiver, block.u64()?)));
        }
    }
    Ok(None)
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Rtcp<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        match Framed::parse(&mut self.reader) {
            Ok(framed) => Some(framed.open()),
            Err(error) => {
                self.reader = Reader::new(&[]);
                Some(Err(error))
            }
        }
    }
}
