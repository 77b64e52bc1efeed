use super::*;
use crate::chunk::{PacketWriter, flag, kind, parameter, write_parameter};
use smolrtc_base::{BufferTooSmall, Writer};

fn packet(
    tag: u32,
    kind: u8,
    flags: u8,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferTooSmall>,
) -> StdVec<u8> {
    let mut buf = [0; 1_500];
    let mut packet = PacketWriter::new(&mut buf, 1_500, 5_000, 5_000, tag).unwrap();
    packet.chunk(kind, flags, body).unwrap();
    let len = packet.finish();
    buf[..len].to_vec()
}

fn data(world: &World, ahead: u32, flags: u8, stream: u16, ssn: u16, payload: &[u8]) -> StdVec<u8> {
    let tsn = world.ends[1].inbound.cumulative().wrapping_add(ahead);
    packet(world.ends[1].tag, kind::DATA, flags, |w| {
        w.u32(tsn)?;
        w.u16(stream)?;
        w.u16(ssn)?;
        w.u32(ppid::BINARY)?;
        w.put(payload)
    })
}

fn dropped(world: &World, reason: DropReason) -> u32 {
    world.ends[1].drops().get(reason)
}

#[test]
fn forged_tags_ports_and_checksums_are_counted() {
    let mut world = World::connected(1, CLEAN);
    let tag = world.ends[1].tag;
    let abort = |tag| packet(tag, kind::ABORT, 0, |_| Ok(()));
    let now = world.now;
    world.ends[1].handle_input(now, &abort(tag ^ 1));
    world.ends[1].handle_input(now, &abort(0));
    let mut broken = abort(tag);
    broken[8] ^= 1;
    world.ends[1].handle_input(now, &broken);
    world.ends[1].handle_input(now, &broken[..11]);
    assert_eq!(dropped(&world, DropReason::WrongTag), 2);
    assert_eq!(dropped(&world, DropReason::BadChecksum), 1);
    assert_eq!(dropped(&world, DropReason::Malformed), 1);
    assert!(world.ends[1].is_established());
    world.ends[1].handle_input(now, &abort(tag));
    assert!(world.ends[1].is_closed());
}

#[test]
fn a_flood_of_inits_gets_one_answer_a_poll_and_no_state() {
    let mut world = World::new(2, CLEAN);
    for n in 1..=1_000 {
        let init = packet(0, kind::INIT, 0, |w| {
            w.u32(n)?;
            w.u32(100_000)?;
            w.u32(0x0010_0010)?;
            w.u32(n)
        });
        world.ends[1].handle_input(world.now, &init);
    }
    let mut buf = [0; 1_200];
    assert!(world.ends[1].poll_transmit(world.now, &mut buf).is_some());
    assert!(world.ends[1].poll_transmit(world.now, &mut buf).is_none());
    assert!(world.ends[1].poll_timeout().is_none());
    world.connect();
}

#[test]
fn forged_and_stale_cookies_are_refused() {
    let mut world = World::new(3, CLEAN);
    let tag = world.ends[1].tag;
    let peer = crate::cookie::PeerInit {
        tag: 5,
        initial_tsn: 1,
        window: 1,
        outbound_streams: 1,
        inbound_streams: 1,
        forward_tsn: true,
        reconfig: true,
    };
    let good = world.ends[1].cookies.bake(world.now, &peer);
    let echo = |cookie: &[u8]| packet(tag, kind::COOKIE_ECHO, 0, |w| w.put(cookie));
    for bit in 0..good.len() * 8 {
        let mut forged = good;
        forged[bit / 8] ^= 1 << (bit % 8);
        world.ends[1].handle_input(world.now, &echo(&forged));
    }
    let later = world.now + Duration::from_secs(61);
    world.ends[1].handle_input(later, &echo(&good));
    assert_eq!(
        dropped(&world, DropReason::BadCookie),
        good.len() as u32 * 8 + 1
    );
    assert!(!world.ends[1].is_established());
    world.ends[1].handle_input(world.now, &echo(&good));
    assert!(world.ends[1].is_established());
}

#[test]
fn a_tsn_far_ahead_is_dropped_and_so_is_a_forward_tsn() {
    let mut world = World::connected(4, CLEAN);
    let before = world.ends[1].inbound.cumulative();
    for ahead in [65_536, 1 << 30, u32::MAX / 2] {
        let bytes = data(&world, ahead, 3, 0, 0, b"x");
        world.ends[1].handle_input(world.now, &bytes);
        let forward = packet(world.ends[1].tag, kind::FORWARD_TSN, 0, |w| {
            w.u32(before.wrapping_add(ahead))
        });
        world.ends[1].handle_input(world.now, &forward);
    }
    assert_eq!(dropped(&world, DropReason::TsnTooFar), 6);
    assert_eq!(world.ends[1].inbound.cumulative(), before);
}

#[test]
fn gaps_and_fragments_are_bounded() {
    let mut world = World::connected(5, CLEAN);
    for n in 0..5_000 {
        let bytes = data(&world, 2 + n * 2, flag::BEGIN, 0, 0, b"x");
        world.ends[1].handle_input(world.now, &bytes);
    }
    let limit = Limits::HOST.sctp_out_of_order_chunks;
    assert_eq!(world.ends[1].inbound.gap_blocks().len(), limit);
    assert_eq!(
        dropped(&world, DropReason::ReceiveBufferFull) as usize,
        5_000 - limit
    );
    let mut buf = [0; 1_200];
    assert!(world.ends[1].poll_transmit(world.now, &mut buf).is_some());
}

