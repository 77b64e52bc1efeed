//! Rings, senders, links and model viewers in virtual time.
//!
//! A viewer here is the least that repairs a stream: it notices gaps, asks for packets again once
//! a round trip, sends transport-wide feedback every 50 ms and receiver reports every second, and
//! puts frames together. Frames carry their number, so that it can tell whether a frame is whole.

use crate::history::Ring;
use crate::packet::{ExtensionIds, RtpPacket};
use crate::rtcp::{Compound, ReportBlock, Rtcp, packets};
use crate::send::*;
use crate::{Codec, PayloadType};
use smolrtc_base::{Rng, UnixTime};
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

pub(super) const VIDEO_PT: PayloadType = PayloadType::from_low_bits(96);
pub(super) const RTX_PT: PayloadType = PayloadType::from_low_bits(97);
pub(super) const TRANSPORT_ID: u8 = 3;

pub(super) fn ids() -> ExtensionIds {
    ExtensionIds {
        mid: Some(1),
        abs_send_time: Some(2),
        transport_sequence: Some(TRANSPORT_ID),
        ..ExtensionIds::default()
    }
}

/// Video with everything negotiated.
pub(super) fn video(track: usize) -> StreamConfig {
    StreamConfig {
        track,
        codec: Codec::Vp8,
        payload_type: VIDEO_PT,
        ssrc: None,
        rtx: Some(RtxConfig {
            payload_type: RTX_PT,
            ssrc: None,
        }),
        mid: crate::Mid::new(b"0").ok(),
        extensions: ids(),
        aead: true,
        nack: true,
    }
}

/// A VP8 frame that carries its number.
pub(super) fn frame(number: u64, len: usize, key: bool) -> Vec<u8> {
    let len = len.max(16);
    let mut bytes: Vec<u8> = (0..len).map(|at| (at as u64 * 31 + number) as u8).collect();
    bytes[0] = if key { 0x10 } else { 0x11 };
    bytes[1..9].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A way from camera to viewer and back.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) delay: Duration,
    pub(super) bps: Option<u64>,
    /// Longest queue; what does not fit is dropped.
    pub(super) queue: Duration,
    /// Added delay, evenly spread up to this; packets overtake each other.
    pub(super) jitter: Duration,
    /// Lost in each direction, in 1/1000.
    pub(super) loss: u32,
}

impl Link {
    pub(super) fn good(delay_ms: u64) -> Self {
        Self {
            delay: Duration::from_millis(delay_ms),
            bps: None,
            queue: Duration::from_secs(2),
            jitter: Duration::ZERO,
            loss: 0,
        }
    }
}

enum Parcel {
    Media(Vec<u8>),
    Feedback(Vec<u8>),
}

#[derive(Default)]
pub(super) struct Frame {
    pub(super) committed: Instant,
}

struct Part {
    timestamp: u32,
    start: bool,
    marker: bool,
    body: Vec<u8>,
}

pub(super) struct Viewer {
    pub(super) sender: Sender,
    pub(super) stream: StreamId,
    pub(super) link: Link,
    busy_until: Instant,
    pub(super) max_queue: Duration,
    parcels: BTreeMap<(Instant, u64), Parcel>,
    count: u64,
    // The model receiver.
    highest: Option<u64>,
    missing: BTreeMap<u64, (u32, Instant)>,
    parts: BTreeMap<u64, Part>,
    arrivals: BTreeMap<u64, Instant>,
    transport_highest: Option<u64>,
    reported: u64,
    next_feedback: Instant,
    next_report: Instant,
    last_sr: Option<(u32, Instant)>,
    feedback_count: u8,
    expected_before: u64,
    received: u64,
    received_before: u64,
    // What it saw.
    pub(super) whole: BTreeMap<u64, Instant>,
    pub(super) lost_bytes: usize,
    pub(super) lost_packets: usize,
    pub(super) sent_packets: usize,
    pub(super) resent_bytes: usize,
    pub(super) departures: BTreeMap<u64, (Instant, Instant)>,
    pub(super) feedback: bool,
    pub(super) targets: Vec<(Instant, u32)>,
    pub(super) key_frames_asked: usize,
    pub(super) max_runs: usize,
}

