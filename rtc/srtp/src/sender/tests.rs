use crate::tests::{master, rtcp, rtp, sender, with_room};
use crate::{Profile, Sender, SrtpError};
use smolrtc_base::Limits;
use smolrtc_crypto::RustCrypto;

const CM: Profile = Profile::Aes128CmHmacSha1_80;
const GCM: Profile = Profile::AeadAes128Gcm;

#[test]
fn keys_of_another_length_are_refused() {
    for profile in Profile::ALL.iter().copied() {
        let (key, salt) = master(profile);
        for (key, salt) in [
            (&key[1..], &salt[..]),
            (&key, &salt[1..]),
            (&[&key[..], &[0]].concat(), &salt),
        ] {
            let made = Sender::new(profile, key, salt, &RustCrypto, &Limits::CHIP);
            assert_eq!(made.err(), Some(SrtpError::KeyLength));
        }
    }
}

#[test]
fn packets_that_are_none_are_refused_untouched() {
    let mut sender = sender(CM);
    for packet in [
        "",
        "80",
        "8060000000000000000000",
        "4060000000000000 00000001",
        "8f60000000000000 00000001 00000000",
        "9060000000000000 00000001 bede",
        "9060000000000000 00000001 bede0002 00000000",
    ] {
        let (mut buf, len) = with_room(crate::tests::hex(packet));
        let before = buf.clone();
        assert_eq!(
            sender.protect_rtp(&mut buf, len, 0),
            Err(SrtpError::Malformed),
            "{packet}"
        );
        assert_eq!(buf, before);
    }
    let (mut buf, _) = rtp(1, 0, b"");
    let beyond = buf.len() + 1;
    assert_eq!(
        sender.protect_rtp(&mut buf, beyond, 0),
        Err(SrtpError::Malformed)
    );
    let (mut buf, _) = rtcp(1);
    assert_eq!(sender.protect_rtcp(&mut buf, 7), Err(SrtpError::Malformed));
}

#[test]
fn a_refused_packet_uses_up_no_index() {
    for profile in Profile::ALL.iter().copied() {
        let mut sender = sender(profile);
        let (mut buf, len) = rtp(1, 9, b"payload");
        let needed = len + profile.rtp_tag_len();
        assert_eq!(
            sender.protect_rtp(&mut buf[..needed - 1], len, 9),
            Err(SrtpError::BufferTooSmall { needed })
        );
        assert_eq!(
            sender.protect_rtp(&mut buf, len, 10),
            Err(SrtpError::IndexMismatch)
        );
        assert_eq!(sender.protect_rtp(&mut buf[..needed], len, 9), Ok(needed));

        let (mut buf, len) = rtcp(1);
        let needed = len + profile.rtcp_tag_len();
        assert_eq!(
            sender.protect_rtcp(&mut buf[..needed - 1], len),
            Err(SrtpError::BufferTooSmall { needed })
        );
        assert_eq!(sender.protect_rtcp(&mut buf[..needed], len), Ok(needed));
        let word = if profile.aead().is_some() {
            needed - 4
        } else {
            len
        };
        assert_eq!(buf[word..word + 4], [0x80, 0, 0, 1]);
    }
}

#[test]
fn the_last_index_is_the_last() {
    let mut sender = sender(GCM);
    let (mut buf, len) = rtp(1, 0xffff, b"payload");
    assert!(sender.protect_rtp(&mut buf, len, (1 << 48) - 1).is_ok());
    let (mut buf, len) = rtp(1, 0, b"payload");
    assert_eq!(
        sender.protect_rtp(&mut buf, len, 1 << 48),
        Err(SrtpError::KeyExhausted)
    );
    sender.set_rtcp_index((1 << 31) - 2);
    let (mut buf, len) = rtcp(1);
    assert!(sender.protect_rtcp(&mut buf, len).is_ok());
    assert_eq!(
        sender.protect_rtcp(&mut buf, len),
        Err(SrtpError::KeyExhausted)
    );
}

#[test]
fn sources_are_bounded_and_never_forgotten() {
    let mut sender = sender(GCM);
    let limit = Limits::CHIP.srtp_sources as u32;
    for ssrc in 0..limit {
        let (mut buf, len) = rtp(ssrc, 5, b"payload");
        assert!(sender.protect_rtp(&mut buf, len, 5).is_ok());
    }
    let (mut buf, len) = rtp(limit, 5, b"payload");
    assert_eq!(
        sender.protect_rtp(&mut buf, len, 5),
        Err(SrtpError::TooManySources)
    );
    let (mut buf, len) = rtp(0, 5, b"payload");
    assert_eq!(
        sender.protect_rtp(&mut buf, len, 5),
        Err(SrtpError::IndexReused)
    );
}

#[test]
fn an_identical_resend_is_the_same_packet_and_another_is_wiped() {
    for profile in [CM, Profile::Aes128CmHmacSha1_32] {
        let mut sender = sender(profile);
        sender.remember(2);
        let (mut first, len) = rtp(1, 1, b"payload");
        let protected = sender.protect_rtp(&mut first, len, 1).unwrap();
        let (mut again, len) = rtp(1, 1, b"payload");
        assert_eq!(sender.resend_rtp(&mut again, len, 1), Ok(protected));
        assert_eq!(again, first);

        let (mut other, len) = rtp(1, 1, b"pay1oad");
        assert_eq!(
            sender.resend_rtp(&mut other, len, 1),
            Err(SrtpError::NotIdentical)
        );
        assert!(other[..protected].iter().all(|byte| *byte == 0));

        for seq in [2, 3] {
            let (mut buf, len) = rtp(1, seq, b"payload");
            sender.protect_rtp(&mut buf, len, seq.into()).unwrap();
        }
        let (mut late, len) = rtp(1, 1, b"payload");
        assert_eq!(
            sender.resend_rtp(&mut late, len, 1),
            Err(SrtpError::NotRemembered)
        );
    }
}

#[test]
fn nothing_is_resent_under_an_aead() {
    let mut sender = sender(GCM);
    sender.remember(16);
    let (mut buf, len) = rtp(1, 1, b"payload");
    sender.protect_rtp(&mut buf, len, 1).unwrap();
    let (mut buf, len) = rtp(1, 1, b"payload");
    assert_eq!(
        sender.resend_rtp(&mut buf, len, 1),
        Err(SrtpError::ResendForbidden)
    );
}

#[test]
fn nothing_secret_is_printed() {
    let printed = alloc::format!("{:?}", sender(CM));
    assert!(
        printed.contains("Salt, ") || printed.contains("Salt }"),
        "{printed}"
    );
}
