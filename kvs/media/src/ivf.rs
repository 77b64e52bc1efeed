//! IVF: a 32-byte header, then frames each with a 12-byte header, little-endian.

use crate::Error;
use core::{ops::Range, time::Duration};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// One frame of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IvfFrame {
    pub(crate) range: Range<usize>,
    pub(crate) pts: Duration,
    pub(crate) key: bool,
}

/// Walks over the frames of a file.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    header_len: usize,
    at: usize,
    /// Nanoseconds a tick, as a fraction.
    numerator: u64,
    denominator: u64,
}

impl Cursor {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(Error::Truncated { offset: 0 })?;
        let fourcc = array(header, 8).unwrap_or_default();
        if fourcc != *b"VP80" {
            return Err(Error::IvfCodec { fourcc });
        }
        let header_len =
            array(header, 6).map_or(HEADER, |len| usize::from(u16::from_le_bytes(len)));
        let denominator = array(header, 16).map_or(0, u32::from_le_bytes);
        let numerator = array(header, 20).map_or(0, u32::from_le_bytes);
        if denominator == 0 || numerator == 0 {
            return Err(Error::IvfTimeBase);
        }
        let header_len = header_len.max(HEADER);
        Ok(Self {
            header_len,
            at: header_len,
            numerator: u64::from(numerator),
            denominator: u64::from(denominator),
        })
    }

    pub(crate) const fn rewind(&mut self) {
        self.at = self.header_len;
    }

    /// The time of one tick: the frame interval of files that count frames.
    pub(crate) fn tick(&self) -> Duration {
        self.time(1)
    }

    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<IvfFrame>, Error> {
        let rest = bytes.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let truncated = Error::Truncated { offset: self.at };
        let size = array(rest, 0).map(u32::from_le_bytes).ok_or(truncated)?;
        let ticks = array(rest, 4).map(u64::from_le_bytes).ok_or(truncated)?;
        let begin = self.at.saturating_add(FRAME_HEADER);
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| begin.checked_add(size));
        let range = begin..end.ok_or(truncated)?;
        let data = bytes.get(range.clone()).ok_or(truncated)?;
        self.at = range.end;
        Ok(Some(IvfFrame {
            pts: self.time(ticks),
            // The lowest bit of the frame tag is clear in key frames (RFC 6386 section 9.1).
            key: data.first().is_some_and(|byte| byte & 1 == 0),
            range,
        }))
    }

    fn time(&self, ticks: u64) -> Duration {
        let nanos = u128::from(ticks)
            .saturating_mul(u128::from(self.numerator))
            .saturating_mul(1_000_000_000)
            .checked_div(u128::from(self.denominator))
            .unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Writes VP8 frames as IVF, time base 1 ms.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    width: u16,
    height: u16,
    frames: u32,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self {
            width: 0,
            height: 0,
            frames: 0,
        }
    }

    /// The header as it stands now: written first, and again over itself at the end.
    pub(crate) fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let fields: [(usize, &[u8]); 8] = [
            (0, b"DKIF"),
            (6, &32_u16.to_le_bytes()),
            (8, b"VP80"),
            (12, &self.width.to_le_bytes()),
            (14, &self.height.to_le_bytes()),
            (16, &1_000_u32.to_le_bytes()),
            (20, &1_u32.to_le_bytes()),
            (24, &self.frames.to_le_bytes()),
        ];
        for (at, field) in fields {
            if let Some(slot) = header.get_mut(at..at.saturating_add(field.len())) {
                slot.copy_from_slice(field);
            }
        }
        header
    }

    pub(crate) fn frame(&mut self, pts: Duration, data: &[u8], out: &mut alloc::vec::Vec<u8>) {
        // A key frame states its size after the start code (RFC 6386 section 9.1).
        if let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = data
            && tag & 1 == 0
            && self.width == 0
        {
            self.width = u16::from_le_bytes([*w0, *w1]) & 0x3fff;
            self.height = u16::from_le_bytes([*h0, *h1]) & 0x3fff;
        }
        self.frames = self.frames.saturating_add(1);
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(
            &u64::try_from(pts.as_millis())
                .unwrap_or(u64::MAX)
                .to_le_bytes(),
        );
        out.extend_from_slice(data);
    }
}
