//! Loss, reordering, duplication, outages.

use std::vec::Vec;

use smolrtc_base::Duration;

use super::world::{LEFT, Link, RIGHT, World, addr, ms};
use crate::{Event, State};

/// Times until both ends have completed, sorted, for `seeds` runs.
fn connect_times(loss: u32, seeds: u64) -> Vec<Duration> {
    let mut times: Vec<_> = (0..seeds)
        .map(|seed| {
            let link = Link {
                delay: ms(20 + seed % 10 * 20),
                jitter: ms(seed % 4 * 25),
                loss_percent: loss,
                duplicate_percent: 5,
            };
            let mut world = World::pair(seed, link);
            world.add(LEFT, "[2001:db8::1]:1000");
            world.add(RIGHT, "[2001:db8::2]:1000");
            let start = world.now;
            world.signal();
            assert!(
                world.run(Duration::from_secs(30), World::connected),
                "seed {seed} did not connect at {loss} % loss"
            );
            world.now - start
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
fn connecting_takes_less_than_three_seconds_for_95_of_100_at_ten_percent_loss() {
    for (loss, p95) in [(0, ms(1_000)), (10, ms(3_000)), (30, ms(10_000))] {
        let times = connect_times(loss, 200);
        let (median, tail) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        std::println!(
            "{loss:2} % loss: median {median:?}, p95 {tail:?}, max {:?}",
            times.last()
        );
        assert!(tail < p95, "{loss} % loss: p95 {tail:?}");
    }
}

#[test]
fn a_session_outlives_an_hour_of_ten_percent_loss() {
    let link = Link {
        loss_percent: 10,
        jitter: ms(50),
        duplicate_percent: 5,
        ..Link::clean(50)
    };
    let mut world = World::pair(1, link);
    world.signal();
    assert!(world.run(Duration::from_secs(30), World::connected));
    world.run_for(Duration::from_secs(3_600));
    for side in [LEFT, RIGHT] {
        assert!(world.agents[side].send_path().is_some());
        assert_eq!(
            world.first(side, |event| *event == Event::ConsentExpired),
            None
        );
    }
}

#[test]
fn consent_expires_within_thirty_seconds_of_silence() {
    for seed in 0..20 {
        let mut world = World::pair(seed, Link::clean(30));
        world.signal();
        assert!(world.run(ms(1_000), World::connected));
        world.run_for(ms(7_000 + seed * 431));
        let silence = world.now;
        world.dead.push(addr("10.0.1.1:2000"));
        assert!(world.run(Duration::from_secs(31), |w| {
            w.agents[LEFT].send_path().is_none()
        }));
        assert!(
            world.now - silence <= Duration::from_secs(30),
            "{:?}",
            world.now - silence
        );
        assert!(world.now - silence >= Duration::from_secs(23));
        assert!(
            world
                .first(LEFT, |event| *event == Event::ConsentExpired)
                .is_some()
        );
        let state = |state| world.first(LEFT, move |e| *e == Event::StateChanged(state));
        assert!(state(State::Disconnected) < state(State::Failed));
        assert!(!world.agents[LEFT].is_validated(addr("10.0.1.1:2000"), addr("10.0.0.1:1000")));
        // And nothing more leaves for it (RFC 7675 section 5.1), even if it comes back.
        let sent = world.sent.len();
        world.run_for(Duration::from_secs(60));
        assert!(world.sent[sent..].iter().all(|(_, side, _)| *side != LEFT));
    }
}

#[test]
fn an_outage_of_fifteen_seconds_heals_by_itself() {
    let mut world = World::pair(2, Link::clean(30));
    world.signal();
    assert!(world.run(ms(1_000), World::connected));
    world.link.loss_percent = 100;
    world.run_for(Duration::from_secs(15));
    assert_eq!(world.agents[LEFT].state(), State::Disconnected);
    assert!(
        world.agents[LEFT].send_path().is_some(),
        "consent holds for 30 s"
    );
    world.link.loss_percent = 0;
    assert!(world.run(Duration::from_secs(8), World::connected));
}

#[test]
fn a_nat_that_forgets_its_mappings_moves_the_path_without_a_restart() {
    for (seed, behind) in [(1, LEFT), (2, RIGHT)] {
        let mut world = World::new(seed, Link::clean(20));
        world.nat(behind, "10.0.0.1", "198.51.100.1");
        let open = 1 - behind;
        world.add(behind, "10.0.0.1:1000");
        world.add(open, "203.0.113.1:2000");
        world.signal();
        assert!(world.run(ms(3_000), World::connected));
        let old = world.agents[open].send_path().unwrap();
        world.run_for(ms(500));
        world.nats[behind].rebind();
        let moved = |w: &World| {
            let path = w.agents[open].send_path();
            path.is_some() && path != Some(old)
        };
        let rebound = world.now;
        // Its next consent check opens the new mapping, within 6 s; then it is a matter of a
        // probe or two.
        assert!(world.run(Duration::from_secs(10), moved), "seed {seed}");
        assert!(
            world.now - rebound < Duration::from_secs(7),
            "{:?}",
            world.now - rebound
        );
        assert!(world.run(Duration::from_secs(10), World::connected));
    }
}

#[test]
fn when_the_selected_path_dies_another_valid_one_takes_over() {
    let mut world = World::pair(3, Link::clean(20));
    world.add(LEFT, "[2001:db8::1]:1000");
    world.add(RIGHT, "[2001:db8::2]:1000");
    world.signal();
    assert!(world.run(ms(2_000), World::connected));
    world.run_for(ms(2_000));
    let used = world.agents[LEFT].send_path().unwrap().0;
    world.dead.push(used);
    let moved = |w: &World| {
        w.agents.iter().all(|a| a.state() == State::Completed)
            && w.agents[LEFT]
                .send_path()
                .is_some_and(|(local, _)| local != used)
    };
    let start = world.now;
    assert!(world.run(Duration::from_secs(20), moved));
    assert!(
        world.now - start <= Duration::from_secs(16),
        "{:?}",
        world.now - start
    );
}

#[test]
fn without_any_answer_the_session_fails_after_thirty_seconds() {
    let mut world = World::pair(
        4,
        Link {
            loss_percent: 100,
            ..Link::clean(1)
        },
    );
    let start = world.now;
    world.signal();
    assert!(
        world.run(Duration::from_secs(60), |w| w.agents[LEFT].state()
            == State::Failed)
    );
    assert_eq!(world.now - start, Duration::from_secs(30));
    world.run_for(Duration::from_secs(10));
}

#[test]
fn once_both_sides_have_told_all_failure_comes_sooner() {
    let mut world = World::pair(
        5,
        Link {
            loss_percent: 100,
            ..Link::clean(1)
        },
    );
    let start = world.now;
    world.signal();
    world.agents[LEFT].end_of_remote_candidates();
    assert!(
        world.run(Duration::from_secs(60), |w| w.agents[LEFT].state()
            == State::Failed)
    );
    assert!(
        world.now - start < Duration::from_secs(20),
        "{:?}",
        world.now - start
    );
}
