use super::*;
use smolrtc_crypto::{JobError, RustCrypto, SignatureScheme};

fn generate(seed: u64) -> Certificate {
    let now = UnixTime::from_secs(1_780_000_000);
    Certificate::generate(&RustCrypto, &mut Rng::from_u64(seed), now).unwrap()
}

#[test]
fn the_certificate_is_signed_by_the_key_in_it() {
    let certificate = generate(1);
    let der = certificate.der();
    // Certificate ::= SEQUENCE (4 bytes of head) { tbs SEQUENCE (3 bytes of head), algorithm
    // (12 bytes), signature BIT STRING (3 bytes of head) }.
    assert_eq!((der[1], der[5]), (0x82, 0x81));
    let tbs_end = 4 + 3 + usize::from(der[6]);
    let tbs = &der[4..tbs_end];
    let signature = &der[tbs_end + 12 + 3..];
    let job = Job::Verify {
        scheme: SignatureScheme::EcdsaP256Sha256,
        public: x509::public_key(der).unwrap(),
        message: tbs.to_vec(),
        signature: signature.to_vec(),
    };
    assert_eq!(RustCrypto.run(&job), JobResult::Valid);
}

#[test]
fn one_seed_gives_one_certificate_and_another_seed_another() {
    assert_eq!(generate(1).der(), generate(1).der());
    assert_ne!(generate(1).der(), generate(2).der());
}

#[test]
fn what_was_stored_loads_with_the_same_fingerprint() {
    let certificate = generate(3);
    let (der, private) = certificate.to_parts();
    let loaded = Certificate::from_parts(&RustCrypto, der.to_vec(), private.clone()).unwrap();
    assert_eq!(
        loaded.fingerprint_sha256(),
        certificate.fingerprint_sha256()
    );
    assert_eq!(
        RustCrypto.hash(HashAlgorithm::Sha256, &[der])[..32],
        certificate.fingerprint_sha256()
    );
}

#[test]
fn a_damaged_store_is_refused() {
    let certificate = generate(3);
    let (der, private) = certificate.to_parts();
    let half = der[..der.len() / 2].to_vec();
    assert_eq!(
        Certificate::from_parts(&RustCrypto, half, private.clone()).unwrap_err(),
        CertificateError::Malformed
    );
}

#[test]
fn a_result_of_another_job_is_refused() {
    let now = UnixTime::from_secs(0);
    for wrong in [
        JobResult::Signature(alloc::vec![1]),
        JobResult::Valid,
        JobResult::Failed(JobError::Unsupported),
    ] {
        let builder = CertificateBuilder::new(&mut Rng::from_u64(1), now);
        assert_eq!(
            builder.handle_computed(&RustCrypto, wrong).unwrap_err(),
            CertificateError::Provider
        );
    }
}

#[test]
fn debug_output_shows_the_fingerprint_and_no_key() {
    let certificate = generate(4);
    let text = alloc::format!("{certificate:?}");
    assert!(text.starts_with("Certificate(sha-256 "));
    let (_, private) = certificate.to_parts();
    let [a, b, ..] = *private.expose();
    assert!(!text.contains(&alloc::format!("[{a}, {b}")));
}
