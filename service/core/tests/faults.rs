//! The client under every fault of the service, in virtual time: it always comes back by itself.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

mod world;

use kvs_message::Body;
use kvs_service_core::{Fault, Scope, Switch};
use kvs_signaling::Event;
use smolrtc_base::{Duration, Rng};
use world::{World, answer, offer};

/// From a fault's end to the next message that comes through, or zero if it never stopped.
///
/// `cut`: every connection is cut when the fault begins, so that the way back leads through it.
fn recovery(fault: Fault, scope: Scope, cut: bool, seed: u64) -> Duration {
    let lasts = 1 + u64::from(Rng::from_u64(seed).below(45));
    let mut world = World::seeded(seed);
    let master = world.master();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(30 + seed % 7));
    let mut switch = Switch::new(fault);
    (switch.scope, switch.lasts) = (scope, Some(Duration::from_secs(lasts)));
    let now = world.now;
    world.service.inject(now, switch);
    if cut {
        world.cut_streams();
    }
    world.run(Duration::from_secs(lasts));
    let ended = world.now;
    let mut sent = 0;
    while world.now < ended + Duration::from_secs(120) {
        // Once a second somebody tries.
        sent += 1;
        world.send(viewer, offer(&format!("after {sent}")));
        let until = world.now + Duration::from_secs(1);
        while world.now < until {
            world.run(Duration::from_millis(50));
            let heard = world
                .messages(master)
                .iter()
                .any(|m| matches!(&m.body, Body::Offer(sdp) if sdp.starts_with("after")));
            if heard && world.connected(master) && world.connected(viewer) {
                return world.now - ended;
            }
        }
    }
    panic!("{fault:?} {scope:?} {lasts} {seed}: {:#?}", world.clients);
}

#[test]
fn whatever_the_fault_messages_flow_again_within_fifteen_seconds_of_its_end() {
    let faults = [
        (Fault::Drop, Scope::All),
        (Fault::Delay(Duration::from_millis(6_000)), Scope::All),
        (Fault::Close, Scope::All),
        (Fault::BlackHole, Scope::All),
        (Fault::Status(400), Scope::All),
        (Fault::Status(401), Scope::All),
        (Fault::Status(403), Scope::All),
        (Fault::Status(404), Scope::Connects),
        (Fault::Status(500), Scope::All),
        (Fault::Status(503), Scope::IceServers),
        (Fault::ExpiredToken, Scope::All),
        (Fault::SkewedDate(7_200), Scope::All),
        (Fault::GoAway, Scope::All),
        (Fault::Duplicate, Scope::All),
        (Fault::Reorder, Scope::All),
    ];
    println!("milliseconds of virtual time from the fault's end, 40 seeds      p50    p95    max");
    for (fault, scope) in faults {
        for cut in [false, true] {
            let mut all: Vec<u128> = (0..40)
                .map(|seed| recovery(fault, scope, cut, seed).as_millis())
                .collect();
            all.sort_unstable();
            let name = format!("{fault:?}@{scope:?}{}", if cut { ", cut" } else { "" });
            println!("{name:55} {:>6} {:>6} {:>6}", all[20], all[38], all[39]);
            assert!(all[39] <= 15_000, "{name}: {all:?}");
        }
    }
}

/// Ten viewers, a fault a minute of 1 to 45 s, one virtual hour: what `xtask soak` does for longer.
#[test]
fn an_hour_of_faults_is_an_hour_of_recoveries() {
    let mut world = World::seeded(7);
    let mut rng = Rng::from_u64(11);
    let master = world.master();
    for n in 0..10 {
        world.viewer(&format!("v{n}"));
        world.run(Duration::from_millis(400));
    }
    world.run(Duration::from_secs(10));
    let faults = [
        Fault::Drop,
        Fault::Delay(Duration::from_secs(4)),
        Fault::Close,
        Fault::BlackHole,
        Fault::Status(400),
        Fault::Status(403),
        Fault::Status(503),
        Fault::ExpiredToken,
        Fault::SkewedDate(-7_200),
        Fault::GoAway,
        Fault::Duplicate,
        Fault::Reorder,
    ];
    let mut all: Vec<u128> = Vec::new();
    for minute in 0..60_u32 {
        let started = world.now;
        let fault = faults[rng.below(12) as usize];
        let lasts = Duration::from_secs(1 + u64::from(rng.below(45)));
        let mut switch = Switch::new(fault);
        switch.lasts = Some(lasts);
        world.service.inject(started, switch);
        if rng.below(2) == 0 {
            world.cut_streams();
        }
        world.run(lasts);
        // Everybody asks once a second; the last one to be heard counts.
        let ended = world.now;
        let heard = |world: &World| {
            let mark = format!("m{minute} ");
            let messages = world.messages(master);
            let from = messages
                .iter()
                .filter(|m| matches!(&m.body, Body::Offer(sdp) if sdp.starts_with(&mark)));
            let mut ids: Vec<_> = from.map(|m| m.from.clone()).collect();
            ids.sort();
            ids.dedup();
            ids.len()
        };
        for round in 0.. {
            assert!(round < 40, "{fault:?}: {:#?}", world.clients);
            for viewer in 1..=10 {
                world.send(viewer, offer(&format!("m{minute} {round}")));
            }
            world.run(Duration::from_secs(1));
            if heard(&world) == 10 {
                break;
            }
        }
        all.push((world.now - ended).as_millis());
        for events in &mut world.events {
            events.clear();
        }
        let rest = Duration::from_secs(60).saturating_sub(world.now - started);
        world.run(rest);
    }
    all.sort_unstable();
    println!(
        "eleven clients, ms from a fault's end till all are heard: p50 {} p99 {} max {}",
        all[30], all[58], all[59]
    );
    assert!(all[58] <= 15_000, "{all:?}");
    assert!(world.connected(master));
}

