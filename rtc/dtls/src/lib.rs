//! DTLS 1.2 client and server with DTLS-SRTP (RFC 6347, 5764).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
