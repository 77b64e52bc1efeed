//! Who may call.

use kvs_signaling::sigv4::{Authorization, PathStyle, SERVICE, SignableRequest, VerifyError};
use smolrtc_base::{UnixTime, constant_time_eq};
use smolrtc_crypto::Provider;

use crate::error::Refusal;
use crate::{Config, Request};

/// Checks the signature, in either form, the way AWS does: what is named before what is computed.
pub(crate) fn check(
    provider: &dyn Provider,
    config: &Config,
    unix: UnixTime,
    request: &Request<'_>,
) -> Result<(), Refusal> {
    let signable = SignableRequest {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: request.body,
        path_style: PathStyle::Normalized,
    };
    let claim = Authorization::parse(&signable).map_err(|error| match error {
        VerifyError::Missing => Refusal::NotSigned,
        VerifyError::BadScope => Refusal::WrongScope,
        _ => Refusal::IncompleteSignature,
    })?;
    if claim.region != config.region || claim.service != SERVICE {
        return Err(Refusal::WrongScope);
    }
    let token = claim
        .session_token
        .as_ref()
        .map_or(&[][..], |token| token.expose());
    let expected = config
        .session_token
        .as_ref()
        .map_or(&[][..], |token| token.expose());
    if claim.access_key_id != config.access_key || !constant_time_eq(token, expected) {
        return Err(Refusal::UnknownKey);
    }
    if config
        .session_expires
        .is_some_and(|expires| unix >= expires)
    {
        return Err(Refusal::ExpiredToken);
    }
    let signed = claim.time;
    claim
        .verify(provider, &signable, &config.secret_key, unix)
        .map_err(|error| match error {
            VerifyError::Expired => Refusal::SignatureExpired { signed, now: unix },
            VerifyError::NotYetCurrent => Refusal::SignatureNotYetCurrent { signed, now: unix },
            _ => Refusal::WrongSignature,
        })
}
