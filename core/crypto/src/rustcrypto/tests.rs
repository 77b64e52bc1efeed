use crate::{
    AeadAlgorithm, BadTag, Group, HashAlgorithm, Job, JobError, JobResult, Provider, PublicKey,
    RustCrypto, SignatureScheme, self_test,
};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use smolrtc_base::{SecretArray, SecretBytes};

const AEADS: [AeadAlgorithm; 3] = [
    AeadAlgorithm::Aes128Gcm,
    AeadAlgorithm::Aes256Gcm,
    AeadAlgorithm::ChaCha20Poly1305,
];

#[test]
fn every_primitive_gives_its_known_answer() {
    assert_eq!(self_test(&RustCrypto), Ok(()));
}

/// Spoils one kind of answer at a time.
#[derive(Debug)]
struct Spoiled(&'static str);

#[derive(Debug)]
struct NoMac;

impl crate::Mac for NoMac {
    fn compute(&self, _parts: &[&[u8]]) -> [u8; 64] {
        [0; 64]
    }
}

#[derive(Debug)]
struct NoCtr;

impl crate::Ctr for NoCtr {
    fn apply(&self, _iv: &[u8; 16], _buf: &mut [u8]) {}
}

impl Provider for Spoiled {
    fn supports_rsa(&self) -> bool {
        RustCrypto.supports_rsa()
    }
    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
        if self.0 == "hash" {
            return [0; 64];
        }
        RustCrypto.hash(algorithm, parts)
    }
    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn crate::Mac> {
        if self.0 == "mac" {
            return Box::new(NoMac);
        }
        RustCrypto.hmac(algorithm, key)
    }
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn crate::Aead>> {
        (self.0 != "aead").then(|| RustCrypto.aead(algorithm, key))?
    }
    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn crate::Ctr>> {
        if self.0 == "ctr" {
            return Some(Box::new(NoCtr));
        }
        RustCrypto.aes_ctr(key)
    }
    fn run(&self, job: &Job) -> JobResult {
        match (self.0, job) {
            ("verify", Job::Verify { .. }) => JobResult::Valid,
            ("agree", Job::Agree { .. }) => JobResult::Shared(SecretArray::new([1; 32])),
            _ => RustCrypto.run(job),
        }
    }
}

#[test]
fn the_self_test_names_the_algorithm_that_fails() {
    let failed = |spoiled| self_test(&Spoiled(spoiled)).unwrap_err().0;
    assert_eq!(failed("hash"), "MD5");
    assert_eq!(failed("mac"), "HMAC-SHA1");
    assert_eq!(failed("ctr"), "AES-128-CTR");
    assert_eq!(failed("aead"), "AES-128-GCM");
    assert_eq!(failed("verify"), "P-256");
    assert_eq!(failed("agree"), "P-256");
}

