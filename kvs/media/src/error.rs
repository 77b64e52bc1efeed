//! What can be wrong with a media file.

use crate::Codec;
use core::fmt;

/// Why a file was refused. Offsets are bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file is empty.
    Empty,
    /// Neither Annex B video nor IVF, Ogg or WAV.
    UnknownFormat,
    /// What was to be H.264 is not: here lies something that no NAL unit of a stream begins with.
    NotH264 {
        /// Where.
        offset: usize,
    },
    /// What was to be H.265 is not.
    NotH265 {
        /// Where.
        offset: usize,
    },
    /// The stream holds no key frame with its parameter sets, so nobody could start watching.
    NoKeyFrame,
    /// The file holds another codec than was asked for.
    WrongCodec {
        /// What it holds.
        found: Codec,
    },
    /// An IVF file with a codec other than VP8.
    IvfCodec {
        /// Its four-character code.
        fourcc: [u8; 4],
    },
    /// An IVF header without a usable time base.
    IvfTimeBase,
    /// The file ends inside a frame, page or chunk.
    Truncated {
        /// Where the unit begins.
        offset: usize,
    },
    /// No Ogg page where one must begin.
    NotOgg {
        /// Where.
        offset: usize,
    },
    /// An Ogg page whose checksum does not match.
    OggChecksum {
        /// Where the page begins.
        offset: usize,
    },
    /// An Ogg file without an Opus stream.
    NotOpus,
    /// An Opus packet that is none (RFC 6716 section 3.1), or is larger than 61,440 bytes.
    OpusPacket {
        /// Where its page begins.
        offset: usize,
    },
    /// A WAV file that we cannot play.
    Wav(WavFault),
}

/// What is wrong with a WAV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WavFault {
    /// No `WAVE` form, or no `fmt ` chunk before `data`, or no `data`.
    Structure,
    /// A format other than PCM (1), A-law (6) and µ-law (7).
    Format(u16),
    /// More than one channel.
    Channels(u16),
    /// Another rate than 8,000 Hz.
    SampleRate(u32),
    /// Other than 16 bits of PCM or 8 of G.711.
    BitsPerSample(u16),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::UnknownFormat => f.write_str(
                "neither Annex B H.264 or H.265, nor IVF, Ogg Opus or WAV; convert it with ffmpeg",
            ),
            Self::NotH264 { offset } => write!(
                f,
                "not an Annex B H.264 stream (byte {offset}); for MP4 use ffmpeg -i IN -c:v copy \
                 -bsf:v h264_mp4toannexb OUT.h264"
            ),
            Self::NotH265 { offset } => write!(
                f,
                "not an Annex B H.265 stream (byte {offset}); for MP4 use ffmpeg -i IN -c:v copy \
                 -bsf:v hevc_mp4toannexb OUT.h265"
            ),
            Self::NoKeyFrame => {
                f.write_str("the stream has no key frame with its parameter sets (SPS and PPS)")
            }
            Self::WrongCodec { found } => write!(f, "the file holds {}", found.name()),
            Self::IvfCodec { fourcc } => {
                write!(f, "IVF with codec {}, not VP8", fourcc.escape_ascii())
            }
            Self::IvfTimeBase => f.write_str("IVF header without a time base"),
            Self::Truncated { offset } => {
                write!(
                    f,
                    "the file ends inside the unit that begins at byte {offset}"
                )
            }
            Self::NotOgg { offset } => write!(f, "no Ogg page at byte {offset}"),
            Self::OggChecksum { offset } => {
                write!(f, "the Ogg page at byte {offset} has a wrong checksum")
            }
            Self::NotOpus => f.write_str("the Ogg file holds no Opus stream"),
            Self::OpusPacket { offset } => {
                write!(f, "bad Opus packet in the Ogg page at byte {offset}")
            }
            Self::Wav(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for WavFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure => f.write_str("WAV file without fmt and data chunks"),
            Self::Format(format) => write!(f, "WAV format {format}: need PCM, A-law or µ-law"),
            Self::Channels(channels) => write!(f, "WAV with {channels} channels: need 1"),
            Self::SampleRate(rate) => write!(f, "WAV at {rate} Hz: need 8000 (G.711)"),
            Self::BitsPerSample(bits) => write!(f, "WAV with {bits} bits a sample"),
        }
    }
}

impl core::error::Error for Error {}
