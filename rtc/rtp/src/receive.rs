//! The receiving side of one session: from opened packets to whole frames and feedback.
//!
//! Packets find their stream by synchronization source, else by the mid extension, else by
//! payload type (RFC 9143 section 9.2). A stream unwraps retransmissions (RFC 4588), holds packets
//! until the missing ones before them have come, puts frames together and lends them out, one at
//! a time, with [`Receiver::poll_frame`]. Missing packets are asked for again once a round trip; a
//! frame that stays incomplete for the play-out limit is skipped. Video begins with a key frame,
//! which is requested until it comes. [`Receiver::poll_rtcp`] writes receiver reports, NACK, PLI
//! or FIR, transport-wide feedback and REMB.
//!
//! A frame after a loss is handed out with [`Frame::discontinuity`] set, while a key frame is
//! requested: whether to show it is the application's choice.
//!
//! The buffers of a stream are made when its first packet comes: twice
//! [`Limits::receive_bytes`] (of audio, [`Limits::receive_audio_bytes`]) and about 56 bytes for
//! each of [`Limits::receive_packets`]. After that nothing is allocated. In the usual case a
//! payload is copied once, from the packet into the frame.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::packet::{ExtensionIds, RtpPacket};
use crate::rtcp::{Compound, SenderInfo};
use crate::{Codec, Mid, PayloadType, Ssrc};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use smolrtc_base::{Instant, Limits};

mod assembly;
mod reception;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod transport;

use stream::{Route, Stream, Timing};
use transport::ArrivalLog;

/// Shortest buffer that [`Receiver::poll_rtcp`] writes to, bytes.
pub const MIN_RTCP_BUFFER: usize = 512;

/// Receiver reports and REMB go out this often (the reduced minimum of RFC 3550 section 6.2 would
/// allow more).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Round trip assumed until [`Receiver::set_round_trip`] knows better.
const ASSUMED_ROUND_TRIP: Duration = Duration::from_millis(100);

/// How a session receives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiverConfig {
    /// The source under which reports are sent: that of a stream we send, or any random number.
    pub local_ssrc: Ssrc,
    /// Our canonical name, at most 64 bytes are sent.
    pub cname: Vec<u8>,
    /// Whether feedback may leave without a report before it (`a=rtcp-rsize`, RFC 5506).
    pub reduced_size: bool,
    /// A frame waits for its missing packets this many round trips …
    pub playout_round_trips: u32,
    /// … plus this.
    pub playout_extra: Duration,
    /// Bit rate announced with REMB on streams that negotiated it, bits per second.
    pub max_bitrate: Option<u64>,
}

impl ReceiverConfig {
    /// The defaults: play-out limit of 4 round trips and 200 ms, compound RTCP, no REMB.
    #[must_use]
    pub const fn new(local_ssrc: Ssrc, cname: Vec<u8>) -> Self {
        Self {
            local_ssrc,
            cname,
            reduced_size: false,
            playout_round_trips: 4,
            playout_extra: Duration::from_millis(200),
            max_bitrate: None,
        }
    }
}

/// The feedback that was negotiated for a stream (`a=rtcp-fb`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// `nack`
    pub nack: bool,
    /// `nack pli`
    pub pli: bool,
    /// `ccm fir`; used where `nack pli` was not negotiated.
    pub fir: bool,
    /// `transport-cc`
    pub transport_wide: bool,
    /// `goog-remb`
    pub remb: bool,
}

/// One media section that we receive, as negotiated.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamConfig<'a> {
    /// Its `a=mid`.
    pub mid: Option<Mid>,
    /// The payload types that carry media.
    pub codecs: &'a [(PayloadType, Codec)],
    /// The payload types that carry retransmissions, and what they retransmit (`apt`).
    pub rtx: &'a [(PayloadType, PayloadType)],
    /// Its header extensions. In a BUNDLE one extension has one id in all sections.
    pub extension_ids: ExtensionIds,
    /// Its feedback.
    pub feedback: Feedback,
    /// Its source, if the description names it (`a=ssrc`).
    pub ssrc: Option<Ssrc>,
    /// Its retransmissions' source (`a=ssrc-group:FID`).
    pub rtx_ssrc: Option<Ssrc>,
}

/// Names a stream of a [`Receiver`]; never used again after the stream was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

