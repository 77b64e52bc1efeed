//! The camera as a host: [`kvs_camera::Camera`] with a processor that may be slow.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kvs_camera::{Camera, Config, Event, LeaveReason, ViewerId};
use kvs_message::{ClientId, Inbound, Outbound};
use smolrtc::base::{Duration, Instant, Limits, Rng};
use smolrtc::crypto::{JobId, JobResult, Provider as _};
use smolrtc::sctp::{ChannelId, MessageKind};
use smolrtc::{ConnectionState, Wall};

use crate::log::Log;
use crate::media::Recipe;
use crate::{EPOCH, PROVIDER, certificate};

/// How long a public-key job takes, and who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    /// No time at all.
    Instant,
    /// This long on a worker that takes one job at a time; nothing else waits.
    Worker(Duration),
    /// This long on the only thread there is: everything waits. The design forbids it; here it shows
    /// that a measurement would notice.
    Blocking(Duration),
}

/// A datagram on its way out of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Socket it leaves.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// Payload.
    pub bytes: Vec<u8>,
}

/// A job that will be done.
#[derive(Debug)]
pub struct Job {
    /// When.
    pub ready: Instant,
    /// Whose.
    pub viewer: ViewerId,
    /// Which.
    pub id: JobId,
    /// With what result.
    pub result: JobResult,
}

/// What a host wants done.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Datagrams to be sent.
    pub datagrams: Vec<Datagram>,
    /// Signaling messages to be sent.
    pub signals: Vec<Outbound>,
    /// Results to be handed back later (cameras only).
    pub jobs: Vec<Job>,
}

/// A camera on the network.
pub struct CameraHost {
    /// The machine itself.
    pub camera: Camera,
    /// Address of its only socket.
    pub address: SocketAddr,
    /// What it saw of each viewer, by the viewer's number in the world.
    pub logs: Vec<Log>,
    /// Who left when, and why.
    pub left: Vec<(Instant, usize, LeaveReason)>,
    /// Offers refused.
    pub refused: u32,
    /// Key frames asked of encoders, a track each.
    pub key_requests: Vec<u32>,
    /// What the encoders were told to aim at last.
    pub target: Option<u32>,
    /// Nothing happens on this host before.
    pub stalled_until: Instant,
    /// When the next timer is due.
    pub due: Option<Instant>,
    compute: Compute,
    worker_free_at: Instant,
    sessions: BTreeMap<ViewerId, usize>,
    channels: BTreeMap<ViewerId, ChannelId>,
    /// Sends what arrives on a data channel back.
    pub echo: bool,
}

impl CameraHost {
    /// A camera with these tracks.
    #[must_use]
    pub fn new(
        tracks: &[Recipe],
        limits: Limits,
        compute: Compute,
        address: SocketAddr,
        rng: &mut Rng,
    ) -> Self {
        let mut config = Config::new(certificate(rng), limits);
        for recipe in tracks {
            config = config.with_track(recipe.codec);
        }
        config.receive_audio = true;
        config.receive_video = true;
        let mut camera = Camera::new(config, rng.fork(), &PROVIDER);
        camera.set_wall_clock(Wall::new(Instant::ZERO, EPOCH));
        camera.add_interface(Instant::ZERO, address);
        Self {
            camera,
            address,
            logs: Vec::new(),
            left: Vec::new(),
            refused: 0,
            key_requests: vec![0; tracks.len()],
            target: None,
            stalled_until: Instant::ZERO,
            due: None,
            compute,
            worker_free_at: Instant::ZERO,
            sessions: BTreeMap::new(),
            channels: BTreeMap::new(),
            echo: false,
        }
    }

    /// The session of viewer `index`, if it has one.
    #[must_use]
    pub fn session(&self, index: usize) -> Option<ViewerId> {
        self.sessions
            .iter()
            .rev()
            .find(|(_, viewer)| **viewer == index)
            .map(|(id, _)| *id)
    }

    /// Takes a signaling message.
    pub fn handle_message(&mut self, now: Instant, message: Inbound) {
        self.camera.handle_message(now, message);
    }

    /// Takes the result of a job.
    pub fn handle_computed(&mut self, now: Instant, job: Job) {
        self.camera
            .handle_computed(now, job.viewer, job.id, job.result);
    }

