//! What sending costs: no allocation once a viewer is set up, a bounded heap per viewer, and the
//! time per packet and viewer.

use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_rtp::history::Ring;
use smolrtc_rtp::packet::{ExtensionIds, RtpPacket};
use smolrtc_rtp::rtcp::{Compound, packets};
use smolrtc_rtp::send::{Config, RtxConfig, Sender, StreamConfig};
use smolrtc_rtp::{Codec, Mid, PayloadType, Ssrc};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn stream(track: usize, codec: Codec) -> StreamConfig {
    StreamConfig {
        track,
        codec,
        payload_type: PayloadType::from_low_bits(96 + track as u8),
        ssrc: None,
        rtx: Some(RtxConfig {
            payload_type: PayloadType::from_low_bits(106 + track as u8),
            ssrc: None,
        }),
        mid: Mid::new(b"0").ok(),
        extensions: ExtensionIds {
            mid: Some(1),
            abs_send_time: Some(2),
            transport_sequence: Some(3),
            ..ExtensionIds::default()
        },
        aead: true,
        nack: true,
    }
}

fn viewer(seed: u64) -> Sender {
    let config = Config::default();
    let mut sender = Sender::new(config, &Limits::HOST, Rng::from_u64(seed));
    for (track, codec) in [(0, Codec::Vp8), (1, Codec::Opus)] {
        sender
            .add_stream(Instant::ZERO, stream(track, codec))
            .expect("two streams fit");
    }
    sender
}

#[test]
fn a_viewer_takes_six_kilobytes_and_nothing_more_once_it_is_set_up() {
    let mut rings = [
        Ring::new(Codec::Vp8, &Limits::HOST),
        Ring::new(Codec::Opus, &Limits::HOST),
    ];
    let before = LIVE.get();
    let mut sender = Box::new(viewer(1));
    let live = LIVE.get() - before;
    assert!((2_000..=6 * 1_024).contains(&live), "{live} bytes");

    let (mut frame, mut buf, mut reply) = ([7_u8; 20_000], [0; 1_280], [0; 1_200]);
    let mut arrived = std::collections::VecDeque::with_capacity(10_000);
    let allocations = ALLOCATIONS.get();
    let mut sent = 0;
    for ms in 0..30_000_u64 {
        let now = Instant::from_millis(ms);
        if ms % 33 == 0 {
            let key = ms % 990 == 0;
            frame[0] = if key { 0x10 } else { 0x11 };
            let len = if key { 20_000 } else { 3_000 };
            rings[0]
                .push(&frame[..len], ms as u32 * 90, key, now)
                .unwrap();
        }
        if ms % 20 == 0 {
            rings[1]
                .push(&frame[..160], ms as u32 * 48, true, now)
                .unwrap();
        }
        let mut lost = None;
        while let Some(out) = sender.poll_packet(now, &rings, &mut buf) {
            sent += 1;
            if arrived.len() < 9_000 {
                arrived.push_back(now + Duration::from_millis(30));
            }
            if sent % 20 == 0 && !out.resend {
                lost = Some((
                    out.ssrc,
                    RtpPacket::parse(&buf[..out.len]).unwrap().sequence_number,
                ));
            }
        }
        let mut compound = Compound::new(&mut reply);
        if let Some((ssrc, sequence)) = lost {
            compound.nack(Ssrc(1), ssrc, [sequence]).unwrap();
        }
        if ms % 50 == 49 && !arrived.is_empty() {
            let base = (sent - arrived.len()) as u16;
            let times = arrived.iter().map(|at| Some(*at));
            compound
                .transport_feedback(Ssrc(1), Ssrc(2), 0, base, times)
                .unwrap();
            arrived.clear();
        }
        let len = compound.len();
        for packet in packets(&reply[..len]) {
            sender.handle_rtcp(now, &packet.unwrap());
        }
        sender.poll_rtcp(now, UnixTime::from_secs(1), &mut buf);
        while sender.poll_event().is_some() {}
        assert!(sender.poll_timeout(&rings).is_some());
    }
    assert!(sent > 4_000, "{sent}");
    assert_eq!(ALLOCATIONS.get() - allocations, 0);
    println!("{live} bytes of heap a viewer with two streams; {sent} packets, no allocation");
}

/// Prints, without judging: cargo test --release -p smolrtc-rtp --test send_costs -- --ignored --nocapture
#[test]
#[ignore = "a measurement"]
fn time_per_packet_and_viewer() {
    let mut rings = [
        Ring::new(Codec::Vp8, &Limits::HOST),
        Ring::new(Codec::Opus, &Limits::HOST),
    ];
    let mut viewers: Vec<Sender> = (0..10).map(viewer).collect();
    let mut frame = [7_u8; 11_790];
    let mut buf = [0; 1_280];
    let (mut packets, mut idle) = (0_u32, 0_u32);
    let (mut busy_time, mut idle_time) = (Duration::ZERO, Duration::ZERO);
    for round in 0..20_000_u64 {
        let now = Instant::from_millis(round * 200);
        frame[0] = 0x10;
        rings[0]
            .push(&frame, round as u32 * 3_000, true, now)
            .unwrap();
        let start = std::time::Instant::now();
        for viewer in &mut viewers {
            for ms in 0..200 {
                let now = now + Duration::from_millis(ms * 10);
                while viewer.poll_packet(now, &rings, &mut buf).is_some() {
                    packets += 1;
                }
                if ms == 19 {
                    break;
                }
            }
        }
        busy_time += start.elapsed();
        let start = std::time::Instant::now();
        for viewer in &mut viewers {
            for _ in 0..21 {
                idle += u32::from(viewer.poll_packet(now, &rings, &mut buf).is_none());
            }
        }
        idle_time += start.elapsed();
    }
    let idle_each = idle_time / idle;
    let each = (busy_time.saturating_sub(idle_each * 20 * 10 * 20_000)) / packets;
    println!("{packets} packets of 1,180 bytes: {each:?} each; idle poll {idle_each:?}");
}
