//! A camera and its viewers, a network between them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use kvs_camera::{Camera, Event, ViewerId};
use kvs_message::{Body, Candidate, ClientId, Inbound, Outbound};
use smolrtc::base::{Duration, Instant, Limits, Rng, Transmit, UnixTime};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::Codec;
use smolrtc::sctp::{ChannelConfig, ChannelId, MessageKind};
use smolrtc::{Certificate, Event as PeerEvent, MTU, PeerConnection, Wall};
use smolrtc_crypto::RustCrypto;

use crate::counting::{Owner, owned_by};
use crate::script::{AUDIO_INTERVAL, Script, Tally, VIDEO_INTERVAL, World, video_frame};

static PROVIDER: RustCrypto = RustCrypto;
const CAMERA: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)),
    5_000,
);
/// Datagrams in one transmit at most.
const SEGMENTS: usize = 10;
const AEAD: u16 = 7;
const CM: u16 = 1;

struct Flight {
    at: Instant,
    /// `None`: the camera.
    to: Option<usize>,
    from: SocketAddr,
    bytes: Vec<u8>,
}

struct Viewer {
    peer: PeerConnection,
    address: SocketAddr,
    open: bool,
    received: u64,
}

/// See the [module documentation](self).
pub struct Ours {
    script: Script,
    started: std::time::Instant,
    now: Instant,
    camera: Camera,
    viewers: Vec<Viewer>,
    flights: VecDeque<Flight>,
    spare: Vec<Vec<u8>>,
    arena: Vec<u8>,
    sent: Vec<(Transmit, usize)>,
    signals: Vec<Outbound>,
    inputs: Vec<Flight>,
    frame: Vec<u8>,
    frame_number: u32,
    video_at: Instant,
    audio_at: Instant,
    audio: Vec<u8>,
    /// The camera's end of the first data channel.
    channel: Option<(ViewerId, ChannelId)>,
    tally: Tally,
}

/// A certificate that is the same for the same seed.
#[must_use]
pub fn certificate(seed: u64) -> Certificate {
    let wall = UnixTime::from_secs(1_750_000_000);
    Certificate::generate(&PROVIDER, &mut Rng::from_u64(seed), wall).unwrap()
}

/// A camera that no viewer has found yet, as [`Ours`] uses it.
#[must_use]
pub fn camera(script: &Script) -> Camera {
    let mut limits = Limits::HOST;
    limits.viewers = script.viewers;
    let mut config = kvs_camera::Config::new(certificate(1), limits).with_track(Codec::H264);
    config
        .tracks
        .push(kvs_camera::TrackConfig { codec: Codec::Opus });
    config.srtp_profiles = vec![if script.aead { AEAD } else { CM }];
    let mut camera = Camera::new(config, Rng::from_u64(1), &PROVIDER);
    camera.set_wall_clock(Wall::new(Instant::ZERO, UnixTime::from_secs(1_750_000_000)));
    camera.add_interface(Instant::ZERO, CAMERA);
    camera
}

fn viewer(index: usize) -> Viewer {
    let mut config = smolrtc::Config::new(certificate(100), Limits::HOST);
    config.receive_video = vec![Codec::H264];
    config.receive_audio = vec![Codec::Opus];
    let mut peer = PeerConnection::new(config, Rng::from_u64(100 + index as u64), &PROVIDER);
    let address = SocketAddr::from(([10, 0, 1, index as u8 + 1], 6_000));
    peer.add_interface(Instant::ZERO, address);
    Viewer {
        peer,
        address,
        open: false,
        received: 0,
    }
}