#[test]
fn five_offers_a_second_survive_every_rotation() {
    let mut world = World::new();
    let mut config = World::config(kvs_signaling::Role::Master, "cam");
    config.lifetimes.age = Duration::from_secs(20);
    let master = world.add(config, world::SECRET);
    for n in 0..5 {
        world.viewer(&format!("v{n}"));
        world.run(Duration::from_millis(400));
    }
    world.run(Duration::from_secs(2));
    let mut sent = 0_u32;
    while sent < 1_500 {
        for viewer in 1..=5 {
            sent += 1;
            world.send(viewer, offer(&format!("{sent}")));
            if sent.is_multiple_of(2) {
                let to = format!("v{}", viewer - 1);
                world.send(master, answer(&to, &format!("{sent}")));
            }
            world.run(Duration::from_millis(201));
        }
    }
    world.run(Duration::from_secs(5));
    let rotations = world.clients[master].stats().rotations;
    assert!(rotations >= 14, "{rotations} rotations");
    let mut heard: Vec<u32> = Vec::new();
    for message in world.messages(master) {
        if let Body::Offer(sdp) = message.body {
            heard.push(sdp.parse().unwrap());
        }
    }
    assert_eq!(heard, (1..=sent).collect::<Vec<_>>());
    let answers: usize = (1..=5).map(|viewer| world.messages(viewer).len()).sum();
    assert_eq!(answers, sent as usize / 2);
    assert_eq!(
        world.saw(master, |e| matches!(e, Event::Disconnected { .. })),
        0
    );
    assert_eq!(world.service.violations(), 0);
}

#[test]
fn an_idle_day_makes_no_control_plane_call() {
    let mut world = World::new();
    let master = world.master();
    world.run(Duration::from_secs(60));
    let before = world.calls.len();
    world.run(Duration::from_secs(86_400));
    let called = world.called(master, before);
    assert!(called.iter().all(|name| *name == "Connect"), "{called:?}");
    assert!((160..200).contains(&called.len()), "{}", called.len());
    assert_eq!(
        world.saw(master, |e| matches!(e, Event::Disconnected { .. })),
        0
    );
}

#[test]
fn duplicates_are_dropped_and_counted() {
    let mut world = World::new();
    let master = world.master();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(3));
    let now = world.now;
    world.service.inject(now, Switch::new(Fault::Duplicate));
    world.send(viewer, offer("one"));
    world.run(Duration::from_secs(1));
    assert_eq!(world.messages(master).len(), 1);
    let drops = world.clients[master].stats().drops;
    assert_eq!(drops.get(kvs_signaling::DropReason::Duplicate), 1);
}

#[test]
fn a_wrong_key_never_touches_the_open_connection() {
    let mut world = World::new();
    world.service.config_mut().stun = Some("192.0.2.9:443".into());
    let master = world.master();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(5));
    let wrong =
        kvs_signaling::Credentials::new(world::KEY, smolrtc_base::SecretBytes::from("wrong"));
    let now = world.now;
    world.clients[master].set_credentials(now, wrong);
    world.clients[master].refresh_ice_servers(now);
    for n in 0..20 {
        world.run(Duration::from_secs(20));
        world.send(viewer, offer(&format!("{n}")));
        assert!(world.connected(master));
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.messages(master).len(), 20);
    assert!(world.clients[master].stats().failures > 20);
    let good =
        kvs_signaling::Credentials::new(world::KEY, smolrtc_base::SecretBytes::from(world::SECRET));
    let (now, before) = (world.now, world.clients[master].stats().ice_refreshes);
    world.clients[master].set_credentials(now, good);
    world.run(Duration::from_secs(1));
    assert_eq!(world.clients[master].stats().ice_refreshes, before + 1);
}

#[test]
fn switches_are_read_from_text() {
    let read = |text: &str| text.parse::<Switch>();
    assert_eq!(read("drop"), Ok(Switch::new(Fault::Drop)));
    let refused = Switch {
        fault: Fault::Status(403),
        scope: Scope::Connects,
        lasts: Some(Duration::from_secs(30)),
    };
    assert_eq!(read("status=403@connects:30"), Ok(refused));
    assert_eq!(
        read("skewed-date=-90").unwrap().fault,
        Fault::SkewedDate(-90)
    );
    for text in [
        "",
        "status",
        "status=200",
        "drop@nowhere",
        "delay=x",
        "drop:x",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
