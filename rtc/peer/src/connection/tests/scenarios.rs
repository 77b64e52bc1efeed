//! What a session must do, whatever the network does.

use super::*;
use smolrtc_sctp::ChannelConfig;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn first_srtp_packet_leaves_three_round_trips_after_the_offer() {
    let delay = MS(50);
    let mut world = World::connected(1, delay, 0, &[Codec::H264]);
    world.push_video(0, true, 5_000);
    world.run_until(Instant::from_millis(2_000));
    let first = world.sides[0].seen.first_srtp_sent.expect("media was sent");
    let trips = first.as_micros() / (2 * delay.as_micros() as u64);
    assert_eq!(trips, 3, "first SRTP at {first:?}");
    // Not a timer more than the network itself.
    assert!(
        first.since(Instant::from_millis(300)) < MS(10),
        "first SRTP at {first:?}"
    );
}

#[test]
fn every_frame_arrives_whole_in_order_and_unchanged() {
    let mut world = World::connected(2, MS(20), 0, &[Codec::H264]);
    world.run_for(MS(500));
    world.stream(0..60, 4_000);
    world.run_for(MS(500));
    let frames = &world.sides[1].seen.frames;
    assert_eq!(frames.len(), 60);
    assert!(frames[0].2, "the first frame is a key frame");
    assert!(
        frames
            .windows(2)
            .all(|pair| pair[1].1.wrapping_sub(pair[0].1) == 3_000)
    );
    assert!(frames.iter().all(|frame| frame.3.len() >= 4_005));
}

#[test]
fn lost_packets_are_brought_back_by_rtx() {
    let mut world = World::connected(3, MS(20), 5, &[Codec::H264]);
    world.run_for(MS(3_000));
    world.stream(0..150, 4_000);
    world.run_for(MS(1_000));
    let got = world.sides[1].seen.frames.len();
    let stats = world.sides[0].peer.stats();
    assert!(
        got >= 149,
        "{got} of 150 frames {:?} {:?} {:?}",
        stats.outbound,
        stats.sender,
        world.sides[1].peer.stats().inbound
    );
    let stats = world.sides[0].peer.stats();
    assert!(stats.outbound[0].stats.retransmitted_packets_sent > 0);
}

#[test]
fn data_channel_messages_go_both_ways() {
    let mut world = World::connected(4, MS(20), 0, &[]);
    let now = world.now;
    let channel = world.sides[1]
        .peer
        .open_channel(now, ChannelConfig::new("chat"))
        .unwrap();
    world.run_for(MS(1_000));
    assert_eq!(world.sides[0].seen.channels, ["chat"]);
    let big: Vec<u8> = (0..64 * 1_024_u32).map(|at| at as u8).collect();
    let now = world.now;
    world.sides[1]
        .peer
        .send_message(now, channel, MessageKind::Binary, &big)
        .unwrap();
    world.sides[0]
        .peer
        .send_message(now, channel, MessageKind::Text, b"hello")
        .unwrap();
    world.run_for(MS(2_000));
    assert_eq!(world.sides[0].seen.messages, [(MessageKind::Binary, big)]);
    assert_eq!(
        world.sides[1].seen.messages,
        [(MessageKind::Text, b"hello".to_vec())]
    );
}

#[test]
fn close_is_noticed_at_once() {
    let mut world = World::connected(5, MS(20), 0, &[Codec::H264]);
    world.stream(0..30, 1_000);
    world.sides[0].peer.close();
    let closed_at = world.now;
    world.run_for(MS(30));
    assert_eq!(world.sides[1].seen.closed, Some(crate::CloseReason::Peer));
    assert!(world.sides[0].peer.is_finished());
    assert!(world.now.since(closed_at) <= MS(30));
}

#[test]
fn a_vanished_peer_is_noticed_within_thirty_seconds() {
    let mut world = World::connected(6, MS(20), 0, &[Codec::H264]);
    world.stream(0..30, 1_000);
    world.loss = 100;
    world.run_for(Duration::from_secs(31));
    assert_eq!(
        world.sides[0].seen.closed,
        Some(crate::CloseReason::Unreachable)
    );
    let sent = world.sent;
    world.push_video(1_000, true, 1_000);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.sent, sent, "nothing is sent without consent");
}

#[test]
fn ice_restart_keeps_dtls_and_media() {
    for restarting in [0, 1] {
        let mut world = World::connected(7, MS(20), 0, &[Codec::H264]);
        world.run_for(MS(500));
        world.stream(0..30, 1_000);
        let (now, other) = (world.now, 1 - restarting);
        let offer = world.sides[restarting]
            .peer
            .create_offer(now, true)
            .unwrap();
        let answer = world.sides[other].peer.accept_offer(now, &offer).unwrap();
        world.sides[restarting]
            .peer
            .accept_answer(now, &answer)
            .unwrap();
        world.stream(30..90, 1_000);
        world.run_for(MS(200));
        assert_eq!(
            world.sides[1].seen.frames.len(),
            90,
            "restarted by side {restarting}"
        );
        assert_eq!(world.sides[0].peer.stats().ice.restarts, 1);
    }
}

