//! The fixed header (RFC 8489 section 5).

use core::fmt;

/// Bytes before the first attribute.
pub const HEADER_LEN: usize = 20;

/// What tells STUN of RFC 5389 and later from everything else.
pub const MAGIC_COOKIE: u32 = 0x2112_a442;

/// The two class bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// The request was carried out.
    Success,
    /// The request was refused.
    Error,
}

/// A 12-bit method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(u16);

impl Method {
    /// RFC 8489
    pub const BINDING: Self = Self(0x001);
    /// RFC 8656
    pub const ALLOCATE: Self = Self(0x003);
    /// RFC 8656
    pub const REFRESH: Self = Self(0x004);
    /// RFC 8656
    pub const SEND: Self = Self(0x006);
    /// RFC 8656
    pub const DATA: Self = Self(0x007);
    /// RFC 8656
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// RFC 8656
    pub const CHANNEL_BIND: Self = Self(0x009);

    /// The method `number`; `None` from 0x1000 on.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number < 0x1000 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Joins a response to its request. 96 bits, drawn anew for each transaction from a generator that
/// an attacker cannot predict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whether `datagram` begins like a STUN message: how it is told from DTLS, SRTP and ChannelData
/// on one socket (RFC 7983 section 7; the cookie leaves no doubt).
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(
        datagram,
        [0..=3, _, _, _, a, b, c, d, ..]
            if u32::from_be_bytes([*a, *b, *c, *d]) == MAGIC_COOKIE && datagram.len() >= HEADER_LEN
    )
}

/// The message type: method bits M11–M0 with class bits C1, C0 between them (figure 3).
pub(crate) const fn message_type(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    let m = method.0;
    class | (m & 0x000f) | ((m & 0x0070) << 1) | ((m & 0x0f80) << 2)
}

/// The inverse of [`message_type`]; `None` if one of the two top bits is set.
pub(crate) const fn split_type(ty: u16) -> Option<(Class, Method)> {
    if ty & 0xc000 != 0 {
        return None;
    }
    let class = match ty & 0x110 {
        0x000 => Class::Request,
        0x010 => Class::Indication,
        0x100 => Class::Success,
        _ => Class::Error,
    };
    let method = (ty & 0x000f) | ((ty & 0x00e0) >> 1) | ((ty & 0x3e00) >> 2);
    Some((class, Method(method)))
}
