//! What a datagram is, by its first byte (RFC 7983 section 7, RFC 5761 section 4).

/// The protocol a datagram on a WebRTC socket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// First byte 0..=3.
    Stun,
    /// First byte 20..=63.
    Dtls,
    /// First byte 128..=191, payload type outside 64..=95.
    Rtp,
    /// First byte 128..=191, packet type 192..=223.
    Rtcp,
}

impl Protocol {
    /// Classifies a datagram; `None` for what no protocol of ours starts with.
    #[must_use]
    pub const fn of(datagram: &[u8]) -> Option<Self> {
        match datagram {
            [0..=3, ..] => Some(Self::Stun),
            [20..=63, ..] => Some(Self::Dtls),
            [128..=191, 192..=223, ..] => Some(Self::Rtcp),
            [128..=191, _, ..] => Some(Self::Rtp),
            _ => None,
        }
    }
}

/// Whether a DTLS datagram starts with an unencrypted ClientHello: handshake record (22), epoch 0,
/// message type 1. Only these may wait for ICE to validate their source.
#[must_use]
pub(crate) fn is_client_hello(datagram: &[u8]) -> bool {
    matches!(datagram, [22, _, _, 0, 0, ..]) && datagram.get(13) == Some(&1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_decides() {
        assert_eq!(Protocol::of(&[0, 1]), Some(Protocol::Stun));
        assert_eq!(Protocol::of(&[22, 0xfe]), Some(Protocol::Dtls));
        assert_eq!(Protocol::of(&[0x80, 111]), Some(Protocol::Rtp));
        assert_eq!(Protocol::of(&[0x80, 0x80 | 111]), Some(Protocol::Rtp));
        assert_eq!(Protocol::of(&[0x81, 200]), Some(Protocol::Rtcp));
        assert_eq!(Protocol::of(&[0x40, 0]), None);
        assert_eq!(Protocol::of(&[]), None);
    }

    #[test]
    fn only_a_plain_client_hello_counts_as_one() {
        let mut hello = [0_u8; 14];
        hello[0] = 22;
        hello[13] = 1;
        assert!(is_client_hello(&hello));
        hello[4] = 1;
        assert!(!is_client_hello(&hello), "epoch 1 is encrypted");
        assert!(!is_client_hello(&hello[..13]));
    }
}
