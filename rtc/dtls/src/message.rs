//! Handshake messages (RFC 5246 section 7.4, RFC 6347 section 4.2.2): fragments and headers here,
//! bodies in the modules below.

mod authentication;
mod hello;

use alloc::vec::Vec;

use smolrtc_base::{Reader, Truncated};

pub(crate) use authentication::{
    CertificateRequest, ServerKeyExchange, Signed, certificate, certificate_request,
    client_key_exchange, leaf, parse_client_key_exchange, server_key_exchange,
};
pub(crate) use hello::{
    ClientHello, ClientHelloRepr, HelloVerifyRequest, ServerHello, ServerHelloRepr,
};

use crate::DropReason;

/// Handshake types.
pub(crate) mod kind {
    pub(crate) const HELLO_REQUEST: u8 = 0;
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(crate) const FINISHED: u8 = 20;
}

/// Type, length, message number, fragment offset, fragment length.
pub(crate) const HEADER_LEN: usize = 12;

/// A message body that could not be decoded. It becomes [`Error::Decode`](crate::Error::Decode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self
    }
}

impl From<Malformed> for crate::Error {
    fn from(_: Malformed) -> Self {
        Self::Decode
    }
}

/// One fragment of a handshake message; an unfragmented message is one fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) kind: u8,
    pub(crate) number: u16,
    /// Length of the whole message's body.
    pub(crate) message_len: usize,
    pub(crate) offset: usize,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads the next fragment of a record. A record may hold several.
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self, DropReason> {
        Self::fields(reader).map_err(|Truncated| DropReason::Truncated)?
    }

    fn fields(reader: &mut Reader<'a>) -> Result<Result<Self, DropReason>, Truncated> {
        let kind = reader.u8()?;
        let message_len = reader.u24()? as usize;
        let number = reader.u16()?;
        let offset = reader.u24()? as usize;
        let bytes = reader.vec24()?;
        if offset.saturating_add(bytes.len()) > message_len {
            return Ok(Err(DropReason::BadFragment));
        }
        Ok(Ok(Self {
            kind,
            number,
            message_len,
            offset,
            bytes,
        }))
    }

    /// Whether the message ends with this fragment.
    pub(crate) const fn is_last(&self) -> bool {
        self.offset.saturating_add(self.bytes.len()) == self.message_len
    }
}

/// A fragment's header. With `offset` 0 and `fragment_len` the whole, it is the header that enters
/// the transcript (RFC 6347 section 4.2.6).
pub(crate) fn header(
    kind: u8,
    number: u16,
    message_len: usize,
    offset: usize,
    fragment_len: usize,
) -> [u8; HEADER_LEN] {
    let [n0, n1] = number.to_be_bytes();
    let [m0, m1, m2] = u24(message_len);
    let [o0, o1, o2] = u24(offset);
    let [f0, f1, f2] = u24(fragment_len);
    [kind, m0, m1, m2, n0, n1, o0, o1, o2, f0, f1, f2]
}

/// The lower 24 bits.
fn u24(value: usize) -> [u8; 3] {
    let [.., a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// Appends a body's fields to the transcript.
///
/// Unlike packets, handshake messages live in a growing `Vec`: each is written once, at the place
/// from which it is hashed, fragmented and retransmitted.
#[derive(Debug)]
pub(crate) struct Body<'a>(pub(crate) &'a mut Vec<u8>);

impl Body<'_> {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// What `fill` appends, preceded by its length in `N` bytes. Longer vectors do not occur: the
    /// longest is our own certificate.
    pub(crate) fn vec<const N: usize>(&mut self, fill: impl FnOnce(&mut Self)) {
        let at = self.0.len();
        self.put(&[0; N]);
        let from = self.0.len();
        fill(self);
        let len = self.0.len().saturating_sub(from).to_be_bytes();
        if let (Some(slot), Some(len)) = (
            self.0.get_mut(at..from),
            len.get(len.len().saturating_sub(N)..),
        ) {
            slot.copy_from_slice(len);
        }
    }

    fn extension(&mut self, id: u16, fill: impl FnOnce(&mut Self)) {
        self.u16(id);
        self.vec::<2>(fill);
    }
}

/// The 16-bit numbers of a vector; an odd byte is an error.
fn u16_list(bytes: &[u8]) -> Result<impl Iterator<Item = u16> + Clone + '_, Malformed> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Malformed);
    }
    Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
}

#[cfg(test)]
mod tests;
