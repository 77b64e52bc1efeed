//! Candidates that come late, by name, too many, or not at all.

use std::string::String;

use smolrtc_base::{Duration, Limits};

use super::world::{LEFT, Link, RIGHT, World, addr, ms};
use crate::{Candidate, Config, DropReason, Event, PairState, State};

fn host(address: &str) -> Candidate {
    let address = addr(address);
    let line = std::format!(
        "candidate:1 1 udp 2130706431 {} {} typ host",
        address.ip(),
        address.port()
    );
    Candidate::parse(&line).unwrap()
}

#[test]
fn a_candidate_that_trickles_in_is_checked_at_once() {
    let mut world = World::new(1, Link::clean(30));
    world.add(LEFT, "10.0.0.1:1000");
    world.signal();
    world.run_for(ms(2_000));
    assert_ne!(world.agents[LEFT].state(), State::Completed);
    let start = world.now;
    world.add(RIGHT, "10.0.1.1:2000");
    assert!(world.run(ms(1_000), |w| w.agents[LEFT].send_path().is_some()));
    assert!(world.now - start <= ms(60), "{:?}", world.now - start);
}

#[test]
fn a_side_that_hears_no_candidates_connects_by_what_it_sees() {
    let mut world = World::pair(2, Link::clean(30));
    world.trickle = false;
    let (ufrag, pwd) = world.agents[LEFT].local_credentials();
    let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
    world.agents[RIGHT]
        .set_remote_credentials(&ufrag, &pwd)
        .unwrap();
    world.signal_to(LEFT);
    assert!(world.run(ms(1_000), World::connected));
    // The candidate that arrives afterwards gives the peer-reflexive one its name.
    let kind = |w: &World| {
        w.agents[RIGHT]
            .candidate_stats()
            .find(|c| c.remote)
            .unwrap()
            .kind
    };
    assert_eq!(kind(&world).name(), "prflx");
    let now = world.now;
    world.agents[RIGHT].add_remote_candidate(now, host("10.0.0.1:1000"));
    assert_eq!(kind(&world).name(), "host");
    assert_eq!(world.agents[RIGHT].pair_stats().count(), 1);
}

#[test]
fn checks_that_come_before_the_peers_credentials_are_answered_and_remembered() {
    let mut world = World::pair(3, Link::clean(30));
    world.trickle = false;
    world.signal_to(LEFT);
    // The right side has not heard its answer yet, and still answers.
    assert!(world.run(ms(60), |w| w.agents[LEFT].send_path().is_some()));
    world.run_for(ms(200));
    assert_eq!(world.agents[RIGHT].send_path(), None);
    let (ufrag, pwd) = world.agents[LEFT].local_credentials();
    let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
    let start = world.now;
    world.agents[RIGHT]
        .set_remote_credentials(&ufrag, &pwd)
        .unwrap();
    assert!(world.run(ms(1_000), |w| w.agents[RIGHT].send_path().is_some()));
    assert_eq!(world.now - start, ms(60));
}

#[test]
fn a_local_name_is_resolved_by_the_driver_or_ignored() {
    let mut world = World::pair(4, Link::clean(10));
    let known = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local";
    world
        .names
        .insert(String::from(known), addr("10.0.1.1:1").ip());
    let (ufrag, pwd) = world.agents[RIGHT].local_credentials();
    let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
    world.agents[LEFT]
        .set_remote_credentials(&ufrag, &pwd)
        .unwrap();
    for name in [known, "unknown.local"] {
        let line = std::format!("candidate:1 1 udp 2113937151 {name} 2000 typ host");
        let now = world.now;
        world.agents[LEFT].add_remote_candidate(now, Candidate::parse(&line).unwrap());
    }
    assert!(world.run(ms(200), |w| w.agents[LEFT].send_path().is_some()));
    assert_eq!(
        world.agents[LEFT].stats().drops.get(DropReason::Unresolved),
        1
    );
    let asked = world.events[LEFT]
        .iter()
        .filter(|(_, e)| matches!(e, Event::ResolveMdns { .. }));
    assert_eq!(asked.count(), 2);
}

