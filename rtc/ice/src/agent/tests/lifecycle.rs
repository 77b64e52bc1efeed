//! Restarts, interfaces that come and go, old peers.

use std::vec::Vec;

use smolrtc_base::{Duration, SecretBytes};
use smolrtc_stun::{AttributeType, Builder, Class, Key, Message, Method, TransactionId};

use super::world::{Datagram, LEFT, Link, PROVIDER, RIGHT, World, addr, ms};
use crate::{DropReason, Error, Event, State};

fn connected_world(seed: u64) -> World {
    let mut world = World::pair(seed, Link::clean(25));
    world.signal();
    assert!(world.run(ms(1_000), World::connected));
    world
}

#[test]
fn a_restart_from_either_side_keeps_the_old_path_until_a_new_one_is_valid() {
    for initiator in [LEFT, RIGHT] {
        let mut world = connected_world(1);
        let before = world.agents[LEFT].send_path();
        let old = world.agents[LEFT].local_credentials().0.len();
        let now = world.now;
        // The offer reaches the other side 300 ms later, its answer comes back after as much.
        world.agents[initiator].restart(now);
        assert!(old > 0);
        assert_eq!(world.agents[initiator].state(), State::Checking);
        let path = |w: &World| w.agents.iter().any(|agent| agent.send_path().is_none());
        assert!(!world.run(ms(300), path));
        let now = world.now;
        world.agents[1 - initiator].restart(now);
        world.signal_to(1 - initiator);
        assert!(!world.run(ms(300), path));
        world.signal_to(initiator);
        // Never a moment without a path.
        assert!(!world.run(ms(1_000), path));
        assert!(world.connected());
        assert_eq!(world.agents[LEFT].send_path(), before);
        assert_eq!(world.agents[LEFT].stats().restarts, 1);
        world.run_for(Duration::from_secs(60));
        assert!(world.connected());
        assert_eq!(
            world.agents[LEFT].pair_stats().count(),
            1,
            "the old pair is forgotten"
        );
    }
}

/// libwebrtc does this: a new socket's first checks carry the peer's fragment of the generation that
/// ends.
#[test]
fn a_check_that_mixes_two_generations_gets_no_answer_before_and_after_the_offer_came() {
    let mut world = connected_world(7);
    let (ufrag, pwd) = world.agents[RIGHT].local_credentials();
    let (ufrag, key) = (
        std::string::String::from(ufrag),
        Key::short_term(&PROVIDER, pwd.expose()),
    );
    let new_socket = addr("10.0.0.1:2222");
    let (to, _) = world.agents[RIGHT].send_path().unwrap();
    for restarted in [false, true] {
        if restarted {
            let now = world.now;
            world.agents[RIGHT].restart(now);
        }
        let mut buf = [0; 200];
        let id = TransactionId([9; 12]);
        let mut check = Builder::new(&mut buf, Class::Request, Method::BINDING, id).unwrap();
        check.username(&std::format!("{ufrag}:new1")).unwrap();
        check.priority(1).unwrap();
        check.ice_controlling(u64::MAX).unwrap();
        check.use_candidate().unwrap();
        check.integrity(&key).unwrap();
        check.fingerprint().unwrap();
        let len = check.finish();
        let now = world.now;
        let agent = &mut world.agents[RIGHT];
        let pairs = agent.pair_stats().count();
        let before = agent.stats().drops.get(DropReason::OtherGeneration);
        agent.handle_input(now, new_socket, to, &buf[..len]);
        let mut out = [0; 1_500];
        while let Some(sent) = agent.poll_transmit(now, &mut out) {
            assert_ne!(sent.to, new_socket);
        }
        assert_eq!(agent.pair_stats().count(), pairs);
        let drops = agent.stats().drops.get(DropReason::OtherGeneration);
        assert_eq!(drops, before + 1);
    }
}

#[test]
fn a_restart_that_is_never_answered_keeps_consent_on_the_old_path() {
    let mut world = connected_world(2);
    let now = world.now;
    world.agents[LEFT].restart(now);
    assert!(!world.run(Duration::from_secs(120), |w| {
        w.agents.iter().any(|agent| agent.send_path().is_none())
    }));
}

