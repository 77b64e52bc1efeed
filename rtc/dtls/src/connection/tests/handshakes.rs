//! What must go well.

use alloc::vec;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant};

use super::world::{GROUPS, Network, SUITES, World, configs, connection};
use crate::suite::srtp_profile;
use crate::{CloseReason, DropReason, Error, NamedGroup, Reason};

#[test]
fn every_suite_meets_every_group_and_carries_data_both_ways() {
    for suite in SUITES {
        for group in GROUPS {
            let configs = configs(1).map(|mut config| {
                config.cipher_suites = suite;
                config.groups = group;
                config
            });
            let mut world = World::new(configs, Network::GOOD, 1);
            world.connect();
            world.assert_connected();
            for (from, text) in [(0, &b"up"[..]), (1, b"down")] {
                let record = world.seal(from, text);
                world.send(1 - from, record);
            }
            world.settle();
            assert_eq!(world.ends[1].data, [b"up"]);
            assert_eq!(world.ends[0].data, [b"down"]);
            for end in &world.ends {
                let stats = end.connection.stats();
                assert_eq!(stats.version, Some(0xFEFD));
                assert_eq!(stats.cipher_suite, Some(suite[0]));
                assert_eq!(stats.group, Some(group[0]));
                assert_eq!(stats.retransmissions, 0);
                assert_eq!(stats.drops.total(), 0, "{:?}", stats.drops);
            }
        }
    }
}

#[test]
fn a_clean_handshake_takes_two_round_trips() {
    let mut world = World::good(2);
    // 20 ms each way: four one-way trips.
    assert_eq!(world.connect(), Duration::from_millis(80));
    // ClientHello; the server's flight; the client's; Finished.
    assert_eq!(world.ends[0].sent.len(), 2);
    assert_eq!(world.ends[1].sent.len(), 2);
}

