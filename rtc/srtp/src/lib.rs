//! SRTP and SRTCP as WebRTC uses them.
//!
//! Implements RFC 3711 (packet index, replay protection, key derivation, AES-CM with HMAC-SHA1),
//! RFC 6188 (the AES-256 key derivation) and RFC 7714 (AEAD_AES_128_GCM, AEAD_AES_256_GCM), for
//! the profiles that DTLS-SRTP negotiates (RFC 5764 section 4.1.2, RFC 7714 section 14.2). Left
//! out on purpose: MKI, re-keying and a key derivation rate other than 0 (DTLS-SRTP makes new
//! keys instead), NULL encryption, F8, AES-192, encrypted header extensions (RFC 6904).
//!
//! A session holds one [`Sender`] and one [`Receiver`], each with the keys of its direction
//! ([`Profile::split_exported`]). Packets are protected and opened in place, in the caller's
//! buffer; there is no clock. Keyed objects are built once; a packet allocates nothing, and a
//! source takes its few bytes when its first packet passes.
//!
//! Three promises:
//!
//! * **No (key, nonce) pair protects two inputs.** The sender refuses an index that is not above
//!   every earlier one of its source. A byte-identical resend goes through
//!   [`Sender::resend_rtp`], under AES-CM only, and is checked, not believed.
//! * **Rollover count and replay window move only after authentication**, and survive the
//!   displacement of a source: a displaced source that returns may only continue upwards.
//! * **A failed open leaves no plaintext** in the buffer.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod error;
mod header;
mod keys;
mod profile;
mod receiver;
mod replay;
mod sender;
mod sources;

pub use error::{DropReason, Drops, SrtpError};
pub use profile::{Exported, Profile};
pub use receiver::{Receiver, Unprotected};
pub use sender::Sender;

/// The master key and salt of one direction are too short for more packets than this of one
/// source: 2⁴⁸ SRTP packets (RFC 3711 section 9.2).
const INDEX_END: u64 = 1 << 48;
/// 2³¹ SRTCP packets (RFC 3711 section 9.2).
const RTCP_INDEX_END: u32 = 1 << 31;

#[cfg(test)]
mod tests;
