//! Known-answer tests, small enough to run at every start.

use smolrtc_base::{SecretArray, SecretBytes};

use crate::{
    AeadAlgorithm, Group, HashAlgorithm, Job, JobResult, Provider, PublicKey, SignatureScheme,
};

#[cfg(feature = "rsa")]
mod rsa;

/// The algorithm that gave a wrong answer, or accepted a wrong tag or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTestError(pub &'static str);

impl core::fmt::Display for SelfTestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "cryptographic self test failed: {}", self.0)
    }
}

impl core::error::Error for SelfTestError {}

/// Checks a provider against embedded known answers, one or two for each of its algorithms, and
/// that it refuses a wrong tag, a wrong signature and a point that is none.
///
/// Nearly all of its cost are its public-key operations: a few milliseconds on a PC, the time of
/// one or two handshakes on a chip.
///
/// # Errors
/// The first algorithm that failed.
pub fn self_test(provider: &dyn Provider) -> Result<(), SelfTestError> {
    hashes(provider)?;
    macs(provider)?;
    counter_mode(provider)?;
    aeads(provider)?;
    p256(provider)?;
    x25519(provider)?;
    #[cfg(feature = "rsa")]
    if provider.supports_rsa() {
        rsa::self_test(provider)?;
    }
    Ok(())
}

const fn ensure(holds: bool, what: &'static str) -> Result<(), SelfTestError> {
    if holds {
        Ok(())
    } else {
        Err(SelfTestError(what))
    }
}

