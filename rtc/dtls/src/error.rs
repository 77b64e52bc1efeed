//! What can go wrong, by name.

use core::fmt;

/// TLS alert descriptions (RFC 5246 section 7.2) as they are on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alert(pub u8);

impl Alert {
    /// The sender will send nothing more.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// A message came that has no place here.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    /// No acceptable set of parameters.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The certificate is corrupt or its signature does not hold.
    pub const BAD_CERTIFICATE: Self = Self(42);
    /// The certificate's key is of a kind not supported.
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    /// A field is out of range or contradicts another.
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    /// A message could not be decoded.
    pub const DECODE_ERROR: Self = Self(50);
    /// A signature or Finished did not verify.
    pub const DECRYPT_ERROR: Self = Self(51);
    /// The version offered is not supported.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// A failure on the sender's side that is not the peer's fault.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// A renegotiation was refused.
    pub const NO_RENEGOTIATION: Self = Self(100);
    /// An extension was answered that had not been offered.
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);

    /// The name in the registry, or `"unknown"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            116 => "certificate_required",
            120 => "no_application_protocol",
            _ => "unknown",
        }
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a connection ended, or why a call could not be done.
///
/// An error returned by a `handle_*` verb ends the connection; it is returned once, the fatal alert
/// that tells the peer lies ready in `poll_transmit`, and further input is ignored and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Configuration: no expected fingerprint was given, so no peer could ever be accepted.
    NoFingerprint,
    /// Configuration: the MTU lies outside 200..=16,384 bytes.
    BadMtu,
    /// Configuration: a list of cipher suites or groups is empty, or cannot be served with an ECDSA
    /// certificate.
    BadConfig,
    /// The peer's certificate matches none of the expected fingerprints (RFC 8122 section 5).
    FingerprintMismatch,
    /// The peer presented no certificate, or as server demanded none (RFC 8827 section 6.5).
    NoPeerCertificate,
    /// The peer's certificate could not be parsed as far as its public key.
    BadCertificate,
    /// The peer's key is neither P-256 nor an RSA key that the provider can verify.
    UnsupportedCertificate,
    /// The peer's signature does not hold.
    BadSignature,
    /// The peer's key share is no valid public key.
    BadKeyShare,
    /// The peer's Finished does not match the transcript.
    BadFinished,
    /// A handshake message is malformed.
    Decode,
    /// A handshake message came out of turn.
    UnexpectedMessage,
    /// A field contradicts what was offered.
    IllegalParameter,
    /// The peer answered an extension that was not offered.
    UnsupportedExtension,
    /// The peer does not speak DTLS 1.2.
    ProtocolVersion,
    /// No cipher suite, group or signature scheme in common.
    NothingInCommon,
    /// The peer does not know the extended master secret (RFC 7627), without which no keys may be
    /// exported.
    NoExtendedMasterSecret,
    /// The peer takes this first handshake for a renegotiation (RFC 5746 section 3).
    Renegotiation,
    /// The handshake did not complete in time.
    Timeout {
        /// The last alert the peer sent in the clear. Anybody could have sent it, so it ended
        /// nothing, but it often tells the reason.
        alert: Option<Alert>,
    },
    /// The peer ended the connection with a fatal alert, under the connection's keys.
    PeerAlert(Alert),
    /// A public-key operation failed in the provider.
    Provider,
    /// Not connected yet, or not any more.
    NotConnected,
    /// The caller's buffer cannot hold the record, or no record can hold so much plaintext.
    BufferTooSmall,
    /// All 2^48 record numbers of the epoch are used up.
    SequenceExhausted,
}

