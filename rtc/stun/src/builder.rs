//! Writes a message.

use core::net::SocketAddr;

use smolrtc_base::{BufferTooSmall, Writer};

use crate::attributes::padding;
use crate::fingerprint::fingerprint;
use crate::header::message_type;
use crate::{
    AddressFamily, AttributeType, Class, HEADER_LEN, Key, MAGIC_COOKIE, Method, TransactionId,
    address,
};

/// Writes one message into a caller's buffer, attribute by attribute.
///
/// Every step fails with [`BufferTooSmall`] when the buffer is full, and then has written nothing
/// that [`Builder::finish`] counts. The integrity attribute comes last but for the fingerprint.
#[derive(Debug)]
pub struct Builder<'a> {
    writer: Writer<'a>,
    id: TransactionId,
}

impl<'a> Builder<'a> {
    /// Writes the header.
    ///
    /// # Errors
    /// The buffer has less than 20 bytes.
    pub fn new(
        buf: &'a mut [u8],
        class: Class,
        method: Method,
        id: TransactionId,
    ) -> Result<Self, BufferTooSmall> {
        let mut writer = Writer::new(buf);
        writer.u16(message_type(class, method))?;
        writer.u16(0)?;
        writer.u32(MAGIC_COOKIE)?;
        writer.put(&id.0)?;
        Ok(Self { writer, id })
    }

    /// Sets the length field as if the message ended `ahead` bytes from here.
    fn set_len(&mut self, ahead: usize) -> Result<(), BufferTooSmall> {
        let body = self.writer.len().saturating_sub(HEADER_LEN);
        let len = u16::try_from(body.saturating_add(ahead)).map_err(|_| BufferTooSmall)?;
        self.writer.patch_u16(2, len)
    }

    /// Writes an attribute header for `len` bytes of value, if value and padding will fit too.
    fn begin(&mut self, ty: AttributeType, len: usize) -> Result<(), BufferTooSmall> {
        let value_len = u16::try_from(len).map_err(|_| BufferTooSmall)?;
        let total = len.saturating_add(padding(len)).saturating_add(4);
        if self.writer.remaining() < total {
            return Err(BufferTooSmall);
        }
        self.set_len(total)?;
        self.writer.u16(ty.0)?;
        self.writer.u16(value_len)
    }

    /// Writes an attribute of several parts, and zeros as padding.
    fn parts(&mut self, ty: AttributeType, parts: &[&[u8]]) -> Result<(), BufferTooSmall> {
        let len = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        self.begin(ty, len)?;
        parts.iter().try_for_each(|part| self.writer.put(part))?;
        self.writer.zeros(padding(len))
    }

    /// Any attribute.
    ///
    /// # Errors
    /// As for every method here: the buffer is full.
    pub fn attribute(&mut self, ty: AttributeType, value: &[u8]) -> Result<(), BufferTooSmall> {
        self.parts(ty, &[value])
    }

