//! What the tests of both directions share, and those that need both.

mod cost;
mod nonces;
mod vectors;

use alloc::vec::Vec;
use smolrtc_base::Limits;
use smolrtc_crypto::RustCrypto;

use crate::{DropReason, Profile, Receiver, Sender};

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// An RTP packet with `payload`, and room for the longest tag.
pub(crate) fn rtp(ssrc: u32, seq: u16, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut packet = hex("8060000000000000");
    packet[2..4].copy_from_slice(&seq.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    with_room(packet)
}

/// A receiver report without blocks and an SDES item.
pub(crate) fn rtcp(ssrc: u32) -> (Vec<u8>, usize) {
    let ssrc = ssrc.to_be_bytes();
    with_room(
        [
            &hex("80c90001")[..],
            &ssrc,
            &hex("81ca0003"),
            &ssrc,
            &hex("0104676f6f646279"),
        ]
        .concat(),
    )
}

pub(crate) fn with_room(mut packet: Vec<u8>) -> (Vec<u8>, usize) {
    let len = packet.len();
    packet.resize(len + 32, 0xee);
    (packet, len)
}

pub(crate) fn master(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    (
        (1..=profile.key_len() as u8).collect(),
        (101..=100 + profile.salt_len() as u8).collect(),
    )
}

pub(crate) fn sender(profile: Profile) -> Sender {
    let (key, salt) = master(profile);
    Sender::new(profile, &key, &salt, &RustCrypto, &Limits::CHIP).unwrap()
}

pub(crate) fn receiver(profile: Profile) -> Receiver {
    let (key, salt) = master(profile);
    Receiver::new(profile, &key, &salt, &RustCrypto, &Limits::CHIP).unwrap()
}

/// A protected packet of its own, and its plaintext.
pub(crate) fn protected(sender: &mut Sender, ssrc: u32, index: u64) -> (Vec<u8>, Vec<u8>) {
    let (mut buf, len) = rtp(ssrc, index as u16, &index.to_be_bytes().repeat(5));
    let plain = buf[..len].to_vec();
    let len = sender.protect_rtp(&mut buf, len, index).unwrap();
    buf.truncate(len);
    (buf, plain)
}

pub(crate) fn open(receiver: &mut Receiver, packet: &[u8]) -> Result<(u64, Vec<u8>), DropReason> {
    let mut buf = packet.to_vec();
    let len = buf.len();
    let opened = receiver.unprotect_rtp(&mut buf, len)?;
    buf.truncate(opened.len);
    Ok((opened.index, buf))
}

#[test]
fn what_one_side_protects_the_other_opens() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        for len in [0, 1, 15, 16, 17, 1_180] {
            let seq = 100 + len as u16;
            let (mut buf, plain_len) = rtp(7, seq, &alloc::vec![0xab; len]);
            let plain = buf.clone();
            let len = sender.protect_rtp(&mut buf, plain_len, seq.into()).unwrap();
            assert_eq!(len, plain_len + profile.rtp_tag_len());
            assert_eq!(buf[len..], plain[len..], "room beyond the tag is untouched");
            let opened = receiver.unprotect_rtp(&mut buf, len).unwrap();
            assert_eq!((opened.len, opened.index), (plain_len, seq.into()));
            assert_eq!(buf[..plain_len], plain[..plain_len]);
        }
        for index in 1..4 {
            let (mut buf, plain_len) = rtcp(7);
            let plain = buf.clone();
            let len = sender.protect_rtcp(&mut buf, plain_len).unwrap();
            assert_eq!(len, plain_len + profile.rtcp_tag_len());
            assert_ne!(buf[8..plain_len], plain[8..plain_len]);
            let opened = receiver.unprotect_rtcp(&mut buf, len).unwrap();
            assert_eq!((opened.len, opened.index), (plain_len, index));
            assert_eq!(buf[..plain_len], plain[..plain_len]);
        }
    }
}

#[test]
fn csrcs_and_extensions_stay_readable_and_are_authenticated() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        let header =
            hex("9260 0005 00000000 00000009 11111111 22222222 bede0002 10303132 00000000");
        let (mut buf, len) = with_room([&header[..], b"payload"].concat());
        let len = sender.protect_rtp(&mut buf, len, 5).unwrap();
        assert_eq!(buf[..header.len()], header);
        assert_ne!(&buf[header.len()..header.len() + 7], b"payload");
        for at in 0..header.len() {
            let mut forged = buf.clone();
            forged[at] ^= 1;
            assert!(receiver.unprotect_rtp(&mut forged, len).is_err());
        }
        assert!(receiver.unprotect_rtp(&mut buf, len).is_ok());
        assert_eq!(&buf[header.len()..header.len() + 7], b"payload");
    }
}

#[test]
fn exported_material_is_divided_in_the_order_of_rfc_5764() {
    for profile in Profile::ALL.iter().copied() {
        let material: Vec<u8> = (0..profile.exported_len() as u8).collect();
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let parts = profile.split_exported(&material).unwrap();
        assert_eq!(parts.client_key, &material[..key]);
        assert_eq!(parts.server_key, &material[key..2 * key]);
        assert_eq!(parts.client_salt, &material[2 * key..2 * key + salt]);
        assert_eq!(parts.server_salt, &material[2 * key + salt..]);
        assert!(profile.split_exported(&material[1..]).is_none());
        assert!(profile.split_exported(&[0; 100]).is_none());
        assert_eq!(Profile::from_id(profile.id()), Some(profile));
    }
    assert_eq!(Profile::from_id(5), None);
}
