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
