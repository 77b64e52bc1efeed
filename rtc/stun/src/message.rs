//! A received message.

use core::fmt;
use core::net::SocketAddr;

use smolrtc_base::Reader;

use crate::attributes::{self, Attributes};
use crate::fingerprint::{CheckError, fingerprint};
use crate::header::split_type;
use crate::{
    AddressFamily, AttributeType, Class, ErrorCode, HEADER_LEN, Key, MAGIC_COOKIE, Method,
    TransactionId, address,
};

/// Why bytes are no STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Shorter than a header.
    TooShort,
    /// One of the two top bits is set.
    NotStun,
    /// The magic cookie is missing.
    BadCookie,
    /// The length field is no multiple of four or does not equal what follows.
    BadLength,
    /// An attribute ends behind the message.
    TruncatedAttribute,
    /// MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 or FINGERPRINT of an impossible length.
    BadIntegrityLength,
    /// FINGERPRINT is not the last attribute.
    FingerprintNotLast,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "shorter than a STUN header",
            Self::NotStun => "the first two bits are not zero",
            Self::BadCookie => "the STUN magic cookie is missing",
            Self::BadLength => "the STUN length field does not fit the datagram",
            Self::TruncatedAttribute => "a STUN attribute ends behind its message",
            Self::BadIntegrityLength => "a STUN integrity attribute has an impossible length",
            Self::FingerprintNotLast => "FINGERPRINT is not the last STUN attribute",
        })
    }
}

impl core::error::Error for ParseError {}

/// A view of a well-formed message. Nothing in it is authenticated until
/// [`Message::check_integrity`] says so.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
    method: Method,
    id: TransactionId,
    /// Where the unprotected tail begins: the first of the three attributes below.
    tail: usize,
    integrity: Option<usize>,
    integrity_sha256: Option<usize>,
    fingerprint: Option<usize>,
}

