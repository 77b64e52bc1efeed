//! Viewers: what the world asks of one, and the one that is ours.

use std::net::SocketAddr;

use kvs_message::{Body, Candidate, Outbound};
use smolrtc::base::{Duration, Instant, Limits, Rng};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::history::Ring;
use smolrtc::rtp::{Codec, Kind};
use smolrtc::sctp::{ChannelConfig, ChannelId, MessageKind};
use smolrtc::{Config, ConnectionState, Event, PeerConnection, Wall};

use crate::camera::{Datagram, Outbox};
use crate::log::Log;
use crate::{EPOCH, PROVIDER, certificate};

/// What a viewer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Video codecs it takes.
    pub video: Vec<Codec>,
    /// Audio codecs it takes.
    pub audio: Vec<Codec>,
    /// Label of a data channel it opens.
    pub data: Option<&'static str>,
    /// Codecs of the tracks it sends: one of a kind.
    pub sends: Vec<Codec>,
}

impl Wishes {
    /// The picture alone.
    #[must_use]
    pub fn video(codec: Codec) -> Self {
        Self {
            video: vec![codec],
            audio: Vec::new(),
            data: None,
            sends: Vec::new(),
        }
    }

    /// Data alone.
    #[must_use]
    pub const fn data(label: &'static str) -> Self {
        Self {
            video: Vec::new(),
            audio: Vec::new(),
            data: Some(label),
            sends: Vec::new(),
        }
    }

    /// The same and sound.
    #[must_use]
    pub fn and_audio(mut self, codec: Codec) -> Self {
        self.audio.push(codec);
        self
    }

    /// The same and a data channel.
    #[must_use]
    pub const fn and_data(mut self, label: &'static str) -> Self {
        self.data = Some(label);
        self
    }

    /// The same, and it sends a track of its own.
    #[must_use]
    pub fn sending(mut self, codec: Codec) -> Self {
        self.sends.push(codec);
        self
    }
}

/// A viewer as the world drives it. All verbs may be called in any order.
pub trait Viewer {
    /// Makes an offer; `restart` asks for new ICE credentials.
    fn offer(&mut self, now: Instant, restart: bool);
    /// Takes a signaling message.
    fn handle_message(&mut self, now: Instant, body: &Body);
    /// Takes a datagram.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8]);
    /// Does what time has made due.
    fn handle_timeout(&mut self, now: Instant);
    /// When something is due next.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Takes out everything that waits.
    fn drain(&mut self, now: Instant, out: &mut Outbox, buf: &mut [u8]);
    /// Sends a frame of its own track `track`.
    fn send_frame(&mut self, now: Instant, track: usize, frame: &[u8], pts: Duration, key: bool);
    /// Sends a message on the first data channel; whether it was taken.
    fn send_message(&mut self, now: Instant, text: bool, data: &[u8]) -> bool;
    /// Moves to another address: the old socket is gone.
    fn readdress(&mut self, now: Instant, address: SocketAddr);
    /// Leaves in an orderly way.
    fn close(&mut self, now: Instant);
    /// Address of its socket.
    fn address(&self) -> SocketAddr;
    /// What it saw.
    fn log(&self) -> &Log;
    /// Its peer connection, if it is one of ours.
    fn peer(&self) -> Option<&PeerConnection> {
        None
    }
}

/// A [`PeerConnection`] that watches.
pub struct OurViewer {
    /// The machine itself.
    pub peer: PeerConnection,
    rings: Vec<Ring>,
    codecs: Vec<Codec>,
    address: SocketAddr,
    data: Option<&'static str>,
    channel: Option<ChannelId>,
    log: Log,
    signals: Vec<Body>,
    described: String,
}

impl OurViewer {
    /// A viewer with one socket.
    #[must_use]
    pub fn new(now: Instant, wishes: &Wishes, address: SocketAddr, rng: &mut Rng) -> Self {
        let limits = Limits::HOST;
        let mut config = Config::new(certificate(rng), limits);
        config.receive_video.clone_from(&wishes.video);
        config.receive_audio.clone_from(&wishes.audio);
        config.tracks.clone_from(&wishes.sends);
        config.data_channels = wishes.data.is_some();
        let mut peer = PeerConnection::new(config, rng.fork(), &PROVIDER);
        peer.set_wall_clock(Wall::new(Instant::ZERO, EPOCH));
        peer.add_interface(now, address);
        Self {
            peer,
            rings: wishes
                .sends
                .iter()
                .map(|codec| Ring::new(*codec, &limits))
                .collect(),
            codecs: wishes.sends.clone(),
            address,
            data: wishes.data,
            channel: None,
            log: Log::default(),
            signals: Vec::new(),
            described: String::new(),
        }
    }

