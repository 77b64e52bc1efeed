//! The peer connection: demultiplexing, security gates, wiring, stats.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
