//! The numbers that RTP gives a meaning to, and the codecs spoken.

use core::fmt;

/// A synchronization source (RFC 3550 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssrc(pub u32);

/// An RTP payload type, 0..=127.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadType(u8);

impl PayloadType {
    /// The payload type `value`, or `None` above 127.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value < 128 { Some(Self(value)) } else { None }
    }

    /// The low seven bits of `byte`: what an RTP header's second byte holds beside the marker.
    #[must_use]
    pub const fn from_low_bits(byte: u8) -> Self {
        Self(byte & 0x7f)
    }

    /// The number, 0..=127.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Whether a codec carries sound or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// The codecs whose payload formats are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// H.264, RFC 6184, packetization mode 1.
    H264,
    /// H.265, RFC 7798.
    H265,
    /// VP8, RFC 7741.
    Vp8,
    /// Opus, RFC 7587.
    Opus,
    /// G.711 µ-law, RFC 3551 section 4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 section 4.5.14.
    Pcma,
}

impl Codec {
    /// The RTP clock, Hz. Opus always counts 48,000 whatever it samples at (RFC 7587 section 4.1).
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::H264 | Self::H265 | Self::Vp8 => 90_000,
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Whether this is sound or pictures.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::H264 | Self::H265 | Self::Vp8 => Kind::Video,
            Self::Opus | Self::Pcmu | Self::Pcma => Kind::Audio,
        }
    }

    /// The encoding name as it stands in `a=rtpmap`; compared without regard to case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Vp8 => "VP8",
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// A media section's identification tag (RFC 9143 section 15.2), at most 16 bytes.
///
/// Sixteen is what fits a one-byte header extension; browsers write one or two digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

/// Why a text is no [`Mid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MidError {
    /// It has no bytes.
    Empty,
    /// It has more than 16 bytes.
    TooLong,
}

impl fmt::Display for MidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a mid needs at least one byte",
            Self::TooLong => "a mid longer than 16 bytes does not fit its header extension",
        })
    }
}

impl core::error::Error for MidError {}

impl Mid {
    /// Longest mid, bytes.
    pub const MAX_LEN: usize = 16;

    /// A mid of these bytes.
    ///
    /// # Errors
    /// When there are none or more than 16.
    pub fn new(text: &[u8]) -> Result<Self, MidError> {
        if text.is_empty() {
            return Err(MidError::Empty);
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes
            .get_mut(..text.len())
            .ok_or(MidError::TooLong)?
            .copy_from_slice(text);
        Ok(Self {
            bytes,
            len: text.len() as u8,
        })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The text, or the empty string if it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mid({:?})", self.as_str())
    }
}
