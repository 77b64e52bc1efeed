//! Error codes and the responses that carry them (RFC 8489 section 14.8).

use smolrtc_base::BufferTooSmall;

use crate::{AttributeType, Builder, Class, Key, Message};

/// The registered error codes that this house sends or acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum Code {
    /// Ask the server named in ALTERNATE-SERVER.
    TryAlternate = 300,
    /// Malformed.
    BadRequest = 400,
    /// Credentials are missing or wrong.
    Unauthenticated = 401,
    /// Authentic, yet not allowed (RFC 8656).
    Forbidden = 403,
    /// An attribute that must be understood is not.
    UnknownAttribute = 420,
    /// No such allocation, or one too many (RFC 8656).
    AllocationMismatch = 437,
    /// The nonce has expired.
    StaleNonce = 438,
    /// RFC 8656
    AddressFamilyNotSupported = 440,
    /// Not the credentials of this allocation (RFC 8656).
    WrongCredentials = 441,
    /// RFC 8656
    UnsupportedTransport = 442,
    /// RFC 8656
    PeerAddressFamilyMismatch = 443,
    /// RFC 8656
    AllocationQuotaReached = 486,
    /// Both agents claim one role (RFC 8445).
    RoleConflict = 487,
    /// The server failed for a while.
    ServerError = 500,
    /// RFC 8656
    InsufficientCapacity = 508,
}

impl Code {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The recommended reason phrase.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TryAlternate => "Try Alternate",
            Self::BadRequest => "Bad Request",
            Self::Unauthenticated => "Unauthenticated",
            Self::Forbidden => "Forbidden",
            Self::UnknownAttribute => "Unknown Attribute",
            Self::AllocationMismatch => "Allocation Mismatch",
            Self::StaleNonce => "Stale Nonce",
            Self::AddressFamilyNotSupported => "Address Family not Supported",
            Self::WrongCredentials => "Wrong Credentials",
            Self::UnsupportedTransport => "Unsupported Transport Protocol",
            Self::PeerAddressFamilyMismatch => "Peer Address Family Mismatch",
            Self::AllocationQuotaReached => "Allocation Quota Reached",
            Self::RoleConflict => "Role Conflict",
            Self::ServerError => "Server Error",
            Self::InsufficientCapacity => "Insufficient Capacity",
        }
    }
}

/// Writes an error response to `request` and returns its length. With a `key` it is signed. The
/// `unknown` types go into UNKNOWN-ATTRIBUTES when there are any, as code 420 demands.
///
/// # Errors
/// The buffer is too small. A caller that lends as many bytes as the request had therefore never
/// amplifies.
pub fn write_error_response(
    buf: &mut [u8],
    request: &Message<'_>,
    code: Code,
    unknown: &[AttributeType],
    key: Option<&Key>,
) -> Result<usize, BufferTooSmall> {
    let mut builder = Builder::new(
        buf,
        Class::Error,
        request.method(),
        request.transaction_id(),
    )?;
    builder.error_code(code.number(), code.reason())?;
    if !unknown.is_empty() {
        builder.unknown_attributes(unknown)?;
    }
    if let Some(key) = key {
        builder.integrity(key)?;
    }
    builder.fingerprint()?;
    Ok(builder.finish())
}
