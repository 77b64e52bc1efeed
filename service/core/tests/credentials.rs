//! Credentials that come and go, memories across restarts, hooks: the client against the service.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

mod world;

use std::sync::{Arc, Mutex};

use kvs_message::Signaling;
use kvs_service_core::{Fault, Scope, Switch};
use kvs_signaling::{
    ChannelRecord, ConfigError, Credentials, Event, Hooks, Injected, IotCore, MemoryStore, Role,
    Sources, Step, Store, TransportError, sigv4,
};
use smolrtc_base::{Duration, Instant, SecretBytes, UnixTime};
use world::{KEY, SECRET, World, offer};

const TOKEN: &str = "iot-token";

fn issued(world: &World, life: u64) -> String {
    let end = sigv4::AmzDate::new(world.unix().plus(Duration::from_secs(life)));
    // 20231114T221320Z as 2023-11-14T22:13:20Z.
    let e = end.as_str();
    let end = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &e[..4],
        &e[4..6],
        &e[6..8],
        &e[9..11],
        &e[11..13],
        &e[13..15]
    );
    let body = format!(
        r#"{{"credentials":{{"accessKeyId":"{KEY}","secretAccessKey":"{SECRET}","sessionToken":"{TOKEN}","expiration":"{end}"}}}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\ndate: {}\r\ncontent-length: {}\r\n\r\n{body}",
        sigv4::http_date(world.unix()),
        body.len()
    )
}

fn iot_master(world: &mut World) -> usize {
    world.service.config_mut().session_token = Some(SecretBytes::from(TOKEN));
    let sources = Sources {
        iot: Some(IotCore::new("iot.local", "KvsAlias", "cam-1").unwrap()),
        // IoT goes before static ones.
        fixed: Some(Credentials::new("AKWRONG", SecretBytes::from("wrong"))),
        ..Sources::default()
    };
    world.add_sources(World::config(Role::Master, "cam"), sources)
}

#[test]
fn iot_credentials_are_renewed_while_the_connection_stays() {
    let mut world = World::new();
    world.iot = Some(issued(&world, 900));
    let master = iot_master(&mut world);
    world.run_until(|w| w.connected(0));
    for _ in 0..24 {
        // What is issued is always of that moment.
        world.iot = Some(issued(&world, 900));
        world.run(Duration::from_secs(150));
        assert!(world.connected(master));
    }
    let stats = world.clients[master].stats();
    // After four fifths of 14.5 minutes each, give or take the staleness of what is issued.
    assert!((4..=9).contains(&stats.credentials), "{stats:?}");
    assert_eq!((stats.failures, stats.runtime_errors), (0, 0));
    assert_eq!(
        world.saw(master, |e| matches!(e, Event::OpenMutualTls { .. })),
        usize::try_from(stats.credentials).unwrap()
    );
}

#[test]
fn a_refused_certificate_is_named_and_heals() {
    let mut world = World::new();
    let master = iot_master(&mut world);
    world.run(Duration::from_secs(30));
    let named = |e: &Event| matches!(e, Event::Failed { error, .. } if error.to_string().starts_with("IoT Core's role alias: TLS failed"));
    assert!(world.saw(master, named) > 3);
    world.iot = Some(issued(&world, 900));
    let from = world.now;
    world.run_until(|w| w.connected(0));
    assert!(world.now - from < Duration::from_secs(12));
}

#[test]
fn a_wrong_clock_does_not_shorten_iot_credentials() {
    let mut world = World::new();
    world.service_ahead = -7_200;
    // The endpoint's date and its expiration agree with each other, not with us.
    let ahead = world.unix();
    world.iot = Some(issued(&world, 900));
    let master = iot_master(&mut world);
    let off = UnixTime::from_micros(ahead.as_micros() + 86_400_000_000);
    let now = world.now;
    world.clients[master].set_wall_clock(now, off);
    world.run_until(|w| w.connected(0));
    assert!(world.clients[master].clock_skews().next().is_some());
}

