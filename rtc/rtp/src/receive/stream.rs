//! One received media section: which packets are its own, and what becomes of them.

use super::assembly::{Assembly, Books};
use super::reception::Reception;
use super::store::{Meta, Refused, Store};
use super::{DropReason, Drops, Feedback, InboundStats, StreamConfig};
use crate::formats::{FrameBuffer, begins_sequence};
use crate::packet::RtpPacket;
use crate::rtcp::Compound;
use crate::{Codec, Kind, Mid, PayloadType, Ssrc};
use alloc::vec::Vec;
use core::time::Duration;
use smolrtc_base::{BufferTooSmall, Instant, Limits, Reader};

/// Key-frame requests are at least this far apart.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// A first packet that a stream does not begin with waits this long for the ones before it, which
/// may be late or lost.
const START_WAIT: Duration = Duration::from_millis(50);
/// So many packets before such a first one are requested.
const BEFORE_FIRST: u64 = 3;
/// Without NACK a gap is waited out this long and no longer.
const REORDER_WAIT: Duration = Duration::from_millis(100);
/// A source that was silent this long gives way to another one of the same section.
const SOURCE_SILENCE: Duration = Duration::from_secs(1);
/// Sequence numbers requested in one NACK; bounds its length.
const MAX_NACK: usize = 64;

/// What a payload type means to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Media(Codec),
    /// Retransmission of packets of this codec.
    Rtx(Codec),
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) mid: Option<Mid>,
    pub(super) feedback: Feedback,
    kind: Option<Kind>,
    routes: Vec<(PayloadType, Route)>,
    pub(super) media: Option<Ssrc>,
    pub(super) rtx: Option<Ssrc>,
    pub(super) reception: Option<Reception>,
    buffers: Option<Buffers>,
    stats: InboundStats,
    last_request: Option<Instant>,
    fir_sequence: u8,
}

/// Made when the first packet comes: a section that never carries media costs nothing.
#[derive(Debug)]
struct Buffers {
    store: Store,
    assembly: Assembly,
    /// Whether missing packets can be asked for.
    repairable: bool,
    /// Since when the first packet waits; `None` once packets are taken out.
    waiting_since: Option<Instant>,
}

impl Stream {
    pub(super) fn new(config: &StreamConfig<'_>) -> Self {
        let media = config.codecs.iter();
        let media = media.map(|(payload_type, codec)| (*payload_type, Route::Media(*codec)));
        let rtx = config.rtx.iter().filter_map(|(payload_type, apt)| {
            let (_, codec) = config.codecs.iter().find(|(known, _)| known == apt)?;
            Some((*payload_type, Route::Rtx(*codec)))
        });
        Self {
            mid: config.mid,
            feedback: config.feedback,
            kind: config.codecs.first().map(|(_, codec)| codec.kind()),
            routes: media.chain(rtx).collect(),
            media: config.ssrc,
            rtx: config.rtx_ssrc,
            reception: None,
            buffers: None,
            stats: InboundStats::default(),
            last_request: None,
            fir_sequence: 0,
        }
    }

    pub(super) fn route(&self, payload_type: PayloadType) -> Option<Route> {
        let mut routes = self.routes.iter();
        let (_, route) = routes.find(|(known, _)| *known == payload_type)?;
        Some(*route)
    }

    /// Whether `ssrc` may (from now on) be this stream's media source.
    pub(super) fn admit_media(&mut self, ssrc: Ssrc, now: Instant) -> bool {
        if self.media == Some(ssrc) {
            return true;
        }
        let silent = |reception: &Reception| now.since(reception.last_packet) >= SOURCE_SILENCE;
        if self.reception.as_ref().is_some_and(|known| !silent(known)) {
            return false;
        }
        self.leave();
        self.media = Some(ssrc);
        true
    }

    /// The media source left.
    pub(super) fn leave(&mut self) {
        self.media = None;
        self.reception = None;
        if let Some(buffers) = &mut self.buffers {
            buffers.assembly.reset();
            buffers.store.restart(0);
        }
    }