/// Why a stream cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// There are as many streams as [`Limits::sdp_sections`] allows.
    TooMany,
    /// It has no payload type.
    NoCodec,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "the limit of received streams is reached",
            Self::NoCodec => "a received stream needs at least one payload type",
        })
    }
}

impl core::error::Error for StreamError {}

smolrtc_base::drop_reasons! {
    /// Why a received packet, or the frame it belongs to, was dropped.
    pub enum DropReason, counted by
    /// What was dropped on receipt, by reason.
    pub struct Drops {
        /// No RTP packet, or a retransmission too short for its header.
        BadPacket = "bad_packet",
        /// Neither source, mid nor payload type leads to a stream.
        UnknownStream = "unknown_stream",
        /// The stream has no such payload type.
        UnknownPayloadType = "unknown_payload_type",
        /// A second source of a stream whose first one still sends.
        SecondSource = "second_source",
        /// A retransmission of what was never sent.
        RtxBeforeMedia = "rtx_before_media",
        /// Its frame was handed out or given up before it came.
        Late = "late",
        /// It was here already.
        Duplicate = "duplicate",
        /// No room to keep it until its turn comes.
        Full = "full",
        /// A payload that its format does not allow; the frame is lost.
        MalformedPayload = "malformed_payload",
        /// A frame longer than `receive_bytes`; it is lost.
        FrameTooLong = "frame_too_long",
        /// The buffers of a new stream could not be had.
        OutOfMemory = "out_of_memory",
    }
}

/// A whole frame, lent until the receiver is used again.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The stream it came on.
    pub stream: StreamId,
    /// That stream's media section.
    pub mid: Option<Mid>,
    /// How it is coded.
    pub codec: Codec,
    /// Its time on the codec's RTP clock.
    pub rtp_timestamp: u32,
    /// Whether decoding can begin with it; always true for audio.
    pub key: bool,
    /// Whether frames were lost between the one handed out before and this one.
    pub discontinuity: bool,
    /// The frame: Annex B with four-byte start codes for H.264 and H.265, else the codec's bytes.
    pub data: &'a [u8],
    /// When its last packet arrived.
    pub received: Instant,
}

/// Statistics of a received stream, after W3C `RTCInboundRtpStreamStats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboundStats {
    /// packetsReceived; retransmissions by RTX not counted.
    pub packets_received: u64,
    /// bytesReceived: payload without padding.
    pub bytes_received: u64,
    /// headerBytesReceived: headers and padding.
    pub header_bytes_received: u64,
    /// packetsLost as RFC 3550 counts it: what RTX brought back stays lost.
    pub packets_lost: i64,
    /// packetsDiscarded: came too late or found no room.
    pub packets_discarded: u64,
    /// jitter
    pub jitter: Duration,
    /// retransmittedPacketsReceived
    pub retransmitted_packets_received: u64,
    /// retransmittedBytesReceived
    pub retransmitted_bytes_received: u64,
    /// nackCount: NACK packets sent.
    pub nack_count: u32,
    /// pliCount: PLI packets sent.
    pub pli_count: u32,
    /// firCount: FIR packets sent.
    pub fir_count: u32,
    /// framesReceived: put together whole.
    pub frames_received: u32,
    /// Key frames among them, as keyFramesDecoded would be.
    pub key_frames_received: u32,
    /// framesDropped: begun and not whole.
    pub frames_dropped: u32,
    /// Whole, but of no use before the first key frame.
    pub frames_before_key: u32,
    /// lastPacketReceivedTimestamp
    pub last_packet_received: Option<Instant>,
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// `poll_rtcp`: a receiver report.
    Report,
    /// `poll_rtcp`: packets are to be requested again.
    Nack,
    /// `poll_rtcp`: a key frame is to be requested.
    KeyFrameRequest,
    /// `poll_rtcp`: transport-wide feedback.
    TransportFeedback,
    /// `handle_timeout`: a gap has lasted for the play-out limit.
    Gap,
}

/// The receiving side of one session.
#[derive(Debug)]
pub struct Receiver {
    limits: Limits,
    config: ReceiverConfig,
    streams: Vec<(StreamId, Stream)>,
    next_id: u32,
    extension_ids: ExtensionIds,
    arrivals: ArrivalLog,
    drops: Drops,
    now: Instant,
    round_trip: Duration,
    next_report: Option<Instant>,
    /// The stream whose turn it is to hand out a frame.
    turn: usize,
}

