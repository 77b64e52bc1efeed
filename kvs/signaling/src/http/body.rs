//! Where a body ends, and its chunks (RFC 9112 sections 6 and 7.1).

use alloc::vec::Vec;

use super::{Headers, HttpError};

/// How the rest of the message is framed.
#[derive(Clone, Debug)]
pub(super) enum Framing {
    Empty,
    /// Bytes to come.
    Length(usize),
    Chunked(Chunk),
    UntilClose,
}

/// Place inside a chunked body. Lines are collected, since a line may arrive in pieces.
#[derive(Clone, Debug)]
pub(super) enum Chunk {
    Size(Vec<u8>),
    Data(usize),
    /// The line break after a chunk's data.
    DataEnd(Vec<u8>),
    Trailer {
        line: Vec<u8>,
        total: usize,
    },
}

/// A chunk's size line, extensions included, is short.
const MAX_LINE: usize = 256;
const MAX_TRAILERS: usize = 2_048;

impl Framing {
    /// From the head. `to_close` says what a message without any length means: nothing for a
    /// request, everything for a response.
    pub(super) fn of(headers: &Headers, to_close: bool, cap: usize) -> Result<Self, HttpError> {
        let mut length = None;
        let mut coding = None;
        for (name, value) in headers.iter() {
            if name.eq_ignore_ascii_case("content-length") {
                let value = value.trim();
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let parsed: usize = value.parse().map_err(|_| HttpError::AmbiguousLength)?;
                if !digits || length.is_some_and(|other| other != parsed) {
                    return Err(HttpError::AmbiguousLength);
                }
                length = Some(parsed);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                let chunked = value.trim().eq_ignore_ascii_case("chunked");
                if !chunked || coding.is_some() {
                    return Err(HttpError::AmbiguousLength);
                }
                coding = Some(());
            }
        }
        match (length, coding) {
            (Some(_), Some(())) => Err(HttpError::AmbiguousLength),
            (None, Some(())) => Ok(Self::Chunked(Chunk::Size(Vec::new()))),
            (Some(0), None) => Ok(Self::Empty),
            (Some(length), None) if length <= cap => Ok(Self::Length(length)),
            (Some(_), None) => Err(HttpError::BodyTooLong),
            (None, None) if to_close => Ok(Self::UntilClose),
            (None, None) => Ok(Self::Empty),
        }
    }

    /// Takes what belongs to the body from the front of `input`. `true` when the body is whole.
    pub(super) fn take(
        &mut self,
        input: &mut &[u8],
        body: &mut Vec<u8>,
        cap: usize,
    ) -> Result<bool, HttpError> {
        loop {
            match self {
                Self::Empty => return Ok(true),
                Self::Length(left) => {
                    let taken = take_up_to(input, *left);
                    body.extend_from_slice(taken);
                    *left = left.saturating_sub(taken.len());
                    return Ok(*left == 0);
                }
                Self::UntilClose => {
                    if input.len() > cap.saturating_sub(body.len()) {
                        return Err(HttpError::BodyTooLong);
                    }
                    body.extend_from_slice(core::mem::take(input));
                    return Ok(false);
                }
                Self::Chunked(chunk) => {
                    let Some(next) = chunk.step(input, body, cap)? else {
                        return Ok(false);
                    };
                    *self = next.map_or(Self::Empty, Self::Chunked);
                }
            }
        }
    }
}

impl Chunk {
    /// The next place: `None` when input is short, `Some(None)` at the end of the body.
    fn step(
        &mut self,
        input: &mut &[u8],
        body: &mut Vec<u8>,
        cap: usize,
    ) -> Result<Option<Option<Self>>, HttpError> {
        match self {
            Self::Size(line) => {
                let Some(text) = take_line(input, line, MAX_LINE)? else {
                    return Ok(None);
                };
                let digits = text
                    .split(|b| *b == b';')
                    .next()
                    .unwrap_or(&[])
                    .trim_ascii();
                let size = core::str::from_utf8(digits)
                    .ok()
                    .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|digits| usize::from_str_radix(digits, 16).ok())
                    .ok_or(HttpError::MalformedChunk)?;
                if size > cap.saturating_sub(body.len()) {
                    return Err(HttpError::BodyTooLong);
                }
                Ok(Some(Some(if size == 0 {
                    Self::Trailer {
                        line: Vec::new(),
                        total: 0,
                    }
                } else {
                    Self::Data(size)
                })))
            }
            Self::Data(left) => {
                let taken = take_up_to(input, *left);
                body.extend_from_slice(taken);
                *left = left.saturating_sub(taken.len());
                Ok((*left == 0).then(|| Some(Self::DataEnd(Vec::new()))))
            }
            Self::DataEnd(line) => match take_line(input, line, 0)? {
                None => Ok(None),
                Some(_) => Ok(Some(Some(Self::Size(Vec::new())))),
            },
            Self::Trailer { line, total } => match take_line(input, line, MAX_LINE)? {
                None => Ok(None),
                Some(text) if text.is_empty() => Ok(Some(None)),
                Some(text) => {
                    let total = total.saturating_add(text.len());
                    if total > MAX_TRAILERS {
                        return Err(HttpError::MalformedChunk);
                    }
                    Ok(Some(Some(Self::Trailer {
                        line: Vec::new(),
                        total,
                    })))
                }
            },
        }
    }
}

fn take_up_to<'a>(input: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
    *input = rest;
    taken
}

/// A line without its CR LF, once it is whole.
fn take_line(
    input: &mut &[u8],
    line: &mut Vec<u8>,
    max: usize,
) -> Result<Option<Vec<u8>>, HttpError> {
    while let Some((&byte, rest)) = input.split_first() {
        *input = rest;
        if byte == b'\n' {
            let mut whole = core::mem::take(line);
            return match whole.pop() {
                Some(b'\r') => Ok(Some(whole)),
                _ => Err(HttpError::MalformedChunk),
            };
        }
        if line.len() > max {
            return Err(HttpError::MalformedChunk);
        }
        line.push(byte);
    }
    Ok(None)
}
