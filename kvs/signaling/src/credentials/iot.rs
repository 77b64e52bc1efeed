//! AWS IoT Core's credential provider: temporary credentials for a device's certificate.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use smolrtc_base::{Duration, SecretBytes, UnixTime};

use super::Credentials;
use crate::config::ConfigError;
use crate::http::{self, Response};
use crate::sigv4::{encode_component, parse_http_date, parse_iso8601};
use crate::url::Url;

/// Longer than this no credentials are used, whatever their expiration says, as in the C SDK.
const MAX_LIFE: Duration = Duration::from_secs(2_400);

/// A role alias of IoT Core, used with the certificate that the driver has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IotCore {
    pub(crate) endpoint: Url,
    role_alias: String,
    thing_name: String,
}

impl IotCore {
    /// `endpoint` is the account's `iot:CredentialProvider` endpoint.
    ///
    /// # Errors
    /// [`ConfigError::IotEndpoint`], [`ConfigError::RoleAlias`] (1–128 of `[a-zA-Z0-9_=,@-]`) or
    /// [`ConfigError::ThingName`] (1–128 of `[a-zA-Z0-9:_-]`).
    pub fn new(endpoint: &str, role_alias: &str, thing_name: &str) -> Result<Self, ConfigError> {
        let written = if endpoint.contains("://") {
            String::from(endpoint)
        } else {
            alloc::format!("https://{endpoint}")
        };
        let url = Url::parse(&written).map_err(|_| ConfigError::IotEndpoint)?;
        if !url.tls() || !url.query().is_empty() {
            return Err(ConfigError::IotEndpoint);
        }
        let made_of = |text: &str, extra: &[u8]| {
            (1..=128).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        if !made_of(role_alias, b"_=,@-") {
            return Err(ConfigError::RoleAlias);
        }
        if !made_of(thing_name, b":_-") {
            return Err(ConfigError::ThingName);
        }
        Ok(Self {
            endpoint: url,
            role_alias: role_alias.into(),
            thing_name: thing_name.into(),
        })
    }

    /// The call. It is not signed: the certificate proves who asks.
    pub(crate) fn request(&self, user_agent: &str) -> Vec<u8> {
        let alias = encode_component(self.role_alias.as_bytes());
        let path = self
            .endpoint
            .join(&alloc::format!("/role-aliases/{alias}/credentials"));
        let host = self.endpoint.authority();
        let headers = [
            ("host", host.as_str()),
            ("accept", "*/*"),
            ("user-agent", user_agent),
            ("x-amzn-iot-thingname", self.thing_name.as_str()),
        ];
        let mut out = Vec::new();
        http::write_request(&mut out, "GET", &path, &headers, b"");
        out
    }
}

#[derive(Deserialize)]
struct Answer {
    credentials: Issued,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    #[serde(default)]
    expiration: Option<String>,
}

/// Reads the answer. How long the credentials last is counted from the answer's own `Date`, so
/// that a wrong clock on our side does no harm.
pub(crate) fn parse_answer(response: &Response, now: UnixTime) -> Option<Credentials> {
    let Answer { credentials } = serde_json::from_slice(&response.body).ok()?;
    let issued = response.headers.get("date").and_then(parse_http_date);
    let issued = issued.unwrap_or(now).as_micros();
    let expiration = credentials.expiration.as_deref().and_then(parse_iso8601);
    let life = expiration.map_or(MAX_LIFE, |end| {
        Duration::from_micros(end.as_micros().saturating_sub(issued))
    });
    let parsed = Credentials::checked(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        Some(&credentials.session_token),
    )
    .ok()?;
    // The text is a copy of secrets.
    drop(SecretBytes::from(credentials.secret_access_key));
    drop(SecretBytes::from(credentials.session_token));
    Some(parsed.with_expiry(now.plus(life.min(MAX_LIFE))))
}
