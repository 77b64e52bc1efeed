//! The sending side of one viewer: streams over shared history rings, paced, measured, repaired.
//!
//! A [`Sender`] holds no packet. Each of its streams is a cursor into a track's
//! [`Ring`] and a short list of runs that map sequence numbers to packets of the
//! ring; [`Sender::poll_packet`] assembles the next packet in the transmit buffer. Packets leave
//! through a pacer, are remembered for transport-wide feedback, and are resent from the ring.
//!
//! - RTX: RFC 4588, SSRC multiplexing. Without it a packet is resent only byte for byte as the first
//!   time, hence never with abs-send-time or transport-wide sequence numbers, and never under an
//!   AEAD profile, whose nonce it would use twice.
//! - Bandwidth: estimated from transport-wide feedback: delay (trendline) and loss; REMB and receiver
//!   reports where that is not negotiated.
//! - Thinning: a viewer whose link is slower than the encoder loses the frames nobody else needs,
//!   then everything up to a key frame. No other viewer notices.
//!
//! Time is passed in; nothing allocates but `new`, `add_stream` and `remove_stream`.

mod config;
mod estimate;
mod feedback;
mod pacer;
mod resend;
mod runs;
mod sent;
mod stats;
mod stream;
#[cfg(test)]
mod tests;
mod trend;

pub use config::{Config, ConfigError, Event, Outgoing, Reason, RtxConfig, StreamConfig, StreamId};
pub use stats::{SenderStats, StreamStats};

use crate::Ssrc;
use crate::history::Ring;
use alloc::vec::Vec;
use config::{DEFAULT_RTT, Due, earlier};
use estimate::Estimate;
use pacer::Pacer;
use resend::{Resends, key};
use sent::SentPackets;
use smolrtc_base::{Duration, Instant, Limits, Rng};
use stream::{Load, Next, Stream, Written};

/// Streams of one viewer.
const MAX_STREAMS: usize = 16;
/// Sender reports leave at random intervals of a half to one and a half times this (RFC 3550
/// section 6.2).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// A frame, however large, is spread over at most this as long as the link has not shown its
/// limit. With the pacer's burst that stays below 200 ms.
const SPREAD: Duration = Duration::from_millis(160);
/// IP, UDP and SRTP beside an RTP packet: what the pacer and the link see of it.
const PACKET_OVERHEAD: usize = 38;

/// All that goes to one viewer. See the [module documentation](self).
///
/// It owns no packet: under 500 bytes a stream and what `Limits::twcc_history`, `resend_queue` and
/// `cursor_runs` (a stream) cost, 8, 24 and 16 bytes an entry; 6 KB with two streams at
/// [`Limits::HOST`].
#[derive(Debug)]
pub struct Sender {
    streams: Vec<Stream>,
    next_id: u32,
    runs: usize,
    cname: Vec<u8>,
    pacer: Pacer,
    resends: Resends,
    sent: SentPackets,
    estimate: Estimate,
    announced: u32,
    announce: bool,
    rtt: Duration,
    rtt_known: bool,
    report_at: Option<Instant>,
    /// The newest sender reports: middle 32 bits of their NTP time, and when they left.
    reports: [(u32, Instant); 4],
    /// A receiver's newest reference time: who, the middle 32 bits, and when it came.
    reference: Option<(Ssrc, u32, Instant)>,
    feedback_count: u32,
    unmatched_rtcp: u32,
    rng: Rng,
}

impl Sender {
    /// A sender without streams.
    #[must_use]
    pub fn new(config: Config, limits: &Limits, rng: Rng) -> Self {
        let estimate = Estimate::new(config.start_bitrate, config.min_bitrate, config.max_bitrate);
        let mut cname = config.cname.into_bytes();
        cname.truncate(255);
        let mut sender = Self {
            streams: Vec::new(),
            next_id: 0,
            runs: limits.cursor_runs,
            cname,
            pacer: Pacer::new(estimate.target().saturating_mul(2)),
            resends: Resends::new(limits.resend_queue),
            sent: SentPackets::new(limits.twcc_history),
            announced: 0,
            announce: false,
            estimate,
            rtt: DEFAULT_RTT,
            rtt_known: false,
            report_at: None,
            reports: [(0, Instant::ZERO); 4],
            reference: None,
            feedback_count: 0,
            unmatched_rtcp: 0,
            rng,
        };
        sender.retarget();
        sender
    }

