//! What may go wrong on either side.

use core::fmt;

/// Why a packet was not protected, or a context not built. The buffer is then untouched, but for
/// [`SrtpError::NotIdentical`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SrtpError {
    /// Master key or salt have not the lengths of the profile.
    KeyLength,
    /// The buffer does not hold a whole RTP or RTCP packet of version 2.
    Malformed,
    /// No room for the tag: the buffer must hold `needed` bytes.
    BufferTooSmall {
        /// Bytes of the protected packet.
        needed: usize,
    },
    /// The low 16 bits of the index are not the packet's sequence number.
    IndexMismatch,
    /// The index is not above every index protected for this source before. Protecting it would
    /// use a nonce twice.
    IndexReused,
    /// The key has protected all the packets it may (RFC 3711 section 9.2).
    KeyExhausted,
    /// More sources than `Limits::srtp_sources`.
    TooManySources,
    /// Under an AEAD profile nothing is ever resent; use RTX (RFC 4588).
    ResendForbidden,
    /// The packet to resend was not protected before, or that is too long ago.
    NotRemembered,
    /// The packet to resend differs from what was protected under its index. The buffer was wiped.
    NotIdentical,
}

impl fmt::Display for SrtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyLength => "master key or salt do not fit the SRTP profile",
            Self::Malformed => "not a whole RTP or RTCP packet",
            Self::BufferTooSmall { needed } => {
                return write!(f, "the protected packet needs {needed} bytes");
            }
            Self::IndexMismatch => "packet index and sequence number disagree",
            Self::IndexReused => "packet index used before; resend with RTX",
            Self::KeyExhausted => "the SRTP key has protected all the packets it may",
            Self::TooManySources => "more sources than Limits::srtp_sources",
            Self::ResendForbidden => "AEAD profiles allow no resend; use RTX",
            Self::NotRemembered => "the packet to resend is not remembered",
            Self::NotIdentical => "the packet to resend differs from the one sent before",
        })
    }
}

impl core::error::Error for SrtpError {}

smolrtc_base::drop_reasons! {
    /// Why a received packet was dropped.
    pub enum DropReason, counted by
    /// Received packets dropped, by reason.
    pub struct Drops {
        /// Shorter than its header, tag and index, or longer than the buffer.
        TooShort = "too_short",
        /// Not version 2.
        BadVersion = "bad_version",
        /// Received before.
        Replayed = "replayed",
        /// Older than the replay window remembers.
        TooOld = "too_old",
        /// The rollover count would pass 2³².
        IndexOverflow = "index_overflow",
        /// Not authentic.
        BadTag = "bad_tag",
        /// A new source when no more can be remembered.
        TooManySources = "too_many_sources",
    }
}
