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

pub(super) fn begins_frame(payload: &[u8]) -> bool {
    match *payload {
        [first, _, ref rest @ ..] => match (unit_type(first), rest) {
            (AGGREGATION, [_, _, unit, _, data @ ..]) => begins_unit(unit_type(*unit), data),
            (FRAGMENTATION, [flags, data @ ..]) => {
                flags & 0x80 != 0 && begins_unit(flags & 0x3f, data)
            }
            (kind, data) => begins_unit(kind, data),
        },
        _ => false,
    }
}

/// Parameter sets, delimiters and prefix SEI come before all slices (H.265 section 7.4.2.4.4); a
/// slice's first bit is `first_slice_segment_in_pic_flag`.
fn begins_unit(kind: u8, data: &[u8]) -> bool {
    match kind {
        0..=15 => data.first().is_some_and(|byte| byte & 0x80 != 0),
        32 | 33 | 35 | 39 => true,
        _ => false,
    }
}
