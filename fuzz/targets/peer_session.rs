//! One whole session: two peer connections, offer and answer to goodbye, with media both ways and
//! data channels, over a network that loses, repeats, reorders, corrupts and injects, in virtual time.
//!
//! With tags checked nothing changed reaches an application: frames and messages are those sent, in
//! order, once. With tags unchecked only the state machines are asked to survive. No timer spins; and
//! if the network did nothing worse than lose, repeat and reorder, both ends are connected in the end.
#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use fuzz::{CHECKED, Quick, UNCHECKED, WALL, certificate};
use smolrtc::base::{Duration, Instant, Limits, Rng};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::Codec;
use smolrtc::rtp::history::Ring;
use smolrtc::sctp::{ChannelConfig, ChannelId, MessageKind, Reliability};
use smolrtc::{Certificate, Config, ConnectionState, Event, MTU, PeerConnection, Wall};

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    /// Everything that is due now, and everything on its way, in order.
    Settle,
    Wait {
        millis: u16,
    },
    /// What is due now, without delivering anything.
    Poll {
        side: bool,
    },
    Deliver {
        to: bool,
    },
    Lose {
        to: bool,
    },
    LoseAll {
        to: bool,
    },
    Repeat {
        to: bool,
    },
    Swap {
        to: bool,
    },
    Corrupt {
        to: bool,
        at: u16,
        with: u8,
    },
    Truncate {
        to: bool,
        len: u16,
    },
    Inject {
        to: bool,
        from_peer: bool,
        datagram: &'a [u8],
    },
    Frame {
        side: bool,
        key: bool,
        len: u16,
    },
    Open {
        side: bool,
        ordered: bool,
        reliability: u8,
    },
    Message {
        side: bool,
        channel: u8,
        len: u16,
    },
    CloseChannel {
        side: bool,
        channel: u8,
    },
    KeyFrame {
        side: bool,
    },
    Negotiate {
        side: bool,
        restart: bool,
    },
    Candidate {
        to: bool,
        line: &'a str,
    },
    Move {
        side: bool,
    },
    Close {
        side: bool,
    },
}

struct Side {
    peer: PeerConnection,
    rings: Vec<Ring>,
    port: u16,
    channels: Vec<(ChannelId, bool)>,
    /// On the way here.
    wire: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// Key or not, and length, of each.
    frames_sent: Vec<(bool, usize)>,
    messages_sent: u32,
    last_frame: Option<usize>,
    messages: Vec<u32>,
    closed: bool,
}

struct World {
    now: Instant,
    provider: &'static Quick,
    sides: [Side; 2],
    /// Whether the network is no worse than lossy, and nobody wanted an end.
    tame: bool,
}

fn certificates() -> &'static [Certificate; 2] {
    static MADE: OnceLock<[Certificate; 2]> = OnceLock::new();
    MADE.get_or_init(|| [certificate(1), certificate(2)])
}

fn address(side: usize, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, side as u8 + 1], port))
}

/// What frame number `n` of `side` holds: an H.264 slice with parameter sets, or Opus.
fn frame(side: usize, number: u32, key: bool, len: usize) -> Vec<u8> {
    let fill = (0..len).map(|at| 1 + ((at as u32).wrapping_add(number) % 250) as u8);
    let name = [1 + (number / 250) as u8, 1 + (number % 250) as u8];
    if side == 1 {
        return core::iter::once(0xfc).chain(name).chain(fill).collect();
    }
    let mut bytes = Vec::new();
    if key {
        bytes.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce]);
    }
    bytes.extend_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0x9a]);
    bytes.extend(name);
    bytes.extend(fill);
    bytes
}

/// The number in a frame of `side`.
fn number_in(side: usize, key: bool, frame: &[u8]) -> usize {
    let at = match (side, key) {
        (1, _) => 1,
        (_, true) => 20,
        (_, false) => 6,
    };
    usize::from(frame[at] - 1) * 250 + usize::from(frame[at + 1] - 1)
}

