//! Packets with a good checksum and tag against an established association: whatever the chunks
//! say, nothing panics, what is held stays within the limits, and timers end.
//!
//! Input: packets, each a length byte (times 4) and that many bytes of chunks.
#![no_main]

use smolrtc_base::{Instant, Limits, Rng};
use smolrtc_crypto::RustCrypto;
use smolrtc_sctp::{Association, ChannelConfig, Config};

/// Bit by bit, so that it shares nothing with the table under test.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static PROVIDER: RustCrypto = RustCrypto;
    let mut now = Instant::from_millis(1);
    let end = |client| {
        let config = Config::new(client, Limits::CHIP);
        Association::new(config, Rng::from_u64(u64::from(client)), &PROVIDER)
    };
    let (mut a, mut b) = (end(true), end(false));
    let mut buf = [0; 1_500];
    let mut tag = [0; 4];
    a.connect(now);
    let _ = a.open_channel(now, ChannelConfig::new("fuzz"));
    for _ in 0..4 {
        while let Some(len) = a.poll_transmit(now, &mut buf) {
            tag.copy_from_slice(&buf[4..8]);
            b.handle_input(now, &buf[..len]);
        }
        while let Some(len) = b.poll_transmit(now, &mut buf) {
            a.handle_input(now, &buf[..len]);
        }
    }
    assert!(a.is_established() && b.is_established());

    let mut rest = data;
    while let Some((&words, tail)) = rest.split_first() {
        let (chunks, tail) = tail.split_at(tail.len().min(usize::from(words) * 4));
        rest = tail;
        let mut packet = vec![0x13, 0x88, 0x13, 0x88];
        // INIT is the chunk that travels with tag 0.
        packet.extend_from_slice(if chunks.first() == Some(&1) {
            &[0; 4]
        } else {
            &tag
        });
        packet.extend_from_slice(&[0; 4]);
        packet.extend_from_slice(chunks);
        let sum = crc32c(&packet);
        packet[8..12].copy_from_slice(&sum.to_le_bytes());
        b.handle_input(now, &packet);
        let mut packets = 0;
        while b.poll_transmit(now, &mut buf).is_some() {
            packets += 1;
            assert!(packets < 1_000, "poll_transmit does not end");
        }
        while b.poll_event().is_some() {}
        if let Some((at, _)) = b.poll_timeout() {
            now = now.max(at);
            b.handle_timeout(now);
            assert!(
                b.poll_timeout().is_none_or(|(next, _)| next > at),
                "busy loop"
            );
        }
    }
    // Raw bytes too: the header itself.
    b.handle_input(now, data);
});
