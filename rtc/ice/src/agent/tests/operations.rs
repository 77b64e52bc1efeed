//! Anything at any time, in any order; and afterwards all is well.

use std::string::String;

use smolrtc_base::{Duration, Limits, Rng};
use smolrtc_stun::{Builder, Class, Key, Method, TransactionId};

use super::world::{LEFT, Link, PROVIDER, RIGHT, World, addr, ms};
use crate::{Agent, Candidate, Config, MdnsId, PairState};

const INTERFACES: [[&str; 3]; 2] = [
    ["10.0.0.1:1000", "10.0.2.1:1000", "[2001:db8::1]:1000"],
    ["10.0.1.1:2000", "192.168.1.1:2000", "[2001:db8::2]:2000"],
];

fn check(agent: &Agent, limits: &Limits) {
    assert!(agent.pair_stats().count() <= limits.ice_pairs);
    let remote = agent
        .candidate_stats()
        .filter(|candidate| candidate.remote)
        .count();
    assert!(remote <= limits.ice_remote_candidates);
    assert!(agent.local_candidates().count() <= limits.ice_local_candidates);
    if let Some((local, remote)) = agent.send_path() {
        assert!(agent.is_validated(remote, local));
        assert!(agent.has_interface(local));
    }
    for pair in agent.pair_stats() {
        assert!(!pair.selected || pair.state == PairState::Succeeded);
        assert!(agent.has_interface(pair.local));
        assert!(
            pair.responses_received
                <= pair.requests_sent + pair.retransmissions_sent + pair.consent_requests_sent
        );
    }
}

/// A request from anywhere, signed with the right password.
fn authentic(world: &mut World, side: usize, rng: &mut Rng) {
    let (ufrag, pwd) = world.agents[side].local_credentials();
    let key = Key::short_term(&PROVIDER, pwd.expose());
    let username = std::format!("{ufrag}:x");
    let mut buf = [0; 300];
    let id = TransactionId(rng.array());
    let mut request = Builder::new(&mut buf, Class::Request, Method::BINDING, id).unwrap();
    request.username(&username).unwrap();
    request.priority(rng.u32()).unwrap();
    match rng.below(3) {
        0 => request.ice_controlled(rng.u64()).unwrap(),
        1 => request.ice_controlling(rng.u64()).unwrap(),
        _ => {}
    }
    if rng.below(2) == 0 {
        request.use_candidate().unwrap();
    }
    request.integrity(&key).unwrap();
    let len = request.finish();
    let from = std::net::SocketAddr::from(([10, 9, 9, rng.below(40) as u8], rng.below(3) as u16));
    let local = addr(INTERFACES[side][rng.below(3) as usize]);
    world.agents[side].handle_input(world.now, from, local, &buf[..len]);
}

fn operate(world: &mut World, rng: &mut Rng) {
    let side = rng.below(2) as usize;
    let now = world.now;
    let interface = INTERFACES[side][rng.below(3) as usize];
    match rng.below(16) {
        0 | 1 => world.add(side, interface),
        2 => world.agents[side].remove_interface(now, addr(interface)),
        3 => world.agents[side].restart(now),
        4 => {
            // May be refused, when the other side restarted and this one did not.
            let other = &world.agents[1 - side];
            let (ufrag, pwd) = other.local_credentials();
            let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
            let _ = world.agents[side].set_remote_credentials(&ufrag, &pwd);
        }
        5 | 6 => {
            let line = std::format!(
                "candidate:{} 1 udp {} 10.{}.{}.1 {} typ srflx",
                rng.below(5),
                rng.u32(),
                rng.below(3),
                rng.below(3),
                1_000 * rng.below(3)
            );
            world.agents[side].add_remote_candidate(now, Candidate::parse(&line).unwrap());
        }
        7 => {
            let line = std::format!("candidate:1 1 udp 9 name{}.local 9 typ host", rng.below(50));
            world.agents[side].add_remote_candidate(now, Candidate::parse(&line).unwrap());
        }
        8 => {
            let ip = (rng.below(2) == 0).then(|| addr("10.0.1.1:1").ip());
            world.agents[side].resolved(now, MdnsId(rng.below(60)), ip);
        }
        9 => world.agents[side].set_controlling(rng.below(2) == 0),
        10 => world.agents[side].end_of_remote_candidates(),
        11 => world.agents[side]
            .set_stun_servers(now, &[addr("192.0.2.9:3478"), addr("[2001:db8::9]:3478")]),
        12 => authentic(world, side, rng),
        13 => world.link.loss_percent = [0, 0, 30, 100][rng.below(4) as usize],
        14 => {
            if let Some((_, _, datagram)) = world
                .sent
                .get(rng.below(1 + world.sent.len() as u32) as usize)
            {
                let datagram = datagram.clone();
                world.post(datagram);
            }
        }
        _ => world.run_for(ms(u64::from(rng.below(9_000)))),
    }
}

#[test]
fn any_order_of_calls_keeps_the_invariants_and_a_restart_mends_everything() {
    for seed in 0..400 {
        let limits = Limits::CHIP;
        let left = Config {
            controlling: seed % 2 == 0,
            limits,
            ..Config::default()
        };
        let right = Config {
            limits,
            ..Config::default()
        };
        let mut world = World::with_configs(seed, Link::clean(20), [left, right]);
        world.stun_servers.push(addr("192.0.2.9:3478"));
        let mut rng = Rng::from_u64(!seed);
        for _step in 0..60 {
            operate(&mut world, &mut rng);
            for agent in &world.agents {
                check(agent, &limits);
            }
        }
        world.link = Link::clean(20);
        for side in [LEFT, RIGHT] {
            world.add(side, INTERFACES[side][0]);
            let now = world.now;
            world.agents[side].restart(now);
        }
        world.signal();
        assert!(
            world.run(Duration::from_secs(10), World::connected),
            "seed {seed}: {:#?}",
            world.agents
        );
        let left = world.agents[LEFT].send_path().unwrap();
        let right = world.agents[RIGHT].send_path().unwrap();
        assert_eq!(left, (right.1, right.0), "seed {seed}");
    }
}

/// Drains late or early, the agent sends the same things at the same times.
#[test]
fn calls_that_find_nothing_to_do_change_nothing() {
    let run = |idle_calls: bool| {
        let mut world = World::pair(
            1,
            Link {
                loss_percent: 20,
                ..Link::clean(30)
            },
        );
        world.signal();
        for _ in 0..400 {
            if idle_calls {
                for side in [LEFT, RIGHT] {
                    let now = world.now;
                    world.agents[side].handle_timeout(now);
                    let _ = world.agents[side].poll_timeout();
                    let _ = world.agents[side].poll_event();
                    world.agents[side].end_of_remote_candidates();
                }
            }
            world.run_for(ms(25));
        }
        world.sent.len()
    };
    assert_eq!(run(false), run(true));
}
