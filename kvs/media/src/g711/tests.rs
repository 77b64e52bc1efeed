use super::*;

#[test]
fn the_corner_values_of_the_recommendation() {
    // ITU-T G.711 tables 1a and 2a: largest, smallest and zero, both signs.
    assert_eq!(ulaw_encode(0), 0xff);
    assert_eq!(ulaw_encode(i16::MAX), 0x80);
    assert_eq!(ulaw_encode(i16::MIN), 0x00);
    assert_eq!(ulaw_decode(0x80), 32_124);
    assert_eq!(ulaw_decode(0x00), -32_124);
    assert_eq!(alaw_encode(0), 0xd5);
    assert_eq!(alaw_encode(i16::MAX), 0xaa);
    assert_eq!(alaw_encode(i16::MIN), 0x2a);
    assert_eq!(alaw_decode(0xaa), 32_256);
    assert_eq!(alaw_decode(0x2a), -32_256);
    assert_eq!(ulaw_decode(ULAW_SILENCE), 0);
    assert_eq!(alaw_decode(ALAW_SILENCE), 8);
}

#[test]
fn every_code_survives_decoding_and_encoding() {
    for code in 0..=255_u8 {
        assert_eq!(alaw_encode(alaw_decode(code)), code);
        // µ-law has two zeros; the negative one is not produced.
        let expected = if code == 0x7f { 0xff } else { code };
        assert_eq!(ulaw_encode(ulaw_decode(code)), expected);
    }
}

#[test]
fn companding_errs_by_less_than_one_part_in_sixteen() {
    for sample in i16::MIN..=i16::MAX {
        let allowed = i32::from(sample).abs() / 16 + 16;
        for decoded in [
            ulaw_decode(ulaw_encode(sample)),
            alaw_decode(alaw_encode(sample)),
        ] {
            let error = (i32::from(decoded) - i32::from(sample)).abs();
            // The last steps clip.
            assert!(
                error <= allowed || sample.unsigned_abs() > 32_000,
                "{sample} {decoded}"
            );
        }
    }
}
