//! HTTP/1.1 (RFC 9112), as much as a signed call and a WebSocket handshake need.
//!
//! Both ends are here: [`ResponseParser`] for the client, [`RequestParser`] for whoever plays the
//! service over a byte stream. Heads are parsed by `httparse` and may be 8 KB long; bodies come by
//! length, in chunks or up to the end of the stream, up to a cap. Redirects are never followed: a
//! signature is for one host. Transfer codings other than `chunked` and trailers' contents are not
//! supported.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

mod body;
mod parser;

pub use parser::{RequestParser, ResponseParser};

/// Longest head accepted, bytes.
pub const MAX_HEAD: usize = 8 * 1_024;
/// Most header lines accepted.
pub const MAX_HEADERS: usize = 64;

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The head is longer than [`MAX_HEAD`] or has more than [`MAX_HEADERS`] lines.
    HeadTooLong,
    /// The head is no HTTP/1.x.
    MalformedHead,
    /// A length that is no number, or two that differ, or a length beside a transfer coding.
    AmbiguousLength,
    /// A chunk's frame is malformed.
    MalformedChunk,
    /// The body exceeds the cap.
    BodyTooLong,
    /// The stream ended inside a message.
    Truncated,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeadTooLong => "the HTTP head is longer than 8 KB",
            Self::MalformedHead => "what came is not HTTP: is the endpoint's scheme right?",
            Self::AmbiguousLength => "the HTTP message has contradictory lengths",
            Self::MalformedChunk => "the HTTP body has a malformed chunk",
            Self::BodyTooLong => "the HTTP body is longer than allowed",
            Self::Truncated => "the connection ended inside an HTTP message",
        })
    }
}

impl core::error::Error for HttpError {}

/// Header lines in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value under `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the comma-separated list under `name` has `token`, in any case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }
}

impl fmt::Debug for Headers {
    /// Names only: values may be signatures and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// A response, whole. `Debug` shows no body: it may hold credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// Status code, 100–599.
    pub status: u16,
    /// Header lines.
    pub headers: Headers,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Whether the stream may carry another call.
    pub keep_alive: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A request, whole. `Debug` shows neither query nor body.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Method as written.
    pub method: String,
    /// Path, without query.
    pub path: String,
    /// Query, without `?`.
    pub query: String,
    /// Header lines.
    pub headers: Headers,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Whether the client wants to use the stream again.
    pub keep_alive: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &self.headers)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Writes a request. `target` is path and query; `content-length` is added when there is a body
/// or the method is not GET. Header values with line breaks lose them, so that none can smuggle a
/// header in.
pub fn write_request(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) {
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_headers(out, headers);
    if !body.is_empty() || method != "GET" {
        write_length(out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Writes a response with `content-length`, except for 101, which has no body.
pub fn write_response(out: &mut Vec<u8>, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let line = alloc::format!("HTTP/1.1 {status} {}\r\n", reason(status));
    out.extend_from_slice(line.as_bytes());
    write_headers(out, headers);
    if status != 101 && status != 204 {
        write_length(out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

fn write_headers(out: &mut Vec<u8>, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend(
            value
                .bytes()
                .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)),
        );
        out.extend_from_slice(b"\r\n");
    }
}

fn write_length(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(alloc::format!("content-length: {len}\r\n").as_bytes());
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
