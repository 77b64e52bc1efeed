//! The signaling side: clients and the service, joined by byte streams with a delay.

use std::collections::{BTreeMap, VecDeque};

use kvs_message::{ClientId, Inbound, Outbound};
use kvs_service_core::{Config as ServiceConfig, Service, Streams};
use kvs_signaling::url::Url;
use kvs_signaling::{
    ChannelRef, Client, CloseReason, Config, Credentials, Event, Input, Role, StreamId,
};
use smolrtc::base::{Duration, Instant, Rng, SecretBytes};

use crate::{PROVIDER, unix};

const KEY: &str = "AKIDLOCAL";
const SECRET: &str = "local-secret";

enum Packet {
    Open(u64),
    ToService(u64, Vec<u8>),
    ServiceEnd(u64),
    Opened(usize, StreamId),
    ToClient(usize, StreamId, Vec<u8>),
    ClientEnd(usize, StreamId, CloseReason),
}

/// The service with its clients: number 0 is the master, the others are viewers.
pub struct Cloud {
    /// The service itself.
    pub service: Service,
    /// The clients themselves.
    pub clients: Vec<Client>,
    /// One-way delay between a client and the service.
    pub delay: Duration,
    streams: Streams,
    links: BTreeMap<u64, (usize, StreamId)>,
    flying: BTreeMap<(Instant, u64), Packet>,
    sequence: u64,
    inbox: VecDeque<(usize, Inbound)>,
    waiting: Vec<(usize, Outbound)>,
    rng: Rng,
}

impl Cloud {
    /// A service and the master of its only channel.
    #[must_use]
    pub fn new(now: Instant, delay: Duration, mut rng: Rng) -> Self {
        let config = ServiceConfig::new(KEY, SecretBytes::from(SECRET));
        let mut cloud = Self {
            service: Service::new(config, rng.fork(), &PROVIDER),
            clients: Vec::new(),
            delay,
            streams: Streams::new(&PROVIDER),
            links: BTreeMap::new(),
            flying: BTreeMap::new(),
            sequence: 0,
            inbox: VecDeque::new(),
            waiting: Vec::new(),
            rng,
        };
        cloud.add(now, Role::Master);
        cloud
    }

    /// Adds a viewer; its number.
    pub fn add_viewer(&mut self, now: Instant, name: ClientId) -> usize {
        self.add(now, Role::Viewer(name))
    }

    fn add(&mut self, now: Instant, role: Role) -> usize {
        let channel = ChannelRef::parse("camera").expect("a channel's name");
        let mut config = Config::new(role, channel, "us-west-2").expect("a configuration");
        config.endpoint = Some(Url::parse("http://kvs.local:8080").expect("an endpoint"));
        config.create_channel = matches!(config.role, Role::Master);
        let credentials = Credentials::new(KEY, SecretBytes::from(SECRET));
        let rng = self.rng.fork();
        let mut client = Client::new(now, config, credentials, rng, &PROVIDER).expect("a client");
        client.set_wall_clock(now, unix(now));
        self.clients.push(client);
        self.exchange(now);
        self.clients.len() - 1
    }

    /// Sends a message as client `from`, as soon as that is connected.
    pub fn send(&mut self, now: Instant, from: usize, message: Outbound) {
        self.waiting.push((from, message));
        self.exchange(now);
    }

    /// The next message for a client.
    pub fn poll_message(&mut self) -> Option<(usize, Inbound)> {
        self.inbox.pop_front()
    }

    /// Cuts every stream: both ends see a reset.
    pub fn cut(&mut self, now: Instant) {
        self.flying.clear();
        for (key, (client, id)) in std::mem::take(&mut self.links) {
            self.streams.handle_closed(&mut self.service, key);
            let input = Input::StreamClosed(id, CloseReason::Reset);
            self.clients[client].handle_input(now, input);
        }
        self.exchange(now);
    }

    /// When something is due next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let clients = self
            .clients
            .iter()
            .filter_map(|client| Some(client.poll_timeout()?.0));
        let service = self.service.poll_timeout().map(|(at, _)| at);
        let flying = self.flying.keys().next().map(|(at, _)| *at);
        clients.chain(service).chain(flying).min()
    }

    /// Does what time has made due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let packet = entry.remove();
            self.deliver(now, packet);
            self.exchange(now);
        }
        self.service.handle_timeout(now);
        for client in &mut self.clients {
            if client.poll_timeout().is_some_and(|(at, _)| at <= now) {
                client.handle_timeout(now);
            }
        }
        self.exchange(now);
    }

    fn fly(&mut self, now: Instant, packet: Packet) {
        self.sequence += 1;
        self.flying
            .insert((now + self.delay, self.sequence), packet);
    }

    fn exchange(&mut self, now: Instant) {
        self.streams.collect(&mut self.service);
        let clients = &mut self.clients;
        self.waiting.retain(|(from, message)| {
            !(clients[*from].is_connected() && clients[*from].send(now, message.clone()).is_ok())
        });
        for index in 0..self.clients.len() {
            while let Some(event) = self.clients[index].poll_event() {
                match event {
                    Event::OpenStream { id, .. } => {
                        self.sequence += 1;
                        let key = self.sequence;
                        self.links.insert(key, (index, id));
                        self.fly(now, Packet::Open(key));
                    }
                    Event::CloseStream(id) => {
                        let key = self.links.iter().find(|(_, link)| **link == (index, id));
                        if let Some(key) = key.map(|(key, _)| *key) {
                            self.fly(now, Packet::ServiceEnd(key));
                        }
                    }
                    Event::Message(message) => self.inbox.push_back((index, message)),
                    _ => {}
                }
            }
            // Less than a message: it leaves in pieces, as TCP may cut it.
            let mut buf = [0; 700];
            while let Some(transmit) = self.clients[index].poll_transmit(now, &mut buf) {
                let link = (index, transmit.stream);
                let key = self.links.iter().find(|(_, other)| **other == link);
                if let Some(key) = key.map(|(key, _)| *key) {
                    self.fly(now, Packet::ToService(key, buf[..transmit.len].to_vec()));
                }
            }
        }
        while let Some((key, bytes)) = self.streams.poll_transmit() {
            if let Some((client, id)) = self.links.get(&key).copied() {
                for piece in bytes.chunks(900) {
                    self.fly(now, Packet::ToClient(client, id, piece.to_vec()));
                }
            }
        }
        while let Some(key) = self.streams.poll_close() {
            if let Some((client, id)) = self.links.remove(&key) {
                self.fly(now, Packet::ClientEnd(client, id, CloseReason::Eof));
            }
        }
    }

    fn deliver(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::Open(key) => {
                if let Some((client, id)) = self.links.get(&key).copied() {
                    let peer = ([192, 0, 2, 1], 50_000).into();
                    self.streams.handle_opened(key, false, peer);
                    self.fly(now, Packet::Opened(client, id));
                }
            }
            Packet::ToService(key, bytes) => {
                self.streams
                    .handle_bytes(now, unix(now), &mut self.service, key, &bytes);
            }
            Packet::ServiceEnd(key) => {
                self.links.remove(&key);
                self.streams.handle_closed(&mut self.service, key);
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
    }
}
