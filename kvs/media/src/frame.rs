//! Frames.

use core::time::Duration;

/// The codec of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264, frames in Annex B form.
    H264,
    /// H.265, frames in Annex B form.
    H265,
    /// VP8.
    Vp8,
    /// Opus, one packet a frame.
    Opus,
    /// G.711 µ-law, 8 kHz mono.
    Pcmu,
    /// G.711 A-law, 8 kHz mono.
    Pcma,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

impl Codec {
    /// Audio or video.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::H264 | Self::H265 | Self::Vp8 => Kind::Video,
            Self::Opus | Self::Pcmu | Self::Pcma => Kind::Audio,
        }
    }

    /// A name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Vp8 => "VP8",
            Self::Opus => "Opus",
            Self::Pcmu => "G.711 µ-law",
            Self::Pcma => "G.711 A-law",
        }
    }
}

/// One access unit of video or one packet of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The codec.
    pub codec: Codec,
    /// Presentation time, from the start of the stream.
    pub pts: Duration,
    /// How long it lasts.
    pub duration: Duration,
    /// Decodable without earlier frames. Always true of audio.
    pub key: bool,
    /// The bytes. H.264 and H.265 with start codes, as [`nal_units`](crate::nal_units) reads them.
    pub data: &'a [u8],
}
