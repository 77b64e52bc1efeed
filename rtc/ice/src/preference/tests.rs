use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn candidate_and_pair_priorities_follow_the_formulas() {
    // The recommended host priority for the best interface, as every browser writes it.
    assert_eq!(
        candidate_priority(CandidateType::Host, 65_535),
        2_130_706_431
    );
    assert_eq!(
        candidate_priority(CandidateType::ServerReflexive, 65_535),
        1_694_498_815
    );
    assert_eq!(pair_priority(true, 2, 1), (1 << 32) + 4 + 1);
    assert_eq!(pair_priority(false, 2, 1), (1 << 32) + 4);
    // Both ends compute one number.
    assert_eq!(pair_priority(true, 7, 9), pair_priority(false, 9, 7));
}

#[test]
fn families_alternate_and_narrow_addresses_come_last() {
    let order = [
        local_preference(ip("2001:db8::1"), 0),
        local_preference(ip("192.0.2.1"), 0),
        local_preference(ip("2001:db8::2"), 1),
        local_preference(ip("192.0.2.2"), 1),
        local_preference(ip("fd00::1"), 0),
        local_preference(ip("fe80::1"), 0),
        local_preference(ip("169.254.0.1"), 0),
        local_preference(ip("::1"), 0),
        local_preference(ip("127.0.0.1"), 0),
    ];
    assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{order:?}");
}

#[test]
fn only_addresses_that_can_reach_each_other_are_joined() {
    let joins = |a: &str, b: &str| compatible(&a.parse().unwrap(), &b.parse().unwrap());
    assert!(joins("192.0.2.1:1", "10.0.0.1:1"));
    assert!(joins("127.0.0.1:1", "127.0.0.1:2"));
    assert!(joins("127.0.0.1:1", "192.0.2.1:2"));
    assert!(joins("[fe80::1]:1", "[fe80::2]:2"));
    assert!(joins("169.254.1.1:1", "192.0.2.1:2"));
    assert!(!joins("192.0.2.1:1", "127.0.0.1:2"));
    assert!(!joins("192.0.2.1:1", "[2001:db8::1]:2"));
    assert!(!joins("[2001:db8::1]:1", "[fe80::2]:2"));
    assert!(!joins("[2001:db8::1]:1", "[::1]:2"));
}