    fn event(&mut self, now: Instant, event: Owned) {
        match event {
            Owned::Compute(id, job) => {
                let result = PROVIDER.run(&job);
                self.peer.handle_computed(now, id, result);
            }
            Owned::Candidate(candidate) => {
                if !self.described.is_empty() && !self.described.contains(&candidate) {
                    self.signals.push(Body::Candidate(Candidate {
                        candidate,
                        sdp_mid: Some("0".into()),
                        sdp_m_line_index: Some(0),
                        username_fragment: Some(self.peer.local_ufrag().into()),
                    }));
                }
            }
            Owned::Nothing => {}
        }
    }
}

/// What an event leaves to be done once its loan has ended.
enum Owned {
    Compute(smolrtc::crypto::JobId, smolrtc::crypto::Job),
    Candidate(String),
    Nothing,
}

impl Viewer for OurViewer {
    fn offer(&mut self, now: Instant, restart: bool) {
        let offer = self.peer.create_offer(now, restart).expect("an offer");
        self.described.clone_from(&offer);
        self.signals.push(Body::Offer(offer));
        if let (Some(label), None) = (self.data, self.channel) {
            self.channel = self.peer.open_channel(now, ChannelConfig::new(label)).ok();
        }
    }

    fn handle_message(&mut self, now: Instant, body: &Body) {
        let result = match body {
            Body::Answer(answer) => self.peer.accept_answer(now, answer),
            Body::Offer(offer) => self.peer.accept_offer(now, offer).map(|answer| {
                self.described.clone_from(&answer);
                self.signals.push(Body::Answer(answer));
            }),
            Body::Candidate(candidate) => self.peer.add_remote_candidate(now, &candidate.candidate),
            _ => Ok(()),
        };
        if let Err(error) = result {
            self.log.refusals.push(error.to_string());
        }
        if let (Some(label), None) = (self.data, self.channel) {
            self.channel = self.peer.open_channel(now, ChannelConfig::new(label)).ok();
        }
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8]) {
        self.peer.handle_input(now, from, self.address, bytes);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.peer.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.peer.poll_timeout(&self.rings).map(|(at, _)| at)
    }

    fn drain(&mut self, now: Instant, out: &mut Outbox, buf: &mut [u8]) {
        loop {
            loop {
                let Some(event) = self.peer.poll_event() else {
                    break;
                };
                let owned = match event {
                    Event::Compute(id, job) => Owned::Compute(id, job),
                    Event::LocalCandidate(line) => Owned::Candidate(line),
                    Event::StateChanged(ConnectionState::Connected) => {
                        self.log.connected(now);
                        Owned::Nothing
                    }
                    Event::Closed(reason) => {
                        self.log.ended(now, reason);
                        Owned::Nothing
                    }
                    Event::Frame(frame) => {
                        self.log.frame(now, frame.codec.kind(), frame.data);
                        Owned::Nothing
                    }
                    Event::ChannelOpened { id, label, .. } => {
                        self.log.channels.push(label.to_owned());
                        self.channel.get_or_insert(id);
                        Owned::Nothing
                    }
                    Event::Message { kind, data, .. } => {
                        self.log.message(now, kind == MessageKind::Text, data);
                        Owned::Nothing
                    }
                    _ => Owned::Nothing,
                };
                self.event(now, owned);
            }
            let Some(transmit) = self.peer.poll_transmit(now, &self.rings, 10, buf) else {
                break;
            };
            let segment = transmit.segment_size.unwrap_or(transmit.len).max(1);
            out.datagrams
                .extend(buf[..transmit.len].chunks(segment).map(|bytes| Datagram {
                    from: transmit.from,
                    to: transmit.to,
                    bytes: bytes.to_vec(),
                }));
        }
        out.signals
            .extend(self.signals.drain(..).map(Outbound::to_master));
    }

    fn send_frame(&mut self, now: Instant, track: usize, frame: &[u8], pts: Duration, key: bool) {
        let rate = u128::from(self.codecs[track].clock_rate());
        let timestamp = (pts.as_micros() * rate / 1_000_000) as u32;
        self.rings[track]
            .push(frame, timestamp, key, now)
            .expect("room for a frame");
    }

    fn send_message(&mut self, now: Instant, text: bool, data: &[u8]) -> bool {
        let kind = if text {
            MessageKind::Text
        } else {
            MessageKind::Binary
        };
        self.channel
            .is_some_and(|channel| self.peer.send_message(now, channel, kind, data).is_ok())
    }

    fn readdress(&mut self, now: Instant, address: SocketAddr) {
        self.peer.remove_interface(now, self.address);
        self.peer.add_interface(now, address);
        self.address = address;
    }

    fn close(&mut self, _now: Instant) {
        self.peer.close();
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log(&self) -> &Log {
        &self.log
    }

    fn peer(&self) -> Option<&PeerConnection> {
        Some(&self.peer)
    }
}

/// Whether any of the codecs is of this kind.
#[must_use]
pub fn any_of(codecs: &[Codec], kind: Kind) -> bool {
    codecs.iter().any(|codec| codec.kind() == kind)
}
