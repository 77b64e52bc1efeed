use super::*;
use alloc::vec;
use smolrtc_crypto::RustCrypto;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn the_published_prf_vector_for_sha256_holds() {
    let mut out = [0; 100];
    prf(
        &RustCrypto,
        HashAlgorithm::Sha256,
        &hex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        &[&hex("a0ba9f936cda311827a6f796ffd5198c")],
        &mut out,
    );
    assert_eq!(
        out.to_vec(),
        hex(
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9\
             c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789ba\
             a48082d122ee42c5a72e5a5110fff70187347b66"
        )
    );
}

#[test]
fn a_seed_in_parts_is_the_same_seed() {
    let (mut whole, mut parts) = ([0; 70], [0; 70]);
    let hash = HashAlgorithm::Sha384;
    prf(
        &RustCrypto,
        hash,
        b"secret",
        b"label",
        &[b"abcdef"],
        &mut whole,
    );
    prf(
        &RustCrypto,
        hash,
        b"secret",
        b"label",
        &[b"ab", b"", b"cde", b"f"],
        &mut parts,
    );
    assert_eq!(whole, parts);
}

fn master() -> MasterSecret {
    MasterSecret::extended(
        &RustCrypto,
        CipherSuite::EcdheEcdsaAes128Gcm,
        &SecretArray::new([7; 32]),
        b"transcript",
        [1; 32],
        [2; 32],
    )
}

#[test]
fn an_absent_and_an_empty_context_export_different_keys() {
    let (mut none, mut empty) = ([0; 32], [0; 32]);
    master().export(&RustCrypto, b"EXPORTER", None, &mut none);
    master().export(&RustCrypto, b"EXPORTER", Some(&[]), &mut empty);
    assert_ne!(none, empty);

    // RFC 5705 section 4: the context enters after its 16-bit length.
    let mut by_hand = [0; 32];
    prf(
        &RustCrypto,
        HashAlgorithm::Sha256,
        master().secret.expose(),
        b"EXPORTER",
        &[&[1; 32], &[2; 32], &[0, 0]],
        &mut by_hand,
    );
    assert_eq!(empty, by_hand);
}

#[test]
fn what_one_direction_seals_only_its_own_cipher_opens() {
    use crate::record::{ContentType, Header};
    use smolrtc_base::Reader;

    let (client, server) = master().ciphers(&RustCrypto).unwrap();
    let mut record = vec![0; client.overhead() + 5];
    record[21..26].copy_from_slice(b"hello");
    client
        .seal(ContentType::ApplicationData, 1, 9, &mut record)
        .unwrap();
    let mut copy = record.clone();
    let header = Header::parse(&mut Reader::new(&record)).unwrap();
    assert!(server.open(header, &mut copy[13..]).is_none());
    assert!(copy[21..26].iter().all(|byte| *byte == 0), "plaintext left");
    assert_eq!(client.open(header, &mut record[13..]).unwrap(), b"hello");
}
