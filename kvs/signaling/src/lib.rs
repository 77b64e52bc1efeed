//! The AWS half of KVS signaling.
//!
//! # What is here
//! * [`sigv4`]: AWS Signature Version 4, by header and by query; the signer's and the verifier's
//!   half.
//! * [`Credentials`]: static, from the environment, from the shared credentials file.
//! * [`http`]: an HTTP/1.1 codec (RFC 9112) and [`websocket`]: a WebSocket codec (RFC 6455).
//! * [`url`]: endpoints.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod credentials;
pub mod http;
pub mod sigv4;
pub mod url;
pub mod websocket;

pub use credentials::{Credentials, CredentialsError, EXPIRY_GRACE, region_from_shared_file};
