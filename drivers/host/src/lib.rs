//! The Linux driver: the only crate of the product that opens sockets, reads clocks, speaks TLS and
//! starts threads. Everything it knows about WebRTC and KVS it asks the machines above it.
#![forbid(unsafe_code)]

pub mod clock;
pub mod entropy;
pub mod interfaces;
pub mod streams;
pub mod tls;
pub mod udp;
