//! AWS Signature Version 4: signing by header and by query, and the half that checks both.
//!
//! The algorithm is AWS's "Signing AWS API requests": a canonical form of the request, hashed into
//! a string to sign, signed with a key derived from date, region and service. Both sides build the
//! canonical form with the same code, but from their own view of the request.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{SecretBytes, UnixTime};
use smolrtc_crypto::{HashAlgorithm, Provider};

use crate::Credentials;

mod canonical;
mod date;
mod encode;
mod verify;

pub use canonical::{PathStyle, SignableRequest};
pub use date::{AmzDate, http_date, parse_http_date, parse_iso8601};
pub use encode::{decode_component, encode_component, hex, parse_query};
pub use verify::{Authorization, Form, MAX_SKEW, VerifyError};

/// The service name in every scope of Kinesis Video Streams.
pub const SERVICE: &str = "kinesisvideo";
/// The only algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How long a presigned WebSocket URL may be used, seconds; what the JS SDK writes.
pub const PRESIGN_EXPIRES: u32 = 299;

/// Who signs, where and when.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key pair.
    pub credentials: &'a Credentials,
    /// Region in the scope.
    pub region: &'a str,
    /// Service in the scope, mostly [`SERVICE`].
    pub service: &'a str,
    /// Time of signing.
    pub time: UnixTime,
    /// Hashes.
    pub provider: &'static dyn Provider,
}

/// The headers that carry a signature. `Debug` shows none of their values.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// Value of `x-amz-date`.
    pub date: String,
    /// Value of `x-amz-security-token`, with temporary credentials.
    pub session_token: Option<SecretBytes>,
    /// Value of `authorization`.
    pub authorization: SecretBytes,
}

impl core::fmt::Debug for SignedHeaders {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SignedHeaders")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

impl Signer<'_> {
    /// Signs `request` by header. `request` must hold every header that is to be signed, `host`
    /// among them; `x-amz-date` and the session token are added here and signed too.
    #[must_use]
    pub fn sign_headers(&self, request: &SignableRequest<'_>) -> SignedHeaders {
        let date = AmzDate::new(self.time);
        let mut headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .copied()
            .filter(|(name, _)| !is_added(name))
            .collect();
        headers.push(("x-amz-date", date.as_str()));
        if let Some(token) = self.credentials.session_token() {
            headers.push(("x-amz-security-token", token.expose_str()));
        }
        let request = SignableRequest {
            headers: &headers,
            ..*request
        };
        let names = canonical::signed_names(&headers);
        let canonical = canonical::request(self.provider, &request, &names, None);
        let signature = self.signature(&date, &canonical);
        let mut authorization = String::with_capacity(256);
        authorization.push_str(ALGORITHM);
        authorization.push_str(" Credential=");
        authorization.push_str(self.credentials.access_key_id());
        authorization.push('/');
        authorization.push_str(&self.scope(&date));
        authorization.push_str(", SignedHeaders=");
        authorization.push_str(&names);
        authorization.push_str(", Signature=");
        authorization.push_str(&signature);
        SignedHeaders {
            date: date.as_str().into(),
            session_token: self.credentials.session_token().cloned(),
            authorization: SecretBytes::from(authorization),
        }
    }

    /// Signs `request` by query and returns the whole new query, sorted, without `?`. It gives
    /// access to whoever holds it, so it is a secret.
    #[must_use]
    pub fn presign(&self, request: &SignableRequest<'_>, expires: u32) -> SecretBytes {
        let date = AmzDate::new(self.time);
        let names = canonical::signed_names(request.headers);
        let mut credential = String::from(self.credentials.access_key_id());
        credential.push('/');
        credential.push_str(&self.scope(&date));
        let expires = alloc::format!("{expires}");
        let mut pairs: Vec<(String, String)> = parse_query(request.query)
            .map(|(key, value)| (encode_component(&key), encode_component(&value)))
            .collect();
        let mut add = |key: &str, value: &str| {
            pairs.push((
                encode_component(key.as_bytes()),
                encode_component(value.as_bytes()),
            ));
        };
        add("X-Amz-Algorithm", ALGORITHM);
        add("X-Amz-Credential", &credential);
        add("X-Amz-Date", date.as_str());
        add("X-Amz-Expires", &expires);
        add("X-Amz-SignedHeaders", &names);
        if let Some(token) = self.credentials.session_token() {
            add("X-Amz-Security-Token", token.expose_str());
        }
        pairs.sort();
        let query = canonical::join(&pairs);
        let canonical = canonical::request(self.provider, request, &names, Some(&query));
        let signature = self.signature(&date, &canonical);
        let mut signed = query;
        signed.push_str("&X-Amz-Signature=");
        signed.push_str(&signature);
        SecretBytes::from(signed)
    }

    fn scope(&self, date: &AmzDate) -> String {
        alloc::format!(
            "{}/{}/{}/aws4_request",
            date.day(),
            self.region,
            self.service
        )
    }

    fn signature(&self, date: &AmzDate, canonical: &str) -> String {
        signature(
            self.provider,
            self.credentials.secret_access_key(),
            date,
            (self.region, self.service),
            canonical,
        )
    }
}

/// Headers that signing adds, so that an old value never stays.
fn is_added(name: &str) -> bool {
    ["x-amz-date", "x-amz-security-token", "authorization"]
        .iter()
        .any(|added| name.eq_ignore_ascii_case(added))
}

fn signature(
    provider: &dyn Provider,
    secret: &SecretBytes,
    date: &AmzDate,
    (region, service): (&str, &str),
    canonical: &str,
) -> String {
    let mut seed = Vec::with_capacity(secret.expose().len().saturating_add(4));
    seed.extend_from_slice(b"AWS4");
    seed.extend_from_slice(secret.expose());
    let mut key = SecretBytes::new(seed);
    for part in [date.day(), region, service, "aws4_request"] {
        key = SecretBytes::new(hmac(provider, &key, &[part.as_bytes()]));
    }
    let hashed = hex(&sha256(provider, &[canonical.as_bytes()]));
    let parts = [
        ALGORITHM,
        "\n",
        date.as_str(),
        "\n",
        date.day(),
        "/",
        region,
        "/",
        service,
        "/aws4_request\n",
        &hashed,
    ];
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    hex(&hmac(provider, &key, &parts))
}

fn hmac(provider: &dyn Provider, key: &SecretBytes, parts: &[&[u8]]) -> Vec<u8> {
    let tag = provider
        .hmac(HashAlgorithm::Sha256, key.expose())
        .compute(parts);
    tag.first_chunk::<32>()
        .map_or_else(Vec::new, |tag| tag.to_vec())
}

fn sha256(provider: &dyn Provider, parts: &[&[u8]]) -> [u8; 32] {
    let digest = provider.hash(HashAlgorithm::Sha256, parts);
    digest.first_chunk::<32>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
