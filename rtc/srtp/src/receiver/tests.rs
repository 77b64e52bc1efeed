use crate::tests::{hex, open, protected, receiver, rtcp, sender};
use crate::{DropReason, Profile};
use alloc::vec;
use alloc::vec::Vec;
use smolrtc_base::Limits;

const SSRC: u32 = 0xcafe_babe;

#[test]
fn every_packet_is_accepted_once() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        let packets: Vec<_> = (65_500..65_600)
            .map(|index| protected(&mut sender, SSRC, index))
            .collect();
        for (packet, plain) in &packets {
            assert_eq!(&open(&mut receiver, packet).unwrap().1, plain);
        }
        for (packet, _) in &packets {
            assert_eq!(open(&mut receiver, packet), Err(DropReason::Replayed));
        }
        assert_eq!(receiver.drops().get(DropReason::Replayed), 100);
        assert_eq!(receiver.drops().total(), 100);

        let mut reports = Vec::new();
        for _ in 0..200 {
            let (mut buf, len) = rtcp(SSRC);
            let len = sender.protect_rtcp(&mut buf, len).unwrap();
            buf.truncate(len);
            reports.push(buf.clone());
            assert!(receiver.unprotect_rtcp(&mut buf, len).is_ok());
        }
        for (at, report) in reports.iter().enumerate() {
            let mut buf = report.clone();
            let dropped = receiver.unprotect_rtcp(&mut buf, report.len());
            let expected = if at < 72 {
                DropReason::TooOld
            } else {
                DropReason::Replayed
            };
            assert_eq!(dropped, Err(expected));
        }
    }
}

#[test]
fn packets_reordered_across_a_rollover_open() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        let packets: Vec<_> = (65_480..65_600)
            .map(|index| (index, protected(&mut sender, SSRC, index)))
            .collect();
        let mut rng = smolrtc_base::Rng::from_u64(5);
        let mut order: Vec<usize> = (1..packets.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, rng.below(at as u32 + 1) as usize);
        }
        for at in core::iter::once(0).chain(order) {
            let (index, (packet, plain)) = &packets[at];
            assert_eq!(open(&mut receiver, packet), Ok((*index, plain.clone())));
        }
        assert_eq!(receiver.drops().total(), 0);
    }
}

#[test]
fn a_gap_of_32768_is_crossed_and_one_more_is_not_followed() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        for index in [10, 10 + 32_768, 10 + 65_536 - 1] {
            let (packet, plain) = protected(&mut sender, SSRC, index);
            assert_eq!(open(&mut receiver, &packet), Ok((index, plain)));
        }
        // Nearer to the packet one rollover before: taken for that one, and not authentic.
        let lost = 10 + 65_536 - 1 + 32_769;
        let (packet, _) = protected(&mut sender, SSRC, lost);
        assert!(open(&mut receiver, &packet).is_err());
        // The window has not moved: the stream goes on where it was, had nothing been lost.
        let mut sender = crate::tests::sender(profile);
        let (packet, plain) = protected(&mut sender, SSRC, 10 + 65_536);
        assert_eq!(open(&mut receiver, &packet), Ok((10 + 65_536, plain)));
    }
}

#[test]
fn a_wrong_tag_leaves_no_plaintext_and_moves_nothing() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        let (first, _) = protected(&mut sender, SSRC, 1);
        open(&mut receiver, &first).unwrap();
        let (packet, plain) = protected(&mut sender, SSRC, 40_000);
        for at in (0..packet.len()).filter(|at| ![0, 2, 3].contains(at)) {
            let mut forged = packet.clone();
            forged[at] ^= 1;
            let len = forged.len();
            let sent = forged.clone();
            let dropped = receiver.unprotect_rtp(&mut forged, len);
            assert_eq!(dropped, Err(DropReason::BadTag), "{at}");
            let payload = &forged[12..plain.len()];
            assert!(
                payload == &sent[12..plain.len()] || payload.iter().all(|byte| *byte == 0),
                "{at}"
            );
            assert!(
                !payload
                    .windows(8)
                    .any(|bytes| plain[12..].windows(8).any(|p| p == bytes))
            );
        }
        // Seven forgeries from beyond the next rollover count for nothing.
        let (second, plain) = protected(&mut crate::tests::sender(profile), SSRC, 2);
        assert_eq!(open(&mut receiver, &second), Ok((2, plain)));

        let (mut buf, len) = rtcp(SSRC);
        let clear = buf[8..len].to_vec();
        let protected_len = sender.protect_rtcp(&mut buf, len).unwrap();
        for at in 1..protected_len {
            let mut forged = buf.clone();
            forged[at] ^= 1;
            let dropped = receiver.unprotect_rtcp(&mut forged, protected_len);
            assert_eq!(dropped, Err(DropReason::BadTag), "{at}");
            assert_ne!(forged[8..len], clear);
        }
        assert!(receiver.unprotect_rtcp(&mut buf, protected_len).is_ok());
    }
}

