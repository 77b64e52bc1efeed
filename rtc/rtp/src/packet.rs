//! The RTP header (RFC 3550 section 5.1) and its extensions (RFC 8285).
//!
//! [`RtpPacket`] is a checked view of a received packet; [`RtpHeader`] writes the header of one to
//! be sent into the caller's buffer.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::{PayloadType, Ssrc};
use core::fmt;
use smolrtc_base::{BufferTooSmall, Reader, Truncated, Writer};

mod extension;
#[cfg(test)]
mod tests;

pub use extension::{Elements, ExtensionIds, Extensions, abs_send_time};

/// Bytes of a header without contributing sources and extensions.
pub const FIXED_HEADER_LEN: usize = 12;

/// Whether a datagram whose first byte says RTP is in fact RTCP (RFC 5761 section 4).
#[must_use]
pub const fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [_, 192..=223, ..])
}

/// Why bytes are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// The packet ends within its header or header extension.
    TooShort,
    /// The version is not 2.
    Version,
    /// The padding count is zero or longer than the payload (RFC 3550 section 5.1).
    Padding,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the RTP packet ends within its header",
            Self::Version => "the RTP version is not 2",
            Self::Padding => "the RTP padding count does not fit the payload",
        })
    }
}

impl core::error::Error for PacketError {}

impl From<Truncated> for PacketError {
    fn from(_: Truncated) -> Self {
        Self::TooShort
    }
}

/// A received packet, its lengths checked.
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    /// The marker bit; its meaning is the payload format's.
    pub marker: bool,
    /// Payload type.
    pub payload_type: PayloadType,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp in the payload's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// The payload without padding.
    pub payload: &'a [u8],
    /// Bytes before the payload.
    pub header_len: usize,
    /// Bytes of padding after it, the count itself included.
    pub padding_len: usize,
    profile: u16,
    extension: &'a [u8],
}

impl<'a> RtpPacket<'a> {
    /// Checks the header.
    ///
    /// # Errors
    /// When it is not of version 2 or a length in it does not fit.
    pub fn parse(packet: &'a [u8]) -> Result<Self, PacketError> {
        let mut reader = Reader::new(packet);
        let flags = reader.u8()?;
        if flags >> 6 != 2 {
            return Err(PacketError::Version);
        }
        let marker_and_type = reader.u8()?;
        let sequence_number = reader.u16()?;
        let timestamp = reader.u32()?;
        let ssrc = Ssrc(reader.u32()?);
        reader.skip(usize::from(flags & 0x0f).wrapping_mul(4))?;
        let (profile, extension) = if flags & 0x10 != 0 {
            let profile = reader.u16()?;
            let words = reader.u16()?;
            (profile, reader.take(usize::from(words).wrapping_mul(4))?)
        } else {
            (0, &[][..])
        };
        let body = reader.rest();
        let padding_len = match body {
            _ if flags & 0x20 == 0 => 0,
            [.., 0] | [] => return Err(PacketError::Padding),
            [.., count] => usize::from(*count),
        };
        let payload_len = body.len().checked_sub(padding_len);
        let payload = payload_len.and_then(|len| body.get(..len));
        Ok(Self {
            marker: marker_and_type & 0x80 != 0,
            payload_type: PayloadType::from_low_bits(marker_and_type),
            sequence_number,
            timestamp,
            ssrc,
            payload: payload.ok_or(PacketError::Padding)?,
            header_len: packet.len().saturating_sub(body.len()),
            padding_len,
            profile,
            extension,
        })
    }

    /// Every element of the header extension, of either form.
    #[must_use]
    pub const fn elements(&self) -> Elements<'a> {
        Elements::new(self.profile, self.extension)
    }

    /// The extensions that `ids` names.
    #[must_use]
    pub fn extensions(&self, ids: &ExtensionIds) -> Extensions {
        Extensions::parse(self.elements(), ids)
    }
}

/// The header of a packet to be sent: no contributing sources, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpHeader {
    /// The marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: PayloadType,
    /// Sequence number.
    pub sequence_number: u16,
    /// Timestamp in the payload's clock.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// What goes into the header extension, as far as the peer gave it an id.
    pub extensions: Extensions,
}

impl RtpHeader {
    /// The header's length, bytes.
    #[must_use]
    pub fn buffer_len(&self, ids: &ExtensionIds) -> usize {
        FIXED_HEADER_LEN.saturating_add(self.extensions.buffer_len(ids))
    }

    /// Writes the header to the front of `buf` and returns its length. Nothing is allocated.
    ///
    /// # Errors
    /// When `buf` is shorter than [`buffer_len`](Self::buffer_len).
    pub fn emit(&self, ids: &ExtensionIds, buf: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let extension_len = self.extensions.buffer_len(ids);
        let mut writer = Writer::new(buf);
        writer.u8(0x80 | if extension_len > 0 { 0x10 } else { 0 })?;
        writer.u8(self.payload_type.get() | if self.marker { 0x80 } else { 0 })?;
        writer.u16(self.sequence_number)?;
        writer.u32(self.timestamp)?;
        writer.u32(self.ssrc.0)?;
        self.extensions.emit(ids, &mut writer)?;
        Ok(writer.len())
    }
}