#[test]
fn one_seed_gives_the_same_bytes_twice() {
    let run = || {
        let mut world = World::good(3);
        world.connect();
        world.ends.map(|end| end.sent)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_group_that_was_not_made_ahead_costs_no_round_trip() {
    let [client, mut server] = configs(4);
    server.groups = &[NamedGroup::P256];
    let mut world = World::new([client, server], Network::GOOD, 4);
    assert_eq!(world.connect(), Duration::from_millis(80));
    world.assert_connected();
    assert_eq!(
        world.ends[0].connection.stats().group,
        Some(NamedGroup::P256)
    );
}

#[test]
fn every_bad_network_is_survived_with_every_datagram_size() {
    const LOSS: [u32; 5] = [0, 5, 10, 20, 30];
    let mut times = LOSS.map(|_| Vec::new());
    for seed in 0..150 {
        let network = Network {
            loss: LOSS[seed as usize % 5],
            reordered: [0, 20, 50][seed as usize % 3],
            duplicated: [0, 5, 30][seed as usize / 3 % 3],
            delay: Duration::from_millis(5 + seed % 7 * 30),
            compute: Duration::from_millis(seed % 4 * 40),
            ..Network::GOOD
        };
        let mtu = [300, 500, 1_200][seed as usize % 3];
        let configs = configs(seed).map(|mut config| {
            config.mtu = mtu;
            config
        });
        let mut world = World::new(configs, network, seed);
        for end in &mut world.ends {
            end.connection.set_rtt(network.delay * 2);
        }
        let took = world.connect();
        world.assert_connected();
        times[seed as usize % 5].push(took);
        // The client may miss nothing that matters after that.
        world.network = Network::GOOD;
        world.settle();
        for from in 0..2 {
            let record = world.seal(from, b"works");
            world.send(1 - from, record);
        }
        world.settle();
        for end in &world.ends {
            assert_eq!(end.data, [b"works"], "seed {seed}");
            for datagram in &end.sent {
                assert!(datagram.len() <= mtu, "seed {seed}");
            }
        }
    }
    let percentile_95 = times.map(|mut times| {
        times.sort();
        times[times.len() * 95 / 100]
    });
    // Round trips reach 370 ms, and a third of the runs use datagrams of 300 bytes.
    let bounds = [2, 3, 3, 10, 15].map(Duration::from_secs);
    for (time, bound) in percentile_95.iter().zip(bounds) {
        assert!(*time < bound, "{percentile_95:?}");
    }
}

#[test]
fn any_single_lost_datagram_costs_one_timeout_at_most() {
    for lost in 0..4 {
        let mut world = World::good(5);
        for end in &mut world.ends {
            end.connection.set_rtt(Duration::from_millis(40));
        }
        let mut count = 0;
        while world.ends.iter().any(|end| end.srtp.is_none()) {
            let sent = |world: &World| world.ends.iter().map(|end| end.sent.len()).sum::<usize>();
            let before = sent(&world);
            world.network.loss = if before == lost && count == 0 { 100 } else { 0 };
            world.drain();
            count += usize::from(before == lost && sent(&world) > before);
            world.network.loss = 0;
            if world.ends.iter().any(|end| end.srtp.is_none()) {
                assert!(world.step());
            }
        }
        world.assert_connected();
        let took = world.now - Instant::ZERO;
        assert!(
            took <= Duration::from_millis(80 + 80 + 80),
            "{lost}: {took:?}"
        );
    }
}

#[test]
fn datagrams_shrink_when_large_ones_never_arrive() {
    let network = Network {
        mtu: 560,
        ..Network::GOOD
    };
    let mut world = World::new(configs(6), network, 6);
    for end in &mut world.ends {
        end.connection.set_rtt(Duration::from_millis(40));
    }
    let took = world.connect();
    world.assert_connected();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_lost_last_flight_is_sent_again_when_the_client_repeats_its_own() {
    let mut world = World::good(7);
    while world.ends[1].srtp.is_none() {
        assert!(world.step());
        if world.ends[1].connection.is_connected() {
            world.network.loss = 100;
        }
        world.drain();
    }
    world.network.loss = 0;
    assert!(world.ends[0].srtp.is_none());
    world.connect();
    world.assert_connected();
    assert_eq!(world.ends[1].connection.stats().retransmissions, 1);
}

#[test]
fn slow_jobs_hold_up_the_handshake_but_cause_no_retransmission_of_ours() {
    let network = Network {
        compute: Duration::from_millis(300),
        ..Network::GOOD
    };
    let mut world = World::new(configs(8), network, 8);
    world.connect();
    world.assert_connected();
    // While the one computes, the other's timer of 1 s does not run out either.
    for end in &world.ends {
        assert_eq!(end.connection.stats().retransmissions, 0);
    }
}

#[test]
fn the_profile_is_the_first_of_the_servers_that_the_client_offers() {
    for (client, server, agreed) in [
        (vec![1, 7, 8], vec![8, 7], Some(8)),
        (vec![2, 1], vec![7, 1, 2], Some(1)),
        (vec![1], vec![7], None),
        (vec![], vec![7], None),
        (vec![7], vec![], None),
        (vec![0x5A5A, 7], vec![0x5A5A, 7], Some(7)),
    ] {
        let [mut a, mut b] = configs(9);
        a.srtp_profiles = client;
        b.srtp_profiles = server;
        let mut world = World::new([a, b], Network::GOOD, 9);
        world.connect();
        world.assert_connected();
        let srtp = world.ends[0].srtp.clone().unwrap();
        assert_eq!(srtp.as_ref().map(|keys| keys.profile), agreed);
        if let Some(keys) = srtp {
            let lengths = (
                keys.local_key.expose().len(),
                keys.local_salt.expose().len(),
            );
            assert_eq!(Some(lengths), srtp_profile::key_and_salt_len(keys.profile));
        }
    }
}

#[test]
fn close_notify_ends_both_sides() {
    for closer in 0..2 {
        let mut world = World::good(10);
        world.connect();
        let now = world.now;
        world.ends[closer].connection.close(now);
        world.settle();
        assert_eq!(world.ends[closer].closed, Some(CloseReason::Local));
        assert_eq!(world.ends[1 - closer].closed, Some(CloseReason::Peer));
        for end in &mut world.ends {
            assert_eq!(end.error, None);
            assert_eq!(
                end.connection.seal(&mut [0; 100], 1),
                Err(Error::NotConnected)
            );
            assert_eq!(
                end.connection.export_keying_material(b"x", None, &mut [0]),
                Err(Error::NotConnected)
            );
        }
    }
}

#[test]
fn closing_before_anything_was_sent_sends_nothing() {
    let [client, server] = configs(11);
    for config in [client, server] {
        let mut end = connection(config, 11);
        end.close(Instant::ZERO);
        assert_eq!(end.poll_transmit(Instant::ZERO, &mut [0; 1_500]), None);
        assert_eq!(end.poll_timeout(), None);
    }
}

#[test]
fn a_peer_that_never_answers_is_given_up_after_30_seconds() {
    let network = Network {
        loss: 100,
        ..Network::GOOD
    };
    let mut world = World::new(configs(12), network, 12);
    let took = world.connect();
    assert_eq!(world.ends[0].error, Some(Error::Timeout { alert: None }));
    assert_eq!(took, Duration::from_secs(30));
    // 1, 2, then every 3 s.
    assert_eq!(world.ends[0].connection.stats().retransmissions, 10);
    assert_eq!(world.ends[0].connection.poll_timeout(), None);
}

#[test]
fn no_timer_runs_before_the_first_datagram() {
    let [client, server] = configs(13);
    let mut client = connection(client, 13);
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(connection(server, 13).poll_timeout(), None);
    let now = Instant::from_millis(5_000);
    client.poll_transmit(now, &mut [0; 1_500]).unwrap();
    assert_eq!(
        client.poll_timeout(),
        Some((now + Duration::from_secs(1), Reason::Retransmit))
    );
}

#[test]
fn draining_late_gives_the_same_connection() {
    let mut world = World::good(14);
    world.connect();
    // Three records before anybody polls.
    let records: Vec<_> = (0..3_u8).map(|at| world.seal(0, &[at; 5])).collect();
    for record in &records {
        let now = world.now;
        let mut record = record.clone();
        world.ends[1]
            .connection
            .handle_input(now, &mut record)
            .unwrap();
    }
    world.drain();
    assert_eq!(world.ends[1].data, [[0; 5], [1; 5], [2; 5]]);
}

#[test]
fn data_beyond_the_receive_limit_is_dropped_and_counted() {
    let [client, mut server] = configs(15);
    server.limits.dtls_receive_bytes = 1_000;
    let mut world = World::new([client, server], Network::GOOD, 15);
    world.connect();
    for _ in 0..3 {
        let mut record = world.seal(0, &[7; 400]);
        let now = world.now;
        world.ends[1]
            .connection
            .handle_input(now, &mut record)
            .unwrap();
    }
    world.drain();
    assert_eq!(world.ends[1].data.len(), 2);
    let drops = world.ends[1].connection.stats().drops;
    assert_eq!(drops.get(DropReason::ReceiveLimit), 1);
    // There is room again.
    let record = world.seal(0, &[8; 400]);
    world.send(1, record);
    world.settle();
    assert_eq!(world.ends[1].data.len(), 3);
}

#[test]
fn a_connected_connection_has_freed_its_handshake() {
    let mut world = World::good(16);
    world.connect();
    for end in &world.ends {
        assert!(end.connection.handshake.is_none());
    }
    let record = world.seal(0, b"x");
    world.send(1, record);
    world.settle();
    assert!(world.ends[1].connection.final_flight.is_empty());
    assert_eq!(world.ends[1].connection.final_flight.capacity(), 0);
}
