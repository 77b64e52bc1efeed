//! HTTP as the service sees it: whole requests, whole responses.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// A request. Its driver has checked nothing but that it is HTTP.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Method, upper-case.
    pub method: &'a str,
    /// Path, still percent-encoded.
    pub path: &'a str,
    /// Query without `?`, still percent-encoded.
    pub query: &'a str,
    /// All headers, in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
    /// Whether it came over TLS.
    pub secure: bool,
    /// `host[:port]` under which the client reached us: where endpoints that we name must lead.
    pub host: &'a str,
    /// Whence it came.
    pub peer: SocketAddr,
}

impl<'a> Request<'a> {
    /// The first header under `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A response; `content-length` is the driver's to add.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body; `application/json` if there is one.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header under `name`, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    /// Without the body, which may hold TURN passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_len", &self.body.len())
            .finish()
    }
}
