//! What the stack costs, beside str0m on the same work. Prints; does not judge.
//!
//! A camera with viewers ([`ours`]) and as many str0m sessions ([`theirs`]) run the same script
//! ([`script`]) in one process and in virtual time. What the serving side does happens in one
//! function of each, `serving_turn`, so that its time, its instructions and its heap are told from
//! those of the viewers and of the network between them.
//!
//! | module | measures |
//! | --- | --- |
//! | [`instructions`] | callgrind's count, as the difference of two run lengths |
//! | [`time`] | time per packet: primitives, system calls, the rest |
//! | [`counting`], [`heap`] | live bytes, peak, allocations |
//! | [`connect`] | offer to open data channel |
//! | [`data`] | data-channel CPU per MiB |
//! | [`size`] | stripped bytes of a minimal peer |
#![cfg(feature = "measure")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot run shall say so and stop"
)]

pub mod connect;
pub mod counting;
pub mod data;
pub mod heap;
pub mod instructions;
pub mod ours;
pub mod script;
pub mod size;
pub mod table;
pub mod theirs;
pub mod time;
