//! ICE-server records.

use alloc::{string::String, vec::Vec};
use core::time::Duration;
use smolrtc_base::SecretBytes;

/// A STUN or TURN server with its credentials, as `GetIceServerConfig` returns them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URIs (RFC 7064, 7065).
    pub urls: Vec<String>,
    /// User name; empty for STUN.
    pub username: String,
    /// Password; empty for STUN.
    pub credential: SecretBytes,
    /// How long new allocations may use it, from the time it was fetched; zero for ever (STUN).
    pub ttl: Duration,
}
