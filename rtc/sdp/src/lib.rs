//! Session descriptions and offer/answer for a WebRTC peer.
//!
//! **Implemented**: SDP (RFC 8866) as WebRTC writes it (RFC 8829), the offer/answer model
//! (RFC 3264), BUNDLE and mid (RFC 9143), ICE attributes and trickle (RFC 8839, 8840), certificate
//! fingerprints and DTLS roles (RFC 8122, 8842), data-channel sections (RFC 8841, and the older
//! `sctpmap` form on receipt), header extensions (RFC 8285), RTX (RFC 4588), rtcp-mux (RFC 5761),
//! the payload parameters of H.264 (RFC 6184), H.265 (RFC 7798), Opus (RFC 7587).
//!
//! **Left out**: simulcast, transports without BUNDLE (a section outside the bundle is rejected unless
//! it is the only one), separate RTCP ports, SDES keys, FEC, header encryption.
//!
//! [`SessionDescription::parse`] reads one line at a time and stores only what it knows, so the
//! cost of a hostile description is bounded by [`Limits::sdp_bytes`](smolrtc_base::Limits),
//! `sdp_sections` and `sdp_attributes`; what is over a limit is refused by a typed error that names
//! the limit and the line. Lines it does not know are ignored. [`negotiate`] makes answers and
//! offers; it keeps no state: descriptions and capabilities go in, text and a [`negotiate::Negotiated`]
//! come out.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod codec;
mod description;
mod emit;
mod error;
pub mod negotiate;
mod parse;

pub use codec::{Codec, PacketizationMode, ProfileLevelId};
pub use description::{
    Direction, Extension, ExtensionIds, ExtensionMap, Feedback, Fingerprint, Group, HashFunction,
    IceCredentials, Kind, Media, Payload, RemoteStream, Sctp, SessionDescription, Setup, Transport,
};
pub use error::{Error, LimitName, Malformed};
