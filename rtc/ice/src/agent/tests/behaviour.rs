//! How two agents find each other.

use smolrtc_base::{Duration, Instant};
use smolrtc_stun::{Class, Message};
use std::vec::Vec;

use super::world::{LEFT, Link, RIGHT, World, addr, ms};
use crate::{CandidateType, Config, Event, GatheringState, State};

fn path_event(event: &Event) -> bool {
    matches!(event, Event::SelectedPairChanged { .. })
}

#[test]
fn the_first_valid_pair_takes_exactly_one_round_trip() {
    let mut world = World::pair(1, Link::clean(40));
    let start = world.now;
    world.signal();
    assert!(world.run(ms(1_000), World::connected));
    for side in [LEFT, RIGHT] {
        assert_eq!(world.first(side, path_event), Some(start + ms(80)));
        assert_eq!(world.agents[side].rtt(), Some(ms(80)));
    }
    // Nomination takes one more.
    assert!(world.now <= start + ms(160));
}

#[test]
fn with_one_side_early_the_other_needs_one_round_trip_from_its_start() {
    let mut world = World::pair(2, Link::clean(30));
    world.signal_to(RIGHT);
    world.run_for(ms(500));
    let start = world.now;
    world.signal_to(LEFT);
    assert!(world.run(ms(1_000), World::connected));
    assert!(world.first(LEFT, path_event).unwrap() <= start + ms(60));
    assert!(world.first(RIGHT, path_event).is_some());
}

#[test]
fn both_ends_select_the_same_pair_among_several_interfaces() {
    for seed in 0..20 {
        let mut world = World::new(seed, Link::clean(10 + seed));
        for address in ["10.0.0.1:1000", "10.0.2.1:1000", "[2001:db8::1]:1000"] {
            world.add(LEFT, address);
        }
        for address in ["10.0.1.1:2000", "[2001:db8:1::1]:2000"] {
            world.add(RIGHT, address);
        }
        world.signal();
        assert!(world.run(ms(2_000), World::connected), "seed {seed}");
        world.run_for(ms(2_000));
        let left = world.agents[LEFT].send_path().unwrap();
        let right = world.agents[RIGHT].send_path().unwrap();
        assert_eq!((left.0, left.1), (right.1, right.0), "seed {seed}");
        assert!(left.0.is_ipv6(), "IPv6 comes first (RFC 8421)");
    }
}

#[test]
fn ipv6_alone_connects() {
    let mut world = World::new(3, Link::clean(20));
    world.add(LEFT, "[2001:db8::1]:1000");
    world.add(RIGHT, "[2001:db8::2]:2000");
    world.signal();
    assert!(world.run(ms(500), World::connected));
}

#[test]
fn a_refused_family_is_not_used() {
    let left = Config {
        controlling: true,
        ipv6: false,
        ..Config::default()
    };
    let mut world = World::with_configs(4, Link::clean(5), [left, Config::default()]);
    world.add(LEFT, "[2001:db8::1]:1000");
    world.add(LEFT, "10.0.0.1:1000");
    world.add(RIGHT, "[2001:db8::2]:2000");
    world.add(RIGHT, "10.0.0.2:2000");
    world.signal();
    assert!(world.run(ms(500), World::connected));
    assert_eq!(
        world.agents[LEFT].send_path(),
        Some((addr("10.0.0.1:1000"), addr("10.0.0.2:2000")))
    );
    assert_eq!(world.agents[LEFT].local_candidates().count(), 1);
}

#[test]
fn two_controlling_or_two_controlled_agents_settle_their_roles() {
    for controlling in [true, false] {
        for seed in 0..20 {
            let config = || Config {
                controlling,
                ..Config::default()
            };
            let mut world = World::with_configs(seed, Link::clean(25), [config(), config()]);
            world.add(LEFT, "10.0.0.1:1000");
            world.add(RIGHT, "10.0.1.1:2000");
            world.signal();
            assert!(world.run(ms(3_000), World::connected), "seed {seed}");
            assert_ne!(
                world.agents[LEFT].is_controlling(),
                world.agents[RIGHT].is_controlling()
            );
            let changes: u32 = world
                .agents
                .iter()
                .map(|agent| agent.stats().role_changes)
                .sum();
            assert!(changes >= 1, "seed {seed}");
        }
    }
}

