use super::*;
use crate::suite::ECDSA_SHA256;
use crate::{CipherSuite, NamedGroup};
use alloc::vec;

fn write(fill: impl FnOnce(&mut Body<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill(&mut Body(&mut bytes));
    bytes
}

fn client_hello() -> Vec<u8> {
    write(|body| {
        ClientHelloRepr {
            random: &[7; 32],
            cookie: b"cookie",
            cipher_suites: CipherSuite::ALL,
            groups: NamedGroup::ALL,
            srtp_profiles: &[7, 1],
            rsa: false,
        }
        .emit(body);
    })
}

#[test]
fn a_client_hello_says_what_was_written() {
    let bytes = client_hello();
    let hello = ClientHello::parse(&bytes).unwrap();
    assert_eq!(hello.random, [7; 32]);
    assert!(hello.offers_suite(CipherSuite::EcdheEcdsaAes128Gcm));
    assert!(!hello.offers_suite(CipherSuite::EcdheRsaAes128Gcm));
    assert!(hello.offers_group(NamedGroup::P256) && hello.offers_group(NamedGroup::X25519));
    assert!(hello.offers_signature(ECDSA_SHA256) && !hello.offers_signature(0x0401));
    assert!(hello.offers_srtp(7) && hello.offers_srtp(1) && !hello.offers_srtp(8));
    assert!(hello.extended_master_secret && hello.secure_renegotiation && hello.point_formats);
    assert!(hello.speaks_1_2 && !hello.renegotiates && hello.offers_no_compression());
}

#[test]
fn a_server_hello_says_what_was_written() {
    let bytes = write(|body| {
        ServerHelloRepr {
            random: &[8; 32],
            cipher_suite: CipherSuite::EcdheEcdsaAes256Gcm,
            srtp_profile: Some(8),
            point_formats: true,
            secure_renegotiation: true,
        }
        .emit(body);
    });
    let hello = ServerHello::parse(&bytes).unwrap();
    assert_eq!(hello.random, [8; 32]);
    assert_eq!(hello.cipher_suite, 0xC02C);
    assert_eq!(hello.srtp_profile, Some(8));
    assert!(hello.extended_master_secret);
    assert!(!hello.has_unsolicited_extension && !hello.has_mki && !hello.renegotiates);
}

#[test]
fn every_truncation_of_a_hello_is_malformed() {
    let bytes = client_hello();
    let without_extensions = 2 + 32 + 1 + 7 + 2 + 6 + 2;
    for len in 0..bytes.len() {
        let is_whole = ClientHello::parse(&bytes[..len]).is_ok();
        assert_eq!(is_whole, len == without_extensions, "{len}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(ClientHello::parse(&longer).is_err());
}

#[test]
fn a_client_that_speaks_only_1_3_is_told_from_one_that_speaks_both() {
    let with_versions = |versions: &[u8]| {
        let mut bytes = client_hello();
        let mut extension = vec![0, 43, 0, versions.len() as u8 + 1, versions.len() as u8];
        extension.extend_from_slice(versions);
        let at = 2 + 32 + 1 + 7 + 2 + 6 + 2;
        let len = u16::from_be_bytes([bytes[at], bytes[at + 1]]) + extension.len() as u16;
        bytes[at..at + 2].copy_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&extension);
        ClientHello::parse(&bytes).unwrap().speaks_1_2
    };
    assert!(with_versions(&[0xFE, 0xFC, 0xFE, 0xFD]));
    assert!(with_versions(&[0x1A, 0x1A, 0xFE, 0xFD]));
    assert!(!with_versions(&[0xFE, 0xFC]));
}

#[test]
fn the_first_certificate_of_a_list_is_the_senders() {
    let one = write(|body| certificate(body, b"leaf"));
    assert_eq!(leaf(&one), Ok(Some(&b"leaf"[..])));
    assert_eq!(leaf(&[0, 0, 0]), Ok(None));
    assert_eq!(
        leaf(&[0, 0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b']),
        Ok(Some(&b"a"[..]))
    );
    assert_eq!(leaf(&[0, 0, 7, 0, 0, 9, b'a', 0, 0, 1]), Err(Malformed));
    assert_eq!(leaf(&[0, 0, 0, 0]), Err(Malformed));
}

#[test]
fn a_server_key_exchange_says_what_was_written() {
    let params = ServerKeyExchange::params(NamedGroup::X25519, &[5; 32]);
    let bytes = write(|body| server_key_exchange(body, &params, ECDSA_SHA256, &[1, 2, 3]));
    let exchange = ServerKeyExchange::parse(&bytes).unwrap();
    assert_eq!(exchange.group, 29);
    assert_eq!(exchange.public, [5; 32]);
    assert_eq!(exchange.params, params);
    assert_eq!(exchange.signed.signature, [1, 2, 3]);
    for len in 0..bytes.len() {
        assert!(ServerKeyExchange::parse(&bytes[..len]).is_err());
    }
}

#[test]
fn a_certificate_request_admits_what_it_names() {
    let bytes = write(|body| certificate_request(body, true));
    assert!(
        CertificateRequest::parse(&bytes)
            .unwrap()
            .admits_ecdsa(ECDSA_SHA256)
    );
    // RSA only.
    let other = [1, 1, 0, 2, 4, 1, 0, 0];
    assert!(
        !CertificateRequest::parse(&other)
            .unwrap()
            .admits_ecdsa(ECDSA_SHA256)
    );
    assert!(CertificateRequest::parse(&[1, 1, 0, 1, 4, 0, 0]).is_err());
}

#[test]
fn a_fragment_beyond_its_message_is_refused() {
    let header = |len, offset, fragment_len| header(1, 0, len, offset, fragment_len);
    let parse = |header: [u8; HEADER_LEN], body: &[u8]| {
        let bytes = [&header[..], body].concat();
        Fragment::parse(&mut Reader::new(&bytes)).map(|fragment| fragment.is_last())
    };
    assert_eq!(parse(header(4, 0, 4), b"body"), Ok(true));
    assert_eq!(parse(header(5, 0, 4), b"body"), Ok(false));
    assert_eq!(
        parse(header(4, 1, 4), b"body"),
        Err(DropReason::BadFragment)
    );
    assert_eq!(
        parse(header(0xFF_FFFF, 0xFF_FFFF, 4), b"body"),
        Err(DropReason::BadFragment)
    );
    assert_eq!(
        parse(header(0xFF_FFFF, 0, 0xFF_FFFF), b"body"),
        Err(DropReason::Truncated)
    );
}
