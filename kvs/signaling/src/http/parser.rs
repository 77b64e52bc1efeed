//! Heads and whole messages from bytes that arrive in any pieces.

use alloc::vec::Vec;

use super::body::Framing;
use super::{Headers, HttpError, MAX_HEAD, MAX_HEADERS, Request, Response};

/// Collects one response after another from a stream.
#[derive(Clone)]
pub struct ResponseParser {
    cap: usize,
    head: Vec<u8>,
    partial: Option<(Response, Framing)>,
}

impl core::fmt::Debug for ResponseParser {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ResponseParser")
            .field("head_len", &self.head.len())
            .finish_non_exhaustive()
    }
}

impl ResponseParser {
    /// A parser that accepts bodies up to `cap` bytes.
    #[must_use]
    pub const fn new(cap: usize) -> Self {
        Self {
            cap,
            head: Vec::new(),
            partial: None,
        }
    }

    /// Whether nothing of a response has come yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_empty() && self.partial.is_none()
    }

    /// Takes bytes from the front of `input`, up to the end of the response at most: what remains
    /// after a 101 belongs to the next protocol. Interim responses (100, 103) are skipped.
    ///
    /// # Errors
    /// Any [`HttpError`]; the stream is then of no more use.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Response>, HttpError> {
        loop {
            if let Some((response, framing)) = &mut self.partial {
                if !framing.take(input, &mut response.body, self.cap)? {
                    return Ok(None);
                }
                return Ok(self.partial.take().map(|(response, _)| response));
            }
            if !take_head(&mut self.head, input)? {
                return Ok(None);
            }
            let head = core::mem::take(&mut self.head);
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut lines);
            check(parsed.parse(&head))?;
            let status = parsed.code.unwrap_or(0);
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let headers = copy_headers(parsed.headers)?;
            // RFC 9112 section 6.3: these have no body, whatever their headers say.
            let framing = if status == 101 || status == 204 || status == 304 {
                Framing::Empty
            } else {
                Framing::of(&headers, true, self.cap)?
            };
            let keep_alive =
                keeps_alive(parsed.version, &headers) && !matches!(framing, Framing::UntilClose);
            let response = Response {
                status,
                headers,
                body: Vec::new(),
                keep_alive,
            };
            self.partial = Some((response, framing));
        }
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] if that cut a response short.
    pub fn finish(&mut self) -> Result<Option<Response>, HttpError> {
        match self.partial.take() {
            Some((response, Framing::UntilClose)) => Ok(Some(response)),
            None if self.head.is_empty() => Ok(None),
            _ => Err(HttpError::Truncated),
        }
    }
}

/// Collects one request after another from a stream.
#[derive(Clone)]
pub struct RequestParser {
    cap: usize,
    head: Vec<u8>,
    partial: Option<(Request, Framing)>,
}

impl core::fmt::Debug for RequestParser {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RequestParser")
            .field("head_len", &self.head.len())
            .finish_non_exhaustive()
    }
}

impl RequestParser {
    /// A parser that accepts bodies up to `cap` bytes.
    #[must_use]
    pub const fn new(cap: usize) -> Self {
        Self {
            cap,
            head: Vec::new(),
            partial: None,
        }
    }

    /// Takes bytes from the front of `input`, up to the end of the request at most.
    ///
    /// # Errors
    /// Any [`HttpError`]; the stream is then of no more use.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Request>, HttpError> {
        if self.partial.is_none() {
            if !take_head(&mut self.head, input)? {
                return Ok(None);
            }
            let head = core::mem::take(&mut self.head);
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Request::new(&mut lines);
            check(parsed.parse(&head))?;
            let headers = copy_headers(parsed.headers)?;
            let framing = Framing::of(&headers, false, self.cap)?;
            let target = parsed.path.unwrap_or("/");
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let request = Request {
                method: parsed.method.unwrap_or("").into(),
                path: path.into(),
                query: query.into(),
                keep_alive: keeps_alive(parsed.version, &headers),
                headers,
                body: Vec::new(),
            };
            self.partial = Some((request, framing));
        }
        let Some((request, framing)) = &mut self.partial else {
            return Ok(None);
        };
        if !framing.take(input, &mut request.body, self.cap)? {
            return Ok(None);
        }
        Ok(self.partial.take().map(|(request, _)| request))
    }
}

/// Moves bytes into `head` up to and including the empty line. `true` when it is there.
fn take_head(head: &mut Vec<u8>, input: &mut &[u8]) -> Result<bool, HttpError> {
    while let Some((&byte, rest)) = input.split_first() {
        *input = rest;
        head.push(byte);
        if byte == b'\n' && (head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n")) {
            return Ok(true);
        }
        if head.len() >= MAX_HEAD {
            return Err(HttpError::HeadTooLong);
        }
    }
    Ok(false)
}

const fn check(result: httparse::Result<usize>) -> Result<(), HttpError> {
    match result {
        Ok(httparse::Status::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(HttpError::HeadTooLong),
        Ok(httparse::Status::Partial) | Err(_) => Err(HttpError::MalformedHead),
    }
}

fn copy_headers(lines: &[httparse::Header<'_>]) -> Result<Headers, HttpError> {
    let mut headers = Headers::default();
    for line in lines {
        let value = core::str::from_utf8(line.value).map_err(|_| HttpError::MalformedHead)?;
        headers.push(line.name, value);
    }
    Ok(headers)
}

/// RFC 9112 section 9.3.
fn keeps_alive(minor_version: Option<u8>, headers: &Headers) -> bool {
    !headers.has_token("connection", "close")
        && (minor_version == Some(1) || headers.has_token("connection", "keep-alive"))
}
