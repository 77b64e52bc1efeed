//! What strangers send.

use smolrtc_base::{Duration, Rng};
use smolrtc_stun::{AttributeType, Builder, Class, Code, Key, Message, Method, TransactionId};
use std::string::String;
use std::vec::Vec;

use super::world::{LEFT, Link, PROVIDER, RIGHT, World, addr, ms};
use crate::{DropReason, MAX_MESSAGE_LEN};

/// Writes a Binding request; `fill` adds the attributes before the integrity.
fn request(username: &str, key: &Key, id: u8, fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let mut buf = [0; 300];
    let id = TransactionId([id; 12]);
    let mut builder = Builder::new(&mut buf, Class::Request, Method::BINDING, id).unwrap();
    builder.username(username).unwrap();
    fill(&mut builder);
    builder.integrity(key).unwrap();
    builder.fingerprint().unwrap();
    let len = builder.finish();
    buf[..len].to_vec()
}

/// Everything the left agent wants to send right now.
fn drain(world: &mut World) -> Vec<Vec<u8>> {
    let mut buf = [0; MAX_MESSAGE_LEN];
    let mut sent = Vec::new();
    while let Some(transmit) = world.agents[LEFT].poll_transmit(world.now, &mut buf) {
        sent.push(buf[..transmit.len].to_vec());
    }
    sent
}

fn username(world: &World) -> String {
    std::format!("{}:peer", world.agents[LEFT].local_credentials().0)
}

fn key(world: &World) -> Key {
    Key::short_term(&PROVIDER, world.agents[LEFT].local_credentials().1.expose())
}

#[test]
fn a_hundred_thousand_forged_requests_are_answered_with_nothing() {
    let mut world = World::pair(1, Link::clean(10));
    let mut rng = Rng::from_u64(1);
    let username = username(&world);
    let wrong = Key::short_term(&PROVIDER, b"not the password at all");
    let forged = [
        request(&username, &wrong, 1, |b| b.priority(1).unwrap()),
        request("stranger:peer", &key(&world), 2, |b| b.priority(1).unwrap()),
    ];
    let local = addr("10.0.0.1:1000");
    let mut bytes_out = 0;
    for n in 0..100_000_u32 {
        let victim =
            std::net::SocketAddr::from(([203, 0, 113, (n % 250) as u8], 1 + (n % 60_000) as u16));
        let mut datagram = forged[(n & 1) as usize].clone();
        datagram[8] ^= 1 + rng.below(255) as u8;
        // Half of them with a fingerprint that the change has broken, half with it made right.
        if n % 4 < 2 {
            datagram.truncate(datagram.len() - 8);
            let len = (datagram.len() - 20) as u16;
            datagram[2..4].copy_from_slice(&len.to_be_bytes());
        }
        world.agents[LEFT].handle_input(world.now, victim, local, &datagram);
        bytes_out += drain(&mut world).iter().map(Vec::len).sum::<usize>();
    }
    assert_eq!(bytes_out, 0);
    let drops = world.agents[LEFT].stats().drops;
    assert_eq!(drops.total(), 100_000);
    assert_eq!(drops.get(DropReason::BadIntegrity), 25_000);
    assert_eq!(drops.get(DropReason::UnknownUsername), 25_000);
    assert_eq!(drops.get(DropReason::BadFingerprint), 50_000);
    assert_eq!(world.agents[LEFT].pair_stats().count(), 0);
}

#[test]
fn an_authentic_request_is_answered_with_no_more_bytes_than_it_has() {
    let mut world = World::pair(2, Link::clean(10));
    let bytes = request(&username(&world), &key(&world), 3, |b| {
        b.priority(1).unwrap();
        b.ice_controlled(1).unwrap();
    });
    world.agents[LEFT].handle_input(world.now, addr("10.0.1.1:9"), addr("10.0.0.1:1000"), &bytes);
    let sent = drain(&mut world);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].len() <= bytes.len());
}

#[test]
fn error_responses_are_signed_small_and_at_most_ten_a_second() {
    let mut world = World::pair(3, Link::clean(10));
    let unknown = request(&username(&world), &key(&world), 4, |b| {
        b.priority(1).unwrap();
        b.attribute(AttributeType(0x7777), &[0; 4]).unwrap();
    });
    let local = addr("10.0.0.1:1000");
    let mut errors = 0;
    for n in 0..1_000_u64 {
        world.now = world.now + ms(1);
        world.agents[LEFT].handle_input(world.now, addr("10.0.1.1:9"), local, &unknown);
        for bytes in drain(&mut world) {
            errors += 1;
            assert!(bytes.len() <= unknown.len(), "{n}");
            let message = Message::parse(&bytes).unwrap();
            assert_eq!(message.class(), Class::Error);
            assert_eq!(
                message.error_code().unwrap().code,
                Code::UnknownAttribute.number()
            );
            assert_eq!(
                message.unknown_attributes().collect::<Vec<_>>(),
                [AttributeType(0x7777)]
            );
            assert_eq!(message.check_integrity(&key(&world)), Ok(()));
        }
    }
    assert!((10..=20).contains(&errors), "{errors}");
    let limited = world.agents[LEFT]
        .stats()
        .drops
        .get(DropReason::ErrorRateLimited);
    assert_eq!(limited + errors, 1_000);
}