#[test]
fn a_token_that_dies_in_mid_stream_is_replaced_and_nothing_stops() {
    let mut world = World::new();
    world.iot = Some(issued(&world, 3_600));
    let master = iot_master(&mut world);
    let viewer = {
        let role = Role::Viewer("v1".parse().unwrap());
        let credentials = Credentials::new(KEY, SecretBytes::from(SECRET))
            .with_session_token(SecretBytes::from(TOKEN));
        world.add_with(World::config(role, "cam"), credentials)
    };
    world.run(Duration::from_secs(10));
    let switch = Switch {
        fault: Fault::ExpiredToken,
        scope: Scope::All,
        lasts: Some(Duration::from_secs(20)),
    };
    let now = world.now;
    world.service.inject(now, switch);
    world.clients[master].refresh_ice_servers(now);
    let before = world.clients[master].stats().credentials;
    for n in 0..10 {
        world.run(Duration::from_secs(3));
        world.send(viewer, offer(&format!("{n}")));
        assert!(world.connected(master));
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.messages(master).len(), 10);
    assert!(world.clients[master].stats().credentials > before);
}

#[test]
fn a_callback_is_asked_before_anything_is_signed_and_again_before_the_end() {
    let mut world = World::new();
    let sources = Sources {
        callback: true,
        iot: Some(IotCore::new("iot.local", "a", "t").unwrap()),
        fixed: Some(Credentials::new("AKWRONG", SecretBytes::from("wrong"))),
    };
    let master = world.add_sources(World::config(Role::Master, "cam"), sources);
    world.run(Duration::from_secs(130));
    // At once and every minute; nothing is called meanwhile.
    let asked = |w: &World| w.saw(0, |e| *e == Event::CredentialsNeeded);
    assert_eq!((asked(&world), world.calls.len()), (3, 0));
    let life = Duration::from_secs(3_600);
    let fresh =
        Credentials::new(KEY, SecretBytes::from(SECRET)).with_expiry(world.unix().plus(life));
    let (given, now) = (world.now, world.now);
    world.clients[master].set_credentials(now, fresh);
    world.run_until(|w| w.connected(0));
    while asked(&world) == 3 {
        world.run(Duration::from_secs(10));
    }
    // Five minutes and the grace before the end.
    let after = world.now - given;
    assert!((3_260..=3_290).contains(&after.as_secs()), "{after:?}");
    // Nobody answers, they end, and the connection lives on till the service ends it.
    world.run(Duration::from_secs(335));
    assert!(world.connected(master));
    let expired = |e: &Event| matches!(e, Event::Failed { error, .. } if *error == kvs_signaling::Error::CredentialsExpired);
    assert_eq!(world.saw(master, expired), 1);
}

#[test]
fn a_remembered_channel_is_connected_to_at_once_and_forgotten_on_a_404() {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<MemoryStore>>);
    impl Store for Shared {
        fn load(&mut self, channel: &str, region: &str, role: &str) -> Option<ChannelRecord> {
            self.0.lock().unwrap().load(channel, region, role)
        }
        fn save(&mut self, record: &ChannelRecord) {
            self.0.lock().unwrap().save(record);
        }
        fn forget(&mut self, channel: &str, region: &str, role: &str) {
            self.0.lock().unwrap().forget(channel, region, role);
        }
    }
    let store = Shared::default();
    let mut world = World::new();
    let first = world.add_stored(Box::new(store.clone()));
    world.run_until(|w| w.connected(0));
    let now = world.now;
    world.clients[first].shutdown(now);
    world.run(Duration::from_secs(1));
    let second = world.add_stored(Box::new(store.clone()));
    world.run_until(|w| w.connected(1));
    assert_eq!(world.called(second, 0), ["GetIceServerConfig", "Connect"]);
    // The channel is deleted: a third reads a 404 and starts over.
    let now = world.now;
    world.clients[second].shutdown(now);
    world.service = {
        let config = world.service.config().clone();
        kvs_service_core::Service::new(config, smolrtc_base::Rng::from_u64(9), &world::PROVIDER)
    };
    let third = world.add_stored(Box::new(store.clone()));
    world.run_until(|w| w.connected(2));
    assert!(world.called(third, 0).contains(&"CreateSignalingChannel"));
    let records = store.0.lock().unwrap().records().to_vec();
    assert_eq!(records.len(), 1);
    let arn = world.clients[third].channel_arn().unwrap();
    assert_eq!(records[0].arn, arn);
    // After ten hours it is described anew.
    assert!(!records[0].is_fresh(UnixTime::from_secs(records[0].saved + 36_000)));
}

