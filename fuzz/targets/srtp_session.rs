//! A sender, a network that loses, repeats, reorders and corrupts, and a receiver, with real
//! cryptography: what is opened is what was sent, once.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::Limits;
use smolrtc_crypto::RustCrypto;
use smolrtc_srtp::{Profile, Receiver, Sender, SrtpError};

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn rtp(ssrc: u8, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&(index as u16).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, ssrc]);
    packet.extend_from_slice(payload);
    packet
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let profile = *u.choose(Profile::ALL)?;
    let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
    let limits = Limits::CHIP;
    let (Ok(mut sender), Ok(mut receiver)) = (
        Sender::new(profile, &key, &salt, &RustCrypto, &limits),
        Receiver::new(profile, &key, &salt, &RustCrypto, &limits),
    ) else {
        panic!("keys of the right length");
    };
    sender.remember(16);
    let mut highest: BTreeMap<u8, u64> = BTreeMap::new();
    let mut flying: Vec<(u8, u64, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut opened_once = BTreeSet::new();
    while !u.is_empty() {
        match u.int_in_range(0..=4)? {
            0 => {
                let ssrc = u.int_in_range(0..=40_u8)?;
                let step = u.int_in_range(0..=70_000_u64)?;
                let index = highest.get(&ssrc).copied().unwrap_or(0) + step;
                let len = u.int_in_range(0..=200_usize)?;
                let plain = rtp(ssrc, index, &vec![index as u8; len]);
                let mut buf = plain.clone();
                buf.resize(plain.len() + 20, 0);
                match sender.protect_rtp(&mut buf, plain.len(), index) {
                    Ok(len) => {
                        assert!(highest.get(&ssrc).is_none_or(|highest| *highest < index));
                        highest.insert(ssrc, index);
                        buf.truncate(len);
                        flying.push((ssrc, index, plain, buf));
                    }
                    Err(SrtpError::IndexReused) => assert!(highest[&ssrc] >= index),
                    Err(SrtpError::TooManySources) => {
                        assert_eq!(highest.len(), limits.srtp_sources);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            1 if !flying.is_empty() => {
                // Delivered, and kept to be delivered again.
                let at = u.choose_index(flying.len())?;
                let (ssrc, index, plain, wire) = &flying[at];
                let mut buf = wire.clone();
                if let Ok(opened) = receiver.unprotect_rtp(&mut buf, wire.len()) {
                    assert_eq!((opened.index, &buf[..opened.len]), (*index, &plain[..]));
                    assert!(opened_once.insert((*ssrc, *index)));
                }
            }
            2 if !flying.is_empty() => {
                let at = u.choose_index(flying.len())?;
                let mut buf = flying[at].3.clone();
                let byte = u.choose_index(buf.len())?;
                buf[byte] ^= u.int_in_range(1..=255_u8)?;
                let len = buf.len();
                assert!(receiver.unprotect_rtp(&mut buf, len).is_err());
            }
            3 if !flying.is_empty() => {
                flying.swap_remove(u.choose_index(flying.len())?);
            }
            4 if !flying.is_empty() => {
                let (_, index, plain, wire) = &flying[u.choose_index(flying.len())?];
                let mut buf = plain.clone();
                buf.resize(plain.len() + 20, 0);
                if let Ok(len) = sender.resend_rtp(&mut buf, plain.len(), *index) {
                    assert_eq!(&buf[..len], &wire[..]);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
