//! After a source's first packet, nothing is allocated: protecting, resending, opening, refusing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use smolrtc_base::Limits;
use smolrtc_crypto::RustCrypto;
use smolrtc_srtp::{Profile, Receiver, Sender};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn no_packet_allocates_after_the_first_of_its_source() {
    for profile in Profile::ALL.iter().copied() {
        let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
        let mut sender = Sender::new(profile, &key, &salt, &RustCrypto, &Limits::CHIP).unwrap();
        sender.remember(8);
        let mut receiver = Receiver::new(profile, &key, &salt, &RustCrypto, &Limits::CHIP).unwrap();
        let mut buf = [0; 1_300];
        let mut before = 0;
        for index in 65_000..66_000_u64 {
            if index == 65_001 {
                before = ALLOCATIONS.with(Cell::get);
            }
            let packet = |buf: &mut [u8; 1_300]| {
                *buf = [7; 1_300];
                buf[0] = 0x80;
                buf[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            };
            packet(&mut buf);
            let len = sender.protect_rtp(&mut buf, 1_200, index).unwrap();
            let resend_allowed = !profile.name().starts_with("AEAD");
            packet(&mut buf);
            assert_eq!(
                sender.resend_rtp(&mut buf, 1_200, index).is_ok(),
                resend_allowed
            );
            if resend_allowed {
                assert!(receiver.unprotect_rtp(&mut buf, len).is_ok());
            }
            assert!(receiver.unprotect_rtp(&mut buf, len).is_err());
            packet(&mut buf);
            let len = sender.protect_rtcp(&mut buf, 100).unwrap();
            assert!(receiver.unprotect_rtcp(&mut buf, len).is_ok());
        }
        assert_eq!(ALLOCATIONS.with(Cell::get), before, "{profile:?}");
    }
}
