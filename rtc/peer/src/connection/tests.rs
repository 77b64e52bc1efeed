//! Two connections in virtual time, a network between them.

mod direction;
mod scenarios;

use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::string::String;
use std::vec::Vec;

use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_crypto::{Provider as _, RustCrypto};
use smolrtc_dtls::Certificate;
use smolrtc_rtp::Codec;
use smolrtc_rtp::history::Ring;
use smolrtc_sctp::MessageKind;

use super::PeerConnection;
use crate::{Config, ConnectionState, Event, Wall};

static PROVIDER: RustCrypto = RustCrypto;

/// A datagram on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    /// Reversed, so that the heap's greatest is the earliest.
    at: core::cmp::Reverse<(Instant, u64)>,
    to: usize,
    from: SocketAddr,
    local: SocketAddr,
    bytes: Vec<u8>,
}

/// What a side has seen.
#[derive(Default)]
struct Seen {
    states: Vec<(Instant, ConnectionState)>,
    frames: Vec<(Instant, u32, bool, Vec<u8>)>,
    messages: Vec<(MessageKind, Vec<u8>)>,
    channels: Vec<String>,
    closed: Option<crate::CloseReason>,
    first_srtp_sent: Option<Instant>,
    key_frames_asked: usize,
}

struct Side {
    peer: PeerConnection,
    rings: Vec<Ring>,
    address: SocketAddr,
    seen: Seen,
    trickled: Vec<String>,
}

struct World {
    now: Instant,
    delay: Duration,
    loss: u32,
    rng: Rng,
    sides: [Side; 2],
    flights: BinaryHeap<Flight>,
    sent: u64,
}

fn config(seed: u64, tracks: &[Codec], receive: bool) -> Config {
    let mut rng = Rng::from_u64(seed);
    let wall = UnixTime::from_secs(1_750_000_000);
    let certificate = Certificate::generate(&PROVIDER, &mut rng, wall).unwrap();
    let mut config = Config::new(certificate, Limits::HOST);
    config.tracks = tracks.to_vec();
    if receive {
        config.receive_audio = Vec::from([Codec::Opus]);
        config.receive_video = Vec::from([Codec::H264, Codec::Vp8, Codec::H265]);
    }
    config
}

