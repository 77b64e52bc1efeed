//! A camera as a running program: the camera machine, its signaling, its sockets, its media.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use kvs_camera::{Camera, Event, LeaveReason, RefusalReason, ViewerId, ViewerSnapshot};
use kvs_media::Player;
use kvs_message::{ClientId, IceServer};
use kvs_signaling::{Client, DisconnectReason};
use smolrtc::rtp::{Codec, Kind};
use smolrtc::sctp::MessageKind;
use smolrtc::{Certificate, ConnectionState, Wall};
use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_crypto::JobResult;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;

use crate::clock::Clock;
use crate::compute::{Computer, PROVIDER};
use crate::interfaces::InterfaceFilter;
use crate::link::SignalingLink;
use crate::media::{Recording, rtp_codec};
use crate::net::Net;

/// How often the machine's addresses are looked at.
const ADDRESS_INTERVAL: Duration = Duration::from_secs(5);
/// The most time that goodbyes may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// A camera that calls a viewer who does not answer calls again after this.
const CALL_AGAIN: Duration = Duration::from_secs(3);

/// What a master is started with.
pub struct Config {
    /// Signaling settings.
    pub signaling: kvs_signaling::Config,
    /// AWS credentials.
    pub credentials: kvs_signaling::Credentials,
    /// TLS for the streams that signaling opens.
    pub tls: TlsConnector,
    /// Media files, or none when frames are pushed by the application.
    pub player: Option<Player<Vec<u8>>>,
    /// Codecs of the tracks when there is no player.
    pub codecs: Vec<Codec>,
    /// Start the player when the first viewer is connected, not at once.
    pub wait_viewer: bool,
    /// Viewers at one time.
    pub max_viewers: usize,
    /// Where to record what viewers send; without it nothing is received.
    pub record_dir: Option<PathBuf>,
    /// Send each data-channel message back to its sender.
    pub echo: bool,
    /// A viewer to call: the camera makes the offer.
    pub call: Option<ClientId>,
    /// Which addresses become candidates.
    pub interfaces: InterfaceFilter,
}

/// What a master tells the application.
#[derive(Debug)]
#[non_exhaustive]
pub enum MasterEvent {
    /// Signaling is up: viewers can come.
    Online,
    /// Signaling is down; it comes back by itself and live viewers do not notice.
    Offline(DisconnectReason),
    /// Another master took the channel; we ask for it again after this long.
    Replaced(Duration),
    /// A signaling step failed; it is tried again.
    SignalingFailed(kvs_signaling::Error),
    /// Our clock is behind the service's by this many seconds, or ahead if negative; signatures
    /// use the service's time.
    ClockSkew(i64),
    /// A viewer was admitted.
    Joined(ViewerId, Option<ClientId>),
    /// A viewer's connection is up, this long after its offer.
    Connected(ViewerId, Duration),
    /// A viewer left.
    Left(ViewerId, Option<ClientId>, LeaveReason),
    /// An offer was refused.
    Refused(Option<ClientId>, RefusalReason),
    /// A data-channel message arrived.
    Message(ViewerId, MessageKind, Vec<u8>),
    /// The encoder should make a key frame.
    KeyFrameNeeded(Kind),
    /// The encoders together should aim at this many bits per second.
    TargetBitrate(u32),
    /// A recording of a viewer's stream is complete.
    Recorded(PathBuf, u64),
    /// A recording could not be written.
    RecordingFailed(String),
    /// The player came to its end.
    MediaEnded,
}

/// What the application asks of a master.
#[derive(Debug)]
enum Command {
    Frame {
        kind: Kind,
        data: Vec<u8>,
        pts: Duration,
        key: bool,
    },
    Snapshots(oneshot::Sender<Vec<ViewerSnapshot>>),
    Shutdown,
}

/// Where the player stands, for whoever wants to measure.
#[derive(Clone, Copy, Debug)]
pub struct MediaClock {
    /// Wall time at which the media's zero was sent.
    pub started: UnixTime,
    /// Length of a turn of the files.
    pub turn: Duration,
}

