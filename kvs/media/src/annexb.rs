//! Annex B streams: NAL units between start codes, and access units made of them.

use crate::{Codec, Error};
use core::ops::Range;

/// The NAL units of Annex B data, without start codes and trailing zeros.
#[derive(Clone, Debug)]
pub struct NalUnits<'a> {
    bytes: &'a [u8],
    at: Option<StartCode>,
}

/// Iterates over the NAL units of a frame.
#[must_use]
pub fn nal_units(bytes: &[u8]) -> NalUnits<'_> {
    NalUnits {
        bytes,
        at: find_start_code(bytes, 0),
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.at?;
            self.at = find_start_code(self.bytes, start.end);
            let end = self.at.map_or(self.bytes.len(), |next| next.begin);
            let mut unit = self.bytes.get(start.end..end)?;
            // trailing_zero_8bits belong to the byte stream, not to the NAL unit.
            while let [head @ .., 0] = unit {
                unit = head;
            }
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    }
}

/// Whether an H.264 access unit in Annex B form holds an IDR slice.
#[must_use]
pub fn is_key_h264(frame: &[u8]) -> bool {
    nal_units(frame).any(|unit| unit.first().is_some_and(|byte| byte & 0x1f == 5))
}

/// Whether an H.265 access unit in Annex B form holds a slice of an intra random access point.
#[must_use]
pub fn is_key_h265(frame: &[u8]) -> bool {
    nal_units(frame).any(|unit| unit.first().is_some_and(|byte| is_irap((byte >> 1) & 0x3f)))
}

const fn is_irap(nal_type: u8) -> bool {
    matches!(nal_type, 16..=23)
}

/// A start code: `00 00 01`, with the zero byte before it if there is one.
#[derive(Clone, Copy, Debug)]
struct StartCode {
    begin: usize,
    end: usize,
}

fn find_start_code(bytes: &[u8], from: usize) -> Option<StartCode> {
    let mut at = from;
    loop {
        match bytes.get(at..)? {
            [0, 0, 1, ..] => break,
            // Nothing can begin before a byte above 1 in third place.
            [_, _, third, ..] if *third > 1 => at = at.saturating_add(3),
            [_, _, _, ..] => at = at.saturating_add(1),
            _ => return None,
        }
    }
    let zero = at > from && at.checked_sub(1).and_then(|i| bytes.get(i)) == Some(&0);
    Some(StartCode {
        begin: if zero { at.saturating_sub(1) } else { at },
        end: at.saturating_add(3),
    })
}

/// One access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessUnit {
    pub(crate) range: Range<usize>,
    pub(crate) key: bool,
}

/// Walks over the access units of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    h265: bool,
    at: usize,
}

impl Cursor {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self {
            h265: matches!(codec, Codec::H265),
            at: 0,
        }
    }

    pub(crate) const fn rewind(&mut self) {
        self.at = 0;
    }

    /// The next access unit: from its first start code to the next one's.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<AccessUnit>, Error> {
        let Some(first) = find_start_code(bytes, self.at) else {
            return self.end(bytes);
        };
        if first.begin != self.at
            && bytes
                .get(self.at..first.begin)
                .is_some_and(|gap| gap.iter().any(|b| *b != 0))
        {
            return Err(self.not_video(self.at));
        }
        let (mut key, mut pictured) = (false, false);
        let mut unit = Some(first);
        let mut end = bytes.len();
        while let Some(start) = unit {
            let header = bytes.get(start.end..).unwrap_or_default();
            let kind = self.classify(header).ok_or(self.not_video(start.end))?;
            let begins = matches!(kind, Nal::Before | Nal::FirstSlice { .. });
            if pictured && begins {
                end = start.begin;
                break;
            }
            if let Nal::FirstSlice { key: is_key } | Nal::Slice { key: is_key } = kind {
                pictured = true;
                key |= is_key;
            }
            unit = find_start_code(bytes, start.end);
        }
        let range = first.begin..end;
        self.at = end;
        // Parameter sets alone at the very end are no frame.
        Ok(pictured.then_some(AccessUnit { range, key }))
    }

    fn end(&self, bytes: &[u8]) -> Result<Option<AccessUnit>, Error> {
        match bytes.get(self.at..) {
            Some(rest) if rest.iter().any(|byte| *byte != 0) => Err(self.not_video(self.at)),
            _ => Ok(None),
        }
    }

    const fn not_video(&self, offset: usize) -> Error {
        if self.h265 {
            Error::NotH265 { offset }
        } else {
            Error::NotH264 { offset }
        }
    }

    const fn classify(&self, header: &[u8]) -> Option<Nal> {
        if self.h265 {
            classify_h265(header)
        } else {
            classify_h264(header)
        }
    }
}

/// What a NAL unit means for the boundaries of access units.
#[derive(Clone, Copy)]
enum Nal {
    /// Stands before the first slice of an access unit: after a slice it begins the next one.
    Before,
    /// The first slice of a picture.
    FirstSlice { key: bool },
    /// A further slice.
    Slice { key: bool },
    /// Anything that may follow a slice.
    Other,
}

/// ITU-T H.264 section 7.4.1.2.3. Arbitrary slice order is not used by the profiles that browsers
/// decode, so that `first_mb_in_slice` of 0 begins a picture.
const fn classify_h264(header: &[u8]) -> Option<Nal> {
    let [first, rest @ ..] = header else {
        return Some(Nal::Other);
    };
    if *first & 0x80 != 0 {
        return None;
    }
    Some(match *first & 0x1f {
        kind @ 1..=5 => {
            // first_mb_in_slice is ue(v): 0 is coded as a single 1 bit.
            let first_slice = matches!(rest, [byte, ..] if *byte & 0x80 != 0);
            if first_slice {
                Nal::FirstSlice { key: kind == 5 }
            } else {
                Nal::Slice { key: kind == 5 }
            }
        }
        6..=9 | 14..=18 => Nal::Before,
        0 => return None,
        _ => Nal::Other,
    })
}

/// ITU-T H.265 section 7.4.2.4.4.
const fn classify_h265(header: &[u8]) -> Option<Nal> {
    let [first, second, rest @ ..] = header else {
        return Some(Nal::Other);
    };
    // forbidden_zero_bit, and nuh_temporal_id_plus1 which is never 0.
    if *first & 0x80 != 0 || *second & 7 == 0 {
        return None;
    }
    Some(match (*first >> 1) & 0x3f {
        kind @ 0..=31 => {
            let key = is_irap(kind);
            // first_slice_segment_in_pic_flag
            let first_slice = matches!(rest, [byte, ..] if *byte & 0x80 != 0);
            if first_slice {
                Nal::FirstSlice { key }
            } else {
                Nal::Slice { key }
            }
        }
        32..=35 | 39 | 41..=44 | 48..=55 => Nal::Before,
        _ => Nal::Other,
    })
}

/// Tells H.264 from H.265 by the first NAL unit.
pub(crate) fn detect(bytes: &[u8]) -> Option<Codec> {
    let start = find_start_code(bytes, 0)?;
    if bytes.get(..start.begin)?.iter().any(|byte| *byte != 0) {
        return None;
    }
    match bytes.get(start.end..)? {
        // VPS, SPS, AUD and prefix SEI of layer 0, temporal id 0. As H.264 these would be types that
        // no stream begins with.
        [0x40 | 0x42 | 0x46 | 0x4e, 0x01, ..] => Some(Codec::H265),
        [first, ..] if first & 0x80 == 0 && matches!(first & 0x1f, 1 | 5..=9) => Some(Codec::H264),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
