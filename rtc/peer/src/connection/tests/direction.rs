//! Sections that pause, go on and begin late.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The viewer offers again; `change` rewrites what it says. The camera's answer.
fn offer_again(world: &mut World, change: impl FnOnce(String) -> String) -> String {
    let now = world.now;
    let offer = change(world.sides[1].peer.create_offer(now, false).unwrap());
    let answer = world.sides[0].peer.accept_offer(now, &offer).unwrap();
    world.sides[1].peer.accept_answer(now, &answer).unwrap();
    world.run_for(MS(100));
    answer
}

fn frames(world: &World) -> usize {
    world.sides[1].seen.frames.len()
}

#[test]
fn an_inactive_section_is_silent_and_goes_on_where_it_was() {
    let mut world = World::connected(21, MS(20), 0, &[Codec::H264]);
    world.run_for(MS(500));
    world.stream(0..30, 1_000);
    world.run_for(MS(100));
    assert_eq!(frames(&world), 30);
    let paused = |offer: String| offer.replace("a=recvonly", "a=inactive");
    let answer = offer_again(&mut world, paused);
    assert!(answer.contains("a=inactive"), "{answer}");
    world.stream(30..60, 1_000);
    world.run_for(MS(100));
    assert_eq!(frames(&world), 30, "nothing comes in the pause");
    offer_again(&mut world, |offer| offer);
    world.stream(60..90, 1_000);
    world.run_for(MS(100));
    let seen = &world.sides[1].seen.frames;
    assert!(seen.len() >= 60, "{} frames", seen.len());
    assert!(seen[30].2, "it goes on with a key frame");
    let inbound = &world.sides[1].peer.stats().inbound[0];
    assert_eq!(inbound.1.packets_lost, 0, "sequence numbers have no gap");
}

#[test]
fn a_section_that_begins_inactive_is_sent_when_it_is_wanted() {
    let configs = [config(1, &[Codec::H264], false), config(2, &[], true)];
    let mut world = World::new(22, MS(20), 0, configs);
    offer_again(&mut world, |offer| {
        offer.replace("a=recvonly", "a=inactive")
    });
    world.run_for(MS(500));
    world.stream(0..30, 1_000);
    assert_eq!(frames(&world), 0);
    offer_again(&mut world, |offer| offer);
    world.stream(30..60, 1_000);
    world.run_for(MS(100));
    assert!(frames(&world) >= 30, "{} frames", frames(&world));
}
