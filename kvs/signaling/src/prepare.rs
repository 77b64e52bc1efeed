//! Signed requests as bytes.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{SecretBytes, UnixTime};
use smolrtc_crypto::Provider;

use crate::control::Operation;
use crate::http;
use crate::sigv4::{
    PRESIGN_EXPIRES, PathStyle, SERVICE, SignableRequest, Signer, encode_component,
};
use crate::url::Url;
use crate::{Credentials, Role};

/// What every signature of one client has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) region: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) time: UnixTime,
    pub(crate) provider: &'static dyn Provider,
}

impl<'a> Signing<'a> {
    const fn signer(&self) -> Signer<'a> {
        Signer {
            credentials: self.credentials,
            region: self.region,
            service: SERVICE,
            time: self.time,
            provider: self.provider,
        }
    }

    /// A control-plane call.
    pub(crate) fn call(&self, endpoint: &Url, operation: &Operation) -> Vec<u8> {
        let (host, path, body) = (
            endpoint.authority(),
            endpoint.join(operation.path()),
            operation.body(),
        );
        let signed = self.signer().sign_headers(&SignableRequest {
            method: "POST",
            path: &path,
            query: "",
            headers: &[("content-type", "application/json"), ("host", &host)],
            body: &body,
            path_style: PathStyle::Normalized,
        });
        let mut headers = [
            ("host", host.as_str()),
            ("content-type", "application/json"),
            ("user-agent", self.user_agent),
            ("x-amz-date", &signed.date),
            ("authorization", signed.authorization.expose_str()),
        ]
        .to_vec();
        if let Some(token) = &signed.session_token {
            headers.push(("x-amz-security-token", token.expose_str()));
        }
        let mut out = Vec::new();
        http::write_request(&mut out, "POST", &path, &headers, &body);
        out
    }

    /// Path and query of the WebSocket: a master must not send a client id, a viewer must.
    pub(crate) fn presigned_target(&self, endpoint: &Url, arn: &str, role: &Role) -> SecretBytes {
        let mut query = String::from("X-Amz-ChannelARN=");
        query.push_str(&encode_component(arn.as_bytes()));
        if let Role::Viewer(id) = role {
            query.push_str("&X-Amz-ClientId=");
            query.push_str(&encode_component(id.as_str().as_bytes()));
        }
        let signed = self.signer().presign(
            &SignableRequest {
                method: "GET",
                path: endpoint.path(),
                query: &query,
                headers: &[("host", &endpoint.authority())],
                body: b"",
                path_style: PathStyle::Normalized,
            },
            PRESIGN_EXPIRES,
        );
        let mut target = String::from(endpoint.path());
        target.push('?');
        target.push_str(signed.expose_str());
        SecretBytes::from(target)
    }

    /// The WebSocket's handshake request (RFC 6455 section 4.1).
    pub(crate) fn upgrade(&self, endpoint: &Url, arn: &str, role: &Role, key: &str) -> Vec<u8> {
        let target = self.presigned_target(endpoint, arn, role);
        let mut out = Vec::new();
        let headers = [
            ("host", endpoint.authority()),
            ("upgrade", "websocket".into()),
            ("connection", "Upgrade".into()),
            ("sec-websocket-key", key.into()),
            ("sec-websocket-version", "13".into()),
            ("user-agent", self.user_agent.into()),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        http::write_request(&mut out, "GET", target.expose_str(), &headers, b"");
        out
    }
}

/// The `wss://` URL with which a viewer that has no AWS key, a browser page say, opens its
/// WebSocket within the next 299 seconds. It gives access to whoever holds it.
#[must_use]
pub fn presigned_url(
    provider: &'static dyn Provider,
    credentials: &Credentials,
    region: &str,
    time: UnixTime,
    endpoint: &Url,
    arn: &str,
    role: &Role,
) -> SecretBytes {
    let signing = Signing {
        credentials,
        region,
        user_agent: "",
        time,
        provider,
    };
    let target = signing.presigned_target(endpoint, arn, role);
    let scheme = if endpoint.tls() { "wss" } else { "ws" };
    SecretBytes::from(alloc::format!(
        "{scheme}://{}{}",
        endpoint.authority(),
        target.expose_str()
    ))
}