impl Receiver {
    /// A receiver without streams.
    #[must_use]
    pub fn new(limits: Limits, config: ReceiverConfig) -> Self {
        Self {
            limits,
            config,
            streams: Vec::new(),
            next_id: 0,
            extension_ids: ExtensionIds {
                mid: None,
                abs_send_time: None,
                transport_sequence: None,
                stream_id: None,
                repaired_stream_id: None,
            },
            arrivals: ArrivalLog::new(),
            drops: Drops::default(),
            now: Instant::ZERO,
            round_trip: ASSUMED_ROUND_TRIP,
            next_report: None,
            turn: 0,
        }
    }

    /// Adds a media section.
    ///
    /// # Errors
    /// When there are too many, or it has no payload type.
    pub fn add_stream(&mut self, config: &StreamConfig<'_>) -> Result<StreamId, StreamError> {
        if config.codecs.is_empty() {
            return Err(StreamError::NoCodec);
        }
        if self.streams.len() >= self.limits.sdp_sections {
            return Err(StreamError::TooMany);
        }
        if config.feedback.transport_wide {
            self.arrivals.reserve(self.limits.twcc_history);
        }
        let (known, new) = (&mut self.extension_ids, &config.extension_ids);
        known.mid = known.mid.or(new.mid);
        known.abs_send_time = known.abs_send_time.or(new.abs_send_time);
        known.transport_sequence = known.transport_sequence.or(new.transport_sequence);
        known.stream_id = known.stream_id.or(new.stream_id);
        known.repaired_stream_id = known.repaired_stream_id.or(new.repaired_stream_id);
        let id = StreamId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.streams.push((id, Stream::new(config)));
        Ok(id)
    }

    /// Forgets a media section and what it had received.
    pub fn remove_stream(&mut self, id: StreamId) {
        self.streams.retain(|(known, _)| *known != id);
    }

    /// The round trip as measured elsewhere (sender reports, connectivity checks); it paces the
    /// requests and stretches the play-out limit.
    pub const fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Asks for a key frame for the application's sake, as soon as the pacing of requests allows.
    pub fn request_key_frame(&mut self, id: StreamId) {
        if let Some((_, stream)) = self.streams.iter_mut().find(|(known, _)| *known == id) {
            stream.request_key_frame();
        }
    }

    fn timing(&self) -> Timing {
        let round_trips = self
            .round_trip
            .saturating_mul(self.config.playout_round_trips);
        let sixteenth = self.round_trip.checked_div(16).unwrap_or_default();
        let margin = sixteenth.saturating_add(Duration::from_millis(10));
        Timing {
            now: self.now,
            playout: round_trips.saturating_add(self.config.playout_extra),
            retry_after: self.round_trip.saturating_add(margin),
            limits: self.limits,
        }
    }

    /// Takes an RTP packet that SRTP has opened. Returns the stream it belongs to.
    ///
    /// Work is bounded by the packets that it lets proceed: at most `receive_packets`.
    pub fn handle_rtp(&mut self, now: Instant, packet: &[u8]) -> Option<StreamId> {
        self.now = self.now.max(now);
        match self.take(packet) {
            Ok(id) => Some(id),
            Err(reason) => {
                self.drops.count(reason);
                None
            }
        }
    }

    fn take(&mut self, packet: &[u8]) -> Result<StreamId, DropReason> {
        let packet = RtpPacket::parse(packet).map_err(|_| DropReason::BadPacket)?;
        let extensions = packet.extensions(&self.extension_ids);
        let timing = self.timing();
        let index = self
            .find(&packet, extensions.mid)
            .ok_or(DropReason::UnknownStream)?;
        self.forget_elsewhere(index, packet.ssrc);
        let (id, stream) = self
            .streams
            .get_mut(index)
            .ok_or(DropReason::UnknownStream)?;
        let id = *id;
        if let (Some(sequence), true) = (
            extensions.transport_sequence,
            stream.feedback.transport_wide,
        ) {
            self.arrivals.record(sequence, packet.ssrc, timing.now);
        }
        match stream.route(packet.payload_type) {
            None => return Err(DropReason::UnknownPayloadType),
            Some(Route::Rtx(codec)) => {
                stream.on_rtx(&packet, codec, &timing, &mut self.drops)?;
            }
            Some(Route::Media(codec)) => {
                if !stream.admit_media(packet.ssrc, timing.now) {
                    return Err(DropReason::SecondSource);
                }
                stream.on_media(&packet, codec, &timing, &mut self.drops)?;
                let first = timing.now.plus(REPORT_INTERVAL);
                self.next_report = self.next_report.or(Some(first));
            }
        }
        Ok(id)
    }