#[test]
fn two_restarts_at_once_end_in_one_new_path() {
    for seed in 0..10 {
        let mut world = connected_world(seed);
        let now = world.now;
        for side in [LEFT, RIGHT] {
            world.agents[side].restart(now);
        }
        world.run_for(ms(50 * seed));
        world.signal();
        assert!(world.run(ms(2_000), World::connected), "seed {seed}");
    }
}

#[test]
fn a_second_restart_before_the_first_has_a_path_still_keeps_the_old_one() {
    let mut world = connected_world(3);
    for _ in 0..3 {
        let now = world.now;
        world.agents[LEFT].restart(now);
        world.agents[RIGHT].restart(now);
        world.signal_to(LEFT);
        world.run_for(ms(10));
        assert!(world.agents[LEFT].send_path().is_some());
    }
    world.signal_to(RIGHT);
    assert!(world.run(ms(2_000), World::connected));
}

#[test]
fn a_restart_heals_a_session_whose_consent_expired() {
    let mut world = connected_world(4);
    world.link.loss_percent = 100;
    world.run_for(Duration::from_secs(40));
    assert!(
        world
            .agents
            .iter()
            .all(|agent| agent.state() == State::Failed)
    );
    world.link.loss_percent = 0;
    let now = world.now;
    for side in [LEFT, RIGHT] {
        world.agents[side].restart(now);
    }
    world.signal();
    assert!(world.run(ms(1_000), World::connected));
}

#[test]
fn credentials_that_change_without_a_restart_are_refused() {
    let mut world = connected_world(5);
    let agent = &mut world.agents[LEFT];
    let pwd = SecretBytes::from("abcdefghijklmnopqrstuvwxyz");
    assert_eq!(
        agent.set_remote_credentials("abcd", &pwd),
        Err(Error::RestartRequired)
    );
    let now = world.now;
    let agent = &mut world.agents[LEFT];
    agent.restart(now);
    assert_eq!(
        agent.set_remote_credentials("abc", &pwd),
        Err(Error::InvalidUfrag)
    );
    let short = SecretBytes::from("short");
    assert_eq!(
        agent.set_remote_credentials("abcd", &short),
        Err(Error::InvalidPassword)
    );
    assert_eq!(agent.set_remote_credentials("abcd", &pwd), Ok(()));
    assert_eq!(agent.set_remote_credentials("abcd", &pwd), Ok(()));
}

#[test]
fn a_removed_interface_hands_over_to_another_and_a_new_one_is_signalled() {
    let mut world = World::pair(6, Link::clean(20));
    world.add(LEFT, "10.0.5.1:1000");
    world.signal();
    assert!(world.run(ms(2_000), World::connected));
    world.run_for(ms(1_000));
    let (used, _) = world.agents[LEFT].send_path().unwrap();
    let now = world.now;
    world.agents[LEFT].remove_interface(now, used);
    assert!(world.run(ms(1_000), |w| {
        w.connected()
            && w.agents[LEFT]
                .send_path()
                .is_some_and(|(local, _)| local != used)
    }));

    // The last one goes and another comes: no signalling but the trickled candidate.
    let (used, _) = world.agents[LEFT].send_path().unwrap();
    let now = world.now;
    world.agents[LEFT].remove_interface(now, used);
    assert_eq!(world.agents[LEFT].send_path(), None);
    assert_eq!(world.agents[LEFT].state(), State::Disconnected);
    world.run_for(ms(200));
    world.add(LEFT, "10.0.6.1:1000");
    assert!(world.run(ms(3_000), |w| w.agents[LEFT].state() == State::Completed));
    assert_eq!(
        world.agents[LEFT].send_path().unwrap().0,
        addr("10.0.6.1:1000")
    );
}

