//! The sequence parameter set of H.264, as far as a camera needs it.

use alloc::vec::Vec;
use core::time::Duration;

/// What the SPS says about the stream (ITU-T H.264 section 7.3.2.1.1 and annex E).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct H264Sps {
    /// profile_idc, constraint flags, level_idc: `profile-level-id` of RFC 6184 as a number.
    pub profile_level_id: u32,
    /// Width of the picture after cropping.
    pub width: u32,
    /// Height of the picture after cropping.
    pub height: u32,
    /// Time between frames, if the stream states a constant one.
    pub frame_interval: Option<Duration>,
}

impl H264Sps {
    /// Reads an SPS NAL unit (its header byte included); `None` if it is none or malformed.
    #[must_use]
    pub fn parse(unit: &[u8]) -> Option<Self> {
        let [header, profile, flags, level, rest @ ..] = unit else {
            return None;
        };
        if header & 0x1f != 7 {
            return None;
        }
        let rbsp = unescape(rest);
        let mut bits = Bits {
            bytes: &rbsp,
            at: 0,
        };
        bits.ue()?; // seq_parameter_set_id
        let mut chroma_format = 1;
        if matches!(
            profile,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            chroma_format = bits.ue()?;
            if chroma_format == 3 {
                bits.bits(1)?; // separate_colour_plane_flag
            }
            bits.ue()?; // bit_depth_luma_minus8
            bits.ue()?; // bit_depth_chroma_minus8
            bits.bits(1)?; // qpprime_y_zero_transform_bypass_flag
            if bits.flag()? {
                scaling_matrix(&mut bits, chroma_format)?;
            }
        }
        bits.ue()?; // log2_max_frame_num_minus4
        match bits.ue()? {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.bits(1)?;
                bits.ue()?; // offset_for_non_ref_pic, se(v): as long as ue(v)
                bits.ue()?; // offset_for_top_to_bottom_field
                let cycle = bits.ue()?;
                for _ in 0..cycle.min(255) {
                    bits.ue()?;
                }
            }
            _ => {}
        }
        bits.ue()?; // max_num_ref_frames
        bits.bits(1)?; // gaps_in_frame_num_value_allowed_flag
        let width_mbs = bits.ue()?.checked_add(1)?;
        let height_units = bits.ue()?.checked_add(1)?;
        let frame_mbs_only = bits.bits(1)?;
        if frame_mbs_only == 0 {
            bits.bits(1)?;
        }
        bits.bits(1)?; // direct_8x8_inference_flag
        let fields = 2_u32.checked_sub(frame_mbs_only)?;
        let mut width = width_mbs.checked_mul(16)?;
        let mut height = height_units.checked_mul(16)?.checked_mul(fields)?;
        if bits.flag()? {
            let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?];
            let unit_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
            let unit_y = if chroma_format == 1 { 2_u32 } else { 1 }.checked_mul(fields)?;
            width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
            height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
        }
        let frame_interval = if bits.flag()? {
            timing(&mut bits)
        } else {
            None
        };
        Some(Self {
            profile_level_id: u32::from_be_bytes([0, *profile, *flags, *level]),
            width,
            height,
            frame_interval,
        })
    }
}

/// The timing information of the VUI (annex E.1.1), past what stands before it.
fn timing(bits: &mut Bits<'_>) -> Option<Duration> {
    if bits.flag()? && bits.bits(8)? == 255 {
        bits.bits(32)?; // sar_width, sar_height
    }
    if bits.flag()? {
        bits.bits(1)?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.bits(4)?; // video_format, video_full_range_flag
        if bits.flag()? {
            bits.bits(24)?; // colour_primaries and so on
        }
    }
    if bits.flag()? {
        bits.ue()?; // chroma sample locations
        bits.ue()?;
    }
    if !bits.flag()? {
        return None;
    }
    let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
    // A tick is a field: two of them are a frame.
    let nanos = u64::from(units)
        .checked_mul(2_000_000_000)?
        .checked_div(u64::from(scale))?;
    let sensible = 1_000_000..=10_000_000_000; // 1,000 frames a second to one in ten seconds
    sensible
        .contains(&nanos)
        .then(|| Duration::from_nanos(nanos))
}

fn scaling_matrix(bits: &mut Bits<'_>, chroma_format: u32) -> Option<()> {
    let lists = if chroma_format == 3 { 12 } else { 8 };
    for list in 0..lists {
        if !bits.flag()? {
            continue;
        }
        let size = if list < 6 { 16 } else { 64 };
        let (mut last, mut next) = (8_i32, 8_i32);
        for _ in 0..size {
            if next != 0 {
                next = last.wrapping_add(bits.se()?) & 0xff;
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Some(())
}

/// Drops the emulation prevention bytes (section 7.4.1).
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(bytes.len());
    let mut zeros = 0_u8;
    for byte in bytes {
        if *byte == 3 && zeros >= 2 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 {
            zeros.saturating_add(1)
        } else {
            0
        };
        rbsp.push(*byte);
    }
    rbsp
}

/// Reads bits from the most significant end.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Option<bool> {
        Some(self.bits(1)? == 1)
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            let byte = self.bytes.get(self.at >> 3)?;
            let bit = (byte >> (7_usize.saturating_sub(self.at & 7))) & 1;
            value = value << 1 | u32::from(bit);
            self.at = self.at.checked_add(1)?;
        }
        Some(value)
    }

    /// Exp-Golomb (section 9.1).
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0_u32;
        while !self.flag()? {
            zeros = zeros.checked_add(1)?;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        (1_u32.checked_shl(zeros)?)
            .checked_sub(1)?
            .checked_add(rest)
    }

    fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let half = i32::try_from(code.checked_add(1)? / 2).ok()?;
        Some(if code & 1 == 1 {
            half
        } else {
            half.wrapping_neg()
        })
    }
}

#[cfg(test)]
mod tests;
