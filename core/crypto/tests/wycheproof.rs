//! Project Wycheproof against the RustCrypto provider: every case that our interfaces can express,
//! with the number of cases checked, so that a filter that grows too wide is seen.
#![expect(
    clippy::unwrap_used,
    reason = "the lint's exemption reaches test functions, not their helpers"
)]

use smolrtc_base::SecretBytes;
use smolrtc_crypto::{
    AeadAlgorithm, Group, HashAlgorithm, Job, JobError, JobResult, Provider, PublicKey, RustCrypto,
    SignatureScheme,
};
use wycheproof::{TestResult, aead, ecdh, ecdsa, mac, xdh};

fn check_aead(name: aead::TestName, algorithm: impl Fn(usize) -> Option<AeadAlgorithm>) -> usize {
    let mut checked = 0;
    for group in aead::TestSet::load(name).unwrap().test_groups {
        let Some(algorithm) = algorithm(group.key_size) else {
            continue;
        };
        if group.nonce_size != 96 || group.tag_size != 128 {
            continue;
        }
        for test in group.tests {
            let case = test.tc_id;
            let nonce: &[u8; 12] = test.nonce.as_slice().try_into().unwrap();
            let tag: &[u8; 16] = test.tag.as_slice().try_into().unwrap();
            let cipher = RustCrypto.aead(algorithm, &test.key).unwrap();
            let mut buf = test.ct.to_vec();
            let opened = cipher.open(nonce, &test.aad, &mut buf, tag);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "case {case}");
                assert!(buf.iter().all(|byte| *byte == 0), "case {case}");
            } else {
                assert!(opened.is_ok(), "case {case}");
                assert_eq!(buf, test.pt.as_slice(), "case {case}");
                assert_eq!(&cipher.seal(nonce, &test.aad, &mut buf), tag, "case {case}");
                assert_eq!(buf, test.ct.as_slice(), "case {case}");
            }
            checked += 1;
        }
    }
    checked
}

#[test]
fn aes_gcm() {
    let checked = check_aead(aead::TestName::AesGcm, |key_size| match key_size {
        128 => Some(AeadAlgorithm::Aes128Gcm),
        256 => Some(AeadAlgorithm::Aes256Gcm),
        _ => None,
    });
    assert_eq!(checked, 133);
}

#[test]
fn chacha20_poly1305() {
    let checked = check_aead(aead::TestName::ChaCha20Poly1305, |_| {
        Some(AeadAlgorithm::ChaCha20Poly1305)
    });
    assert_eq!(checked, 316);
}

fn check_mac(name: mac::TestName, algorithm: HashAlgorithm) -> usize {
    let mut checked = 0;
    for group in mac::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let keyed = RustCrypto.hmac(algorithm, &test.key);
            assert_eq!(test.tag.len() * 8, group.tag_size);
            let holds = keyed.verify(&[&test.msg], &test.tag);
            assert_eq!(
                holds,
                test.result != TestResult::Invalid,
                "case {}",
                test.tc_id
            );
            checked += 1;
        }
    }
    checked
}

#[test]
fn hmac() {
    assert_eq!(check_mac(mac::TestName::HmacSha1, HashAlgorithm::Sha1), 170);
    assert_eq!(
        check_mac(mac::TestName::HmacSha256, HashAlgorithm::Sha256),
        174
    );
    assert_eq!(
        check_mac(mac::TestName::HmacSha384, HashAlgorithm::Sha384),
        174
    );
}

fn agree(group: Group, private: &[u8], public: &[u8]) -> JobResult {
    RustCrypto.run(&Job::Agree {
        group,
        private: SecretBytes::new(private.to_vec()),
        peer_public: public.to_vec(),
    })
}

fn shared(result: JobResult) -> Option<Vec<u8>> {
    match result {
        JobResult::Shared(secret) => Some(secret.expose().to_vec()),
        JobResult::Failed(JobError::BadPublicKey) => None,
        other => panic!("{other:?}"),
    }
}

/// Wycheproof writes scalars as integers: shorter when they are small, longer when their sign
/// needs a byte.
fn scalar(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let significant = &bytes[start..];
    let mut scalar = vec![0; 32 - significant.len()];
    scalar.extend_from_slice(significant);
    scalar
}

fn check_ecdh(name: ecdh::TestName, prefix: &[u8]) -> (usize, usize) {
    let (mut agreed, mut refused) = (0, 0);
    for group in ecdh::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            // Other certificates' wrappings of a point are not ours to parse.
            let Some(point) = test.public_key.strip_prefix(prefix) else {
                continue;
            };
            let result = shared(agree(Group::P256, &scalar(&test.private_key), point));
            let uncompressed = point.len() == 65;
            if test.result == TestResult::Invalid || !uncompressed {
                assert_eq!(result, None, "case {}", test.tc_id);
                refused += 1;
            } else if test.result == TestResult::Valid {
                assert_eq!(
                    result.as_deref(),
                    Some(test.shared_secret.as_slice()),
                    "case {}",
                    test.tc_id
                );
                agreed += 1;
            }
        }
    }
    (agreed, refused)
}

