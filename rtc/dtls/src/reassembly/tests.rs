use super::*;
use alloc::vec;

fn limits(bytes: usize, fragments: usize) -> Limits {
    let mut limits = Limits::HOST;
    limits.dtls_reassembly_bytes = bytes;
    limits.dtls_reassembly_fragments = fragments;
    limits
}

fn fragment(number: u16, message_len: usize, offset: usize, bytes: &[u8]) -> Fragment<'_> {
    Fragment {
        kind: 11,
        number,
        message_len,
        offset,
        bytes,
    }
}

#[test]
fn fragments_in_any_order_and_overlap_make_the_message() {
    let text = b"a handshake message of 35 bytes, yes";
    let len = text.len();
    // Every pair of cuts, in every rotation, with overlaps of one byte to both sides.
    for a in 1..len - 1 {
        for b in a + 1..len {
            let parts = [(0, (a + 1).min(len)), (a, b), (b.saturating_sub(1), len)];
            for turn in 0..3 {
                let mut reassembler = Reassembler::new(&limits(64, 8));
                for step in 0..3 {
                    assert_eq!(reassembler.pop(), None);
                    let (from, to) = parts[(turn + step) % 3];
                    reassembler
                        .insert(&fragment(0, len, from, &text[from..to]))
                        .unwrap();
                    if reassembler.partial[0].is_whole() {
                        break;
                    }
                }
                assert_eq!(reassembler.pop().unwrap().body, text);
            }
        }
    }
}

#[test]
fn messages_come_out_in_order_whatever_order_they_came_in() {
    let mut reassembler = Reassembler::new(&limits(64, 8));
    for number in [2, 0, 3, 1] {
        reassembler
            .insert(&fragment(number, 1, 0, &[number as u8]))
            .unwrap();
    }
    for number in 0..4_u16 {
        let message = reassembler.pop().unwrap();
        assert_eq!((message.number, message.body), (number, vec![number as u8]));
    }
    assert_eq!(
        reassembler.insert(&fragment(3, 1, 0, &[3])),
        Err(DropReason::StaleMessage)
    );
}

#[test]
fn an_empty_message_is_whole_at_once_and_an_empty_part_is_refused() {
    let mut reassembler = Reassembler::new(&limits(64, 8));
    assert_eq!(
        reassembler.insert(&fragment(0, 10, 5, &[])),
        Err(DropReason::BadFragment)
    );
    reassembler.insert(&fragment(0, 0, 0, &[])).unwrap();
    assert_eq!(reassembler.pop().unwrap().body, []);
}

#[test]
fn a_fragment_that_contradicts_the_message_is_refused() {
    let mut reassembler = Reassembler::new(&limits(64, 8));
    reassembler.insert(&fragment(0, 10, 0, &[1; 4])).unwrap();
    assert_eq!(
        reassembler.insert(&fragment(0, 9, 4, &[1; 5])),
        Err(DropReason::BadFragment)
    );
    let other_kind = Fragment {
        kind: 12,
        ..fragment(0, 10, 4, &[1; 6])
    };
    assert_eq!(
        reassembler.insert(&other_kind),
        Err(DropReason::BadFragment)
    );
    reassembler.insert(&fragment(0, 10, 4, &[1; 6])).unwrap();
    assert_eq!(reassembler.pop().unwrap().body, [1; 10]);
}

#[test]
fn bytes_are_bounded_and_later_messages_give_way() {
    let mut reassembler = Reassembler::new(&limits(100, 8));
    assert_eq!(
        reassembler.insert(&fragment(0, 101, 0, &[0])),
        Err(DropReason::ReassemblyLimit)
    );
    reassembler.insert(&fragment(2, 60, 0, &[0])).unwrap();
    reassembler.insert(&fragment(1, 40, 0, &[0])).unwrap();
    assert_eq!(
        reassembler.insert(&fragment(3, 1, 0, &[0])),
        Err(DropReason::ReassemblyLimit)
    );
    // The message whose turn it is displaces both.
    reassembler.insert(&fragment(0, 100, 0, &[7; 100])).unwrap();
    assert_eq!(reassembler.bytes(), 100);
    assert_eq!(reassembler.pop().unwrap().body, [7; 100]);
}

#[test]
fn fragments_are_bounded_and_later_messages_give_way() {
    let mut reassembler = Reassembler::new(&limits(1_000, 4));
    for at in [0, 2, 4] {
        reassembler.insert(&fragment(1, 100, at, &[0])).unwrap();
    }
    reassembler.insert(&fragment(0, 100, 0, &[0])).unwrap();
    assert_eq!(
        reassembler.insert(&fragment(1, 100, 6, &[0])),
        Err(DropReason::ReassemblyLimit)
    );
    reassembler.insert(&fragment(0, 100, 2, &[0])).unwrap();
    assert_eq!(reassembler.fragments(), 2, "message 1 is gone");
}

#[test]
fn messages_too_far_ahead_are_refused() {
    let mut reassembler = Reassembler::new(&limits(1_000, 4));
    assert_eq!(
        reassembler.insert(&fragment(AHEAD, 1, 0, &[0])),
        Err(DropReason::ReassemblyLimit)
    );
    assert_eq!(
        reassembler.insert(&fragment(u16::MAX, 1, 0, &[0])),
        Err(DropReason::ReassemblyLimit)
    );
}
