//! What can be wrong with a description.

use core::fmt;

/// Why a description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A line does not say what its type requires.
    Syntax {
        /// The line, counted from 1.
        line: u32,
        /// What is wrong with it.
        what: Malformed,
    },
    /// A bound of [`Limits`](smolrtc_base::Limits) was exceeded.
    Limit {
        /// Which bound.
        limit: LimitName,
        /// The line at which it was exceeded, counted from 1.
        line: u32,
    },
    /// No ICE user name fragment and password apply to the accepted sections.
    NoIceCredentials,
    /// No certificate fingerprint with a known hash applies to the accepted sections.
    NoFingerprint,
    /// The answer's `a=setup` leaves no DTLS role for us, or contradicts the offer.
    BadSetup,
    /// The answer does not have the sections of the offer, in the offer's order.
    AnswerMismatch {
        /// Index of the first section that does not fit.
        section: usize,
    },
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The text does not begin with `v=0`.
    NotSdp,
    /// The line is not UTF-8.
    NotUtf8,
    /// Not a letter followed by `=`.
    NotTypeValue,
    /// `o=` does not have six fields.
    Origin,
    /// `m=` does not have kind, port, protocol and formats.
    MediaLine,
    /// The same `a=mid` occurs twice.
    DuplicateMid,
    /// A user name fragment or password outside the lengths or characters of RFC 8839 section 5.4.
    IceCredentials,
    /// `a=fingerprint` is not a hash name and hexadecimal pairs of that hash's length.
    Fingerprint,
    /// `a=setup` with an unknown role.
    Setup,
    /// `a=sctp-port` or `a=max-message-size` is no number in range.
    Sctp,
}

/// A field of [`Limits`](smolrtc_base::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitName {
    /// `sdp_bytes`
    Bytes,
    /// `sdp_sections`
    Sections,
    /// `sdp_attributes`
    Attributes,
}

impl LimitName {
    /// The name of the field.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "sdp_bytes",
            Self::Sections => "sdp_sections",
            Self::Attributes => "sdp_attributes",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSdp => "a session description begins with v=0",
            Self::NotUtf8 => "not UTF-8",
            Self::NotTypeValue => "not of the form <letter>=<value>",
            Self::Origin => "o= needs six fields",
            Self::MediaLine => "m= needs a kind, a port, a protocol and formats",
            Self::DuplicateMid => "this a=mid was used by an earlier section",
            Self::IceCredentials => "ice-ufrag needs 4 to 256 ice-chars, ice-pwd 22 to 256",
            Self::Fingerprint => "a=fingerprint needs a hash name and that many bytes in hex",
            Self::Setup => "a=setup must be active, passive, actpass or holdconn",
            Self::Sctp => "not a number in range",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, what } => write!(f, "session description, line {line}: {what}"),
            Self::Limit { limit, line } => write!(
                f,
                "session description refused at line {line}: more than {} allows",
                limit.name()
            ),
            Self::NoIceCredentials => f.write_str("session description without ICE credentials"),
            Self::NoFingerprint => {
                f.write_str("session description without a SHA-256, SHA-384 or SHA-512 fingerprint")
            }
            Self::BadSetup => f.write_str("the answer's a=setup leaves no DTLS role for us"),
            Self::AnswerMismatch { section } => {
                write!(f, "the answer does not fit the offer at section {section}")
            }
        }
    }
}

impl core::error::Error for Error {}
