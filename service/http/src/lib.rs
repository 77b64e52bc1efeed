//! The signaling service on a machine's network: axum, rustls and a UDP socket around the sans-IO
//! [`Service`](kvs_service_core::Service), which decides everything.
//!
//! One task owns the machine; requests and WebSocket messages reach it through a channel. A WebSocket is
//! admitted before its handshake is answered, so that a refused one gets AWS's HTTP error.
//!
//! The TLS certificate is made at start and signed by itself. [`Config::ca_out`] writes it to a file that
//! `AWS_CA_BUNDLE` can name.
#![forbid(unsafe_code)]

mod actor;
mod certificate;
mod error;
mod incoming;
mod routes;
mod server;
mod stun;

pub use error::StartError;
pub use server::{Config, Server};
