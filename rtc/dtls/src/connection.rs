//! The engine.

use smolrtc_base::{Duration, Instant, Rng, SecretBytes};
use smolrtc_crypto::{Job, JobId, JobResult, Provider};

use crate::{CipherSuite, CloseReason, Config, Drops, Error, NamedGroup};

/// What a connection tells its owner.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Run this job, then call [`Connection::handle_computed`] with its result.
    Compute(JobId, Job),
    /// The handshake is complete: the peer is who its fingerprint says.
    Connected {
        /// The keys of the negotiated SRTP profile, if one was.
        srtp: Option<SrtpKeys>,
    },
    /// Application data, lent.
    Data(&'a [u8]),
    /// The connection came to an orderly end.
    Closed(CloseReason),
}

/// SRTP master keys and salts (RFC 5764 section 4.2).
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

/// What a timer of [`Connection::poll_timeout`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Send the last flight again (RFC 6347 section 4.2.4).
    Retransmit,
    /// Give the handshake up.
    Deadline,
}

/// Statistics of a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The version on the wire: 0xFEFD is DTLS 1.2 (`tlsVersion`). `None` until negotiated.
    pub version: Option<u16>,
    /// The cipher suite negotiated (`dtlsCipher`).
    pub cipher_suite: Option<CipherSuite>,
    /// The group of the key exchange (`tlsGroup`).
    pub group: Option<NamedGroup>,
    /// The SRTP protection profile negotiated.
    pub srtp_profile: Option<u16>,
    /// Times a flight of ours was sent again.
    pub retransmissions: u32,
    /// What was dropped, by reason.
    pub drops: Drops,
}

/// One DTLS connection.
#[derive(Debug)]
pub struct Connection {}

#[allow(missing_docs, unused, clippy::all, reason = "signatures first")]
impl Connection {
    pub fn new(
        now: Instant,
        config: Config,
        rng: Rng,
        provider: &'static dyn Provider,
    ) -> Result<Self, Error> {
        Err(Error::BadConfig)
    }
    pub fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        Ok(())
    }
    pub fn handle_computed(
        &mut self,
        now: Instant,
        id: JobId,
        result: JobResult,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        Ok(())
    }
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        None
    }
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        None
    }
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        None
    }
    pub fn set_rtt(&mut self, rtt: Duration) {}
    pub fn close(&mut self, now: Instant) {}
    pub fn is_connected(&self) -> bool {
        false
    }
    pub fn seal(&mut self, buf: &mut [u8], len: usize) -> Result<usize, Error> {
        Err(Error::NotConnected)
    }
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), Error> {
        Err(Error::NotConnected)
    }
    pub fn stats(&self) -> Stats {
        Stats {
            version: None,
            cipher_suite: None,
            group: None,
            srtp_profile: None,
            retransmissions: 0,
            drops: Drops::default(),
        }
    }
}
