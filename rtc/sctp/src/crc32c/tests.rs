use super::*;
use std::vec::Vec;

/// RFC 3720 appendix B.4 as it appears on the wire, and the usual check value.
#[test]
fn the_published_vectors_match() {
    let wire = |bytes: &[u8]| crc32c(&[bytes]).to_le_bytes();
    let up: Vec<u8> = (0..32).collect();
    let down: Vec<u8> = (0..32).rev().collect();
    assert_eq!(wire(&[0; 32]), [0xaa, 0x36, 0x91, 0x8a]);
    assert_eq!(wire(&[0xff; 32]), [0x43, 0xab, 0xa8, 0x62]);
    assert_eq!(wire(&up), [0x4e, 0x79, 0xdd, 0x46]);
    assert_eq!(wire(&down), [0x5c, 0xdb, 0x3f, 0x11]);
    assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
}

#[test]
fn any_split_gives_the_same_sum() {
    let bytes: Vec<u8> = (0..100).map(|n: u8| n.wrapping_mul(37)).collect();
    for cut in 0..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(crc32c(&[head, tail]), crc32c(&[&bytes]));
    }
}