impl World {
    fn new(provider: &'static Quick, options: u8) -> Self {
        let now = Instant::ZERO;
        let sides = [0, 1].map(|side| {
            let mut config = Config::new(certificates()[side].clone(), Limits::CHIP);
            config.tracks = vec![if side == 0 { Codec::H264 } else { Codec::Opus }];
            if side == 0 {
                config.receive_audio = vec![Codec::Opus];
            } else {
                config.receive_video = vec![Codec::H264];
            }
            if options & 1 != 0 {
                config.srtp_profiles.reverse();
            }
            let rings = config
                .tracks
                .iter()
                .map(|codec| Ring::new(*codec, &config.limits));
            let rings = rings.collect();
            let mut peer = PeerConnection::new(config, Rng::from_u64(side as u64), provider);
            peer.set_wall_clock(Wall::new(now, WALL));
            peer.add_interface(now, address(side, 5_000));
            Side {
                peer,
                rings,
                port: 5_000,
                channels: Vec::new(),
                wire: VecDeque::new(),
                frames_sent: Vec::new(),
                messages_sent: 0,
                last_frame: None,
                messages: Vec::new(),
                closed: false,
            }
        });
        let mut world = Self {
            now,
            provider,
            sides,
            tame: true,
        };
        world.negotiate(usize::from(options & 2 != 0), false);
        world
    }

    fn negotiate(&mut self, from: usize, restart: bool) {
        let now = self.now;
        let Ok(offer) = self.sides[from].peer.create_offer(now, restart) else {
            assert!(!self.tame);
            return;
        };
        let answer = self.sides[1 - from].peer.accept_offer(now, &offer);
        match answer {
            Ok(answer) => {
                let done = self.sides[from].peer.accept_answer(now, &answer);
                assert!(done.is_ok() || !self.tame, "{done:?}");
            }
            // An offer of its own may be out, after a failure of ours.
            Err(error) => assert!(!self.tame, "{error:?}"),
        }
    }

    fn events(&mut self, index: usize) {
        let now = self.now;
        let checked = self.provider.tags;
        let sent = self.sides[1 - index].messages_sent;
        let mut candidates = Vec::new();
        let [a, b] = &mut self.sides;
        let (side, frames) = if index == 0 {
            (a, &b.frames_sent)
        } else {
            (b, &a.frames_sent)
        };
        loop {
            let mut computed = None;
            match side.peer.poll_event() {
                None => break,
                Some(Event::Compute(id, job)) => computed = Some((id, self.provider.run(&job))),
                Some(Event::LocalCandidate(line)) => candidates.push(line),
                Some(Event::Closed(_)) => {
                    assert!(!side.closed, "it ends once");
                    side.closed = true;
                }
                Some(Event::Frame(got)) if checked => {
                    let number = number_in(1 - index, got.key, got.data);
                    let (key, len) = frames[number];
                    assert_eq!(got.key, key);
                    assert_eq!(got.data, frame(1 - index, number as u32, key, len));
                    assert!(side.last_frame.is_none_or(|last| number > last), "order");
                    side.last_frame = Some(number);
                }
                Some(Event::ChannelOpened { id, ordered, .. }) => {
                    side.channels.retain(|(known, _)| *known != id);
                    side.channels.push((id, ordered));
                }
                Some(Event::ChannelClosed { channel }) => {
                    side.channels.retain(|(known, _)| *known != channel);
                }
                Some(Event::Message { data, .. }) if checked => {
                    let number = u32::from_be_bytes(data[..4].try_into().unwrap());
                    assert!(data[4..].iter().all(|byte| *byte == number as u8));
                    assert!(number < sent && !side.messages.contains(&number), "once");
                    side.messages.push(number);
                }
                Some(_) => {}
            }
            if let Some((id, result)) = computed {
                side.peer.handle_computed(now, id, result);
            }
        }
        for line in candidates {
            let added = self.sides[1 - index].peer.add_remote_candidate(now, &line);
            assert!(added.is_ok(), "{line}: {added:?}");
        }
    }

