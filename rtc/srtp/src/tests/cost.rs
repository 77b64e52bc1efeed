//! What a packet costs beside its primitives.
//!
//! `cargo test --release -p smolrtc-srtp -- --ignored --nocapture cost`

use alloc::vec;
use smolrtc_crypto::{AeadAlgorithm, HashAlgorithm, Provider, RustCrypto};
use std::hint::black_box;
use std::println;
use std::time::Instant;

use super::{rtp, sender};
use crate::Profile;

const PACKETS: u64 = 20_000;
const ROUNDS: usize = 15;

/// The fastest of several rounds, in nanoseconds a packet: noise only ever adds.
fn nanoseconds(mut packet: impl FnMut(u64)) -> f64 {
    (0..ROUNDS as u64)
        .map(|round| {
            let start = Instant::now();
            for at in 0..PACKETS {
                packet(round * PACKETS + at);
            }
            start.elapsed().as_nanos() as f64 / PACKETS as f64
        })
        .fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "a measurement, not a check"]
fn cost_of_a_packet_of_1200_bytes() {
    for profile in Profile::ALL.iter().copied() {
        let (mut buf, len) = rtp(1, 0, &vec![0x5a; 1_200 - 12]);
        let primitives = match profile.aead() {
            Some(AeadAlgorithm::Aes256Gcm) => aead(AeadAlgorithm::Aes256Gcm, &mut buf, len),
            Some(algorithm) => aead(algorithm, &mut buf, len),
            None => {
                let ctr = RustCrypto.aes_ctr(&[1; 16]).unwrap();
                let mac = RustCrypto.hmac(HashAlgorithm::Sha1, &[2; 20]);
                nanoseconds(|index| {
                    let iv = (u128::from(index) << 16).to_be_bytes();
                    ctr.apply(&iv, &mut buf[12..len]);
                    black_box(mac.compute(&[&buf[..len], &[0; 4]]));
                })
            }
        };
        let mut sender = sender(profile);
        let whole = nanoseconds(|index| {
            buf[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            black_box(sender.protect_rtp(&mut buf, len, index)).unwrap();
        });
        println!(
            "{:24} primitives {primitives:6.1} ns, protect {whole:6.1} ns, ratio {:.3}",
            profile.name(),
            whole / primitives
        );
    }
}

fn aead(algorithm: AeadAlgorithm, buf: &mut [u8], len: usize) -> f64 {
    let key = vec![1; algorithm.key_len()];
    let aead = RustCrypto.aead(algorithm, &key).unwrap();
    nanoseconds(|index| {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&index.to_be_bytes());
        let (header, payload) = buf[..len].split_at_mut(12);
        black_box(aead.seal(&nonce, header, payload));
    })
}
