//! SCTP association and WebRTC data channels (RFC 9260, 8831, 8832).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
