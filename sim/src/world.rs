//! The loop: hosts, lines, encoders and signaling, one event after the other.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use kvs_message::{Body, Inbound, Outbound};
use smolrtc::base::{Duration, Instant, Limits, Rng};

use crate::camera::{CameraHost, Compute, Job, Outbox, viewer_index, viewer_name};
use crate::cloud::Cloud;
use crate::link::{Link, LinkConfig};
use crate::media::{Recipe, Source};
use crate::nat::Nat;
use crate::strange::Str0mViewer;
use crate::trace::{Trace, Wire};
use crate::viewer::{OurViewer, Viewer, Wishes};

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// The camera.
    Camera,
    /// Viewer by number.
    Viewer(usize),
}

/// How messages get from one side to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signaling {
    /// At once but for this delay, each way.
    Direct(Duration),
    /// Through `kvs-signaling` clients and the service, each this far from it.
    Service(Duration),
}

/// What a world is made with.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The camera's tracks and what feeds them.
    pub tracks: Vec<Recipe>,
    /// The way of messages.
    pub signaling: Signaling,
    /// The camera's processor.
    pub compute: Compute,
    /// Bounds of the camera.
    pub limits: Limits,
}

impl Scenario {
    /// A camera with one H.264 track, 20 ms from its viewers' messages.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            tracks: vec![Recipe::video(smolrtc::rtp::Codec::H264)],
            signaling: Signaling::Direct(Duration::from_millis(20)),
            compute: Compute::Instant,
            limits: Limits::HOST,
        }
    }
}

/// What a viewer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breed {
    /// [`smolrtc::PeerConnection`].
    Ours,
    /// str0m.
    Str0m,
}

/// A viewer with its lines.
pub struct ViewerHost {
    /// The viewer itself.
    pub viewer: Box<dyn Viewer>,
    /// What it is made of.
    pub breed: Breed,
    /// Towards the viewer.
    pub down: Link,
    /// From the viewer.
    pub up: Link,
    /// In front of it.
    pub nat: Option<Nat>,
    /// The camera's media on its way to it.
    pub wire: Wire,
    /// When its first offer reached the camera.
    pub offer_arrived: Option<Instant>,
    /// What it sends.
    pub sources: Vec<Source>,
    client: Option<usize>,
    due: Option<Instant>,
}

