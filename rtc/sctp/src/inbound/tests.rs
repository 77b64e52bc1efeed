use super::*;
use std::vec;

fn inbound() -> Inbound {
    let mut inbound = Inbound::new(10_000, 5_000, 8, 8);
    inbound.start(100);
    inbound
}

fn receive(inbound: &mut Inbound, tsn: u32, flags: u8, ssn: u16, payload: &[u8]) {
    let data = Data {
        flags,
        tsn,
        stream: 1,
        ssn,
        ppid: 53,
        payload,
    };
    inbound.receive(&data).unwrap();
}

fn ready(inbound: &mut Inbound) -> Vec<Vec<u8>> {
    inbound
        .take_ready()
        .into_iter()
        .map(|message| message.data)
        .collect()
}

#[test]
fn fragments_in_any_order_make_the_same_message() {
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let mut inbound = inbound();
        for n in order {
            let flags = [flag::BEGIN, 0, 0, flag::END][n as usize];
            receive(&mut inbound, 100 + n, flags, 0, &[n as u8]);
        }
        assert_eq!(ready(&mut inbound), [vec![0, 1, 2, 3]]);
        assert_eq!(inbound.cumulative(), 103);
        assert!(!inbound.has_gaps());
        inbound.release(4);
        assert_eq!(inbound.window(), 10_000);
    }
}

#[test]
fn gap_blocks_are_joined_as_they_meet() {
    let mut inbound = inbound();
    for tsn in [102, 104, 108, 103, 106] {
        receive(&mut inbound, tsn, 3 | flag::UNORDERED, 0, b"x");
    }
    assert!(inbound.gap_blocks().eq([(3, 5), (7, 7), (9, 9)]));
    receive(&mut inbound, 107, 3 | flag::UNORDERED, 0, b"x");
    assert!(inbound.gap_blocks().eq([(3, 5), (7, 9)]));
    receive(&mut inbound, 101, 3 | flag::UNORDERED, 0, b"x");
    receive(&mut inbound, 100, 3 | flag::UNORDERED, 0, b"x");
    assert_eq!(inbound.cumulative(), 104);
    assert!(inbound.gap_blocks().eq([(2, 4)]));
}

#[test]
fn forward_tsn_frees_fragments_and_delivers_what_waited() {
    let mut inbound = inbound();
    receive(&mut inbound, 100, flag::BEGIN, 0, b"half");
    receive(&mut inbound, 102, 3, 1, b"second");
    receive(&mut inbound, 105, 3, 3, b"fourth");
    assert!(ready(&mut inbound).is_empty());
    let value = [0, 0, 0, 101, 0, 1, 0, 0];
    inbound
        .forward(&ForwardTsn::parse(&value).unwrap())
        .unwrap();
    assert_eq!(inbound.cumulative(), 102);
    assert_eq!(ready(&mut inbound), [b"second"]);
    let value = [0, 0, 0, 104, 0, 1, 0, 2];
    inbound
        .forward(&ForwardTsn::parse(&value).unwrap())
        .unwrap();
    assert_eq!(ready(&mut inbound), [b"fourth"]);
    assert_eq!(inbound.cumulative(), 105);
    inbound.release(6);
    inbound.release(6);
    assert_eq!(inbound.window(), 10_000);
}

#[test]
fn what_comes_in_order_is_taken_even_when_the_window_is_full() {
    let mut inbound = inbound();
    let mut tsn = 102;
    while inbound.window() >= 1_000 {
        receive(&mut inbound, tsn, 3, (tsn - 100) as u16, &[0; 900]);
        tsn += 1;
    }
    let full = Data {
        flags: 3,
        tsn,
        stream: 1,
        ssn: 99,
        ppid: 53,
        payload: &[0; 1_000],
    };
    let refusal = Refusal::Drop(DropReason::ReceiveBufferFull);
    assert_eq!(inbound.receive(&full), Err(refusal));
    receive(&mut inbound, 100, flag::BEGIN, 0, &[1; 1_000]);
    receive(&mut inbound, 101, flag::END, 0, &[1; 1_000]);
    assert_eq!(ready(&mut inbound), [vec![1; 2_000]]);
}
