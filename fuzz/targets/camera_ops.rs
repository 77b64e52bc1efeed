//! Operations on a camera: offers, answers and candidates of several viewers, honest and not, in any
//! order, datagrams from anywhere, frames, time. It keeps its limits, nothing spins, every offer is
//! answered or refused once, every viewer that joined leaves once, and in the end it is empty.
#![no_main]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use fuzz::{CHECKED, UNCHECKED, certificate};
use kvs_camera::{Camera, Config, Event, ViewerId};
use kvs_message::{Body, Candidate, ClientId, Inbound};
use smolrtc::base::{Duration, Instant, Limits, Rng};
use smolrtc::crypto::{JobId, JobResult, Provider};
use smolrtc::ice::MdnsId;
use smolrtc::rtp::Codec;
use smolrtc::sctp::{ChannelConfig, ChannelId, MessageKind};
use smolrtc::{Certificate, Event as PeerEvent, MTU, PeerConnection};

const CLIENTS: usize = 4;
const CAMERA: &str = "10.0.0.1:5000";

#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    /// A new connection's offer from a client.
    Offer {
        client: u8,
        trickle: bool,
    },
    /// Another offer of the connection that the client has.
    Reoffer {
        client: u8,
        restart: bool,
    },
    /// The camera calls a client, which answers.
    Call {
        client: u8,
        restart: bool,
    },
    Text {
        client: u8,
        answer: bool,
        sdp: &'a str,
    },
    Candidate {
        client: u8,
        line: &'a str,
        ufrag: bool,
    },
    Datagram {
        client: u8,
        stray: bool,
        bytes: &'a [u8],
    },
    /// Everything on its way and due, between the camera and its viewers.
    Settle,
    /// The same, the viewers being silent.
    Deaf,
    Wait {
        millis: u16,
    },
    Frame {
        track: u8,
        key: bool,
        len: u16,
    },
    Reserve {
        track: u8,
        reserved: u16,
        committed: u16,
    },
    Open,
    Message {
        viewer: u8,
        len: u16,
    },
    Talk {
        client: u8,
        len: u16,
    },
    Disconnect {
        viewer: u8,
    },
    Hangup {
        client: u8,
    },
    Interface {
        remove: bool,
    },
    Resolved {
        id: u8,
    },
    Shutdown,
}

struct World {
    now: Instant,
    provider: &'static dyn Provider,
    camera: Camera,
    limit: usize,
    clients: [Option<PeerConnection>; CLIENTS],
    made: u64,
    jobs: Vec<(ViewerId, JobId, JobResult)>,
    live: BTreeMap<ViewerId, Option<ClientId>>,
    names: Vec<(ViewerId, MdnsId)>,
    channels: Vec<(ViewerId, ChannelId)>,
    pts: Duration,
}

fn id(client: usize) -> ClientId {
    ClientId::new(["a", "b", "c", "d"][client]).expect("an id")
}

fn address(client: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, client as u8], 6_000))
}

fn local() -> SocketAddr {
    CAMERA.parse().expect("an address")
}

fn cert(seed: usize) -> Certificate {
    static MADE: OnceLock<[Certificate; 3]> = OnceLock::new();
    MADE.get_or_init(|| [certificate(1), certificate(2), certificate(3)])[seed].clone()
}

fn message(client: usize, body: Body) -> Inbound {
    Inbound {
        from: Some(id(client)),
        body,
        correlation_id: None,
        to: None,
    }
}

