//! What the viewer's RTCP does to the sender, and the sender's own reports.

use super::config::DEFAULT_RTT;
use super::resend::{Verdict, key};
use super::sent::News;
use super::{REPORT_INTERVAL, Sender};
use crate::Ssrc;
use crate::rtcp::{Compound, Nack, ReportBlock, Rtcp, SenderInfo, TransportFeedback};
use smolrtc_base::{BufferTooSmall, Duration, Instant, UnixTime, seq16_newer};

/// Feedback on packets that left this much more than a round trip ago tells of a queue.
const LONG_QUEUE: Duration = Duration::from_millis(300);

impl Sender {
    /// Takes one packet of a compound that SRTCP has opened ([`crate::rtcp::packets`]). What does
    /// not concern a sender is passed over. Work is bounded by the packet's length.
    pub fn handle_rtcp(&mut self, now: Instant, packet: &Rtcp<'_>) {
        match packet {
            Rtcp::ReceiverReport(report) => {
                report.blocks().for_each(|block| self.report(now, &block));
            }
            Rtcp::SenderReport(report) => {
                report.blocks().for_each(|block| self.report(now, &block));
            }
            Rtcp::Nack(nack) => self.nack(now, nack),
            Rtcp::Pli { media, .. } => {
                let rtt = self.rtt;
                if let Some(stream) = self.stream_by_ssrc(*media) {
                    stream.stats.pli_count = stream.stats.pli_count.wrapping_add(1);
                    stream.picture_lost(now, rtt);
                }
            }
            Rtcp::Fir(fir) => {
                let rtt = self.rtt;
                for entry in fir.entries() {
                    let Some(stream) = self.stream_by_ssrc(entry.ssrc) else {
                        continue;
                    };
                    // The same number again is the same request again (RFC 5104 section 4.3.1.1).
                    if stream.fir_sequence != Some(entry.sequence_number) {
                        stream.fir_sequence = Some(entry.sequence_number);
                        stream.stats.fir_count = stream.stats.fir_count.wrapping_add(1);
                        stream.picture_lost(now, rtt);
                    }
                }
            }
            Rtcp::Remb(remb) => {
                self.estimate.remb(now, remb.bitrate);
                self.retarget();
            }
            Rtcp::TransportFeedback(feedback) => self.transport_feedback(now, feedback),
            Rtcp::ReferenceTime { receiver, ntp } => {
                // The first is answered at once, so that the peer soon knows how long to wait
                // for a resend; the others with the next report.
                if self.reference.is_none() {
                    self.report_at = self.report_at.map(|_| now);
                }
                self.reference = Some((*receiver, (*ntp >> 16) as u32, now));
            }
            Rtcp::Sdes(_) | Rtcp::Bye(_) | Rtcp::Other { .. } => {}
        }
    }

    fn report(&mut self, now: Instant, block: &ReportBlock) {
        let echoed = self
            .reports
            .iter()
            .find(|(ntp, _)| *ntp == block.last_sr && *ntp != 0);
        let kept = u64::from(block.delay_since_last_sr) * 1_000_000 / 65_536;
        let rtt =
            echoed.and_then(|(_, sent)| now.since(*sent).checked_sub(Duration::from_micros(kept)));
        let Some(stream) = self.stream_by_ssrc(block.ssrc) else {
            return;
        };
        let stats = &mut stream.stats;
        stats.packets_lost = block.cumulative_lost;
        stats.fraction_lost = block.fraction_lost;
        stats.jitter = block.jitter;
        if let Some(rtt) = rtt {
            stats.round_trip_time = Some(rtt);
            stats.round_trip_time_measurements += 1;
        }
        let video = !stream.is_audio();
        if let Some(rtt) = rtt {
            self.set_rtt(rtt);
        }
        if video {
            self.estimate.receiver_report(now, block.fraction_lost);
            self.retarget();
        }
    }

    /// Tells a measured round trip, for instance one of ICE's checks. Smoothed.
    pub fn set_rtt(&mut self, sample: Duration) {
        let sample = sample.clamp(Duration::from_millis(1), Duration::from_secs(5));
        self.rtt = if self.rtt_known {
            (self.rtt * 7 + sample) / 8
        } else {
            sample
        };
        self.rtt_known = true;
    }

    fn nack(&mut self, now: Instant, nack: &Nack<'_>) {
        let rtt = if self.rtt_known {
            self.rtt
        } else {
            DEFAULT_RTT / 4
        };
        // Seven eighths: the request that follows a resend that was lost is a full round trip
        // behind it, less jitter.
        let spacing = rtt - rtt / 8;
        let Some(at) = self.position(nack.media) else {
            self.unmatched_rtcp = self.unmatched_rtcp.wrapping_add(1);
            return;
        };
        let Some(stream) = self.streams.get_mut(at) else {
            return;
        };
        stream.stats.nack_count = stream.stats.nack_count.wrapping_add(1);
        for sequence in nack.sequence_numbers() {
            let verdict = match stream.runs.index_of(sequence) {
                Some(index) if stream.can_resend() && stream.runs.packet_at(index).is_some() => {
                    self.resends.request(now, key(stream.id, index), spacing)
                }
                _ => Verdict::Full,
            };
            match verdict {
                Verdict::Queued | Verdict::Duplicate => {}
                Verdict::JustResent | Verdict::Full => {
                    let refused = &mut stream.stats.resends_refused;
                    *refused = refused.wrapping_add(1);
                }
            }
        }
    }

