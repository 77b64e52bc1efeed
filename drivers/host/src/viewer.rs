//! A viewer as a running program: one connection that receives, and records.

use std::path::PathBuf;

use kvs_message::{Body, Candidate, Outbound};
use kvs_signaling::Client;
use smolrtc::rtp::{Codec, Kind};
use smolrtc::{Certificate, CloseReason, ConnectionState, Event, PeerConnection, Wall};
use smolrtc_base::{Duration, Instant, Limits};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;

use crate::clock::Clock;
use crate::compute::{Computer, PROVIDER};
use crate::interfaces::InterfaceFilter;
use crate::link::SignalingLink;
use crate::master::{cname, stun_servers};
use crate::media::{MediaError, Recording};
use crate::net::Net;

/// The most time that the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);

/// What a viewer is started with.
pub struct Config {
    /// Signaling settings, in the viewer's role.
    pub signaling: kvs_signaling::Config,
    /// AWS credentials.
    pub credentials: kvs_signaling::Credentials,
    /// TLS for the streams that signaling opens.
    pub tls: TlsConnector,
    /// Where to write the video, as it came: Annex B or IVF.
    pub record: Option<PathBuf>,
    /// Let the camera make the offer.
    pub wait: bool,
    /// Which addresses become candidates.
    pub interfaces: InterfaceFilter,
}

/// What a viewer saw.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// From the offer to the connection.
    pub connected_after: Option<Duration>,
    /// From the offer to the first frame.
    pub first_frame_after: Option<Duration>,
    /// Video frames received.
    pub video_frames: u64,
    /// Audio frames received.
    pub audio_frames: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Why it ended; `None` when we ended it.
    pub ended: Option<CloseReason>,
    /// The camera's own words, if it refused us.
    pub refused: Option<String>,
}

/// Why a viewer could not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum ViewerError {
    /// Sockets, certificate or settings.
    Setup(Box<dyn std::error::Error + Send + Sync>),
    /// Signaling said no for good.
    Signaling(kvs_signaling::Error),
    /// The file could not be written.
    Media(MediaError),
}

