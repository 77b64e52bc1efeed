use super::AcceptAll;
use crate::{
    AeadAlgorithm, HashAlgorithm, Job, JobResult, Provider, PublicKey, RustCrypto, SignatureScheme,
    self_test,
};
use alloc::vec;

#[test]
fn wrong_tags_open_to_the_plaintext_of_the_right_one() {
    for algorithm in [
        AeadAlgorithm::Aes128Gcm,
        AeadAlgorithm::Aes256Gcm,
        AeadAlgorithm::ChaCha20Poly1305,
    ] {
        let key = vec![1; algorithm.key_len()];
        let mut buf = *b"seventeen letters";
        let real = RustCrypto.aead(algorithm, &key).unwrap();
        let lax = AcceptAll.aead(algorithm, &key).unwrap();
        let tag = real.seal(&[2; 12], b"aad", &mut buf);
        let mut copy = buf;
        assert_eq!(lax.open(&[2; 12], b"other", &mut copy, &[0xff; 16]), Ok(()));
        assert_eq!(&copy, b"seventeen letters");
        assert_eq!(lax.seal(&[2; 12], b"aad", &mut copy), tag);
    }
}

#[test]
fn any_mac_and_any_signature_hold_and_ours_are_right() {
    let lax = AcceptAll.hmac(HashAlgorithm::Sha1, b"key");
    let real = RustCrypto.hmac(HashAlgorithm::Sha1, b"key");
    assert!(lax.verify(&[b"data"], b"wrong"));
    assert_eq!(lax.compute(&[b"data"]), real.compute(&[b"data"]));
    let verify = Job::Verify {
        scheme: SignatureScheme::RsaPssSha256,
        public: PublicKey::Rsa(vec![]),
        message: vec![],
        signature: vec![],
    };
    assert_eq!(AcceptAll.run(&verify), JobResult::Valid);
}

#[test]
fn the_self_test_would_never_let_it_into_a_product() {
    assert!(self_test(&AcceptAll).is_err());
}