/// A handle on a running master. Dropping it ends the master.
#[derive(Debug)]
pub struct Master {
    commands: mpsc::Sender<Command>,
    media: Arc<Mutex<Option<MediaClock>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Master {
    /// Starts a camera; events go to `events`.
    ///
    /// # Errors
    /// When no certificate, socket or signaling client can be made.
    pub fn start(
        config: Config,
        events: mpsc::UnboundedSender<MasterEvent>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (commands, inbox) = mpsc::channel(64);
        let media = Arc::new(Mutex::new(None));
        let mut running = Running::new(config, events, Arc::clone(&media))?;
        let task = tokio::spawn(async move { running.run(inbox).await });
        Ok(Self {
            commands,
            media,
            task,
        })
    }

    /// Sends a frame of an encoder of the application's own to every viewer. `pts` is on one clock
    /// for audio and video. `false` when the master has ended.
    pub async fn push_frame(&self, kind: Kind, data: Vec<u8>, pts: Duration, key: bool) -> bool {
        self.commands
            .send(Command::Frame {
                kind,
                data,
                pts,
                key,
            })
            .await
            .is_ok()
    }

    /// The viewers and their statistics.
    pub async fn snapshots(&self) -> Vec<ViewerSnapshot> {
        self.observer().snapshots().await
    }

    /// Where the player stands; `None` before it started.
    #[must_use]
    pub fn media_clock(&self) -> Option<MediaClock> {
        self.media.lock().map_or(None, |clock| *clock)
    }

    /// A handle that asks questions and does not keep the master running.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer {
            commands: self.commands.downgrade(),
            media: Arc::clone(&self.media),
        }
    }

    /// Says goodbye to every viewer and ends. Takes at most half a second.
    pub async fn shutdown(self) {
        // A master that has ended already needs no command.
        let _ = self.commands.send(Command::Shutdown).await;
        let _ = self.task.await;
    }
}

/// Asks a running master questions; may outlive it.
#[derive(Clone, Debug)]
pub struct Observer {
    commands: mpsc::WeakSender<Command>,
    media: Arc<Mutex<Option<MediaClock>>>,
}

