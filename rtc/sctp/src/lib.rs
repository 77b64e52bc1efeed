//! SCTP associations and WebRTC data channels, sans-IO.
//!
//! # What is implemented
//! * RFC 9260 over DTLS (RFC 8261): handshake from either or both sides with an authenticated
//!   cookie, SACK with gap blocks, delayed acknowledgement, congestion control and fast
//!   retransmission (section 7.2), retransmission timeout (section 6.3) with a first value from
//!   ICE, zero-window probe, HEARTBEAT, SHUTDOWN, ABORT.
//! * RFC 3758: messages limited by retransmissions or lifetime, FORWARD-TSN both ways.
//! * RFC 6525: outgoing stream reset, requests and responses, which closes channels.
//! * RFC 8831 and 8832: channels opened in band and negotiated, empty messages, the deprecated
//!   PPIDs 52 and 54 taken for 53 and 51.
//!
//! # What is left out
//! * Several addresses, ASCONF, AUTH: DTLS hides all of it (RFC 8261 section 5). Path MTU
//!   discovery: [`Config::mtu`] is safe on every path.
//! * A restart of a living association (RFC 9260 section 5.2.4, action A): a peer that lost its
//!   state lost its DTLS keys too.
//! * I-DATA (RFC 8260): messages of one channel after another in turn; a long message is not
//!   interrupted. Channel priorities are read and ignored.
//! * Requests to add streams or to reset ours are denied; unknown chunks are not reported.
//! * User data on a stream that is no channel is dropped and counted rather than answered by a
//!   reset, because a negotiated channel may be opened here a moment later than there.
//!
//! # Who owns what
//! Time is passed in, randomness is an [`Rng`](smolrtc_base::Rng) given at construction, packets
//! are written into the caller's buffer, events lend their data until the next call. A sent
//! message is copied once, into the buffer that its fragments are cut from; a received one is
//! copied once as its fragments come in. Empty queues hold no memory: an idle association is its
//! own size (about 1.6 KiB) and some 200 bytes a channel.
//!
//! # What the limits cost
//! At most [`sctp_send_bytes`](smolrtc_base::Limits::sctp_send_bytes) of messages wait for
//! acknowledgement, with 64 bytes counted for each beside its own, or one larger message.
//! [`sctp_receive_bytes`](smolrtc_base::Limits::sctp_receive_bytes) is the window announced;
//! fragments that come in order may pass it by one message of
//! [`sctp_message_bytes`](smolrtc_base::Limits::sctp_message_bytes), and the buffer of a message
//! under reassembly may be twice what it holds. Gaps and unjoined fragments are bounded by
//! [`sctp_out_of_order_chunks`](smolrtc_base::Limits::sctp_out_of_order_chunks) each.
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
