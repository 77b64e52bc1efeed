//! Negative acknowledgements (RFC 4585 section 6.2.1), full intra requests (RFC 5104 section
//! 4.3.1) and the receiver's estimated maximum bit rate (draft-alvestrand-rmcat-remb-03).

use super::RtcpError;
use crate::Ssrc;
use smolrtc_base::Reader;

/// A generic NACK.
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: Ssrc,
    /// Whose packets are missing.
    pub media: Ssrc,
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            sender: Ssrc(reader.u32()?),
            media: Ssrc(reader.u32()?),
            entries: reader.rest(),
        })
    }

    /// The missing sequence numbers, in the order given.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + 'a {
        let mut reader = Reader::new(self.entries);
        core::iter::from_fn(move || Some((reader.u16().ok()?, reader.u16().ok()?))).flat_map(
            |(first, bitmask)| {
                let following = (1..=16_u16)
                    .filter(move |bit| bitmask & (1 << bit.wrapping_sub(1)) != 0)
                    .map(move |bit| first.wrapping_add(bit));
                core::iter::once(first).chain(following)
            },
        )
    }
}

/// Full intra requests.
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: Ssrc,
    entries: &'a [u8],
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// Who shall send a key frame.
    pub ssrc: Ssrc,
    /// Counts requests: a repetition carries the same number and asks for nothing new.
    pub sequence_number: u8,
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        let mut reader = Reader::new(body);
        let sender = Ssrc(reader.u32()?);
        reader.skip(4)?; // the media source of the common header is not used
        Ok(Self {
            sender,
            entries: reader.rest(),
        })
    }

    /// The requests.
    pub fn entries(&self) -> impl Iterator<Item = FirEntry> + 'a {
        let mut reader = Reader::new(self.entries);
        core::iter::from_fn(move || {
            let ssrc = Ssrc(reader.u32().ok()?);
            let sequence_number = reader.u8().ok()?;
            reader.skip(3).ok()?;
            Some(FirEntry {
                ssrc,
                sequence_number,
            })
        })
    }
}

/// The receiver's estimated maximum bit rate.
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender: Ssrc,
    /// Bits per second; saturates.
    pub bitrate: u64,
    sources: &'a [u8],
}

pub(super) const REMB: [u8; 4] = *b"REMB";

impl<'a> Remb<'a> {
    /// `None` when it is application layer feedback of another kind.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, RtcpError> {
        let mut reader = Reader::new(body);
        let sender = Ssrc(reader.u32()?);
        reader.skip(4)?;
        if reader.array() != Ok(REMB) {
            return Ok(None);
        }
        let count = reader.u8()?;
        let packed = reader.u24()?;
        let (exponent, mantissa) = (packed >> 18, u64::from(packed & 0x3_ffff));
        let fits = exponent <= mantissa.leading_zeros();
        Ok(Some(Self {
            sender,
            bitrate: if fits {
                mantissa.checked_shl(exponent).unwrap_or(0)
            } else {
                u64::MAX
            },
            sources: reader.take(usize::from(count).wrapping_mul(4))?,
        }))
    }

    /// The streams that the estimate covers together.
    pub fn sources(&self) -> impl Iterator<Item = Ssrc> + 'a {
        let mut reader = Reader::new(self.sources);
        core::iter::from_fn(move || reader.u32().ok().map(Ssrc))
    }
}
