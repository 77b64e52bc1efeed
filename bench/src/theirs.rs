//! The same with str0m on both sides: one `Rtc` for each viewer at the serving side.
//!
//! As it comes, with H.264 and Opus alone: no bandwidth estimation, hence no pacing; SRTP as str0m
//! chooses, AEAD_AES_256_GCM.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant as Clock;

use smolrtc::base::{Duration, Instant};
use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::counting::{Owner, owned_by};
use crate::script::{AUDIO_INTERVAL, Script, Tally, VIDEO_INTERVAL, World, video_frame};

struct Flight {
    at: Instant,
    /// Index of the session.
    session: usize,
    to_server: bool,
    bytes: Vec<u8>,
}

struct End {
    rtc: Rtc,
    address: SocketAddr,
    due: Instant,
    channel: Option<ChannelId>,
    audio: Option<Mid>,
    video: Option<Mid>,
    received: u64,
}

struct Session {
    server: End,
    viewer: End,
}

/// See the [module documentation](self).
pub struct Theirs {
    script: Script,
    epoch: Clock,
    started: Clock,
    now: Instant,
    sessions: Vec<Session>,
    flights: VecDeque<Flight>,
    inputs: Vec<Flight>,
    sent: Vec<(usize, str0m::net::Transmit)>,
    frame: Vec<u8>,
    frame_number: u32,
    audio_number: u32,
    video_at: Instant,
    audio_at: Instant,
    tally: Tally,
}

fn end(address: SocketAddr, epoch: Clock) -> End {
    let mut rtc = Rtc::builder()
        .clear_codecs()
        .enable_h264(true)
        .enable_opus(true, false)
        .build(epoch);
    let candidate = Candidate::host(address, "udp").unwrap();
    rtc.add_local_candidate(candidate).unwrap();
    End {
        rtc,
        address,
        due: Instant::ZERO,
        channel: None,
        audio: None,
        video: None,
        received: 0,
    }
}

/// The way from a viewer to its server.
struct Back<'a> {
    flights: &'a mut VecDeque<Flight>,
    session: usize,
    at: Instant,
}

impl Back<'_> {
    fn send(self) -> impl FnMut(str0m::net::Transmit) {
        move |transmit| {
            owned_by(Owner::Harness, || {
                self.flights.push_back(Flight {
                    at: self.at,
                    session: self.session,
                    to_server: true,
                    bytes: transmit.contents.to_vec(),
                });
            });
        }
    }
}

impl End {
    /// Takes everything the connection has to say; datagrams go to `send`.
    fn drain(&mut self, epoch: Clock, mut send: impl FnMut(str0m::net::Transmit)) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    let span = at.saturating_duration_since(epoch);
                    // Rounded up: the clock in here counts microseconds.
                    self.due = Instant::from_micros(span.as_nanos().div_ceil(1_000) as u64);
                    return;
                }
                Output::Transmit(transmit) => send(transmit),
                Output::Event(Event::ChannelOpen(id, _)) => self.channel = Some(id),
                Output::Event(Event::ChannelData(message)) => {
                    self.received += message.data.len() as u64;
                }
                Output::Event(Event::MediaAdded(added)) => match added.kind {
                    MediaKind::Audio => self.audio = Some(added.mid),
                    MediaKind::Video => self.video = Some(added.mid),
                },
                Output::Event(_) => {}
            }
        }
    }

    fn input(&mut self, at: Clock, from: SocketAddr, bytes: &[u8]) {
        let receive = Receive::new(Protocol::Udp, from, self.address, bytes).unwrap();
        self.rtc.handle_input(Input::Receive(at, receive)).unwrap();
    }

    fn write(&mut self, mid: Option<Mid>, at: Clock, time: MediaTime, frame: &[u8]) {
        let Some(writer) = mid.and_then(|mid| self.rtc.writer(mid)) else {
            return;
        };
        let found: Option<Pt> = writer
            .payload_params()
            .find(|params| {
                let spec = params.spec();
                spec.codec == Codec::Opus || spec.format.packetization_mode == Some(1)
            })
            .map(|params| params.pt());
        writer.write(found.unwrap(), at, time, frame).unwrap();
    }
}

