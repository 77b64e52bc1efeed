//! Endpoints: the part of a URL that a connection needs, and where KVS lives.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// How a URL is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`: only for a service on this machine or network.
    Http,
    /// `https`.
    Https,
    /// `ws`: only for a service on this machine or network.
    Ws,
    /// `wss`.
    Wss,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether the stream runs over TLS.
    #[must_use]
    pub const fn tls(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// The port meant when none is written.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        if self.tls() { 443 } else { 80 }
    }
}

/// Why a text is no usable endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Empty, or longer than [`Url::MAX_LEN`].
    Length,
    /// Not `http`, `https`, `ws` or `wss`.
    Scheme,
    /// No host, or one with characters a host name cannot have.
    Host,
    /// Not a number in 1..=65535.
    Port,
    /// Contains `user@`, a fragment, white space or control characters.
    Forbidden,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the endpoint URL is empty or longer than 2048 bytes",
            Self::Scheme => "the endpoint URL must start with https://, http://, wss:// or ws://",
            Self::Host => "the endpoint URL has no valid host name or address",
            Self::Port => "the port in the endpoint URL is not in 1..=65535",
            Self::Forbidden => "the endpoint URL has a user name, a fragment or white space in it",
        })
    }
}

impl core::error::Error for UrlError {}

/// An endpoint. The query is kept for signing and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
    query: String,
}

impl Url {
    /// Longest URL accepted, bytes.
    pub const MAX_LEN: usize = 2_048;

    /// Parses `scheme://host[:port][/path][?query]`; IPv6 literals stand in brackets
    /// (RFC 3986 section 3.2.2).
    ///
    /// # Errors
    /// [`UrlError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(UrlError::Length);
        }
        if text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#') {
            return Err(UrlError::Forbidden);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = [Scheme::Http, Scheme::Https, Scheme::Ws, Scheme::Wss]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(scheme))
            .ok_or(UrlError::Scheme)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        if authority.contains('@') {
            return Err(UrlError::Forbidden);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None => scheme.default_port(),
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                match digits.parse::<u16>() {
                    Ok(port) if port != 0 => port,
                    _ => return Err(UrlError::Port),
                }
            }
            Some(_) => return Err(UrlError::Port),
        };
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
            path: if path.is_empty() { "/" } else { path }.to_string(),
            query: query.to_string(),
        })
    }

    /// How it is reached.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.scheme.tls()
    }

    /// Host name or address; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, written or implied.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path; at least `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Query without its `?`; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The value of the `Host` header: the port only where it is not the scheme's own, as
    /// browsers and the AWS SDKs sign it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The path of `suffix` below this endpoint's own path.
    #[must_use]
    pub fn join(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.path.trim_end_matches('/'))
    }
}

impl fmt::Display for Url {
    /// Without the query, which may hold a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.name(),
            self.authority(),
            self.path
        )
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        host.parse::<core::net::Ipv6Addr>()
            .map_err(|_| UrlError::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let valid = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if valid {
        Ok((host, port))
    } else {
        Err(UrlError::Host)
    }
}

/// Whether `region` has the shape of a region's name, so that it may become part of a host name.
#[must_use]
pub fn is_region(region: &str) -> bool {
    (1..=64).contains(&region.len())
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The host of the control plane in `region`: its own domain in China, another one for dual-stack.
#[must_use]
pub fn control_plane_host(region: &str, dual_stack: bool) -> String {
    let domain = match (region.starts_with("cn-"), dual_stack) {
        (false, false) => "amazonaws.com",
        (true, false) => "amazonaws.com.cn",
        (false, true) => "api.aws",
        (true, true) => "api.amazonwebservices.com.cn",
    };
    format!("kinesisvideo.{region}.{domain}")
}

/// The control plane of `region` over HTTPS.
///
/// # Errors
/// [`UrlError::Host`] if [`is_region`] says no.
pub fn control_plane(region: &str, dual_stack: bool) -> Result<Url, UrlError> {
    if !is_region(region) {
        return Err(UrlError::Host);
    }
    Url::parse(&format!(
        "https://{}",
        control_plane_host(region, dual_stack)
    ))
}

/// The STUN server of `region`: UDP port 443, not 3478.
#[must_use]
pub fn stun_uri(region: &str, dual_stack: bool) -> String {
    format!("stun:stun.{}:443", control_plane_host(region, dual_stack))
}

#[cfg(test)]
mod tests;