#[test]
fn a_failed_open_leaves_zeros_whatever_was_wrong() {
    for algorithm in AEADS {
        let cipher = RustCrypto
            .aead(algorithm, &vec![7; algorithm.key_len()])
            .unwrap();
        for len in [0, 1, 15, 16, 17, 1_200] {
            let mut sealed = vec![0x5a; len];
            let tag = cipher.seal(&[1; 12], b"aad", &mut sealed);
            let mut wrong_tag = tag;
            wrong_tag[15] ^= 0x80;
            for (nonce, aad, tag) in [
                ([1; 12], &b"aad"[..], wrong_tag),
                ([1; 12], b"axd", tag),
                ([2; 12], b"aad", tag),
            ] {
                let mut buf = sealed.clone();
                assert_eq!(cipher.open(&nonce, aad, &mut buf, &tag), Err(BadTag));
                assert_eq!(buf, vec![0; len]);
            }
            assert_eq!(cipher.open(&[1; 12], b"aad", &mut sealed, &tag), Ok(()));
            assert_eq!(sealed, vec![0x5a; len]);
        }
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for algorithm in AEADS {
        for len in [0, 12, 15, 16, 17, 24, 31, 32, 33] {
            let made = RustCrypto.aead(algorithm, &vec![0; len]).is_some();
            assert_eq!(made, len == algorithm.key_len(), "{algorithm:?} {len}");
        }
    }
    for len in [0, 15, 16, 24, 31, 32, 33] {
        let made = RustCrypto.aes_ctr(&vec![0; len]).is_some();
        assert_eq!(made, len == 16 || len == 32, "{len}");
    }
}

#[test]
fn the_counter_carries_through_all_128_bits() {
    let ctr = RustCrypto.aes_ctr(&[9; 16]).unwrap();
    let mut around = [0; 48];
    ctr.apply(&[0xff; 16], &mut around);
    let (mut last, mut zero) = ([0; 16], [0; 32]);
    ctr.apply(&[0xff; 16], &mut last);
    ctr.apply(&[0; 16], &mut zero);
    assert_eq!(around[..16], last);
    assert_eq!(around[16..], zero);
}

/// RFC 3711 appendix B.2: blocks 0xfeff, 0xff00 and 0xff01 of the key stream.
#[test]
fn the_keystream_crosses_a_byte_of_its_counter() {
    let key = u128::to_be_bytes(0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c);
    let ctr = RustCrypto.aes_ctr(&key).unwrap();
    let mut buf = vec![0; 0xff02 * 16];
    ctr.apply(
        &u128::to_be_bytes(0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_0000),
        &mut buf,
    );
    let expected = [
        0xec8c_df73_9860_7cb0_f2d2_1675_ea9e_a1e4_u128,
        0x362b_7c3c_6773_5163_18a0_77d7_fc50_73ae,
        0x6a2c_c378_7889_374f_beb4_c81b_17ba_6c44,
    ];
    for (block, expected) in buf[0xfeff * 16..].chunks(16).zip(expected) {
        assert_eq!(block, expected.to_be_bytes());
    }
}

#[test]
fn a_message_in_parts_has_the_tag_of_the_whole() {
    let message: Vec<u8> = (0..=255).cycle().take(300).collect();
    for algorithm in [
        HashAlgorithm::Md5,
        HashAlgorithm::Sha1,
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
    ] {
        let mac = RustCrypto.hmac(algorithm, &[3; 200]);
        let whole = mac.compute(&[&message]);
        assert_eq!(whole[algorithm.len()..], vec![0; 64 - algorithm.len()]);
        assert_ne!(whole[..algorithm.len()], vec![0; algorithm.len()]);
        for cut in [0, 1, 63, 64, 65, 128, 300] {
            let (a, b) = message.split_at(cut);
            assert_eq!(mac.compute(&[a, b]), whole);
        }
    }
}

#[test]
fn truncated_tags_hold_and_empty_or_oversized_ones_do_not() {
    let mac = RustCrypto.hmac(HashAlgorithm::Sha1, b"key");
    let tag = mac.compute(&[b"data"]);
    assert!(mac.verify(&[b"data"], &tag[..10]));
    assert!(mac.verify(&[b"data"], &tag[..20]));
    assert!(!mac.verify(&[b"date"], &tag[..4]));
    assert!(!mac.verify(&[b"data"], &[]));
    assert!(!mac.verify(&[b"data"], &[0; 65]));
}

fn generate(group: Group, seed: u8) -> (SecretBytes, Vec<u8>) {
    let job = Job::GenerateKey {
        group,
        seed: SecretArray::new([seed; 32]),
    };
    match RustCrypto.run(&job) {
        JobResult::Key { private, public } => (private, public),
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_sides_agree_and_one_seed_gives_one_key() {
    for group in [Group::P256, Group::X25519] {
        let (a, b) = (generate(group, 1), generate(group, 2));
        assert_eq!(a, generate(group, 1));
        assert_ne!(a, b);
        let agree = |private: &SecretBytes, public: &[u8]| {
            RustCrypto.run(&Job::Agree {
                group,
                private: private.clone(),
                peer_public: public.to_vec(),
            })
        };
        let shared = agree(&a.0, &b.1);
        assert!(matches!(shared, JobResult::Shared(_)));
        assert_eq!(shared, agree(&b.0, &a.1));
    }
}

#[test]
fn points_that_tls_does_not_allow_are_refused() {
    let (private, public) = generate(Group::P256, 1);
    let agree = |peer_public: Vec<u8>| {
        RustCrypto.run(&Job::Agree {
            group: Group::P256,
            private: private.clone(),
            peer_public,
        })
    };
    let mut compressed = vec![2 + (public[64] & 1)];
    compressed.extend_from_slice(&public[1..33]);
    let mut off_curve = public.clone();
    off_curve[64] ^= 1;
    let mut hybrid = public.clone();
    hybrid[0] = 6 + (public[64] & 1);
    for bad in [
        vec![],
        vec![0],
        compressed,
        off_curve,
        hybrid,
        [&public[..], &[0]].concat(),
    ] {
        assert_eq!(agree(bad), JobResult::Failed(JobError::BadPublicKey));
    }
}

#[test]
fn private_keys_out_of_range_are_refused() {
    for private in [vec![0; 32], vec![0xff; 32], vec![1; 31], vec![]] {
        let sign = Job::Sign {
            private: SecretBytes::new(private),
            message: vec![1],
        };
        assert_eq!(
            RustCrypto.run(&sign),
            JobResult::Failed(JobError::BadPrivateKey)
        );
    }
}

#[test]
fn a_signature_verifies_with_its_key_its_message_and_its_scheme_only() {
    let ((private, public), (_, other)) = (generate(Group::P256, 1), generate(Group::P256, 2));
    let signed = RustCrypto.run(&Job::Sign {
        private,
        message: b"message".to_vec(),
    });
    let JobResult::Signature(signature) = signed else {
        panic!("{signed:?}")
    };
    let verify = |scheme, public, message: &[u8]| {
        RustCrypto.run(&Job::Verify {
            scheme,
            public,
            message: message.to_vec(),
            signature: signature.clone(),
        })
    };
    let ecdsa = SignatureScheme::EcdsaP256Sha256;
    let key = PublicKey::P256(public);
    assert_eq!(verify(ecdsa, key.clone(), b"message"), JobResult::Valid);
    assert_eq!(
        verify(ecdsa, key.clone(), b"massage"),
        JobResult::Failed(JobError::BadSignature)
    );
    assert_eq!(
        verify(ecdsa, PublicKey::P256(other), b"message"),
        JobResult::Failed(JobError::BadSignature)
    );
    assert_eq!(
        verify(SignatureScheme::RsaPkcs1Sha256, key, b"message"),
        JobResult::Failed(JobError::BadPublicKey)
    );
    assert_eq!(
        verify(ecdsa, PublicKey::Rsa(vec![]), b"message"),
        JobResult::Failed(JobError::BadPublicKey)
    );
}

#[test]
fn nothing_secret_is_printed() {
    let printed = alloc::format!(
        "{:?} {:?} {:?} {:?}",
        RustCrypto.aead(AeadAlgorithm::Aes128Gcm, &[0x5a; 16]),
        RustCrypto.aes_ctr(&[0x5a; 16]),
        RustCrypto.hmac(HashAlgorithm::Sha1, &[0x5a; 20]),
        Job::GenerateKey {
            group: Group::P256,
            seed: SecretArray::new([0x5a; 32]),
        },
    );
    assert!(
        !printed.contains("90") && !printed.to_lowercase().contains("5a"),
        "{printed}"
    );
}