    /// Takes out everything that waits.
    pub fn drain(&mut self, now: Instant, out: &mut Outbox, buf: &mut [u8]) {
        while now >= self.stalled_until {
            self.drain_events(now, out);
            if now < self.stalled_until {
                break;
            }
            let Some(transmit) = self.camera.poll_transmit(now, 10, buf) else {
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
        self.due = self
            .camera
            .poll_timeout()
            .map(|(at, _)| at.max(self.stalled_until));
    }

    fn drain_events(&mut self, now: Instant, out: &mut Outbox) {
        let mut echoes = Vec::new();
        while let Some(event) = self.camera.poll_event() {
            match event {
                Event::Signal(message) => out.signals.push(message),
                Event::Compute { viewer, id, job } => {
                    let result = PROVIDER.run(&job);
                    let ready = match self.compute {
                        Compute::Instant => {
                            self.camera.handle_computed(now, viewer, id, result);
                            continue;
                        }
                        Compute::Worker(takes) => {
                            self.worker_free_at = self.worker_free_at.max(now) + takes;
                            self.worker_free_at
                        }
                        Compute::Blocking(takes) => {
                            self.stalled_until = self.stalled_until.max(now) + takes;
                            self.stalled_until
                        }
                    };
                    out.jobs.push(Job {
                        ready,
                        viewer,
                        id,
                        result,
                    });
                }
                Event::ViewerJoined { viewer, client } => {
                    let index = client.as_ref().and_then(viewer_index);
                    self.sessions
                        .insert(viewer, index.expect("clients are named by number"));
                }
                Event::ViewerRefused { .. } => self.refused += 1,
                Event::ViewerState { viewer, state } => {
                    if state == ConnectionState::Connected
                        && let Some(log) = log_of(&self.sessions, &mut self.logs, viewer)
                    {
                        log.connected(now);
                    }
                }
                Event::ViewerLeft { viewer, reason, .. } => {
                    if let Some(index) = self.sessions.get(&viewer) {
                        self.left.push((now, *index, reason));
                    }
                    if let Some(log) = log_of(&self.sessions, &mut self.logs, viewer) {
                        log.ended(now, reason);
                    }
                }
                Event::KeyFrameNeeded { track } => self.key_requests[track] += 1,
                Event::TargetBitrate { bps } => self.target = Some(bps),
                Event::Frame { viewer, frame } => {
                    if let Some(log) = log_of(&self.sessions, &mut self.logs, viewer) {
                        log.frame(now, frame.codec.kind(), frame.data);
                    }
                }
                Event::ChannelOpened {
                    viewer,
                    channel,
                    label,
                } => {
                    self.channels.insert(viewer, channel);
                    if let Some(log) = log_of(&self.sessions, &mut self.logs, viewer) {
                        log.channels.push(label.to_owned());
                    }
                }
                Event::Message {
                    viewer,
                    channel,
                    kind,
                    data,
                } => {
                    if let Some(log) = log_of(&self.sessions, &mut self.logs, viewer) {
                        log.message(now, kind == MessageKind::Text, data);
                    }
                    if self.echo {
                        echoes.push((viewer, channel, kind, data.to_vec()));
                    }
                }
                _ => {}
            }
        }
        for (viewer, channel, kind, data) in echoes {
            self.camera
                .send_message(now, viewer, channel, kind, &data)
                .expect("room for an echo");
        }
    }

    /// Sends a message to a viewer on the channel opened last.
    pub fn send_message(&mut self, now: Instant, index: usize, text: bool, data: &[u8]) -> bool {
        let kind = if text {
            MessageKind::Text
        } else {
            MessageKind::Binary
        };
        self.session(index).is_some_and(|viewer| {
            let channel = self.channels.get(&viewer);
            channel.is_some_and(|channel| {
                self.camera
                    .send_message(now, viewer, *channel, kind, data)
                    .is_ok()
            })
        })
    }
}

fn log_of<'a>(
    sessions: &BTreeMap<ViewerId, usize>,
    logs: &'a mut [Log],
    viewer: ViewerId,
) -> Option<&'a mut Log> {
    logs.get_mut(*sessions.get(&viewer)?)
}

/// The name of viewer `index` in signaling.
#[must_use]
pub fn viewer_name(index: usize) -> ClientId {
    ClientId::new(&format!("viewer-{index}")).expect("a plain name")
}

/// The number in a viewer's name.
#[must_use]
pub fn viewer_index(client: &ClientId) -> Option<usize> {
    client.as_str().strip_prefix("viewer-")?.parse().ok()
}
