//! RTP, RTCP, payload formats, the history ring, pacing and feedback.
//!
//! Implemented: RTP and RTCP (RFC 3550), the audio-visual profile's static payload types
//! (RFC 3551) and its feedback messages (RFC 4585, 5104, REMB, transport-wide congestion
//! control), reduced-size RTCP (RFC 5506), header extensions (RFC 8285) with mid, abs-send-time,
//! transport-wide sequence number and stream ids (RFC 8852), retransmission (RFC 4588), the
//! routing rules of BUNDLE (RFC 9143 section 9.2), and the payload formats of H.264 (RFC 6184,
//! packetization mode 1), H.265 (RFC 7798), VP8 (RFC 7741), Opus (RFC 7587) and G.711.
//!
//! Deliberately left out: RED, FEC, interleaved H.264 (mode 2), H.265 with DONL fields, layered
//! coding beyond what thinning needs, extended reports (read over), encrypted header extensions.
//!
//! Encryption is elsewhere: what [`receive`] is given was opened by SRTP, what [`send`] writes is
//! about to be sealed. Time is handed in, buffers are the caller's, and nothing allocates once
//! the streams are set up. What is kept is bounded by [`Limits`](smolrtc_base::Limits): a sent
//! track costs `video_history_bytes` or `audio_history_bytes` once, whatever the number of
//! viewers; a received stream costs `receive_bytes` twice over (packets under reordering, and the
//! frame under reassembly) plus some 48 bytes for each of `receive_packets`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod formats;
pub mod history;
pub mod packet;
pub mod receive;
pub mod rtcp;
pub mod send;

mod types;

pub use types::{Codec, Kind, Mid, MidError, PayloadType, Ssrc};
