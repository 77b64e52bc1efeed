//! The Linux driver: the only crate of the product that opens sockets, reads clocks, speaks TLS and
//! starts threads. Everything it knows about WebRTC and KVS it asks the machines above it.
//!
//! [`master`] runs a camera, [`viewer`] a viewer; both are loops of a few dozen lines around the
//! machines' five verbs, on one tokio task each.
#![forbid(unsafe_code)]

pub mod aws;
pub mod call;
pub mod clock;
pub mod compute;
pub mod entropy;
pub mod interfaces;
pub mod link;
pub mod master;
pub mod media;
pub mod net;
pub mod streams;
pub mod tls;
pub mod udp;
pub mod viewer;
