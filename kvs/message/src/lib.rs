//! KVS signaling messages: all that camera and link need to know of signaling.
//!
//! **Implemented**: the WebSocket messages of a KVS signaling channel in the shapes of both official
//! SDKs (the JS SDK begins its keys with a lower-case letter, the C SDK with a capital one), both
//! directions, so that master, viewer and service share one codec; the base64 payloads with their
//! SDP and candidate JSON; ICE-server records; the [`Signaling`] trait.
//!
//! **Left out**: anything that knows of AWS (endpoints, signatures, connections) lives in
//! `kvs-signaling`; Alexa offers.
//!
//! Values own their text. A message costs at most [`Limits::signaling_message_bytes`] twice (JSON
//! and decoded payload) while it is read. Messages of unknown types are kept as
//! [`Body::Unknown`], never an error.
//!
//! [`Limits::signaling_message_bytes`]: smolrtc_base::Limits
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod body;
mod error;
mod id;
mod server;
mod signaling;
mod wire;

pub use body::{Body, Candidate, StatusResponse};
pub use error::Error;
pub use id::ClientId;
pub use server::IceServer;
pub use signaling::{Inbound, Outbound, Signaling};
pub use wire::{KeyCase, decode_payload};
