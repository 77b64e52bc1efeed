//! str0m as a viewer: a peer that shares no code with us.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant as StdInstant;

use kvs_message::{Body, Candidate as CandidateMessage, Outbound};
use smolrtc::base::{Duration, Instant};
use smolrtc::rtp::{Codec, Kind};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::format::Codec as TheirCodec;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::camera::{Datagram, Outbox};
use crate::log::Log;
use crate::viewer::{Viewer, Wishes, any_of};

/// The instant that stands for the world's start. str0m wants the standard library's instants; only
/// differences to this one ever matter.
fn origin() -> StdInstant {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    // A century is subtracted inside str0m now and then: stay clear of the start of the clock.
    *ORIGIN.get_or_init(StdInstant::now)
}

fn theirs(now: Instant) -> StdInstant {
    origin() + now.since(Instant::ZERO)
}

fn ours(at: StdInstant) -> Instant {
    Instant::ZERO + at.saturating_duration_since(origin())
}

/// A viewer made of str0m.
pub struct Str0mViewer {
    rtc: Rtc,
    address: SocketAddr,
    wishes: Wishes,
    pending: Option<SdpPendingOffer>,
    offered: bool,
    /// Media sections of what it sends, by track.
    sending: Vec<Mid>,
    channel: Option<ChannelId>,
    open: bool,
    log: Log,
    datagrams: Vec<Datagram>,
    signals: Vec<Body>,
    /// Candidates that came before the answer.
    early: VecDeque<String>,
    due: Option<Instant>,
    /// Messages that wait for room.
    outgoing: VecDeque<(bool, Vec<u8>)>,
}

impl Str0mViewer {
    /// A viewer with one socket.
    #[must_use]
    pub fn new(now: Instant, wishes: &Wishes, address: SocketAddr) -> Self {
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .clear_codecs();
        for codec in wishes
            .video
            .iter()
            .chain(&wishes.audio)
            .chain(&wishes.sends)
        {
            config = match codec {
                Codec::H264 => config.enable_h264(true),
                Codec::H265 => config.enable_h265(true),
                Codec::Vp8 => config.enable_vp8(true),
                Codec::Opus => config.enable_opus(true, false),
                Codec::Pcmu => config.enable_pcmu(true, false),
                Codec::Pcma => config.enable_pcma(true, false),
            };
        }
        let mut rtc = config.build(theirs(now));
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("an address"));
        let mut viewer = Self {
            rtc,
            address,
            wishes: wishes.clone(),
            pending: None,
            offered: false,
            sending: Vec::new(),
            channel: None,
            open: false,
            log: Log::default(),
            datagrams: Vec::new(),
            signals: Vec::new(),
            early: VecDeque::new(),
            due: None,
            outgoing: VecDeque::new(),
        };
        viewer.poll(now);
        viewer
    }

    /// Drains str0m to its next timeout, as it demands after every mutation.
    fn poll(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    // It may name the present again and again; its manual advises to wait 1 ms.
                    self.due = Some(ours(at).max(now + Duration::from_millis(1)));
                    break;
                }
                Ok(Output::Transmit(transmit)) => self.datagrams.push(Datagram {
                    from: transmit.source,
                    to: transmit.destination,
                    bytes: transmit.contents.to_vec(),
                }),
                Ok(Output::Event(event)) => self.event(now, event),
                Err(error) => {
                    self.log.ended(now, error);
                    self.due = None;
                    break;
                }
            }
        }
        if !self.rtc.is_alive() {
            self.log.ended(now, "str0m says it is over");
            self.due = None;
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected => self.log.connected(now),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {}
            Event::MediaData(data) => {
                let video = data.params.spec().codec.is_video();
                let kind = if video { Kind::Video } else { Kind::Audio };
                self.log.frame(now, kind, &data.data);
            }
            Event::ChannelOpen(id, label) => {
                self.log.channels.push(label);
                self.channel.get_or_insert(id);
                self.open = true;
            }
            Event::ChannelData(data) => self.log.message(now, !data.binary, &data.data),
            Event::ChannelClose(_) => self.open = false,
            Event::Closed => self.log.ended(now, "closed by the camera"),
            _ => {}
        }
    }

    fn input(&mut self, now: Instant, input: Input<'_>) {
        if let Err(error) = self.rtc.handle_input(input) {
            self.log.ended(now, error);
        }
        self.poll(now);
        self.flush_messages(now);
    }

    /// Hands over messages that wait, as far as there is room.
    fn flush_messages(&mut self, now: Instant) {
        let Some(id) = self.channel.filter(|_| self.open) else {
            return;
        };
        while let Some((text, data)) = self.outgoing.front() {
            let Some(mut channel) = self.rtc.channel(id) else {
                return;
            };
            let taken = channel.write(!text, data);
            self.poll(now);
            match taken {
                Ok(true) => self.outgoing.pop_front(),
                _ => return,
            };
        }
    }

    fn add_media(&mut self) {
        let wishes = self.wishes.clone();
        let sends = |kind| any_of(&wishes.sends, kind);
        let mut change = self.rtc.sdp_api();
        let mut mids = Vec::new();
        let kinds = [
            (Kind::Audio, MediaKind::Audio, !wishes.audio.is_empty()),
            (Kind::Video, MediaKind::Video, !wishes.video.is_empty()),
        ];
        for (kind, media, receives) in kinds {
            let direction = match (sends(kind), receives) {
                (true, true) => Direction::SendRecv,
                (true, false) => Direction::SendOnly,
                (false, true) => Direction::RecvOnly,
                (false, false) => continue,
            };
            let mid = change.add_media(media, direction, None, None, None);
            mids.push((kind, mid));
        }
        if let Some(label) = wishes.data {
            self.channel = Some(change.add_channel(label.to_owned()));
        }
        if let Some((offer, pending)) = change.apply() {
            self.signals.push(Body::Offer(offer.to_sdp_string()));
            self.pending = Some(pending);
        }
        let mid_of = |kind| mids.iter().find(|(k, _)| *k == kind).map(|(_, mid)| *mid);
        self.sending = wishes
            .sends
            .iter()
            .filter_map(|codec| mid_of(codec.kind()))
            .collect();
    }

    fn add_candidate(&mut self, now: Instant, line: &str) {
        let text = line.trim_start_matches("a=");
        match Candidate::from_sdp_string(text) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            Err(error) => self.log.refusals.push(error.to_string()),
        }
        self.poll(now);
    }
}

