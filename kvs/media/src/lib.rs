//! Frames, and the files that hold them.
//!
//! **Implemented**: Annex B H.264 and H.265 (ITU-T H.264 annex B and section 7.4.1.2.3, H.265 annex B
//! and section 7.4.2.4.4), IVF with VP8, Ogg Opus (RFC 3533, RFC 7845), WAV with G.711 or 16-bit PCM;
//! G.711 itself; a [`Player`] that loops audio and video in step; a [`Recorder`].
//!
//! **Left out**: MP4; resampling (WAV must be 8 kHz, G.711's rate); chained and multiplexed Ogg (the
//! first Opus stream is read, pages of others are passed over).
//!
//! A [`Source`] works on bytes that lie in memory (flash on a chip, a file read or mapped on Linux)
//! and lends frames that point into them; only Ogg packets that span pages and PCM are copied, into
//! one buffer that is reused. There is no clock: [`Player::next_frame`] is told the time.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod annexb;
mod error;
mod frame;
pub mod g711;
mod ivf;
mod ogg;
mod player;
mod record;
mod source;
mod sps;
mod wav;

pub use annexb::{NalUnits, is_key_h264, is_key_h265, nal_units};
pub use error::{Error, WavFault};
pub use frame::{Codec, Frame, Kind};
pub use ogg::packet_duration as opus_packet_duration;
pub use player::Player;
pub use record::Recorder;
pub use source::Source;
pub use sps::H264Sps;