    /// A packet of the media source.
    pub(super) fn on_media(
        &mut self,
        packet: &RtpPacket<'_>,
        codec: Codec,
        timing: &Timing,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let now = timing.now;
        if self.buffers.is_none() {
            let repairable = self.feedback.nack;
            self.buffers = Some(Buffers::new(&timing.limits, self.kind, repairable)?);
        }
        if self.reception.is_none() {
            let reception = Reception::new(packet.ssrc, packet.sequence_number, now);
            if let Some(buffers) = &mut self.buffers {
                let first = reception.extend(packet.sequence_number);
                let begins = begins_sequence(codec, packet.payload);
                let before = if begins { 0 } else { BEFORE_FIRST };
                buffers.store.restart(first.saturating_sub(before));
                // Mid-stream there is nothing to be had before it, so a key frame is asked for too.
                buffers.assembly.wants_key = !begins;
                buffers.waiting_since = Some(now);
            }
            self.reception = Some(reception);
        }
        let Some(reception) = &mut self.reception else {
            return Err(DropReason::UnknownStream);
        };
        let sequence = reception.extend(packet.sequence_number);
        reception.count(sequence, packet.timestamp, codec.clock_rate(), now);
        let stats = &mut self.stats;
        stats.packets_received = stats.packets_received.saturating_add(1);
        add(&mut stats.bytes_received, packet.payload.len());
        let overhead = packet.header_len.saturating_add(packet.padding_len);
        add(&mut stats.header_bytes_received, overhead);
        stats.last_packet_received = Some(now);
        let meta = Meta {
            timestamp: packet.timestamp,
            marker: packet.marker,
            codec,
            arrival: now,
        };
        self.take(sequence, meta, packet.payload, timing, drops)
    }

    /// A packet of the retransmission source (RFC 4588 section 4): the original sequence number,
    /// then the original payload.
    pub(super) fn on_rtx(
        &mut self,
        packet: &RtpPacket<'_>,
        codec: Codec,
        timing: &Timing,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        // Padding to measure the path with has no original.
        if packet.payload.is_empty() {
            return Ok(());
        }
        let mut reader = Reader::new(packet.payload);
        let original = reader.u16().map_err(|_| DropReason::BadPacket)?;
        let reception = self.reception.as_ref();
        let sequence = reception
            .ok_or(DropReason::RtxBeforeMedia)?
            .extend(original);
        self.rtx = Some(packet.ssrc);
        let payload = reader.rest();
        let stats = &mut self.stats;
        stats.retransmitted_packets_received =
            stats.retransmitted_packets_received.saturating_add(1);
        add(&mut stats.retransmitted_bytes_received, payload.len());
        // Only what is asked for is repaired: an original beyond the highest is none.
        if self
            .buffers
            .as_ref()
            .is_some_and(|buffers| sequence >= buffers.store.end())
        {
            return Err(DropReason::RtxBeforeMedia);
        }
        let meta = Meta {
            timestamp: packet.timestamp,
            marker: packet.marker,
            codec,
            arrival: timing.now,
        };
        self.take(sequence, meta, payload, timing, drops)
    }

    fn take(
        &mut self,
        sequence: u64,
        meta: Meta,
        payload: &[u8],
        timing: &Timing,
        drops: &mut Drops,
    ) -> Result<(), DropReason> {
        let stats = &mut self.stats;
        let mut books = Books { stats, drops };
        let Some(buffers) = &mut self.buffers else {
            return Err(DropReason::OutOfMemory);
        };
        let taken = buffers.take(sequence, meta, payload, timing, &mut books);
        if matches!(taken, Err(DropReason::Late | DropReason::Full)) {
            stats.packets_discarded = stats.packets_discarded.saturating_add(1);
        }
        taken
    }

    /// Puts together what can be.
    pub(super) fn advance(&mut self, timing: &Timing, drops: &mut Drops) {
        if let Some(buffers) = &mut self.buffers {
            let stats = &mut self.stats;
            buffers.advance(timing, &mut Books { stats, drops });
        }
    }

    pub(super) const fn has_frame(&self) -> bool {
        match &self.buffers {
            Some(buffers) => buffers.assembly.is_ready(),
            None => false,
        }
    }