    /// Adds a stream. Video starts with the newest key frame in its ring, audio with the newest
    /// frame.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn add_stream(
        &mut self,
        now: Instant,
        config: StreamConfig,
    ) -> Result<StreamId, ConfigError> {
        if self.streams.len() >= MAX_STREAMS {
            return Err(ConfigError::TooManyStreams);
        }
        let ssrc = self.ssrc(config.ssrc, None)?;
        let rtx = match config.rtx {
            Some(rtx) => Some((rtx, self.ssrc(rtx.ssrc, Some(ssrc))?)),
            None => None,
        };
        let id = StreamId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let stream = Stream::new(now, id, config, ssrc, rtx, self.runs, &mut self.rng);
        self.streams.reserve_exact(1);
        self.streams.push(stream);
        Ok(id)
    }

    /// Ends a stream; unknown ids are ignored.
    pub fn remove_stream(&mut self, id: StreamId) {
        self.streams.retain(|stream| stream.id != id);
        self.resends.forget_stream(id);
    }

    /// Pauses a stream, or lets it go on: a section's direction may change while it runs (RFC 8829
    /// section 5.10). Sender reports go on in a pause. A stream goes on with the newest key frame that
    /// it has not sent, audio with the newest frame. Unknown ids are ignored.
    pub fn set_sending(&mut self, now: Instant, id: StreamId, sending: bool) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            if sending {
                stream.resume(now);
            } else {
                stream.pause();
                self.resends.forget_stream(id);
            }
        }
    }

    /// The codec of a stream.
    #[must_use]
    pub fn codec(&self, id: StreamId) -> Option<crate::Codec> {
        self.streams
            .iter()
            .find(|stream| stream.id == id)
            .map(|stream| stream.codec)
    }

    /// The SSRCs of a stream and of its retransmission stream.
    #[must_use]
    pub fn ssrcs(&self, id: StreamId) -> Option<(Ssrc, Option<Ssrc>)> {
        let stream = self.streams.iter().find(|stream| stream.id == id)?;
        Some((stream.ssrc, stream.rtx.as_ref().map(|rtx| rtx.ssrc)))
    }

    fn ssrc(&mut self, wanted: Option<Ssrc>, other: Option<Ssrc>) -> Result<Ssrc, ConfigError> {
        let used = |ssrc: Ssrc| {
            Some(ssrc) == other
                || self.streams.iter().any(|stream| {
                    stream.ssrc == ssrc || stream.rtx.as_ref().is_some_and(|rtx| rtx.ssrc == ssrc)
                })
        };
        match wanted {
            Some(ssrc) if used(ssrc) => Err(ConfigError::SsrcInUse(ssrc)),
            Some(ssrc) => Ok(ssrc),
            None => loop {
                let ssrc = Ssrc(self.rng.u32());
                // Zero is legal but used as "none" by many.
                if ssrc.0 != 0 && !used(ssrc) {
                    return Ok(ssrc);
                }
            },
        }
    }

    /// Writes the next packet that may leave now into `buf` (1,280 bytes always do); `None` when
    /// there is none. Audio goes first and unpaced, resends before new video.
    ///
    /// `rings` are the tracks by [`StreamConfig::track`]. O(streams) when there is nothing to do.
    pub fn poll_packet(
        &mut self,
        now: Instant,
        rings: &[Ring],
        buf: &mut [u8],
    ) -> Option<Outgoing> {
        if let Some(packet) = self.poll_media(now, rings, true, buf) {
            return Some(packet);
        }
        if !self.pacer.may_send(now) {
            return None;
        }
        if let Some(packet) = self.poll_resend(now, rings, buf) {
            return Some(packet);
        }
        self.poll_media(now, rings, false, buf)
    }

    fn poll_media(
        &mut self,
        now: Instant,
        rings: &[Ring],
        audio: bool,
        buf: &mut [u8],
    ) -> Option<Outgoing> {
        let load = Load {
            congested: self.estimate.congested(),
            target: self.estimate.target(),
            debt: self.pacer.debt(now),
        };
        for at in 0..self.streams.len() {
            let Some(stream) = self.streams.get_mut(at) else {
                continue;
            };
            let Some(ring) = rings.get(stream.track) else {
                continue;
            };
            if stream.is_audio() != audio {
                continue;
            }
            let next = stream.settle(now, ring, load);
            if next == Next::Nothing {
                continue;
            }
            if next == Next::Begin && !audio {
                self.set_pace(rings, load);
            }
            let sequence = self.sent.next_sequence();
            let stream = self.streams.get_mut(at)?;
            let Some(written) = stream.send(now, ring, sequence, buf) else {
                continue;
            };
            let (id, counts) = (stream.id, stream.counts_transport());
            return Some(self.left(now, id, counts, written, false));
        }
        None
    }

    fn poll_resend(&mut self, now: Instant, rings: &[Ring], buf: &mut [u8]) -> Option<Outgoing> {
        while let Some(wanted) = self.resends.next(now) {
            let sequence = self.sent.next_sequence();
            let found = self
                .streams
                .iter_mut()
                .find(|stream| resend::is_of(wanted, stream.id));
            let Some(stream) = found else {
                self.resends.forget(wanted);
                continue;
            };
            let ring = rings.get(stream.track);
            let index = resend::index(wanted);
            match ring.and_then(|ring| stream.resend(now, ring, index, sequence, buf)) {
                Some(written) => {
                    let (id, counts) = (stream.id, stream.counts_transport());
                    let bytes = written.len + PACKET_OVERHEAD;
                    self.resends
                        .resent(now, key(id, index), bytes, counts.then_some(sequence));
                    return Some(self.left(now, id, counts, written, true));
                }
                None => {
                    let refused = &mut stream.stats.resends_refused;
                    *refused = refused.wrapping_add(1);
                    self.resends.forget(wanted);
                }
            }
        }
        None
    }

    /// Accounts for a packet that leaves.
    fn left(
        &mut self,
        now: Instant,
        stream: StreamId,
        counts_transport: bool,
        written: Written,
        resend: bool,
    ) -> Outgoing {
        self.pacer.sent(now, written.len + PACKET_OVERHEAD);
        if counts_transport {
            self.sent.push(now, written.len);
        }
        if self.report_at.is_none() {
            self.report_at = Some(now);
        }
        Outgoing {
            len: written.len,
            header_len: written.header_len,
            ssrc: written.ssrc,
            index: written.index,
            stream,
            resend,
            plain_resend: written.plain_resend,
        }
    }

    /// Sets the pace for the frame that begins.
    ///
    /// As long as the link has not shown its limit: 2.5 times the target or the encoder's rate,
    /// or what the frame needs to be out within [`SPREAD`]. Then: 2.5 times the target for what
    /// that carries within 200 ms; for a larger backlog the target alone, since what leaves faster
    /// would only wait in the network's queue in place of ours; and half the target while such a
    /// queue is to be emptied.
    fn set_pace(&mut self, rings: &[Ring], load: Load) {
        let (mut backlog, mut frame, mut encoder) = (0_u64, 0_u64, 0_u64);
        for stream in self.streams.iter().filter(|stream| !stream.is_audio()) {
            if let Some(ring) = rings.get(stream.track) {
                let (bytes, len) = stream.backlog(ring);
                backlog += u64::from(bytes);
                frame += u64::from(len);
                encoder += u64::from(ring.bitrate());
            }
        }
        // Nine bits a byte: headers and what lies below them.
        let target = u64::from(load.target);
        let bps = if !load.congested {
            let spread = frame * 9 * 1_000 / SPREAD.as_millis() as u64;
            (target.max(encoder) * 5 / 2).max(spread)
        } else if self.estimate.must_drain() {
            target / 2
        } else if backlog * 9 * 5 <= target {
            target * 5 / 2
        } else {
            target
        };
        self.pacer.set_rate(u32::try_from(bps).unwrap_or(u32::MAX));
    }

    /// The estimate may have moved.
    fn retarget(&mut self) {
        let target = self.estimate.target();
        // T26: resends get half of it, which repairs every loss up to a third.
        self.resends.set_rate(target / 2);
        self.pacer.set_target(target);
        if target.abs_diff(self.announced) > self.announced / 20 {
            self.announced = target;
            self.announce = true;
        }
    }

    /// What the sender wants of its owner.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.announce {
            self.announce = false;
            return Some(Event::TargetBitrate {
                bps: self.announced,
            });
        }
        let stream = self.streams.iter_mut().find(|stream| stream.key_needed)?;
        stream.key_needed = false;
        Some(Event::KeyFrameNeeded {
            track: stream.track,
        })
    }

    /// Does nothing: all that time brings about is done by the `poll` methods. Here so that every
    /// engine has the same verbs.
    pub const fn handle_timeout(&mut self, _now: Instant) {}

    /// When `poll_packet` or `poll_rtcp` next has something to do; an instant that is past means
    /// now.
    #[must_use]
    pub fn poll_timeout(&self, rings: &[Ring]) -> Option<(Instant, Reason)> {
        let mut due: Due = self.report_at.map(|at| (at, Reason::Report));
        let free = self.pacer.due();
        if let Some(at) = self.resends.due() {
            due = earlier(due, Some((at.max(free), Reason::Resend)));
        }
        for stream in &self.streams {
            if let Some(ring) = rings.get(stream.track) {
                let free = if stream.is_audio() {
                    Instant::ZERO
                } else {
                    free
                };
                due = earlier(due, stream.due(ring, free));
            }
        }
        due
    }

    /// What the link is thought to carry, bit/s.
    #[must_use]
    pub const fn target_bitrate(&self) -> u32 {
        self.estimate.target()
    }

    /// Counters of one stream.
    #[must_use]
    pub fn stream_stats(&self, id: StreamId) -> Option<&StreamStats> {
        let stream = self.streams.iter().find(|stream| stream.id == id)?;
        Some(&stream.stats)
    }

    /// Counters of the whole viewer.
    #[must_use]
    pub const fn stats(&self) -> SenderStats {
        SenderStats {
            target_bitrate: self.estimate.target(),
            round_trip_time: self.rtt,
            feedback_count: self.feedback_count,
            unmatched_rtcp: self.unmatched_rtcp,
        }
    }
}
