use super::*;
use alloc::vec;

#[test]
fn dates_follow_the_gregorian_calendar() {
    for (seconds, text) in [
        (0, &b"700101000000Z"[..]),
        (951_782_400, b"000229000000Z"),
        (951_868_800, b"000301000000Z"),
        (1_709_251_199, b"240229235959Z"),
        (1_780_000_000, b"260528202640Z"),
        (2_524_607_999, b"491231235959Z"),
        (2_524_608_000, b"20500101000000Z"),
        (4_107_542_400, b"21000301000000Z"),
        (253_402_300_799, b"99991231235959Z"),
    ] {
        assert_eq!(&time(UnixTime::from_secs(seconds))[2..], text, "{seconds}");
    }
    assert_eq!(
        time(UnixTime::from_secs(2_524_608_000))[0],
        GENERALIZED_TIME
    );
}

#[test]
fn lengths_are_written_in_their_shortest_form() {
    assert_eq!(tlv(SEQUENCE, &[&[0; 127]])[..2], [0x30, 127]);
    assert_eq!(tlv(SEQUENCE, &[&[0; 128]])[..3], [0x30, 0x81, 128]);
    assert_eq!(tlv(SEQUENCE, &[&[0; 256]])[..4], [0x30, 0x82, 1, 0]);
}

fn point() -> Vec<u8> {
    let mut point = vec![9; 65];
    point[0] = 4;
    point
}

fn sample() -> Vec<u8> {
    let (from, to) = (UnixTime::from_secs(1), UnixTime::from_secs(2));
    certificate(&to_be_signed(&[1; 16], from, to, &point()), &[5; 70])
}

#[test]
fn the_key_that_was_written_is_found_again() {
    assert_eq!(public_key(&sample()), Ok(PublicKey::P256(point())));
}

#[test]
fn a_certificate_cut_anywhere_before_its_key_ends_is_malformed() {
    let der = sample();
    for len in 0..der.len() {
        assert_eq!(public_key(&der[..len]), Err(NoKey::Malformed), "{len}");
    }
}

#[test]
fn no_changed_byte_makes_the_parser_panic() {
    let der = sample();
    for at in 0..der.len() {
        for value in [0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF] {
            let mut bad = der.clone();
            bad[at] = value;
            // Some changes, in names and dates, are none of our business.
            if let Ok(PublicKey::P256(point)) = public_key(&bad) {
                assert_eq!(point.len(), 65);
            }
        }
    }
}

#[test]
fn other_curves_and_compressed_points_are_unsupported() {
    let der = sample();
    let at = der
        .windows(SECP256R1.len())
        .position(|part| part == SECP256R1)
        .unwrap();
    let mut other_curve = der.clone();
    other_curve[at + 7] = 1;
    assert_eq!(public_key(&other_curve), Err(NoKey::Unsupported));

    let at = der.windows(65).position(|part| part == point()).unwrap();
    let mut compressed = der;
    compressed[at] = 2;
    assert_eq!(public_key(&compressed), Err(NoKey::Unsupported));
}
