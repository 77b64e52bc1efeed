//! The network: delay, loss, duplication, reordering, NAT and STUN servers, all from one seed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::string::String;
use std::vec::Vec;

use smolrtc_base::{Duration, Instant, Rng};
use smolrtc_crypto::RustCrypto;
use smolrtc_stun::{Builder, Class, Message, Method};

use crate::{Agent, Candidate, Config, Event, MAX_MESSAGE_LEN, State};

pub(super) static PROVIDER: RustCrypto = RustCrypto;

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What the network does to datagrams.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) delay: Duration,
    /// Added at random, which reorders.
    pub(super) jitter: Duration,
    pub(super) loss_percent: u32,
    pub(super) duplicate_percent: u32,
}

impl Link {
    pub(super) fn clean(delay_ms: u64) -> Self {
        Self {
            delay: ms(delay_ms),
            jitter: Duration::ZERO,
            loss_percent: 0,
            duplicate_percent: 0,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// A NAT with endpoint-independent mapping and address-and-port-dependent filtering.
#[derive(Default)]
pub(super) struct Nat {
    inside: Option<IpAddr>,
    outside: Option<IpAddr>,
    /// Inside to outside.
    mappings: BTreeMap<SocketAddr, SocketAddr>,
    /// (outside, remote) that may come in.
    open: Vec<(SocketAddr, SocketAddr)>,
    next_port: u16,
}

impl Nat {
    fn outbound(&mut self, datagram: &mut Datagram) {
        if Some(datagram.from.ip()) != self.inside {
            return;
        }
        let Some(outside) = self.outside else { return };
        let port = &mut self.next_port;
        let mapped = *self.mappings.entry(datagram.from).or_insert_with(|| {
            *port += 1;
            SocketAddr::new(outside, *port)
        });
        self.open.push((mapped, datagram.to));
        datagram.from = mapped;
    }

    /// False: blocked.
    fn inbound(&self, datagram: &mut Datagram) -> bool {
        if Some(datagram.to.ip()) == self.inside {
            return false;
        }
        if Some(datagram.to.ip()) != self.outside {
            return true;
        }
        if !self.open.contains(&(datagram.to, datagram.from)) {
            return false;
        }
        let mapping = self
            .mappings
            .iter()
            .find(|(_, outside)| **outside == datagram.to);
        mapping.is_some_and(|(inside, _)| {
            datagram.to = *inside;
            true
        })
    }

    /// Forgets all mappings, as a rebooted router does; new ones get new ports.
    pub(super) fn rebind(&mut self) {
        self.mappings.clear();
        self.open.clear();
    }
}

pub(super) const LEFT: usize = 0;
pub(super) const RIGHT: usize = 1;

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) agents: [Agent; 2],
    pub(super) link: Link,
    pub(super) nats: [Nat; 2],
    pub(super) stun_servers: Vec<SocketAddr>,
    /// Addresses whose datagrams vanish.
    pub(super) dead: Vec<SocketAddr>,
    pub(super) events: [Vec<(Instant, Event)>; 2],
    /// Every datagram sent: when, by whom.
    pub(super) sent: Vec<(Instant, usize, Datagram)>,
    /// Whether candidates found later are signalled.
    pub(super) trickle: bool,
    pub(super) names: BTreeMap<String, IpAddr>,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), Datagram>,
    serial: u64,
}

impl World {
    /// Two agents, the left one controlling, without interfaces.
    pub(super) fn new(seed: u64, link: Link) -> Self {
        let left = Config {
            controlling: true,
            ..Config::default()
        };
        Self::with_configs(seed, link, [left, Config::default()])
    }

    pub(super) fn with_configs(seed: u64, link: Link, configs: [Config; 2]) -> Self {
        let mut rng = Rng::from_u64(seed);
        let agents = configs.map(|config| Agent::new(config, rng.fork(), &PROVIDER));
        Self {
            now: Instant::from_millis(1_000),
            agents,
            link,
            nats: Default::default(),
            stun_servers: Vec::new(),
            dead: Vec::new(),
            events: Default::default(),
            sent: Vec::new(),
            trickle: true,
            names: BTreeMap::new(),
            rng,
            flying: BTreeMap::new(),
            serial: 0,
        }
    }

    /// One interface each, in different networks that route to each other.
    pub(super) fn pair(seed: u64, link: Link) -> Self {
        let mut world = Self::new(seed, link);
        world.add(LEFT, "10.0.0.1:1000");
        world.add(RIGHT, "10.0.1.1:2000");
        world
    }

    pub(super) fn add(&mut self, side: usize, address: &str) {
        self.agents[side].add_interface(self.now, addr(address));
    }

    pub(super) fn nat(&mut self, side: usize, inside: &str, outside: &str) {
        self.nats[side] = Nat {
            inside: Some(inside.parse().unwrap()),
            outside: Some(outside.parse().unwrap()),
            next_port: 40_000,
            ..Nat::default()
        };
    }

    /// Hands each agent the other's credentials and present candidates.
    pub(super) fn signal(&mut self) {
        for side in [LEFT, RIGHT] {
            self.signal_to(side);
        }
    }

