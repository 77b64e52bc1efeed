//! KVS signaling: SigV4, control plane, WebSocket sessions.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;
