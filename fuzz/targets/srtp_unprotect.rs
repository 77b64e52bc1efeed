//! Any bytes as SRTP and SRTCP, under a provider that finds every tag right: nothing panics, what
//! is accepted got shorter, and no index of a source is accepted twice.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use smolrtc_base::Limits;
use smolrtc_crypto::fuzzing::AcceptAll;
use smolrtc_srtp::{Profile, Receiver};

fuzz_target!(|data: &[u8]| {
    let Some((&first, mut rest)) = data.split_first() else {
        return;
    };
    let profile = Profile::ALL[usize::from(first) % Profile::ALL.len()];
    let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
    let Ok(mut receiver) = Receiver::new(profile, &key, &salt, &AcceptAll, &Limits::CHIP) else {
        panic!("keys of the right length");
    };
    let mut accepted = BTreeSet::new();
    let mut dropped = 0;
    while let Some((&[kind, len], tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(len).min(tail.len());
        let (packet, tail) = tail.split_at(len);
        rest = tail;
        let mut buf = packet.to_vec();
        let is_rtp = kind & 1 == 0;
        let result = if is_rtp {
            receiver.unprotect_rtp(&mut buf, len)
        } else {
            receiver.unprotect_rtcp(&mut buf, len)
        };
        match result {
            Ok(opened) => {
                let overhead = if is_rtp {
                    profile.rtp_tag_len()
                } else {
                    profile.rtcp_tag_len()
                };
                assert_eq!(opened.len + overhead, len);
                let ssrc = if is_rtp {
                    &packet[8..12]
                } else {
                    &packet[4..8]
                };
                assert!(accepted.insert((is_rtp, ssrc.to_vec(), opened.index)));
            }
            Err(_) => dropped += 1,
        }
        assert_eq!(receiver.drops().total(), dropped);
    }
});