impl World {
    /// The camera is side 0, the viewer side 1.
    fn new(seed: u64, delay: Duration, loss: u32, configs: [Config; 2]) -> Self {
        let mut rng = Rng::from_u64(seed);
        let mut port = 0;
        let sides = configs.map(|config| {
            let rings = config
                .tracks
                .iter()
                .map(|codec| Ring::new(*codec, &config.limits))
                .collect();
            let mut peer = PeerConnection::new(config, rng.fork(), &PROVIDER);
            peer.set_wall_clock(Wall::new(Instant::ZERO, UnixTime::from_secs(1_750_000_000)));
            port += 1;
            let address = SocketAddr::from(([10, 0, 0, port], 5_000));
            peer.add_interface(Instant::ZERO, address);
            Side {
                peer,
                rings,
                address,
                seen: Seen::default(),
                trickled: Vec::new(),
            }
        });
        Self {
            now: Instant::ZERO,
            delay,
            loss,
            rng,
            sides,
            flights: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// A camera and a viewer that have exchanged offer and answer.
    fn connected(seed: u64, delay: Duration, loss: u32, tracks: &[Codec]) -> Self {
        let configs = [config(1, tracks, false), config(2, &[], true)];
        let mut world = Self::new(seed, delay, loss, configs);
        world.viewer_offers();
        world
    }

    fn viewer_offers(&mut self) {
        let now = self.now;
        let offer = self.sides[1].peer.create_offer(now, false).unwrap();
        let answer = self.sides[0].peer.accept_offer(now, &offer).unwrap();
        self.sides[1].peer.accept_answer(now, &answer).unwrap();
    }

    fn drain(&mut self) {
        let mut buf = std::vec![0; 16 * 1_228];
        for index in 0..2 {
            let side = &mut self.sides[index];
            loop {
                let mut computed = None;
                match side.peer.poll_event() {
                    None => break,
                    Some(Event::Compute(id, job)) => computed = Some((id, PROVIDER.run(&job))),
                    Some(Event::StateChanged(state)) => side.seen.states.push((self.now, state)),
                    Some(Event::Closed(reason)) => side.seen.closed = Some(reason),
                    Some(Event::Frame(frame)) => side.seen.frames.push((
                        self.now,
                        frame.rtp_timestamp,
                        frame.key,
                        frame.data.to_vec(),
                    )),
                    Some(Event::Message { kind, data, .. }) => {
                        side.seen.messages.push((kind, data.to_vec()));
                    }
                    Some(Event::ChannelOpened { label, .. }) => {
                        side.seen.channels.push(label.into());
                    }
                    Some(Event::LocalCandidate(line)) => side.trickled.push(line),
                    Some(Event::KeyFrameNeeded { .. }) => side.seen.key_frames_asked += 1,
                    Some(_) => {}
                }
                if let Some((id, result)) = computed {
                    side.peer.handle_computed(self.now, id, result);
                }
            }
            while let Some(transmit) = side.peer.poll_transmit(self.now, &side.rings, 10, &mut buf)
            {
                assert_eq!(transmit.from, side.address);
                for datagram in
                    buf[..transmit.len].chunks(transmit.segment_size.unwrap_or(transmit.len))
                {
                    if (128..192).contains(&datagram[0]) && !(192..224).contains(&datagram[1]) {
                        side.seen.first_srtp_sent.get_or_insert(self.now);
                    }
                    self.sent += 1;
                    if self.rng.below(100) < self.loss {
                        continue;
                    }
                    self.flights.push(Flight {
                        at: core::cmp::Reverse((self.now + self.delay, self.sent)),
                        to: 1 - index,
                        from: side.address,
                        local: transmit.to,
                        bytes: datagram.to_vec(),
                    });
                }
            }
        }
    }

    /// Lets everything happen until `end`.
    fn run_until(&mut self, end: Instant) {
        let mut idle = 0;
        loop {
            self.drain();
            let flight = self.flights.peek().map(|flight| flight.at.0.0);
            let timers = self
                .sides
                .iter()
                .filter_map(|s| s.peer.poll_timeout(&s.rings));
            let timer = timers.map(|(at, _)| at).min();
            let Some(next) = flight.into_iter().chain(timer).min() else {
                self.now = end;
                return;
            };
            if next > end {
                self.now = end;
                return;
            }
            idle = if next <= self.now { idle + 1 } else { 0 };
            assert!(
                idle < 1_000,
                "a timer fires without end: {:?}",
                self.sides[0]
                    .peer
                    .poll_timeout(&self.sides[0].rings)
                    .or(self.sides[1].peer.poll_timeout(&self.sides[1].rings))
            );
            self.now = self.now.max(next);
            while self
                .flights
                .peek()
                .is_some_and(|flight| flight.at.0.0 <= self.now)
            {
                let mut flight = self.flights.pop().unwrap();
                let side = &mut self.sides[flight.to];
                if flight.local == side.address {
                    side.peer
                        .handle_input(self.now, flight.from, flight.local, &mut flight.bytes);
                }
            }
            for side in &mut self.sides {
                if side
                    .peer
                    .poll_timeout(&side.rings)
                    .is_some_and(|(at, _)| at <= self.now)
                {
                    side.peer.handle_timeout(self.now);
                }
            }
        }
    }

    fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// One H.264 frame: an SPS, a PPS and a slice of `len` bytes, or a slice alone.
    fn push_video(&mut self, number: u32, key: bool, len: usize) {
        let mut frame = Vec::new();
        if key {
            frame.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce]);
        }
        frame.extend_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
        frame.extend((0..len).map(|at| 1 + ((at as u32 + number) % 250) as u8));
        let now = self.now;
        self.sides[0].rings[0]
            .push(&frame, number * 3_000, key, now)
            .unwrap();
    }

    /// Streams video at 30 frames a second, a key frame each second.
    fn stream(&mut self, frames: core::ops::Range<u32>, len: usize) {
        for number in frames {
            self.push_video(number, number % 30 == 0, len);
            self.run_for(Duration::from_micros(33_333));
        }
    }
}
