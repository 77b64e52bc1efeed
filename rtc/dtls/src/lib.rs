//! DTLS 1.2 for WebRTC: client and server, DTLS-SRTP key export.
//!
//! # What is implemented
//!
//! * DTLS 1.2 (RFC 6347 over RFC 5246): records, epochs, a replay window of 64 records (section
//!   4.1.2.6), fragmentation and bounded reassembly (4.2.3), flights and their retransmission
//!   (4.2.4), alerts. As client a HelloVerifyRequest is answered; as server none is ever sent,
//!   because ICE has already shown that the peer receives at its address.
//! * Cipher suites `ECDHE_ECDSA` with AES-128-GCM-SHA256, AES-256-GCM-SHA384 (RFC 5289) and
//!   ChaCha20-Poly1305 (RFC 7905). The client offers the `ECDHE_RSA` twins too when the provider
//!   verifies RSA. Groups X25519 and P-256 (RFC 8422).
//! * Extensions `use_srtp` (RFC 5764), `extended_master_secret` (RFC 7627, required: section 5.4
//!   forbids exported keys without it), `renegotiation_info` (RFC 5746; a renegotiation itself is
//!   refused), `signature_algorithms`, `supported_groups`, `ec_point_formats`.
//! * Exported keys (RFC 5705) and the SRTP keys among them.
//! * Authentication by certificate fingerprints (RFC 8122 section 5, RFC 8827 section 6.5), on both
//!   sides. There is no chain of trust, no name and no validity period to check. No key leaves before
//!   the fingerprint has matched and the peer's signature holds.
//!
//! # What is left out
//!
//! Resumption, session tickets, compression, CBC suites, client-side renegotiation, connection ids,
//! SHA-1 fingerprints and signatures. DTLS 1.3 peers negotiate 1.2 with us. A server that knows no
//! version above 1.2 has no downgrade marker to write, and a client that accepts no version below
//! 1.2 has none to look for (RFC 8446 section 4.1.3).
//!
//! # Who owns what
//!
//! Time, randomness and buffers are the caller's. Datagrams are decrypted in place; application data
//! is lent by [`Connection::poll_event`] out of one reused buffer; sending encrypts in the caller's
//! buffer ([`Connection::seal`]). Public-key operations are jobs ([`Event::Compute`]); while one
//! runs, the engine goes on taking input. A returned [`Error`] ends the connection; bad input from
//! the network is dropped and counted ([`Drops`]).
//!
//! # What the limits cost
//!
//! During the handshake at most `dtls_reassembly_bytes` of the peer's messages, in
//! `dtls_reassembly_fragments` parts, wait for what is missing, beside the transcript of both sides.
//! All of that is freed on completion. On 64 bits an ordinary handshake needs 6.3 KiB at its peak, and
//! a connected [`Connection`] holds 1.4 KiB, its ciphers included; once application data has arrived,
//! also a receive buffer of one datagram, which never grows beyond `dtls_receive_bytes`.
//!
//! # The way through
//!
//! ```
//! use smolrtc_base::{Instant, Limits, Rng, UnixTime};
//! use smolrtc_crypto::{Provider, RustCrypto};
//! use smolrtc_dtls::{Certificate, Config, Connection, Event, Role};
//!
//! static PROVIDER: RustCrypto = RustCrypto;
//! let mut rng = Rng::from_u64(1);
//! let now = Instant::ZERO;
//! let ours = Certificate::generate(&PROVIDER, &mut rng, UnixTime::from_secs(1_700_000_000))?;
//! let theirs = Certificate::generate(&PROVIDER, &mut rng, UnixTime::from_secs(1_700_000_000))?;
//!
//! let mut client = Connection::new(
//!     now,
//!     Config::new(Role::Client, ours.clone(), vec![theirs.fingerprint()]),
//!     rng.fork(),
//!     &PROVIDER,
//! )?;
//! let mut server = Connection::new(
//!     now,
//!     Config::new(Role::Server, theirs, vec![ours.fingerprint()]),
//!     rng.fork(),
//!     &PROVIDER,
//! )?;
//!
//! let mut datagram = [0; 1_500];
//! while !(client.is_connected() && server.is_connected()) {
//!     for turn in 0..2 {
//!         let (from, to) =
//!             if turn == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
//!         while let Some(event) = from.poll_event() {
//!             if let Event::Compute(id, job) = event {
//!                 let result = PROVIDER.run(&job);
//!                 from.handle_computed(now, id, result)?;
//!             }
//!         }
//!         while let Some(len) = from.poll_transmit(now, &mut datagram) {
//!             to.handle_input(now, &mut datagram[..len])?;
//!         }
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
// A test that is out of bounds is to fail loudly.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod certificate;
mod config;
mod connection;
mod error;
mod flight;
mod key_schedule;
mod message;
mod reassembly;
mod record;
mod suite;
mod timer;
mod x509;

pub use certificate::{Certificate, CertificateBuilder, CertificateStep};
pub use config::{Config, Fingerprint, Role};
pub use connection::{Connection, Event, Reason, SrtpKeys, Stats};
pub use error::{Alert, CertificateError, CloseReason, DropReason, Drops, Error};
pub use record::{RECORD_OVERHEAD, RECORD_OVERHEAD_HEAD, RECORD_OVERHEAD_TAIL};
pub use suite::{CipherSuite, NamedGroup, srtp_profile};

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
