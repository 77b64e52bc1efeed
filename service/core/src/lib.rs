//! A KVS-compatible signaling service for one machine, as one state machine without I/O.
//!
//! # What is here
//! * The control plane over HTTP: Create-, Describe-, Update-, List- and DeleteSignalingChannel,
//!   GetSignalingChannelEndpoint, GetIceServerConfig, tags, the storage configuration, with AWS's JSON, SigV4 checks in both forms
//!   and AWS's error shapes (`x-amzn-ErrorType`, `Message`, a `Date` header to learn the time
//!   from). CORS is open.
//! * The data plane over WebSocket: one master and up to ten viewers a channel. Viewers reach the
//!   master, the master reaches a viewer by its id. Keys may be written as the JS SDK or as the C
//!   SDK writes them. A message for somebody absent waits for the channel's TTL.
//! * STUN Binding over UDP.
//! * Quotas as AWS documents them, enforced and counted.
//! * Faults on demand: [`Service::inject`].
//!
//! # Decisions where AWS documents nothing
//! * A new master closes the old one at once, with code [`REPLACED`]; so does a viewer with the
//!   same client id. An idle connection is closed with 1001 after ten minutes, an old one after an
//!   hour, a GO_AWAY a minute before.
//! * A message over a rate is dropped; if it carries a correlation id it is answered by a
//!   STATUS_RESPONSE `ClientLimitExceededException`, as every refused message is. Success is
//!   silent.
//! * Messages are taken up to 18,750 bytes; see [`Quotas::message_bytes`].
//! * Without a relay GetIceServerConfig returns one entry with the STUN URI if
//!   [`Config::stun`] is set, and an empty list otherwise. (AWS returns TURN URIs only.)
//! * Endpoints lead back to the host, port and scheme over which the call came.
//!
//! # What is left out
//! TURN, the service's side of storage sessions, rooms, yet; several accounts, IAM policies.
//!
//! # Who owns what
//! A driver (`axum` on Linux, [`Streams`] in a simulation) does HTTP and WebSocket framing and
//! brings whole requests and messages. Memory is bounded by [`Quotas`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod api;
mod auth;
mod channel;
mod config;
mod error;
mod faults;
mod manage;
mod quota;
mod relay;
mod request;
mod service;
mod streams;
mod stun;

pub use channel::ConnectionId;
pub use config::{Config, Quotas};
pub use faults::{Fault, Scope, Switch, Treatment, UnknownFault};
pub use quota::{Violation, Violations};
pub use request::{Request, Response};
pub use service::{REPLACED, Reason, Service, ServiceEvent, Stats};
pub use streams::{StreamKey, Streams};
