//! The C SDK's state table and test cases, met as the calls that the service sees. Each row is
//! played in virtual time; what was seen is `docs/signaling-states.md`.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

mod world;

use std::fmt::Write as _;

use kvs_message::{Body, ClientId};
use kvs_service_core::{Fault, Scope, Switch};
use kvs_signaling::url::Url;
use kvs_signaling::{
    ChannelRef, Client, Config, ConfigError, Credentials, Event, IotCore, Role, Sources, Tag,
};
use smolrtc_base::{Duration, Rng, SecretBytes};
use world::{KEY, Network, SECRET, World, answer, offer};

struct Row {
    from: &'static str,
    condition: &'static str,
    upstream: &'static str,
    seen: String,
    difference: &'static str,
}

/// What a client called since `from`, repetitions folded, and how it stands.
fn seen(world: &World, client: usize, from: usize) -> String {
    let mut text = String::new();
    let calls: Vec<String> = world
        .called(client, from)
        .into_iter()
        .map(|name| {
            name.trim_end_matches("SignalingChannel")
                .replace("GetSignalingChannelEndpoint", "GetEndpoint")
                .replace("GetIceServerConfig", "GetIce")
        })
        .collect();
    let mut rest = &calls[..];
    while !rest.is_empty() {
        // The shortest run of calls that is repeated at once, or a single call.
        let times = |len: usize| {
            let block = &rest[..len];
            rest.chunks(len).take_while(|other| *other == block).count()
        };
        let found = (1..=4.min(rest.len())).find(|len| times(*len) > 1);
        let len = found.unwrap_or(1);
        let separator = if text.is_empty() { "" } else { " → " };
        let block = rest[..len].join(" → ");
        let _ = match found {
            Some(_) => write!(text, "{separator}({block}) repeated"),
            None => write!(text, "{separator}{block}"),
        };
        rest = &rest[len * times(len)..];
    }
    if text.is_empty() {
        text.push_str("none");
    }
    let state = world.clients[client].diagnostics().link_state;
    let disconnects = world.saw(client, |e| matches!(e, Event::Disconnected { .. }));
    let lost = match disconnects {
        0 => "never lost",
        _ => "lost and back",
    };
    let _ = match state {
        "Up" | "Draining" | "Rotating" => write!(text, "; connected, {lost}"),
        _ => write!(text, "; {state}"),
    };
    text
}