    /// RFC 9143 section 9.2: a mid counts most, for it updates what a source belongs to; then the
    /// source; then a payload type that only one section has.
    fn find(&self, packet: &RtpPacket<'_>, mid: Option<Mid>) -> Option<usize> {
        let position = |test: &dyn Fn(&Stream) -> bool| {
            self.streams.iter().position(|(_, stream)| test(stream))
        };
        if mid.is_some()
            && let Some(index) = position(&|stream| stream.mid == mid)
        {
            return Some(index);
        }
        let ssrc = Some(packet.ssrc);
        if let Some(index) = position(&|stream| stream.media == ssrc || stream.rtx == ssrc) {
            return Some(index);
        }
        // A mid that no section has yet is no reason to guess (section 9.2, step 2).
        if mid.is_some() {
            return None;
        }
        let index = position(&|stream| stream.route(packet.payload_type).is_some())?;
        let mut others = self.streams.iter().skip(index.saturating_add(1));
        let unique = !others.any(|(_, stream)| stream.route(packet.payload_type).is_some());
        unique.then_some(index)
    }

    /// A source belongs to one section: the one its newest mid names.
    fn forget_elsewhere(&mut self, index: usize, ssrc: Ssrc) {
        for (other, (_, stream)) in self.streams.iter_mut().enumerate() {
            if other != index && stream.media == Some(ssrc) {
                stream.leave();
            }
        }
    }

    /// Notes the peer's clock, for the delay in our reports and the return of its time.
    pub fn handle_sender_report(&mut self, now: Instant, info: &SenderInfo) {
        self.now = self.now.max(now);
        let now = self.now;
        if let Some(reception) = self.source(info.ssrc).and_then(|s| s.reception.as_mut()) {
            reception.on_sender_report(info, now);
        }
    }

    /// A source left; returns its stream. Frames already whole can still be taken.
    pub fn handle_bye(&mut self, ssrc: Ssrc) -> Option<StreamId> {
        let (id, stream) = self
            .streams
            .iter_mut()
            .find(|(_, s)| s.media == Some(ssrc))?;
        stream.leave();
        Some(*id)
    }

    fn source(&mut self, ssrc: Ssrc) -> Option<&mut Stream> {
        let mut streams = self.streams.iter_mut();
        let (_, stream) = streams.find(|(_, stream)| stream.media == Some(ssrc))?;
        Some(stream)
    }

