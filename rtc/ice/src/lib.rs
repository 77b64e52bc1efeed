//! ICE agent (RFC 8445, 8838, 7675).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