impl Theirs {
    /// Nobody has spoken yet.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let epoch = Clock::now();
        let sessions = (0..script.viewers as u8)
            .map(|index| {
                let at = SocketAddr::from(([10, 0, 0, 1], 5_000 + u16::from(index)));
                let server = owned_by(Owner::Server, || end(at, epoch));
                let at = SocketAddr::from(([10, 0, 1, index + 1], 6_000));
                let viewer = owned_by(Owner::Viewer, || end(at, epoch));
                Session { server, viewer }
            })
            .collect();
        Self {
            script,
            epoch,
            started: epoch,
            now: Instant::ZERO,
            sessions,
            flights: VecDeque::with_capacity(4_096),
            inputs: Vec::with_capacity(4_096),
            sent: Vec::with_capacity(4_096),
            frame: Vec::with_capacity(64 * 1024),
            frame_number: 0,
            audio_number: 0,
            video_at: Instant::FAR_FUTURE,
            audio_at: Instant::FAR_FUTURE,
            tally: Tally::default(),
        }
    }

    /// Every viewer sends its offer; everything happens until all data channels are open.
    pub fn connect(&mut self) {
        self.started = Clock::now();
        for session in &mut self.sessions {
            let (offer, pending): (_, SdpPendingOffer) = owned_by(Owner::Viewer, || {
                let mut change = session.viewer.rtc.sdp_api();
                for kind in [MediaKind::Audio, MediaKind::Video] {
                    change.add_media(kind, Direction::RecvOnly, None, None, None);
                }
                change.add_channel("data".into());
                change.apply().unwrap()
            });
            let answer = owned_by(Owner::Server, || {
                session.server.rtc.sdp_api().accept_offer(offer).unwrap()
            });
            owned_by(Owner::Viewer, || {
                session
                    .viewer
                    .rtc
                    .sdp_api()
                    .accept_answer(pending, answer)
                    .unwrap();
            });
        }
        let end = self.now + Duration::from_secs(20);
        loop {
            self.act();
            let open = |s: &Session| s.viewer.channel.is_some() && s.server.channel.is_some();
            if self.sessions.iter().all(open) {
                return;
            }
            assert!(self.advance(end), "no connection within 20 s");
        }
    }

    fn clock(&self) -> Clock {
        self.epoch + self.now.since(Instant::ZERO)
    }

    fn act(&mut self) {
        let (now, at, epoch) = (self.now, self.clock(), self.epoch);
        while self.flights.front().is_some_and(|flight| flight.at <= now) {
            let Some(flight) = self.flights.pop_front() else {
                break;
            };
            if flight.to_server {
                self.inputs.push(flight);
            } else {
                let session = &mut self.sessions[flight.session];
                let from = session.server.address;
                let back = Back {
                    flights: &mut self.flights,
                    session: flight.session,
                    at: now + self.script.delay,
                };
                owned_by(Owner::Viewer, || {
                    session.viewer.input(at, from, &flight.bytes);
                    session.viewer.drain(epoch, back.send());
                });
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
        let start = Clock::now();
        owned_by(Owner::Server, || self.serving_turn(video, audio));
        self.tally.spent += start.elapsed();
        self.frame_number += u32::from(video);
        self.audio_number += u32::from(audio);
        self.inputs.clear();
        let arrival = now + self.script.delay;
        for (session, transmit) in self.sent.drain(..) {
            let media = self.tally.count(&transmit.contents);
            self.tally.transmits += u64::from(media);
            self.flights.push_back(Flight {
                at: arrival,
                session,
                to_server: false,
                bytes: transmit.contents.to_vec(),
            });
            owned_by(Owner::Server, || drop(transmit));
        }
        for (index, session) in self.sessions.iter_mut().enumerate() {
            if session.viewer.due > now {
                continue;
            }
            let back = Back {
                flights: &mut self.flights,
                session: index,
                at: arrival,
            };
            owned_by(Owner::Viewer, || {
                session.viewer.rtc.handle_input(Input::Timeout(at)).unwrap();
                session.viewer.drain(epoch, back.send());
            });
        }
    }

    /// Everything that the serving side does at one instant.
    #[inline(never)]
    fn serving_turn(&mut self, video: bool, audio: bool) {
        let (now, at, epoch) = (self.now, self.clock(), self.epoch);
        for input in &self.inputs {
            let session = &mut self.sessions[input.session];
            let from = session.viewer.address;
            session.server.input(at, from, &input.bytes);
            let index = input.session;
            let sent = &mut self.sent;
            session
                .server
                .drain(epoch, |transmit| sent.push((index, transmit)));
        }
        for (index, session) in self.sessions.iter_mut().enumerate() {
            let server = &mut session.server;
            if video {
                let time = MediaTime::from_90khz(u64::from(self.frame_number) * 3_600);
                server.write(server.video, at, time, &self.frame);
            }
            if audio {
                let ticks = u64::from(self.audio_number) * 960;
                let time = MediaTime::new(ticks, str0m::media::Frequency::FORTY_EIGHT_KHZ);
                let frame = &self.frame[5..5 + self.script.audio_bytes];
                server.write(server.audio, at, time, frame);
            }
            if video || audio || server.due <= now {
                server.rtc.handle_input(Input::Timeout(at)).unwrap();
                server.drain(epoch, |transmit| self.sent.push((index, transmit)));
            }
        }
    }

    fn advance(&mut self, end: Instant) -> bool {
        let flight = self.flights.front().map(|flight| flight.at);
        let dues = self
            .sessions
            .iter()
            .flat_map(|s| [s.server.due, s.viewer.due]);
        let next = dues
            .chain(flight)
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

impl World for Theirs {
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
        let now = self.now;
        let server = &mut self.sessions[0].server;
        let Some(channel) = server.channel else {
            return false;
        };
        server.due = now;
        owned_by(Owner::Server, || {
            let channel = server.rtc.channel(channel);
            channel.is_some_and(|mut channel| channel.write(true, message).unwrap())
        })
    }

    fn step(&mut self) {
        self.act();
        self.advance(Instant::FAR_FUTURE);
    }

    fn received(&self) -> u64 {
        self.sessions[0].viewer.received
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
