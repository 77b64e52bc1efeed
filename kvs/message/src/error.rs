//! What can be wrong with a message.

use core::fmt;

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Longer than `signaling_message_bytes`.
    TooLong {
        /// Its length, bytes.
        bytes: usize,
    },
    /// Not JSON of the expected shape.
    Json {
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
    },
    /// Neither `action` nor `messageType` is there.
    NoType,
    /// The payload is not base64.
    Base64,
    /// The payload is missing.
    NoPayload,
    /// The payload is not the JSON that its message type calls for.
    Payload,
    /// A client id is not 1 to 256 of `[a-zA-Z0-9_.-]`.
    ClientId,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(
                    f,
                    "signaling message of {bytes} bytes: more than signaling_message_bytes"
                )
            }
            Self::Json { line, column } => {
                write!(
                    f,
                    "signaling message: bad JSON at line {line}, column {column}"
                )
            }
            Self::NoType => f.write_str("signaling message without action or messageType"),
            Self::Base64 => f.write_str("signaling message: the payload is not base64"),
            Self::NoPayload => f.write_str("signaling message without a payload"),
            Self::Payload => {
                f.write_str("signaling message: the payload is not what its type calls for")
            }
            Self::ClientId => {
                f.write_str("a client id is 1 to 256 characters of a-z, A-Z, 0-9, _, ., -")
            }
        }
    }
}

impl core::error::Error for Error {}
