//! H.265 payloads, RFC 7798 section 4.4: single NAL units, aggregation packets and fragmentation
//! units, without DONL fields (`sprop-max-don-diff` is 0).

use super::depacketize::{DepacketizeError, Units};
use smolrtc_base::Reader;

const AGGREGATION: u8 = 48;
const FRAGMENTATION: u8 = 49;

const fn unit_type(first: u8) -> u8 {
    (first >> 1) & 0x3f
}

const fn is_key(kind: u8) -> bool {
    matches!(kind, 16..=23)
}

pub(super) fn push(payload: &[u8], units: &mut Units<'_>) -> Result<(), DepacketizeError> {
    let mut reader = Reader::new(payload);
    let [first, second] = reader.array()?;
    match unit_type(first) {
        0..AGGREGATION => whole(payload, units),
        AGGREGATION => {
            if reader.is_empty() {
                return Err(DepacketizeError::Truncated);
            }
            while !reader.is_empty() {
                whole(reader.vec16()?, units)?;
            }
            Ok(())
        }
        FRAGMENTATION => {
            let flags = reader.u8()?;
            let kind = flags & 0x3f;
            if kind >= AGGREGATION {
                return Err(DepacketizeError::UnsupportedType);
            }
            *units.key |= is_key(kind);
            let edges = (flags & 0x80 != 0, flags & 0x40 != 0);
            let header = [first & 0x81 | kind << 1, second];
            units.fragment(kind, &header, edges, reader.rest())
        }
        _ => Err(DepacketizeError::UnsupportedType),
    }
}

fn whole(unit: &[u8], units: &mut Units<'_>) -> Result<(), DepacketizeError> {
    let [first, _] = Reader::new(unit).array()?;
    if unit_type(first) >= AGGREGATION {
        return Err(DepacketizeError::UnsupportedType);
    }
    *units.key |= is_key(unit_type(first));
    units.whole(unit)
}

/// Type and content of the unit that the payload begins; `None` if it only continues one.
pub(super) fn first_unit(payload: &[u8]) -> Option<(u8, &[u8])> {
    let ([first, _], rest) = payload.split_first_chunk()?;
    match (unit_type(*first), rest) {
        (AGGREGATION, [_, _, unit, _, data @ ..]) => Some((unit_type(*unit), data)),
        (FRAGMENTATION, [flags, data @ ..]) if flags & 0x80 != 0 => Some((flags & 0x3f, data)),
        (AGGREGATION | FRAGMENTATION, _) => None,
        (kind, data) => Some((kind, data)),
    }
}

/// Parameter sets, delimiters and prefix SEI come before all slices (H.265 section 7.4.2.4.4); a
/// slice's first bit is `first_slice_segment_in_pic_flag`.
pub(super) fn begins_frame((kind, data): (u8, &[u8])) -> bool {
    match kind {
        0..=15 => data.first().is_some_and(|byte| byte & 0x80 != 0),
        32 | 33 | 35 | 39 => true,
        _ => false,
    }
}
