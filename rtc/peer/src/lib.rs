//! The peer connection: what W3C calls `RTCPeerConnection`, as one deterministic machine.
//!
//! It owns an ICE agent, a DTLS connection, two SRTP contexts, an SCTP association, and the sending
//! and receiving sides of RTP, and wires them: offer and answer (RFC 8829) set them up, datagrams are
//! told apart by their first byte (RFC 7983), and three gates hold:
//!
//! 1. DTLS is taken only from addresses with a validated candidate pair; a few early ClientHellos
//!    wait for one (`Limits::dtls_early_hellos`).
//! 2. SRTP keys exist only after the peer's certificate matched its fingerprint.
//! 3. RTP and RTCP reach their engines only through SRTP.
//!
//! One transport carries everything (BUNDLE, rtcp-mux); a peer that can do neither is refused.
//! Tracks to send are history rings that the caller owns and lends to [`PeerConnection::poll_transmit`]
//! and [`PeerConnection::poll_timeout`]: one ring serves any number of connections.
//!
//! Left out: more than one audio and one video section sent, simulcast, renegotiation that adds or
//! removes codecs of a running section.
//!
//! # The five verbs
//!
//! [`handle_input`](PeerConnection::handle_input), [`handle_timeout`](PeerConnection::handle_timeout),
//! [`poll_transmit`](PeerConnection::poll_transmit), [`poll_event`](PeerConnection::poll_event),
//! [`poll_timeout`](PeerConnection::poll_timeout); plus
//! [`handle_computed`](PeerConnection::handle_computed) for the results of public-key jobs. They are
//! legal in any order. After the handshake no verb allocates on the media path.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod config;
mod connection;
mod demux;
mod error;
mod event;
pub mod footprint;

pub use config::Config;
pub use connection::{MTU, OutboundStream, PeerConnection, Stats, Wall};
pub use demux::Protocol;
pub use error::{CloseReason, DropReason, Drops, Error};
pub use event::{ConnectionState, Event, Reason};

// What an owner of connections needs of the floors below.
pub use smolrtc_base as base;
pub use smolrtc_crypto as crypto;
pub use smolrtc_dtls::{Certificate, CertificateBuilder, CertificateError, CertificateStep};
pub use smolrtc_ice as ice;
pub use smolrtc_rtp as rtp;
pub use smolrtc_sctp as sctp;
pub use smolrtc_sdp as sdp;
pub use smolrtc_stun as stun;