    fn poll(&mut self, index: usize) {
        self.events(index);
        let mut buf = [0; 4 * MTU];
        for count in 0.. {
            assert!(count < 10_000, "transmits without end");
            let side = &mut self.sides[index];
            let Some(transmit) = side.peer.poll_transmit(self.now, &side.rings, 4, &mut buf) else {
                break;
            };
            let size = transmit.segment_size.unwrap_or(transmit.len);
            assert!(size <= MTU && transmit.len <= buf.len());
            for datagram in buf[..transmit.len].chunks(size) {
                if self.sides[1 - index].wire.len() < 512 {
                    let flight = (transmit.from, transmit.to, datagram.to_vec());
                    self.sides[1 - index].wire.push_back(flight);
                }
            }
        }
        self.events(index);
    }

    fn deliver(&mut self, to: usize) -> bool {
        let Some((from, local, mut datagram)) = self.sides[to].wire.pop_front() else {
            return false;
        };
        // An address from before a move is nobody's.
        if local == address(to, self.sides[to].port) {
            self.sides[to]
                .peer
                .handle_input(self.now, from, local, &mut datagram);
        }
        true
    }

    fn timeout(&mut self, index: usize) {
        let side = &mut self.sides[index];
        if side
            .peer
            .poll_timeout(&side.rings)
            .is_some_and(|(at, _)| at <= self.now)
        {
            side.peer.handle_timeout(self.now);
        }
    }

    fn settle(&mut self) {
        for _ in 0..40 {
            for index in 0..2 {
                self.timeout(index);
                self.poll(index);
            }
            let mut quiet = true;
            for to in 0..2 {
                while self.deliver(to) {
                    quiet = false;
                }
            }
            if quiet {
                break;
            }
        }
    }

    /// Lets timers run on a perfect network.
    fn run_for(&mut self, span: Duration, most: u32) {
        let end = self.now + span;
        let mut idle = 0;
        for _ in 0..most {
            self.settle();
            let due = |side: &Side| side.peer.poll_timeout(&side.rings);
            let next = self.sides.iter().filter_map(due).min_by_key(|(at, _)| *at);
            let Some((at, reason)) = next.filter(|(at, _)| *at <= end) else {
                self.now = end;
                return;
            };
            idle = if at <= self.now { idle + 1 } else { 0 };
            assert!(idle < 100, "a timer fires without end: {reason:?}");
            self.now = self.now.max(at);
        }
    }