/// What the encoder does.
pub(super) struct Source {
    pub(super) fps: u64,
    pub(super) key_every: u64,
    pub(super) key_bytes: usize,
    pub(super) delta_bytes: usize,
    /// Bit/s to follow in place of the sizes above; key frames are then six times as large.
    pub(super) follow: Option<u32>,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) rings: Vec<Ring>,
    pub(super) viewers: Vec<Viewer>,
    pub(super) source: Source,
    pub(super) frames: BTreeMap<u64, Frame>,
    pub(super) obey_key_requests: bool,
    pub(super) extra_keys: usize,
    key_wanted: bool,
    next_frame: Instant,
    number: u64,
    rng: Rng,
}

impl World {
    pub(super) fn new(seed: u64, source: Source, limits: &Limits) -> Self {
        Self {
            now: Instant::from_millis(1_000),
            rings: std::vec![Ring::new(Codec::Vp8, limits)],
            viewers: Vec::new(),
            source,
            frames: BTreeMap::new(),
            obey_key_requests: false,
            extra_keys: 0,
            key_wanted: false,
            next_frame: Instant::from_millis(1_000),
            number: 0,
            rng: Rng::from_u64(seed),
        }
    }

    pub(super) fn join(&mut self, link: Link, config: StreamConfig) -> usize {
        let mut sender = Sender::new(Config::default(), &Limits::HOST, self.rng.fork());
        sender.set_rtt(link.delay * 2);
        let stream = sender.add_stream(self.now, config).unwrap();
        self.viewers.push(Viewer {
            sender,
            stream,
            link,
            busy_until: Instant::ZERO,
            max_queue: Duration::ZERO,
            parcels: BTreeMap::new(),
            count: 0,
            highest: None,
            missing: BTreeMap::new(),
            parts: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            transport_highest: None,
            reported: 0,
            next_feedback: self.now,
            next_report: self.now + Duration::from_secs(1),
            last_sr: None,
            feedback_count: 0,
            expected_before: 0,
            received: 0,
            received_before: 0,
            whole: BTreeMap::new(),
            lost_bytes: 0,
            lost_packets: 0,
            sent_packets: 0,
            resent_bytes: 0,
            departures: BTreeMap::new(),
            feedback: true,
            targets: Vec::new(),
            key_frames_asked: 0,
            max_runs: 0,
        });
        self.viewers.len() - 1
    }

    pub(super) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            if self.now >= self.next_frame {
                self.encode();
            }
            for at in 0..self.viewers.len() {
                self.serve(at);
            }
            let mut next = end.min(self.next_frame);
            for viewer in &self.viewers {
                if let Some((at, reason)) = viewer.sender.poll_timeout(&self.rings) {
                    assert!(at > self.now, "{reason:?} is due but nothing was done");
                    next = next.min(at);
                }
                if let Some(((at, _), _)) = viewer.parcels.first_key_value() {
                    next = next.min(*at);
                }
                next = next.min(viewer.next_feedback).min(viewer.next_report);
                for (_, due) in viewer.missing.values() {
                    next = next.min(*due);
                }
            }
            self.now = next.max(self.now + Duration::from_micros(1));
        }
    }

    fn encode(&mut self) {
        let source = &self.source;
        let forced = core::mem::take(&mut self.key_wanted);
        let regular = self.number.is_multiple_of(source.key_every);
        let key = regular || forced;
        self.extra_keys += usize::from(forced && !regular);
        let len = match source.follow {
            None if key => source.key_bytes,
            None => source.delta_bytes,
            Some(bps) => {
                let unit =
                    u64::from(bps) / 8 * source.key_every / source.fps / (source.key_every + 5);
                (if key { unit * 6 } else { unit }) as usize
            }
        };
        let bytes = frame(self.number, len, key);
        let timestamp = (self.number * 90_000 / source.fps) as u32;
        self.rings[0]
            .push(&bytes, timestamp, key, self.now)
            .unwrap();
        let committed = self.now;
        self.frames.insert(self.number, Frame { committed });
        self.number += 1;
        self.next_frame = self.next_frame + Duration::from_micros(1_000_000 / source.fps);
    }

    fn serve(&mut self, at: usize) {
        let viewer = &mut self.viewers[at];
        while let Some(entry) = viewer.parcels.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            match entry.remove() {
                Parcel::Media(bytes) => viewer.receive(self.now, &bytes),
                Parcel::Feedback(bytes) => {
                    for packet in packets(&bytes) {
                        viewer.sender.handle_rtcp(self.now, &packet.unwrap());
                    }
                }
            }
        }
        viewer.feed_back(self.now, &mut self.rng);
        viewer.sender.handle_timeout(self.now);
        let mut buf = [0; 1_280];
        while let Some(out) = viewer.sender.poll_packet(self.now, &self.rings, &mut buf) {
            viewer.transmit(self.now, &buf[..out.len], &out, &mut self.rng);
        }
        let unix = UnixTime::from_micros(1_700_000_000_000_000 + self.now.as_micros());
        if let Some(len) = viewer.sender.poll_rtcp(self.now, unix, &mut buf) {
            viewer.deliver(self.now, &buf[..len], &mut self.rng);
        }
        viewer.max_runs = viewer.max_runs.max(viewer.sender.streams[0].runs.len());
        while let Some(event) = viewer.sender.poll_event() {
            match event {
                Event::KeyFrameNeeded { track } => {
                    viewer.key_frames_asked += 1;
                    if self.rings[track].request_key_frame(self.now) && self.obey_key_requests {
                        self.key_wanted = true;
                    }
                }
                Event::TargetBitrate { bps } => {
                    viewer.targets.push((self.now, bps));
                    if self.source.follow.is_some() && at == 0 {
                        self.source.follow = Some(bps);
                    }
                }
            }
        }
    }

    /// Share of the frames committed in `from..to` (ms) that `viewer` had whole within `limit`.
    pub(super) fn on_time(&self, viewer: usize, from: u64, to: u64, limit: Duration) -> f64 {
        let whole = &self.viewers[viewer].whole;
        let span = Instant::from_millis(from)..Instant::from_millis(to);
        let due = self
            .frames
            .iter()
            .filter(|(_, frame)| span.contains(&frame.committed));
        let (mut all, mut good) = (0, 0);
        for (number, frame) in due {
            all += 1;
            let at = whole.get(number);
            good += u32::from(at.is_some_and(|at| at.since(frame.committed) <= limit));
        }
        f64::from(good) / f64::from(all)
    }
}

