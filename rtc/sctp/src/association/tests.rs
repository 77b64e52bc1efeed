//! Two associations in virtual time, joined by a link that loses, repeats, delays and reorders.

use super::*;
use smolrtc_base::Limits;
use smolrtc_crypto::{Aead, AeadAlgorithm, Ctr, HashAlgorithm, Job, JobResult, Mac};
use std::{string::String, string::ToString, vec, vec::Vec as StdVec};

mod basics;
mod hostile;
mod lossy;
mod speed;

/// A keyed checksum in place of HMAC: these tests are about SCTP.
#[derive(Debug)]
struct TestProvider;

#[derive(Debug)]
struct TestMac(u64);

impl Mac for TestMac {
    fn compute(&self, parts: &[&[u8]]) -> [u8; 64] {
        let mut out = [0; 64];
        for (n, slot) in out.iter_mut().enumerate() {
            let mut state = self.0 ^ n as u64;
            for byte in parts.iter().flat_map(|part| part.iter()) {
                state = (state ^ u64::from(*byte))
                    .wrapping_mul(0x0100_0000_01b3)
                    .rotate_left(9);
            }
            // Every bit of the state reaches the byte.
            state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *slot = ((state ^ (state >> 32)) >> 13) as u8;
        }
        out
    }
}

impl Provider for TestProvider {
    fn supports_rsa(&self) -> bool {
        false
    }
    fn hash(&self, _: HashAlgorithm, _: &[&[u8]]) -> [u8; 64] {
        unreachable!("SCTP hashes nothing")
    }
    fn hmac(&self, _: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
        let seed = key
            .iter()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(257) + u64::from(*byte));
        Box::new(TestMac(seed))
    }
    fn aead(&self, _: AeadAlgorithm, _: &[u8]) -> Option<Box<dyn Aead>> {
        None
    }
    fn aes_ctr(&self, _: &[u8]) -> Option<Box<dyn Ctr>> {
        None
    }
    fn run(&self, _: &Job) -> JobResult {
        unreachable!("SCTP has no public keys")
    }
}

static PROVIDER: TestProvider = TestProvider;

/// An event that owns what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Established,
    Opened(u16, String, bool),
    Message(u16, MessageKind, StdVec<u8>),
    Low(u16),
    ChannelClosed(u16),
    Closed(CloseReason),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Established => Self::Established,
            Event::ChannelOpened {
                id,
                label,
                incoming,
                ..
            } => Self::Opened(id.0, label.to_string(), incoming),
            Event::Message {
                channel,
                kind,
                data,
            } => Self::Message(channel.0, kind, data.to_vec()),
            Event::BufferedAmountLow { channel } => Self::Low(channel.0),
            Event::ChannelClosed { channel } => Self::ChannelClosed(channel.0),
            Event::Closed(reason) => Self::Closed(reason),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Link {
    /// Out of 1,000 packets.
    lost: u32,
    doubled: u32,
    delay: u64,
    jitter: u64,
}

struct World {
    now: Instant,
    ends: [Association; 2],
    /// Arrival, tie-breaker, receiver, packet.
    flying: StdVec<(Instant, u64, usize, StdVec<u8>)>,
    seen: [StdVec<Seen>; 2],
    link: Link,
    rng: Rng,
    sent: u64,
    /// Whether an end takes its events.
    reads: [bool; 2],
}

impl World {
    fn new(seed: u64, link: Link) -> Self {
        Self::with(seed, link, |config| config)
    }

    fn with(seed: u64, link: Link, change: impl Fn(Config) -> Config) -> Self {
        let end = |client: bool| {
            let config = change(Config::new(client, Limits::HOST));
            let rng = Rng::from_u64(seed * 2 + u64::from(client));
            let mut end = Association::new(config, rng, &PROVIDER);
            end.set_max_message_size(256 * 1024);
            end
        };
        Self {
            now: Instant::from_millis(1_000),
            ends: [end(true), end(false)],
            flying: StdVec::new(),
            seen: [StdVec::new(), StdVec::new()],
            link,
            rng: Rng::from_u64(seed ^ 0xface),
            sent: 0,
            reads: [true, true],
        }
    }

    fn connected(seed: u64, link: Link) -> Self {
        let mut world = Self::new(seed, link);
        world.connect();
        world
    }

    fn connect(&mut self) {
        let now = self.now;
        self.ends.iter_mut().for_each(|end| end.connect(now));
        self.run(Duration::from_secs(20), |world| {
            world.ends.iter().all(|e| e.is_established())
        });
        assert!(self.ends.iter().all(|end| end.is_established()));
    }