    pub(super) fn signal_to(&mut self, side: usize) {
        let other = &self.agents[1 - side];
        let (ufrag, pwd) = other.local_credentials();
        let (ufrag, pwd) = (String::from(ufrag), pwd.clone());
        let lines: Vec<String> = other
            .local_candidates()
            .map(|c| std::format!("{c}"))
            .collect();
        self.agents[side]
            .set_remote_credentials(&ufrag, &pwd)
            .unwrap();
        for line in lines {
            let candidate = Candidate::parse(&line).unwrap();
            self.agents[side].add_remote_candidate(self.now, candidate);
        }
    }

    /// Lets the agents and the network work until `until` holds or the time is over. Whether it
    /// came to hold.
    pub(super) fn run(&mut self, limit: Duration, until: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        let mut stuck = 0;
        loop {
            self.settle();
            if until(self) {
                return true;
            }
            let timers = self
                .agents
                .iter()
                .filter_map(|agent| Some(agent.poll_timeout()?.0));
            let flights = self.flying.keys().next().map(|(at, _)| *at);
            let next = timers.chain(flights).min().unwrap_or(end);
            if next > self.now {
                stuck = 0;
            } else {
                // Nothing may ask to be called now, and then find nothing to do.
                stuck += 1;
                let why: Vec<_> = self
                    .agents
                    .iter()
                    .map(|agent| (agent.poll_timeout(), agent.state(), agent.send_path()))
                    .collect();
                assert!(stuck < 50, "an agent spins at {:?}: {why:?}", self.now);
            }
            if next >= end {
                self.now = end;
                self.settle();
                return until(self);
            }
            self.now = self.now.max(next);
        }
    }

    pub(super) fn run_for(&mut self, span: Duration) {
        self.run(span, |_| false);
    }

    pub(super) fn connected(&self) -> bool {
        self.agents
            .iter()
            .all(|agent| agent.state() == State::Completed)
    }

    /// Delivers what has arrived and sends what is due.
    fn settle(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let datagram = entry.remove();
            self.deliver(datagram);
        }
        for side in [LEFT, RIGHT] {
            self.agents[side].handle_timeout(self.now);
            self.take_events(side);
            let mut buf = [0; MAX_MESSAGE_LEN];
            while let Some(transmit) = self.agents[side].poll_transmit(self.now, &mut buf) {
                let datagram = Datagram {
                    from: transmit.from,
                    to: transmit.to,
                    bytes: buf[..transmit.len].to_vec(),
                };
                self.sent.push((self.now, side, datagram.clone()));
                self.post(datagram);
            }
            self.take_events(side);
        }
    }

    fn take_events(&mut self, side: usize) {
        while let Some(event) = self.agents[side].poll_event() {
            match &event {
                Event::LocalCandidate(candidate) if self.trickle => {
                    let line = std::format!("{candidate}");
                    let known = self.agents[1 - side].remote_ufrag().is_some();
                    if known {
                        self.agents[1 - side]
                            .add_remote_candidate(self.now, Candidate::parse(&line).unwrap());
                    }
                }
                Event::ResolveMdns { id, name } => {
                    let ip = self.names.get(name).copied();
                    self.agents[side].resolved(self.now, *id, ip);
                }
                _ => {}
            }
            self.events[side].push((self.now, event));
        }
    }

    /// Puts a datagram on the wire.
    pub(super) fn post(&mut self, mut datagram: Datagram) {
        if self.dead.contains(&datagram.from) || self.dead.contains(&datagram.to) {
            return;
        }
        for nat in &mut self.nats {
            nat.outbound(&mut datagram);
        }
        let copies = 1 + u32::from(self.rng.below(100) < self.link.duplicate_percent);
        for _ in 0..copies {
            if self.rng.below(100) < self.link.loss_percent {
                continue;
            }
            let jitter = self.rng.below(self.link.jitter.as_micros() as u32 + 1);
            let at = self.now + self.link.delay + Duration::from_micros(jitter.into());
            self.serial += 1;
            self.flying.insert((at, self.serial), datagram.clone());
        }
    }

    fn deliver(&mut self, mut datagram: Datagram) {
        if self.stun_servers.contains(&datagram.to) {
            let request = Message::parse(&datagram.bytes).unwrap();
            let mut buf = [0; 128];
            let mut response = Builder::new(
                &mut buf,
                Class::Success,
                Method::BINDING,
                request.transaction_id(),
            )
            .unwrap();
            response.xor_mapped_address(&datagram.from).unwrap();
            let len = response.finish();
            let bytes = buf[..len].to_vec();
            return self.post(Datagram {
                from: datagram.to,
                to: datagram.from,
                bytes,
            });
        }
        if !self.nats.iter().all(|nat| nat.inbound(&mut datagram)) {
            return;
        }
        for agent in &mut self.agents {
            if agent.has_interface(datagram.to) {
                agent.handle_input(self.now, datagram.from, datagram.to, &datagram.bytes);
            }
        }
    }

    /// When `side` first reported an event that `is` accepts.
    pub(super) fn first(&self, side: usize, is: impl Fn(&Event) -> bool) -> Option<Instant> {
        self.events[side]
            .iter()
            .find(|(_, event)| is(event))
            .map(|(at, _)| *at)
    }
}
