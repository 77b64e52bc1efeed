//! What a packet costs beside its primitives.
//!
//! `cargo test --release -p smolrtc-srtp -- --ignored --nocapture cost`

use alloc::vec;
use smolrtc_crypto::{HashAlgorithm, Provider, RustCrypto};
use std::hint::black_box;
use std::println;
use std::time::Instant;

use super::{rtp, sender};
use crate::Profile;

const PACKETS: u64 = 2_000;
const ROUNDS: u64 = 200;

/// The fastest round of each of two works, in nanoseconds a packet. Noise only ever adds, and
/// taking turns spreads it over both.
fn nanoseconds(mut works: [&mut dyn FnMut(u64); 2]) -> [f64; 2] {
    let mut fastest = [f64::INFINITY; 2];
    for round in 0..ROUNDS {
        for (work, fastest) in works.iter_mut().zip(&mut fastest) {
            let start = Instant::now();
            for at in 0..PACKETS {
                work(round * PACKETS + at);
            }
            let elapsed = start.elapsed().as_nanos() as f64 / PACKETS as f64;
            *fastest = fastest.min(elapsed);
        }
    }
    fastest
}

#[test]
#[ignore = "a measurement, not a check"]
fn cost_of_a_packet_of_1200_bytes() {
    for profile in Profile::ALL.iter().copied() {
        let (mut bare, len) = rtp(1, 0, &vec![0x5a; 1_200 - 12]);
        // The primitives too are given a new sequence number and put their tag into the packet:
        // that is the work, and only what comes on top of it is ours.
        let (ctr, mac, aead);
        let primitives: &mut dyn FnMut(u64) = match profile.aead() {
            Some(algorithm) => {
                let key = vec![1; algorithm.key_len()];
                aead = RustCrypto.aead(algorithm, &key).unwrap();
                &mut |index: u64| {
                    let mut nonce = [0; 12];
                    nonce[4..].copy_from_slice(&index.to_be_bytes());
                    bare[2..4].copy_from_slice(&(index as u16).to_be_bytes());
                    let (header, payload) = bare[..len].split_at_mut(12);
                    let tag = aead.seal(&nonce, header, payload);
                    bare[len..len + 16].copy_from_slice(&tag);
                }
            }
            None => {
                ctr = RustCrypto.aes_ctr(&[1; 16]).unwrap();
                mac = RustCrypto.hmac(HashAlgorithm::Sha1, &[2; 20]);
                &mut |index: u64| {
                    let iv = (u128::from(index) << 16).to_be_bytes();
                    bare[2..4].copy_from_slice(&(index as u16).to_be_bytes());
                    ctr.apply(&iv, &mut bare[12..len]);
                    let tag = mac.compute(&[&bare[..len], &[0; 4]]);
                    bare[len..len + 10].copy_from_slice(&tag[..10]);
                }
            }
        };
        let (mut buf, len) = rtp(1, 0, &vec![0x5a; 1_200 - 12]);
        let mut sender = sender(profile);
        let [primitives, protect] = nanoseconds([primitives, &mut |index| {
            buf[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            black_box(sender.protect_rtp(&mut buf, len, index)).unwrap();
        }]);
        println!(
            "{:24} primitives {primitives:6.1} ns, protect {protect:6.1} ns, ratio {:.3}",
            profile.name(),
            protect / primitives
        );
    }
}
