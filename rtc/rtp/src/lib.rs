//! RTP, RTCP, payload formats, history ring, pacing and feedback.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
