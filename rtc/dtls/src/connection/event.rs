//! What a connection tells its owner.

use smolrtc_base::SecretBytes;
use smolrtc_crypto::{Job, JobId};

use crate::{CipherSuite, CloseReason, Drops, NamedGroup};

/// What a connection tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Run this job wherever it suits, then call
    /// [`Connection::handle_computed`](crate::Connection::handle_computed) with its result. Several
    /// may be out at once, and results may come in any order.
    Compute(JobId, Job),
    /// The handshake is complete: the peer is who its fingerprint says.
    Connected {
        /// The keys of the negotiated SRTP profile; `None` if there is none in common.
        srtp: Option<SrtpKeys>,
    },
    /// One record of application data, lent until the next call.
    Data(&'a [u8]),
    /// The connection came to an orderly end. The last event.
    Closed(CloseReason),
}

/// SRTP master keys and salts (RFC 5764 section 4.2), already sorted by direction.
#[derive(Clone, Debug)]
pub struct SrtpKeys {
    /// The protection profile ([`srtp_profile`](crate::srtp_profile)).
    pub profile: u16,
    /// Master key for what we send.
    pub local_key: SecretBytes,
    /// Master salt for what we send.
    pub local_salt: SecretBytes,
    /// Master key for what we receive.
    pub remote_key: SecretBytes,
    /// Master salt for what we receive.
    pub remote_salt: SecretBytes,
}

/// What a timer of [`Connection::poll_timeout`](crate::Connection::poll_timeout) is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Send the last flight again (RFC 6347 section 4.2.4).
    Retransmit,
    /// Give the handshake up.
    Deadline,
}

/// Statistics of a connection. `None` stands for what is not negotiated yet.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The version on the wire: 0xFEFD is DTLS 1.2 (`tlsVersion`).
    pub version: Option<u16>,
    /// The cipher suite (`dtlsCipher` is its name).
    pub cipher_suite: Option<CipherSuite>,
    /// The group of the key exchange (`tlsGroup` is its name).
    pub group: Option<NamedGroup>,
    /// The SRTP protection profile.
    pub srtp_profile: Option<u16>,
    /// Times a flight of ours was sent again.
    pub retransmissions: u32,
    /// What was dropped, by reason.
    pub drops: Drops,
}
