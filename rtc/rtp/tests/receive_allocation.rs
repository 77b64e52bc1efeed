//! Receiving allocates when a stream's first packet comes, and never again.

use smolrtc_base::{Instant, Limits};
use smolrtc_rtp::packet::{ExtensionIds, Extensions, RtpHeader};
use smolrtc_rtp::receive::{Feedback, Receiver, ReceiverConfig, StreamConfig};
use smolrtc_rtp::{Codec, PayloadType, Ssrc};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn nothing_is_allocated_after_the_first_packet() {
    let ids = ExtensionIds {
        transport_sequence: Some(3),
        ..ExtensionIds::default()
    };
    let payload_type = PayloadType::new(108).unwrap();
    let mut receiver = Receiver::new(
        Limits::HOST,
        ReceiverConfig::new(Ssrc(1), b"camera".to_vec()),
    );
    receiver
        .add_stream(&StreamConfig {
            codecs: &[(payload_type, Codec::H264)],
            extension_ids: ids,
            feedback: Feedback {
                nack: true,
                pli: true,
                transport_wide: true,
                ..Feedback::default()
            },
            ..StreamConfig::default()
        })
        .unwrap();
    let mut packet = [0; 1_000];
    let mut rtcp = [0; 1_200];
    let (mut frames, mut reports, mut before) = (0, 0, 0);
    for number in 0..20_000_u16 {
        let now = Instant::from_millis(u64::from(number) * 5);
        if number.is_multiple_of(17) {
            continue; // lost for good
        }
        let header = RtpHeader {
            marker: number % 4 == 3,
            payload_type,
            sequence_number: number.wrapping_add(60_000),
            timestamp: u32::from(number / 4) * 3_000,
            ssrc: Ssrc(2),
            extensions: Extensions {
                transport_sequence: Some(number),
                ..Extensions::default()
            },
        };
        let len = header.emit(&ids, &mut packet).unwrap();
        // A key frame of four slices.
        packet[len] = if number % 4 == 0 { 0x67 } else { 0x65 };
        receiver.handle_timeout(now);
        receiver.handle_rtp(now, &packet);
        while receiver.poll_frame().is_some() {
            frames += 1;
        }
        while receiver.poll_rtcp(now, &mut rtcp).is_some() {
            reports += 1;
        }
        if number == 1 {
            before = ALLOCATIONS.load(Ordering::Relaxed);
        }
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
    assert!(
        before > 0 && frames > 3_000 && reports > 500,
        "{frames} {reports}"
    );
}
