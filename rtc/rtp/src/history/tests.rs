use super::*;
use alloc::vec::Vec;
use smolrtc_base::Rng;
use std::vec;

/// A VP8 frame of `len` bytes: any bytes will do but for the first, which tells key frames apart.
fn vp8(len: usize, key: bool, fill: u8) -> Vec<u8> {
    let mut frame = vec![fill; len];
    frame[0] = if key { 0x10 } else { 0x11 };
    frame
}

fn ring(bytes: usize, frames: usize, packets: usize) -> Ring {
    Ring::with_capacity(Codec::Vp8, bytes, frames, packets, 100)
}

fn push(ring: &mut Ring, len: usize, key: bool, fill: u8) -> Result<u64, Error> {
    ring.push(&vp8(len, key, fill), 0, key, Instant::ZERO)
}

#[test]
fn a_frame_written_in_place_is_read_back_with_its_packets() {
    let mut ring = ring(1_000, 8, 32);
    let frame = vp8(250, true, 7);
    ring.reserve(400).unwrap()[..250].copy_from_slice(&frame);
    let id = ring.commit(250, 90, true, Instant::from_millis(5)).unwrap();
    let stored = ring.frame(id).unwrap();
    assert_eq!(stored.bytes, frame);
    assert_eq!((stored.timestamp, stored.packets), (90, 3));
    assert_eq!(ring.newest_key_frame(), Some(id));
    assert_eq!((ring.first_packet(), ring.next_packet()), (0, 3));
}

#[test]
fn what_does_not_fit_the_tail_starts_at_the_front_and_evicts_the_oldest() {
    let mut ring = ring(1_000, 64, 64);
    for fill in 0..3 {
        push(&mut ring, 300, fill == 0, fill).unwrap();
    }
    // 100 bytes are left at the end: frame 3 takes the place of frame 0, the only key frame.
    push(&mut ring, 300, false, 3).unwrap();
    assert_eq!((ring.first_frame(), ring.next_frame()), (1, 4));
    assert_eq!(ring.newest_key_frame(), None);
    for id in 1..4 {
        assert_eq!(ring.frame(id).unwrap().bytes[1], id as u8);
    }
}

#[test]
fn a_frame_larger_than_the_ring_is_refused_by_name() {
    let mut ring = ring(1_000, 8, 8);
    assert_eq!(
        push(&mut ring, 1_001, true, 0),
        Err(Error::FrameTooLarge {
            needed: 1_001,
            capacity: 1_000
        })
    );
    assert_eq!(
        push(&mut ring, 900, true, 0),
        Err(Error::TooManyPackets { capacity: 8 })
    );
    assert_eq!(ring.next_packet(), 0, "a refused frame leaves no packet");
    push(&mut ring, 700, true, 0).unwrap();
}

#[test]
fn a_commit_needs_a_reservation_that_long() {
    let mut ring = ring(1_000, 8, 8);
    let commit = |ring: &mut Ring, len| ring.commit(len, 0, true, Instant::ZERO);
    assert_eq!(commit(&mut ring, 1), Err(Error::NotReserved));
    ring.reserve(10).unwrap();
    assert_eq!(commit(&mut ring, 11), Err(Error::NotReserved));
    ring.reserve(10).unwrap();
    assert_eq!(
        commit(&mut ring, 0),
        Err(Error::Unsendable(PlanError::Empty))
    );
}

#[test]
fn the_frame_and_packet_indices_are_bounded_too() {
    let mut ring = ring(100_000, 4, 6);
    for _ in 0..10 {
        push(&mut ring, 150, false, 0).unwrap();
    }
    // Two packets a frame: six packets hold three frames.
    assert_eq!((ring.first_frame(), ring.next_frame()), (7, 10));
    assert_eq!((ring.first_packet(), ring.next_packet()), (14, 20));
}

#[test]
fn one_key_frame_request_in_500_ms_serves_all() {
    let mut ring = ring(1_000, 8, 8);
    let at = Instant::from_millis;
    assert!(ring.request_key_frame(at(1_000)));
    assert!(!ring.request_key_frame(at(1_499)));
    assert!(ring.request_key_frame(at(1_500)));
}

/// The ring against a list that forgets nothing: whatever it still holds is right, and it holds
/// the newest frames without a hole.
#[test]
fn whatever_the_ring_still_holds_is_what_was_put_in() {
    for seed in 0..50 {
        let mut rng = Rng::from_u64(seed);
        let capacity = 500 + rng.below(3_000) as usize;
        let mut ring = ring(
            capacity,
            4 + rng.below(20) as usize,
            20 + rng.below(40) as usize,
        );
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut packets = 0_u64;
        let mut firsts = Vec::new();
        for step in 0..400_u32 {
            let frame = vp8(1 + rng.below(900) as usize, rng.below(10) == 0, step as u8);
            if ring
                .push(&frame, step, frame[0] == 0x10, Instant::ZERO)
                .is_ok()
            {
                firsts.push(packets);
                packets += frame.len().div_ceil(99) as u64;
                all.push(frame);
            }
            assert_eq!(ring.next_frame(), all.len() as u64);
            assert_eq!(ring.next_packet(), packets);
            let newest_key = (ring.first_frame()..ring.next_frame())
                .rev()
                .find(|id| ring.frame(*id).unwrap().key);
            assert_eq!(ring.newest_key_frame(), newest_key);
            let mut bytes = 0;
            for id in (ring.first_frame()..ring.next_frame()).rev() {
                let want = &all[id as usize];
                assert_eq!(ring.frame(id).unwrap().bytes, *want);
                bytes += want.len() as u32;
                assert_eq!(ring.bytes_from(id), bytes);
                assert_eq!(ring.slot(id).unwrap().first_packet, firsts[id as usize]);
            }
            let probe = ring.first_packet() + u64::from(rng.below(80));
            let owner = firsts.iter().rposition(|first| *first <= probe);
            let expected = (probe < packets).then(|| owner.unwrap() as u64);
            assert_eq!(ring.frame_of(probe), expected);
        }
    }
}