impl<'a> Message<'a> {
    /// Checks header and attribute lengths. `bytes` is exactly one message: a datagram, or, of a
    /// stream, as many bytes as its header says.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        use ParseError as E;
        let mut reader = Reader::new(bytes);
        let ty = reader.u16().map_err(|_| E::TooShort)?;
        let len = reader.u16().map_err(|_| E::TooShort)?;
        let cookie = reader.u32().map_err(|_| E::TooShort)?;
        let id = TransactionId(reader.array().map_err(|_| E::TooShort)?);
        let (class, method) = split_type(ty).ok_or(E::NotStun)?;
        if cookie != MAGIC_COOKIE {
            return Err(E::BadCookie);
        }
        if len % 4 != 0 || usize::from(len) != reader.len() {
            return Err(E::BadLength);
        }
        let mut message = Self {
            bytes,
            class,
            method,
            id,
            tail: bytes.len(),
            integrity: None,
            integrity_sha256: None,
            fingerprint: None,
        };
        while !reader.is_empty() {
            let at = bytes.len().saturating_sub(reader.len());
            let attribute = attributes::next(&mut reader).ok_or(E::TruncatedAttribute)?;
            let len = attribute.value.len();
            let (slot, fits) = match attribute.ty {
                AttributeType::MESSAGE_INTEGRITY => (&mut message.integrity, len == 20),
                // May be truncated to a multiple of four from 16 bytes on (section 14.6).
                AttributeType::MESSAGE_INTEGRITY_SHA256 => (
                    &mut message.integrity_sha256,
                    (16..=32).contains(&len) && len % 4 == 0,
                ),
                AttributeType::FINGERPRINT if !reader.is_empty() => {
                    return Err(E::FingerprintNotLast);
                }
                AttributeType::FINGERPRINT => (&mut message.fingerprint, len == 4),
                _ => continue,
            };
            if !fits {
                return Err(E::BadIntegrityLength);
            }
            slot.get_or_insert(at);
            message.tail = message.tail.min(at);
        }
        Ok(message)
    }

    /// The message as received.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Request, indication or response.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// What is asked for.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// What joins response to request.
    #[must_use]
    pub const fn transaction_id(&self) -> TransactionId {
        self.id
    }

    /// The attributes before the integrity attributes and the fingerprint.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes.get(HEADER_LEN..self.tail).unwrap_or(&[]))
    }

    /// The value of the first attribute of type `ty`; later ones are ignored (section 14).
    #[must_use]
    pub fn get(&self, ty: AttributeType) -> Option<&'a [u8]> {
        self.attributes()
            .find(|attribute| attribute.ty == ty)
            .map(|attribute| attribute.value)
    }

    /// Types that must be understood and are not in `known`: what goes into a 420 response.
    pub fn unknown_required<'k>(
        &self,
        known: &'k [AttributeType],
    ) -> impl Iterator<Item = AttributeType> + use<'a, 'k> {
        self.attributes()
            .map(|attribute| attribute.ty)
            .filter(|ty| ty.is_comprehension_required() && !known.contains(ty))
    }

    fn text(&self, ty: AttributeType) -> Option<&'a str> {
        core::str::from_utf8(self.get(ty)?).ok()
    }

    fn number(&self, ty: AttributeType) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(ty)?.try_into().ok()?))
    }

    fn number64(&self, ty: AttributeType) -> Option<u64> {
        Some(u64::from_be_bytes(self.get(ty)?.try_into().ok()?))
    }

    fn xor_address(&self, ty: AttributeType) -> Option<SocketAddr> {
        address::parse(self.get(ty)?, Some(&self.id))
    }

    /// USERNAME. In ICE it is `receiver:sender`, by which a socket shared by many sessions finds
    /// the one that is meant.
    #[must_use]
    pub fn username(&self) -> Option<&'a str> {
        self.text(AttributeType::USERNAME)
    }

    /// REALM
    #[must_use]
    pub fn realm(&self) -> Option<&'a str> {
        self.text(AttributeType::REALM)
    }

    /// NONCE
    #[must_use]
    pub fn nonce(&self) -> Option<&'a [u8]> {
        self.get(AttributeType::NONCE)
    }

    /// SOFTWARE
    #[must_use]
    pub fn software(&self) -> Option<&'a str> {
        self.text(AttributeType::SOFTWARE)
    }

    /// PRIORITY
    #[must_use]
    pub fn priority(&self) -> Option<u32> {
        self.number(AttributeType::PRIORITY)
    }

    /// USE-CANDIDATE
    #[must_use]
    pub fn use_candidate(&self) -> bool {
        self.get(AttributeType::USE_CANDIDATE).is_some()
    }

    /// ICE-CONTROLLED: the sender's tiebreaker value.
    #[must_use]
    pub fn ice_controlled(&self) -> Option<u64> {
        self.number64(AttributeType::ICE_CONTROLLED)
    }

    /// ICE-CONTROLLING: the sender's tiebreaker value.
    #[must_use]
    pub fn ice_controlling(&self) -> Option<u64> {
        self.number64(AttributeType::ICE_CONTROLLING)
    }

    /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of an old server.
    #[must_use]
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.xor_address(AttributeType::XOR_MAPPED_ADDRESS)
            .or_else(|| address::parse(self.get(AttributeType::MAPPED_ADDRESS)?, None))
    }

    /// XOR-PEER-ADDRESS
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.xor_address(AttributeType::XOR_PEER_ADDRESS)
    }

    /// XOR-RELAYED-ADDRESS
    #[must_use]
    pub fn relayed_address(&self) -> Option<SocketAddr> {
        self.xor_address(AttributeType::XOR_RELAYED_ADDRESS)
    }

    /// ALTERNATE-SERVER
    #[must_use]
    pub fn alternate_server(&self) -> Option<SocketAddr> {
        address::parse(self.get(AttributeType::ALTERNATE_SERVER)?, None)
    }

    /// LIFETIME, seconds.
    #[must_use]
    pub fn lifetime(&self) -> Option<u32> {
        self.number(AttributeType::LIFETIME)
    }

    /// DATA
    #[must_use]
    pub fn data(&self) -> Option<&'a [u8]> {
        self.get(AttributeType::DATA)
    }

    /// CHANNEL-NUMBER
    #[must_use]
    pub fn channel_number(&self) -> Option<u16> {
        match *self.get(AttributeType::CHANNEL_NUMBER)? {
            [high, low, _, _] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP.
    #[must_use]
    pub fn requested_transport(&self) -> Option<u8> {
        match *self.get(AttributeType::REQUESTED_TRANSPORT)? {
            [protocol, _, _, _] => Some(protocol),
            _ => None,
        }
    }

    /// REQUESTED-ADDRESS-FAMILY
    #[must_use]
    pub fn requested_address_family(&self) -> Option<AddressFamily> {
        match *self.get(AttributeType::REQUESTED_ADDRESS_FAMILY)? {
            [1, _, _, _] => Some(AddressFamily::Ipv4),
            [2, _, _, _] => Some(AddressFamily::Ipv6),
            _ => None,
        }
    }

    /// ERROR-CODE
    #[must_use]
    pub fn error_code(&self) -> Option<ErrorCode<'a>> {
        match self.get(AttributeType::ERROR_CODE)? {
            [_, _, class, number, reason @ ..] => {
                let (class, number) = (u16::from(class & 7), u16::from(*number));
                if !(3..=6).contains(&class) || number > 99 {
                    return None;
                }
                Some(ErrorCode {
                    code: class.wrapping_mul(100).wrapping_add(number),
                    reason: core::str::from_utf8(reason).unwrap_or(""),
                })
            }
            _ => None,
        }
    }

    /// UNKNOWN-ATTRIBUTES
    pub fn unknown_attributes(&self) -> impl Iterator<Item = AttributeType> + use<'a> {
        self.get(AttributeType::UNKNOWN_ATTRIBUTES)
            .unwrap_or(&[])
            .chunks_exact(2)
            .map(|pair| AttributeType(pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte))))
    }

    /// Whether MESSAGE-INTEGRITY is present.
    #[must_use]
    pub const fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    /// Whether MESSAGE-INTEGRITY-SHA256 is present.
    #[must_use]
    pub const fn has_integrity_sha256(&self) -> bool {
        self.integrity_sha256.is_some()
    }

    /// Whether FINGERPRINT is present.
    #[must_use]
    pub const fn has_fingerprint(&self) -> bool {
        self.fingerprint.is_some()
    }

    /// The three parts that an integrity attribute at `at` covers: the header with the length that
    /// a message ending right behind that attribute would have, and the rest up to it.
    fn covered(&self, at: usize, value_len: usize) -> Option<([u8; 4], &'a [u8], &'a [u8])> {
        let ty = self.bytes.first_chunk::<2>()?;
        let len = at.checked_add(4)?.checked_add(value_len)?;
        let len = u16::try_from(len.checked_sub(HEADER_LEN)?).ok()?;
        let [a, b] = *ty;
        let [c, d] = len.to_be_bytes();
        let value = at.checked_add(4)?;
        Some((
            [a, b, c, d],
            self.bytes.get(4..at)?,
            self.bytes.get(value..value.checked_add(value_len)?)?,
        ))
    }

    fn value_len(&self, at: usize) -> Option<usize> {
        let mut reader = Reader::new(self.bytes.get(at..)?);
        attributes::next(&mut reader).map(|attribute| attribute.value.len())
    }

    /// Checks MESSAGE-INTEGRITY-SHA256 if it is there, else MESSAGE-INTEGRITY, over the bytes as
    /// they were received, in constant time.
    ///
    /// # Errors
    /// Neither is there, or it does not match.
    pub fn check_integrity(&self, key: &Key) -> Result<(), CheckError> {
        let (at, mac) = match (self.integrity_sha256, self.integrity) {
            (Some(at), _) => (at, key.sha256()),
            (None, Some(at)) => (at, key.sha1()),
            (None, None) => return Err(CheckError::Missing),
        };
        let parts = self.value_len(at).and_then(|len| self.covered(at, len));
        let Some((head, body, tag)) = parts else {
            return Err(CheckError::Mismatch);
        };
        if mac.verify(&[&head, body], tag) {
            Ok(())
        } else {
            Err(CheckError::Mismatch)
        }
    }

    /// Checks FINGERPRINT.
    ///
    /// # Errors
    /// It is not there, or does not match.
    pub fn check_fingerprint(&self) -> Result<(), CheckError> {
        let at = self.fingerprint.ok_or(CheckError::Missing)?;
        match self.covered(at, 4) {
            // The fingerprint comes last, so the length in the header is the one it covers.
            Some((head, body, value)) if value == fingerprint(&[&head, body]).to_be_bytes() => {
                Ok(())
            }
            _ => Err(CheckError::Mismatch),
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("class", &self.class)
            .field("method", &self.method.number())
            .field("id", &self.id)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