#[test]
fn a_message_larger_than_announced_ends_the_association() {
    let mut world = World::connected(6, CLEAN);
    let mut flags = flag::BEGIN;
    for _ in 0..300 {
        let bytes = data(&world, 1, flags, 0, 0, &[0; 1_000]);
        world.ends[1].handle_input(world.now, &bytes);
        flags = 0;
    }
    world.run_for(50);
    assert_eq!(
        world.seen[1].last(),
        Some(&Seen::Closed(CloseReason::ProtocolViolation))
    );
    assert!(world.ends[0].is_closed());
}

#[test]
fn fragments_that_do_not_belong_together_are_dropped() {
    let mut world = World::connected(7, CLEAN);
    for bytes in [
        data(&world, 1, flag::BEGIN, 0, 0, b"a"),
        data(&world, 2, flag::END, 1, 0, b"other stream"),
        data(&world, 2, flag::END, 0, 1, b"other number"),
        data(&world, 2, flag::END | flag::UNORDERED, 0, 0, b"other order"),
        data(&world, 2, 0, 0, 0, b""),
    ] {
        world.ends[1].handle_input(world.now, &bytes);
    }
    assert_eq!(dropped(&world, DropReason::BadData), 4);
}

#[test]
fn data_on_a_stream_without_channel_is_acknowledged_and_dropped() {
    let mut world = World::connected(8, CLEAN);
    let bytes = data(&world, 1, 3, 40, 0, b"x");
    world.ends[1].handle_input(world.now, &bytes);
    assert_eq!(dropped(&world, DropReason::UnknownStream), 1);
    assert_eq!(world.ends[1].inbound.window(), world.ends[1].receive_window);
}

#[test]
fn a_peers_open_of_the_wrong_parity_is_answered_by_a_reset() {
    let mut world = World::connected(9, CLEAN);
    // Both think that they are the client.
    world.ends[1].is_client = true;
    let id = world.ends[0]
        .open_channel(world.now, ChannelConfig::new("x"))
        .unwrap();
    world.run_for(3_000);
    assert_eq!(dropped(&world, DropReason::RefusedChannel), 1);
    assert!(world.seen[0].contains(&Seen::ChannelClosed(id.0)));
    assert!(world.ends.iter().all(|end| end.channels.is_empty()));
}

#[test]
fn more_channels_than_allowed_are_refused_on_both_sides() {
    let mut world = World::connected(10, CLEAN);
    world.ends[1].max_channels = 3;
    for _ in 0..5 {
        world.ends[0]
            .open_channel(world.now, ChannelConfig::new("x"))
            .unwrap();
    }
    world.run_for(3_000);
    assert_eq!(world.ends[1].channels.len(), 3);
    assert_eq!(world.ends[0].channels.len(), 3);
    let open = world.ends[1].open_channel(world.now, ChannelConfig::new("y"));
    assert_eq!(open, Err(Error::TooManyChannels));
}

#[test]
fn a_repeated_reset_request_does_not_touch_the_new_channel() {
    let mut world = World::connected(11, CLEAN);
    let first = world.open(|c| c);
    let request = world.ends[1].resets_sequence();
    let last = world.ends[0].outbound.next_tsn().wrapping_sub(1);
    world.ends[0].close_channel(first).unwrap();
    world.run_for(3_000);
    let second = world.open(|c| c);
    assert_eq!(first, second);
    let repeated = packet(world.ends[1].tag, kind::RE_CONFIG, 0, |w| {
        let mut value = StdVec::new();
        for field in [request, 0, last] {
            value.extend_from_slice(&field.to_be_bytes());
        }
        value.extend_from_slice(&[0, 0]);
        write_parameter(w, parameter::OUTGOING_RESET, &value)
    });
    for _ in 0..10 {
        world.ends[1].handle_input(world.now, &repeated);
    }
    assert_eq!(dropped(&world, DropReason::BadReconfig), 10);
    world.send(0, second, b"alive");
    world.run_for(500);
    assert_eq!(world.messages(1), [b"alive"]);
}

#[test]
fn random_packets_with_good_checksums_never_panic() {
    let mut rng = Rng::from_u64(12);
    for seed in 0..40 {
        let mut world = World::connected(seed, CLEAN);
        let _ = world.open(|c| c);
        for _ in 0..500 {
            let kinds = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 130, 192, 200];
            let kind = kinds[rng.below(kinds.len() as u32) as usize];
            let mut body = vec![0; rng.below(60) as usize];
            rng.fill(&mut body);
            // Half of them carry a plausible TSN.
            if body.len() > 4 && rng.below(2) == 0 {
                let tsn = world.ends[1]
                    .inbound
                    .cumulative()
                    .wrapping_add(rng.below(9));
                body[..4].copy_from_slice(&tsn.to_be_bytes());
            }
            let flags = rng.below(16) as u8;
            let tag = if kind == 1 { 0 } else { world.ends[1].tag };
            let bytes = packet(tag, kind, flags, |w| w.put(&body));
            world.ends[1].handle_input(world.now, &bytes);
            world.run_for(1);
        }
    }
}