#[test]
fn short_and_foreign_packets_are_dropped_and_counted() {
    for profile in Profile::ALL.iter().copied() {
        let (mut sender, mut receiver) = (sender(profile), receiver(profile));
        let (packet, _) = protected(&mut sender, SSRC, 1);
        for len in 0..packet.len() {
            assert!(open(&mut receiver, &packet[..len]).is_err());
        }
        assert!(receiver.drops().get(DropReason::TooShort) >= 12);
        assert_eq!(
            open(&mut receiver, &[0x40; 60]),
            Err(DropReason::BadVersion)
        );
        let mut buf = packet.clone();
        let beyond = buf.len() + 1;
        assert_eq!(
            receiver.unprotect_rtp(&mut buf, beyond),
            Err(DropReason::TooShort)
        );
        // A header that claims more than there is.
        assert_eq!(
            open(
                &mut receiver,
                &hex("9060000100000000cafebabebedeffff00000000")
            ),
            Err(DropReason::TooShort)
        );
        let (mut buf, len) = rtcp(SSRC);
        let len = sender.protect_rtcp(&mut buf, len).unwrap();
        for short in 0..len {
            let mut buf = buf[..short].to_vec();
            assert!(receiver.unprotect_rtcp(&mut buf, short).is_err());
        }
        assert_eq!(receiver.source_counts(), (0, 0));
        assert!(open(&mut receiver, &packet).is_ok());
    }
}

#[test]
fn forged_sources_take_no_memory() {
    let mut receiver = receiver(Profile::AeadAes128Gcm);
    for ssrc in 0..10_000_u32 {
        let (buf, _) = crate::tests::rtp(ssrc, 1, &[0; 40]);
        assert_eq!(open(&mut receiver, &buf), Err(DropReason::BadTag));
    }
    assert_eq!(receiver.source_counts(), (0, 0));
}

#[test]
fn a_flood_of_authentic_sources_is_bounded_and_nothing_of_it_can_be_replayed() {
    for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes256Gcm] {
        let limits = Limits::CHIP;
        let (active, retired) = (limits.srtp_sources, limits.srtp_retired_sources);
        let mut receiver = receiver(profile);
        let mut accepted = Vec::new();
        for ssrc in 0..1_000 {
            // One sender is bounded itself, so each source has its own.
            let (packet, _) = protected(&mut sender(profile), ssrc, 500);
            match open(&mut receiver, &packet) {
                Ok(_) => accepted.push(packet),
                Err(reason) => assert_eq!(reason, DropReason::TooManySources),
            }
        }
        assert_eq!(accepted.len(), active + retired);
        assert_eq!(receiver.source_counts(), (active, retired));
        for packet in &accepted {
            assert_eq!(open(&mut receiver, packet), Err(DropReason::Replayed));
        }
        // A source that was displaced goes on where it stopped, not before.
        let mut sender = sender(profile);
        let (before, _) = protected(&mut sender, 0, 450);
        let (after, plain) = protected(&mut sender, 0, 501);
        assert_eq!(open(&mut receiver, &before), Err(DropReason::Replayed));
        assert_eq!(open(&mut receiver, &after), Ok((501, plain)));
        assert_eq!(receiver.source_counts(), (active, retired));
        for packet in &accepted {
            assert_eq!(open(&mut receiver, packet), Err(DropReason::Replayed));
        }
    }
}

#[test]
fn the_source_silent_longest_makes_room() {
    let profile = Profile::AeadAes128Gcm;
    let mut receiver = receiver(profile);
    let limit = Limits::CHIP.srtp_sources as u32;
    let from = |ssrc, index| protected(&mut sender(profile), ssrc, index).0;
    for ssrc in 0..limit {
        open(&mut receiver, &from(ssrc, 10)).unwrap();
    }
    // Source 0 speaks again, so source 1 is the one to go.
    open(&mut receiver, &from(0, 20)).unwrap();
    open(&mut receiver, &from(limit, 10)).unwrap();
    // Source 0 kept its window, and packets between are still welcome; source 1 did not.
    assert!(open(&mut receiver, &from(0, 15)).is_ok());
    assert_eq!(open(&mut receiver, &from(1, 5)), Err(DropReason::Replayed));
    assert!(open(&mut receiver, &from(1, 11)).is_ok());
}

#[test]
fn a_key_of_the_other_direction_opens_nothing() {
    for profile in Profile::ALL.iter().copied() {
        let mut receiver = receiver(profile);
        let mut other = crate::Sender::new(
            profile,
            &vec![9; profile.key_len()],
            &vec![9; profile.salt_len()],
            &smolrtc_crypto::RustCrypto,
            &Limits::CHIP,
        )
        .unwrap();
        let (packet, _) = protected(&mut other, SSRC, 1);
        assert_eq!(open(&mut receiver, &packet), Err(DropReason::BadTag));
    }
}
