//! STUN message codec.
//!
//! Implemented: RFC 8489 message structure (section 5), the attributes of section 14 that carry
//! meaning today, MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 over the received bytes,
//! FINGERPRINT, short-term keys and long-term keys from MD5 and SHA-256 (section 9.2.2); the ICE
//! attributes of RFC 8445 section 16.1; the TURN attributes of RFC 8656 section 18.
//!
//! Left out: the classic STUN of RFC 3489 (no magic cookie), TLS and DTLS transport, the nonce
//! cookie's security feature bits, and SASLprep: passwords are taken as prepared, which for ASCII
//! they always are.
//!
//! [`Message`] is a view of a received datagram that was checked once, so that no accessor can
//! fail on lengths. [`Builder`] writes into the caller's buffer. Nothing here allocates but [`Key`],
//! which sets up its HMAC once.
//!
//! ```
//! use smolrtc_stun::{Builder, Class, Message, Method, TransactionId};
//!
//! let mut buf = [0; 64];
//! let mut request = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([7; 12]))?;
//! request.priority(1)?;
//! request.fingerprint()?;
//! let len = request.finish();
//!
//! let message = Message::parse(&buf[..len]).unwrap();
//! assert_eq!(message.priority(), Some(1));
//! assert_eq!(message.check_fingerprint(), Ok(()));
//! # Ok::<(), smolrtc_base::BufferTooSmall>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod address;
mod attributes;
mod builder;
mod error_code;
mod fingerprint;
mod header;
mod key;
mod message;

pub use attributes::{AddressFamily, Attribute, AttributeType, Attributes, ErrorCode};
pub use builder::Builder;
pub use error_code::{Code, write_error_response};
pub use fingerprint::{CheckError, crc32};
pub use header::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, is_stun};
pub use key::Key;
pub use message::{Message, ParseError};

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test may overflow, and fail"
)]
mod tests;
