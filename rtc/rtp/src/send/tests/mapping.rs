//! Sequence numbers and the packets behind them.

use crate::send::runs::Runs;
use smolrtc_base::Rng;
use std::vec::Vec;

#[test]
fn a_sequence_number_never_names_a_wrong_packet_across_rollovers() {
    for seed in 0..8 {
        let mut rng = Rng::from_u64(seed);
        let first = u64::from(rng.below(1 << 15));
        let limit = 1 + rng.below(16) as usize;
        let mut runs = Runs::new(limit, first);
        let mut sent: Vec<u64> = Vec::new();
        let (mut packet, mut found) = (0_u64, 0);
        for step in 0..150_000_u64 {
            if rng.below(300) == 0 {
                packet += 1 + u64::from(rng.below(2_000));
            }
            assert_eq!(runs.assign(packet), first + step);
            sent.push(packet);
            packet += 1;
            assert!(runs.len() <= limit);
            let back = u64::from(rng.below(3_000)).min(step);
            let index = first + step - back;
            assert_eq!(runs.index_of(index as u16), Some(index));
            if let Some(mapped) = runs.packet_at(index) {
                assert_eq!(mapped, sent[(step - back) as usize]);
                found += 1;
            }
        }
        assert!(found > 20_000, "seed {seed}: {found}");
        assert_eq!(runs.packet_at(runs.next_index()), None);
    }
}

#[test]
fn nothing_lies_before_the_first_packet() {
    let mut runs = Runs::new(4, 5);
    assert_eq!(runs.packet_at(4), None);
    runs.assign(100);
    assert_eq!(runs.index_of(5), Some(5));
    assert_eq!(runs.packet_at(5), Some(100));
    assert_eq!(runs.packet_at(4), None);
    assert_eq!(runs.index_of(6), None);
}
