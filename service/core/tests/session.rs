//! `kvs_signaling::Client` against this service, both ends over byte streams in virtual time.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

mod world;

use kvs_message::{Body, ClientId};
use kvs_signaling::control::ErrorKind;
use kvs_signaling::{Credentials, DisconnectReason, Error, Event, Role, Step};
use smolrtc_base::{Duration, SecretBytes};
use world::{KEY, Network, SECRET, World, answer, candidate, offer};

fn failed_with(event: &Event, kind: ErrorKind) -> bool {
    matches!(event, Event::Failed { error: Error::Service { error, .. }, .. } if error.kind == kind)
}

#[test]
fn offer_and_answer_cross_and_the_channel_is_created_on_the_way() {
    let mut world = World::new();
    world.service.config_mut().stun = Some("192.0.2.9:443".into());
    let master = world.master();
    world.run_until(|w| w.connected(0));
    assert_eq!(
        world.saw(master, |e| matches!(
            e,
            Event::Channel { created: true, .. }
        )),
        1
    );
    let viewer = world.viewer("v1");
    world.run_until(|w| w.connected(1));
    world.send(viewer, offer("v=0 offer"));
    world.send(viewer, candidate(None, "candidate:1"));
    world.run_until(|w| w.messages(0).len() == 2);
    let got = world.messages(master);
    assert_eq!(got[0].from, Some(ClientId::new("v1").unwrap()));
    assert_eq!(got[0].body, Body::Offer("v=0 offer".into()));
    assert!(matches!(&got[1].body, Body::Candidate(c) if c.candidate == "candidate:1"));
    world.send(master, answer("v1", "v=0 answer"));
    world.run_until(|w| !w.messages(1).is_empty());
    let got = world.messages(viewer);
    assert_eq!(
        (got[0].from.clone(), &got[0].body),
        (None, &Body::Answer("v=0 answer".into()))
    );
    let servers = world.saw(
        viewer,
        |e| matches!(e, Event::IceServers(servers) if servers[0].urls == ["stun:192.0.2.9:443"]),
    );
    assert_eq!(servers, 1);
    assert_eq!(world.service.violations(), 0);
    assert_eq!(world.clients[master].stats().failures, 0);
}

#[test]
fn control_plane_calls_share_one_stream_which_is_then_closed() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(2));
    assert!(world.connected(master));
    // Describe, Create, Describe, GetEndpoint, GetIceServers on one; the WebSocket on another.
    assert_eq!((world.clients[master].stats().calls, world.opened), (5, 2));
    assert_eq!(world.saw(master, |e| matches!(e, Event::CloseStream(_))), 1);
}

#[test]
fn a_missing_channel_is_named_and_retried_until_somebody_creates_it() {
    let mut world = World::new();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(20));
    assert!(world.saw(viewer, |e| failed_with(e, ErrorKind::NotFound)) > 2);
    world.master();
    world.run_until(|w| w.connected(0) && w.connected(1));
}

#[test]
fn a_wrong_key_is_named_and_heals_when_it_is_corrected() {
    let mut world = World::new();
    let master = world.add(World::config(Role::Master, "cam"), "wrong");
    world.run(Duration::from_secs(60));
    assert!(!world.connected(master));
    let tries = world.saw(master, |e| failed_with(e, ErrorKind::WrongSignature));
    assert!((6..60).contains(&tries), "{tries} tries in a minute");
    assert_eq!(
        world.saw(master, |e| matches!(e, Event::ClockSkew { .. })),
        0
    );
    let now = world.now;
    world.clients[master].set_credentials(now, Credentials::new(KEY, SecretBytes::from(SECRET)));
    world.run_until(|w| w.connected(0));
    let unknown = Credentials::new("AKOTHER", SecretBytes::from(SECRET));
    let other = world.add_with(World::config(Role::Master, "other"), unknown);
    world.run(Duration::from_secs(1));
    assert!(world.saw(other, |e| failed_with(e, ErrorKind::UnknownKey)) > 0);
}

#[test]
fn a_skewed_clock_is_learned_from_the_first_refusal() {
    for ahead in [7_200, -7_200, 400, -1_600_000_000] {
        let mut world = World::new();
        world.service_ahead = ahead;
        let master = world.master();
        world.run_until(|w| w.connected(0));
        let seconds = world.events[master]
            .iter()
            .find_map(|(_, event)| match event {
                Event::ClockSkew { seconds } => Some(*seconds),
                _ => None,
            });
        assert!((seconds.unwrap() - ahead).abs() <= 1, "{seconds:?}");
        assert_eq!(world.saw(master, |e| matches!(e, Event::Failed { .. })), 0);
        assert!(world.now.as_millis() < 2_000);
    }
}