impl Ours {
    /// Nobody has spoken yet.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let camera = owned_by(Owner::Server, || camera(&script));
        let viewers = owned_by(Owner::Viewer, || (0..script.viewers).map(viewer).collect());
        Self {
            started: std::time::Instant::now(),
            now: Instant::ZERO,
            camera,
            viewers,
            flights: VecDeque::with_capacity(4_096),
            spare: Vec::with_capacity(4_096),
            arena: vec![0; 4 * 1024 * 1024],
            sent: Vec::with_capacity(4_096),
            signals: Vec::with_capacity(64),
            inputs: Vec::with_capacity(4_096),
            frame: Vec::with_capacity(64 * 1024),
            frame_number: 0,
            video_at: Instant::FAR_FUTURE,
            audio_at: Instant::FAR_FUTURE,
            audio: vec![7; 1_000],
            channel: None,
            tally: Tally::default(),
            script,
        }
    }

    /// Every viewer sends its offer; everything happens until all data channels are open.
    pub fn connect(&mut self) {
        self.started = std::time::Instant::now();
        for index in 0..self.viewers.len() {
            let now = self.now;
            let offer = owned_by(Owner::Viewer, || {
                self.viewers[index].peer.create_offer(now, false).unwrap()
            });
            self.signal_camera(index, Body::Offer(offer));
        }
        let end = self.now + Duration::from_secs(20);
        loop {
            self.act();
            if self.viewers.iter().all(|viewer| viewer.open) && self.channel.is_some() {
                return;
            }
            assert!(self.advance(end), "no connection within 20 s");
        }
    }

    fn signal_camera(&mut self, index: usize, body: Body) {
        let message = Inbound {
            from: ClientId::new(&format!("viewer-{index}")).ok(),
            body,
            correlation_id: None,
            to: None,
        };
        let now = self.now;
        owned_by(Owner::Server, || self.camera.handle_message(now, message));
    }

    /// What is due on either side.
    fn act(&mut self) {
        let now = self.now;
        while self.flights.front().is_some_and(|flight| flight.at <= now) {
            let Some(mut flight) = self.flights.pop_front() else {
                break;
            };
            match flight.to {
                None => self.inputs.push(flight),
                Some(index) => {
                    owned_by(Owner::Viewer, || {
                        let viewer = &mut self.viewers[index];
                        let local = viewer.address;
                        viewer
                            .peer
                            .handle_input(now, flight.from, local, &mut flight.bytes);
                    });
                    self.spare.push(flight.bytes);
                }
            }
        }
        let video = self.video_at <= now;
        let audio = self.audio_at <= now;
        if video {
            let len = self.script.frame_bytes;
            video_frame(&mut self.frame, self.frame_number, len);
            self.video_at = now + VIDEO_INTERVAL;
        }
        if audio {
            self.audio_at = now + AUDIO_INTERVAL;
        }
        let start = std::time::Instant::now();
        owned_by(Owner::Server, || self.serving_turn(video, audio));
        self.tally.spent += start.elapsed();
        self.frame_number += u32::from(video);
        self.hand_over();
        for index in 0..self.viewers.len() {
            owned_by(Owner::Viewer, || self.viewer_turn(index));
        }
    }

    /// Everything that the camera does at one instant.
    #[inline(never)]
    fn serving_turn(&mut self, video: bool, audio: bool) {
        let (now, mut used) = (self.now, 0);
        let pts = VIDEO_INTERVAL * self.frame_number;
        if video {
            let key = self.frame_number.is_multiple_of(25);
            let frame = &self.frame;
            self.camera.push_frame(now, 0, frame, pts, key).unwrap();
        }
        if audio {
            let frame = &self.audio[..self.script.audio_bytes];
            let pts = now.since(Instant::ZERO);
            self.camera.push_frame(now, 1, frame, pts, true).unwrap();
        }
        for input in &mut self.inputs {
            let bytes = &mut input.bytes;
            self.camera.handle_input(now, input.from, CAMERA, bytes);
        }
        if self.camera.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.camera.handle_timeout(now);
        }
        loop {
            let mut computed = None;
            match self.camera.poll_event() {
                Some(Event::Compute { viewer, id, job }) => {
                    computed = Some((viewer, id, PROVIDER.run(&job)));
                }
                Some(Event::Signal(message)) => self.signals.push(message),
                Some(Event::ChannelOpened {
                    viewer, channel, ..
                }) => {
                    self.channel.get_or_insert((viewer, channel));
                }
                Some(_) => {}
                None => break,
            }
            if let Some((viewer, id, result)) = computed {
                self.camera.handle_computed(now, viewer, id, result);
            }
        }
        while let Some(room) = self.arena.get_mut(used..)
            && let Some(transmit) = self.camera.poll_transmit(now, SEGMENTS, room)
        {
            self.sent.push((transmit, used));
            used += transmit.len;
        }
    }

    /// Gives what the camera said to the network.
    fn hand_over(&mut self) {
        self.spare
            .extend(self.inputs.drain(..).map(|input| input.bytes));
        let at = self.now + self.script.delay;
        for (transmit, begin) in self.sent.drain(..) {
            let to = self.viewers.iter().position(|v| v.address == transmit.to);
            let bytes = &self.arena[begin..begin + transmit.len];
            let mut media = false;
            for datagram in bytes.chunks(transmit.segment_size.unwrap_or(transmit.len)) {
                media |= self.tally.count(datagram);
                let mut bytes = self.spare.pop().unwrap_or_default();
                bytes.clear();
                bytes.extend_from_slice(datagram);
                let from = CAMERA;
                if to.is_some() {
                    self.flights.push_back(Flight {
                        at,
                        to,
                        from,
                        bytes,
                    });
                }
            }
            self.tally.transmits += u64::from(media);
        }
        let now = self.now;
        for message in self.signals.drain(..) {
            let index = message.to.as_ref().and_then(|to| {
                let (_, index) = to.as_str().split_once('-')?;
                index.parse::<usize>().ok()
            });
            let Some(viewer) = index.and_then(|index| self.viewers.get_mut(index)) else {
                continue;
            };
            owned_by(Owner::Viewer, || match message.body {
                Body::Answer(answer) => {
                    viewer.peer.accept_answer(now, &answer).unwrap();
                    let channel = ChannelConfig::new("data");
                    viewer.peer.open_channel(now, channel).unwrap();
                }
                Body::Candidate(Candidate { candidate, .. }) => {
                    viewer.peer.add_remote_candidate(now, &candidate).unwrap();
                }
                _ => {}
            });
        }
    }

    fn viewer_turn(&mut self, index: usize) {
        let now = self.now;
        let viewer = &mut self.viewers[index];
        let timeout = viewer.peer.poll_timeout(&[]);
        if timeout.is_some_and(|(at, _)| at <= now) {
            viewer.peer.handle_timeout(now);
        }
        loop {
            let mut computed = None;
            match viewer.peer.poll_event() {
                Some(PeerEvent::Compute(id, job)) => computed = Some((id, PROVIDER.run(&job))),
                Some(PeerEvent::ChannelOpened { .. }) => viewer.open = true,
                Some(PeerEvent::Message { data, .. }) => viewer.received += data.len() as u64,
                Some(_) => {}
                None => break,
            }
            if let Some((id, result)) = computed {
                viewer.peer.handle_computed(now, id, result);
            }
        }
        let mut buf = [0; MTU];
        while let Some(transmit) = viewer.peer.poll_transmit(now, &[], 1, &mut buf) {
            let from = viewer.address;
            owned_by(Owner::Harness, || {
                let mut bytes = self.spare.pop().unwrap_or_default();
                bytes.clear();
                bytes.extend_from_slice(&buf[..transmit.len]);
                let at = now + self.script.delay;
                let to = None;
                self.flights.push_back(Flight {
                    at,
                    to,
                    from,
                    bytes,
                });
            });
        }
    }

    /// Goes to the next instant at which something is due; false when that lies behind `end`, which it
    /// then goes to.
    fn advance(&mut self, end: Instant) -> bool {
        let flight = self.flights.front().map(|flight| flight.at);
        let camera = self.camera.poll_timeout().map(|(at, _)| at);
        let viewers = self.viewers.iter().filter_map(|v| v.peer.poll_timeout(&[]));
        let next = viewers
            .map(|(at, _)| at)
            .chain(flight)
            .chain(camera)
            .chain([self.video_at, self.audio_at])
            .min()
            .unwrap_or(Instant::FAR_FUTURE);
        self.now = self.now.max(next.min(end));
        if self.script.real_time {
            loop {
                let elapsed = Instant::from_micros(self.started.elapsed().as_micros() as u64);
                if elapsed >= self.now {
                    self.now = elapsed;
                    break;
                }
                std::hint::spin_loop();
            }
        }
        next <= end
    }
}

impl World for Ours {
    fn connected(script: Script) -> Self {
        let mut world = Self::new(script);
        world.connect();
        world
    }

    fn stream(&mut self, span: Duration) {
        if self.video_at == Instant::FAR_FUTURE {
            self.video_at = self.now;
            if self.script.audio_bytes > 0 {
                self.audio_at = self.now;
            }
        }
        let end = self.now + span;
        while self.now < end {
            self.act();
            self.advance(end);
        }
    }

    fn send_message(&mut self, message: &[u8]) -> bool {
        let Some((viewer, channel)) = self.channel else {
            return false;
        };
        let (now, kind) = (self.now, MessageKind::Binary);
        owned_by(Owner::Server, || {
            self.camera
                .send_message(now, viewer, channel, kind, message)
                .is_ok()
        })
    }

    fn step(&mut self) {
        self.act();
        self.advance(Instant::FAR_FUTURE);
    }

    fn received(&self) -> u64 {
        self.viewers[0].received
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
