//! Frames and containers: Annex B, IVF, Ogg Opus, WAV.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
