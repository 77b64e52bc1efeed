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
        let mut reader = Reader::new(packet);
        let first = reader.u8()?;
        if first >> 6 != 2 {
            return Err(BadHeader::BadVersion);
        }
        reader.skip(1)?;
        let seq = reader.u16()?;
        reader.skip(4)?;
        let ssrc = reader.u32()?;
        reader.skip(usize::from(first & 0x0f).saturating_mul(4))?;
        if first & 0x10 != 0 {
            reader.skip(2)?;
            let words = reader.u16()?;
            reader.skip(usize::from(words).saturating_mul(4))?;
        }
        let len = packet.len().saturating_sub(reader.len());
        Ok(Self { len, seq, ssrc })
    }
}

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
