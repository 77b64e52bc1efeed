//! Operations on two agents joined by a network that loses, repeats and reorders. Tables stay
//! within their limits, nothing spins, data goes to validated pairs only; and afterwards, on a
//! clean network, a restart of both ends in a path.
#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;

use arbitrary::{Arbitrary, Unstructured};
use smolrtc_base::{Duration, Instant, Limits, Rng};
use smolrtc_crypto::RustCrypto;
use smolrtc_ice::{Agent, Candidate, Config, Event, MAX_MESSAGE_LEN, MdnsId, State};
use smolrtc_stun::{Builder, Class, Key, Method, TransactionId};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    AddInterface {
        side: bool,
        interface: u8,
    },
    RemoveInterface {
        side: bool,
        interface: u8,
    },
    Restart {
        side: bool,
    },
    Credentials {
        side: bool,
    },
    Candidates {
        side: bool,
    },
    Line {
        side: bool,
        line: &'a str,
    },
    Resolved {
        side: bool,
        id: u8,
        ip: Option<[u8; 4]>,
    },
    Role {
        side: bool,
        controlling: bool,
    },
    Lite {
        side: bool,
        lite: bool,
    },
    End {
        side: bool,
    },
    Servers {
        side: bool,
    },
    /// A request that knows the password.
    Authentic {
        side: bool,
        interface: u8,
        from: [u8; 4],
        port: u16,
        priority: u32,
        role: Option<(bool, u64)>,
        nominate: bool,
    },
    Raw {
        side: bool,
        interface: u8,
        bytes: &'a [u8],
    },
    Deliver,
    Lose,
    Repeat,
    Delay,
    Wait {
        millis: u16,
    },
}

static PROVIDER: RustCrypto = RustCrypto;

fn interface(side: usize, number: u8) -> SocketAddr {
    let text = match (side, number % 3) {
        (0, 0) => "10.0.0.1:1000",
        (0, 1) => "10.0.2.1:1000",
        (0, _) => "[2001:db8::1]:1000",
        (_, 0) => "10.0.1.1:2000",
        (_, 1) => "192.168.1.1:2000",
        (_, _) => "[2001:db8::2]:2000",
    };
    text.parse().expect("a literal")
}

struct World {
    now: Instant,
    agents: [Agent; 2],
    wire: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

const LIMITS: Limits = Limits::CHIP;

impl World {
    fn apply(&mut self, operation: Operation<'_>) {
        let now = self.now;
        match operation {
            Operation::AddInterface { side, interface: n } => {
                let side = usize::from(side);
                self.agents[side].add_interface(now, interface(side, n));
            }
            Operation::RemoveInterface { side, interface: n } => {
                let side = usize::from(side);
                self.agents[side].remove_interface(now, interface(side, n));
            }
            Operation::Restart { side } => self.agents[usize::from(side)].restart(now),
            Operation::Credentials { side } => self.credentials(usize::from(side)),
            Operation::Candidates { side } => self.candidates(usize::from(side)),
            Operation::Line { side, line } => {
                if let Ok(candidate) = Candidate::parse(line) {
                    self.agents[usize::from(side)].add_remote_candidate(now, candidate);
                }
            }
            Operation::Resolved { side, id, ip } => {
                let ip = ip.map(Into::into);
                self.agents[usize::from(side)].resolved(now, MdnsId(id.into()), ip);
            }
            Operation::Role { side, controlling } => {
                self.agents[usize::from(side)].set_controlling(controlling);
            }
            Operation::Lite { side, lite } => self.agents[usize::from(side)].set_remote_lite(lite),
            Operation::End { side } => self.agents[usize::from(side)].end_of_remote_candidates(),
            Operation::Servers { side } => {
                let server = "192.0.2.9:3478".parse().expect("a literal");
                self.agents[usize::from(side)].set_stun_servers(now, &[server]);
            }
            Operation::Authentic {
                side,
                interface: n,
                from,
                port,
                priority,
                role,
                nominate,
            } => {
                let side = usize::from(side);
                let agent = &mut self.agents[side];
                let (ufrag, pwd) = agent.local_credentials();
                let username = format!("{ufrag}:x");
                let key = Key::short_term(&PROVIDER, pwd.expose());
                let mut buf = [0; 200];
                let id = TransactionId([n; 12]);
                let len = (|| {
                    let mut request = Builder::new(&mut buf, Class::Request, Method::BINDING, id)?;
                    request.username(&username)?;
                    request.priority(priority)?;
                    match role {
                        Some((true, tiebreaker)) => request.ice_controlling(tiebreaker)?,
                        Some((false, tiebreaker)) => request.ice_controlled(tiebreaker)?,
                        None => {}
                    }
                    if nominate {
                        request.use_candidate()?;
                    }
                    request.integrity(&key)?;
                    Ok::<_, smolrtc_base::BufferTooSmall>(request.finish())
                })()
                .expect("room for a request");
                agent.handle_input(now, (from, port).into(), interface(side, n), &buf[..len]);
            }
            Operation::Raw {
                side,
                interface: n,
                bytes,
            } => {
                let side = usize::from(side);
                let from = interface(1 - side, n);
                self.agents[side].handle_input(now, from, interface(side, n), bytes);
            }
            Operation::Deliver => self.deliver(),
            Operation::Lose => drop(self.wire.pop_front()),
            Operation::Repeat => {
                if let Some(first) = self.wire.front().cloned() {
                    self.wire.push_back(first);
                }
            }
            Operation::Delay => {
                if let Some(first) = self.wire.pop_front() {
                    self.wire.push_back(first);
                }
            }
            Operation::Wait { millis } => self.now = now + Duration::from_millis(millis.into()),
        }
        self.work();
    }

