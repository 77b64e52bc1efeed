//! Messages of the Data Channel Establishment Protocol (RFC 8832 section 5).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use smolrtc_base::{BufferTooSmall, Duration, Reader, Truncated, Writer};

use crate::Reliability;

const ACK: u8 = 0x02;
const OPEN: u8 = 0x03;

/// Priority "normal" (RFC 8831 section 6.4), written into every OPEN of ours.
const NORMAL: u16 = 256;

/// Longest label or protocol accepted, bytes. The wire format allows 65,535.
pub(crate) const NAME_MAX: usize = 255;

/// Why a DCEP message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadDcep {
    Truncated,
    UnknownType,
    UnknownChannelType,
    NameTooLong,
    NotUtf8,
}

impl From<Truncated> for BadDcep {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// A DCEP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dcep<'a> {
    Ack,
    Open(Open<'a>),
}

/// DATA_CHANNEL_OPEN. The priority is read and ignored: all channels of a session share one
/// round robin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open<'a> {
    pub(crate) ordered: bool,
    pub(crate) reliability: Reliability,
    pub(crate) label: &'a str,
    pub(crate) protocol: &'a str,
}

impl<'a> Dcep<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadDcep> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            ACK => Ok(Self::Ack),
            OPEN => Open::parse(reader).map(Self::Open),
            _ => Err(BadDcep::UnknownType),
        }
    }
}

impl<'a> Open<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self, BadDcep> {
        let channel_type = reader.u8()?;
        reader.skip(2)?;
        let parameter = reader.u32()?;
        let (label_len, protocol_len) = (reader.u16()?, reader.u16()?);
        let reliability = match channel_type & 0x7f {
            0 => Reliability::Reliable,
            // No one waits for 65,535 retransmissions; a larger count means the same.
            1 => Reliability::MaxRetransmits(u16::try_from(parameter).unwrap_or(u16::MAX)),
            2 => Reliability::MaxLifetime(Duration::from_millis(u64::from(parameter))),
            _ => return Err(BadDcep::UnknownChannelType),
        };
        Ok(Self {
            ordered: channel_type & 0x80 == 0,
            reliability,
            label: name(&mut reader, label_len)?,
            protocol: name(&mut reader, protocol_len)?,
        })
    }

    pub(crate) const fn buffer_len(&self) -> usize {
        12_usize
            .saturating_add(self.label.len())
            .saturating_add(self.protocol.len())
    }

    pub(crate) fn emit(&self, buf: &mut [u8]) -> Result<(), BufferTooSmall> {
        let (channel_type, parameter) = match self.reliability {
            Reliability::Reliable => (0, 0),
            Reliability::MaxRetransmits(count) => (1, u32::from(count)),
            Reliability::MaxLifetime(time) => {
                (2, u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
            }
        };
        let len = |name: &str| u16::try_from(name.len()).map_err(|_| BufferTooSmall);
        let mut writer = Writer::new(buf);
        writer.u8(OPEN)?;
        writer.u8(channel_type | if self.ordered { 0 } else { 0x80 })?;
        writer.u16(NORMAL)?;
        writer.u32(parameter)?;
        writer.u16(len(self.label)?)?;
        writer.u16(len(self.protocol)?)?;
        writer.put(self.label.as_bytes())?;
        writer.put(self.protocol.as_bytes())
    }
}

/// DATA_CHANNEL_ACK.
pub(crate) const ACK_MESSAGE: [u8; 1] = [ACK];

fn name<'a>(reader: &mut Reader<'a>, len: u16) -> Result<&'a str, BadDcep> {
    let len = usize::from(len);
    if len > NAME_MAX {
        return Err(BadDcep::NameTooLong);
    }
    core::str::from_utf8(reader.take(len)?).map_err(|_| BadDcep::NotUtf8)
}

#[cfg(test)]
mod tests;