#[test]
fn behind_two_nats_the_agents_meet_through_server_reflexive_candidates() {
    let mut world = World::new(5, Link::clean(20));
    let server = addr("192.0.2.9:3478");
    world.stun_servers.push(server);
    world.nat(LEFT, "10.0.0.1", "198.51.100.1");
    world.nat(RIGHT, "10.9.0.1", "198.51.100.2");
    for side in [LEFT, RIGHT] {
        let now = world.now;
        world.agents[side].set_stun_servers(now, &[server]);
    }
    world.add(LEFT, "10.0.0.1:1000");
    world.add(RIGHT, "10.9.0.1:2000");
    assert_eq!(
        world.agents[LEFT].gathering_state(),
        GatheringState::Gathering
    );
    let start = world.now;
    assert!(world.run(ms(100), |world| {
        world
            .agents
            .iter()
            .all(|agent| agent.gathering_state() == GatheringState::Complete)
    }));
    assert_eq!(world.now, start + ms(40));
    let kinds: Vec<_> = world.agents[LEFT]
        .local_candidates()
        .map(|c| c.kind)
        .collect();
    assert_eq!(kinds, [CandidateType::Host, CandidateType::ServerReflexive]);
    world.signal();
    assert!(world.run(ms(3_000), World::connected));
    let (local, remote) = world.agents[LEFT].send_path().unwrap();
    assert_eq!(local, addr("10.0.0.1:1000"));
    assert_eq!(remote.ip(), addr("198.51.100.2:1").ip());
    assert!(world.agents[RIGHT].is_validated(
        world.agents[RIGHT].send_path().unwrap().1,
        addr("10.9.0.1:2000")
    ));
}

#[test]
fn a_lost_answer_of_the_stun_server_is_asked_for_again_and_a_dead_server_ends_gathering() {
    let mut world = World::new(6, Link::clean(10));
    let now = world.now;
    world.agents[LEFT].set_stun_servers(now, &[addr("192.0.2.1:3478")]);
    world.add(LEFT, "10.0.0.1:1000");
    assert!(!world.run(ms(3_000), |w| w.agents[LEFT].gathering_state()
        == GatheringState::Complete));
    let asked = world.sent.len();
    assert!((3..=5).contains(&asked), "{asked}");
    assert!(world.run(ms(4_000), |w| {
        w.first(LEFT, |event| *event == Event::GatheringComplete)
            .is_some()
    }));
}

#[test]
fn a_lite_peer_makes_us_control_and_is_nominated_to() {
    // A lite agent answers and never asks: here the right agent with its own requests suppressed.
    let mut world = World::pair(7, Link::clean(20));
    world.agents[LEFT].set_controlling(false);
    world.agents[LEFT].set_remote_lite(true);
    assert!(world.agents[LEFT].is_controlling());
    world.signal_to(LEFT);
    assert!(world.run(ms(500), |w| w.agents[LEFT].state() == State::Completed));
    assert!(world.sent.iter().all(|(_, side, datagram)| {
        *side == LEFT || Message::parse(&datagram.bytes).unwrap().class() == Class::Success
    }));
    let nominated = world.agents[LEFT]
        .pair_stats()
        .any(|pair| pair.nominated && pair.selected);
    assert!(nominated);
}

#[test]
fn nomination_is_repeated_until_it_is_acknowledged() {
    let mut world = World::pair(8, Link::clean(20));
    world.signal();
    let asks = |datagram: &super::world::Datagram| {
        Message::parse(&datagram.bytes).unwrap().use_candidate()
    };
    // Runs until the first nomination has left, then cuts the line for a second.
    assert!(world.run(ms(500), |w| w.sent.iter().any(|(_, _, d)| asks(d))));
    world.link.loss_percent = 100;
    world.run_for(ms(1_000));
    let count = world.sent.iter().filter(|(_, _, d)| asks(d)).count();
    assert!((3..=8).contains(&count), "{count}");
    assert_ne!(world.agents[LEFT].state(), State::Completed);
    world.link.loss_percent = 0;
    assert!(world.run(ms(2_000), World::connected));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || {
        let link = Link {
            loss_percent: 10,
            jitter: ms(30),
            ..Link::clean(20)
        };
        let mut world = World::pair(9, link);
        world.signal();
        world.run_for(ms(20_000));
        world
            .sent
            .into_iter()
            .map(|(at, _, d)| (at, d.bytes))
            .collect::<Vec<(Instant, Vec<u8>)>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn an_idle_agent_asks_for_nothing() {
    let mut world = World::pair(10, Link::clean(1));
    world.run_for(ms(10));
    assert_eq!(world.agents[LEFT].poll_timeout(), None);
    assert_eq!(world.agents[LEFT].state(), State::New);
}

#[test]
fn a_settled_session_costs_one_consent_check_each_way_every_five_seconds() {
    let mut world = World::pair(11, Link::clean(20));
    world.signal();
    assert!(world.run(ms(500), World::connected));
    world.run_for(ms(1_000));
    let before = world.sent.len();
    world.run_for(Duration::from_secs(100));
    // A request and a response each way, every 4 to 6 s.
    let sent = world.sent.len() - before;
    assert!((66..=100).contains(&sent), "{sent}");
}