impl Viewer for Str0mViewer {
    fn offer(&mut self, now: Instant, restart: bool) {
        if restart && self.offered {
            let mut change = self.rtc.sdp_api();
            change.ice_restart(true);
            if let Some((offer, pending)) = change.apply() {
                self.signals.push(Body::Offer(offer.to_sdp_string()));
                self.pending = Some(pending);
            }
        } else {
            self.add_media();
            self.offered = true;
        }
        self.poll(now);
    }

    fn handle_message(&mut self, now: Instant, body: &Body) {
        match body {
            Body::Answer(answer) => {
                let answer = SdpAnswer::from_sdp_string(answer);
                match (answer, self.pending.take()) {
                    (Ok(answer), Some(pending)) => {
                        if let Err(error) = self.rtc.sdp_api().accept_answer(pending, answer) {
                            self.log.refusals.push(error.to_string());
                        }
                    }
                    (Err(error), _) => self.log.refusals.push(error.to_string()),
                    (_, None) => self
                        .log
                        .refusals
                        .push("no offer waits for this answer".into()),
                }
                self.poll(now);
                while let Some(line) = self.early.pop_front() {
                    self.add_candidate(now, &line);
                }
            }
            Body::Offer(offer) => {
                let answer = SdpOffer::from_sdp_string(offer)
                    .map_err(|error| error.to_string())
                    .and_then(|offer| {
                        self.rtc
                            .sdp_api()
                            .accept_offer(offer)
                            .map_err(|error| error.to_string())
                    });
                match answer {
                    Ok(answer) => self.signals.push(Body::Answer(answer.to_sdp_string())),
                    Err(error) => self.log.refusals.push(error),
                }
                self.poll(now);
            }
            Body::Candidate(CandidateMessage { candidate, .. }) if !candidate.is_empty() => {
                if self.pending.is_some() {
                    self.early.push_back(candidate.clone());
                } else {
                    self.add_candidate(now, candidate);
                }
            }
            _ => {}
        }
    }

    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8]) {
        let Ok(receive) = Receive::new(Protocol::Udp, from, self.address, bytes) else {
            return;
        };
        let input = Input::Receive(theirs(now), receive);
        if self.rtc.accepts(&input) {
            self.input(now, input);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.input(now, Input::Timeout(theirs(now)));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn drain(&mut self, _now: Instant, out: &mut Outbox, _buf: &mut [u8]) {
        out.datagrams.append(&mut self.datagrams);
        out.signals
            .extend(self.signals.drain(..).map(Outbound::to_master));
    }

    fn send_frame(&mut self, now: Instant, track: usize, frame: &[u8], pts: Duration, _key: bool) {
        let codec = self.wishes.sends[track];
        let Some(writer) = self
            .sending
            .get(track)
            .and_then(|mid| self.rtc.writer(*mid))
        else {
            return;
        };
        let wanted = match codec {
            Codec::H264 => TheirCodec::H264,
            Codec::H265 => TheirCodec::H265,
            Codec::Vp8 => TheirCodec::Vp8,
            Codec::Opus => TheirCodec::Opus,
            Codec::Pcmu => TheirCodec::PCMU,
            Codec::Pcma => TheirCodec::PCMA,
        };
        let params = writer
            .payload_params()
            .find(|params| params.spec().codec == wanted);
        let Some(pt) = params.map(str0m::format::PayloadParams::pt) else {
            return;
        };
        let frequency = Frequency::new(codec.clock_rate()).expect("a rate");
        let ticks = pts.as_micros() as u64 * u64::from(codec.clock_rate()) / 1_000_000;
        let time = MediaTime::new(ticks, frequency);
        let _ = writer.write(pt, theirs(now), time, frame.to_vec());
        self.poll(now);
    }

    fn send_message(&mut self, now: Instant, text: bool, data: &[u8]) -> bool {
        self.outgoing.push_back((text, data.to_vec()));
        self.flush_messages(now);
        true
    }

    fn readdress(&mut self, now: Instant, address: SocketAddr) {
        self.address = address;
        self.rtc
            .add_local_candidate(Candidate::host(address, "udp").expect("an address"));
        self.poll(now);
    }

    fn close(&mut self, now: Instant) {
        if let Err(error) = self.rtc.close() {
            self.log.ended(now, error);
        }
        self.poll(now);
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn log(&self) -> &Log {
        &self.log
    }
}