#[test]
fn a_connection_stays_connected_while_it_renegotiates() {
    for (offering, restart) in [(0, false), (1, false), (0, true), (1, true)] {
        let mut world = World::connected(13, MS(20), 0, &[Codec::H264]);
        world.run_for(MS(500));
        let (now, other) = (world.now, 1 - offering);
        let offer = world.sides[offering].peer.create_offer(now, restart);
        let answer = world.sides[other].peer.accept_offer(now, &offer.unwrap());
        let done = world.sides[offering]
            .peer
            .accept_answer(now, &answer.unwrap());
        done.unwrap();
        world.run_for(MS(2_000));
        for side in &world.sides {
            let states: Vec<_> = side.seen.states.iter().map(|(_, state)| *state).collect();
            let once = [ConnectionState::Connecting, ConnectionState::Connected];
            assert_eq!(states, once, "offered by {offering}, restart {restart}");
        }
    }
}

#[test]
fn the_camera_may_offer_and_be_the_dtls_server() {
    let configs = [config(1, &[Codec::H264], false), config(2, &[], true)];
    let mut world = World::new(8, MS(20), 0, configs);
    let now = world.now;
    let offer = world.sides[0].peer.create_offer(now, false).unwrap();
    let answer = world.sides[1].peer.accept_offer(now, &offer).unwrap();
    world.sides[0].peer.accept_answer(now, &answer).unwrap();
    world.run_for(MS(500));
    world.stream(0..30, 1_000);
    world.run_for(MS(200));
    assert_eq!(world.sides[1].seen.frames.len(), 30);
}

#[test]
fn a_wrong_fingerprint_ends_the_session_before_any_key() {
    let configs = [config(1, &[Codec::H264], false), config(2, &[], true)];
    let mut world = World::new(9, MS(20), 0, configs);
    let now = world.now;
    let offer = world.sides[1].peer.create_offer(now, false).unwrap();
    // One digit of the fingerprint is not the certificate's.
    let at = offer.find("a=fingerprint:sha-256 ").unwrap() + 22;
    let mut forged = offer.clone().into_bytes();
    forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).unwrap();
    let answer = world.sides[0].peer.accept_offer(now, &forged).unwrap();
    world.sides[1].peer.accept_answer(now, &answer).unwrap();
    world.push_video(0, true, 1_000);
    world.run_for(Duration::from_secs(3));
    let reason = world.sides[0].seen.closed;
    let expected = crate::CloseReason::Dtls(smolrtc_dtls::Error::FingerprintMismatch);
    assert_eq!(reason, Some(expected));
    assert_eq!(world.sides[0].seen.first_srtp_sent, None);
}

#[test]
fn plain_rtp_never_reaches_a_depacketizer() {
    let mut world = World::connected(10, MS(20), 0, &[Codec::H264]);
    world.run_for(MS(500));
    let (from, local, now) = (world.sides[0].address, world.sides[1].address, world.now);
    let mut plain = std::vec![0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 0x65, 1, 2, 3];
    plain.resize(200, 7);
    world.sides[1]
        .peer
        .handle_input(now, from, local, &mut plain);
    world.run_for(MS(100));
    let stats = world.sides[1].peer.stats();
    assert_eq!(
        stats
            .inbound
            .iter()
            .map(|(_, s)| s.packets_received)
            .sum::<u64>(),
        0
    );
    assert!(stats.dropped().any(|(_, count)| count == 1));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || {
        let mut world = World::connected(11, MS(30), 5, &[Codec::H264]);
        world.stream(0..60, 3_000);
        (
            world.sent,
            world.sides[1].seen.frames.len(),
            world.rng.u64(),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn strangers_cannot_start_dtls() {
    let mut world = World::connected(12, MS(20), 0, &[Codec::H264]);
    let stranger = SocketAddr::from(([10, 9, 9, 9], 9));
    let (local, now) = (world.sides[0].address, world.now);
    let mut hello = std::vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    for _ in 0..10 {
        world.sides[0]
            .peer
            .handle_input(now, stranger, local, &mut hello.clone());
    }
    hello[0] = 23;
    world.sides[0]
        .peer
        .handle_input(now, stranger, local, &mut hello);
    let drops = world.sides[0].peer.stats().drops;
    assert_eq!(drops.get(crate::DropReason::TooManyEarlyHellos), 6);
    assert_eq!(drops.get(crate::DropReason::DtlsFromUnvalidated), 1);
    world.run_for(MS(500));
    assert_eq!(world.sides[0].peer.state(), ConnectionState::Connected);
}

#[test]
fn an_offer_with_bad_ice_credentials_leaves_a_running_connection_as_it_was() {
    let mut world = World::connected(13, MS(20), 0, &[Codec::H264]);
    world.run_for(MS(500));
    let now = world.now;
    let offer = world.sides[1].peer.create_offer(now, false).unwrap();
    let ours = String::from(world.sides[1].peer.local_ufrag());
    let bad = offer.replace(&ours, "bad ufrag");
    let ufrag = String::from(world.sides[0].peer.local_ufrag());
    let refused = world.sides[0].peer.accept_offer(now, &bad);
    assert!(matches!(refused, Err(crate::Error::Sdp(_))), "{refused:?}");
    assert_eq!(world.sides[0].peer.local_ufrag(), ufrag, "no restart");
    world.stream(0..30, 1_000);
    world.run_for(MS(200));
    assert_eq!(world.sides[1].seen.frames.len(), 30);
    // The same session goes on to negotiate.
    let now = world.now;
    let answer = world.sides[0].peer.accept_offer(now, &offer).unwrap();
    world.sides[1].peer.accept_answer(now, &answer).unwrap();
}