    fn flush(&mut self) {
        let mut buf = [0; 2_000];
        for end in 0..2 {
            let mut count = 0;
            while let Some(len) = self.ends[end].poll_transmit(self.now, &mut buf) {
                assert!(len <= 1_191, "a packet of {len} bytes");
                count += 1;
                assert!(count < 10_000, "poll_transmit does not end");
                for _ in 0..1 + u32::from(self.rng.below(1_000) < self.link.doubled) {
                    if self.rng.below(1_000) < self.link.lost {
                        continue;
                    }
                    let delay =
                        self.link.delay + u64::from(self.rng.below(self.link.jitter as u32 + 1));
                    self.sent += 1;
                    let at = self.now + Duration::from_millis(delay);
                    self.flying
                        .push((at, self.sent, 1 - end, buf[..len].to_vec()));
                }
            }
            while self.reads[end]
                && let Some(event) = self.ends[end].poll_event()
            {
                self.seen[end].push(event.into());
            }
        }
        // Reading may have opened a window.
        for end in 0..2 {
            while self.reads[end]
                && let Some(len) = self.ends[end].poll_transmit(self.now, &mut buf)
            {
                self.sent += 1;
                let at = self.now + Duration::from_millis(self.link.delay);
                self.flying
                    .push((at, self.sent, 1 - end, buf[..len].to_vec()));
            }
        }
    }

    /// One packet or timer; `false` when nothing is left to happen.
    fn step(&mut self, until: Instant) -> bool {
        self.flush();
        let packet = self
            .flying
            .iter()
            .enumerate()
            .min_by_key(|(_, p)| (p.0, p.1))
            .map(|(n, p)| (p.0, n));
        let timer = (0..2)
            .filter_map(|n| self.ends[n].poll_timeout().map(|(at, _)| (at, n)))
            .min();
        match (packet, timer) {
            (Some((at, n)), timer) if timer.is_none_or(|(due, _)| at <= due) && at <= until => {
                self.now = self.now.max(at);
                let (_, _, to, bytes) = self.flying.swap_remove(n);
                self.ends[to].handle_input(self.now, &bytes);
            }
            (_, Some((at, end))) if at <= until => {
                self.now = self.now.max(at);
                self.ends[end].handle_timeout(self.now);
                self.flush();
                let again = self.ends[end].poll_timeout();
                assert!(
                    again.is_none_or(|(next, _)| next > at),
                    "busy loop at {at:?}: {again:?}"
                );
            }
            _ => {
                self.now = until;
                return false;
            }
        }
        true
    }

    fn run(&mut self, span: Duration, done: impl Fn(&Self) -> bool) {
        let until = self.now + span;
        while !done(self) && self.step(until) {}
        self.flush();
    }

    fn run_for(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis), |_| false);
    }

    /// Opens a channel at end 0 and waits until both know it.
    fn open(
        &mut self,
        change: impl Fn(ChannelConfig<'static>) -> ChannelConfig<'static>,
    ) -> ChannelId {
        let id = self.ends[0]
            .open_channel(self.now, change(ChannelConfig::new("data")))
            .unwrap();
        let opened = |seen: &[Seen]| {
            seen.iter()
                .any(|s| matches!(s, Seen::Opened(n, ..) if *n == id.0))
        };
        self.run(Duration::from_secs(30), |w| {
            w.seen.iter().all(|seen| opened(seen))
        });
        assert!(self.seen.iter().all(|seen| opened(seen)));
        id
    }

    fn send(&mut self, end: usize, id: ChannelId, data: &[u8]) {
        self.ends[end]
            .send(self.now, id, MessageKind::Binary, data)
            .unwrap();
    }

    fn messages(&self, end: usize) -> StdVec<&[u8]> {
        self.seen[end]
            .iter()
            .filter_map(|s| {
                if let Seen::Message(_, _, data) = s {
                    Some(&data[..])
                } else {
                    None
                }
            })
            .collect()
    }
}

/// Bytes that differ with `seed` and position.
fn pattern(seed: u32, len: usize) -> StdVec<u8> {
    (0..len as u32)
        .map(|n| (n.wrapping_mul(31).wrapping_add(seed).wrapping_mul(7) >> 3) as u8)
        .collect()
}

const CLEAN: Link = Link {
    lost: 0,
    doubled: 0,
    delay: 10,
    jitter: 0,
};
const BAD: Link = Link {
    lost: 80,
    doubled: 50,
    delay: 20,
    jitter: 30,
};

impl Association {
    fn inbound_ssn(&mut self, stream: u16) -> &mut u16 {
        self.inbound.next_ssn(stream).unwrap()
    }

    fn resets_sequence(&self) -> u32 {
        self.resets.peer_sequence()
    }
}