impl World {
    fn new(options: u8) -> Self {
        let provider: &'static dyn Provider = if options & 1 == 0 {
            &CHECKED
        } else {
            &UNCHECKED
        };
        let mut limits = Limits::CHIP;
        limits.viewers = usize::from(options >> 1 & 1) + 1;
        let mut config = Config::new(cert(0), limits)
            .with_track(Codec::H264)
            .with_track(Codec::Opus);
        config.receive_audio = options & 4 != 0;
        config.receive_video = options & 8 != 0;
        let mut camera = Camera::new(config, Rng::from_u64(7), provider);
        camera.add_interface(Instant::ZERO, local());
        Self {
            now: Instant::ZERO,
            provider,
            camera,
            limit: limits.viewers,
            clients: [const { None }; CLIENTS],
            made: 0,
            jobs: Vec::new(),
            live: BTreeMap::new(),
            names: Vec::new(),
            channels: Vec::new(),
            pts: Duration::ZERO,
        }
    }

    fn client(&mut self, client: usize) -> &mut PeerConnection {
        self.made += 1;
        let mut config = smolrtc::Config::new(cert(1 + (self.made % 2) as usize), Limits::CHIP);
        config.tracks = vec![Codec::Opus];
        config.receive_video = vec![Codec::H264];
        config.receive_audio = vec![Codec::Opus];
        let mut peer = PeerConnection::new(config, Rng::from_u64(self.made), self.provider);
        peer.add_interface(self.now, address(client));
        self.clients[client].insert(peer)
    }

    fn offer(&mut self, client: usize, offer: String) {
        let before = (self.camera.stats().joined, self.camera.stats().refused);
        self.camera
            .handle_message(self.now, message(client, Body::Offer(offer)));
        let after = (self.camera.stats().joined, self.camera.stats().refused);
        assert!(
            after.0 - before.0 + after.1 - before.1 <= 1,
            "one fate for one offer"
        );
        self.events();
    }

    /// Takes over what the camera has to say.
    fn events(&mut self) {
        while let Some(event) = self.camera.poll_event() {
            match event {
                Event::Signal(signal) => {
                    let client = signal
                        .to
                        .as_ref()
                        .and_then(|to| (0..CLIENTS).find(|at| id(*at) == *to));
                    let Some(peer) = client.and_then(|at| self.clients[at].as_mut()) else {
                        continue;
                    };
                    match signal.body {
                        // It may be the answer to an offer that the client has given up since.
                        Body::Answer(answer) => drop(peer.accept_answer(self.now, &answer)),
                        Body::Candidate(candidate) => {
                            let added = peer.add_remote_candidate(self.now, &candidate.candidate);
                            assert!(added.is_ok(), "{added:?}");
                        }
                        _ => {}
                    }
                }
                Event::Compute { viewer, id, job } => {
                    self.jobs.push((viewer, id, self.provider.run(&job)));
                }
                Event::ResolveMdns { viewer, id, .. } => self.names.push((viewer, id)),
                Event::ViewerJoined { viewer, client } => {
                    assert!(self.live.insert(viewer, client).is_none());
                }
                Event::ViewerLeft { viewer, client, .. } => {
                    assert_eq!(self.live.remove(&viewer), Some(client), "it leaves once");
                    self.channels.retain(|(of, _)| *of != viewer);
                }
                Event::ChannelOpened {
                    viewer, channel, ..
                } => {
                    self.channels.push((viewer, channel));
                }
                Event::TargetBitrate { bps } => assert!(bps > 0),
                _ => {}
            }
        }
        assert!(self.live.len() <= self.limit);
        assert_eq!(self.camera.viewer_count(), self.live.len());
    }

    fn compute(&mut self) {
        self.events();
        for (viewer, id, result) in core::mem::take(&mut self.jobs) {
            self.camera.handle_computed(self.now, viewer, id, result);
        }
        self.events();
    }

    fn settle(&mut self, deaf: bool) {
        let mut buf = [0; 2 * MTU];
        for _ in 0..30 {
            let mut quiet = true;
            self.compute();
            for count in 0.. {
                assert!(count < 10_000, "transmits without end");
                let Some(transmit) = self.camera.poll_transmit(self.now, 2, &mut buf) else {
                    break;
                };
                let size = transmit.segment_size.unwrap_or(transmit.len);
                let to = (0..CLIENTS).find(|at| address(*at) == transmit.to);
                let Some(peer) = to.and_then(|at| self.clients[at].as_mut()) else {
                    continue;
                };
                for datagram in buf[..transmit.len].chunks_mut(size) {
                    quiet = false;
                    peer.handle_input(self.now, transmit.from, transmit.to, datagram);
                }
            }
            for at in 0..CLIENTS {
                let Some(peer) = &mut self.clients[at] else {
                    continue;
                };
                let mut jobs = Vec::new();
                while let Some(event) = peer.poll_event() {
                    if let PeerEvent::Compute(id, job) = event {
                        jobs.push((id, self.provider.run(&job)));
                    }
                }
                for (id, result) in jobs {
                    peer.handle_computed(self.now, id, result);
                }
                if deaf {
                    continue;
                }
                while let Some(transmit) = peer.poll_transmit(self.now, &[], 1, &mut buf) {
                    quiet = false;
                    let datagram = &mut buf[..transmit.len];
                    self.camera
                        .handle_input(self.now, transmit.from, transmit.to, datagram);
                }
            }
            if quiet {
                break;
            }
        }
        self.compute();
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        for peer in self.clients.iter_mut().flatten() {
            peer.handle_timeout(self.now);
        }
        self.camera.handle_timeout(self.now);
        self.events();
    }

    fn apply(&mut self, operation: Operation<'_>) {
        let now = self.now;
        match operation {
            Operation::Offer { client, trickle } => {
                let client = usize::from(client) % CLIENTS;
                let Ok(mut offer) = self.client(client).create_offer(now, false) else {
                    return;
                };
                if !trickle {
                    offer = offer.replace("a=ice-options:trickle\r\n", "");
                }
                self.offer(client, offer);
            }
            Operation::Reoffer { client, restart } => {
                let client = usize::from(client) % CLIENTS;
                let Some(peer) = &mut self.clients[client] else {
                    return;
                };
                if let Ok(offer) = peer.create_offer(now, restart) {
                    self.offer(client, offer);
                }
            }
            Operation::Call { client, restart } => {
                let client = usize::from(client) % CLIENTS;
                if self.camera.call(now, id(client), restart).is_err() {
                    return;
                }
                // The offer is the newest of what the camera says.
                let mut offer = None;
                let mut others = Vec::new();
                while let Some(event) = self.camera.poll_event() {
                    match event {
                        Event::Signal(signal) => {
                            if let Body::Offer(sdp) = signal.body {
                                offer = Some(sdp);
                            }
                        }
                        Event::ViewerJoined { viewer, client } => {
                            others.push((viewer, client, true))
                        }
                        Event::ViewerLeft { viewer, client, .. } => {
                            others.push((viewer, client, false))
                        }
                        Event::Compute { viewer, id, job } => {
                            self.jobs.push((viewer, id, self.provider.run(&job)));
                        }
                        _ => {}
                    }
                }
                for (viewer, client, joined) in others {
                    if joined {
                        assert!(self.live.insert(viewer, client).is_none());
                    } else {
                        assert_eq!(self.live.remove(&viewer), Some(client));
                        self.channels.retain(|(of, _)| *of != viewer);
                    }
                }
                let offer = offer.expect("a call makes an offer");
                if self.clients[client].is_none() {
                    self.client(client);
                }
                let answer = self.clients[client]
                    .as_mut()
                    .expect("made")
                    .accept_offer(now, &offer);
                if let Ok(answer) = answer {
                    self.camera
                        .handle_message(now, message(client, Body::Answer(answer)));
                }
                self.events();
            }
            Operation::Text {
                client,
                answer,
                sdp,
            } => {
                let client = usize::from(client) % CLIENTS;
                if answer {
                    let body = Body::Answer(sdp.to_owned());
                    self.camera.handle_message(now, message(client, body));
                    self.events();
                } else {
                    self.offer(client, sdp.to_owned());
                }
            }
            Operation::Candidate {
                client,
                line,
                ufrag,
            } => {
                let client = usize::from(client) % CLIENTS;
                let body = Body::Candidate(Candidate {
                    candidate: line.to_owned(),
                    username_fragment: ufrag.then(|| "stale".to_owned()),
                    ..Candidate::default()
                });
                self.camera.handle_message(now, message(client, body));
                self.events();
            }
            Operation::Datagram {
                client,
                stray,
                bytes,
            } => {
                let client = usize::from(client) % CLIENTS;
                let from = if stray {
                    "10.9.9.9:9".parse().expect("an address")
                } else {
                    address(client)
                };
                self.camera
                    .handle_input(now, from, local(), &mut bytes.to_vec());
                self.events();
            }
            Operation::Settle => self.settle(false),
            Operation::Deaf => self.settle(true),
            Operation::Wait { millis } => {
                self.wait(Duration::from_millis(u64::from(millis % 8_000)));
            }
            Operation::Frame { track, key, len } => {
                self.pts = self.pts + Duration::from_millis(33);
                let mut bytes = vec![0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 1];
                bytes.resize(usize::from(len % 3_000) + 6, 7);
                let _ = self
                    .camera
                    .push_frame(now, usize::from(track % 3), &bytes, self.pts, key);
            }
            Operation::Reserve {
                track,
                reserved,
                committed,
            } => {
                let track = usize::from(track % 3);
                if let Ok(room) = self.camera.reserve(track, usize::from(reserved)) {
                    assert_eq!(room.len(), usize::from(reserved));
                    room.fill(1);
                }
                let _ = self
                    .camera
                    .commit(now, track, usize::from(committed), self.pts, true);
            }
            Operation::Open => {
                if let Some(viewer) = self.live.keys().next().copied()
                    && let Some(channel) =
                        self.camera
                            .open_channel(now, viewer, ChannelConfig::new("fuzz"))
                {
                    self.channels.push((viewer, channel));
                }
                self.events();
            }
            Operation::Message { viewer, len } => {
                if self.channels.is_empty() {
                    return;
                }
                let (viewer, channel) = self.channels[usize::from(viewer) % self.channels.len()];
                let data = vec![9; usize::from(len)];
                let _ = self
                    .camera
                    .send_message(now, viewer, channel, MessageKind::Binary, &data);
            }
            Operation::Talk { client, len } => {
                let Some(peer) = &mut self.clients[usize::from(client) % CLIENTS] else {
                    return;
                };
                if let Ok(channel) = peer.open_channel(now, ChannelConfig::new("talk")) {
                    let data = vec![8; usize::from(len)];
                    let _ = peer.send_message(now, channel, MessageKind::Text, &data);
                }
            }
            Operation::Disconnect { viewer } => {
                let at = usize::from(viewer) % self.live.len().max(1);
                if let Some(viewer) = self.live.keys().nth(at).copied() {
                    self.camera.disconnect(now, viewer);
                    self.events();
                    assert!(!self.live.contains_key(&viewer));
                }
            }
            Operation::Hangup { client } => {
                if let Some(peer) = &mut self.clients[usize::from(client) % CLIENTS] {
                    peer.close();
                }
            }
            Operation::Interface { remove } => {
                if remove {
                    self.camera.remove_interface(now, local());
                } else {
                    self.camera.add_interface(now, local());
                }
                self.events();
            }
            Operation::Resolved { id } => {
                if let Some((viewer, name)) = self.names.pop() {
                    let address = (id % 4 != 0).then(|| address(usize::from(id) % CLIENTS).ip());
                    self.camera.resolved(now, viewer, name, address);
                    self.events();
                }
            }
            Operation::Shutdown => {
                self.camera.shutdown(now);
                self.events();
                assert!(self.live.is_empty());
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let mut world = World::new(u8::arbitrary(&mut input).unwrap_or(0));
    for _ in 0..60 {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = Operation::arbitrary(&mut input) else {
            break;
        };
        world.apply(operation);
    }
    // Its timers lead somewhere.
    let mut idle = 0;
    for _ in 0..100 {
        world.settle(false);
        let Some((at, reason)) = world.camera.poll_timeout() else {
            break;
        };
        idle = if at <= world.now { idle + 1 } else { 0 };
        assert!(idle < 50, "a timer fires without end: {reason:?}");
        world.wait(at.since(world.now));
    }
    let _ = world.camera.snapshots(world.now);
    world.camera.shutdown(world.now);
    world.settle(false);
    assert!(world.live.is_empty());
    assert!(world.camera.is_drained(), "goodbyes leave at once");
});
