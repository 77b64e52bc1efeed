//! Published packets and keys.

use super::{hex, with_room};
use crate::keys::{SessionKeys, prf_bytes};
use crate::{Profile, Receiver, Sender};
use smolrtc_base::Limits;
use smolrtc_crypto::{Provider, RustCrypto};

const LIMITS: &Limits = &Limits::CHIP;

/// RFC 3711 appendix B.3; labels 3 to 5 as libsrtp derives them.
#[test]
fn session_keys_are_those_of_rfc_3711() {
    let prf = RustCrypto
        .aes_ctr(&hex("e1f97a0d3e018be0d64fa32c06de4139"))
        .unwrap();
    let salt = hex("0ec675ad498afeebb6960b3aabe6");
    for (label, expected) in [
        (0, "c61e7a93744f39ee10734afe3ff7a087"),
        (
            1,
            "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327a
             d175578ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e47403576
             6b68642c59bbfc2f34db60dbdfb2",
        ),
        (2, "30cbbc08863d8c85d49db34a9ae1"),
        (3, "4c1aa45a81f73d61c800bbb00fbb1eaa"),
        (4, "8d54534feb49ae8e7993a6bd0b844fc323a93dfd"),
        (5, "9581c7ad87b3e530bf3e4454a8b3"),
    ] {
        let expected = hex(expected);
        let derived = prf_bytes(prf.as_ref(), &salt, label, expected.len());
        assert_eq!(derived.expose(), expected, "label {label}");
    }
}

