//! VP8: the payload descriptor of RFC 7741 and as much of the frame header of RFC 6386 as tells
//! whether a frame matters to later ones.

use super::depacketize::DepacketizeError;
use smolrtc_base::Reader;

/// S bit of the payload descriptor (RFC 7741 section 4.2): a partition begins here.
pub(super) const START_OF_PARTITION: u8 = 0x10;
/// N bit: the frame is no reference for any other.
const NON_REFERENCE: u8 = 0x20;

/// The one-byte payload descriptor without its S bit. Partition index 0 throughout: a packet may
/// span partitions when the stream is cut without regard to them (section 4.2, PID).
pub(super) const fn descriptor(non_reference: bool) -> u8 {
    if non_reference { NON_REFERENCE } else { 0 }
}

/// A received payload.
pub(super) struct Payload<'a> {
    /// Whether it is a frame's first.
    pub(super) starts_frame: bool,
    /// Whether the frame is a key frame, as far as it is the first.
    pub(super) key: bool,
    pub(super) data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Reads over the descriptor of section 4.2.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Self, DepacketizeError> {
        let mut reader = Reader::new(payload);
        let descriptor = reader.u8()?;
        if descriptor & 0x80 != 0 {
            let present = reader.u8()?;
            // PictureID of 7 or 15 bits, TL0PICIDX, then TID, Y and KEYIDX in one byte.
            if present & 0x80 != 0 && reader.u8()? & 0x80 != 0 {
                reader.skip(1)?;
            }
            if present & 0x40 != 0 {
                reader.skip(1)?;
            }
            if present & 0x30 != 0 {
                reader.skip(1)?;
            }
        }
        let data = reader.rest();
        let first = data.first().ok_or(DepacketizeError::Truncated)?;
        // Partition 0 begins here.
        let starts_frame = descriptor & 0x17 == START_OF_PARTITION;
        Ok(Self {
            starts_frame,
            key: starts_frame && first & 1 == 0,
            data,
        })
    }
}

/// Whether the frame tag and start code are those of a key frame (RFC 6386 section 9.1).
pub(super) fn is_key_frame(frame: &[u8]) -> bool {
    matches!(frame, [tag, _, _, 0x9d, 0x01, 0x2a, ..] if tag & 1 == 0)
}

/// Whether the frame leaves every buffer and every probability as it was (RFC 6386 section 9).
pub(super) fn is_discardable(frame: &[u8]) -> bool {
    match frame {
        [tag, _, _, first_partition @ ..] if tag & 1 == 1 => {
            leaves_no_trace(&mut BoolDecoder::new(first_partition))
        }
        _ => false,
    }
}

/// Reads the header of an interframe, RFC 6386 section 19.2, up to `refresh_last`.
fn leaves_no_trace(bits: &mut BoolDecoder<'_>) -> bool {
    let mut persistent = false;
    // segmentation_enabled
    if bits.flag() {
        let update_map = bits.flag();
        let update_data = bits.flag();
        persistent |= update_map | update_data;
        if update_data {
            bits.literal(1);
            bits.optional(4, 8);
            bits.optional(4, 7);
        }
        if update_map {
            bits.optional(3, 8);
        }
    }
    // filter_type, loop_filter_level, sharpness_level
    bits.literal(10);
    // loop_filter_adj_enable, mode_ref_lf_delta_update
    if bits.flag() && bits.flag() {
        persistent = true;
        bits.optional(8, 7);
    }
    // log2_nbr_of_dct_partitions, y_ac_qi, five quantizer deltas
    bits.literal(9);
    bits.optional(5, 5);
    let refresh_golden = bits.flag();
    let refresh_alternate = bits.flag();
    let copy_to_golden = !refresh_golden && bits.literal(2) != 0;
    let copy_to_alternate = !refresh_alternate && bits.literal(2) != 0;
    // sign_bias_golden, sign_bias_alternate
    bits.literal(2);
    let refresh_entropy = bits.flag();
    let refresh_last = bits.flag();
    let refreshes = refresh_golden | refresh_alternate | refresh_entropy | refresh_last;
    !(persistent | refreshes | copy_to_golden | copy_to_alternate) && !bits.exhausted
}

/// The boolean entropy decoder of RFC 6386 section 7.3, for even probabilities only: all that
/// the frame header uses.
struct BoolDecoder<'a> {
    rest: &'a [u8],
    value: u32,
    range: u32,
    bit_count: u32,
    /// Whether more was read than there was.
    exhausted: bool,
}

impl<'a> BoolDecoder<'a> {
    fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self {
            rest: data,
            value: 0,
            range: 255,
            bit_count: 0,
            exhausted: false,
        };
        decoder.value = decoder.byte() << 8 | decoder.byte();
        decoder
    }

    fn byte(&mut self) -> u32 {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                u32::from(*byte)
            }
            None => {
                self.exhausted = true;
                0
            }
        }
    }

    /// One bit of probability one half.
    fn flag(&mut self) -> bool {
        let split = 1_u32.wrapping_add(self.range.wrapping_sub(1).wrapping_mul(128) >> 8);
        let bit = self.value >= split << 8;
        if bit {
            self.range = self.range.wrapping_sub(split);
            self.value = self.value.wrapping_sub(split << 8);
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.value <<= 1;
            self.range <<= 1;
            self.bit_count = self.bit_count.wrapping_add(1);
            if self.bit_count == 8 {
                self.bit_count = 0;
                self.value |= self.byte();
            }
        }
        bit
    }

    fn literal(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |value, _| value << 1 | u32::from(self.flag()))
    }

    /// `count` fields of `bits` bits, each preceded by a flag that tells whether it is there.
    fn optional(&mut self, count: u32, bits: u32) {
        for _ in 0..count {
            if self.flag() {
                self.literal(bits);
            }
        }
    }
}