#[test]
fn a_new_master_takes_the_place_of_the_old_one_at_once() {
    let mut world = World::new();
    let old = world.master();
    world.run_until(|w| w.connected(0));
    let new = world.master();
    world.run_until(|w| w.connected(1));
    world.run(Duration::from_millis(15));
    let replaced = Event::Disconnected {
        reason: DisconnectReason::Replaced,
    };
    assert_eq!(world.saw(old, |e| *e == replaced), 1);
    let back = world.events[old].iter().find_map(|(_, event)| match event {
        Event::Replaced { retry_at } => Some(*retry_at),
        _ => None,
    });
    assert!(back.unwrap() - world.now >= Duration::from_secs(59));
    assert_eq!(world.service.stats().masters, 1);
    // The two go on replacing each other, ever more slowly: never two takeovers in a minute.
    let mut takeovers = Vec::new();
    for _ in 0..3_600 {
        let before = world.service.stats().connections;
        world.run(Duration::from_secs(1));
        if world.service.stats().connections > before
            && world.clients[old].stats().replaced + world.clients[new].stats().replaced
                > takeovers.len() as u64 + 1
        {
            takeovers.push(world.now);
        }
    }
    assert!((3..=60).contains(&takeovers.len()), "{takeovers:?}");
    for pair in takeovers.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_secs(58), "{pair:?}");
    }
}

#[test]
fn a_lost_socket_is_replaced_within_a_second() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(30));
    world.cut_streams();
    assert!(!world.connected(master));
    let lost = world.now;
    world.run_until(|w| w.connected(0));
    assert!(world.now - lost < Duration::from_secs(1));
}

#[test]
fn a_half_open_socket_is_noticed_by_the_missing_pong() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(30));
    world.network = Network::BlackHole;
    let lost = world.now;
    world.run_until(|w| !w.connected(0));
    assert!(world.now - lost <= Duration::from_secs(14));
    let gone = Event::Disconnected {
        reason: DisconnectReason::PongTimedOut,
    };
    assert_eq!(world.saw(master, |e| *e == gone), 1);
    world.run(Duration::from_secs(45));
    world.network = Network::Up;
    let healed = world.now;
    world.run_until(|w| w.connected(0));
    assert!(world.now - healed <= Duration::from_secs(15));
}

#[test]
fn a_service_that_is_down_is_tried_for_ever_but_gently() {
    let mut world = World::new();
    world.network = Network::Refuses;
    let master = world.master();
    world.run(Duration::from_secs(600));
    let tries = world.saw(master, |e| matches!(e, Event::OpenStream { .. }));
    assert!((90..250).contains(&tries), "{tries} tries in ten minutes");
    world.network = Network::Up;
    world.run_until(|w| w.connected(0));
}

#[test]
fn bursts_stay_within_the_rates_and_arrive_in_order() {
    let mut world = World::new();
    let master = world.master();
    world.run_until(|w| w.connected(0));
    for viewer in 0..4 {
        world.viewer(&format!("v{viewer}"));
        world.run(Duration::from_millis(400));
    }
    for round in 0..3 {
        for viewer in 0..4 {
            let id = format!("v{viewer}");
            world.send(master, answer(&id, &format!("a{round}")));
            for n in 0..8 {
                world.send(master, candidate(Some(&id), &format!("{round}.{n}")));
            }
        }
    }
    world.run(Duration::from_secs(8));
    for viewer in 1..=4 {
        let texts: Vec<String> = world
            .messages(viewer)
            .into_iter()
            .map(|message| match message.body {
                Body::Answer(sdp) => sdp,
                Body::Candidate(candidate) => candidate.candidate,
                other => panic!("{other:?}"),
            })
            .collect();
        let mut expected = Vec::new();
        for round in 0..3 {
            expected.push(format!("a{round}"));
            expected.extend((0..8).map(|n| format!("{round}.{n}")));
        }
        assert_eq!(texts, expected);
    }
    assert_eq!(world.service.violations(), 0);
}