/// A hand-made controlling peer on the right that puts USE-CANDIDATE into every check.
#[test]
fn an_aggressive_nominator_is_followed_to_its_best_pair() {
    let mut world = World::new(7, Link::clean(10));
    world.agents[LEFT].set_controlling(false);
    world.add(LEFT, "10.0.0.1:1000");
    let pwd = SecretBytes::from("thepasswordofthepeer123");
    world.agents[LEFT]
        .set_remote_credentials("peer", &pwd)
        .unwrap();
    let (ufrag, key) = {
        let (ufrag, pwd) = world.agents[LEFT].local_credentials();
        (
            std::format!("{ufrag}:peer"),
            Key::short_term(&PROVIDER, pwd.expose()),
        )
    };
    let remote_key = Key::short_term(&PROVIDER, pwd.expose());
    let local = addr("10.0.0.1:1000");
    let mut handled = 0;
    for round in 0..20_u8 {
        // The worse address asks first.
        for (address, priority) in [
            ("10.0.1.1:5000", 1_000_u32),
            ("10.0.1.2:5000", 2_000_000_000),
        ] {
            if round == 0 && priority > 1_000 {
                continue;
            }
            let mut buf = [0; 200];
            let id = TransactionId([round; 12]);
            let mut request = Builder::new(&mut buf, Class::Request, Method::BINDING, id).unwrap();
            request.username(&ufrag).unwrap();
            request.priority(priority).unwrap();
            request.ice_controlling(u64::MAX).unwrap();
            request.use_candidate().unwrap();
            request.integrity(&key).unwrap();
            request.fingerprint().unwrap();
            let len = request.finish();
            world.agents[LEFT].handle_input(world.now, addr(address), local, &buf[..len]);
        }
        // Its answers to our checks.
        world.run_for(ms(20));
        let answers: Vec<Datagram> = world.sent[handled..]
            .iter()
            .filter_map(|(_, _, sent)| {
                let check = Message::parse(&sent.bytes).unwrap();
                (check.class() == Class::Request).then(|| {
                    let mut buf = [0; 200];
                    let id = check.transaction_id();
                    let mut response =
                        Builder::new(&mut buf, Class::Success, Method::BINDING, id).unwrap();
                    response.xor_mapped_address(&sent.from).unwrap();
                    response.integrity(&remote_key).unwrap();
                    response.fingerprint().unwrap();
                    let len = response.finish();
                    Datagram {
                        from: sent.to,
                        to: sent.from,
                        bytes: buf[..len].to_vec(),
                    }
                })
            })
            .collect();
        handled = world.sent.len();
        for answer in answers {
            world.agents[LEFT].handle_input(world.now, answer.from, answer.to, &answer.bytes);
        }
    }
    assert_eq!(world.agents[LEFT].state(), State::Completed);
    assert_eq!(
        world.agents[LEFT].send_path(),
        Some((local, addr("10.0.1.2:5000")))
    );
    let changes = world.events[LEFT]
        .iter()
        .filter(|(_, event)| matches!(event, Event::SelectedPairChanged { .. }))
        .count();
    assert!(changes <= 3, "no flapping: {changes}");
}

#[test]
fn responses_are_signed_and_carry_the_callers_address() {
    let world = connected_world(8);
    let (_, pwd) = world.agents[RIGHT].local_credentials();
    let key = Key::short_term(&PROVIDER, pwd.expose());
    let mut responses = 0;
    for (_, side, datagram) in &world.sent {
        let message = Message::parse(&datagram.bytes).unwrap();
        assert_eq!(message.check_fingerprint(), Ok(()));
        if *side == RIGHT && message.class() == Class::Success {
            responses += 1;
            assert_eq!(message.check_integrity(&key), Ok(()));
            assert_eq!(message.mapped_address(), Some(datagram.to));
            assert_eq!(message.get(AttributeType::USERNAME), None);
        }
    }
    assert!(responses >= 2);
}

#[test]
fn tables_cost_what_the_documentation_says() {
    use core::mem::size_of;
    let sizes = [
        size_of::<crate::pair::Pair>(),
        size_of::<crate::agent::Remote>(),
        size_of::<crate::agent::Local>(),
        size_of::<crate::agent::Transaction>(),
        size_of::<crate::Agent>(),
    ];
    // Pair, remote and local candidate, transaction, agent; on a 64-bit machine.
    let documented = [224, 128, 232, 32, 1_680];
    assert!(
        sizes
            .iter()
            .zip(documented)
            .all(|(size, most)| *size <= most),
        "{sizes:?}"
    );
}
