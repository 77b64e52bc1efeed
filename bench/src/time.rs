//! Time of a packet to one viewer: primitives, system calls, and the rest, which is ours to answer
//! for.
//!
//! The fastest of many short runs: on a shared machine noise only ever adds.

use std::hint::black_box;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use kvs_host::udp::Socket;
use smolrtc::base::{Duration, Limits, Transmit};
use smolrtc::crypto::{AeadAlgorithm, HashAlgorithm, Provider as _};
use smolrtc_crypto::RustCrypto;
use smolrtc_srtp::{Profile, Sender};

use crate::script::{Script, Tally, World};

/// The fastest of `rounds` rounds of `count` times, nanoseconds each.
fn fastest(rounds: u64, count: u64, mut work: impl FnMut(u64)) -> f64 {
    let mut best = f64::INFINITY;
    for round in 0..rounds {
        let start = Instant::now();
        for at in 0..count {
            work(round * count + at);
        }
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
    }
    best
}

/// Which primitives SRTP uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES_CM_128_HMAC_SHA1_80.
    Cm,
    /// AEAD_AES_128_GCM.
    Gcm128,
    /// AEAD_AES_256_GCM.
    Gcm256,
}

impl Suite {
    /// The name in RFC 5764 or RFC 7714.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cm => "AES_CM_128_HMAC_SHA1_80",
            Self::Gcm128 => "AEAD_AES_128_GCM",
            Self::Gcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cm, Self::Gcm128, Self::Gcm256];
}

/// Encrypts and authenticates `len` bytes, `count` times.
pub fn primitives(suite: Suite, len: usize, begin: u64, count: u64) {
    let mut packet = vec![0x5a; len + 16];
    match suite {
        Suite::Cm => {
            let ctr = RustCrypto.aes_ctr(&[1; 16]).unwrap();
            let mac = RustCrypto.hmac(HashAlgorithm::Sha1, &[2; 20]);
            for index in begin..begin + count {
                ctr.apply(
                    &(u128::from(index) << 16).to_be_bytes(),
                    &mut packet[12..len],
                );
                let tag = mac.compute(&[&packet[..len], &[0; 4]]);
                packet[len..len + 10].copy_from_slice(&tag[..10]);
            }
        }
        Suite::Gcm128 | Suite::Gcm256 => {
            let (algorithm, key) = if suite == Suite::Gcm128 {
                (AeadAlgorithm::Aes128Gcm, 16)
            } else {
                (AeadAlgorithm::Aes256Gcm, 32)
            };
            let aead = RustCrypto.aead(algorithm, &vec![1; key]).unwrap();
            let mut nonce = [0; 12];
            for index in begin..begin + count {
                nonce[4..].copy_from_slice(&index.to_be_bytes());
                let (header, payload) = packet[..len].split_at_mut(12);
                let tag = aead.seal(&nonce, header, payload);
                packet[len..len + 16].copy_from_slice(&tag);
            }
        }
    }
    black_box(&packet);
}

/// Protects `count` packets of `len` bytes.
pub fn protect(suite: Suite, len: usize, count: u64) {
    let profile = Profile::ALL
        .iter()
        .copied()
        .find(|p| p.name() == suite.name());
    let profile = profile.unwrap();
    let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
    let mut sender = Sender::new(profile, &key, &salt, &RustCrypto, &Limits::HOST).unwrap();
    let mut packet = vec![0x5a; len + 16];
    packet[0] = 0x80;
    for index in 1..=count {
        packet[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        black_box(sender.protect_rtp(&mut packet, len, index)).unwrap();
    }
}

/// Nanoseconds of the primitives and of the whole SRTP for a packet of `len` bytes.
#[must_use]
pub fn srtp(suite: Suite, len: usize) -> [f64; 2] {
    const PACKETS: u64 = 2_000;
    let mut best = [f64::INFINITY; 2];
    for _ in 0..40 {
        for (at, best) in best.iter_mut().enumerate() {
            let start = Instant::now();
            if at == 0 {
                primitives(suite, len, 1, PACKETS);
            } else {
                protect(suite, len, PACKETS);
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / PACKETS as f64);
        }
    }
    best
}

/// Nanoseconds a packet: one plain `sendto`, the driver's socket with one datagram, and with
/// `segments` of `len` bytes by UDP_SEGMENT. Over loopback, which delivers in the same call.
#[must_use]
pub fn system_calls(len: usize, segments: usize) -> [f64; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let sink = UdpSocket::bind(loopback).unwrap();
        sink.set_nonblocking(true).unwrap();
        let to = sink.local_addr().unwrap();
        let plain = UdpSocket::bind(loopback).unwrap();
        let socket = Socket::bind(loopback).unwrap();
        let from = socket.local();
        let buf = vec![0x5a; len * segments];
        // The socket counts as writable once the runtime has looked at it.
        let probe = Transmit {
            to,
            from,
            len: 1,
            segment_size: None,
        };
        while !socket.send(&probe, &buf).unwrap() {
            tokio::task::yield_now().await;
        }
        let segments = segments.min(socket.max_segments());
        let batch = Transmit {
            len: len * segments,
            segment_size: Some(len),
            ..probe
        };
        let one = Transmit { len, ..probe };
        let mut waste = vec![0; 2_048];
        let mut drained = |work: &mut dyn FnMut()| {
            let mut best = f64::INFINITY;
            for _ in 0..400 {
                best = best.min(fastest(1, 20, |_| work()));
                while sink.recv_from(&mut waste).is_ok() {}
            }
            best
        };
        let sendto = drained(&mut || {
            plain.send_to(&buf[..len], to).unwrap();
        });
        let single = drained(&mut || assert!(socket.send(&one, &buf).unwrap()));
        let batched = drained(&mut || assert!(socket.send(&batch, &buf).unwrap()));
        [sendto, single, batched / segments as f64]
    })
}

/// What the serving side does for `script`: the fastest of many seconds.
#[must_use]
pub fn fan_out<W: World>(script: Script, seconds: u32) -> Tally {
    let mut world = W::connected(script);
    // The estimate of the bandwidth climbs to what the script needs.
    world.stream(Duration::from_secs(5));
    let mut best = Tally::default();
    for _ in 0..seconds {
        let before = world.tally();
        world.stream(Duration::from_secs(1));
        let second = world.tally().since(&before);
        if best.packets == 0 || second.nanoseconds() < best.nanoseconds() {
            best = second;
        }
    }
    best
}
