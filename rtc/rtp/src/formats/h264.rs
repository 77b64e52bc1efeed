//! H.264 payloads, RFC 6184 section 5: single NAL units, STAP-A and FU-A, which is
//! packetization mode 1.

use super::depacketize::{DepacketizeError, Units};
use smolrtc_base::Reader;

const IDR: u8 = 5;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const fn unit_type(header: u8) -> u8 {
    header & 0x1f
}

pub(super) fn push(payload: &[u8], units: &mut Units<'_>) -> Result<(), DepacketizeError> {
    let mut reader = Reader::new(payload);
    let header = reader.u8()?;
    match unit_type(header) {
        1..=23 => whole(payload, units),
        STAP_A => {
            if reader.is_empty() {
                return Err(DepacketizeError::Truncated);
            }
            while !reader.is_empty() {
                whole(reader.vec16()?, units)?;
            }
            Ok(())
        }
        FU_A => {
            let flags = reader.u8()?;
            let kind = unit_type(flags);
            if !matches!(kind, 1..=23) {
                return Err(DepacketizeError::UnsupportedType);
            }
            *units.key |= kind == IDR;
            let edges = (flags & 0x80 != 0, flags & 0x40 != 0);
            units.fragment(kind, &[header & 0xe0 | kind], edges, reader.rest())
        }
        _ => Err(DepacketizeError::UnsupportedType),
    }
}

fn whole(unit: &[u8], units: &mut Units<'_>) -> Result<(), DepacketizeError> {
    let header = Reader::new(unit).u8()?;
    *units.key |= unit_type(header) == IDR;
    units.whole(unit)
}

/// Type and content of the unit that the payload begins; `None` if it only continues one.
pub(super) fn first_unit(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (header, rest) = payload.split_first()?;
    match (unit_type(*header), rest) {
        (STAP_A, [_, _, first, data @ ..]) => Some((unit_type(*first), data)),
        (FU_A, [flags, data @ ..]) if *flags & 0x80 != 0 => Some((unit_type(*flags), data)),
        (STAP_A | FU_A, _) => None,
        (kind, data) => Some((kind, data)),
    }
}

/// SEI, parameter sets and delimiters come before all slices (H.264 section 7.4.1.2.3); a slice's
/// first bit is set when its `first_mb_in_slice` is 0.
pub(super) fn begins_frame((kind, data): (u8, &[u8])) -> bool {
    match kind {
        1 | 2 => data.first().is_some_and(|byte| byte & 0x80 != 0),
        6 | 7 | 9 => true,
        _ => false,
    }
}