    fn apply(&mut self, operation: Operation<'_>) {
        let now = self.now;
        match operation {
            Operation::Settle => self.settle(),
            Operation::Wait { millis } => {
                self.now = now + Duration::from_millis(u64::from(millis % 2_000));
                // Much later, consent may have run out (RFC 7675).
                self.tame &= self.now < Instant::from_millis(15_000);
                for index in 0..2 {
                    self.timeout(index);
                }
            }
            Operation::Poll { side } => self.poll(usize::from(side)),
            Operation::Deliver { to } => {
                self.deliver(usize::from(to));
            }
            Operation::Lose { to } => {
                self.sides[usize::from(to)].wire.pop_front();
            }
            Operation::LoseAll { to } => self.sides[usize::from(to)].wire.clear(),
            Operation::Repeat { to } => {
                let wire = &mut self.sides[usize::from(to)].wire;
                if let Some(copy) = wire.front().cloned() {
                    wire.push_back(copy);
                }
            }
            Operation::Swap { to } => {
                let wire = &mut self.sides[usize::from(to)].wire;
                if wire.len() > 1 {
                    wire.swap(0, 1);
                }
            }
            Operation::Corrupt { to, at, with } => {
                if let Some((_, _, datagram)) = self.sides[usize::from(to)].wire.front_mut()
                    && !datagram.is_empty()
                {
                    self.tame = false;
                    let at = usize::from(at) % datagram.len();
                    datagram[at] ^= with;
                }
            }
            Operation::Truncate { to, len } => {
                if let Some((_, _, datagram)) = self.sides[usize::from(to)].wire.front_mut() {
                    self.tame = false;
                    datagram.truncate(usize::from(len));
                }
            }
            Operation::Inject {
                to,
                from_peer,
                datagram,
            } => {
                self.tame = false;
                let to = usize::from(to);
                let port = if from_peer {
                    self.sides[1 - to].port
                } else {
                    9
                };
                let flight = (address(1 - to, port), address(to, self.sides[to].port));
                self.sides[to]
                    .wire
                    .push_front((flight.0, flight.1, datagram.to_vec()));
            }
            Operation::Frame { side, key, len } => {
                let index = usize::from(side);
                let side = &mut self.sides[index];
                let len = usize::from(len % 4_000);
                let (number, key) = (side.frames_sent.len() as u32, key || index == 1);
                let bytes = frame(index, number, key, len);
                if side.rings[0].push(&bytes, number * 3_000, key, now).is_ok() {
                    side.frames_sent.push((key, len));
                }
            }
            Operation::Open {
                side,
                ordered,
                reliability,
            } => {
                let side = &mut self.sides[usize::from(side)];
                let mut config = ChannelConfig::new("fuzz");
                config.ordered = ordered;
                config.reliability = match reliability % 8 {
                    0 => Reliability::MaxRetransmits(u16::from(reliability / 8)),
                    1 => Reliability::MaxLifetime(Duration::from_millis(reliability.into())),
                    _ => Reliability::Reliable,
                };
                if side.channels.len() < 8
                    && let Ok(id) = side.peer.open_channel(now, config)
                {
                    side.channels.push((id, ordered));
                }
            }
            Operation::Message { side, channel, len } => {
                let side = &mut self.sides[usize::from(side)];
                if side.channels.is_empty() {
                    return;
                }
                let (channel, _) = side.channels[usize::from(channel) % side.channels.len()];
                let mut data = vec![side.messages_sent as u8; usize::from(len % 6_000) + 4];
                data[..4].copy_from_slice(&side.messages_sent.to_be_bytes());
                if side
                    .peer
                    .send_message(now, channel, MessageKind::Binary, &data)
                    .is_ok()
                {
                    side.messages_sent += 1;
                }
            }
            Operation::CloseChannel { side, channel } => {
                let side = &mut self.sides[usize::from(side)];
                if side.channels.is_empty() {
                    return;
                }
                let (channel, _) = side.channels[usize::from(channel) % side.channels.len()];
                if let Some(sctp) = side.peer.sctp() {
                    let _ = sctp.close_channel(channel);
                }
            }
            Operation::KeyFrame { side } => self.sides[usize::from(side)].peer.request_key_frame(),
            Operation::Negotiate { side, restart } => self.negotiate(usize::from(side), restart),
            Operation::Candidate { to, line } => {
                self.tame = false;
                let _ = self.sides[usize::from(to)]
                    .peer
                    .add_remote_candidate(now, line);
            }
            Operation::Move { side } => {
                self.tame = false;
                let index = usize::from(side);
                let side = &mut self.sides[index];
                let old = address(index, side.port);
                side.port = side.port.wrapping_add(1).max(1_024);
                side.peer.add_interface(now, address(index, side.port));
                side.peer.remove_interface(now, old);
            }
            Operation::Close { side } => {
                self.tame = false;
                self.sides[usize::from(side)].peer.close();
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let options = u8::arbitrary(&mut input).unwrap_or(0);
    let provider = if options & 4 == 0 {
        &CHECKED
    } else {
        &UNCHECKED
    };
    let mut world = World::new(provider, options);
    if options & 8 == 0 {
        world.run_for(Duration::from_millis(500), 200);
    }
    for _ in 0..100 {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = Operation::arbitrary(&mut input) else {
            break;
        };
        if std::env::var_os("FUZZ_SHOW").is_some() {
            let states = world.sides.each_ref().map(|side| side.peer.state());
            println!("{:?} {states:?} {operation:?}", world.now);
        }
        world.apply(operation);
    }
    // A failed check may have to wait for its retransmission, up to 3 s in DTLS.
    let tame = world.tame;
    world.run_for(Duration::from_secs(if tame { 20 } else { 2 }), 2_000);
    for side in &world.sides {
        let _ = side.peer.stats();
        if tame {
            assert_eq!(side.peer.state(), ConnectionState::Connected);
        }
    }
    for side in &mut world.sides {
        side.peer.close();
    }
    world.settle();
    assert!(
        world
            .sides
            .iter()
            .all(|side| side.peer.is_finished() && side.closed)
    );
});