    /// Gives up gaps that have lasted for the play-out limit.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let timing = self.timing();
        for (_, stream) in &mut self.streams {
            stream.advance(&timing, &mut self.drops);
        }
    }

    /// The next whole frame, streams taking turns. The loan ends, and the stream goes on, when
    /// the receiver is used again.
    pub fn poll_frame(&mut self) -> Option<Frame<'_>> {
        let timing = self.timing();
        let count = self.streams.len();
        let mut found = None;
        for step in 0..count {
            let index = self.turn.saturating_add(step).checked_rem(count)?;
            let (_, stream) = self.streams.get_mut(index)?;
            stream.advance(&timing, &mut self.drops);
            if stream.has_frame() {
                found = Some(index);
                break;
            }
        }
        let index = found?;
        self.turn = index.saturating_add(1);
        let (id, stream) = self.streams.get_mut(index)?;
        let mid = stream.mid;
        let (whole, data) = stream.lend()?;
        Some(Frame {
            stream: *id,
            mid,
            codec: whole.codec,
            rtp_timestamp: whole.timestamp,
            key: whole.key,
            discontinuity: whole.discontinuity,
            data,
            received: whole.received,
        })
    }

    /// Writes the RTCP that is due to the front of `buf` and returns its length; to be called
    /// until it returns `None`. Nothing is ever written into less than [`MIN_RTCP_BUFFER`].
    pub fn poll_rtcp(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        self.now = self.now.max(now);
        let now = self.now;
        let (due, _) = self.next_rtcp()?;
        if due > now || buf.len() < MIN_RTCP_BUFFER {
            return None;
        }
        let timing = self.timing();
        let sender = self.config.local_ssrc;
        let mut compound = Compound::new(buf);
        let report = self.next_report.is_some_and(|at| at <= now);
        let mut full = false;
        if report || !self.config.reduced_size {
            full |= self.emit_report(report, &mut compound).is_err();
        }
        let prefix = compound.len();
        for (_, stream) in &mut self.streams {
            if stream.key_request_due().is_some_and(|at| at <= now) {
                full |= stream
                    .emit_key_request(sender, &timing, &mut compound)
                    .is_err();
            }
            if stream.nack_due().is_some_and(|at| at <= now) {
                full |= stream.emit_nack(sender, &timing, &mut compound).is_err();
            }
        }
        if self.arrivals.due().is_some_and(|at| at <= now) {
            full |= self.arrivals.emit(sender, now, &mut compound).is_err();
        }
        // Requests that were due for packets which have come meanwhile leave nothing to say.
        if !report && !full && compound.len() == prefix {
            return None;
        }
        Some(compound.len()).filter(|len| *len > 0)
    }

    /// The report and the name; without blocks when it only precedes other feedback.
    fn emit_report(
        &mut self,
        due: bool,
        compound: &mut Compound<'_>,
    ) -> Result<(), smolrtc_base::BufferTooSmall> {
        let (now, sender) = (self.now, self.config.local_ssrc);
        let streams = self.streams.iter_mut().filter(|_| due);
        let receptions = streams.filter_map(|(_, stream)| stream.reception.as_mut());
        compound.receiver_report(sender, receptions.map(|reception| reception.report(now)))?;
        let cname = &self.config.cname;
        compound.cname(sender, cname.get(..64).unwrap_or(cname))?;
        if due {
            self.next_report = Some(now.plus(REPORT_INTERVAL));
            let remb = self.streams.iter().map(|(_, stream)| stream);
            let remb = remb.filter(|stream| stream.feedback.remb);
            let mut sources = remb.filter_map(|stream| stream.media).peekable();
            if let Some(bitrate) = self.config.max_bitrate
                && sources.peek().is_some()
            {
                compound.remb(sender, bitrate, sources)?;
            }
        }
        Ok(())
    }

    /// When RTCP is due next, and what.
    fn next_rtcp(&self) -> Option<(Instant, Reason)> {
        let report = self.next_report.map(|at| (at, Reason::Report));
        let feedback = self.arrivals.due();
        let feedback = feedback.map(|at| (at, Reason::TransportFeedback));
        let streams = self.streams.iter().flat_map(|(_, stream)| {
            let nack = stream.nack_due().map(|at| (at, Reason::Nack));
            let key = stream.key_request_due();
            nack.into_iter()
                .chain(key.map(|at| (at, Reason::KeyFrameRequest)))
        });
        let all = streams.chain(report).chain(feedback);
        all.min_by_key(|(at, _)| *at)
    }

    /// When to call next, and what for: see [`Reason`]. Frames that are ready need no timer.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let timing = self.timing();
        let gaps = self.streams.iter();
        let gaps = gaps.filter_map(|(_, stream)| stream.gap_deadline(&timing));
        let gap = gaps.min().map(|at| (at, Reason::Gap));
        gap.into_iter()
            .chain(self.next_rtcp())
            .min_by_key(|(at, _)| *at)
    }

    /// Statistics of a stream.
    #[must_use]
    pub fn stats(&self, id: StreamId) -> Option<InboundStats> {
        let (_, stream) = self.streams.iter().find(|(known, _)| *known == id)?;
        Some(stream.stats())
    }

    /// The source that a stream receives from, once it is known.
    #[must_use]
    pub fn ssrc(&self, id: StreamId) -> Option<Ssrc> {
        let (_, stream) = self.streams.iter().find(|(known, _)| *known == id)?;
        stream.media
    }

    /// What was dropped, by reason.
    #[must_use]
    pub const fn drops(&self) -> &Drops {
        &self.drops
    }
}
