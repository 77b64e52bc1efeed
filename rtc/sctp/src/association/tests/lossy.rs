use super::*;

#[test]
fn reliable_ordered_messages_arrive_exactly_over_a_bad_link() {
    for seed in 0..20 {
        let mut world = World::connected(100 + seed, BAD);
        let id = world.open(|c| c);
        let sent: StdVec<_> = (0..60_u32)
            .map(|n| pattern(n, (n * n * 13) as usize % 9_000 + 1))
            .collect();
        for message in &sent {
            world.send(0, id, message);
            world.send(1, id, message);
        }
        world.run(Duration::from_secs(300), |w| {
            w.messages(0).len() + w.messages(1).len() == 120
        });
        for end in 0..2 {
            assert!(world.messages(end) == sent, "seed {seed}");
        }
    }
}

#[test]
fn large_messages_survive_a_bad_link() {
    for seed in 0..4 {
        let mut world = World::connected(200 + seed, BAD);
        let id = world.open(|c| c);
        world.send(0, id, &pattern(1, 64 * 1024));
        world.send(0, id, &pattern(2, 256 * 1024));
        world.run(Duration::from_secs(600), |w| w.messages(1).len() == 2);
        assert!(world.messages(1) == [pattern(1, 64 * 1024), pattern(2, 256 * 1024)]);
    }
}

#[test]
fn unordered_messages_arrive_each_once_and_overtake() {
    let mut overtook = false;
    for seed in 0..10 {
        let mut world = World::connected(300 + seed, BAD);
        let id = world.open(|c| ChannelConfig {
            ordered: false,
            ..c
        });
        let sent: StdVec<_> = (0..100_u32).map(|n| pattern(n, 1_500)).collect();
        for message in &sent {
            world.send(0, id, message);
        }
        world.run(Duration::from_secs(300), |w| w.messages(1).len() == 100);
        let mut got = world.messages(1);
        overtook |= got != sent;
        got.sort_unstable();
        let mut want = sent.clone();
        want.sort_unstable();
        assert!(got == want);
    }
    assert!(overtook);
}

#[test]
fn limited_messages_are_given_up_and_the_rest_stays_in_order() {
    for (seed, reliability) in [
        (1, Reliability::MaxRetransmits(0)),
        (2, Reliability::MaxRetransmits(1)),
        (3, Reliability::MaxLifetime(Duration::from_millis(100))),
    ] {
        let mut abandoned = 0;
        for round in 0..8 {
            let link = Link { lost: 200, ..BAD };
            let mut world = World::connected(400 + seed * 10 + round, link);
            let id = world.open(|c| ChannelConfig { reliability, ..c });
            for n in 0..100_u32 {
                world.send(0, id, &pattern(n, 3_000));
                world.run_for(30);
            }
            world.link.lost = 0;
            world.run_for(60_000);
            let got = world.messages(1);
            let mut next = 0;
            for message in &got {
                let n = (next..100)
                    .find(|n| *message == pattern(*n, 3_000))
                    .expect("in order");
                next = n + 1;
            }
            abandoned += world.ends[0].stats().abandoned_messages;
            assert!(got.len() as u64 + world.ends[0].stats().abandoned_messages >= 100);
            // Nothing is left behind at either end, and the channel still works.
            assert!(world.ends[0].outbound.is_drained());
            assert_eq!(world.ends[1].inbound.window(), world.ends[1].receive_window);
            world.send(0, id, b"last");
            world.run_for(2_000);
            assert_eq!(world.messages(1).last().unwrap(), b"last");
        }
        assert!(abandoned > 0);
    }
}

#[test]
fn tsns_and_ssns_wrap() {
    let mut world = World::new(500, BAD);
    for end in &mut world.ends {
        end.initial_tsn = u32::MAX - 20;
        end.outbound = Outbound::new(u32::MAX - 20, end.mtu);
        end.resets = Resets::new(u32::MAX - 20);
    }
    world.connect();
    let id = world.open(|c| c);
    for end in 0..2 {
        let at = world.ends[end].position(id.0).unwrap();
        world.ends[end].channels[at].next_ssn = u16::MAX - 3;
        *world.ends[end].inbound_ssn(id.0) = u16::MAX - 3;
    }
    let sent: StdVec<_> = (0..50_u32).map(|n| pattern(n, 3_000)).collect();
    for message in &sent {
        world.send(0, id, message);
    }
    world.run(Duration::from_secs(200), |w| w.messages(1).len() == 50);
    assert!(world.messages(1) == sent);
}

#[test]
fn channels_open_and_close_over_a_bad_link() {
    for seed in 0..10 {
        let mut world = World::connected(600 + seed, BAD);
        for round in 0..4_u8 {
            let id = world.open(|c| c);
            world.send(0, id, &[round; 2_000]);
            world.ends[0].close_channel(id).unwrap();
            world.run(Duration::from_secs(120), |w| {
                w.seen
                    .iter()
                    .all(|seen| seen.contains(&Seen::ChannelClosed(id.0)))
            });
            assert_eq!(world.messages(1), [[round; 2_000]], "seed {seed}");
            world.seen.iter_mut().for_each(StdVec::clear);
        }
    }
}

#[test]
fn one_seed_gives_the_same_bytes_twice() {
    let run = || {
        let mut world = World::connected(7, BAD);
        let id = world.open(|c| c);
        world.send(0, id, &pattern(1, 50_000));
        world.run_for(10_000);
        (world.sent, world.ends[0].stats(), world.now)
    };
    assert_eq!(run(), run());
}