    pub(super) fn lend(&mut self) -> Option<(super::assembly::Whole, &[u8])> {
        self.buffers.as_mut()?.assembly.lend()
    }

    pub(super) fn stats(&self) -> InboundStats {
        let mut stats = self.stats;
        if let (Some(reception), Some((_, route))) = (&self.reception, self.routes.first()) {
            let (Route::Media(codec) | Route::Rtx(codec)) = route;
            stats.packets_lost = reception.lost();
            let micros = u64::from(reception.jitter()).saturating_mul(1_000_000);
            let rate = u64::from(codec.clock_rate());
            stats.jitter = Duration::from_micros(micros.checked_div(rate).unwrap_or(0));
        }
        stats
    }

    /// Whether a gap is given up, or a first packet waited for, and until when.
    pub(super) fn gap_deadline(&self, timing: &Timing) -> Option<Instant> {
        let buffers = self.buffers.as_ref()?;
        if buffers.assembly.is_ready() {
            return None;
        }
        match buffers.waiting_since {
            Some(_) if buffers.store.is_empty() => None,
            Some(since) => Some(since.plus(buffers.start_wait(timing))),
            None => Some(buffers.store.gap_since()?.plus(buffers.patience(timing))),
        }
    }

    /// When packets are to be requested next.
    pub(super) fn nack_due(&self) -> Option<Instant> {
        let buffers = self.buffers.as_ref()?;
        let due = buffers.store.next_request()?;
        self.feedback.nack.then_some(due)
    }

    /// When a key frame is to be requested next.
    pub(super) fn key_request_due(&self) -> Option<Instant> {
        let buffers = self.buffers.as_ref()?;
        let wanted = buffers.assembly.wants_key && self.reception.is_some();
        let possible = self.feedback.pli || self.feedback.fir;
        (wanted && possible).then(|| {
            self.last_request
                .map_or(Instant::ZERO, |last| last.plus(REQUEST_INTERVAL))
        })
    }

    /// Asks for a key frame for the application's sake.
    pub(super) fn request_key_frame(&mut self) {
        if let Some(buffers) = &mut self.buffers {
            buffers.assembly.wants_key = true;
        }
    }

    pub(super) fn emit_nack(
        &mut self,
        sender: Ssrc,
        timing: &Timing,
        compound: &mut Compound<'_>,
    ) -> Result<(), BufferTooSmall> {
        let (Some(buffers), Some(media)) = (&mut self.buffers, self.media) else {
            return Ok(());
        };
        let store = &mut buffers.store;
        let count = store.due(timing.now).take(MAX_NACK).count();
        if count > 0 {
            compound.nack(sender, media, store.due(timing.now).take(MAX_NACK))?;
            self.stats.nack_count = self.stats.nack_count.saturating_add(1);
        }
        store.requested(timing.now, count, timing.retry_after);
        Ok(())
    }

    pub(super) fn emit_key_request(
        &mut self,
        sender: Ssrc,
        timing: &Timing,
        compound: &mut Compound<'_>,
    ) -> Result<(), BufferTooSmall> {
        let Some(media) = self.media else {
            return Ok(());
        };
        if self.feedback.pli {
            compound.pli(sender, media)?;
            self.stats.pli_count = self.stats.pli_count.saturating_add(1);
        } else {
            compound.fir(sender, media, self.fir_sequence)?;
            self.fir_sequence = self.fir_sequence.wrapping_add(1);
            self.stats.fir_count = self.stats.fir_count.saturating_add(1);
        }
        self.last_request = Some(timing.now);
        Ok(())
    }
}

/// What the session knows and every stream needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) now: Instant,
    /// How long a frame may wait for a missing packet.
    pub(super) playout: Duration,
    /// How long a request may stay without answer.
    pub(super) retry_after: Duration,
    pub(super) limits: Limits,
}

fn add(counter: &mut u64, bytes: usize) {
    *counter = counter.saturating_add(bytes as u64);
}

