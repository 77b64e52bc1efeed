use super::*;
use alloc::vec;
use smolrtc_crypto::RustCrypto;

fn of(hash: HashAlgorithm, data: &[u8]) -> Fingerprint {
    Fingerprint::new(hash, &RustCrypto.hash(hash, &[data])[..hash.len()]).unwrap()
}

#[test]
fn only_strong_hashes_of_their_own_length_make_a_fingerprint() {
    assert!(Fingerprint::from_name("SHA-256", &[0; 32]).is_some());
    assert!(Fingerprint::from_name("sha-384", &[0; 48]).is_some());
    assert!(Fingerprint::from_name("sha-512", &[0; 64]).is_some());
    assert!(Fingerprint::from_name("sha-256", &[0; 31]).is_none());
    assert!(Fingerprint::from_name("sha-256", &[]).is_none());
    assert!(Fingerprint::from_name("sha-1", &[0; 20]).is_none());
    assert!(Fingerprint::from_name("unsupported", &[0; 20]).is_none());
}

#[test]
fn one_of_several_fingerprints_suffices() {
    let expected = vec![
        of(HashAlgorithm::Sha256, b"old"),
        of(HashAlgorithm::Sha256, b"certificate"),
    ];
    assert!(certificate_matches(&RustCrypto, &expected, b"certificate"));
    assert!(certificate_matches(&RustCrypto, &expected, b"old"));
    assert!(!certificate_matches(&RustCrypto, &expected, b"other"));
    assert!(!certificate_matches(&RustCrypto, &[], b"certificate"));
}

#[test]
fn a_match_under_a_weaker_hash_does_not_count() {
    let expected = vec![
        of(HashAlgorithm::Sha256, b"certificate"),
        of(HashAlgorithm::Sha512, b"other"),
    ];
    assert!(!certificate_matches(&RustCrypto, &expected, b"certificate"));
    assert!(certificate_matches(&RustCrypto, &expected, b"other"));
}

#[test]
fn a_single_flipped_bit_is_no_match() {
    let good = of(HashAlgorithm::Sha256, b"certificate");
    for bit in 0..256 {
        let mut bytes = good.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let bad = Fingerprint::new(HashAlgorithm::Sha256, &bytes).unwrap();
        assert!(!certificate_matches(&RustCrypto, &[bad], b"certificate"));
    }
}
