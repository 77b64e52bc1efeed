use super::*;
use crate::SendError;

#[test]
fn both_sides_may_start_and_both_become_established_once() {
    let world = World::connected(1, CLEAN);
    for seen in &world.seen {
        assert_eq!(seen, &[Seen::Established]);
    }
}

#[test]
fn one_side_may_start_alone() {
    let mut world = World::new(2, CLEAN);
    world.ends[0].connect(world.now);
    world.run_for(100);
    assert!(world.ends.iter().all(Association::is_established));
}

#[test]
fn a_message_sent_at_once_rides_with_the_cookie() {
    let mut world = World::new(3, CLEAN);
    let id = world.ends[0]
        .open_channel(world.now, ChannelConfig::new("early"))
        .unwrap();
    world.send(0, id, b"hello");
    world.ends[0].connect(world.now);
    // INIT, INIT ACK, COOKIE ECHO + DATA: three times 10 ms.
    world.run_for(31);
    assert_eq!(world.messages(1), [b"hello"]);
    assert_eq!(world.seen[1][1], Seen::Opened(0, "early".into(), true));
}

#[test]
fn empty_messages_text_and_bytes_arrive_as_what_they_were() {
    let mut world = World::connected(4, CLEAN);
    let id = world.open(|c| c);
    for (kind, data) in [
        (MessageKind::Text, &b""[..]),
        (MessageKind::Binary, b""),
        (MessageKind::Text, b"text"),
        (MessageKind::Binary, b"\0\xff"),
    ] {
        world.ends[0].send(world.now, id, kind, data).unwrap();
    }
    world.run_for(500);
    assert_eq!(
        &world.seen[1][2..],
        [
            Seen::Message(0, MessageKind::Text, vec![]),
            Seen::Message(0, MessageKind::Binary, vec![]),
            Seen::Message(0, MessageKind::Text, b"text".to_vec()),
            Seen::Message(0, MessageKind::Binary, b"\0\xff".to_vec()),
        ]
    );
    let stats = world.ends[1].channel_stats(id).unwrap();
    assert_eq!((stats.messages_received, stats.bytes_received), (4, 6));
}

#[test]
fn large_messages_arrive_whole_both_ways() {
    let mut world = World::connected(5, CLEAN);
    let id = world.open(|c| c);
    for len in [1_160, 1_161, 64 * 1024, 256 * 1024] {
        world.send(0, id, &pattern(1, len));
        world.send(1, id, &pattern(2, len));
        world.run_for(5_000);
        assert!(*world.messages(1).last().unwrap() == pattern(1, len));
        assert!(*world.messages(0).last().unwrap() == pattern(2, len));
    }
    let too_large = vec![0; 256 * 1024 + 1];
    assert_eq!(
        world.ends[0].send(world.now, id, MessageKind::Binary, &too_large),
        Err(SendError::TooLarge { max: 256 * 1024 })
    );
}

#[test]
fn ids_are_even_for_the_client_and_odd_for_the_server() {
    let mut world = World::connected(6, CLEAN);
    let open = |world: &mut World, end: usize| {
        world.ends[end]
            .open_channel(world.now, ChannelConfig::new("x"))
            .unwrap()
            .stream_id()
    };
    let ids = [
        open(&mut world, 0),
        open(&mut world, 1),
        open(&mut world, 0),
        open(&mut world, 1),
    ];
    assert_eq!(ids, [0, 1, 2, 3]);
    world.run_for(500);
    for end in &world.ends {
        assert_eq!(end.channels.len(), 4);
        assert_eq!(end.drops().total(), 0);
    }
}

#[test]
fn a_negotiated_channel_needs_no_dcep() {
    let mut world = World::connected(7, CLEAN);
    let config = ChannelConfig {
        negotiated: Some(9),
        ..ChannelConfig::new("n")
    };
    for end in 0..2 {
        assert_eq!(
            world.ends[end]
                .open_channel(world.now, config)
                .unwrap()
                .stream_id(),
            9
        );
        assert_eq!(
            world.ends[end].open_channel(world.now, config),
            Err(Error::StreamIdInUse)
        );
    }
    world.send(0, ChannelId(9), b"x");
    world.run_for(100);
    assert_eq!(world.messages(1), [b"x"]);
    assert!(world.seen[0].contains(&Seen::Opened(9, "n".into(), false)));
}

