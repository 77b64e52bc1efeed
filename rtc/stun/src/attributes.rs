//! Attribute types and the walk over them (RFC 8489 section 14).

use core::fmt;

use smolrtc_base::Reader;

/// A 16-bit attribute type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

macro_rules! attribute_types {
    ($($(#[$meta:meta])* $name:ident = $value:literal, $text:literal;)+) => {
        impl AttributeType {
            $($(#[$meta])* pub const $name: Self = Self($value);)+

            /// Name in the registry, if this crate knows the type.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)+
                    _ => None,
                }
            }
        }
    };
}

attribute_types! {
    /// RFC 8489 section 14.1
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// RFC 8489 section 14.3
    USERNAME = 0x0006, "USERNAME";
    /// RFC 8489 section 14.5
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// RFC 8489 section 14.8
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// RFC 8489 section 14.13
    UNKNOWN_ATTRIBUTES = 0x000a, "UNKNOWN-ATTRIBUTES";
    /// RFC 8656 section 18.1
    CHANNEL_NUMBER = 0x000c, "CHANNEL-NUMBER";
    /// RFC 8656 section 18.2
    LIFETIME = 0x000d, "LIFETIME";
    /// RFC 8656 section 18.3
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    /// RFC 8656 section 18.4
    DATA = 0x0013, "DATA";
    /// RFC 8489 section 14.9
    REALM = 0x0014, "REALM";
    /// RFC 8489 section 14.10
    NONCE = 0x0015, "NONCE";
    /// RFC 8656 section 18.5
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    /// RFC 8656 section 18.6
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    /// RFC 8656 section 18.7
    EVEN_PORT = 0x0018, "EVEN-PORT";
    /// RFC 8656 section 18.8
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    /// RFC 8656 section 18.9
    DONT_FRAGMENT = 0x001a, "DONT-FRAGMENT";
    /// RFC 8489 section 14.6
    MESSAGE_INTEGRITY_SHA256 = 0x001c, "MESSAGE-INTEGRITY-SHA256";
    /// RFC 8489 section 14.12
    PASSWORD_ALGORITHM = 0x001d, "PASSWORD-ALGORITHM";
    /// RFC 8489 section 14.4
    USERHASH = 0x001e, "USERHASH";
    /// RFC 8489 section 14.2
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// RFC 8656 section 18.10
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    /// RFC 8445 section 16.1
    PRIORITY = 0x0024, "PRIORITY";
    /// RFC 8445 section 16.1
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    /// RFC 8656 section 18.11
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    /// RFC 8656 section 18.12
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    /// RFC 8489 section 14.11
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// RFC 8489 section 14.16
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    /// RFC 8656 section 18.13
    ICMP = 0x8004, "ICMP";
    /// RFC 8489 section 14.14
    SOFTWARE = 0x8022, "SOFTWARE";
    /// RFC 8489 section 14.15
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    /// RFC 8489 section 14.7
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// RFC 8445 section 16.1
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    /// RFC 8445 section 16.1
    ICE_CONTROLLING = 0x802a, "ICE-CONTROLLING";
}

impl AttributeType {
    /// Whether a receiver that does not know it must refuse the message with 420.
    #[must_use]
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

/// One attribute as received, without its padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type.
    pub ty: AttributeType,
    /// Its value.
    pub value: &'a [u8],
}

/// Walks attributes in their order. It ends before the first of MESSAGE-INTEGRITY,
/// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, since what follows is not protected and must be
/// ignored (RFC 8489 sections 14.5 and 14.6).
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    reader: Reader<'a>,
}

impl<'a> Attributes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(bytes),
        }
    }
}

/// Reads one attribute and its padding.
pub(crate) fn next<'a>(reader: &mut Reader<'a>) -> Option<Attribute<'a>> {
    let ty = AttributeType(reader.u16().ok()?);
    let len = usize::from(reader.u16().ok()?);
    let value = reader.take(len).ok()?;
    reader.skip(padding(len)).ok()?;
    Some(Attribute { ty, value })
}

/// Bytes that follow a value of `len` bytes up to the next multiple of four.
pub(crate) const fn padding(len: usize) -> usize {
    len.wrapping_neg() & 3
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;
    fn next(&mut self) -> Option<Attribute<'a>> {
        next(&mut self.reader)
    }
}

/// An address family as TURN writes it (RFC 8656 section 18.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// 0x01
    Ipv4,
    /// 0x02
    Ipv6,
}

/// The value of ERROR-CODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300 to 699.
    pub code: u16,
    /// For people; empty if it is not UTF-8.
    pub reason: &'a str,
}
