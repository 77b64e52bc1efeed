use super::{ReplayWindow, Seen, estimate_index};

#[test]
fn each_index_is_fresh_once() {
    let mut window = ReplayWindow::default();
    for index in [5, 3, 4, 9, 200, 73, 199] {
        assert_eq!(window.check(index), Seen::Fresh);
        window.record(index);
        assert_eq!(window.check(index), Seen::Replayed);
    }
    assert_eq!(window.highest(), Some(200));
    assert_eq!(window.check(72), Seen::TooOld);
    assert_eq!(window.check(74), Seen::Fresh);
    assert_eq!(window.check(5), Seen::TooOld);
}

#[test]
fn a_leap_ahead_empties_the_window_behind() {
    let mut window = ReplayWindow::default();
    window.record(10);
    window.record(10 + (1 << 40));
    assert_eq!(window.check(10 + (1 << 40)), Seen::Replayed);
    assert_eq!(window.check(9 + (1 << 40)), Seen::Fresh);
    assert_eq!(window.check(10), Seen::TooOld);
}

#[test]
fn the_window_agrees_with_a_list_of_everything_received() {
    let mut rng = smolrtc_base::Rng::from_u64(3);
    let mut window = ReplayWindow::default();
    let mut received = alloc::collections::BTreeSet::new();
    let mut highest = 1_000_u64;
    for _ in 0..20_000 {
        let index = highest + u64::from(rng.below(12)) - u64::from(rng.below(160));
        let expected = match received.last() {
            Some(last) if index + 128 <= *last => Seen::TooOld,
            _ if received.contains(&index) => Seen::Replayed,
            _ => Seen::Fresh,
        };
        assert_eq!(window.check(index), expected);
        if expected == Seen::Fresh {
            window.record(index);
            received.insert(index);
            highest = highest.max(index);
        }
    }
    assert!(received.len() > 1_000);
}

#[test]
fn a_closed_window_opens_only_upwards() {
    let window = ReplayWindow::closed(Some(1_000));
    assert_eq!(window.check(1_000), Seen::Replayed);
    assert_eq!(window.check(873), Seen::Replayed);
    assert_eq!(window.check(872), Seen::TooOld);
    assert_eq!(window.check(1_001), Seen::Fresh);
}

/// RFC 3711 appendix A, written out as it stands there.
fn appendix_a(roc: i64, s_l: i64, seq: i64) -> i64 {
    let v = if s_l < 32_768 {
        if seq - s_l > 32_768 { roc - 1 } else { roc }
    } else if s_l - 32_768 > seq {
        roc + 1
    } else {
        roc
    };
    seq + v * 65_536
}

#[test]
fn indices_are_those_of_appendix_a() {
    let edges = [
        0_u16, 1, 2, 100, 32_766, 32_767, 32_768, 32_769, 40_000, 65_534, 65_535,
    ];
    for roc in [1_u64, 2, 77, (1 << 32) - 2] {
        for last in edges {
            for seq in edges {
                let highest = (roc << 16) | u64::from(last);
                assert_eq!(
                    estimate_index(Some(highest), seq),
                    Some(appendix_a(roc as i64, last.into(), seq.into()) as u64),
                    "roc {roc}, last {last}, seq {seq}"
                );
            }
        }
    }
}

#[test]
fn before_the_first_rollover_there_is_no_way_back() {
    assert_eq!(estimate_index(None, 60_000), Some(60_000));
    assert_eq!(estimate_index(Some(5), 65_530), Some(65_530));
}

#[test]
fn the_last_rollover_count_is_never_passed() {
    let last = (1 << 48) - 1;
    assert_eq!(estimate_index(Some(last), 65_535), Some(last));
    assert_eq!(estimate_index(Some(last), 0), None);
}
