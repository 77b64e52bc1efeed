//! CRC32c (RFC 9260 appendix A), eight bytes a step.

/// Castagnoli's polynomial, bit-reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[k][b]` is the checksum of byte `b` followed by `k` zero bytes: 8 KiB that make eight
/// look-ups independent of each other.
static TABLES: [[u32; 256]; 8] = tables();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which rejects what does not fit"
)]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0_u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[table - 1][byte];
            tables[table][byte] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

#[allow(
    clippy::indexing_slicing,
    reason = "a table of 256 indexed by a byte; the compiler sees that no check is needed"
)]
#[inline(always)]
const fn look(table: &[u32; 256], byte: u8) -> u32 {
    table[byte as usize]
}

/// Continues `state`, which starts as all ones and is inverted at the end.
fn update(mut state: u32, bytes: &[u8]) -> u32 {
    let (words, tail) = bytes.as_chunks::<8>();
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    for &[a, b, c, d, e, f, g, h] in words {
        let [a, b, c, d] = (u32::from_le_bytes([a, b, c, d]) ^ state).to_le_bytes();
        state = look(t7, a)
            ^ look(t6, b)
            ^ look(t5, c)
            ^ look(t4, d)
            ^ look(t3, e)
            ^ look(t2, f)
            ^ look(t1, g)
            ^ look(t0, h);
    }
    for &byte in tail {
        state = (state >> 8) ^ look(t0, byte ^ (state as u8));
    }
    state
}

/// The checksum of the concatenation of `parts`. It travels least significant byte first.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    !parts
        .iter()
        .fold(u32::MAX, |state, part| update(state, part))
}

#[cfg(test)]
mod tests;