/// RFC 6188 section 7.2.
#[test]
fn session_keys_of_256_bits_are_those_of_rfc_6188() {
    let prf = RustCrypto
        .aes_ctr(&hex(
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
        ))
        .unwrap();
    let salt = hex("3b04803de51ee7c96423ab5b78d2");
    for (label, expected) in [
        (
            0,
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
        ),
        (1, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"),
        (2, "fa31791685ca444a9e07c6c64e93"),
    ] {
        let expected = hex(expected);
        let derived = prf_bytes(prf.as_ref(), &salt, label, expected.len());
        assert_eq!(derived.expose(), expected, "label {label}");
    }
}

fn check_rtp(sender: &mut Sender, receiver: &mut Receiver, plain: &str, index: u64, wire: &str) {
    let (plain, wire) = (hex(plain), hex(wire));
    let (mut buf, len) = with_room(plain.clone());
    let len = sender.protect_rtp(&mut buf, len, index).unwrap();
    assert_eq!(buf[..len], wire);
    let opened = receiver.unprotect_rtp(&mut buf, len).unwrap();
    assert_eq!(buf[..opened.len], plain);
    assert_eq!(opened.index, index);
}

fn check_rtcp(sender: &mut Sender, receiver: &mut Receiver, plain: &str, index: u32, wire: &str) {
    let (plain, wire) = (hex(plain), hex(wire));
    let (mut buf, len) = with_room(plain.clone());
    sender.set_rtcp_index(index - 1);
    let len = sender.protect_rtcp(&mut buf, len).unwrap();
    assert_eq!(buf[..len], wire);
    let opened = receiver.unprotect_rtcp(&mut buf, len).unwrap();
    assert_eq!(buf[..opened.len], plain);
    assert_eq!(opened.index, index.into());
}

fn derived(profile: Profile, key: &str, salt: &str) -> (Sender, Receiver) {
    let (key, salt) = (hex(key), hex(salt));
    (
        Sender::new(profile, &key, &salt, &RustCrypto, LIMITS).unwrap(),
        Receiver::new(profile, &key, &salt, &RustCrypto, LIMITS).unwrap(),
    )
}

const LIBSRTP_RTP: &str = "800f1234decafbadcafebabe abababababababababababababababab";
const LIBSRTP_RTCP: &str = "81c8000bcafebabe abababababababababababababababab";

/// The packets of libsrtp's test driver.
#[test]
fn aes_cm_packets_equal_those_of_libsrtp() {
    for (profile, tag) in [
        (Profile::Aes128CmHmacSha1_80, "b78d6acc99ea179b8dbb"),
        (Profile::Aes128CmHmacSha1_32, "b78d6acc"),
    ] {
        let (mut sender, mut receiver) = derived(
            profile,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
        );
        let wire = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402";
        let wire = [wire, tag].concat();
        check_rtp(&mut sender, &mut receiver, LIBSRTP_RTP, 0x1234, &wire);
        let wire = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a8
                    80000001 993e08cd54d6c1230798";
        check_rtcp(&mut sender, &mut receiver, LIBSRTP_RTCP, 1, wire);
    }
}

/// The packets of libsrtp's test driver, from master keys: they fix how a 96-bit master salt
/// enters a derivation made for 112 bits.
#[test]
fn aes_gcm_packets_equal_those_of_libsrtp() {
    let (mut sender, mut receiver) = derived(
        Profile::AeadAes128Gcm,
        "000102030405060708090a0b0c0d0e0f",
        "a0a1a2a3a4a5a6a7a8a9aaab",
    );
    let wire = "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e
                d2976826f796b201df3131a127e8a392";
    check_rtp(&mut sender, &mut receiver, LIBSRTP_RTP, 0x1234, wire);
    let wire = "81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025
                c52c6fbea2b3b446ea31123ba88ce61e 80000001";
    check_rtcp(&mut sender, &mut receiver, LIBSRTP_RTCP, 1, wire);
}

const GALLIA: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e6973
    20646976697361 20696e207061727465732074726573";
const LUNA: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e930
    4c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn rfc_7714(profile: Profile) -> (Sender, Receiver) {
    let key: alloc::vec::Vec<u8> = (0..profile.key_len() as u8).collect();
    let keys =
        || SessionKeys::with_session_keys(profile, &key, b"Quid pro quo", &RustCrypto).unwrap();
    (
        Sender::with_keys(profile, keys(), LIMITS),
        Receiver::with_keys(profile, keys(), LIMITS),
    )
}

/// RFC 7714 sections 16.1.1, 16.1.2 and 17.1.
#[test]
fn aes_128_gcm_packets_equal_those_of_rfc_7714() {
    let (mut sender, mut receiver) = rfc_7714(Profile::AeadAes128Gcm);
    let wire = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bca
                be633bd50d294e6f42a5f47a51c7d19b36de3adf8833
                899d7f27beb16a9152cf765ee4390cce";
    check_rtp(&mut sender, &mut receiver, GALLIA, 0xf17b, wire);
    let wire = "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f7
                6c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b
                c84aa45896cf4d2fc5abf87245d9eade800005d4";
    check_rtcp(&mut sender, &mut receiver, LUNA, 0x5d4, wire);
}

/// RFC 7714 sections 16.2.1, 16.2.2 and 17.2.
#[test]
fn aes_256_gcm_packets_equal_those_of_rfc_7714() {
    let (mut sender, mut receiver) = rfc_7714(Profile::AeadAes256Gcm);
    let wire = "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aa
                b18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
                7aa3db36dfffd6b0f9bb7878d7a76c13";
    check_rtp(&mut sender, &mut receiver, GALLIA, 0xf17b, wire);
    let wire = "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5d
                bffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad
                1d1eb30c4446839f57ff6f6cb26ac3be800005d4";
    check_rtcp(&mut sender, &mut receiver, LUNA, 0x5d4, wire);
}

/// RFC 7714 sections 17.3 and 17.4: authenticated, not encrypted.
#[test]
fn tagged_rtcp_packets_of_rfc_7714_are_accepted_and_forged_ones_wiped() {
    for (profile, tag) in [
        (Profile::AeadAes128Gcm, "841dd9683dd78ec92ae58790125f62b3"),
        (Profile::AeadAes256Gcm, "91db4afbfeee5a978fab4393ed2615fe"),
    ] {
        let (_, mut receiver) = rfc_7714(profile);
        let wire = [hex(LUNA), hex(tag), hex("000005d4")].concat();
        for at in 0..wire.len() {
            let mut forged = wire.clone();
            forged[at] ^= 4;
            let len = forged.len();
            assert!(receiver.unprotect_rtcp(&mut forged, len).is_err(), "{at}");
        }
        let mut buf = wire.clone();
        let opened = receiver.unprotect_rtcp(&mut buf, wire.len()).unwrap();
        assert_eq!(buf[..opened.len], hex(LUNA));
    }
}
