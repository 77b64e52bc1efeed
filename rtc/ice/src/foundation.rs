//! The foundation of a candidate.
#![deny(clippy::arithmetic_side_effects)]

use core::fmt;

/// Groups candidates that are alike for the order of checks (RFC 8445 section 5.1.1.3): 1 to 32
/// ice-chars (RFC 8839 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Foundation {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Foundation {
    /// Longest foundation, bytes.
    pub const MAX: usize = 32;

    /// The foundation `text`; `None` if it is empty, too long or has other characters than
    /// letters, digits, `+`, `/`. A hyphen and underscore are tolerated: old peers write them.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        if !text.bytes().all(allowed) {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Self { bytes, len })
    }

    /// The foundation that is `number` in decimal digits.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let mut digits = [0_u8; 10];
        let mut rest = number;
        let mut len = 0_u8;
        for slot in digits.iter_mut().rev() {
            *slot = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            len = len.wrapping_add(1);
            if rest == 0 {
                break;
            }
        }
        let mut bytes = [0; Self::MAX];
        let from = digits.len().saturating_sub(usize::from(len));
        for (to, from) in bytes.iter_mut().zip(digits.iter().skip(from)) {
            *to = *from;
        }
        Self { bytes, len }
    }

    /// The text as it stands in a candidate line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or("0")
    }
}

impl fmt::Display for Foundation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Foundation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
