//! The WebSocket protocol (RFC 6455): handshake, frames, messages; both ends.
//!
//! No extensions are offered or accepted. Messages are reassembled up to a cap; control frames may
//! stand between fragments. The client masks with four random bytes a frame (section 5.3).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};
use smolrtc_crypto::{HashAlgorithm, Provider};

mod decoder;
mod frame;

pub use decoder::{Decoder, Incoming};
pub use frame::{FrameHeader, MAX_HEADER, Opcode, encode_close, encode_frame};

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Masks what it sends and takes only unmasked frames.
    Client,
    /// The other way round.
    Server,
}

/// Why a connection must be failed (section 7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketError {
    /// Reserved bits or an unknown opcode.
    ReservedBits,
    /// A mask where none may be, or none where one must be.
    Masking,
    /// A control frame that is fragmented or longer than 125 bytes.
    BadControlFrame,
    /// A length not in its shortest form, or with the top bit set.
    BadLength,
    /// A continuation of nothing, or a new message inside another.
    BadFragmentation,
    /// The message exceeds the cap.
    TooLong,
    /// A text message that is not UTF-8.
    NotUtf8,
    /// A close frame with a body of one byte, a reserved code or a text that is not UTF-8.
    BadClose,
}

impl WebSocketError {
    /// The status code to close with (section 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::TooLong => 1009,
            Self::NotUtf8 => 1007,
            _ => 1002,
        }
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a WebSocket frame has reserved bits or an unknown opcode",
            Self::Masking => "a WebSocket frame is masked in the wrong direction",
            Self::BadControlFrame => "a WebSocket control frame is fragmented or too long",
            Self::BadLength => "a WebSocket frame's length is not in its shortest form",
            Self::BadFragmentation => "WebSocket fragments are out of place",
            Self::TooLong => "a WebSocket message is longer than allowed",
            Self::NotUtf8 => "a WebSocket text message is not UTF-8",
            Self::BadClose => "a WebSocket close frame is malformed",
        })
    }
}

impl core::error::Error for WebSocketError {}

/// `Sec-WebSocket-Key` for 16 random bytes.
#[must_use]
pub fn client_key(nonce: [u8; 16]) -> String {
    Base64::encode_string(&nonce)
}

/// Whether `key` is the base64 of 16 bytes, as a server must check.
#[must_use]
pub fn is_client_key(key: &str) -> bool {
    let mut nonce = [0; 16];
    Base64::decode(key, &mut nonce).is_ok_and(|nonce| nonce.len() == 16)
}

/// `Sec-WebSocket-Accept` for a key (section 4.2.2).
#[must_use]
pub fn accept_key(provider: &dyn Provider, key: &str) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = provider.hash(HashAlgorithm::Sha1, &[key.as_bytes(), GUID]);
    Base64::encode_string(digest.get(..20).unwrap_or(&[]))
}

/// XORs `payload` with the mask, from the payload's `offset`-th byte on.
pub(crate) fn apply_mask(mask: [u8; 4], offset: usize, payload: &mut [u8]) {
    let mask = mask.iter().cycle().skip(offset % 4);
    for (byte, mask) in payload.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// Appends one whole frame to `out`. `mask` must be `Some` with fresh random bytes on the client's
/// side, `None` on the server's.
pub fn push_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    let start = out.len();
    let header = FrameHeader {
        fin: true,
        opcode,
        mask,
        len: payload.len() as u64,
    };
    let size = header.buffer_len().saturating_add(payload.len());
    out.resize(start.saturating_add(size), 0);
    let slot = out.get_mut(start..).unwrap_or(&mut []);
    let written = encode_frame(slot, opcode, payload, mask).unwrap_or(0);
    out.truncate(start.saturating_add(written));
}

#[cfg(test)]
mod tests;