#[test]
fn ecdh_p256() {
    let points = check_ecdh(ecdh::TestName::EcdhSecp256r1Ecpoint, &[]);
    assert_eq!(points, (330, 25));
    // SubjectPublicKeyInfo of an uncompressed point on the named curve (RFC 5480).
    let prefix = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let keys = check_ecdh(ecdh::TestName::EcdhSecp256r1, &prefix);
    assert_eq!(keys, (330, 19));
}

#[test]
fn x25519() {
    let (mut agreed, mut refused) = (0, 0);
    for group in xdh::TestSet::load(xdh::TestName::X25519)
        .unwrap()
        .test_groups
    {
        for test in group.tests {
            let result = shared(agree(Group::X25519, &test.private_key, &test.public_key));
            if test.public_key.len() != 32 || test.shared_secret.iter().all(|byte| *byte == 0) {
                assert_eq!(result, None, "case {}", test.tc_id);
                refused += 1;
            } else {
                assert_eq!(
                    result.as_deref(),
                    Some(test.shared_secret.as_slice()),
                    "case {}",
                    test.tc_id
                );
                agreed += 1;
            }
        }
    }
    assert_eq!((agreed, refused), (487, 31));
}

fn verifies(scheme: SignatureScheme, public: PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let result = RustCrypto.run(&Job::Verify {
        scheme,
        public,
        message: message.to_vec(),
        signature: signature.to_vec(),
    });
    match result {
        JobResult::Valid => true,
        JobResult::Failed(_) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ecdsa_p256_sha256() {
    let mut checked = 0;
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    for group in set.test_groups {
        let key = PublicKey::P256(group.key.key.to_vec());
        for test in group.tests {
            let holds = verifies(
                SignatureScheme::EcdsaP256Sha256,
                key.clone(),
                &test.msg,
                &test.sig,
            );
            assert_eq!(
                holds,
                test.result == TestResult::Valid,
                "case {}",
                test.tc_id
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 484);
}

#[cfg(feature = "rsa")]
mod rsa {
    use super::{PublicKey, SignatureScheme, TestResult, verifies};
    use wycheproof::{rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

    #[test]
    fn rsa_pkcs1() {
        use pkcs1::TestName as Name;
        let mut checked = 0;
        for (name, scheme) in [
            (Name::Rsa2048Sha256, SignatureScheme::RsaPkcs1Sha256),
            (Name::Rsa3072Sha256, SignatureScheme::RsaPkcs1Sha256),
            (Name::Rsa4096Sha256, SignatureScheme::RsaPkcs1Sha256),
            (Name::Rsa2048Sha384, SignatureScheme::RsaPkcs1Sha384),
            (Name::Rsa2048Sha512, SignatureScheme::RsaPkcs1Sha512),
        ] {
            for group in pkcs1::TestSet::load(name).unwrap().test_groups {
                let key = PublicKey::Rsa(group.asn_key.to_vec());
                for test in group.tests {
                    let holds = verifies(scheme, key.clone(), &test.msg, &test.sig);
                    // A missing NULL in the digest's identifier is allowed to be refused
                    // (RFC 8017 appendix A.2.4).
                    if test.result != TestResult::Acceptable {
                        let valid = test.result == TestResult::Valid;
                        assert_eq!(holds, valid, "{name:?} case {}", test.tc_id);
                        checked += 1;
                    }
                }
            }
        }
        assert_eq!(checked, 1_288);
    }

    #[test]
    fn rsa_pss() {
        use pss::TestName as Name;
        let mut checked = 0;
        for name in [
            Name::RsaPss2048Sha256Mgf1SaltLen32,
            Name::RsaPss3072Sha256Mgf1SaltLen32,
            Name::RsaPss4096Sha256Mgf1SaltLen32,
        ] {
            for group in pss::TestSet::load(name).unwrap().test_groups {
                let key = PublicKey::Rsa(group.asn_key.to_vec());
                for test in group.tests {
                    let holds = verifies(
                        SignatureScheme::RsaPssSha256,
                        key.clone(),
                        &test.msg,
                        &test.sig,
                    );
                    let valid = test.result != TestResult::Invalid;
                    assert_eq!(holds, valid, "{name:?} case {}", test.tc_id);
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 324);
    }
}
