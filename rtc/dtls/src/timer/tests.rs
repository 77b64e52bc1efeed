use super::*;

#[test]
fn the_wait_is_twice_the_round_trip_within_its_bounds_and_doubles() {
    let wait = |timer: &RetransmitTimer| timer.deadline().unwrap().as_millis();
    for (rtt, first) in [(1, 50), (100, 200), (10_000, 3_000)] {
        let mut timer = RetransmitTimer::new();
        timer.set_rtt(Duration::from_millis(rtt));
        timer.start(Instant::ZERO);
        assert_eq!(wait(&timer), first);
        timer.expire();
        assert_eq!(timer.deadline(), None);
        timer.start(Instant::ZERO);
        assert_eq!(wait(&timer), (2 * first).min(3_000));
    }
    let mut timer = RetransmitTimer::new();
    timer.start(Instant::ZERO);
    assert_eq!(wait(&timer), 1_000);
    timer.set_rtt(Duration::from_secs(1));
    assert_eq!(wait(&timer), 1_000, "never lengthened");
    timer.set_rtt(Duration::from_millis(100));
    assert_eq!(wait(&timer), 200);
}

#[test]
fn a_sign_of_life_cuts_the_wait_short_once_a_round_trip_has_passed() {
    let mut timer = RetransmitTimer::new();
    timer.set_rtt(Duration::from_millis(80));
    for _ in 0..5 {
        timer.start(Instant::ZERO);
        timer.expire();
    }
    timer.start(Instant::ZERO);
    let long = timer.deadline().unwrap();
    timer.hasten(Instant::from_millis(79));
    assert_eq!(
        timer.deadline(),
        Some(long),
        "an answer may still be on its way"
    );
    timer.hasten(Instant::from_millis(100));
    assert_eq!(timer.deadline(), Some(Instant::from_millis(110)));
    timer.hasten(Instant::from_millis(105));
    assert_eq!(
        timer.deadline(),
        Some(Instant::from_millis(110)),
        "not put off again"
    );
    timer.expire();
    timer.start(Instant::from_millis(110));
    assert_eq!(
        timer.deadline(),
        Some(Instant::from_millis(270)),
        "twice the round trip"
    );
}