enum Happening {
    /// A datagram has crossed its sender's line.
    Hop {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A datagram has arrived.
    Datagram {
        node: Node,
        from: SocketAddr,
        local: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A signaling message has arrived.
    Message { node: Node, message: Inbound },
    /// A job is done.
    Computed(Job),
}

struct Due {
    at: Instant,
    sequence: u64,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// The world.
pub struct World {
    /// Its time.
    pub now: Instant,
    /// What it was made from.
    pub seed: u64,
    /// The camera.
    pub camera: CameraHost,
    /// The camera's line to the network.
    pub camera_up: Link,
    /// The network's line to the camera.
    pub camera_down: Link,
    /// The camera's encoders.
    pub sources: Vec<Source>,
    /// The viewers.
    pub viewers: Vec<ViewerHost>,
    /// Clients and service, when signaling goes through them.
    pub cloud: Option<Cloud>,
    /// One-way delay of direct signaling.
    pub signaling_delay: Duration,
    /// Whether direct signaling works.
    pub signaling_up: bool,
    /// Everything that left a host.
    pub trace: Trace,
    recipes: Vec<Recipe>,
    rng: Rng,
    agenda: BinaryHeap<Reverse<Due>>,
    sequence: u64,
    buf: Vec<u8>,
}

impl World {
    /// A world with a camera and nobody to watch it.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let mut rng = Rng::from_u64(scenario.seed);
        let address = SocketAddr::from(([10, 0, 0, 1], 5_000));
        let camera = CameraHost::new(
            &scenario.tracks,
            scenario.limits,
            scenario.compute,
            address,
            &mut rng,
        );
        let (cloud, signaling_delay) = match scenario.signaling {
            Signaling::Direct(delay) => (None, delay),
            Signaling::Service(delay) => (
                Some(Cloud::new(Instant::ZERO, delay, rng.fork())),
                Duration::ZERO,
            ),
        };
        Self {
            now: Instant::ZERO,
            seed: scenario.seed,
            camera,
            camera_up: Link::new(LinkConfig::PERFECT, rng.fork()),
            camera_down: Link::new(LinkConfig::PERFECT, rng.fork()),
            sources: Vec::new(),
            viewers: Vec::new(),
            cloud,
            signaling_delay,
            signaling_up: true,
            trace: Trace::default(),
            recipes: scenario.tracks.clone(),
            rng,
            agenda: BinaryHeap::new(),
            sequence: 0,
            buf: vec![0; 16 * smolrtc::MTU],
        }
    }

    /// Adds a viewer behind a line that behaves alike both ways; its number.
    pub fn add_viewer(&mut self, breed: Breed, wishes: &Wishes, line: LinkConfig) -> usize {
        let index = self.viewers.len();
        let address = SocketAddr::from(([10, 0, 1, index as u8 + 1], 6_000));
        let viewer: Box<dyn Viewer> = match breed {
            Breed::Ours => Box::new(OurViewer::new(self.now, wishes, address, &mut self.rng)),
            Breed::Str0m => Box::new(Str0mViewer::new(self.now, wishes, address)),
        };
        self.camera.logs.push(crate::log::Log::default());
        let client = self
            .cloud
            .as_mut()
            .map(|cloud| cloud.add_viewer(self.now, viewer_name(index)));
        self.viewers.push(ViewerHost {
            viewer,
            breed,
            down: Link::new(line, self.rng.fork()),
            up: Link::new(line, self.rng.fork()),
            nat: None,
            wire: Wire::default(),
            offer_arrived: None,
            sources: Vec::new(),
            client,
            due: None,
        });
        index
    }

    /// Puts a translator in front of a viewer.
    pub fn add_nat(&mut self, index: usize, filtering: bool) {
        let public = SocketAddr::from(([203, 0, 113, index as u8 + 1], 40_000));
        self.viewers[index].nat = Some(Nat::new(public, filtering));
    }

    /// A viewer makes its offer.
    pub fn join(&mut self, index: usize) {
        let now = self.now;
        self.viewers[index].viewer.offer(now, false);
        self.drain(Node::Viewer(index));
    }

    /// A viewer asks for new ICE credentials.
    pub fn viewer_restarts_ice(&mut self, index: usize) {
        let now = self.now;
        self.viewers[index].viewer.offer(now, true);
        self.drain(Node::Viewer(index));
    }

    /// The camera calls a viewer, or restarts ICE with it.
    pub fn camera_calls(&mut self, index: usize, restart_ice: bool) {
        let called = self
            .camera
            .camera
            .call(self.now, viewer_name(index), restart_ice);
        assert!(called.is_ok(), "seed {}: {called:?}", self.seed);
        self.drain(Node::Camera);
    }

    /// A viewer says goodbye.
    pub fn leave(&mut self, index: usize) {
        let now = self.now;
        self.viewers[index].viewer.close(now);
        self.drain(Node::Viewer(index));
    }

    /// A viewer moves to another address.
    pub fn readdress(&mut self, index: usize) {
        let mut address = self.viewers[index].viewer.address();
        address.set_port(address.port() + 1);
        let now = self.now;
        self.viewers[index].viewer.readdress(now, address);
        self.drain(Node::Viewer(index));
    }

    /// A viewer sends a data-channel message; whether it was taken.
    pub fn viewer_says(&mut self, index: usize, text: bool, data: &[u8]) -> bool {
        let now = self.now;
        let taken = self.viewers[index].viewer.send_message(now, text, data);
        self.drain(Node::Viewer(index));
        taken
    }

    /// The camera sends a data-channel message to a viewer; whether it was taken.
    pub fn camera_says(&mut self, index: usize, text: bool, data: &[u8]) -> bool {
        let taken = self.camera.send_message(self.now, index, text, data);
        self.drain(Node::Camera);
        taken
    }

    /// The camera's encoders begin.
    pub fn start_media(&mut self) {
        let start = self.now;
        let recipes = self.recipes.iter().enumerate();
        self.sources = recipes
            .map(|(track, recipe)| Source::new(*recipe, track, start))
            .collect();
    }

    /// All encoders stop.
    pub fn stop_media(&mut self) {
        let viewers = self.viewers.iter_mut().flat_map(|host| &mut host.sources);
        for source in self.sources.iter_mut().chain(viewers) {
            source.running = false;
        }
    }

    /// A viewer's own encoders begin, a recipe for each of its tracks.
    pub fn start_viewer_media(&mut self, index: usize, recipes: &[Recipe]) {
        let start = self.now;
        self.viewers[index].sources = recipes
            .iter()
            .enumerate()
            .map(|(track, recipe)| Source::new(*recipe, track, start))
            .collect();
    }

    /// Nothing passes between the network and a viewer for `span`, either way.
    pub fn cut_off(&mut self, index: usize, span: Duration) {
        let until = self.now + span;
        self.viewers[index].down.down_until = until;
        self.viewers[index].up.down_until = until;
    }

    /// Lets everything happen for `span`.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Lets everything happen until `end`.
    pub fn run_until(&mut self, end: Instant) {
        let mut idle = 0_u32;
        while let Some(next) = self.next_at().filter(|next| *next <= end) {
            if next > self.now {
                self.now = next;
                idle = 0;
            }
            idle += 1;
            assert!(
                idle < 20_000,
                "seed {}: time stands still at {:?}: camera {:?}, viewers {:?}",
                self.seed,
                self.now,
                self.camera.camera.poll_timeout(),
                self.viewers.iter().map(|host| host.due).collect::<Vec<_>>()
            );
            self.step();
        }
        self.now = end;
    }

    /// Lets everything happen until `done` holds, `limit` at most; whether it came to hold.
    pub fn run_while(&mut self, limit: Duration, mut going: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while going(self) {
            if self.now >= end {
                return false;
            }
            self.run_for(Duration::from_millis(1));
        }
        true
    }

    fn next_at(&self) -> Option<Instant> {
        let agenda = self.agenda.peek().map(|due| due.0.at);
        let viewers = self.viewers.iter().filter_map(|host| host.due);
        let viewer_sources = self.viewers.iter().flat_map(|host| &host.sources);
        let sources = self.sources.iter().chain(viewer_sources);
        let frames = sources.filter(|source| source.running).map(Source::next_at);
        let cloud = self.cloud.as_ref().and_then(Cloud::poll_timeout);
        agenda
            .into_iter()
            .chain(self.camera.due)
            .chain(viewers)
            .chain(frames)
            .chain(cloud)
            .min()
    }

    /// Does what is due now, one thing of each kind.
    fn step(&mut self) {
        let now = self.now;
        if self.agenda.peek().is_some_and(|due| due.0.at <= now) {
            if let Some(Reverse(due)) = self.agenda.pop() {
                self.happen(due.what);
            }
            return;
        }
        self.encode();
        if self
            .cloud
            .as_ref()
            .and_then(Cloud::poll_timeout)
            .is_some_and(|at| at <= now)
        {
            self.cloud
                .as_mut()
                .expect("there is one")
                .handle_timeout(now);
            self.collect_messages();
        }
        if self.camera.due.is_some_and(|at| at <= now) && now >= self.camera.stalled_until {
            self.camera.camera.handle_timeout(now);
            self.drain(Node::Camera);
        }
        for index in 0..self.viewers.len() {
            if self.viewers[index].due.is_some_and(|at| at <= now) {
                self.viewers[index].viewer.handle_timeout(now);
                self.drain(Node::Viewer(index));
            }
        }
    }

    fn encode(&mut self) {
        let now = self.now;
        let mut fed = false;
        for source in self
            .sources
            .iter_mut()
            .filter(|s| s.running && s.next_at() <= now)
        {
            let (frame, pts, key) = source.make(now);
            let camera = &mut self.camera.camera;
            camera
                .push_frame(now, source.track, &frame, pts, key)
                .expect("room for a frame");
            fed = true;
        }
        if fed {
            self.drain(Node::Camera);
        }
        for index in 0..self.viewers.len() {
            let host = &mut self.viewers[index];
            let mut fed = false;
            for source in host
                .sources
                .iter_mut()
                .filter(|s| s.running && s.next_at() <= now)
            {
                let (frame, pts, key) = source.make(now);
                host.viewer.send_frame(now, source.track, &frame, pts, key);
                fed = true;
            }
            if fed {
                self.drain(Node::Viewer(index));
            }
        }
    }

    fn happen(&mut self, what: Happening) {
        let now = self.now;
        // A stalled camera takes its input when it is back.
        let for_camera = matches!(
            what,
            Happening::Datagram {
                node: Node::Camera,
                ..
            } | Happening::Message {
                node: Node::Camera,
                ..
            }
        );
        if for_camera && now < self.camera.stalled_until {
            self.plan(self.camera.stalled_until, what);
            return;
        }
        match what {
            Happening::Hop { from, to, bytes } => self.arrive(from, to, bytes),
            Happening::Datagram {
                node,
                from,
                local,
                mut bytes,
            } => {
                match node {
                    Node::Camera => {
                        self.camera
                            .camera
                            .handle_input(now, from, local, &mut bytes);
                    }
                    Node::Viewer(index) => {
                        let viewer = &mut self.viewers[index].viewer;
                        viewer.handle_datagram(now, from, &mut bytes);
                    }
                }
                self.drain(node);
            }
            Happening::Message { node, message } => self.take_message(node, message),
            Happening::Computed(job) => {
                self.camera.handle_computed(now, job);
                self.drain(Node::Camera);
            }
        }
    }

    fn take_message(&mut self, node: Node, message: Inbound) {
        let now = self.now;
        match node {
            Node::Camera => {
                if let Some(index) = message.from.as_ref().and_then(viewer_index)
                    && let Some(host) = self.viewers.get_mut(index)
                {
                    if matches!(message.body, Body::Offer(_)) {
                        host.offer_arrived.get_or_insert(now);
                    }
                    if let Body::Answer(sdp) = &message.body {
                        host.wire.learn(sdp);
                    }
                }
                self.camera.handle_message(now, message);
            }
            Node::Viewer(index) => {
                let host = &mut self.viewers[index];
                if let Body::Answer(sdp) = &message.body {
                    host.wire.learn(sdp);
                }
                host.viewer.handle_message(now, &message.body);
            }
        }
        self.drain(node);
    }

    fn plan(&mut self, at: Instant, what: Happening) {
        self.sequence += 1;
        self.agenda.push(Reverse(Due {
            at,
            sequence: self.sequence,
            what,
        }));
    }

    /// Takes out what a host has to say, and notes when it is due again.
    fn drain(&mut self, node: Node) {
        let now = self.now;
        let mut out = Outbox::default();
        match node {
            Node::Camera => {
                self.camera.drain(now, &mut out, &mut self.buf);
                for (source, requests) in self.sources.iter_mut().zip(&mut self.camera.key_requests)
                {
                    source.key_wanted |= std::mem::take(requests) > 0;
                }
            }
            Node::Viewer(index) => {
                let host = &mut self.viewers[index];
                host.viewer.drain(now, &mut out, &mut self.buf);
                host.due = host.viewer.poll_timeout();
            }
        }
        for Job {
            ready,
            viewer,
            id,
            result,
        } in out.jobs
        {
            self.plan(
                ready,
                Happening::Computed(Job {
                    ready,
                    viewer,
                    id,
                    result,
                }),
            );
        }
        for message in out.signals {
            self.signal(node, message);
        }
        for datagram in out.datagrams {
            self.depart(node, datagram.from, datagram.to, datagram.bytes);
        }
    }

    fn signal(&mut self, node: Node, message: Outbound) {
        let now = self.now;
        if let Some(cloud) = &mut self.cloud {
            let client = match node {
                Node::Camera => 0,
                Node::Viewer(index) => self.viewers[index].client.expect("a client"),
            };
            cloud.send(now, client, message);
            self.collect_messages();
            return;
        }
        if !self.signaling_up {
            return;
        }
        let (to, from) = match node {
            Node::Camera => {
                let index = message.to.as_ref().and_then(viewer_index);
                (index.map(Node::Viewer), None)
            }
            Node::Viewer(index) => (Some(Node::Camera), Some(viewer_name(index))),
        };
        if let Some(to) = to {
            let message = Inbound {
                from,
                body: message.body,
                correlation_id: None,
                to: None,
            };
            self.plan(
                now + self.signaling_delay,
                Happening::Message { node: to, message },
            );
        }
    }

    fn collect_messages(&mut self) {
        while let Some((client, message)) = self.cloud.as_mut().and_then(Cloud::poll_message) {
            let index = self
                .viewers
                .iter()
                .position(|host| host.client == Some(client));
            let node = index.map_or(Node::Camera, Node::Viewer);
            self.plan(self.now, Happening::Message { node, message });
        }
    }

    /// A datagram leaves its host.
    fn depart(&mut self, node: Node, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.now;
        self.trace.add(now, from, to, &bytes);
        let (link, source) = match node {
            Node::Camera => {
                if let Some(index) = self.viewer_at(to) {
                    self.viewers[index].wire.left(now, &bytes);
                }
                (&mut self.camera_up, from)
            }
            Node::Viewer(index) => {
                let host = &mut self.viewers[index];
                let source = host.nat.as_mut().map_or(from, |nat| nat.outbound(to));
                (&mut host.up, source)
            }
        };
        for at in link.carry(now, bytes.len()).into_iter().flatten() {
            self.plan(
                at,
                Happening::Hop {
                    from: source,
                    to,
                    bytes: bytes.clone(),
                },
            );
        }
    }

    /// A datagram stands before its receiver's line.
    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.now;
        let (node, link, local) = if to == self.camera.address {
            (Node::Camera, &mut self.camera_down, to)
        } else {
            let Some(index) = self.viewer_at(to) else {
                return;
            };
            let host = &mut self.viewers[index];
            if host.nat.as_mut().is_some_and(|nat| !nat.admits(from, to)) {
                return;
            }
            (Node::Viewer(index), &mut host.down, host.viewer.address())
        };
        let arrivals = link.carry(now, bytes.len());
        if arrivals[0].is_none()
            && let Node::Viewer(index) = node
        {
            self.viewers[index].wire.lost(&bytes);
        }
        for at in arrivals.into_iter().flatten() {
            self.plan(
                at,
                Happening::Datagram {
                    node,
                    from,
                    local,
                    bytes: bytes.clone(),
                },
            );
        }
    }

    /// The viewer that is seen at an address.
    fn viewer_at(&self, address: SocketAddr) -> Option<usize> {
        self.viewers.iter().position(|host| {
            let seen = host
                .nat
                .as_ref()
                .map_or_else(|| host.viewer.address(), Nat::public);
            seen == address
        })
    }
}