#[test]
fn a_message_for_an_absent_master_waits_and_the_newest_offer_wins() {
    let mut world = World::new();
    let master = world.master();
    world.run_until(|w| w.connected(0));
    let now = world.now;
    world.clients[master].shutdown(now);
    world.run(Duration::from_millis(100));
    assert_eq!(world.service.stats().masters, 0);
    let viewer = world.viewer("v1");
    world.run_until(|w| w.connected(1));
    world.send(viewer, offer("old"));
    world.send(viewer, candidate(None, "old"));
    world.send(viewer, offer("new"));
    world.send(viewer, candidate(None, "new"));
    world.run(Duration::from_secs(1));
    let second = world.master();
    world.run_until(|w| w.messages(2).len() == 2);
    let got = world.messages(second);
    assert_eq!(got[0].body, Body::Offer("new".into()));
    assert!(matches!(&got[1].body, Body::Candidate(c) if c.candidate == "new"));
    // What waits longer than the channel's TTL is gone.
    let now = world.now;
    world.clients[second].shutdown(now);
    world.run(Duration::from_millis(100));
    world.send(viewer, offer("late"));
    world.run(Duration::from_secs(61));
    let third = world.master();
    world.run(Duration::from_secs(2));
    assert!(world.connected(third) && world.messages(third).is_empty());
}

#[test]
fn go_away_is_followed_by_a_describe_and_a_rotation_that_nobody_notices() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(20));
    let calls = world.clients[master].stats().calls;
    let id = world.service.connections("cam").next().unwrap();
    world.service.go_away(id);
    for _ in 0..300 {
        world.run(Duration::from_millis(100));
        assert!(world.connected(master));
    }
    assert_eq!(disconnects(&world, master), 0);
    assert_eq!(world.saw(master, |e| *e == Event::Rotated), 1);
    let stats = world.clients[master].stats();
    // Describe and GetEndpoint.
    assert_eq!(stats.calls - calls, 2);
    assert_eq!(
        (stats.go_aways, stats.rotations, stats.connections),
        (1, 1, 2)
    );
    assert_eq!(world.service.stats().masters, 1);
}

#[test]
fn reconnect_ice_server_is_followed_by_a_fetch_and_nothing_else() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(5));
    let before = world.clients[master].stats();
    let id = world.service.connections("cam").next().unwrap();
    world.service.send_reconnect_ice_server(id);
    world.run(Duration::from_secs(1));
    let after = world.clients[master].stats();
    assert_eq!(
        (after.ice_refreshes, after.calls),
        (before.ice_refreshes + 1, before.calls + 1)
    );
    assert_eq!(after.connections, 1);
}

#[test]
fn the_idle_limit_and_the_age_limit_are_never_reached() {
    let mut world = World::new();
    let master = world.master();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(700));
    let calls = world.clients[master].stats().calls;
    assert_eq!(world.clients[master].stats().rotations, 1);
    // Somebody who speaks is not idle; the hour still ends.
    for round in 0..24 {
        world.send(master, answer("v1", &format!("{round}")));
        world.send(viewer, offer(&format!("{round}")));
        world.run(Duration::from_secs(300));
    }
    let stats = world.clients[master].stats();
    assert!((3..=4).contains(&stats.rotations), "{stats:?}");
    assert_eq!(disconnects(&world, master) + disconnects(&world, viewer), 0);
    assert_eq!(world.messages(master).len(), 24);
    // Nothing but the relays' credentials, for offers that came when they were old.
    assert_eq!(stats.calls - calls, 0);
}

fn disconnects(world: &World, client: usize) -> usize {
    world.saw(client, |e| matches!(e, Event::Disconnected { .. }))
}

#[test]
fn a_refused_message_comes_back_as_a_status_with_its_correlation_id() {
    let mut world = World::new();
    let master = world.master();
    world.run_until(|w| w.connected(0));
    world.service.config_mut().quotas.descriptions = 1;
    for round in 0..2 {
        let mut message = answer("v1", "sdp");
        message.correlation_id = Some(format!("c{round}"));
        world.send(master, message);
    }
    world.run(Duration::from_millis(100));
    let got = world.messages(master);
    assert_eq!(got.len(), 1);
    let Body::Status(status) = &got[0].body else {
        panic!("{got:?}")
    };
    assert_eq!(status.correlation_id, "c1");
    assert_eq!(
        (status.error_type.as_str(), status.status_code),
        ("ClientLimitExceededException", 400)
    );
    assert_eq!(world.clients[master].stats().refused, 1);
    assert_eq!(world.service.violations(), 1);
}

#[test]
fn the_eleventh_viewer_reads_why_not_and_backs_off_without_asking_for_more() {
    let mut world = World::new();
    world.master();
    world.run_until(|w| w.connected(0));
    for viewer in 0..10 {
        world.viewer(&format!("v{viewer}"));
        world.run(Duration::from_millis(400));
    }
    assert_eq!(world.service.stats().viewers, 10);
    assert_eq!(world.service.violations(), 0);
    let eleventh = world.viewer("v10");
    world.run(Duration::from_secs(20));
    assert!(!world.connected(eleventh));
    assert!(world.saw(eleventh, |e| failed_with(e, ErrorKind::Throttled)) > 1);
    // Describe, GetEndpoint, GetIceServers, once each.
    assert_eq!(world.clients[eleventh].stats().calls, 3);
    let now = world.now;
    world.clients[3].shutdown(now);
    world.run_until(|w| w.connected(11));
}