    fn credentials(&mut self, side: usize) {
        let (ufrag, pwd) = self.agents[1 - side].local_credentials();
        let (ufrag, pwd) = (ufrag.to_owned(), pwd.clone());
        // Refused when the other side restarted and this one did not.
        let _ = self.agents[side].set_remote_credentials(&ufrag, &pwd);
    }

    fn candidates(&mut self, side: usize) {
        let all: Vec<Candidate> = self.agents[1 - side].local_candidates().cloned().collect();
        for candidate in all {
            self.agents[side].add_remote_candidate(self.now, candidate);
        }
    }

    fn deliver(&mut self) {
        if let Some((from, to, bytes)) = self.wire.pop_front() {
            for agent in &mut self.agents {
                if agent.has_interface(to) {
                    agent.handle_input(self.now, from, to, &bytes);
                }
            }
        }
    }

    fn work(&mut self) {
        let mut buf = [0; MAX_MESSAGE_LEN];
        for agent in &mut self.agents {
            agent.handle_timeout(self.now);
            while let Some(transmit) = agent.poll_transmit(self.now, &mut buf) {
                assert!(agent.has_interface(transmit.from));
                if self.wire.len() < 256 {
                    let bytes = buf[..transmit.len].to_vec();
                    self.wire.push_back((transmit.from, transmit.to, bytes));
                }
            }
            let mut events = 0;
            while let Some(event) = agent.poll_event() {
                assert!(!matches!(event, Event::StateChanged(State::New)) || events < 500);
                events += 1;
                assert!(events < 1_000, "events without end");
            }
            agent.handle_timeout(self.now);
            let at_rest = agent.poll_timeout().is_none_or(|(at, _)| at > self.now);
            assert!(at_rest, "{:?} at {:?}", agent.poll_timeout(), self.now);

            assert!(agent.pair_stats().count() <= LIMITS.ice_pairs);
            assert!(agent.local_candidates().count() <= LIMITS.ice_local_candidates);
            let remote = agent.candidate_stats().filter(|candidate| candidate.remote);
            assert!(remote.count() <= LIMITS.ice_remote_candidates);
            if let Some((local, remote)) = agent.send_path() {
                assert!(agent.is_validated(remote, local) && agent.has_interface(local));
            }
        }
    }

    /// Lets time run on a clean network whose way takes no time.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.work();
            for _ in 0..1_000 {
                if self.wire.is_empty() {
                    break;
                }
                self.deliver();
                self.work();
            }
            let next = self
                .agents
                .iter()
                .filter_map(|agent| Some(agent.poll_timeout()?.0))
                .min();
            self.now = next.unwrap_or(end).clamp(self.now, end);
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let seed = input.arbitrary::<u64>().unwrap_or(0);
    let mut rng = Rng::from_u64(seed);
    let mut agent = |controlling| {
        let config = Config {
            controlling,
            limits: LIMITS,
            ..Config::default()
        };
        Agent::new(config, rng.fork(), &PROVIDER)
    };
    let mut world = World {
        now: Instant::from_millis(1),
        agents: [agent(true), agent(false)],
        wire: VecDeque::new(),
    };
    for _ in 0..200 {
        match input.arbitrary::<Operation<'_>>() {
            Ok(operation) if !input.is_empty() => world.apply(operation),
            _ => break,
        }
    }

    world.wire.clear();
    for side in 0..2 {
        let now = world.now;
        let agent = &mut world.agents[side];
        agent.set_remote_lite(false);
        agent.add_interface(now, interface(side, 0));
        agent.restart(now);
    }
    for side in 0..2 {
        world.credentials(side);
        world.candidates(side);
    }
    world.run(Duration::from_secs(10));
    for agent in &world.agents {
        assert_eq!(agent.state(), State::Completed);
    }
});