impl std::fmt::Display for ViewerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::Signaling(error) => error.fmt(f),
            Self::Media(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ViewerError {}

/// Watches a channel until `stop` is told or the camera leaves.
///
/// # Errors
/// When it cannot start, signaling refuses it for good, or the file cannot be written.
pub async fn watch(config: Config, mut stop: oneshot::Receiver<()>) -> Result<Report, ViewerError> {
    let mut viewer = Viewing::new(config).map_err(ViewerError::Setup)?;
    loop {
        let next = viewer.turn()?;
        if viewer.over {
            break;
        }
        let deadline = next.map(|at| viewer.clock.deadline(at));
        let sleep = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let now = tokio::select! {
            biased;
            () = viewer.net.ready() => {
                let now = viewer.clock.now();
                viewer.net.flush();
                let peer = &mut viewer.peer;
                viewer.net.receive(&mut |from, local, datagram| {
                    peer.handle_input(now, from, local, datagram);
                });
                now
            }
            Some(((), id, result)) = viewer.computer.result() => {
                let now = viewer.clock.now();
                viewer.peer.handle_computed(now, id, result);
                now
            }
            Some(report) = viewer.link.report() => {
                let now = viewer.clock.now();
                viewer.link.handle(now, &report);
                now
            }
            _ = &mut stop => break,
            () = sleep => viewer.clock.now(),
        };
        if viewer
            .peer
            .poll_timeout(&[])
            .is_some_and(|(at, _)| at <= now)
        {
            viewer.peer.handle_timeout(now);
        }
        if viewer.link.poll_timeout().is_some_and(|(at, _)| at <= now) {
            viewer.link.handle_timeout(now);
        }
    }
    viewer.goodbye().await?;
    Ok(viewer.report)
}

struct Viewing {
    clock: Clock,
    peer: PeerConnection,
    link: SignalingLink,
    net: Net,
    computer: Computer<()>,
    wait: bool,
    /// Signaling was up once.
    online: bool,
    /// When the offer was sent, or came.
    offered: Option<Instant>,
    answered: bool,
    early: Vec<String>,
    record: Option<PathBuf>,
    recording: Option<Recording>,
    report: Report,
    over: bool,
}

impl Viewing {
    fn new(config: Config) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let clock = Clock::start();
        let now = clock.now();
        let mut rng = crate::entropy::system_rng()?;
        let certificate = Certificate::generate(&PROVIDER, &mut rng, clock.unix())?;
        let mut settings = smolrtc::Config::new(certificate, Limits::HOST);
        settings.receive_audio = vec![Codec::Opus, Codec::Pcmu, Codec::Pcma];
        settings.receive_video = vec![Codec::H264, Codec::H265, Codec::Vp8];
        settings.sender.cname = cname(&mut rng);
        let mut peer = PeerConnection::new(settings, rng.fork(), &PROVIDER);
        peer.set_wall_clock(Wall::new(now, clock.unix()));
        let mut net = Net::new(config.interfaces);
        for address in net.refresh()?.added {
            peer.add_interface(now, address);
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
            peer,
            link: SignalingLink::new(client, config.tls),
            net,
            computer: Computer::default(),
            wait: config.wait,
            online: false,
            offered: None,
            answered: false,
            early: Vec::new(),
            record: config.record,
            recording: None,
            report: Report::default(),
            over: false,
        })
    }

    fn turn(&mut self) -> Result<Option<Instant>, ViewerError> {
        let now = self.clock.now();
        self.signaling(now)?;
        self.events(now)?;
        self.signaling(now)?;
        self.transmit(now);
        let peer = self.peer.poll_timeout(&[]).map(|(at, _)| at);
        let peer = peer.filter(|_| !self.net.is_blocked());
        let link = self.link.poll_timeout().map(|(at, _)| at);
        Ok([peer, link].into_iter().flatten().min())
    }

    fn transmit(&mut self, now: Instant) {
        let segments = self.net.max_segments();
        while !self.net.is_blocked()
            && let Some(transmit) = self
                .peer
                .poll_transmit(now, &[], segments, &mut self.net.buf)
        {
            self.net.send(transmit);
        }
    }

    fn signaling(&mut self, now: Instant) -> Result<(), ViewerError> {
        use kvs_signaling::Event as Signal;
        while let Some(event) = self.link.poll(now) {
            match event {
                Signal::Connected => {
                    self.online = true;
                    if self.offered.is_none() && !self.wait {
                        self.offer(now);
                    }
                }
                Signal::IceServers(servers) => {
                    self.peer.set_stun_servers(now, &stun_servers(&servers));
                }
                Signal::Message(message) => match message.body {
                    Body::Answer(answer) => self.answered(now, &answer),
                    Body::Candidate(candidate) => {
                        if self.answered {
                            // What cannot be read costs one path, not the session.
                            let _ = self.peer.add_remote_candidate(now, &candidate.candidate);
                        } else {
                            self.early.push(candidate.candidate);
                        }
                    }
                    Body::Offer(offer) => self.called(now, &offer),
                    _ => {}
                },
                // A viewer is started by somebody who waits: what fails before the first
                // connection, fails.
                Signal::Failed { error, .. } if !error.is_transient() || !self.online => {
                    return Err(ViewerError::Signaling(error));
                }
                Signal::Failed { error, .. } => tracing::warn!(%error, "signaling; trying again"),
                _ => {}
            }
        }
        Ok(())
    }

    fn offer(&mut self, now: Instant) {
        match self.peer.create_offer(now, false) {
            Ok(offer) => {
                self.offered = Some(now);
                self.send(now, Body::Offer(offer));
            }
            Err(error) => tracing::warn!(%error, "no offer could be made"),
        }
    }

    /// The camera made the offer.
    fn called(&mut self, now: Instant, offer: &str) {
        match self.peer.accept_offer(now, offer) {
            Ok(answer) => {
                self.offered.get_or_insert(now);
                self.send(now, Body::Answer(answer));
                self.take_early(now);
            }
            Err(error) => tracing::warn!(%error, "the camera's offer was refused"),
        }
    }

    /// Candidates that came before the description they belong to.
    fn take_early(&mut self, now: Instant) {
        self.answered = true;
        for candidate in std::mem::take(&mut self.early) {
            // What cannot be read costs one path, not the session.
            let _ = self.peer.add_remote_candidate(now, &candidate);
        }
    }

    fn answered(&mut self, now: Instant, answer: &str) {
        let parsed = smolrtc::sdp::SessionDescription::parse(answer.as_bytes(), &Limits::HOST);
        if let Ok(description) = &parsed
            && let Some(reason) = description.refusal()
        {
            self.report.refused = Some(reason.to_owned());
            self.over = true;
            return;
        }
        match self.peer.accept_answer(now, answer) {
            Ok(()) => self.take_early(now),
            Err(error) => tracing::warn!(%error, "the camera's answer was refused"),
        }
    }

    fn send(&mut self, now: Instant, body: Body) {
        if let Err(error) = self.link.client().send(now, Outbound::to_master(body)) {
            tracing::warn!(%error, "a signaling message was dropped");
        }
    }

    fn events(&mut self, now: Instant) -> Result<(), ViewerError> {
        let mut candidates = Vec::new();
        while let Some(event) = self.peer.poll_event() {
            match event {
                Event::Compute(id, job) => self.computer.start((), id, job),
                Event::LocalCandidate(line) if self.offered.is_some() => candidates.push(line),
                Event::StateChanged(ConnectionState::Connected) => {
                    let offered = self.offered.unwrap_or(now);
                    self.report
                        .connected_after
                        .get_or_insert(now.since(offered));
                }
                Event::Closed(reason) => {
                    self.report.ended = Some(reason);
                    self.over = true;
                }
                Event::Frame(frame) => {
                    let offered = self.offered.unwrap_or(now);
                    self.report
                        .first_frame_after
                        .get_or_insert(now.since(offered));
                    self.report.bytes += frame.data.len() as u64;
                    if frame.codec.kind() == Kind::Audio {
                        self.report.audio_frames += 1;
                        continue;
                    }
                    self.report.video_frames += 1;
                    if let Some(path) = self.record.take() {
                        let recording = Recording::create_at(path, frame.codec);
                        self.recording = Some(recording.map_err(ViewerError::Media)?);
                    }
                    if let Some(recording) = &mut self.recording {
                        recording
                            .frame(frame.rtp_timestamp, frame.key, frame.data)
                            .map_err(ViewerError::Media)?;
                    }
                }
                _ => {}
            }
        }
        for candidate in candidates {
            let body = Body::Candidate(Candidate {
                candidate,
                sdp_mid: Some("0".to_owned()),
                sdp_m_line_index: Some(0),
                username_fragment: Some(self.peer.local_ufrag().to_owned()),
            });
            self.send(now, body);
        }
        Ok(())
    }

    async fn goodbye(&mut self) -> Result<(), ViewerError> {
        self.peer.close();
        let end = self.clock.now() + GOODBYE;
        loop {
            let now = self.clock.now();
            self.net.flush();
            self.transmit(now);
            if (self.peer.is_finished() && !self.net.is_blocked()) || now >= end {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let now = self.clock.now();
        self.link.client().shutdown(now);
        while self.link.poll(now).is_some() {}
        if let Some(recording) = self.recording.take() {
            recording.finish().map_err(ViewerError::Media)?;
        }
        Ok(())
    }
}
