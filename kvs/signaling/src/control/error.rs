//! What AWS answers when it refuses.

use core::fmt;

use serde::Deserialize;
use smolrtc_base::UnixTime;

use crate::http::Response;
use crate::sigv4::AmzDate;

/// A refusal, reduced to what decides on the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// Kind.
    pub kind: ErrorKind,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `ResourceNotFoundException`: no such channel.
    NotFound,
    /// `ResourceInUseException`: the channel exists or is being changed.
    InUse,
    /// `AccessDeniedException`: the key is good, its policy forbids the call.
    AccessDenied,
    /// `UnrecognizedClientException` and its kin: no such key.
    UnknownKey,
    /// `InvalidSignatureException`, `SignatureDoesNotMatch`: wrong secret.
    WrongSignature,
    /// The same, because the clocks differ.
    ClockSkewed,
    /// `ExpiredTokenException`: temporary credentials are over.
    ExpiredToken,
    /// `MissingAuthenticationTokenException`: the signature got lost on the way.
    NotSigned,
    /// `ClientLimitExceededException`, `ThrottlingException`, 429: too often.
    Throttled,
    /// `AccountChannelLimitExceededException`: the account has no room for another channel.
    ChannelLimit,
    /// `InvalidArgumentException`, `ValidationException` and other 400s.
    InvalidArgument,
    /// `VersionMismatchException`: the channel was changed meanwhile.
    VersionMismatch,
    /// 5xx.
    Unavailable,
    /// Anything else.
    Other,
}

#[derive(Default, Deserialize)]
struct Body<'a> {
    #[serde(rename = "__type", default, borrow)]
    kind: Option<alloc::borrow::Cow<'a, str>>,
    #[serde(alias = "Message", default, borrow)]
    message: Option<alloc::borrow::Cow<'a, str>>,
}

impl ServiceError {
    /// Reads the refusal in `response`: the exception's name stands in the header
    /// `x-amzn-ErrorType`, perhaps with `:` and a URL behind it, or in the body's `__type`,
    /// perhaps with a name space and `#` before it.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let body: Body<'_> = serde_json::from_slice(&response.body).unwrap_or_default();
        let name = response
            .headers
            .get("x-amzn-errortype")
            .or(body.kind.as_deref())
            .unwrap_or("");
        let name = name.split(':').next().unwrap_or("");
        let name = name.rsplit('#').next().unwrap_or("").trim();
        let message = body.message.as_deref().unwrap_or("");
        Self {
            status: response.status,
            kind: kind(response.status, name, message),
        }
    }
}

/// The service's time, which a refusal for the time names in its message, in brackets: `Signature
/// expired: A is now earlier than B (C - 5 min.)`.
pub(crate) fn skewed_time(response: &Response) -> Option<UnixTime> {
    let body: Body<'_> = serde_json::from_slice(&response.body).ok()?;
    let (_, bracket) = body.message.as_deref()?.split_once('(')?;
    let word = bracket.split_whitespace().next()?;
    Some(AmzDate::parse(word)?.1)
}

fn kind(status: u16, name: &str, message: &str) -> ErrorKind {
    let skewed = [
        "Signature expired",
        "Signature not yet current",
        "RequestTimeTooSkewed",
    ]
    .iter()
    .any(|sign| message.contains(sign));
    match name {
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "ResourceInUseException" => ErrorKind::InUse,
        "AccessDeniedException" | "NotAuthorizedException" => ErrorKind::AccessDenied,
        "UnrecognizedClientException" | "InvalidClientTokenId" => ErrorKind::UnknownKey,
        "RequestTimeTooSkewed" | "RequestExpired" => ErrorKind::ClockSkewed,
        "InvalidSignatureException" | "SignatureDoesNotMatch" if skewed => ErrorKind::ClockSkewed,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => ErrorKind::WrongSignature,
        "ExpiredTokenException" | "ExpiredToken" => ErrorKind::ExpiredToken,
        "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken"
        | "IncompleteSignatureException"
        | "IncompleteSignature" => ErrorKind::NotSigned,
        "ClientLimitExceededException" | "ThrottlingException" | "TooManyRequestsException" => {
            ErrorKind::Throttled
        }
        "AccountChannelLimitExceededException" => ErrorKind::ChannelLimit,
        "VersionMismatchException" => ErrorKind::VersionMismatch,
        "InvalidArgumentException" | "ValidationException" => ErrorKind::InvalidArgument,
        _ if skewed => ErrorKind::ClockSkewed,
        _ => match status {
            404 => ErrorKind::NotFound,
            401 | 403 => ErrorKind::AccessDenied,
            429 => ErrorKind::Throttled,
            400..=499 => ErrorKind::InvalidArgument,
            500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        },
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ErrorKind::NotFound => {
                "the channel does not exist: check its name and region, or create it with \
                 `kvs channel create NAME`"
            }
            ErrorKind::InUse => "a channel of that name exists already, or is being changed",
            ErrorKind::AccessDenied => {
                "access denied: the key's IAM policy must allow kinesisvideo actions on this \
                 channel"
            }
            ErrorKind::UnknownKey => {
                "the access key id is unknown to the service: check AWS_ACCESS_KEY_ID and, for \
                 temporary credentials, AWS_SESSION_TOKEN"
            }
            ErrorKind::WrongSignature => {
                "the signature does not match: check AWS_SECRET_ACCESS_KEY and the region"
            }
            ErrorKind::ClockSkewed => {
                "the signature's time is off by more than 5 minutes: set this machine's clock"
            }
            ErrorKind::ExpiredToken => "the temporary credentials have expired: get new ones",
            ErrorKind::NotSigned => {
                "the request arrived without a complete signature: is a proxy stripping headers?"
            }
            ErrorKind::Throttled => {
                "too many calls for this channel or account: they go on, more slowly"
            }
            ErrorKind::ChannelLimit => {
                "the account has no room for another channel: delete some or ask for a higher quota"
            }
            ErrorKind::InvalidArgument => "the service refused the request as invalid",
            ErrorKind::VersionMismatch => "the channel was changed meanwhile: describe it again",
            ErrorKind::Unavailable => "the service has a failure of its own: it is tried again",
            ErrorKind::Other => "the service gave an answer that is not understood",
        })?;
        write!(f, " (HTTP {})", self.status)
    }
}

impl core::error::Error for ServiceError {}
