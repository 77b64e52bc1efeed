//! Source descriptions and goodbyes, RFC 3550 sections 6.5 and 6.6.

use super::RtcpError;
use crate::Ssrc;
use smolrtc_base::Reader;

const CNAME: u8 = 1;

/// A source description.
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    count: u8,
    body: &'a [u8],
}

/// What it says of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: Ssrc,
    /// Its canonical name, the same for all its streams; empty if not given.
    pub cname: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) const fn new(count: u8, body: &'a [u8]) -> Self {
        Self { count, body }
    }

    /// The sources described; the walk ends at the first chunk that is malformed.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'a>> + use<'a> {
        let mut reader = Reader::new(self.body);
        (0..self.count).map_while(move |_| chunk(&mut reader))
    }
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Option<SdesChunk<'a>> {
    let ssrc = Ssrc(reader.u32().ok()?);
    let begin = reader.len();
    let mut cname: &[u8] = &[];
    loop {
        match reader.u8().ok()? {
            0 => break,
            kind => {
                let text = reader.vec8().ok()?;
                if kind == CNAME {
                    cname = text;
                }
            }
        }
    }
    // Zeros up to the next 32-bit boundary.
    let used = begin.wrapping_sub(reader.len());
    reader
        .skip(used.next_multiple_of(4).wrapping_sub(used))
        .ok()?;
    Some(SdesChunk { ssrc, cname })
}

/// Sources that leave.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    sources: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Result<Self, RtcpError> {
        let sources = Reader::new(body).take(usize::from(count).wrapping_mul(4))?;
        Ok(Self { sources })
    }

    /// Who leaves.
    pub fn sources(&self) -> impl Iterator<Item = Ssrc> + 'a {
        let mut reader = Reader::new(self.sources);
        core::iter::from_fn(move || reader.u32().ok().map(Ssrc))
    }
}
