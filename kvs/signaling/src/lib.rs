//! The AWS half of KVS signaling.
//!
//! # What is here
//! * [`Client`]: master or viewer of a channel: describes or creates the channel, gets endpoints and
//!   ICE servers, keeps a signed WebSocket open, replaces it before the service ends it and never
//!   gives up. [`Call`]: one control-plane
//!   command for a command line.
//! * [`sigv4`]: AWS Signature Version 4, by header and by query; the signer's and the verifier's
//!   half. [`presigned_url`] lets a browser in without giving it a key.
//! * [`Credentials`]: static, from the environment, from the shared credentials file, from a
//!   callback, from [`IotCore`]; renewed before they end. [`Store`]: what outlives a client.
//!   [`Hooks`]: around every call.
//! * [`control`]: the control plane's calls and errors; [`http`]: an HTTP/1.1 codec (RFC 9112);
//!   [`websocket`]: a WebSocket codec (RFC 6455); [`url`]: endpoints.
//!
//! # What is left out
//! Full-mesh channels; storage sessions beyond their calls; HTTP redirects and proxies; WebSocket
//! extensions.
//!
//! # Who owns what
//! Nothing here opens a stream, resolves a name, does TLS or reads a clock: the driver does, as
//! events ask. Time and random numbers are handed in. Signing costs 13 SHA-256 blocks and one
//! allocation of about 1 KB; the wall clock is only used for it.
//!
//! # Limits
//! A response's head is at most 8 KB, a control-plane answer 64 KB, a WebSocket message
//! `Limits::signaling_message_bytes`; 256 messages may wait to be sent and 64 to be polled.
//! At rest a connected client holds a few KB.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod call;
mod client;
mod clock;
mod config;
pub mod control;
mod credentials;
mod event;
mod exchange;
mod hooks;
pub mod http;
mod prepare;
pub mod sigv4;
mod store;
pub mod url;
pub mod websocket;

pub use call::{Call, CallResult, Command};
pub use client::{Client, Diagnostics, DropReason, Drops, SendError, Stats, StepStats};
pub use config::{
    ChannelRef, Config, ConfigError, Lifetimes, MAX_TAGS, Role, Tag, Timeouts, arn_parts,
    check_tags, is_channel_name,
};
pub use credentials::{
    Credentials, CredentialsError, EXPIRY_GRACE, IotCore, Sources, region_from_shared_file,
};
pub use event::{
    CloseReason, DisconnectReason, Error, Event, Input, Reason, Step, StreamId, StreamTransmit,
    TransportError,
};
pub use hooks::{Hooks, Injected};
pub use prepare::presigned_url;
pub use store::{ChannelRecord, MemoryStore, RECORD_LIFE, Store};