#[test]
fn ten_thousand_candidates_are_bounded_and_the_true_peer_still_gets_through() {
    for limits in [Limits::HOST, Limits::CHIP] {
        let left = Config {
            controlling: true,
            limits,
            ..Config::default()
        };
        let mut world = World::with_configs(5, Link::clean(20), [left, Config::default()]);
        world.trickle = false;
        world.add(LEFT, "10.0.0.1:1000");
        world.add(LEFT, "10.0.2.1:1000");
        world.add(RIGHT, "10.0.1.1:2000");
        let (ufrag, pwd) = world.agents[RIGHT].local_credentials();
        let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
        world.agents[LEFT]
            .set_remote_credentials(&ufrag, &pwd)
            .unwrap();
        let now = world.now;
        for n in 0..10_000_u32 {
            let junk = std::format!("172.16.{}.{}:{}", n / 256 % 256, n % 256, 1 + n);
            world.agents[LEFT].add_remote_candidate(now, host(&junk));
        }
        let stats = world.agents[LEFT].stats();
        assert_eq!(
            stats.drops.get(DropReason::TooManyRemoteCandidates),
            10_000 - limits.ice_remote_candidates as u32
        );
        assert!(world.agents[LEFT].pair_stats().count() <= limits.ice_pairs);
        // Checks are paced: at most one every 5 ms.
        world.run_for(ms(1_000));
        assert!(world.sent.len() <= 201, "{}", world.sent.len());
        world.signal_to(RIGHT);
        assert!(world.run(Duration::from_secs(3), World::connected));
        assert_eq!(
            world.agents[LEFT].send_path().unwrap().1,
            addr("10.0.1.1:2000")
        );
        assert!(world.agents[LEFT].pair_stats().count() <= limits.ice_pairs);
    }
}

#[test]
fn candidates_that_must_not_be_sent_to_are_refused_and_counted() {
    let mut world = World::pair(6, Link::clean(10));
    let now = world.now;
    let agent = &mut world.agents[LEFT];
    for address in [
        "10.0.1.1:0",
        "224.0.0.251:5353",
        "255.255.255.255:9",
        "0.0.0.0:9",
        "0.1.2.3:9",
        "[ff02::fb]:5353",
        "[::]:9",
        "[::ffff:10.0.1.1]:9",
    ] {
        agent.add_remote_candidate(now, host(address));
    }
    assert_eq!(agent.stats().drops.get(DropReason::ForbiddenCandidate), 8);
    let mut add = |line: &str| agent.add_remote_candidate(now, Candidate::parse(line).unwrap());
    add("candidate:1 1 tcp 1518280447 10.0.1.1 9 typ host tcptype active");
    add("candidate:1 2 udp 2130706430 10.0.1.1 2001 typ host");
    let drops = world.agents[LEFT].stats().drops;
    assert_eq!(drops.get(DropReason::TcpCandidate), 1);
    assert_eq!(drops.get(DropReason::OtherComponent), 1);
    // A loopback candidate is kept but never sent to from another interface.
    world.agents[LEFT].add_remote_candidate(now, host("127.0.0.1:22"));
    assert_eq!(world.agents[LEFT].pair_stats().count(), 0);
}

#[test]
fn a_filter_keeps_checks_from_addresses_that_the_user_forbids() {
    let left = Config {
        controlling: true,
        remote_filter: |address| address.port() >= 1024,
        interface_filter: |address| address.is_ipv4(),
        ..Config::default()
    };
    let mut world = World::with_configs(7, Link::clean(10), [left, Config::default()]);
    world.add(LEFT, "[2001:db8::1]:1000");
    world.add(LEFT, "10.0.0.1:1000");
    let now = world.now;
    let agent = &mut world.agents[LEFT];
    agent.add_remote_candidate(now, host("10.0.1.1:53"));
    assert_eq!(agent.pair_stats().count(), 0);
    assert_eq!(agent.stats().drops.get(DropReason::InterfaceFiltered), 1);
    agent.add_remote_candidate(now, host("10.0.1.1:5353"));
    assert_eq!(agent.pair_stats().count(), 1);
}

#[test]
fn candidates_of_another_generation_are_dropped() {
    let mut world = World::pair(8, Link::clean(10));
    let mut stale = host("10.0.1.9:9");
    stale.ufrag = Some("oldone".into());
    let now = world.now;
    world.agents[LEFT].add_remote_candidate(now, stale.clone());
    assert_eq!(world.agents[LEFT].pair_stats().count(), 1);
    world.signal_to(LEFT);
    world.agents[LEFT].add_remote_candidate(now, stale);
    assert_eq!(
        world.agents[LEFT]
            .stats()
            .drops
            .get(DropReason::StaleCandidate),
        2
    );
    assert!(
        world.agents[LEFT]
            .pair_stats()
            .all(|pair| pair.remote == addr("10.0.1.1:2000"))
    );
}

#[test]
fn pairs_of_one_foundation_are_checked_one_after_another() {
    let mut world = World::new(
        9,
        Link {
            loss_percent: 100,
            ..Link::clean(10)
        },
    );
    world.add(LEFT, "10.0.0.1:1000");
    let now = world.now;
    for port in 1..=3 {
        world.agents[LEFT].add_remote_candidate(now, host(&std::format!("10.0.1.1:{port}")));
    }
    let count = |w: &World, state| {
        w.agents[LEFT]
            .pair_stats()
            .filter(|p| p.state == state)
            .count()
    };
    assert_eq!(count(&world, PairState::Waiting), 1);
    assert_eq!(count(&world, PairState::Frozen), 2);
}