#[test]
fn a_request_without_priority_is_refused_if_the_refusal_is_no_larger() {
    let mut world = World::pair(4, Link::clean(10));
    let bare = request(&username(&world), &key(&world), 5, |_| {});
    world.agents[LEFT].handle_input(world.now, addr("10.0.1.1:9"), addr("10.0.0.1:1000"), &bare);
    let sent = drain(&mut world);
    assert!(sent.iter().all(|bytes| bytes.len() <= bare.len()));
    let refused = world.agents[LEFT]
        .stats()
        .drops
        .get(DropReason::ErrorTooLarge);
    assert_eq!(sent.len() as u32 + refused, 1);
}

#[test]
fn responses_and_indications_get_no_answer() {
    let mut world = World::pair(5, Link::clean(10));
    for class in [Class::Success, Class::Error, Class::Indication] {
        let mut buf = [0; 100];
        let id = TransactionId([9; 12]);
        let mut message = Builder::new(&mut buf, class, Method::BINDING, id).unwrap();
        message.integrity(&key(&world)).unwrap();
        let len = message.finish();
        world.agents[LEFT].handle_input(
            world.now,
            addr("10.0.1.1:9"),
            addr("10.0.0.1:1000"),
            &buf[..len],
        );
    }
    assert!(drain(&mut world).is_empty());
    assert_eq!(
        world.agents[LEFT]
            .stats()
            .drops
            .get(DropReason::UnknownTransaction),
        2
    );
}

#[test]
fn a_forged_answer_neither_validates_a_pair_nor_ends_its_check() {
    let mut world = World::pair(6, Link::clean(50));
    world.signal();
    world.run_for(ms(1));
    let check = world
        .sent
        .iter()
        .find(|(_, side, _)| *side == LEFT)
        .unwrap()
        .2
        .clone();
    let id = Message::parse(&check.bytes).unwrap().transaction_id();
    let wrong = Key::short_term(&PROVIDER, b"guessed");
    let mut buf = [0; 100];
    let mut forged = Builder::new(&mut buf, Class::Success, Method::BINDING, id).unwrap();
    forged.xor_mapped_address(&check.from).unwrap();
    forged.integrity(&wrong).unwrap();
    let len = forged.finish();
    world.agents[LEFT].handle_input(world.now, check.to, check.from, &buf[..len]);
    assert_eq!(world.agents[LEFT].send_path(), None);
    assert_eq!(
        world.agents[LEFT]
            .stats()
            .drops
            .get(DropReason::BadIntegrity),
        1
    );

    // An authentic answer from elsewhere does not either.
    let peer = Key::short_term(
        &PROVIDER,
        world.agents[RIGHT].local_credentials().1.expose(),
    );
    let mut moved = Builder::new(&mut buf, Class::Success, Method::BINDING, id).unwrap();
    moved.xor_mapped_address(&check.from).unwrap();
    moved.integrity(&peer).unwrap();
    let len = moved.finish();
    world.agents[LEFT].handle_input(world.now, addr("10.7.7.7:7"), check.from, &buf[..len]);
    assert_eq!(world.agents[LEFT].send_path(), None);
    assert!(!world.agents[LEFT].is_validated(addr("10.7.7.7:7"), check.from));
    assert!(world.run(ms(500), World::connected));
}

#[test]
fn a_replayed_answer_does_not_renew_consent() {
    let mut world = World::pair(7, Link::clean(10));
    world.signal();
    assert!(world.run(ms(500), World::connected));
    let answers: Vec<_> = world
        .sent
        .iter()
        .filter(|(_, side, _)| *side == RIGHT)
        .cloned()
        .collect();
    world.dead.push(addr("10.0.1.1:2000"));
    let end = world.now + Duration::from_secs(31);
    while world.now < end {
        world.run_for(ms(500));
        for (_, _, datagram) in &answers {
            world.agents[LEFT].handle_input(world.now, datagram.from, datagram.to, &datagram.bytes);
        }
    }
    assert_eq!(world.agents[LEFT].send_path(), None);
}

#[test]
fn a_datagram_for_an_unknown_interface_is_dropped() {
    let mut world = World::pair(8, Link::clean(10));
    let bytes = request(&username(&world), &key(&world), 6, |b| {
        b.priority(1).unwrap()
    });
    world.agents[LEFT].handle_input(world.now, addr("10.0.1.1:9"), addr("10.0.0.9:1"), &bytes);
    world.agents[LEFT].handle_input(
        world.now,
        addr("10.0.1.1:9"),
        addr("10.0.0.1:1000"),
        b"\x16dtls",
    );
    let drops = world.agents[LEFT].stats().drops;
    assert_eq!(drops.get(DropReason::UnknownInterface), 1);
    assert_eq!(drops.get(DropReason::Malformed), 1);
    assert!(drain(&mut world).is_empty());
}

#[test]
fn a_buffer_that_is_too_small_loses_the_message_and_spins_nowhere() {
    let mut world = World::pair(9, Link::clean(10));
    world.signal();
    let mut buf = [0; 40];
    assert_eq!(world.agents[LEFT].poll_transmit(world.now, &mut buf), None);
    assert!(
        world.agents[LEFT]
            .stats()
            .drops
            .get(DropReason::BufferTooSmall)
            >= 1
    );
    assert!(world.agents[LEFT].poll_timeout().unwrap().0 > world.now);
}

#[test]
fn debug_output_shows_no_password() {
    let mut world = World::pair(10, Link::clean(10));
    world.signal();
    world.run_for(ms(200));
    let text = std::format!("{:?}", world.agents[LEFT]);
    for side in [LEFT, RIGHT] {
        let pwd = world.agents[side].local_credentials().1.expose_str();
        assert!(pwd.len() >= 22 && !text.contains(pwd));
    }
}