    /// USERNAME
    pub fn username(&mut self, username: &str) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::USERNAME, username.as_bytes())
    }

    /// REALM
    pub fn realm(&mut self, realm: &str) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::REALM, realm.as_bytes())
    }

    /// NONCE
    pub fn nonce(&mut self, nonce: &[u8]) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::NONCE, nonce)
    }

    /// SOFTWARE
    pub fn software(&mut self, software: &str) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::SOFTWARE, software.as_bytes())
    }

    /// PRIORITY
    pub fn priority(&mut self, priority: u32) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// USE-CANDIDATE
    pub fn use_candidate(&mut self) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::USE_CANDIDATE, &[])
    }

    /// ICE-CONTROLLED
    pub fn ice_controlled(&mut self, tiebreaker: u64) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::ICE_CONTROLLED, &tiebreaker.to_be_bytes())
    }

    /// ICE-CONTROLLING
    pub fn ice_controlling(&mut self, tiebreaker: u64) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::ICE_CONTROLLING, &tiebreaker.to_be_bytes())
    }

    /// An address attribute in its XOR form.
    pub fn xor_address(
        &mut self,
        ty: AttributeType,
        address: &SocketAddr,
    ) -> Result<(), BufferTooSmall> {
        self.begin(ty, address::len(address))?;
        address::emit(&mut self.writer, address, Some(&self.id))
    }

    /// XOR-MAPPED-ADDRESS
    pub fn xor_mapped_address(&mut self, address: &SocketAddr) -> Result<(), BufferTooSmall> {
        self.xor_address(AttributeType::XOR_MAPPED_ADDRESS, address)
    }

    /// MAPPED-ADDRESS, for clients older than RFC 5389.
    pub fn mapped_address(&mut self, address: &SocketAddr) -> Result<(), BufferTooSmall> {
        self.begin(AttributeType::MAPPED_ADDRESS, address::len(address))?;
        address::emit(&mut self.writer, address, None)
    }

    /// XOR-PEER-ADDRESS
    pub fn xor_peer_address(&mut self, address: &SocketAddr) -> Result<(), BufferTooSmall> {
        self.xor_address(AttributeType::XOR_PEER_ADDRESS, address)
    }

    /// XOR-RELAYED-ADDRESS
    pub fn xor_relayed_address(&mut self, address: &SocketAddr) -> Result<(), BufferTooSmall> {
        self.xor_address(AttributeType::XOR_RELAYED_ADDRESS, address)
    }

    /// LIFETIME, seconds.
    pub fn lifetime(&mut self, seconds: u32) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::LIFETIME, &seconds.to_be_bytes())
    }

    /// CHANNEL-NUMBER
    pub fn channel_number(&mut self, number: u16) -> Result<(), BufferTooSmall> {
        self.parts(
            AttributeType::CHANNEL_NUMBER,
            &[&number.to_be_bytes(), &[0; 2]],
        )
    }

    /// DATA
    pub fn data(&mut self, data: &[u8]) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::DATA, data)
    }

    /// REQUESTED-TRANSPORT: an IP protocol number, 17 for UDP.
    pub fn requested_transport(&mut self, protocol: u8) -> Result<(), BufferTooSmall> {
        self.attribute(AttributeType::REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    /// REQUESTED-ADDRESS-FAMILY
    pub fn requested_address_family(
        &mut self,
        family: AddressFamily,
    ) -> Result<(), BufferTooSmall> {
        let family = match family {
            AddressFamily::Ipv4 => 1,
            AddressFamily::Ipv6 => 2,
        };
        self.attribute(AttributeType::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0])
    }

    /// ERROR-CODE. `code` is 300 to 699.
    pub fn error_code(&mut self, code: u16, reason: &str) -> Result<(), BufferTooSmall> {
        let head = [0, 0, (code / 100) as u8, (code % 100) as u8];
        self.parts(AttributeType::ERROR_CODE, &[&head, reason.as_bytes()])
    }

    /// UNKNOWN-ATTRIBUTES
    pub fn unknown_attributes(&mut self, types: &[AttributeType]) -> Result<(), BufferTooSmall> {
        let len = types.len().saturating_mul(2);
        self.begin(AttributeType::UNKNOWN_ATTRIBUTES, len)?;
        types.iter().try_for_each(|ty| self.writer.u16(ty.0))?;
        self.writer.zeros(padding(len))
    }

    /// MESSAGE-INTEGRITY over all that was written so far.
    pub fn integrity(&mut self, key: &Key) -> Result<(), BufferTooSmall> {
        if self.writer.remaining() < 24 {
            return Err(BufferTooSmall);
        }
        self.set_len(24)?;
        let tag = key.sha1().compute(&[self.writer.written()]);
        self.attribute(
            AttributeType::MESSAGE_INTEGRITY,
            tag.get(..20).unwrap_or(&tag),
        )
    }

    /// MESSAGE-INTEGRITY-SHA256 over all that was written so far, not truncated.
    pub fn integrity_sha256(&mut self, key: &Key) -> Result<(), BufferTooSmall> {
        if self.writer.remaining() < 36 {
            return Err(BufferTooSmall);
        }
        self.set_len(36)?;
        let tag = key.sha256().compute(&[self.writer.written()]);
        self.attribute(
            AttributeType::MESSAGE_INTEGRITY_SHA256,
            tag.get(..32).unwrap_or(&tag),
        )
    }

    /// FINGERPRINT over all that was written so far; the last attribute.
    pub fn fingerprint(&mut self) -> Result<(), BufferTooSmall> {
        if self.writer.remaining() < 8 {
            return Err(BufferTooSmall);
        }
        self.set_len(8)?;
        let value = fingerprint(&[self.writer.written()]);
        self.attribute(AttributeType::FINGERPRINT, &value.to_be_bytes())
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.writer.len()
    }

    /// Whether nothing was written: never, since the header is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    /// Length of the message, which stands at the front of the buffer.
    #[must_use]
    pub const fn finish(self) -> usize {
        self.writer.len()
    }
}