/// Bytes written as hexadecimal digits, at compile time.
const fn hex<const N: usize>(digits: &str) -> [u8; N] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * N, "length");
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = (nibble(digits[2 * at]) << 4) | nibble(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

/// The digests of "abc" (RFC 1321 appendix A.5, FIPS 180-4 examples).
fn hashes(provider: &dyn Provider) -> Result<(), SelfTestError> {
    let known: [(HashAlgorithm, &[u8], &'static str); 5] = [
        (
            HashAlgorithm::Md5,
            &const { hex::<16>("900150983cd24fb0d6963f7d28e17f72") },
            "MD5",
        ),
        (
            HashAlgorithm::Sha1,
            &const { hex::<20>("a9993e364706816aba3e25717850c26c9cd0d89d") },
            "SHA-1",
        ),
        (
            HashAlgorithm::Sha256,
            &const { hex::<32>("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") },
            "SHA-256",
        ),
        (
            HashAlgorithm::Sha384,
            &const {
                hex::<48>(
                    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                     8086072ba1e7cc2358baeca134c825a7",
                )
            },
            "SHA-384",
        ),
        (
            HashAlgorithm::Sha512,
            &const {
                hex::<64>(
                    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                     2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                )
            },
            "SHA-512",
        ),
    ];
    for (algorithm, digest, name) in known {
        let hash = provider.hash(algorithm, &[b"a", b"bc"]);
        ensure(hash.get(..algorithm.len()) == Some(digest), name)?;
    }
    Ok(())
}

/// RFC 2202 section 3 and RFC 4231 section 4.3, test case 2 each.
fn macs(provider: &dyn Provider) -> Result<(), SelfTestError> {
    let known: [(HashAlgorithm, &[u8], &'static str); 3] = [
        (
            HashAlgorithm::Sha1,
            &const { hex::<20>("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79") },
            "HMAC-SHA1",
        ),
        (
            HashAlgorithm::Sha256,
            &const { hex::<32>("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") },
            "HMAC-SHA256",
        ),
        (
            HashAlgorithm::Sha384,
            &const {
                hex::<48>(
                    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                     8e2240ca5e69e2c78b3239ecfab21649",
                )
            },
            "HMAC-SHA384",
        ),
    ];
    for (algorithm, tag, name) in known {
        let mac = provider.hmac(algorithm, b"Jefe");
        let data: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        ensure(mac.compute(&data).get(..tag.len()) == Some(tag), name)?;
        ensure(mac.verify(&data, tag), name)?;
        ensure(!mac.verify(&[b"what do ya want for nothing!"], tag), name)?;
    }
    Ok(())
}

/// RFC 3711 appendix B.2 and RFC 6188 section 7.1, two blocks each.
fn counter_mode(provider: &dyn Provider) -> Result<(), SelfTestError> {
    let iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000");
    let known: [(&[u8], [u8; 32], &'static str); 2] = [
        (
            &const { hex::<16>("2b7e151628aed2a6abf7158809cf4f3c") },
            const { hex("e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab") },
            "AES-128-CTR",
        ),
        (
            &const { hex::<32>("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98") },
            const { hex("92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac") },
            "AES-256-CTR",
        ),
    ];
    for (key, keystream, name) in known {
        let mut buf = [0; 32];
        provider
            .aes_ctr(key)
            .ok_or(SelfTestError(name))?
            .apply(&iv, &mut buf);
        ensure(buf == keystream, name)?;
    }
    Ok(())
}

/// RFC 7714 sections 16.1.1 and 16.2.1, RFC 8439 section 2.8.2.
fn aeads(provider: &dyn Provider) -> Result<(), SelfTestError> {
    const LATIN: [u8; 38] = *b"Gallia est omnis divisa in partes tres";
    const SUNSCREEN: [u8; 114] = *b"Ladies and Gentlemen of the class of '99: If I could \
        offer you only one tip for the future, sunscreen would be it.";
    aead(
        provider,
        AeadAlgorithm::Aes128Gcm,
        &const { hex::<16>("000102030405060708090a0b0c0d0e0f") },
        const { &hex("51753c6580c2726f20718414") },
        &const { hex::<12>("8040f17b8041f8d35501a0b2") },
        LATIN,
        &const {
            hex::<38>(
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b\
                 36de3adf8833",
            )
        },
        const { hex("899d7f27beb16a9152cf765ee4390cce") },
        "AES-128-GCM",
    )?;
    aead(
        provider,
        AeadAlgorithm::Aes256Gcm,
        &const { hex::<32>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f") },
        const { &hex("51753c6580c2726f20718414") },
        &const { hex::<12>("8040f17b8041f8d35501a0b2") },
        LATIN,
        &const {
            hex::<38>(
                "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f\
                 1ba63799b87b",
            )
        },
        const { hex("7aa3db36dfffd6b0f9bb7878d7a76c13") },
        "AES-256-GCM",
    )?;
    aead(
        provider,
        AeadAlgorithm::ChaCha20Poly1305,
        &const { hex::<32>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f") },
        const { &hex("070000004041424344454647") },
        &const { hex::<12>("50515253c0c1c2c3c4c5c6c7") },
        SUNSCREEN,
        &const {
            hex::<114>(
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
                 3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
                 92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                 3ff4def08e4b7a9de576d26586cec64b6116",
            )
        },
        const { hex("1ae10b594f09e26a7e902ecbd0600691") },
        "ChaCha20-Poly1305",
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "the fields of a published vector"
)]
fn aead<const N: usize>(
    provider: &dyn Provider,
    algorithm: AeadAlgorithm,
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: [u8; N],
    ciphertext: &[u8; N],
    tag: [u8; 16],
    name: &'static str,
) -> Result<(), SelfTestError> {
    let cipher = provider.aead(algorithm, key).ok_or(SelfTestError(name))?;
    let mut buf = plaintext;
    ensure(
        cipher.seal(nonce, aad, &mut buf) == tag && buf == *ciphertext,
        name,
    )?;
    let opened = cipher.open(nonce, aad, &mut buf, &tag);
    ensure(opened.is_ok() && buf == plaintext, name)?;
    let mut buf = *ciphertext;
    let [first, rest @ ..] = tag;
    let mut wrong = [first ^ 1; 16];
    wrong[1..].copy_from_slice(&rest);
    let refused = cipher.open(nonce, aad, &mut buf, &wrong);
    ensure(refused.is_err() && buf == [0; N], name)
}

/// RFC 5903 section 8.1 (agreement) and RFC 6979 appendix A.2.5 (signature of "sample").
fn p256(provider: &dyn Provider) -> Result<(), SelfTestError> {
    const NAME: &str = "P-256";
    let generated = provider.run(&Job::GenerateKey {
        group: Group::P256,
        seed: SecretArray::new(
            const { hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f") },
        ),
    });
    // Computed independently from the definition at Job::GenerateKey.
    let expected = JobResult::Key {
        private: SecretBytes::new(
            const { hex::<32>("d7d023cff95d9365dc87d4eeb4a43e2544ac390dde7a8e22f7c2e1292f8a7d88") }
                .to_vec(),
        ),
        public: const {
            hex::<65>(
                "0477503b0bbacda63fe3a78cfce607a27bed47c0ba5e7bd54334deab51316610ec\
                 631450ee3f709891b3e7d7279fbc9c799960a9cbd1ffe304dec64fa1d92678eb",
            )
        }
        .to_vec(),
    };
    ensure(generated == expected, NAME)?;

    let mut peer = const {
        hex::<65>(
            "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63\
             56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        )
    };
    let agree = |peer: &[u8]| {
        provider.run(&Job::Agree {
            group: Group::P256,
            private:
                SecretBytes::new(
                    const {
                        hex::<32>(
                            "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
                        )
                    }
                    .to_vec(),
                ),
            peer_public: peer.to_vec(),
        })
    };
    let shared = SecretArray::new(
        const { hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de") },
    );
    ensure(agree(&peer) == JobResult::Shared(shared), NAME)?;
    peer[64] ^= 1;
    ensure(matches!(agree(&peer), JobResult::Failed(_)), NAME)?;

    let signature = const {
        hex::<72>(
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        )
    };
    let signed = provider.run(&Job::Sign {
        private: SecretBytes::new(
            const { hex::<32>("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721") }
                .to_vec(),
        ),
        message: b"sample".to_vec(),
    });
    ensure(signed == JobResult::Signature(signature.to_vec()), NAME)?;
    let verify = |message: &[u8]| {
        provider.run(&Job::Verify {
            scheme: SignatureScheme::EcdsaP256Sha256,
            public: PublicKey::P256(
                const {
                    hex::<65>(
                        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
                    )
                }
                .to_vec(),
            ),
            message: message.to_vec(),
            signature: signature.to_vec(),
        })
    };
    ensure(verify(b"sample") == JobResult::Valid, NAME)?;
    ensure(matches!(verify(b"simple"), JobResult::Failed(_)), NAME)
}

/// RFC 7748 section 6.1.
fn x25519(provider: &dyn Provider) -> Result<(), SelfTestError> {
    const NAME: &str = "X25519";
    const PRIVATE: [u8; 32] =
        hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let generated = provider.run(&Job::GenerateKey {
        group: Group::X25519,
        seed: SecretArray::new(PRIVATE),
    });
    let expected = JobResult::Key {
        private: SecretBytes::new(PRIVATE.to_vec()),
        public:
            const { hex::<32>("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a") }
                .to_vec(),
    };
    ensure(generated == expected, NAME)?;
    let agree = |peer: [u8; 32]| {
        provider.run(&Job::Agree {
            group: Group::X25519,
            private: SecretBytes::new(PRIVATE.to_vec()),
            peer_public: peer.to_vec(),
        })
    };
    let shared = SecretArray::new(
        const { hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742") },
    );
    let peer = const { hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f") };
    ensure(agree(peer) == JobResult::Shared(shared), NAME)?;
    ensure(matches!(agree([0; 32]), JobResult::Failed(_)), NAME)
}
