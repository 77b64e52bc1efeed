//! SRTP and SRTCP (RFC 3711, 7714).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
