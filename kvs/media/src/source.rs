//! A file of frames, whatever its container.

use crate::{
    Codec, Error, Frame, H264Sps, annexb, ivf, nal_units,
    ogg::{self, Place},
    wav,
};
use core::{ops::Range, time::Duration};

/// A track of stored frames.
///
/// `B` is anything that holds the file's bytes: `&'static [u8]` in flash, `Vec<u8>`, a mapped file.
#[derive(Clone, Debug)]
pub struct Source<B> {
    bytes: B,
    codec: Codec,
    cursor: Cursor,
    duration: Duration,
    frames: u64,
    sps: Option<H264Sps>,
    /// The frame that comes next, once it has been looked at.
    ahead: Option<Item>,
}

#[derive(Clone, Debug)]
enum Cursor {
    AnnexB {
        cursor: annexb::Cursor,
        interval: Duration,
        index: u64,
    },
    Ivf(ivf::Cursor),
    Ogg(ogg::Cursor),
    Wav(wav::Cursor),
}

/// A frame that has been found.
#[derive(Clone, Debug)]
struct Item {
    pts: Duration,
    duration: Duration,
    key: bool,
    /// In the file, or in the cursor's buffer.
    place: Option<Range<usize>>,
}

/// 30 frames a second: Annex B streams that state no rate.
const DEFAULT_INTERVAL: Duration = Duration::from_nanos(33_333_333);

impl<B: AsRef<[u8]>> Source<B> {
    /// Opens a file: the container and the codec are told by its content. The whole file is read
    /// through once, so that what is wrong with it is known now.
    ///
    /// # Errors
    ///
    /// Every variant of [`Error`] but `WrongCodec`.
    pub fn open(bytes: B) -> Result<Self, Error> {
        let file = bytes.as_ref();
        let (codec, cursor) = match file.get(..4) {
            None if file.is_empty() => return Err(Error::Empty),
            Some(b"DKIF") => (Codec::Vp8, Cursor::Ivf(ivf::Cursor::open(file)?)),
            Some(b"OggS") => (Codec::Opus, Cursor::Ogg(ogg::Cursor::open(file)?)),
            Some(b"RIFF") => {
                let cursor = wav::Cursor::open(file)?;
                (cursor.codec, Cursor::Wav(cursor))
            }
            _ => {
                let codec = annexb::detect(file).ok_or(Error::UnknownFormat)?;
                (codec, Cursor::annexb(codec))
            }
        };
        Self::read_through(bytes, codec, cursor)
    }

    /// Opens an Annex B stream of which the codec is known, `H264` or `H265`, so that the error of
    /// a file that is something else says so.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::WrongCodec`] for another codec.
    pub fn open_annexb(bytes: B, codec: Codec) -> Result<Self, Error> {
        let file = bytes.as_ref();
        if file.is_empty() {
            return Err(Error::Empty);
        }
        match annexb::detect(file) {
            Some(found) if found == codec => {
                let cursor = Cursor::annexb(codec);
                Self::read_through(bytes, codec, cursor)
            }
            Some(found) => Err(Error::WrongCodec { found }),
            None if codec == Codec::H265 => Err(Error::NotH265 { offset: 0 }),
            None => Err(Error::NotH264 { offset: 0 }),
        }
    }

    /// Walks through the file once: counts frames and finds every fault.
    fn read_through(bytes: B, codec: Codec, cursor: Cursor) -> Result<Self, Error> {
        let mut source = Self {
            bytes,
            codec,
            cursor,
            duration: Duration::ZERO,
            frames: 0,
            sps: None,
            ahead: None,
        };
        let mut keys = false;
        while let Some(item) = source.cursor.next(source.bytes.as_ref())? {
            source.frames = source.frames.saturating_add(1);
            source.duration = source.duration.max(item.pts.saturating_add(item.duration));
            if codec == Codec::H264 && source.sps.is_none() {
                let frame = item
                    .place
                    .and_then(|range| source.bytes.as_ref().get(range));
                source.sps = nal_units(frame.unwrap_or_default()).find_map(H264Sps::parse);
            }
            // A key frame before the first parameter set cannot be decoded either.
            keys |= item.key && (codec != Codec::H264 || source.sps.is_some());
        }
        if let (Some(stated), Cursor::AnnexB { interval, .. }) = (
            source.sps.and_then(|sps| sps.frame_interval),
            &mut source.cursor,
        ) {
            *interval = stated;
        }
        if source.frames == 0 {
            return Err(Error::Empty);
        }
        if !keys {
            return Err(Error::NoKeyFrame);
        }
        if let Cursor::Wav(cursor) = &source.cursor {
            source.duration = cursor.duration();
        }
        if let Cursor::AnnexB { interval, .. } = &source.cursor {
            source.duration = annexb_pts(source.frames, *interval);
        }
        source.rewind();
        Ok(source)
    }