    fn transport_feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) {
        self.feedback_count = self.feedback_count.wrapping_add(1);
        let (mut news, mut forgotten) = (false, false);
        for arrival in feedback.arrivals() {
            let received = arrival.micros.is_some();
            match self.sent.report(now, arrival.sequence, received) {
                News::Arrived { sent, len } => {
                    let at = arrival.micros.unwrap_or(0);
                    self.estimate.arrived(sent, at, len);
                    news = true;
                }
                News::Lost => {
                    self.estimate.lost();
                    self.resends.renew(arrival.sequence);
                }
                News::Old => {}
                News::Forgotten => forgotten = true,
            }
        }
        if forgotten && !news && self.sent.span(now) > self.rtt + LONG_QUEUE {
            self.estimate.blind(now, self.rtt);
        }
        self.repair_openings(now, feedback.base_sequence);
        let drained = self.estimate.must_drain();
        self.estimate.feedback_complete(now, self.rtt);
        self.retarget();
        match (self.estimate.must_drain(), drained) {
            (true, _) => self.pacer.set_rate(self.estimate.target() / 2),
            (false, true) => self.pacer.set_rate(self.estimate.target()),
            (false, false) => {}
        }
    }

    /// Resends what was lost of a stream's first packets, see [`Opening`](super::stream::Opening).
    fn repair_openings(&mut self, now: Instant, reported_from: u16) {
        for stream in &mut self.streams {
            while let Some(opening) = &mut stream.opening {
                let sequence = opening.transport_sequence;
                // What feedback begins after has not arrived.
                let passed = seq16_newer(reported_from, sequence);
                match self.sent.arrived(sequence).or(passed.then_some(false)) {
                    None => break,
                    Some(false) if opening.left > 0 && opening.index < stream.runs.next_index() => {
                        let key = key(stream.id, opening.index);
                        self.resends.request(now, key, self.rtt);
                        opening.transport_sequence = sequence.wrapping_add(1);
                        opening.index += 1;
                        opening.left -= 1;
                    }
                    Some(_) => stream.opening = None,
                }
            }
        }
    }

    /// Writes the sender reports that are due, with source descriptions, into `buf` (1,200 bytes
    /// hold those of 16 streams) and returns their length. `unix` is `now` as wall time.
    pub fn poll_rtcp(&mut self, now: Instant, unix: UnixTime, buf: &mut [u8]) -> Option<usize> {
        if now < self.report_at? {
            return None;
        }
        let wait = REPORT_INTERVAL / 2 + REPORT_INTERVAL * self.rng.below(1_000) / 1_000;
        self.report_at = Some(now + wait);
        let mut compound = Compound::new(buf);
        let ntp = unix.to_ntp();
        for stream in &self.streams {
            let Some(rtp_timestamp) = stream.timestamp_at(now) else {
                continue;
            };
            let info = SenderInfo {
                ssrc: stream.ssrc,
                ntp,
                rtp_timestamp,
                packet_count: stream.packets,
                octet_count: stream.octets,
            };
            if compound.sender_report(&info, []).is_err()
                || compound.cname(stream.ssrc, &self.cname).is_err()
            {
                break;
            }
        }
        if let (Some((receiver, last, at)), Some(stream)) = (self.reference, self.streams.first())
            && !compound.is_empty()
        {
            let micros = now.since(at).as_micros() as u64;
            let delay = u32::try_from(micros * 65_536 / 1_000_000).unwrap_or(u32::MAX);
            // It fits behind the reports, or waits for a shorter one.
            let _ = compound.reference_time_answer(stream.ssrc, receiver, last, delay);
        }
        self.reports.rotate_right(1);
        if let Some(newest) = self.reports.first_mut() {
            *newest = ((ntp >> 16) as u32, now);
        }
        Some(compound.len()).filter(|len| *len > 0)
    }

    /// Writes a compound that says goodbye for every stream into `buf` and returns its length;
    /// `None` without streams.
    ///
    /// # Errors
    /// When `buf` is too short; 600 bytes always do.
    pub fn bye(&mut self, buf: &mut [u8]) -> Result<Option<usize>, BufferTooSmall> {
        let Some(first) = self.streams.first().map(|stream| stream.ssrc) else {
            return Ok(None);
        };
        let mut compound = Compound::new(buf);
        compound.receiver_report(first, [])?;
        compound.cname(first, &self.cname)?;
        // 31 sources fit a packet: 16 streams and their retransmission streams are one too many.
        let sources = |rtx: bool| {
            self.streams.iter().filter_map(move |stream| match rtx {
                false => Some(stream.ssrc),
                true => stream.rtx.as_ref().map(|rtx| rtx.ssrc),
            })
        };
        compound.bye(sources(false))?;
        if sources(true).next().is_some() {
            compound.bye(sources(true))?;
        }
        Ok(Some(compound.len()))
    }

    fn position(&self, ssrc: Ssrc) -> Option<usize> {
        self.streams.iter().position(|stream| stream.ssrc == ssrc)
    }

    fn stream_by_ssrc(&mut self, ssrc: Ssrc) -> Option<&mut super::stream::Stream> {
        match self.position(ssrc) {
            Some(at) => self.streams.get_mut(at),
            None => {
                let rtx = |stream: &super::stream::Stream| {
                    stream.rtx.as_ref().is_some_and(|rtx| rtx.ssrc == ssrc)
                };
                if !self.streams.iter().any(rtx) {
                    self.unmatched_rtcp = self.unmatched_rtcp.wrapping_add(1);
                }
                None
            }
        }
    }
}
