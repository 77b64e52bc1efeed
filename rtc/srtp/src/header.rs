//! As much of RTP and RTCP headers as SRTP must know.

use smolrtc_base::{Reader, Truncated};

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    TooShort,
    BadVersion,
}

impl From<Truncated> for BadHeader {
    fn from(_: Truncated) -> Self {
        Self::TooShort
    }
}

/// Where the encrypted portion of an RTP packet begins, and what goes into its nonce
/// (RFC 3550 sections 5.1 and 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    /// Header with CSRCs and extension, bytes; none of it is encrypted.
    pub(crate) len: usize,
    pub(crate) seq: u16,
    pub(crate) ssrc: u32,
}

impl RtpHeader {
    #[inline]
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, BadHeader> {
        // Every packet passes here, so the fixed part is read in one step.
        let Some((fixed, rest)) = packet.split_first_chunk::<FIXED_LEN>() else {
            return match packet {
                [first, ..] if first >> 6 != 2 => Err(BadHeader::BadVersion),
                _ => Err(BadHeader::TooShort),
            };
        };
        let [first, _, s0, s1, _, _, _, _, a, b, c, d] = *fixed;
        if first >> 6 != 2 {
            return Err(BadHeader::BadVersion);
        }
        let mut len = FIXED_LEN;
        if first & 0x1f != 0 {
            let mut reader = Reader::new(rest);
            reader.skip(usize::from(first & 0x0f).saturating_mul(4))?;
            if first & 0x10 != 0 {
                reader.skip(2)?;
                let words = reader.u16()?;
                reader.skip(usize::from(words).saturating_mul(4))?;
            }
            len = packet.len().saturating_sub(reader.len());
        }
        Ok(Self {
            len,
            seq: u16::from_be_bytes([s0, s1]),
            ssrc: u32::from_be_bytes([a, b, c, d]),
        })
    }
}

/// Bytes before CSRCs and extension.
const FIXED_LEN: usize = 12;

/// The part of an RTCP packet that stays in the clear: the first 8 bytes (RFC 3711 section 3.4).
pub(crate) const RTCP_HEADER_LEN: usize = 8;

/// The SSRC of the first packet of a compound.
#[inline]
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, BadHeader> {
    let mut reader = Reader::new(packet);
    if reader.u8()? >> 6 != 2 {
        return Err(BadHeader::BadVersion);
    }
    reader.skip(3)?;
    Ok(reader.u32()?)
}