#[test]
fn expired_credentials_ask_for_new_ones_and_keep_the_connection() {
    let mut world = World::new();
    let dying = Credentials::new(KEY, SecretBytes::from(SECRET))
        .with_expiry(world.unix().plus(Duration::from_secs(60)));
    let master = world.add_with(World::config(Role::Master, "cam"), dying);
    world.run(Duration::from_secs(40));
    assert!(world.connected(master));
    world.cut_streams();
    world.run(Duration::from_secs(20));
    assert!(!world.connected(master));
    assert_eq!(world.saw(master, |e| *e == Event::CredentialsNeeded), 1);
    let fresh = Credentials::new(KEY, SecretBytes::from(SECRET));
    let now = world.now;
    world.clients[master].set_credentials(now, fresh);
    world.run_until(|w| w.connected(0));
}

#[test]
fn a_token_that_the_service_calls_expired_is_asked_for_anew() {
    let mut world = World::new();
    let config = world.service.config_mut();
    config.session_token = Some(SecretBytes::from("token"));
    let credentials = Credentials::new(KEY, SecretBytes::from(SECRET))
        .with_session_token(SecretBytes::from("token"));
    let master = world.add_with(World::config(Role::Master, "cam"), credentials.clone());
    world.run_until(|w| w.connected(0));
    let ended = world.unix();
    world.service.config_mut().session_expires = Some(ended);
    world.cut_streams();
    world.run(Duration::from_secs(5));
    assert_eq!(world.saw(master, |e| *e == Event::CredentialsNeeded), 1);
    // It is tried further, gently: the service may be wrong.
    let tries = world.saw(master, |e| failed_with(e, ErrorKind::ExpiredToken));
    assert!((2..12).contains(&tries), "{tries}");
    world.service.config_mut().session_expires = None;
    let now = world.now;
    world.clients[master].set_credentials(now, credentials);
    world.run_until(|w| w.connected(0));
}

#[test]
fn a_deleted_channel_is_created_anew_by_a_master_that_may() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(15));
    let old = world.clients[master].channel_arn().unwrap().to_string();
    world.service = {
        let config = world.service.config().clone();
        kvs_service_core::Service::new(config, smolrtc_base::Rng::from_u64(9), &world::PROVIDER)
    };
    world.cut_streams();
    world.run_until(|w| w.connected(0));
    assert_ne!(world.clients[master].channel_arn().unwrap(), old);
}

#[test]
fn a_shutdown_closes_in_good_order_and_stays_down() {
    let mut world = World::new();
    let master = world.master();
    world.run_until(|w| w.connected(0));
    let now = world.now;
    world.clients[master].shutdown(now);
    world.run(Duration::from_secs(30));
    assert_eq!(world.service.stats().masters, 0);
    assert_eq!(world.clients[master].poll_timeout(), None);
    let gone = Event::Disconnected {
        reason: DisconnectReason::Shutdown,
    };
    assert_eq!(world.saw(master, |e| *e == gone), 1);
    assert!(
        world.clients[master]
            .send(world.now, answer("v", "x"))
            .is_err()
    );
}

#[test]
fn one_seed_gives_the_same_events_twice() {
    let run = || {
        let mut world = World::new();
        world.master();
        world.viewer("v1");
        world.run(Duration::from_secs(8));
        world.cut_streams();
        world.run(Duration::from_secs(30));
        format!("{:?}", world.events)
    };
    assert_eq!(run(), run());
}

#[test]
fn no_secret_shows_in_events_or_debug_output() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(3));
    let shown = format!(
        "{:?} {:?} {:?}",
        world.events, world.clients[master], world.service
    );
    assert!(!shown.contains(SECRET) && !shown.contains("X-Amz-Signature"));
    assert!(!shown.contains("Signature="));
}

#[test]
fn steps_are_named_in_failures() {
    let mut world = World::new();
    world.network = Network::Refuses;
    let master = world.master();
    world.run(Duration::from_millis(50));
    let text = world.events[master]
        .iter()
        .find_map(|(_, event)| match event {
            Event::Failed { error, .. } => Some(error.to_string()),
            _ => None,
        });
    assert!(text.unwrap().contains("connection refused"));
    let describe = |e: &Event| {
        matches!(
            e,
            Event::Failed {
                error: Error::Transport {
                    step: Step::Describe,
                    ..
                },
                ..
            }
        )
    };
    assert!(world.saw(master, describe) > 0);
}
