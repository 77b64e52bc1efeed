//! The parsers, opened to fuzz targets. They panic when an invariant is broken.

use alloc::vec::Vec;

use smolrtc_base::{Limits, Reader};

use crate::message::{
    self, Body, CertificateRequest, ClientHello, Fragment, HelloVerifyRequest, ServerHello,
    ServerKeyExchange, Signed,
};
use crate::reassembly::Reassembler;
use crate::x509;

/// Parses `data` as a certificate.
pub fn certificate(data: &[u8]) {
    if let Ok(smolrtc_crypto::PublicKey::P256(point)) = x509::public_key(data) {
        assert_eq!(point.len(), 65);
    }
}

/// Parses `data` as each message body, and writes again what can be written.
pub fn messages(data: &[u8]) {
    if let Ok(hello) = ClientHello::parse(data) {
        for suite in crate::CipherSuite::ALL {
            let _ = hello.offers_suite(*suite);
        }
        for group in crate::NamedGroup::ALL {
            let _ = hello.offers_group(*group);
        }
        let _ = (hello.offers_signature(0x0403), hello.offers_srtp(7));
    }
    let _ = ServerHello::parse(data);
    let _ = HelloVerifyRequest::parse(data);
    let _ = CertificateRequest::parse(data).map(|request| request.admits_ecdsa(0x0403));
    let _ = message::leaf(data);
    if let Ok(public) = message::parse_client_key_exchange(data) {
        assert_eq!(
            written(|body| message::client_key_exchange(body, public)),
            data
        );
    }
    if let Ok(signed) = Signed::parse(data) {
        assert_eq!(written(|body| signed.emit(body)), data);
    }
    if let Ok(exchange) = ServerKeyExchange::parse(data) {
        let again = written(|body| {
            let Signed { scheme, signature } = exchange.signed;
            message::server_key_exchange(body, exchange.params, scheme, signature);
        });
        assert_eq!(again, data);
    }
}

/// Puts the fragments in `data` together within tight limits.
pub fn reassembly(data: &[u8]) {
    let mut limits = Limits::CHIP;
    limits.dtls_reassembly_bytes = 256;
    limits.dtls_reassembly_fragments = 6;
    let mut reassembler = Reassembler::new(&limits);
    let mut reader = Reader::new(data);
    let mut expected = 0;
    while let Ok(fragment) = Fragment::parse(&mut reader) {
        let _ = reassembler.insert(&fragment);
        while let Some(message) = reassembler.pop() {
            assert_eq!(message.number, expected);
            assert!(message.body.len() <= 256);
            expected = message.number.wrapping_add(1);
        }
    }
}

fn written(fill: impl FnOnce(&mut Body<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill(&mut Body(&mut bytes));
    bytes
}
