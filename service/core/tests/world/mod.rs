//! Clients and the service in one process, in virtual time, joined by byte streams with a delay.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

use kvs_message::{Body, ClientId, Inbound, Outbound};
use kvs_service_core::{Config as ServiceConfig, Service, Streams};
use kvs_signaling::{
    ChannelRef, Client, CloseReason, Config, Credentials, Event, Hooks, Input, Role, Sources,
    Store, StreamId, url::Url,
};
use smolrtc_base::{Duration, Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

pub(crate) static PROVIDER: RustCrypto = RustCrypto;
pub(crate) const KEY: &str = "AKIDLOCAL";
pub(crate) const SECRET: &str = "local-secret";
/// 2023-11-14T22:13:20Z.
const EPOCH: u64 = 1_700_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Up,
    /// Bytes vanish, in both directions.
    BlackHole,
    /// Nobody listens.
    Refuses,
}

enum Packet {
    Open(u64),
    ToService(u64, Vec<u8>),
    ServiceEnd(u64),
    Opened(usize, StreamId),
    ToClient(usize, StreamId, Vec<u8>),
    ClientEnd(usize, StreamId, CloseReason),
    /// A stream to IoT Core's endpoint, which answers whatever comes.
    Iot(usize, StreamId),
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) service: Service,
    streams: Streams,
    pub(crate) clients: Vec<Client>,
    /// Everything each client said, with its time.
    pub(crate) events: Vec<Vec<(Instant, Event)>>,
    pub(crate) network: Network,
    pub(crate) delay: Duration,
    /// Seconds by which the service's clock is ahead of the world's.
    pub(crate) service_ahead: i64,
    links: BTreeMap<u64, (usize, StreamId)>,
    flying: BTreeMap<(Instant, u64), Packet>,
    next: u64,
    pub(crate) opened: u64,
    /// Calls and handshakes that reached the service, with the client's number.
    pub(crate) calls: Vec<(Instant, usize, String)>,
    /// What the credential endpoint of IoT Core answers.
    pub(crate) iot: Option<String>,
    seed: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::seeded(0)
    }

    /// Clients draw other random numbers in every one of these.
    pub(crate) fn seeded(seed: u64) -> Self {
        let config = ServiceConfig::new(KEY, SecretBytes::from(SECRET));
        Self {
            now: Instant::from_millis(1_000),
            service: Service::new(config, Rng::from_u64(1), &PROVIDER),
            streams: Streams::new(&PROVIDER),
            clients: Vec::new(),
            events: Vec::new(),
            network: Network::Up,
            delay: Duration::from_millis(10),
            service_ahead: 0,
            links: BTreeMap::new(),
            flying: BTreeMap::new(),
            next: 0,
            opened: 0,
            calls: Vec::new(),
            iot: None,
            seed,
        }
    }

    pub(crate) fn unix(&self) -> UnixTime {
        UnixTime::from_micros(EPOCH * 1_000_000 + self.now.as_micros())
    }

    fn service_unix(&self) -> UnixTime {
        let micros = self.unix().as_micros();
        UnixTime::from_micros(micros.saturating_add_signed(self.service_ahead * 1_000_000))
    }

    pub(crate) fn config(role: Role, channel: &str) -> Config {
        let channel = ChannelRef::parse(channel).unwrap();
        let mut config = Config::new(role, channel, "us-west-2").unwrap();
        config.endpoint = Some(Url::parse("http://kvs.local:8080").unwrap());
        config.create_channel = matches!(config.role, Role::Master);
        config
    }

    pub(crate) fn add(&mut self, config: Config, secret: &str) -> usize {
        let credentials = Credentials::new(KEY, SecretBytes::from(secret));
        self.add_with(config, credentials)
    }

    pub(crate) fn add_with(&mut self, config: Config, credentials: Credentials) -> usize {
        self.add_sources(config, credentials.into())
    }

    pub(crate) fn add_sources(&mut self, config: Config, sources: Sources) -> usize {
        self.add_client(config, sources, |_| {})
    }

    /// A master with a memory.
    pub(crate) fn add_stored(&mut self, store: Box<dyn Store + Send>) -> usize {
        let config = Self::config(Role::Master, "cam");
        let sources = Credentials::new(KEY, SecretBytes::from(SECRET)).into();
        self.add_client(config, sources, |client| client.set_store(store))
    }

    /// A master whose calls are watched.
    pub(crate) fn add_hooked(&mut self, hooks: Box<dyn Hooks + Send>) -> usize {
        let config = Self::config(Role::Master, "cam");
        let sources = Credentials::new(KEY, SecretBytes::from(SECRET)).into();
        self.add_client(config, sources, |client| client.set_hooks(hooks))
    }

    fn add_client(
        &mut self,
        config: Config,
        sources: Sources,
        prepare: impl FnOnce(&mut Client),
    ) -> usize {
        let rng = Rng::from_u64(self.seed * 1_000 + 100 + self.clients.len() as u64);
        let mut client = Client::with_sources(self.now, config, sources, rng, &PROVIDER).unwrap();
        prepare(&mut client);
        client.set_wall_clock(self.now, self.unix());
        self.clients.push(client);
        self.events.push(Vec::new());
        self.clients.len() - 1
    }

    pub(crate) fn master(&mut self) -> usize {
        self.add(Self::config(Role::Master, "cam"), SECRET)
    }

    pub(crate) fn viewer(&mut self, id: &str) -> usize {
        let role = Role::Viewer(ClientId::new(id).unwrap());
        self.add(Self::config(role, "cam"), SECRET)
    }

    fn fly(&mut self, packet: Packet) {
        let at = self.now + self.delay;
        self.next += 1;
        self.flying.insert((at, self.next), packet);
    }

    /// Cuts every stream, both ends seeing a reset.
    pub(crate) fn cut_streams(&mut self) {
        self.flying.clear();
        for (key, (client, id)) in core::mem::take(&mut self.links) {
            self.streams.handle_closed(&mut self.service, key);
            self.clients[client]
                .handle_input(self.now, Input::StreamClosed(id, CloseReason::Reset));
        }
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.streams.collect(&mut self.service);
        for turn in 0.. {
            let timers = || self.clients.iter().map(Client::poll_timeout);
            assert!(
                turn < 500_000,
                "a timer that never moves on: {:?} {:?} at {:?}",
                self.service.poll_timeout(),
                timers().collect::<Vec<_>>(),
                self.now
            );
            self.exchange();
            let timers = self
                .clients
                .iter()
                .filter_map(|client| client.poll_timeout());
            let next = timers
                .map(|(at, _)| at)
                .chain(self.service.poll_timeout().map(|(at, _)| at))
                .chain(self.streams.poll_timeout())
                .chain(self.flying.keys().next().map(|(at, _)| *at))
                .min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = next.max(self.now);
            self.deliver();
            let now = self.now;
            self.service.handle_timeout(now);
            let unix = self.service_unix();
            self.streams.handle_timeout(now, unix, &mut self.service);
            for client in &mut self.clients {
                if client.poll_timeout().is_some_and(|(at, _)| at <= now) {
                    client.handle_timeout(now);
                    // No timer may ask for the same moment again and again.
                    let again = client.poll_timeout().filter(|(at, _)| *at <= now);
                    let mut buf = [0; 1_024];
                    if let Some((_, reason)) = again {
                        let sends = client.poll_transmit(now, &mut buf).is_some();
                        assert!(
                            sends || client.poll_timeout().is_none_or(|(at, _)| at > now),
                            "{reason:?}"
                        );
                    }
                }
            }
        }
        self.now = end;
    }

    /// Runs until `done` holds, 60 s at most.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + Duration::from_secs(60);
        while !done(self) {
            assert!(
                self.now < deadline,
                "never happened; events: {:#?}",
                self.events
            );
            self.run(Duration::from_millis(5));
        }
    }

    fn exchange(&mut self) {
        for index in 0..self.clients.len() {
            while let Some(event) = self.clients[index].poll_event() {
                match &event {
                    Event::OpenStream {
                        id,
                        host,
                        port,
                        tls,
                    } => {
                        assert_eq!((host.as_str(), *port, *tls), ("kvs.local", 8_080, false));
                        self.opened += 1;
                        if self.network == Network::Refuses {
                            let reason = CloseReason::Refused;
                            self.fly(Packet::ClientEnd(index, *id, reason));
                        } else {
                            self.next += 1;
                            let key = self.next;
                            self.links.insert(key, (index, *id));
                            self.fly(Packet::Open(key));
                        }
                    }
                    Event::OpenMutualTls { id, host, port } => {
                        assert_eq!((host.as_str(), *port), ("iot.local", 443));
                        self.fly(Packet::Iot(index, *id));
                    }
                    Event::CloseStream(id) => {
                        let key = self.links.iter().find(|(_, link)| **link == (index, *id));
                        if let Some(key) = key.map(|(key, _)| *key) {
                            self.fly(Packet::ServiceEnd(key));
                        }
                    }
                    _ => {}
                }
                self.events[index].push((self.now, event));
            }
            // A small buffer, so that messages leave in pieces.
            let mut buf = [0; 700];
            while let Some(transmit) = self.clients[index].poll_transmit(self.now, &mut buf) {
                let link = (index, transmit.stream);
                self.note(index, &buf[..transmit.len]);
                let key = self.links.iter().find(|(_, other)| **other == link);
                if let Some(key) = key.map(|(key, _)| *key) {
                    self.fly(Packet::ToService(key, buf[..transmit.len].to_vec()));
                }
            }
        }
        while let Some((key, bytes)) = self.streams.poll_transmit() {
            if let Some((client, id)) = self.links.get(&key).copied() {
                for piece in bytes.chunks(900) {
                    self.fly(Packet::ToClient(client, id, piece.to_vec()));
                }
            }
        }
        while let Some(key) = self.streams.poll_close() {
            if let Some((client, id)) = self.links.remove(&key) {
                self.fly(Packet::ClientEnd(client, id, CloseReason::Eof));
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let packet = entry.remove();
            let (now, unix) = (self.now, self.service_unix());
            if self.network == Network::BlackHole {
                continue;
            }
            match packet {
                Packet::Open(key) => {
                    if let Some((client, id)) = self.links.get(&key).copied() {
                        let peer = "192.0.2.1:50000".parse().unwrap();
                        self.streams.handle_opened(key, false, peer);
                        self.fly(Packet::Opened(client, id));
                    }
                }
                Packet::ToService(key, bytes) => {
                    self.streams
                        .handle_bytes(now, unix, &mut self.service, key, &bytes);
                }
                Packet::ServiceEnd(key) => {
                    self.links.remove(&key);
                    self.streams.handle_closed(&mut self.service, key);
                }
                Packet::Iot(client, id) => {
                    self.clients[client].handle_input(now, Input::StreamOpened(id));
                    self.exchange();
                    match self.iot.clone() {
                        Some(answer) => {
                            self.fly(Packet::ToClient(client, id, answer.into_bytes()));
                        }
                        None => self.fly(Packet::ClientEnd(client, id, CloseReason::Tls)),
                    }
                }
                Packet::Opened(client, id) => {
                    self.clients[client].handle_input(now, Input::StreamOpened(id));
                }
                Packet::ToClient(client, id, bytes) => {
                    self.clients[client].handle_input(now, Input::StreamBytes(id, &bytes));
                }
                Packet::ClientEnd(client, id, reason) => {
                    self.clients[client].handle_input(now, Input::StreamClosed(id, reason));
                }
            }
            self.exchange();
        }
    }

    /// Remembers a request by its path; none is longer than a head's first line in one piece.
    fn note(&mut self, client: usize, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let Some((method @ ("POST" | "GET"), rest)) = text.split_once(' ') else {
            return;
        };
        let path = rest.split([' ', '?']).next().unwrap();
        let name = match (method, path) {
            ("GET", "/") => "Connect".into(),
            ("POST", "/v1/get-ice-server-config") => "GetIceServerConfig".into(),
            ("GET", _) => "GetCredentials".into(),
            (_, path) => {
                let name = path.trim_start_matches('/');
                name[..1].to_uppercase() + &name[1..]
            }
        };
        self.calls.push((self.now, client, name));
    }

    /// A channel that exists, made by nobody in particular.
    pub(crate) fn with_channel() -> (Self, usize) {
        let mut world = Self::new();
        let maker = world.master();
        world.run_until(|w| w.connected(0));
        let now = world.now;
        world.clients[maker].shutdown(now);
        world.run(Duration::from_secs(1));
        let from = world.calls.len();
        (world, from)
    }

    /// Names of what a client has called since `from`.
    pub(crate) fn called(&self, client: usize, from: usize) -> Vec<&str> {
        let calls = self.calls.iter().skip(from);
        calls
            .filter(|(_, of, _)| *of == client)
            .map(|(.., name)| name.as_str())
            .collect()
    }

    pub(crate) fn connected(&self, client: usize) -> bool {
        self.clients[client].is_connected()
    }

    pub(crate) fn messages(&self, client: usize) -> Vec<Inbound> {
        self.events[client]
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Message(message) => Some(message.clone()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn saw(&self, client: usize, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events[client]
            .iter()
            .filter(|(_, event)| wanted(event))
            .count()
    }

    pub(crate) fn send(&mut self, client: usize, message: Outbound) {
        let now = self.now;
        self.clients[client].send(now, message).unwrap();
    }
}

pub(crate) fn offer(text: &str) -> Outbound {
    Outbound::to_master(Body::Offer(text.into()))
}

pub(crate) fn answer(to: &str, text: &str) -> Outbound {
    Outbound::to_viewer(ClientId::new(to).unwrap(), Body::Answer(text.into()))
}

pub(crate) fn candidate(to: Option<&str>, text: &str) -> Outbound {
    Outbound {
        to: to.map(|id| ClientId::new(id).unwrap()),
        body: Body::Candidate(kvs_message::Candidate {
            candidate: text.into(),
            ..kvs_message::Candidate::default()
        }),
        correlation_id: None,
    }
}
