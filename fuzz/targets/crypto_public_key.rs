//! A peer's points, keys and signatures, as they come out of its handshake messages: nothing
//! panics, and what is no valid DER is no valid signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolrtc_base::{SecretArray, SecretBytes};
use smolrtc_crypto::{Group, Job, JobResult, Provider, PublicKey, RustCrypto, SignatureScheme};

const SCHEMES: [SignatureScheme; 5] = [
    SignatureScheme::EcdsaP256Sha256,
    SignatureScheme::RsaPkcs1Sha256,
    SignatureScheme::RsaPkcs1Sha384,
    SignatureScheme::RsaPkcs1Sha512,
    SignatureScheme::RsaPssSha256,
];

fuzz_target!(|data: &[u8]| {
    let Some((&[kind, cut, ..], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (first, second) = rest.split_at(usize::from(cut).min(rest.len()));
    match kind % 8 {
        group @ (0 | 1) => {
            let group = if group == 0 {
                Group::P256
            } else {
                Group::X25519
            };
            let result = RustCrypto.run(&Job::Agree {
                group,
                private: SecretBytes::new(vec![1; 32]),
                peer_public: rest.to_vec(),
            });
            match result {
                JobResult::Shared(shared) => {
                    assert_eq!(rest.len(), if group == Group::P256 { 65 } else { 32 });
                    assert_ne!(shared.expose(), &[0; 32]);
                }
                JobResult::Failed(_) => {}
                other => panic!("{other:?}"),
            }
        }
        2 => {
            // Our own key, the peer's signature: it cannot be valid unless it is ours.
            let seed = SecretArray::new([3; 32]);
            let group = Group::P256;
            let JobResult::Key { public, .. } = RustCrypto.run(&Job::GenerateKey { group, seed })
            else {
                panic!("no key");
            };
            let result = RustCrypto.run(&Job::Verify {
                scheme: SignatureScheme::EcdsaP256Sha256,
                public: PublicKey::P256(public),
                message: b"message".to_vec(),
                signature: rest.to_vec(),
            });
            assert!(matches!(result, JobResult::Failed(_)));
        }
        scheme => {
            let scheme = SCHEMES[usize::from(scheme) - 3];
            let public = match scheme {
                SignatureScheme::EcdsaP256Sha256 => PublicKey::P256(first.to_vec()),
                _ => PublicKey::Rsa(first.to_vec()),
            };
            let result = RustCrypto.run(&Job::Verify {
                scheme,
                public,
                message: Vec::new(),
                signature: second.to_vec(),
            });
            assert!(matches!(result, JobResult::Valid | JobResult::Failed(_)));
        }
    }
});
