//! SCTP association and WebRTC data channels (RFC 9260, 8831, 8832).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod association;
mod channel;
mod chunk;
mod config;
mod congestion;
mod cookie;
mod crc32c;
mod dcep;
mod error;
mod event;
mod inbound;
mod outbound;
mod rto;
mod stats;

pub use association::Association;
pub use config::{ChannelConfig, Config, Reliability};
pub use error::{DropReason, Drops, Error, SendError};
pub use event::{ChannelId, CloseReason, Event, MessageKind, Reason};
pub use stats::{ChannelStats, Stats};