impl Error {
    /// The alert that tells the peer, or `None` when the peer need not be told.
    pub(crate) const fn alert(self) -> Option<Alert> {
        Some(match self {
            Self::FingerprintMismatch | Self::BadCertificate => Alert::BAD_CERTIFICATE,
            Self::UnsupportedCertificate => Alert::UNSUPPORTED_CERTIFICATE,
            Self::BadSignature | Self::BadFinished => Alert::DECRYPT_ERROR,
            Self::BadKeyShare | Self::IllegalParameter => Alert::ILLEGAL_PARAMETER,
            Self::Decode => Alert::DECODE_ERROR,
            Self::UnexpectedMessage => Alert::UNEXPECTED_MESSAGE,
            Self::UnsupportedExtension => Alert::UNSUPPORTED_EXTENSION,
            Self::ProtocolVersion => Alert::PROTOCOL_VERSION,
            Self::NothingInCommon
            | Self::NoExtendedMasterSecret
            | Self::NoPeerCertificate
            | Self::Renegotiation => Alert::HANDSHAKE_FAILURE,
            Self::Provider | Self::SequenceExhausted => Alert::INTERNAL_ERROR,
            Self::NoFingerprint
            | Self::BadMtu
            | Self::BadConfig
            | Self::Timeout { .. }
            | Self::PeerAlert(_)
            | Self::NotConnected
            | Self::BufferTooSmall => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFingerprint => "no expected certificate fingerprint was given",
            Self::BadMtu => "the DTLS MTU must lie between 200 and 16384 bytes",
            Self::BadConfig => "no usable cipher suite or group is configured",
            Self::FingerprintMismatch => {
                "the peer's certificate does not match the fingerprint in its session description"
            }
            Self::NoPeerCertificate => "the peer presented or demanded no certificate",
            Self::BadCertificate => "the peer's certificate is malformed",
            Self::UnsupportedCertificate => {
                "the peer's certificate holds a key that is neither P-256 nor supported RSA"
            }
            Self::BadSignature => "the peer's handshake signature does not hold",
            Self::BadKeyShare => "the peer's key share is no valid public key",
            Self::BadFinished => "the peer's Finished message does not match the handshake",
            Self::Decode => "a handshake message is malformed",
            Self::UnexpectedMessage => "a handshake message came out of turn",
            Self::IllegalParameter => "a handshake field contradicts what was offered",
            Self::UnsupportedExtension => "the peer answered an extension that was not offered",
            Self::ProtocolVersion => "the peer does not speak DTLS 1.2",
            Self::NothingInCommon => {
                "no cipher suite, group or signature scheme in common with the peer"
            }
            Self::NoExtendedMasterSecret => {
                "the peer does not support the extended master secret (RFC 7627)"
            }
            Self::Renegotiation => "the peer takes the first handshake for a renegotiation",
            Self::Timeout { alert: None } => "the DTLS handshake did not complete in time",
            Self::Timeout { alert: Some(alert) } => {
                return write!(
                    f,
                    "the DTLS handshake did not complete in time; an unauthenticated alert said {alert}"
                );
            }
            Self::PeerAlert(alert) => {
                return write!(f, "the peer ended the connection with alert {alert}");
            }
            Self::Provider => "a public-key operation failed",
            Self::NotConnected => "the DTLS connection is not up",
            Self::BufferTooSmall => "the buffer cannot hold the record",
            Self::SequenceExhausted => "the record numbers of the epoch are used up",
        })
    }
}

impl core::error::Error for Error {}

/// Why a certificate could not be made or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The provider could not do a job, or gave the result of another.
    Provider,
    /// The stored certificate is malformed or does not hold a P-256 key.
    Malformed,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provider => "the provider could not make the certificate's key or signature",
            Self::Malformed => "the stored certificate is malformed or holds no P-256 key",
        })
    }
}

impl core::error::Error for CertificateError {}

/// How a connection came to an orderly end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`Connection::close`](crate::Connection::close) was called.
    Local,
    /// The peer sent close_notify.
    Peer,
}

smolrtc_base::drop_reasons! {
    /// Why a record, fragment or result was dropped.
    pub enum DropReason, counted by
    /// Drops so far, by reason.
    pub struct Drops {
        /// Shorter than its header or the length in it.
        Truncated = "truncated",
        /// A content type or version that DTLS 1.2 does not know.
        UnknownRecord = "unknown_record",
        /// An epoch that is over, or that never will be.
        WrongEpoch = "wrong_epoch",
        /// Under keys that are not known yet, and no room left to keep it.
        TooEarly = "too_early",
        /// The tag did not match.
        BadTag = "bad_tag",
        /// Seen before, or too old for the replay window.
        Replayed = "replayed",
        /// An alert that nothing authenticated.
        UnauthenticatedAlert = "unauthenticated_alert",
        /// A handshake fragment that contradicts its own header or earlier fragments.
        BadFragment = "bad_fragment",
        /// A handshake fragment for which the limits leave no room.
        ReassemblyLimit = "reassembly_limit",
        /// A handshake message that was already processed.
        StaleMessage = "stale_message",
        /// A handshake message that has no place in this epoch or state.
        StrayMessage = "stray_message",
        /// An attempt to renegotiate.
        Renegotiation = "renegotiation",
        /// Application data before the handshake was complete.
        EarlyData = "early_data",
        /// Application data for which `dtls_receive_bytes` leaves no room.
        ReceiveLimit = "receive_limit",
        /// Input after the end of the connection.
        Closed = "closed",
        /// The result of a job that is not outstanding.
        UnknownJob = "unknown_job",
    }
}
