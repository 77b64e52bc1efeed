//! Frames (section 5.2).

use smolrtc_base::{BufferTooSmall, Reader, Truncated, Writer};

use super::{Side, WebSocketError, apply_mask};

/// Longest header: two bytes, eight of length, four of mask.
pub const MAX_HEADER: usize = 14;

/// Meaning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message begun before.
    Continuation,
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// The connection ends.
    Close,
    /// To be answered by a pong with the same payload.
    Ping,
    /// Answer to a ping, or a sign of life.
    Pong,
}

impl Opcode {
    const fn code(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Close, ping or pong.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.code() >= 8
    }
}

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Last frame of its message.
    pub fin: bool,
    /// Meaning.
    pub opcode: Opcode,
    /// Mask of the payload.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload, bytes.
    pub len: u64,
}

/// What stands in the way of a header.
pub(super) enum HeaderError {
    Incomplete,
    Invalid(WebSocketError),
}

impl From<Truncated> for HeaderError {
    fn from(_: Truncated) -> Self {
        Self::Incomplete
    }
}

impl From<WebSocketError> for HeaderError {
    fn from(error: WebSocketError) -> Self {
        Self::Invalid(error)
    }
}

impl FrameHeader {
    /// Reads a header as `side` receives it.
    pub(super) fn parse(reader: &mut Reader<'_>, side: Side) -> Result<Self, HeaderError> {
        let first = reader.u8()?;
        if first & 0x70 != 0 {
            return Err(WebSocketError::ReservedBits.into());
        }
        let opcode = Opcode::from_code(first & 15).ok_or(WebSocketError::ReservedBits)?;
        let fin = first & 0x80 != 0;
        let second = reader.u8()?;
        let masked = second & 0x80 != 0;
        if masked != (side == Side::Server) {
            return Err(WebSocketError::Masking.into());
        }
        if opcode.is_control() && (!fin || second & 0x7f > 125) {
            return Err(WebSocketError::BadControlFrame.into());
        }
        let len = match second & 0x7f {
            126 => match reader.u16()? {
                0..126 => return Err(WebSocketError::BadLength.into()),
                len => u64::from(len),
            },
            127 => match reader.u64()? {
                0..0x1_0000 | 0x8000_0000_0000_0000.. => {
                    return Err(WebSocketError::BadLength.into());
                }
                len => len,
            },
            len => u64::from(len),
        };
        let mask = if masked { Some(reader.array()?) } else { None };
        Ok(Self {
            fin,
            opcode,
            mask,
            len,
        })
    }

    /// Bytes that [`FrameHeader::emit`] writes.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        let length = match self.len {
            0..126 => 2,
            126..0x1_0000 => 4,
            _ => 10,
        };
        let mask: usize = if self.mask.is_some() { 4 } else { 0 };
        mask.saturating_add(length)
    }

    /// Writes the header.
    ///
    /// # Errors
    /// [`BufferTooSmall`].
    pub fn emit(&self, writer: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        writer.u8(if self.fin { 0x80 } else { 0 } | self.opcode.code())?;
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len), _) if len < 126 => writer.u8(mask_bit | len)?,
            (_, Ok(len)) => {
                writer.u8(mask_bit | 126)?;
                writer.u16(len)?;
            }
            _ => {
                writer.u8(mask_bit | 127)?;
                writer.u64(self.len)?;
            }
        }
        match self.mask {
            Some(mask) => writer.put(&mask),
            None => Ok(()),
        }
    }
}

/// Writes one unfragmented frame and returns its length.
///
/// # Errors
/// [`BufferTooSmall`].
pub fn encode_frame(
    buf: &mut [u8],
    opcode: Opcode,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) -> Result<usize, BufferTooSmall> {
    let mut writer = Writer::new(buf);
    FrameHeader {
        fin: true,
        opcode,
        mask,
        len: payload.len() as u64,
    }
    .emit(&mut writer)?;
    let body = writer.reserve(payload.len())?;
    body.copy_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(mask, 0, body);
    }
    Ok(writer.len())
}

/// Writes a close frame with a status code and returns its length.
///
/// # Errors
/// [`BufferTooSmall`].
pub fn encode_close(
    buf: &mut [u8],
    code: u16,
    mask: Option<[u8; 4]>,
) -> Result<usize, BufferTooSmall> {
    encode_frame(buf, Opcode::Close, &code.to_be_bytes(), mask)
}