fn inject(world: &mut World, fault: Fault, scope: Scope, secs: u64) {
    let lasts = Some(Duration::from_secs(secs));
    let now = world.now;
    world.service.inject(
        now,
        Switch {
            fault,
            scope,
            lasts,
        },
    );
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A master of a channel that exists already, connected, and the calls so far.
fn connected() -> (World, usize, usize) {
    let (mut world, _) = World::with_channel();
    world.service.config_mut().stun = Some("192.0.2.9:443".into());
    let master = world.master();
    world.run(secs(15));
    assert!(world.connected(master));
    let from = world.calls.len();
    (world, master, from)
}

/// A master that begins while a fault is on.
fn begun(fault: Fault, scope: Scope) -> String {
    let (mut world, from) = World::with_channel();
    inject(&mut world, fault, scope, 2);
    let master = world.master();
    world.run(secs(20));
    seen(&world, master, from)
}

fn started(prepare: impl FnOnce(&mut World) -> usize) -> String {
    let (mut world, from) = World::with_channel();
    let client = prepare(&mut world);
    world.run(secs(5));
    seen(&world, client, from)
}

const NO_STORAGE: &str = "Storage sessions are not part of this client yet.";

fn transitions() -> Vec<Row> {
    let row = |from, condition, upstream, seen: String, difference| Row {
        from,
        condition,
        upstream,
        seen,
        difference,
    };
    let by_name = || started(World::master);
    let fresh = || {
        let mut world = World::new();
        let master = world.master();
        world.run(secs(5));
        seen(&world, master, 0)
    };
    let arn = || {
        let (mut world, from) = World::with_channel();
        let arn = world.clients[0].channel_arn().unwrap().to_string();
        let master = world.add(World::config(Role::Master, &arn), SECRET);
        world.run(secs(5));
        seen(&world, master, from)
    };
    let iot = || {
        let (mut world, from) = World::with_channel();
        let body = format!(
            r#"{{"credentials":{{"accessKeyId":"{KEY}","secretAccessKey":"{SECRET}","sessionToken":"t"}}}}"#
        );
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        world.iot = Some(head + &body);
        world.service.config_mut().session_token = Some(SecretBytes::from("t"));
        let iot = IotCore::new("iot.local", "alias", "thing").unwrap();
        let sources = Sources {
            iot: Some(iot),
            ..Sources::default()
        };
        let master = world.add_sources(World::config(Role::Master, "cam"), sources);
        world.run(secs(5));
        seen(&world, master, from)
    };
    let cut = |fault: Option<(Fault, Scope)>| {
        let (mut world, master, from) = connected();
        if let Some((fault, scope)) = fault {
            inject(&mut world, fault, scope, 2);
        }
        world.cut_streams();
        world.run(secs(30));
        assert!(world.connected(master));
        seen(&world, master, from)
    };
    let go_away = || {
        let (mut world, master, from) = connected();
        let id = world.service.connections("cam").next().unwrap();
        world.service.go_away(id);
        world.run(secs(60));
        seen(&world, master, from)
    };
    let reconnect_ice = || {
        let (mut world, master, from) = connected();
        let id = world.service.connections("cam").next().unwrap();
        world.service.send_reconnect_ice_server(id);
        world.run(secs(5));
        seen(&world, master, from)
    };
    let shutdown = || {
        let (mut world, master, from) = connected();
        let now = world.now;
        world.clients[master].shutdown(now);
        world.run(secs(60));
        seen(&world, master, from)
    };
    let expired = || {
        let (mut world, from) = World::with_channel();
        let credentials = Credentials::new(KEY, SecretBytes::from(SECRET))
            .with_expiry(world.unix().plus(secs(10)));
        let master = world.add_with(World::config(Role::Master, "cam"), credentials);
        world.run(secs(30));
        assert!(world.saw(master, |e| *e == Event::CredentialsNeeded) > 0);
        seen(&world, master, from)
    };
    vec![
        row("NEW", "always", "GET_TOKEN", iot(), ""),
        row("GET_TOKEN", "ok, ARN known", "GET_ENDPOINT", arn(), ""),
        row("GET_TOKEN", "ok", "DESCRIBE", by_name(), ""),
        row(
            "DESCRIBE",
            "ok, storage wanted",
            "DESCRIBE_MEDIA",
            "—".into(),
            NO_STORAGE,
        ),
        row("DESCRIBE", "ok", "GET_ENDPOINT", by_name(), ""),
        row(
            "DESCRIBE",
            "404",
            "CREATE",
            fresh(),
            "Only for masters that are told to create; others describe again after the back-off.",
        ),
        row("CREATE", "ok", "DESCRIBE", fresh(), ""),
        row(
            "DESCRIBE_MEDIA",
            "ok",
            "GET_ENDPOINT",
            "—".into(),
            NO_STORAGE,
        ),
        row(
            "GET_ENDPOINT",
            "ok",
            "GET_ICE_CONFIG",
            by_name(),
            "ICE servers are fetched while the WebSocket opens: neither waits for the other.",
        ),
        row("GET_ICE_CONFIG", "ok", "READY", by_name(), ""),
        row(
            "GET_ICE_CONFIG",
            "404",
            "DESCRIBE, caches dropped",
            begun(Fault::Status(404), Scope::IceServers),
            "An open connection stays open meanwhile.",
        ),
        row(
            "READY",
            "connect asked",
            "CONNECT",
            by_name(),
            "Connecting is the default: there is no state without the wish for it.",
        ),
        row("CONNECT", "ok", "CONNECTED", by_name(), ""),
        row(
            "CONNECT",
            "500",
            "GET_ENDPOINT",
            begun(Fault::Status(500), Scope::Connects),
            "",
        ),
        row(
            "CONNECT",
            "400",
            "GET_ENDPOINT",
            begun(Fault::Status(400), Scope::Connects),
            "`ClientLimitExceededException` backs off and connects again, without another call.",
        ),
        row(
            "CONNECT",
            "timeout",
            "GET_ENDPOINT",
            begun(Fault::Drop, Scope::Connects),
            "",
        ),
        row(
            "CONNECT",
            "network error",
            "GET_ENDPOINT",
            begun(Fault::Close, Scope::Connects),
            "",
        ),
        row(
            "CONNECT",
            "404",
            "DESCRIBE",
            begun(Fault::Status(404), Scope::Connects),
            "",
        ),
        row(
            "CONNECT",
            "unknown",
            "GET_TOKEN",
            begun(Fault::Status(302), Scope::Connects),
            "Endpoints are fetched, too; every signature is made with the newest credentials anyway.",
        ),
        row("CONNECTED", "network error", "GET_ENDPOINT", cut(None), ""),
        row(
            "CONNECTED",
            "500 on the way back",
            "GET_ENDPOINT",
            cut(Some((Fault::Status(500), Scope::Connects))),
            "",
        ),
        row(
            "CONNECTED",
            "404 on the way back",
            "DESCRIBE",
            cut(Some((Fault::Status(404), Scope::Connects))),
            "",
        ),
        row(
            "CONNECTED",
            "storage enabled",
            "JOIN_SESSION",
            "—".into(),
            NO_STORAGE,
        ),
        row(
            "JOIN_SESSION",
            "ok",
            "JOIN_SESSION_WAITING",
            "—".into(),
            NO_STORAGE,
        ),
        row(
            "JOIN_SESSION_WAITING",
            "offer, or timeout",
            "JOIN_SESSION_CONNECTED, or JOIN_SESSION",
            "—".into(),
            NO_STORAGE,
        ),
        row(
            "CONNECTED",
            "GO_AWAY",
            "DESCRIBE",
            go_away(),
            "Describe at once; the next connection is open before the current one goes.",
        ),
        row(
            "CONNECTED",
            "RECONNECT_ICE_SERVER, forced refresh",
            "GET_ICE_CONFIG",
            reconnect_ice(),
            "CONNECTED is not left.",
        ),
        row(
            "JOIN_SESSION_CONNECTED",
            "leaves",
            "GET_ICE_CONFIG",
            "—".into(),
            NO_STORAGE,
        ),
        row(
            "CONNECTED",
            "disconnect",
            "DISCONNECTED, READY",
            shutdown(),
            "A client that was shut down stays down; another one is made in its place.",
        ),
        row(
            "any",
            "401, 403",
            "GET_TOKEN",
            begun(Fault::Status(403), Scope::All),
            "Credentials are fetched anew (IoT) or asked for (callback); fixed ones are tried again, with back-off.",
        ),
        row(
            "any",
            "local expiry",
            "GET_TOKEN",
            expired(),
            "Nothing is signed with them; the open connection is left alone.",
        ),
        row(
            "any",
            "delete asked",
            "DELETE; 400 → DESCRIBE; 404 → DELETED",
            "`Call`: Describe → Delete".into(),
            "A command of its own (`Command::Delete`), not a state of a camera. Tested in `tests/call.rs`.",
        ),
    ]
}

/// Cases of `SignalingApiFunctionality`.
fn cases() -> Vec<Row> {
    let case = |condition, upstream, seen: String, difference| Row {
        from: "",
        condition,
        upstream,
        seen,
        difference,
    };
    let bad_auth = |at_start: bool| {
        let (mut world, from) = World::with_channel();
        world.service.config_mut().stun = Some("192.0.2.9:443".into());
        let right = Credentials::new(KEY, SecretBytes::from(SECRET));
        let wrong = Credentials::new(KEY, SecretBytes::from("wrong"));
        let first = if at_start { &wrong } else { &right };
        let master = world.add_with(World::config(Role::Master, "cam"), first.clone());
        world.run(secs(5));
        let now = world.now;
        world.clients[master].set_credentials(now, wrong);
        world.clients[master].refresh_ice_servers(now);
        world.run(secs(20));
        assert_eq!(world.connected(master), !at_start);
        let now = world.now;
        world.clients[master].set_credentials(now, right);
        world.run(secs(5));
        // Sending works afterwards.
        world.send(master, answer("v1", "sdp"));
        world.run(secs(1));
        assert_eq!(world.clients[master].stats().messages_sent, 1);
        seen(&world, master, from)
    };
    let text = |text: &str| {
        let (mut world, master, from) = connected();
        let id = world.service.connections("cam").next().unwrap();
        world.service.send_text(id, text);
        world.run(secs(60));
        world.send(master, answer("v1", "sdp"));
        world.run(secs(1));
        assert_eq!(world.clients[master].stats().messages_sent, 1);
        seen(&world, master, from)
    };
    let connect_timeout = || {
        let (mut world, from) = World::with_channel();
        world.network = Network::BlackHole;
        let master = world.master();
        world.run(secs(15));
        world.network = Network::Up;
        world.run(secs(15));
        seen(&world, master, from)
    };
    let deleted = || {
        let (mut world, master, from) = connected();
        let config = world.service.config().clone();
        let rng = Rng::from_u64(9);
        world.service = kvs_service_core::Service::new(config, rng, &world::PROVIDER);
        world.cut_streams();
        world.run(secs(15));
        seen(&world, master, from)
    };
    let offer_while_stale = || {
        let (mut world, master, _) = connected();
        let viewer = world.viewer("v1");
        world.run(secs(400));
        let from = world.calls.len();
        world.send(viewer, offer("v=0"));
        world.run(secs(2));
        assert!(matches!(world.messages(master)[0].body, Body::Offer(_)));
        seen(&world, master, from)
    };
    let fresh = || {
        let mut world = World::new();
        let master = world.master();
        world.run(secs(5));
        seen(&world, master, 0)
    };
    vec![
        case(
            "basicCreateConnectFree, a fresh channel",
            "token 1, describe 2, create 1, endpoint 1, ICE 1, connect 1",
            fresh(),
            "The same calls.",
        ),
        case(
            "iceServerConfigRefreshNotConnectedWithBadAuth",
            "loops token → describe → ICE until the key is right",
            bad_auth(true),
            "The step that is refused is repeated, with back-off; nothing that is known is asked again.",
        ),
        case(
            "iceServerConfigRefreshConnectedWithBadAuth",
            "leaves CONNECTED and loops; back when the key is right",
            bad_auth(false),
            "Never leaves the connection: only the ICE fetch is repeated.",
        ),
        case(
            "goAwayEmulation, `statusCode` as text",
            "reconnects, sending works",
            text(
                r#"{"messageType":"GO_AWAY","statusResponse":{"correlationId":"","errorType":"","statusCode":"200","description":""}}"#,
            ),
            "By rotation.",
        ),
        case(
            "iceReconnectEmulation",
            "ICE fetched, CONNECTED again",
            text(r#"{"messageType":"RECONNECT_ICE_SERVER"}"#),
            "CONNECTED is not left.",
        ),
        case(
            "unknownMessageTypeEmulation",
            "the client lives on",
            text(r#"{"messageType":"SOMETHING_NEW","messagePayload":""}"#),
            "Dropped and counted.",
        ),
        case(
            "a message that is no JSON",
            "—",
            text("{"),
            "Dropped and counted.",
        ),
        case(
            "connectTimeoutEmulation",
            "times out, connects later",
            connect_timeout(),
            "",
        ),
        case(
            "the channel is deleted while connected",
            "DESCRIBE → CREATE",
            deleted(),
            "",
        ),
        case(
            "receivingIceConfigOffer: an offer when ICE servers are old",
            "the offer waits for the fetch",
            offer_while_stale(),
            "The offer is delivered at once; the relays' candidates trickle.",
        ),
        case(
            "a payload length of 0",
            "the payload ends at NUL",
            "—".into(),
            "Slices know their length.",
        ),
        case(
            "free twice, free in a callback",
            "succeeds",
            "—".into(),
            "Not expressible: one owner.",
        ),
        case(
            "file caching, caching with fault injection",
            "describe and endpoint skipped; a 404 drops them",
            "`Store`: GetIce → Connect".into(),
            "Tested in `tests/credentials.rs`: a remembered channel.",
        ),
    ]
}

fn refused(result: Result<impl Sized, ConfigError>) -> ConfigError {
    result.err().unwrap()
}

/// The validation matrix, as typed errors.
fn validation() -> Vec<(&'static str, &'static str, String)> {
    let config = || World::config(Role::Master, "cam");
    let client = |config: Config| {
        let credentials = Credentials::new(KEY, SecretBytes::from(SECRET));
        let now = smolrtc_base::Instant::ZERO;
        let made = Client::new(now, config, credentials, Rng::from_u64(1), &world::PROVIDER);
        format!("{:?}", refused(made.map(drop)))
    };
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        client(config)
    };
    let channel = |text: &str| format!("{:?}", refused(ChannelRef::parse(text)));
    let tag = |key: usize, value: usize| Tag {
        key: "k".repeat(key),
        value: "v".repeat(value),
    };
    let name = ChannelRef::parse("cam").unwrap();
    let iot = |endpoint: &str, alias: &str, thing: &str| {
        format!("{:?}", refused(IotCore::new(endpoint, alias, thing)))
    };
    let long_host = format!("https://{}", vec!["a".repeat(60); 5].join("."));
    vec![
        (
            "version of the channel info",
            "status of its own",
            "not expressible: no versioned structs".into(),
        ),
        ("neither name nor ARN", "status of its own", channel("")),
        (
            "channel name of 257",
            "status of its own",
            channel(&"n".repeat(257)),
        ),
        (
            "channel name with a space",
            "creation fails: timed out or describe failed",
            channel("a b"),
        ),
        (
            "ARN of 1,025",
            "status of its own",
            channel(&format!("arn:{}", "a".repeat(1_021))),
        ),
        ("ARN of something else", "—", channel("arn:aws:s3:::bucket")),
        (
            "client id of 257",
            "status of its own",
            format!("{:?}", ClientId::new(&"i".repeat(257)).unwrap_err()),
        ),
        (
            "client id with a space",
            "created; connect fails",
            format!("{:?}", ClientId::new("a b").unwrap_err()),
        ),
        (
            "region of 129",
            "status of its own",
            format!(
                "{:?}",
                refused(Config::new(Role::Master, name, &"r".repeat(129)))
            ),
        ),
        (
            "control-plane URL too long",
            "status of its own",
            match Url::parse(&long_host) {
                Ok(url) => with(&|config| config.endpoint = Some(url.clone())),
                Err(error) => format!("{error:?}"),
            },
        ),
        (
            "user agent of 257",
            "status of its own",
            with(&|config| config.user_agent = "u".repeat(257)),
        ),
        (
            "custom agent with a line break",
            "—",
            with(&|config| config.user_agent = "a\r\nb".into()),
        ),
        (
            "certificate path",
            "status of its own",
            "the driver's: this client reads no files".into(),
        ),
        (
            "KMS key length",
            "status of its own",
            "not offered: CreateSignalingChannel has no such parameter".into(),
        ),
        (
            "51 tags",
            "status of its own",
            with(&|config| config.tags = vec![tag(1, 1); 51]),
        ),
        (
            "a tag without a key, or of 129",
            "status of its own",
            with(&|config| config.tags = vec![tag(0, 1)]),
        ),
        (
            "a tag's value of 257",
            "status of its own",
            with(&|config| config.tags = vec![tag(1, 257)]),
        ),
        (
            "tag version",
            "status of its own",
            "not expressible: no versioned structs".into(),
        ),
        (
            "TTL of 4 s",
            "status of its own",
            with(&|config| config.message_ttl = Some(4)),
        ),
        (
            "TTL of 121 s",
            "status of its own",
            with(&|config| config.message_ttl = Some(121)),
        ),
        ("IoT endpoint without TLS", "—", iot("http://h", "a", "t")),
        ("role alias with a slash", "—", iot("h", "a/b", "t")),
        ("no thing name", "—", iot("h", "a", "")),
    ]
}

fn document() -> String {
    let mut text = String::from(
        "# Signaling: the C SDK's states, and what this client does\n\n\
         Written by `service/core/tests/states.rs` (`UPDATE_SNAPSHOTS=1 cargo test -p kvs-service-core \
         --test states` writes it anew). Every row is played in virtual time against the service; \
         \u{201c}calls seen\u{201d} is what the service saw, the row's own step included.\n\n\
         There are three machines instead of one: credentials, control plane, connections. Calls are \
         made where something is missing; the connection is never given up for them.\n\n\
         ## Transitions\n\n\
         | from | condition | C SDK goes to | calls seen | difference, on purpose |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for row in transitions() {
        let Row {
            from,
            condition,
            upstream,
            seen,
            difference,
        } = row;
        let _ = writeln!(
            text,
            "| {from} | {condition} | {upstream} | {seen} | {difference} |"
        );
    }
    text.push_str(
        "\n## Cases of the C SDK's signaling tests\n\n\
         | case | C SDK | calls seen | difference, on purpose |\n| --- | --- | --- | --- |\n",
    );
    for row in cases() {
        let Row {
            condition,
            upstream,
            seen,
            difference,
            ..
        } = row;
        let _ = writeln!(text, "| {condition} | {upstream} | {seen} | {difference} |");
    }
    text.push_str(
        "\n## Validation\n\nRefused at construction, before anything is sent.\n\n\
         | input | C SDK | here |\n| --- | --- | --- |\n",
    );
    for (input, upstream, error) in validation() {
        let _ = writeln!(text, "| {input} | {upstream} | {error} |");
    }
    text
}

#[test]
fn the_table_of_states_is_what_the_service_sees() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/signaling-states.md"
    );
    let text = document();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    for (line, (kept, seen)) in kept.lines().zip(text.lines()).enumerate() {
        assert_eq!(kept, seen, "line {}", line + 1);
    }
    assert_eq!(kept.lines().count(), text.lines().count());
}