impl Buffers {
    fn new(limits: &Limits, kind: Option<Kind>, repairable: bool) -> Result<Self, DropReason> {
        let bytes = match kind {
            Some(Kind::Video) => limits.receive_bytes,
            _ => limits.receive_audio_bytes,
        };
        let out_of_memory = |_| DropReason::OutOfMemory;
        let store = Store::new(limits.receive_packets, bytes).map_err(out_of_memory)?;
        let frame = FrameBuffer::with_limit(bytes).map_err(out_of_memory)?;
        Ok(Self {
            store,
            assembly: Assembly::new(frame),
            repairable,
            waiting_since: None,
        })
    }

    fn take(
        &mut self,
        sequence: u64,
        meta: Meta,
        payload: &[u8],
        timing: &Timing,
        books: &mut Books<'_>,
    ) -> Result<(), DropReason> {
        // In sequence and nothing waits, which is nearly always: no copy in between.
        if self.waiting_since.is_none()
            && self.store.is_empty()
            && sequence == self.store.next()
            && !self.assembly.is_ready()
            && self.assembly.take(&meta, payload, books)
        {
            self.store.pop();
            return Ok(());
        }
        if sequence < self.store.next() && self.waiting_since.is_some() {
            // Reordered at the very beginning.
            let _ = self.store.begin_earlier(sequence, timing.now);
        }
        self.make_room(sequence, timing, books);
        self.store
            .insert(sequence, meta, payload)
            .map_err(|refused| match refused {
                Refused::Late => DropReason::Late,
                Refused::Duplicate => DropReason::Duplicate,
                Refused::Full => DropReason::Full,
            })?;
        self.advance(timing, books);
        Ok(())
    }

    /// Gives up gaps until the window reaches `sequence`; each step passes at least one packet.
    fn make_room(&mut self, sequence: u64, timing: &Timing, books: &mut Books<'_>) {
        while self.store.is_ahead(sequence) && !self.assembly.is_ready() {
            self.waiting_since = None;
            if self.store.is_empty() {
                // Nothing is left to save before it: a long silence, or a source that jumped.
                self.store.restart(sequence);
                self.assembly.lost(None, books);
                self.waiting_since = Some(timing.now);
            } else {
                self.skip_gap(books);
                self.advance(timing, books);
            }
        }
    }

    fn advance(&mut self, timing: &Timing, books: &mut Books<'_>) {
        while !self.assembly.is_ready() && !self.store.is_empty() {
            if let Some(since) = self.waiting_since
                && !self.may_start(since, timing, books)
            {
                return;
            }
            if let Some((meta, payload)) = self.store.front() {
                if self.assembly.take(&meta, payload, books) {
                    self.store.pop();
                }
                continue;
            }
            match self.store.gap_since() {
                Some(since) if timing.now < since.plus(self.patience(timing)) => return,
                _ => self.skip_gap(books),
            }
        }
    }

    /// Whether the first packet is one to begin with, or was waited for long enough.
    fn may_start(&mut self, since: Instant, timing: &Timing, books: &mut Books<'_>) -> bool {
        let first = self.store.first_held();
        let begins = first.is_some_and(|(meta, payload)| begins_sequence(meta.codec, payload));
        if !begins && timing.now < since.plus(self.start_wait(timing)) {
            return false;
        }
        self.waiting_since = None;
        if begins {
            // What was requested before it was never sent.
            self.store.skip_gap();
        } else {
            self.skip_gap(books);
        }
        true
    }

    /// How long a first packet waits for the ones before it: for two requests to be answered, or
    /// for reordering.
    fn start_wait(&self, timing: &Timing) -> Duration {
        if self.repairable {
            let twice = timing.retry_after.saturating_mul(2);
            START_WAIT.saturating_add(twice).min(timing.playout)
        } else {
            START_WAIT
        }
    }

    /// How long a gap may last: without requests there is only reordering to wait for.
    fn patience(&self, timing: &Timing) -> Duration {
        if self.repairable {
            timing.playout
        } else {
            timing.playout.min(REORDER_WAIT)
        }
    }

    fn skip_gap(&mut self, books: &mut Books<'_>) {
        self.store.skip_gap();
        let front = self.store.front();
        let after = front.as_ref().map(|(meta, payload)| (meta, *payload));
        self.assembly.lost(after, books);
    }
}