#[test]
fn hooks_see_every_call_and_can_break_each() {
    type Log = Arc<Mutex<Vec<(Step, Option<u16>)>>>;
    struct Breaker {
        log: Log,
        broken: Option<Step>,
    }
    impl Hooks for Breaker {
        fn before(&mut self, _: Instant, step: Step) -> Option<Injected> {
            (self.broken.take_if(|broken| *broken == step))
                .map(|_| Injected::Refusal(500, "InternalFailure"))
        }
        fn after(
            &mut self,
            _: Instant,
            step: Step,
            status: Result<u16, TransportError>,
        ) -> Option<Injected> {
            self.log.lock().unwrap().push((step, status.ok()));
            None
        }
    }
    for broken in [
        Step::Describe,
        Step::Create,
        Step::GetEndpoint,
        Step::GetIceServers,
        Step::Connect,
    ] {
        let log = Log::default();
        let mut world = World::new();
        let hooks = Breaker {
            log: log.clone(),
            broken: Some(broken),
        };
        let master = world.add_hooked(Box::new(hooks));
        world.run_until(|w| w.connected(0) && w.clients[0].stats().ice_refreshes == 1);
        let log = log.lock().unwrap();
        assert!(log.contains(&(broken, Some(500))), "{broken:?}: {log:?}");
        assert!(log.contains(&(Step::Connect, Some(101))));
        assert_eq!(world.clients[master].stats().failures, 1);
        let diagnostics = world.clients[master].diagnostics();
        assert_eq!(diagnostics.link_state, "Up");
        assert!(diagnostics.control_plane_latency().unwrap() >= Duration::from_millis(20));
    }
}

#[test]
fn ice_servers_are_renewed_for_offers_and_live_viewers_only_and_their_age_counts() {
    let mut world = World::new();
    world.service.config_mut().stun = Some("192.0.2.9:443".into());
    let master = world.master();
    let viewer = world.viewer("v1");
    world.run(Duration::from_secs(10));
    let refreshes = |w: &World| w.clients[0].stats().ice_refreshes;
    let age = |w: &World| {
        w.clients[0]
            .ice_servers(w.now)
            .first()
            .map(|s| s.ttl.as_secs())
    };
    assert_eq!(refreshes(&world), 1);
    world.run(Duration::from_secs(100));
    let left = age(&world).unwrap();
    assert!((180..=200).contains(&left), "{left} s left");
    // Nobody there: they end.
    world.run(Duration::from_secs(400));
    assert_eq!((refreshes(&world), age(&world)), (1, None));
    // An offer has them fetched, and does not wait for them.
    let at = world.now;
    world.send(viewer, offer("v=0"));
    world.run_until(|w| !w.messages(0).is_empty());
    assert!(world.now - at <= Duration::from_millis(25));
    world.run(Duration::from_secs(1));
    assert_eq!(refreshes(&world), 2);
    // Somebody is live: every 270 s.
    let now = world.now;
    world.clients[master].viewers_live(now, true);
    world.run(Duration::from_secs(2_700));
    assert_eq!(refreshes(&world), 12);
    let now = world.now;
    world.clients[master].viewers_live(now, false);
    world.run(Duration::from_secs(2_700));
    assert_eq!(refreshes(&world), 12);
}

#[test]
fn nothing_is_started_without_a_source_of_credentials() {
    let client = kvs_signaling::Client::with_sources(
        Instant::ZERO,
        World::config(Role::Master, "cam"),
        Sources::default(),
        smolrtc_base::Rng::from_u64(1),
        &world::PROVIDER,
    );
    assert_eq!(client.err(), Some(ConfigError::NoCredentials));
}
