//! Session descriptions and offer/answer (RFC 8866, 8829).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