impl Viewer {
    fn enqueue(&mut self, at: Instant, parcel: Parcel) {
        self.count += 1;
        self.parcels.insert((at, self.count), parcel);
    }

    fn transmit(&mut self, now: Instant, bytes: &[u8], out: &Outgoing, rng: &mut Rng) {
        self.sent_packets += 1;
        if out.resend {
            self.resent_bytes += bytes.len();
        } else {
            // Extended timestamps would do as well; in these tests they never wrap.
            let timestamp = RtpPacket::parse(bytes).unwrap().timestamp;
            let entry = self
                .departures
                .entry(u64::from(timestamp))
                .or_insert((now, now));
            entry.1 = now;
        }
        if !self.deliver(now, bytes, rng) {
            self.lost_packets += 1;
            self.lost_bytes += bytes.len();
        }
    }

    fn deliver(&mut self, now: Instant, bytes: &[u8], rng: &mut Rng) -> bool {
        let mut leaves = now;
        if let Some(bps) = self.link.bps {
            let queue = self.busy_until.since(now);
            if queue > self.link.queue {
                return false;
            }
            let bits = (bytes.len() as u64 + 38) * 8;
            leaves = self.busy_until.max(now) + Duration::from_micros(bits * 1_000_000 / bps);
            self.busy_until = leaves;
            self.max_queue = self.max_queue.max(leaves.since(now));
        }
        if rng.below(1_000) < self.link.loss {
            return false;
        }
        let jitter = rng.below(self.link.jitter.as_micros() as u32 + 1);
        let arrives = leaves + self.link.delay + Duration::from_micros(u64::from(jitter));
        self.enqueue(arrives, Parcel::Media(bytes.to_vec()));
        true
    }

    fn reply(&mut self, now: Instant, bytes: &[u8], rng: &mut Rng) {
        if rng.below(1_000) >= self.link.loss {
            self.enqueue(now + self.link.delay, Parcel::Feedback(bytes.to_vec()));
        }
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if crate::packet::is_rtcp(bytes) {
            for packet in packets(bytes) {
                if let Ok(Rtcp::SenderReport(report)) = packet {
                    self.last_sr = Some((report.info.compact_ntp(), now));
                }
            }
            return;
        }
        let packet = RtpPacket::parse(bytes).unwrap();
        if let Some(low) = packet.extensions(&ids()).transport_sequence {
            let full = extend(self.transport_highest, low);
            self.transport_highest = self.transport_highest.max(Some(full));
            self.arrivals.insert(full, now);
        }
        let (low, payload) = if packet.payload_type == RTX_PT {
            let (original, payload) = packet.payload.split_first_chunk::<2>().unwrap();
            (u16::from_be_bytes(*original), payload)
        } else {
            self.received += 1;
            (packet.sequence_number, packet.payload)
        };
        let full = extend(self.highest, low);
        for gap in self.highest.map_or(full, |highest| highest + 1)..full {
            self.missing.insert(gap, (0, now));
        }
        self.highest = self.highest.max(Some(full));
        self.missing.remove(&full);
        let part = Part {
            timestamp: packet.timestamp,
            start: payload[0] & 0x10 != 0,
            marker: packet.marker,
            body: payload[1..].to_vec(),
        };
        self.parts.insert(full, part);
        self.assemble(now, full);
        if self.parts.len() > 4_000 {
            self.parts.pop_first();
        }
    }

