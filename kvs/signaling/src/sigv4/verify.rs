//! The service's half: what a request claims, and whether it holds.

use alloc::string::String;

use smolrtc_base::{Duration, SecretBytes, UnixTime, constant_time_eq};
use smolrtc_crypto::Provider;

use super::canonical::{self, SignableRequest};
use super::date::AmzDate;
use super::encode::parse_query;
use super::{ALGORITHM, signature};

/// How far the signer's clock may be from the service's.
pub const MAX_SKEW: Duration = Duration::from_secs(300);
/// Longest life of a presigned request, seconds: seven days.
const MAX_EXPIRES: u32 = 604_800;

/// Where the signature stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query,
}

/// What a signed request claims. Nothing of it is true before [`Authorization::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Where it was found.
    pub form: Form,
    /// Key id of the signer.
    pub access_key_id: String,
    /// Region of the scope.
    pub region: String,
    /// Service of the scope.
    pub service: String,
    /// Time of signing.
    pub time: UnixTime,
    /// Seconds of validity, in the query form.
    pub expires: Option<u32>,
    /// Token of temporary credentials.
    pub session_token: Option<SecretBytes>,
    date: AmzDate,
    signed_headers: String,
    signature: String,
}

impl core::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Authorization")
            .field("form", &self.form)
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Why a request is not taken for signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// No signature at all.
    Missing,
    /// A signature with parts missing or malformed.
    Incomplete,
    /// The scope's day is not the day of signing, or it does not end in `aws4_request`.
    BadScope,
    /// `host` is not among the signed headers.
    HostNotSigned,
    /// Signed longer ago than the skew or its own expiry allow.
    Expired,
    /// Signed in the future by more than the skew.
    NotYetCurrent,
    /// The signature is another one: wrong key or a changed request.
    Mismatch,
}

impl core::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request is not signed",
            Self::Incomplete => "the signature lacks a part",
            Self::BadScope => "the credential scope does not fit the date",
            Self::HostNotSigned => "the host header is not signed",
            Self::Expired => "the signature has expired",
            Self::NotYetCurrent => "the signature is not yet current",
            Self::Mismatch => "the signature does not match",
        })
    }
}

impl core::error::Error for VerifyError {}

impl Authorization {
    /// Finds and reads the signature of `request`, whose `headers` must be all that came.
    ///
    /// # Errors
    /// [`VerifyError::Missing`], [`VerifyError::Incomplete`], [`VerifyError::BadScope`] or
    /// [`VerifyError::HostNotSigned`].
    pub fn parse(request: &SignableRequest<'_>) -> Result<Self, VerifyError> {
        let header = |name: &str| {
            request
                .headers
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| *v)
        };
        if let Some(value) = header("authorization") {
            return Self::from_header(value, header("x-amz-date"), header("x-amz-security-token"));
        }
        Self::from_query(request.query)
    }

    fn from_header(
        value: &str,
        date: Option<&str>,
        token: Option<&str>,
    ) -> Result<Self, VerifyError> {
        let rest = value
            .trim()
            .strip_prefix(ALGORITHM)
            .ok_or(VerifyError::Incomplete)?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (key, value) = part.trim().split_once('=').ok_or(VerifyError::Incomplete)?;
            match key {
                "Credential" => credential = Some(value),
                "SignedHeaders" => signed_headers = Some(value),
                "Signature" => signature = Some(value),
                _ => return Err(VerifyError::Incomplete),
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
            (credential, signed_headers, signature, date)
        else {
            return Err(VerifyError::Incomplete);
        };
        Self::assemble(
            Form::Header,
            credential,
            date,
            signed_headers,
            signature,
            None,
            token.map(SecretBytes::from),
        )
    }

    fn from_query(query: &str) -> Result<Self, VerifyError> {
        let find = |name: &str| {
            parse_query(query)
                .find(|(key, _)| key == name.as_bytes())
                .map(|(_, value)| String::from_utf8(value).map_err(|_| VerifyError::Incomplete))
                .transpose()
        };
        let Some(algorithm) = find("X-Amz-Algorithm")? else {
            return Err(VerifyError::Missing);
        };
        let need = |name| find(name)?.ok_or(VerifyError::Incomplete);
        let expires: u32 = need("X-Amz-Expires")?
            .parse()
            .map_err(|_| VerifyError::Incomplete)?;
        if algorithm != ALGORITHM || expires > MAX_EXPIRES {
            return Err(VerifyError::Incomplete);
        }
        Self::assemble(
            Form::Query,
            &need("X-Amz-Credential")?,
            &need("X-Amz-Date")?,
            &need("X-Amz-SignedHeaders")?,
            &need("X-Amz-Signature")?,
            Some(expires),
            find("X-Amz-Security-Token")?.map(SecretBytes::from),
        )
    }

    fn assemble(
        form: Form,
        credential: &str,
        date: &str,
        signed_headers: &str,
        signature: &str,
        expires: Option<u32>,
        session_token: Option<SecretBytes>,
    ) -> Result<Self, VerifyError> {
        let (date, time) = AmzDate::parse(date).ok_or(VerifyError::Incomplete)?;
        let mut scope = credential.split('/');
        let (Some(key), Some(day), Some(region), Some(service), Some(end), None) = (
            scope.next(),
            scope.next(),
            scope.next(),
            scope.next(),
            scope.next(),
            scope.next(),
        ) else {
            return Err(VerifyError::Incomplete);
        };
        if day != date.day() || end != "aws4_request" {
            return Err(VerifyError::BadScope);
        }
        if !signed_headers.split(';').any(|name| name == "host") {
            return Err(VerifyError::HostNotSigned);
        }
        Ok(Self {
            form,
            access_key_id: key.into(),
            region: region.into(),
            service: service.into(),
            time,
            expires,
            session_token,
            date,
            signed_headers: signed_headers.into(),
            signature: signature.into(),
        })
    }

    /// Checks the time and then, in constant time, the signature, for the secret that belongs to
    /// [`Authorization::access_key_id`].
    ///
    /// # Errors
    /// [`VerifyError::Expired`], [`VerifyError::NotYetCurrent`] or [`VerifyError::Mismatch`].
    pub fn verify(
        &self,
        provider: &dyn Provider,
        request: &SignableRequest<'_>,
        secret: &SecretBytes,
        now: UnixTime,
    ) -> Result<(), VerifyError> {
        if self.time > now.plus(MAX_SKEW) {
            return Err(VerifyError::NotYetCurrent);
        }
        let life = match self.expires {
            // A clock that is behind must not shorten the life of what it signs.
            Some(expires) => Duration::from_secs(u64::from(expires)).max(MAX_SKEW),
            None => MAX_SKEW,
        };
        if self.time.plus(life) < now {
            return Err(VerifyError::Expired);
        }
        let query = match self.form {
            Form::Header => None,
            Form::Query => Some(canonical::canonical_query(request.query, |key| {
                key != b"X-Amz-Signature"
            })),
        };
        let canonical =
            canonical::request(provider, request, &self.signed_headers, query.as_deref());
        let expected = signature(
            provider,
            secret,
            &self.date,
            (&self.region, &self.service),
            &canonical,
        );
        if constant_time_eq(expected.as_bytes(), self.signature.as_bytes()) {
            Ok(())
        } else {
            Err(VerifyError::Mismatch)
        }
    }
}
