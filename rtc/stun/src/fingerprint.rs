//! CRC-32 and FINGERPRINT (RFC 8489 section 14.7).

use core::fmt;

/// An integrity attribute or fingerprint that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// The attribute is not there.
    Missing,
    /// It is not what the bytes and the key give.
    Mismatch,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the STUN integrity attribute is missing",
            Self::Mismatch => "the STUN integrity attribute does not match",
        })
    }
}

impl core::error::Error for CheckError {}

/// Sets the fingerprint apart from other protocols' CRC-32.
const XOR: u32 = 0x5354_554e;

/// One nibble at a time: 64 bytes of table, fast enough for messages of 100 bytes.
const TABLE: [u32; 16] = {
    let mut table = [0_u32; 16];
    let mut index = 0_u32;
    while index < 16 {
        let mut value = index;
        let mut bit = 0_u8;
        while bit < 4 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0xedb8_8320
            } else {
                value >> 1
            };
            bit = bit.wrapping_add(1);
        }
        // Constant evaluation: an index out of range would not compile.
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            table[index as usize] = value;
        }
        index = index.wrapping_add(1);
    }
    table
};

fn step(crc: u32, nibble: u32) -> u32 {
    let index = ((crc ^ nibble) & 15) as usize;
    TABLE.get(index).copied().unwrap_or(0) ^ (crc >> 4)
}

/// CRC-32 (ITU-T V.42, as in zlib) of the concatenation of `parts`.
#[must_use]
pub fn crc32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(u32::MAX, |crc, byte| {
        let byte = u32::from(*byte);
        step(step(crc, byte), byte >> 4)
    })
}

pub(crate) fn fingerprint(parts: &[&[u8]]) -> u32 {
    crc32(parts) ^ XOR
}