    fn assemble(&mut self, now: Instant, at: u64) {
        let timestamp = self.parts[&at].timestamp;
        let (mut first, mut last) = (at, at);
        while !self.parts[&first].start {
            first -= 1;
            if self
                .parts
                .get(&first)
                .is_none_or(|part| part.timestamp != timestamp)
            {
                return;
            }
        }
        while !self.parts[&last].marker {
            last += 1;
            if self
                .parts
                .get(&last)
                .is_none_or(|part| part.timestamp != timestamp)
            {
                return;
            }
        }
        let bytes: Vec<u8> = self
            .parts
            .range(first..=last)
            .flat_map(|(_, p)| p.body.clone())
            .collect();
        let number = u64::from_be_bytes(bytes[1..9].try_into().unwrap());
        assert_eq!(bytes, frame(number, bytes.len(), bytes[0] == 0x10));
        self.whole.entry(number).or_insert(now);
    }

    fn feed_back(&mut self, now: Instant, rng: &mut Rng) {
        let (us, them) = (Ssrc(7), self.sender.ssrcs(self.stream).unwrap().0);
        let mut buf = [0; 1_200];
        let again = self.link.delay * 2 + Duration::from_millis(20);
        let mut wanted = BTreeSet::new();
        self.missing.retain(|sequence, (tries, due)| {
            if *due <= now {
                *tries += 1;
                *due = now + again;
                wanted.insert(*sequence);
            }
            *tries <= 10
        });
        if !wanted.is_empty() {
            let mut compound = Compound::new(&mut buf);
            compound
                .nack(us, them, wanted.iter().take(200).map(|s| *s as u16))
                .unwrap();
            let len = compound.len();
            self.reply(now, &buf[..len], rng);
        }
        if now >= self.next_feedback {
            self.next_feedback = now + Duration::from_millis(50);
            let newest = self.transport_highest.unwrap_or(0);
            let first = self
                .arrivals
                .range(self.reported..)
                .next()
                .map(|(sequence, _)| *sequence);
            if let Some(first) = first.filter(|_| self.feedback && newest >= self.reported) {
                // Missing ones before the first arrival are told through an earlier base.
                let base = if self.reported == 0 {
                    first
                } else {
                    self.reported
                };
                let arrivals =
                    (base..=newest).map(|sequence| self.arrivals.get(&sequence).copied());
                let mut compound = Compound::new(&mut buf);
                let told = compound
                    .transport_feedback(us, them, self.feedback_count, base as u16, arrivals)
                    .unwrap();
                let len = compound.len();
                self.feedback_count = self.feedback_count.wrapping_add(1);
                self.reported = base + u64::from(told);
                self.reply(now, &buf[..len], rng);
            }
        }
        if now >= self.next_report {
            self.next_report = now + Duration::from_secs(1);
            let Some(highest) = self.highest else { return };
            let expected = highest + 1 - self.expected_before.min(highest);
            let received = self.received - self.received_before;
            let lost = expected.saturating_sub(received);
            let block = ReportBlock {
                ssrc: them,
                fraction_lost: (lost * 256 / expected.max(1)).min(255) as u8,
                last_sr: self.last_sr.map_or(0, |(ntp, _)| ntp),
                delay_since_last_sr: self.last_sr.map_or(0, |(_, at)| {
                    (now.since(at).as_micros() * 65_536 / 1_000_000) as u32
                }),
                ..ReportBlock::default()
            };
            self.expected_before = highest + 1;
            self.received_before = self.received;
            let mut compound = Compound::new(&mut buf);
            compound.receiver_report(us, [block]).unwrap();
            let len = compound.len();
            self.reply(now, &buf[..len], rng);
        }
    }
}

fn extend(highest: Option<u64>, low: u16) -> u64 {
    match highest {
        None => u64::from(low),
        Some(highest) => {
            let delta = low.wrapping_sub(highest as u16) as i16;
            (highest as i64 + i64::from(delta)) as u64
        }
    }
}
