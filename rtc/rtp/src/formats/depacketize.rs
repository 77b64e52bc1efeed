//! Puts a frame together again from the payloads of its packets.

use super::{h264, h265, vp8};
use crate::Codec;
use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::fmt;
use smolrtc_base::Truncated;

/// Why a payload, and with it its frame, is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DepacketizeError {
    /// The payload ends before a field or length it announces.
    Truncated,
    /// A fragment continues a unit whose beginning did not come.
    FragmentWithoutStart,
    /// A unit's fragments end without the last one.
    FragmentUnfinished,
    /// A fragment belongs to another unit than the one under way.
    FragmentMismatch,
    /// A packet type of another packetization mode, or a reserved one.
    UnsupportedType,
    /// The frame does not fit the buffer.
    FrameTooLong,
}

impl fmt::Display for DepacketizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the payload is shorter than it announces",
            Self::FragmentWithoutStart => "the fragment's unit has no beginning",
            Self::FragmentUnfinished => "the fragments before have no end",
            Self::FragmentMismatch => "the fragment belongs to another unit",
            Self::UnsupportedType => "the payload's packet type is not supported",
            Self::FrameTooLong => "the frame is longer than its buffer",
        })
    }
}

impl core::error::Error for DepacketizeError {}

impl From<Truncated> for DepacketizeError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// A frame under assembly: a buffer that is reserved once and never grows.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    limit: usize,
}

impl FrameBuffer {
    /// A buffer for frames of at most `limit` bytes.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn with_limit(limit: usize) -> Result<Self, TryReserveError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(limit)?;
        Ok(Self { bytes, limit })
    }

    /// What was put together so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the content, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), DepacketizeError> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(DepacketizeError::FrameTooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Begins a NAL unit with a four-byte start code.
    pub(super) fn put_start_code(&mut self) -> Result<(), DepacketizeError> {
        self.put(&[0, 0, 0, 1])
    }
}

/// Puts the frames of one stream together, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Depacketizer {
    codec: Codec,
    /// NAL unit type whose fragments are coming in.
    open: Option<u8>,
    /// Whether a payload of the frame was taken.
    begun: bool,
    key: bool,
}

impl Depacketizer {
    /// A depacketizer at the beginning of a frame.
    #[must_use]
    pub const fn new(codec: Codec) -> Self {
        Self {
            codec,
            open: None,
            begun: false,
            key: false,
        }
    }

    /// The codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends the next payload of the frame to `frame`. Payloads must come in sequence and
    /// without gap.
    ///
    /// # Errors
    /// The frame is lost: clear `frame`, make a new depacketizer, and go on with the next frame.
    pub fn push(
        &mut self,
        payload: &[u8],
        frame: &mut FrameBuffer,
    ) -> Result<(), DepacketizeError> {
        match self.codec {
            Codec::H264 => {
                let mut units = Units::new(&mut self.open, &mut self.key, frame);
                h264::push(payload, &mut units)?;
            }
            Codec::H265 => {
                let mut units = Units::new(&mut self.open, &mut self.key, frame);
                h265::push(payload, &mut units)?;
            }
            Codec::Vp8 => {
                let part = vp8::Payload::parse(payload)?;
                match (self.begun, part.starts_frame) {
                    (false, false) => return Err(DepacketizeError::FragmentWithoutStart),
                    (true, true) => return Err(DepacketizeError::FragmentMismatch),
                    (false, true) => self.key = part.key,
                    (true, false) => {}
                }
                frame.put(part.data)?;
            }
            Codec::Opus | Codec::Pcmu | Codec::Pcma => {
                if payload.is_empty() {
                    return Err(DepacketizeError::Truncated);
                }
                if self.begun {
                    return Err(DepacketizeError::FragmentMismatch);
                }
                self.key = true;
                frame.put(payload)?;
            }
        }
        self.begun = true;
        Ok(())
    }

    /// Ends the frame and stands at the beginning of the next. Returns whether it was a key
    /// frame.
    ///
    /// # Errors
    /// When the frame is not whole.
    pub fn finish(&mut self) -> Result<bool, DepacketizeError> {
        let done = core::mem::replace(self, Self::new(self.codec));
        match (done.begun, done.open) {
            (false, _) => Err(DepacketizeError::Truncated),
            (_, Some(_)) => Err(DepacketizeError::FragmentUnfinished),
            (true, None) => Ok(done.key),
        }
    }
}

/// Whether the payload is for sure the first of a frame, nothing of use before it: what follows a
/// gap can be trusted only from such a payload on.
///
/// A slice of a key frame is not: the parameter sets that belong before it may lie in the gap.
#[must_use]
pub fn begins_frame(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::H264 => h264::first_unit(payload).is_some_and(h264::begins_frame),
        Codec::H265 => h265::first_unit(payload).is_some_and(h265::begins_frame),
        Codec::Vp8 => vp8::Payload::parse(payload).is_ok_and(|part| part.starts_frame),
        Codec::Opus | Codec::Pcmu | Codec::Pcma => true,
    }
}

/// Whether the payload is one that a stream usually begins with: parameter sets, or what stands
/// before them; the beginning of a VP8 key frame; any audio.
#[must_use]
pub fn begins_sequence(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::H264 => h264::first_unit(payload).is_some_and(|(kind, _)| matches!(kind, 6 | 7 | 9)),
        Codec::H265 => {
            h265::first_unit(payload).is_some_and(|(kind, _)| matches!(kind, 32 | 33 | 35 | 39))
        }
        Codec::Vp8 => vp8::Payload::parse(payload).is_ok_and(|part| part.key),
        Codec::Opus | Codec::Pcmu | Codec::Pcma => true,
    }
}

/// Writes NAL units, whole or in fragments, and watches over their order.
pub(super) struct Units<'a> {
    open: &'a mut Option<u8>,
    pub(super) key: &'a mut bool,
    frame: &'a mut FrameBuffer,
}

impl<'a> Units<'a> {
    const fn new(open: &'a mut Option<u8>, key: &'a mut bool, frame: &'a mut FrameBuffer) -> Self {
        Self { open, key, frame }
    }

    /// A unit that came in one piece.
    pub(super) fn whole(&mut self, unit: &[u8]) -> Result<(), DepacketizeError> {
        if self.open.is_some() {
            return Err(DepacketizeError::FragmentUnfinished);
        }
        self.frame.put_start_code()?;
        self.frame.put(unit)
    }

    /// A fragment of the unit of type `kind`, whose header is written before the first one.
    pub(super) fn fragment(
        &mut self,
        kind: u8,
        header: &[u8],
        (start, end): (bool, bool),
        data: &[u8],
    ) -> Result<(), DepacketizeError> {
        match (*self.open, start) {
            (None, false) => return Err(DepacketizeError::FragmentWithoutStart),
            (Some(_), true) => return Err(DepacketizeError::FragmentUnfinished),
            (Some(open), false) if open != kind => return Err(DepacketizeError::FragmentMismatch),
            (Some(_), false) => {}
            (None, true) => {
                self.frame.put_start_code()?;
                self.frame.put(header)?;
            }
        }
        self.frame.put(data)?;
        *self.open = if end { None } else { Some(kind) };
        Ok(())
    }
}
