//! The byte stream format of H.264 and H.265, Annex B of either standard.

/// One NAL unit within a byte stream, its start code and trailing zeros left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nal<'a> {
    /// Where its first byte (the header) stands in the stream.
    pub offset: usize,
    /// Header and payload, emulation prevention bytes included. Never empty.
    pub bytes: &'a [u8],
}

impl Nal<'_> {
    /// Where its last byte stands, plus one.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.offset.saturating_add(self.bytes.len())
    }
}

/// Iterates the NAL units of a byte stream, past start codes of three and of four bytes.
///
/// What stands before the first start code is skipped; see [`is_annexb`] for a check. Empty units
/// (two start codes in a row) are skipped too.
#[derive(Clone, Debug)]
pub struct NalUnits<'a> {
    stream: &'a [u8],
    /// The first byte of the next unit; past the end when there is none.
    next: Option<usize>,
}

impl<'a> NalUnits<'a> {
    /// The units of `stream`.
    #[must_use]
    pub fn new(stream: &'a [u8]) -> Self {
        let next = start_code(stream, 0).map(|(_, after)| after);
        Self { stream, next }
    }

    /// The units of a stretch that begins with a unit's first byte rather than a start code.
    #[must_use]
    pub(super) const fn from_first_unit(stretch: &'a [u8]) -> Self {
        Self {
            stream: stretch,
            next: Some(0),
        }
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = Nal<'a>;

    fn next(&mut self) -> Option<Nal<'a>> {
        loop {
            let offset = self.next.take()?;
            let end = match start_code(self.stream, offset) {
                Some((code, after)) => {
                    self.next = Some(after);
                    code
                }
                None => self.stream.len(),
            };
            let bytes = trim_zeros(self.stream.get(offset..end)?);
            if !bytes.is_empty() {
                return Some(Nal { offset, bytes });
            }
        }
    }
}

/// Whether `stream` begins as Annex B demands: any number of zero bytes, then a start code.
#[must_use]
pub fn is_annexb(stream: &[u8]) -> bool {
    let zeros = stream.iter().take_while(|byte| **byte == 0).count();
    zeros >= 2 && stream.get(zeros) == Some(&1)
}

/// A NAL unit never ends in a zero byte, so zeros at the end are the next start code's or
/// `trailing_zero_8bits`.
fn trim_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [head @ .., 0] = bytes {
        bytes = head;
    }
    bytes
}

/// The first `00 00 01` at or after `from`: its first byte and the byte after it.
fn start_code(stream: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let rest = stream.get(at..)?;
        // A start code begins with a zero, and most eight bytes have none: this loop sees every byte
        // of every frame.
        if let Some(eight) = rest.first_chunk()
            && !has_zero(u64::from_ne_bytes(*eight))
        {
            at = at.checked_add(8)?;
            continue;
        }
        // The third byte first: above 1 it ends no start code here nor at the next two places.
        match rest {
            [_, _, third, ..] if *third > 1 => at = at.checked_add(3)?,
            [0, 0, 1, ..] => return Some((at, at.checked_add(3)?)),
            [_, _, _, ..] => at = at.checked_add(1)?,
            _ => return None,
        }
    }
}

/// Whether one of the eight bytes is zero: only a zero borrows from a clear top bit.
const fn has_zero(eight: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    eight.wrapping_sub(LOW) & !eight & (LOW << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_code_is_found_wherever_it_stands() {
        for len in 3..40 {
            for place in 0..=len - 3 {
                for filler in [1, 2, 0x80, 0xff] {
                    let mut stream = [filler; 40];
                    stream[place..place + 3].copy_from_slice(&[0, 0, 1]);
                    let found = start_code(&stream[..len], 0);
                    assert_eq!(found, Some((place, place + 3)), "{len} {filler}");
                    assert_eq!(start_code(&stream[..place + 2], 0), None);
                }
            }
        }
    }
}