#[test]
fn a_closed_channel_frees_its_id_for_another() {
    let mut world = World::connected(8, CLEAN);
    for round in 0..3_u8 {
        let id = world.open(|c| c);
        assert_eq!(id.stream_id(), 0);
        world.send(0, id, &[round; 5_000]);
        world.ends[usize::from(round % 2)]
            .close_channel(id)
            .unwrap();
        world.run_for(3_000);
        for (end, seen) in world.seen.iter_mut().enumerate() {
            assert!(
                seen.contains(&Seen::ChannelClosed(0)),
                "end {end} in round {round}: {seen:?}"
            );
            if end == 1 && round % 2 == 0 {
                assert!(seen.contains(&Seen::Message(0, MessageKind::Binary, vec![round; 5_000])));
            }
            seen.clear();
        }
        assert!(world.ends.iter().all(|end| end.channels.is_empty()));
    }
}

#[test]
fn an_idle_association_holds_no_queue_memory_and_only_the_heartbeat_timer() {
    let mut world = World::connected(9, CLEAN);
    let id = world.open(|c| c);
    world.send(0, id, &pattern(1, 100_000));
    world.run_for(5_000);
    for end in &mut world.ends {
        assert!(end.poll_event().is_none());
        assert_eq!(end.outbound.held(), 0);
        assert!(end.outbound.is_drained());
        assert_eq!(end.inbound.window(), end.receive_window);
        assert_eq!(end.notices.capacity(), 0);
        assert_eq!(
            end.poll_timeout().map(|(_, reason)| reason),
            Some(Reason::Heartbeat)
        );
    }
}

#[test]
fn an_abort_ends_both_sides() {
    for end in 0..2 {
        let mut world = World::connected(10, CLEAN);
        let id = world.open(|c| c);
        world.send(end, id, b"lost");
        world.ends[end].abort(world.now);
        world.run_for(100);
        assert_eq!(
            world.seen[end].last(),
            Some(&Seen::Closed(CloseReason::LocalAbort))
        );
        let remote = CloseReason::RemoteAbort { cause: 12 };
        assert_eq!(world.seen[1 - end].last(), Some(&Seen::Closed(remote)));
        assert!(world.ends.iter().all(|end| end.poll_timeout().is_none()));
        assert_eq!(
            world.ends[end].send(world.now, id, MessageKind::Text, b""),
            Err(SendError::NotOpen)
        );
    }
}

#[test]
fn a_shutdown_delivers_what_was_handed_in_and_ends_both_sides() {
    for both in [false, true] {
        let mut world = World::connected(11, CLEAN);
        let id = world.open(|c| c);
        world.send(0, id, &pattern(3, 30_000));
        world.ends[0].shutdown(world.now);
        if both {
            world.ends[1].shutdown(world.now);
        }
        world.run_for(5_000);
        if !both {
            assert_eq!(world.messages(1), [pattern(3, 30_000)]);
        }
        for seen in &world.seen {
            assert_eq!(seen.last(), Some(&Seen::Closed(CloseReason::Shutdown)));
        }
    }
}

#[test]
fn a_silent_peer_is_noticed_by_data_and_by_heartbeat() {
    for with_data in [true, false] {
        let mut world = World::connected(12, CLEAN);
        let id = world.open(|c| c);
        world.link.lost = 1_000;
        if with_data {
            world.send(0, id, b"?");
        }
        world.run_for(300_000);
        assert_eq!(
            world.seen[0].last(),
            Some(&Seen::Closed(CloseReason::PeerUnreachable))
        );
    }
}

#[test]
fn a_peer_that_never_answers_fails_the_handshake() {
    let mut world = World::new(
        13,
        Link {
            lost: 1_000,
            ..CLEAN
        },
    );
    world.ends[0].connect(world.now);
    world.run_for(120_000);
    assert_eq!(world.seen[0], [Seen::Closed(CloseReason::HandshakeTimeout)]);
    assert_eq!(world.ends[0].poll_timeout(), None);
}

#[test]
fn the_window_closes_when_nobody_reads_and_opens_again() {
    let mut world = World::connected(14, CLEAN);
    let id = world.open(|c| c);
    world.reads[1] = false;
    let message = pattern(5, 50_000);
    let mut sent = 0;
    while world.ends[0]
        .send(world.now, id, MessageKind::Binary, &message)
        .is_ok()
    {
        sent += 1;
    }
    world.run_for(20_000);
    assert_eq!(world.ends[1].inbound.window(), 0);
    assert!(world.ends[0].is_established());
    world.reads[1] = true;
    world.run_for(20_000);
    assert_eq!(world.messages(1).len(), sent);
    assert!(world.messages(1).iter().all(|m| *m == message));
    // The refused message is asked for again.
    assert!(world.seen[0].contains(&Seen::Low(0)));
}