impl Observer {
    /// The viewers and their statistics; none once the master has ended.
    pub async fn snapshots(&self) -> Vec<ViewerSnapshot> {
        let (reply, answer) = oneshot::channel();
        let Some(commands) = self.commands.upgrade() else {
            return Vec::new();
        };
        if commands.send(Command::Snapshots(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Where the player stands; `None` before it started.
    #[must_use]
    pub fn media_clock(&self) -> Option<MediaClock> {
        self.media.lock().map_or(None, |clock| *clock)
    }
}

struct Running {
    clock: Clock,
    camera: Camera,
    link: SignalingLink,
    net: Net,
    computer: Computer<ViewerId>,
    resolved: (Resolver, mpsc::UnboundedReceiver<Resolved>),
    player: Option<Player<Vec<u8>>>,
    /// When the player started.
    started: Option<Instant>,
    ended: bool,
    wait_viewer: bool,
    echo: bool,
    call: Option<ClientId>,
    call_at: Option<Instant>,
    record_dir: Option<PathBuf>,
    recordings: BTreeMap<(ViewerId, Kind), Recording>,
    joined: BTreeMap<ViewerId, Instant>,
    media: Arc<Mutex<Option<MediaClock>>>,
    events: mpsc::UnboundedSender<MasterEvent>,
    wall_at: Instant,
}

type Resolved = (ViewerId, smolrtc::ice::MdnsId, Option<std::net::IpAddr>);
type Resolver = mpsc::UnboundedSender<Resolved>;

/// What woke the loop.
enum Wake {
    Time,
    Net,
    Stream(crate::streams::StreamEvent),
    Computed(ViewerId, smolrtc_crypto::JobId, JobResult),
    Resolved(Resolved),
    Command(Option<Command>),
    Addresses,
}

impl Running {
    fn new(
        config: Config,
        events: mpsc::UnboundedSender<MasterEvent>,
        media: Arc<Mutex<Option<MediaClock>>>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let clock = Clock::start();
        let now = clock.now();
        let mut rng = crate::entropy::system_rng()?;
        let certificate = Certificate::generate(&PROVIDER, &mut rng, clock.unix())?;
        let mut limits = Limits::HOST;
        limits.viewers = config.max_viewers;
        let mut settings = kvs_camera::Config::new(certificate, limits);
        settings.cname = cname(&mut rng);
        settings.receive_audio = config.record_dir.is_some();
        settings.receive_video = config.record_dir.is_some();
        let of_player = config.player.as_ref().map(|player| {
            let sources = [player.video(), player.audio()].into_iter().flatten();
            sources
                .filter_map(|source| rtp_codec(source.codec()))
                .collect()
        });
        for codec in of_player.unwrap_or(config.codecs) {
            settings = settings.with_track(codec);
        }
        let mut camera = Camera::new(settings, rng.fork(), &PROVIDER);
        camera.set_wall_clock(Wall::new(now, clock.unix()));
        let mut net = Net::new(config.interfaces);
        for address in net.refresh()?.added {
            camera.add_interface(now, address);
        }
        let mut client = Client::new(
            now,
            config.signaling,
            config.credentials,
            rng.fork(),
            &PROVIDER,
        )?;
        client.set_wall_clock(now, clock.unix());
        Ok(Self {
            clock,
            camera,
            link: SignalingLink::new(client, config.tls),
            net,
            computer: Computer::default(),
            resolved: mpsc::unbounded_channel(),
            player: config.player,
            started: None,
            ended: false,
            wait_viewer: config.wait_viewer,
            echo: config.echo,
            call: config.call,
            call_at: None,
            record_dir: config.record_dir,
            recordings: BTreeMap::new(),
            joined: BTreeMap::new(),
            media,
            events,
            wall_at: now,
        })
    }

    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        let mut addresses = tokio::time::interval(ADDRESS_INTERVAL);
        addresses.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let next = self.turn().await;
            let deadline = next.map(|at| self.clock.deadline(at));
            let sleep = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let wake = tokio::select! {
                biased;
                () = self.net.ready() => Wake::Net,
                Some((viewer, id, result)) = self.computer.result() => Wake::Computed(viewer, id, result),
                Some(report) = self.link.report() => Wake::Stream(report),
                Some(resolved) = self.resolved.1.recv() => Wake::Resolved(resolved),
                command = commands.recv() => Wake::Command(command),
                _ = addresses.tick() => Wake::Addresses,
                () = sleep => Wake::Time,
            };
            let now = self.clock.now();
            match wake {
                Wake::Time => {}
                Wake::Net => {
                    self.net.flush();
                    let camera = &mut self.camera;
                    self.net.receive(&mut |from, local, datagram| {
                        camera.handle_input(now, from, local, datagram);
                    });
                }
                Wake::Computed(viewer, id, result) => {
                    self.camera.handle_computed(now, viewer, id, result);
                }
                Wake::Stream(report) => self.link.handle(now, &report),
                Wake::Resolved((viewer, id, address)) => {
                    self.camera.resolved(now, viewer, id, address);
                }
                Wake::Addresses => self.refresh_addresses(now),
                Wake::Command(Some(Command::Frame {
                    kind,
                    data,
                    pts,
                    key,
                })) => {
                    if let Some(track) = self.camera.track(kind)
                        && let Err(error) = self.camera.push_frame(now, track, &data, pts, key)
                    {
                        tracing::warn!(%error, "a frame was not sent");
                    }
                }
                Wake::Command(Some(Command::Snapshots(reply))) => {
                    // The asker may have gone.
                    let _ = reply.send(self.camera.snapshots(now));
                }
                Wake::Command(Some(Command::Shutdown) | None) => {
                    self.goodbye().await;
                    return;
                }
            }
        }
    }

    /// Does everything that can be done now; returns when there is more to do.
    async fn turn(&mut self) -> Option<Instant> {
        let now = self.clock.now();
        self.play(now);
        if self.camera.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.camera.handle_timeout(now);
        }
        if self.link.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.link.handle_timeout(now);
        }
        self.signaling(now);
        self.camera_events(now);
        // An answer made just now should leave in this turn.
        let live = self.camera.viewer_count() > 0;
        self.link.client().viewers_live(now, live);
        self.signaling(now);
        self.calls(now);
        self.transmit(now);
        // Other tasks get the thread even if there is always something to do.
        tokio::task::yield_now().await;
        let camera = self.camera.poll_timeout().map(|(at, _)| at);
        let camera = camera.filter(|_| !self.net.is_blocked());
        let link = self.link.poll_timeout().map(|(at, _)| at);
        let media = self.next_frame();
        [camera, link, media, self.call_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn transmit(&mut self, now: Instant) {
        let segments = self.net.max_segments();
        while !self.net.is_blocked()
            && let Some(transmit) = self.camera.poll_transmit(now, segments, &mut self.net.buf)
        {
            self.net.send(transmit);
        }
    }

    fn signaling(&mut self, now: Instant) {
        use kvs_signaling::Event as Signal;
        while let Some(event) = self.link.poll(now) {
            match event {
                Signal::Message(message) => self.camera.handle_message(now, message),
                Signal::Connected => {
                    self.tell(MasterEvent::Online);
                    if self.call.is_some() {
                        self.call_at = Some(now);
                    }
                }
                Signal::Disconnected { reason } => self.tell(MasterEvent::Offline(reason)),
                Signal::IceServers(servers) => {
                    let servers = stun_servers(&servers);
                    self.camera.set_stun_servers(now, &servers);
                }
                Signal::Failed { error, .. } => self.tell(MasterEvent::SignalingFailed(error)),
                Signal::ClockSkew { seconds } => self.tell(MasterEvent::ClockSkew(seconds)),
                Signal::Replaced { retry_at } => {
                    self.tell(MasterEvent::Replaced(retry_at.since(now)));
                }
                _ => {}
            }
        }
    }

    fn camera_events(&mut self, now: Instant) {
        let mut echoes = Vec::new();
        while let Some(event) = self.camera.poll_event() {
            let told = match event {
                Event::Signal(message) => {
                    if let Err(error) = self.link.client().send(now, message) {
                        tracing::warn!(%error, "a signaling message was dropped");
                    }
                    continue;
                }
                Event::Compute { viewer, id, job } => {
                    self.computer.start(viewer, id, job);
                    continue;
                }
                Event::ResolveMdns { viewer, id, name } => {
                    resolve(self.resolved.0.clone(), viewer, id, name);
                    continue;
                }
                Event::Frame { viewer, frame } => {
                    let kind = frame.codec.kind();
                    let key = (viewer, kind);
                    if !self.recordings.contains_key(&key)
                        && let Some(dir) = &self.record_dir
                    {
                        let stem = dir.join(
                            format!("{viewer}-{kind:?}")
                                .replace(' ', "-")
                                .to_lowercase(),
                        );
                        match Recording::create(&stem, frame.codec) {
                            Ok(recording) => {
                                self.recordings.insert(key, recording);
                            }
                            Err(error) => {
                                // One complaint, then no further try.
                                self.record_dir = None;
                                let _ = self
                                    .events
                                    .send(MasterEvent::RecordingFailed(error.to_string()));
                            }
                        }
                    }
                    if let Some(recording) = self.recordings.get_mut(&key)
                        && let Err(error) =
                            recording.frame(frame.rtp_timestamp, frame.key, frame.data)
                    {
                        self.recordings.remove(&key);
                        let _ = self
                            .events
                            .send(MasterEvent::RecordingFailed(error.to_string()));
                    }
                    continue;
                }
                Event::Message {
                    viewer,
                    channel,
                    kind,
                    data,
                } => {
                    if self.echo {
                        echoes.push((viewer, channel, kind, data.to_vec()));
                    }
                    MasterEvent::Message(viewer, kind, data.to_vec())
                }
                Event::ViewerJoined { viewer, client } => {
                    self.joined.insert(viewer, now);
                    MasterEvent::Joined(viewer, client)
                }
                Event::ViewerState {
                    viewer,
                    state: ConnectionState::Connected,
                } => {
                    self.call_at = self.call_at.filter(|_| self.call.is_none());
                    if self.wait_viewer && self.started.is_none() {
                        self.started = Some(now);
                    }
                    let joined = self.joined.get(&viewer).copied().unwrap_or(now);
                    MasterEvent::Connected(viewer, now.since(joined))
                }
                Event::ViewerLeft {
                    viewer,
                    client,
                    reason,
                } => {
                    self.joined.remove(&viewer);
                    let _ = self.events.send(MasterEvent::Left(viewer, client, reason));
                    finish_recordings(&mut self.recordings, Some(viewer), &self.events);
                    continue;
                }
                Event::ViewerRefused { client, reason } => MasterEvent::Refused(client, reason),
                Event::KeyFrameNeeded { track } => {
                    let video = self.camera.track(Kind::Video) == Some(track);
                    MasterEvent::KeyFrameNeeded(if video { Kind::Video } else { Kind::Audio })
                }
                Event::TargetBitrate { bps } => MasterEvent::TargetBitrate(bps),
                _ => continue,
            };
            // Nobody listens to a master that runs for itself.
            let _ = self.events.send(told);
        }
        for (viewer, channel, kind, data) in echoes {
            if let Err(error) = self.camera.send_message(now, viewer, channel, kind, &data) {
                tracing::warn!(%viewer, %error, "a message could not be echoed");
            }
        }
    }

    /// Hands the frames that are due to the camera.
    fn play(&mut self, now: Instant) {
        if now.since(self.wall_at) > Duration::from_secs(60) {
            self.wall_at = now;
            let unix = self.clock.unix();
            self.camera.set_wall_clock(Wall::new(now, unix));
            self.link.client().set_wall_clock(now, unix);
        }
        let Some(player) = &mut self.player else {
            return;
        };
        if self.ended {
            return;
        }
        let started = match self.started {
            Some(started) => started,
            None if self.wait_viewer => return,
            None => *self.started.insert(now),
        };
        if let Ok(mut clock) = self.media.lock()
            && clock.is_none()
        {
            let since = now.since(started);
            *clock = Some(MediaClock {
                started: self.clock.unix().minus(since),
                turn: player.turn(),
            });
        }
        while let Some(frame) = player.next_frame(now.since(started)) {
            let Some(track) = rtp_codec(frame.codec).and_then(|c| self.camera.track(c.kind()))
            else {
                continue;
            };
            if let Err(error) = self
                .camera
                .push_frame(now, track, frame.data, frame.pts, frame.key)
            {
                tracing::warn!(%error, "a frame was not sent");
            }
        }
        if player.next_due().is_none() {
            self.ended = true;
            self.tell(MasterEvent::MediaEnded);
        }
    }

    fn next_frame(&mut self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let started = self.started?;
        self.player.as_mut()?.next_due().map(|due| started + due)
    }

    /// Calls the viewer that is to be called, until it is there.
    fn calls(&mut self, now: Instant) {
        let (Some(client), Some(at)) = (&self.call, self.call_at) else {
            return;
        };
        if at > now {
            return;
        }
        self.call_at = None;
        let waiting = self
            .camera
            .snapshots(now)
            .iter()
            .any(|v| v.client.as_ref() == Some(client));
        if waiting {
            return;
        }
        if let Err(reason) = self.camera.call(now, client.clone(), false) {
            tracing::warn!(%client, %reason, "the call was not made");
        }
        self.call_at = Some(now + CALL_AGAIN);
        self.camera_events(now);
        self.signaling(now);
    }

    fn refresh_addresses(&mut self, now: Instant) {
        match self.net.refresh() {
            Ok(changes) => {
                for address in changes.removed {
                    self.camera.remove_interface(now, address);
                }
                for address in changes.added {
                    self.camera.add_interface(now, address);
                }
            }
            Err(error) => tracing::warn!(%error, "the network interfaces cannot be listed"),
        }
    }

    /// RTCP BYE, SCTP ABORT, close_notify to each viewer; the end of every recording.
    async fn goodbye(&mut self) {
        let now = self.clock.now();
        self.camera.shutdown(now);
        let end = now + GOODBYE;
        loop {
            let now = self.clock.now();
            self.camera_events(now);
            self.net.flush();
            self.transmit(now);
            if (self.camera.is_drained() && !self.net.is_blocked()) || now >= end {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let now = self.clock.now();
        self.link.client().shutdown(now);
        self.signaling(now);
        finish_recordings(&mut self.recordings, None, &self.events);
    }

    fn tell(&self, event: MasterEvent) {
        // Nobody listens to a master that runs for itself.
        let _ = self.events.send(event);
    }
}

/// Ends the recordings of one viewer, or of all.
fn finish_recordings(
    recordings: &mut BTreeMap<(ViewerId, Kind), Recording>,
    viewer: Option<ViewerId>,
    events: &mpsc::UnboundedSender<MasterEvent>,
) {
    let keys: Vec<_> = recordings
        .keys()
        .filter(|(of, _)| viewer.is_none_or(|v| v == *of))
        .copied()
        .collect();
    for key in keys {
        let Some(recording) = recordings.remove(&key) else {
            continue;
        };
        let _ = events.send(match recording.finish() {
            Ok((path, frames)) => MasterEvent::Recorded(path, frames),
            Err(error) => MasterEvent::RecordingFailed(error.to_string()),
        });
    }
}

/// A random canonical name (RFC 7022): it tells streams apart, not people.
pub(crate) fn cname(rng: &mut Rng) -> String {
    format!("{:016x}", rng.u64())
}

/// The STUN servers among ICE server records, resolved to addresses where they are written so.
pub(crate) fn stun_servers(servers: &[IceServer]) -> Vec<SocketAddr> {
    let urls = servers.iter().flat_map(|server| &server.urls);
    urls.filter_map(|url| url.strip_prefix("stun:")?.split('?').next()?.parse().ok())
        .collect()
}

fn resolve(reply: Resolver, viewer: ViewerId, id: smolrtc::ice::MdnsId, name: String) {
    tokio::spawn(async move {
        let lookup = tokio::net::lookup_host((name.as_str(), 0));
        let found = tokio::time::timeout(Duration::from_secs(2), lookup).await;
        let address = match found {
            Ok(Ok(mut addresses)) => addresses.next().map(|address| address.ip()),
            _ => None,
        };
        // The master may have ended.
        let _ = reply.send((viewer, id, address));
    });
}