    /// Plays an Annex B stream at another rate than it states (or than 30 when it states none).
    /// Other containers carry their own times and ignore this.
    #[must_use]
    pub fn with_frame_rate(mut self, frames_per_second: u32) -> Self {
        if let (Some(nanos), Cursor::AnnexB { interval, .. }) = (
            1_000_000_000_u64.checked_div(u64::from(frames_per_second)),
            &mut self.cursor,
        ) {
            *interval = Duration::from_nanos(nanos);
            self.duration = annexb_pts(self.frames, *interval);
        }
        self
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// How long it lasts, last frame included.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }

    /// Frames in all.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// What the first SPS says, of H.264.
    #[must_use]
    pub const fn sps(&self) -> Option<H264Sps> {
        self.sps
    }

    /// Time between frames of constant-rate video; `None` for audio.
    #[must_use]
    pub fn frame_interval(&self) -> Option<Duration> {
        match &self.cursor {
            Cursor::AnnexB { interval, .. } => Some(*interval),
            Cursor::Ivf(cursor) => Some(cursor.tick()),
            Cursor::Ogg(_) | Cursor::Wav(_) => None,
        }
    }

    /// Starts over.
    pub fn rewind(&mut self) {
        self.ahead = None;
        match &mut self.cursor {
            Cursor::AnnexB { cursor, index, .. } => {
                cursor.rewind();
                *index = 0;
            }
            Cursor::Ivf(cursor) => cursor.rewind(),
            Cursor::Ogg(cursor) => cursor.rewind(),
            Cursor::Wav(cursor) => cursor.rewind(),
        }
    }

    /// The time of the next frame; `None` at the end. Faults cannot occur any more: the file was
    /// read through when it was opened.
    pub fn next_pts(&mut self) -> Option<Duration> {
        if self.ahead.is_none() {
            self.ahead = self.cursor.next(self.bytes.as_ref()).ok().flatten();
        }
        self.ahead.as_ref().map(|item| item.pts)
    }

    /// The next frame; `None` at the end.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        self.next_pts()?;
        let item = self.ahead.take()?;
        let file = self.bytes.as_ref();
        let data = match (item.place, &self.cursor) {
            (Some(range), _) => file.get(range)?,
            (None, Cursor::Ogg(cursor)) => cursor.bytes(file, &Place::Buffer),
            (None, Cursor::Wav(cursor)) => cursor.buffer(),
            (None, _) => return None,
        };
        Some(Frame {
            codec: self.codec,
            pts: item.pts,
            duration: item.duration,
            key: item.key,
            data,
        })
    }
}

impl Cursor {
    const fn annexb(codec: Codec) -> Self {
        Self::AnnexB {
            cursor: annexb::Cursor::new(codec),
            interval: DEFAULT_INTERVAL,
            index: 0,
        }
    }

    fn next(&mut self, bytes: &[u8]) -> Result<Option<Item>, Error> {
        Ok(match self {
            Self::AnnexB {
                cursor,
                interval,
                index,
            } => cursor.next(bytes)?.map(|unit| {
                let pts = annexb_pts(*index, *interval);
                *index = index.saturating_add(1);
                Item {
                    pts,
                    duration: *interval,
                    key: unit.key,
                    place: Some(unit.range),
                }
            }),
            Self::Ivf(cursor) => cursor.next(bytes)?.map(|frame| Item {
                pts: frame.pts,
                duration: cursor.tick(),
                key: frame.key,
                place: Some(frame.range),
            }),
            Self::Ogg(cursor) => cursor.next(bytes)?.map(|packet| Item {
                pts: packet.pts,
                duration: packet.duration,
                key: true,
                place: match packet.place {
                    Place::File(range) => Some(range),
                    Place::Buffer => None,
                },
            }),
            Self::Wav(cursor) => cursor.next(bytes).map(|(pts, duration, place)| Item {
                pts,
                duration,
                key: true,
                place,
            }),
        })
    }
}

/// The time of frame `index`, without the rounding of the interval adding up: rates are
/// whole numbers of frames a second or of frames per 1.001 s, to which the interval is snapped.
fn annexb_pts(index: u64, interval: Duration) -> Duration {
    let nanos = u64::try_from(interval.as_nanos())
        .unwrap_or(u64::MAX)
        .max(1);
    for second in [1_000_000_000_u64, 1_001_000_000] {
        let rate = second
            .saturating_add(nanos / 2)
            .checked_div(nanos)
            .unwrap_or(0)
            .max(1);
        let exact = second.checked_div(rate).unwrap_or(0);
        if exact.abs_diff(nanos) <= 1 {
            let at = u128::from(index).saturating_mul(u128::from(second));
            let at = at.checked_div(u128::from(rate)).unwrap_or(0);
            return Duration::from_nanos(u64::try_from(at).unwrap_or(u64::MAX));
        }
    }
    Duration::from_nanos(index.saturating_mul(nanos))
}

#[cfg(test)]
mod tests;
