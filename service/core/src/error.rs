//! Refusals in AWS's shape.

use alloc::format;
use alloc::string::String;

use kvs_signaling::sigv4::{AmzDate, MAX_SKEW};
use smolrtc_base::UnixTime;

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownOperation,
    NotSigned,
    IncompleteSignature,
    UnknownKey,
    ExpiredToken,
    WrongSignature,
    WrongScope,
    SignatureExpired {
        signed: UnixTime,
        now: UnixTime,
    },
    SignatureNotYetCurrent {
        signed: UnixTime,
        now: UnixTime,
    },
    Serialization,
    InvalidArgument(&'static str),
    NotFound,
    InUse,
    VersionMismatch,
    LimitExceeded,
    ViewerLimit,
    ChannelLimit,
    TagLimit,
    /// Somebody wants to see what happens.
    Injected(u16),
}

impl Refusal {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Injected(status) => status,
            Self::UnknownOperation | Self::NotFound => 404,
            Self::NotSigned
            | Self::UnknownKey
            | Self::ExpiredToken
            | Self::WrongSignature
            | Self::WrongScope
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. } => 403,
            _ => 400,
        }
    }

    /// `x-amzn-ErrorType`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::UnknownOperation => "UnknownOperationException",
            Self::NotSigned => "MissingAuthenticationTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::WrongSignature
            | Self::WrongScope
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. } => "InvalidSignatureException",
            Self::Serialization => "SerializationException",
            Self::InvalidArgument(_) => "InvalidArgumentException",
            Self::NotFound => "ResourceNotFoundException",
            Self::InUse => "ResourceInUseException",
            Self::VersionMismatch => "VersionMismatchException",
            Self::LimitExceeded | Self::ViewerLimit => "ClientLimitExceededException",
            Self::ChannelLimit => "AccountChannelLimitExceededException",
            Self::TagLimit => "TagsPerResourceExceededLimitException",
            Self::Injected(400) => "ClientLimitExceededException",
            Self::Injected(401 | 403) => "AccessDeniedException",
            Self::Injected(404) => "ResourceNotFoundException",
            Self::Injected(_) => "InternalFailure",
        }
    }

    pub(crate) fn message(self) -> String {
        let date = |time: UnixTime| AmzDate::new(time);
        let minutes = MAX_SKEW.as_secs() / 60;
        match self {
            Self::SignatureExpired { signed, now } => format!(
                "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
                date(signed).as_str(),
                date(now.minus(MAX_SKEW)).as_str(),
                date(now).as_str(),
            ),
            Self::SignatureNotYetCurrent { signed, now } => format!(
                "Signature not yet current: {} is still later than {} ({} + {minutes} min.)",
                date(signed).as_str(),
                date(now.plus(MAX_SKEW)).as_str(),
                date(now).as_str(),
            ),
            other => other.fixed_message().into(),
        }
    }

    const fn fixed_message(self) -> &'static str {
        match self {
            Self::UnknownOperation => "There is no such operation.",
            Self::NotSigned => "Missing Authentication Token",
            Self::IncompleteSignature => "The request signature does not conform to AWS standards.",
            Self::UnknownKey => "The security token included in the request is invalid.",
            Self::ExpiredToken => "The security token included in the request is expired",
            Self::WrongSignature => {
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details."
            }
            Self::WrongScope => "Credential should be scoped to a valid region and service.",
            Self::Serialization => "The request body is not the JSON that was expected.",
            Self::InvalidArgument(text) => text,
            Self::NotFound => "The requested channel is not found or not active.",
            Self::InUse => "A channel with this name already exists.",
            Self::VersionMismatch => "The channel has another version.",
            Self::LimitExceeded => {
                "Request rate limit exceeded. Make the calls more slowly or try again later."
            }
            Self::ViewerLimit => "The channel has as many viewers as it may have: viewer limit.",
            Self::ChannelLimit => "The account has as many channels as it may have.",
            Self::TagLimit => "A channel may have 50 tags.",
            Self::Injected(_) => "A fault, as ordered.",
            // These two carry times.
            Self::SignatureExpired { .. } | Self::SignatureNotYetCurrent { .. } => "",
        }
    }
}