#[test]
fn the_congestion_window_grows_with_use_and_collapses_on_a_timeout() {
    let mut world = World::connected(15, CLEAN);
    let id = world.open(|c| c);
    let start = world.ends[0].stats().congestion_window;
    assert_eq!(start, 4_404);
    world.send(0, id, &pattern(1, 200_000));
    world.run_for(2_000);
    let grown = world.ends[0].stats().congestion_window;
    assert!(grown > 20_000, "{grown}");
    world.link.lost = 1_000;
    world.send(0, id, &pattern(1, 20_000));
    world.run_for(2_000);
    assert!(world.ends[0].stats().congestion_window < 1_200);
}

#[test]
fn one_lost_packet_is_repaired_without_a_timeout() {
    let mut world = World::connected(16, CLEAN);
    let id = world.open(|c| c);
    world.send(0, id, &pattern(1, 100_000));
    world.run_for(25);
    world.flush();
    // The next packet towards end 1 is lost.
    let at = world
        .flying
        .iter()
        .position(|packet| packet.2 == 1)
        .unwrap();
    world.flying.remove(at);
    let start = world.now;
    world.run(Duration::from_secs(10), |w| !w.messages(1).is_empty());
    assert!(
        world.now.since(start) < Duration::from_millis(300),
        "{:?}",
        world.now.since(start)
    );
    assert_eq!(world.ends[0].stats().retransmitted_chunks, 1);
}

#[test]
fn the_round_trip_of_ice_sets_the_first_timeout() {
    let mut end = Association::new(Config::new(true, Limits::HOST), Rng::from_u64(1), &PROVIDER);
    end.set_rtt(Duration::from_millis(20));
    end.connect(Instant::from_millis(5));
    let due = Instant::from_millis(5 + 60);
    assert_eq!(end.poll_timeout(), Some((due, Reason::Handshake)));
}

#[test]
fn a_chips_limits_carry_its_largest_message_over_a_bad_link() {
    let mut world = World::with(17, BAD, |config| Config {
        max_message_size: Limits::CHIP.sctp_message_bytes,
        limits: Limits::CHIP,
        ..config
    });
    world.connect();
    let id = world.open(|c| c);
    let largest = pattern(9, Limits::CHIP.sctp_message_bytes);
    for round in 1..=5 {
        world.send(0, id, &largest);
        world.run(Duration::from_secs(120), |w| {
            w.messages(1).len() == round && w.ends[0].outbound.is_drained()
        });
    }
    assert!(world.messages(1).iter().all(|message| *message == largest));
    assert_eq!(world.messages(1).len(), 5);
}

#[test]
fn heartbeats_keep_an_idle_association_and_measure_its_round_trip() {
    let mut world = World::connected(18, CLEAN);
    world.run_for(600_000);
    for end in &world.ends {
        assert!(end.is_established());
        assert_eq!(
            end.stats().smoothed_round_trip_time,
            Duration::from_millis(20)
        );
        assert!(end.stats().packets_sent < 60);
    }
}

#[test]
fn a_refused_message_is_asked_for_when_half_of_the_buffer_is_free() {
    let mut world = World::connected(19, CLEAN);
    let id = world.open(|c| c);
    world.ends[0].set_buffered_amount_low_threshold(id, usize::MAX);
    while world.ends[0]
        .send(world.now, id, MessageKind::Binary, &[0; 16_384])
        .is_ok()
    {}
    assert!(world.ends[0].buffered_amount(id) > 900_000);
    world.run(Duration::from_secs(60), |w| {
        w.seen[0].contains(&Seen::Low(id.0))
    });
    assert!(world.ends[0].outbound.held() <= Limits::HOST.sctp_send_bytes / 2);
    world.send(0, id, &[0; 16_384]);
}

#[test]
fn a_busy_channel_does_not_hold_up_another_for_more_than_a_message() {
    let mut world = World::connected(20, CLEAN);
    let (bulk, urgent) = (world.open(|c| c), world.open(|c| c));
    for _ in 0..50 {
        world.send(0, bulk, &[1; 16_000]);
    }
    world.send(0, urgent, b"now");
    world.run(Duration::from_secs(60), |w| {
        w.messages(1).contains(&&b"now"[..])
    });
    assert!(world.messages(1).len() <= 3);
}
