//! G.711: 16-bit linear samples to and from 8-bit companded ones (ITU-T G.711).

/// µ-law of silence.
pub const ULAW_SILENCE: u8 = 0xff;
/// A-law of silence.
pub const ALAW_SILENCE: u8 = 0xd5;

const ULAW_BIAS: u16 = 0x84;
const ULAW_CLIP: u16 = 32_635;

/// Companded µ-law of a linear sample.
#[must_use]
pub const fn ulaw_encode(sample: i16) -> u8 {
    let sign: u8 = if sample < 0 { 0x80 } else { 0 };
    let mut magnitude = sample.unsigned_abs();
    if magnitude > ULAW_CLIP {
        magnitude = ULAW_CLIP;
    }
    let biased = magnitude.wrapping_add(ULAW_BIAS);
    // The bias sets bit 7 at least, so the exponent is 0 to 7.
    let exponent = 8_u32.wrapping_sub(biased.leading_zeros());
    let mantissa = (biased >> (exponent.wrapping_add(3))) as u8 & 0x0f;
    !(sign | (exponent as u8) << 4 | mantissa)
}

/// Linear sample of companded µ-law.
#[must_use]
pub const fn ulaw_decode(code: u8) -> i16 {
    let code = !code;
    let exponent = (code >> 4) & 7;
    let mantissa = (code & 0x0f) as i16;
    let magnitude =
        ((mantissa << 3).wrapping_add(ULAW_BIAS as i16) << exponent).wrapping_sub(ULAW_BIAS as i16);
    if code & 0x80 == 0 {
        magnitude
    } else {
        magnitude.wrapping_neg()
    }
}

/// Companded A-law of a linear sample.
#[must_use]
pub const fn alaw_encode(sample: i16) -> u8 {
    // 13 bits; negative values are coded as their one's complement.
    let (sign, magnitude) = if sample < 0 {
        (0_u8, (!sample as u16) >> 3)
    } else {
        (0x80, (sample as u16) >> 3)
    };
    let code = if magnitude < 32 {
        (magnitude >> 1) as u8
    } else {
        let exponent = 11_u32.wrapping_sub(magnitude.leading_zeros());
        let mantissa = (magnitude >> exponent) as u8 & 0x0f;
        (exponent as u8) << 4 | mantissa
    };
    (sign | code) ^ 0x55
}

/// Linear sample of companded A-law.
#[must_use]
pub const fn alaw_decode(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = (code >> 4) & 7;
    let mantissa = (code & 0x0f) as i16;
    let step = (mantissa << 4).wrapping_add(8);
    let magnitude = match exponent {
        0 => step,
        _ => step.wrapping_add(0x100) << (exponent.wrapping_sub(1)),
    };
    if code & 0x80 == 0 {
        magnitude.wrapping_neg()
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests;
