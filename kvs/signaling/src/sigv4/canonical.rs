//! The canonical request.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_crypto::Provider;

use super::encode::{encode_component, encode_path, hex, normalize_path, parse_query};
use super::sha256;

/// How the path becomes canonical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathStyle {
    /// Dot segments and double slashes removed, then encoded once more: every service but S3.
    #[default]
    Normalized,
    /// Encoded once more as it stands.
    Verbatim,
}

/// What a signature covers.
#[derive(Clone, Copy)]
pub struct SignableRequest<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// Path as it goes on the wire.
    pub path: &'a str,
    /// Query as it goes on the wire, without `?`.
    pub query: &'a str,
    /// Headers to sign, in any case and order.
    pub headers: &'a [(&'a str, &'a str)],
    /// Whole body; empty for a GET.
    pub body: &'a [u8],
    /// Treatment of the path.
    pub path_style: PathStyle,
}

impl core::fmt::Debug for SignableRequest<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SignableRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The `SignedHeaders` list: lower-case names, sorted, each once.
pub(super) fn signed_names(headers: &[(&str, &str)]) -> String {
    let mut names: Vec<String> = headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names.dedup();
    names.join(";")
}

/// The canonical request over the headers that `names` lists. `query` overrides the request's own,
/// already canonical.
pub(super) fn request(
    provider: &dyn Provider,
    request: &SignableRequest<'_>,
    names: &str,
    query: Option<&str>,
) -> String {
    let mut out = String::with_capacity(512);
    out.push_str(request.method);
    out.push('\n');
    match request.path_style {
        PathStyle::Normalized => encode_path(&normalize_path(request.path), &mut out),
        PathStyle::Verbatim if request.path.is_empty() => out.push('/'),
        PathStyle::Verbatim => encode_path(request.path, &mut out),
    }
    out.push('\n');
    match query {
        Some(query) => out.push_str(query),
        None => out.push_str(&canonical_query(request.query, |_| true)),
    }
    out.push('\n');
    for name in names.split(';') {
        out.push_str(name);
        out.push(':');
        let mut first = true;
        let values = request
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        for (_, value) in values {
            if !first {
                out.push(',');
            }
            first = false;
            push_trimmed(value, &mut out);
        }
        out.push('\n');
    }
    out.push('\n');
    out.push_str(names);
    out.push('\n');
    out.push_str(&hex(&sha256(provider, &[request.body])));
    out
}

/// Decoded, encoded the one right way, sorted; without the pairs whose key `keep` refuses.
pub(super) fn canonical_query(query: &str, keep: impl Fn(&[u8]) -> bool) -> String {
    let mut pairs: Vec<(String, String)> = parse_query(query)
        .filter(|(key, _)| keep(key))
        .map(|(key, value)| (encode_component(&key), encode_component(&value)))
        .collect();
    pairs.sort();
    join(&pairs)
}

/// `a=1&b=2`.
pub(super) fn join(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (key, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(key);
        out.push('=');
        out.push_str(value);
    }
    out
}

/// White space trimmed at both ends and runs of it folded to one space.
fn push_trimmed(value: &str, out: &mut String) {
    for (index, word) in value.split_ascii_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}
