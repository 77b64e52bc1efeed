//! Stream reset: how a data channel is closed (RFC 6525, RFC 8831 section 6.7).

use alloc::vec::Vec;

use smolrtc_base::{BufferTooSmall, Instant, Reader, seq32_newer};

use super::{Association, MAX_RETRANSMITS, Timer};
use crate::{
    DropReason,
    channel::OutgoingReset,
    chunk::{OutgoingReset as Request, PacketWriter, Parameters, kind, parameter, write_parameter},
    rto::Rto,
};

/// Results of a request (RFC 6525 section 4.4).
mod result {
    pub(super) const NOTHING_TO_DO: u32 = 0;
    pub(super) const PERFORMED: u32 = 1;
    pub(super) const DENIED: u32 = 2;
    pub(super) const ALREADY_IN_PROGRESS: u32 = 4;
    pub(super) const BAD_SEQUENCE_NUMBER: u32 = 5;
    pub(super) const IN_PROGRESS: u32 = 6;
}

/// Streams in one request, at most; the others go into the next.
const MAX_STREAMS: usize = 64;

/// A request of ours that waits for its response.
#[derive(Debug)]
struct Asked {
    sequence: u32,
    last_tsn: u32,
    streams: Vec<u16>,
    timer: Timer,
    unsent: bool,
}

/// A request of the peer's that waits for data still on its way.
#[derive(Debug)]
struct Deferred {
    last_tsn: u32,
    streams: Vec<u16>,
}

#[derive(Debug)]
pub(super) struct Resets {
    next_sequence: u32,
    asked: Option<Asked>,
    peer_sequence: u32,
    peer_result: u32,
    deferred: Option<Deferred>,
    /// Sequence number and result to be sent.
    response: Option<(u32, u32)>,
}

impl Resets {
    pub(super) const fn new(initial_tsn: u32) -> Self {
        Self {
            next_sequence: initial_tsn,
            asked: None,
            peer_sequence: 0,
            peer_result: result::NOTHING_TO_DO,
            deferred: None,
            response: None,
        }
    }

    /// Request numbers start at the first TSN (RFC 6525 section 4.1).
    pub(super) const fn start(&mut self, peer_initial_tsn: u32) {
        self.peer_sequence = peer_initial_tsn;
    }

    #[cfg(test)]
    pub(super) const fn peer_sequence(&self) -> u32 {
        self.peer_sequence
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.timer.at)
    }

    /// Repeats the request; `false` once that was done often enough.
    pub(super) fn time_out(&mut self, now: Instant, rto: &Rto) -> bool {
        let Some(asked) = &mut self.asked else {
            return true;
        };
        asked.unsent = true;
        let tries = asked.timer.tries + 1;
        asked.timer = Timer {
            at: now + rto.timeout(),
            tries,
        };
        tries <= MAX_RETRANSMITS
    }
}

impl Association {
    pub(super) fn handle_reconfig(&mut self, now: Instant, value: &[u8]) {
        for entry in Parameters::new(value).take(2) {
            let Ok((kind, value)) = entry else {
                self.drops.count(DropReason::Malformed);
                return;
            };
            match kind {
                parameter::OUTGOING_RESET => match Request::parse(value) {
                    Ok(request) => self.handle_reset_request(&request),
                    Err(_) => self.drops.count(DropReason::BadReconfig),
                },
                parameter::RECONFIG_RESPONSE => self.handle_reset_response(now, value),
                parameter::INCOMING_RESET
                | parameter::TSN_RESET
                | parameter::ADD_OUTGOING
                | parameter::ADD_INCOMING => {
                    if let Ok(sequence) = Reader::new(value).u32()
                        && self.is_new_request(sequence)
                    {
                        self.finish_request(sequence, result::DENIED);
                    }
                }
                _ => self.drops.count(DropReason::BadReconfig),
            }
        }
    }

    /// Whether `sequence` is the next request. A repeated one gets its answer again and has no
    /// other effect, so that it can never reset a stream that was opened anew since.
    fn is_new_request(&mut self, sequence: u32) -> bool {
        if sequence == self.resets.peer_sequence {
            return true;
        }
        let repeated = sequence == self.resets.peer_sequence.wrapping_sub(1);
        let result = if repeated {
            self.resets.peer_result
        } else {
            result::BAD_SEQUENCE_NUMBER
        };
        self.resets.response = Some((sequence, result));
        self.drops.count(DropReason::BadReconfig);
        false
    }

    fn finish_request(&mut self, sequence: u32, result: u32) {
        self.resets.peer_sequence = sequence.wrapping_add(1);
        self.resets.peer_result = result;
        self.resets.response = Some((sequence, result));
    }

    fn handle_reset_request(&mut self, request: &Request<'_>) {
        if !self.is_new_request(request.request) {
            return;
        }
        if self.resets.deferred.is_some() {
            self.resets.response = Some((request.request, result::ALREADY_IN_PROGRESS));
            return;
        }
        let mut streams: Vec<u16> = request.streams().collect();
        if streams.is_empty() {
            streams.extend(self.channels.iter().map(|channel| channel.id));
        }
        if seq32_newer(request.last_tsn, self.inbound.cumulative()) {
            // Data sent before the reset is still under way (RFC 6525 section 5.2.2, E2).
            self.resets.deferred = Some(Deferred {
                last_tsn: request.last_tsn,
                streams,
            });
            self.finish_request(request.request, result::IN_PROGRESS);
            return;
        }
        self.reset_incoming(&streams);
        self.finish_request(request.request, result::PERFORMED);
    }

    /// Performs a deferred reset once the data before it has arrived.
    pub(super) fn resets_progress(&mut self) {
        let cumulative = self.inbound.cumulative();
        if let Some(deferred) = self
            .resets
            .deferred
            .take_if(|d| !seq32_newer(d.last_tsn, cumulative))
        {
            self.reset_incoming(&deferred.streams);
            let sequence = self.resets.peer_sequence.wrapping_sub(1);
            self.finish_request(sequence, result::PERFORMED);
        }
        self.ask_for_resets();
    }

    fn reset_incoming(&mut self, streams: &[u16]) {
        for &stream in streams {
            self.inbound.reset_stream(stream);
            if let Some(at) = self.position(stream) {
                if let Some(channel) = self.channels.get_mut(at) {
                    channel.incoming_done = true;
                }
                self.start_closing(at);
                self.finish_closing(stream);
            }
        }
    }

    /// Marks the streams whose last message has its TSN as part of a new request.
    pub(super) fn ask_for_resets(&mut self) {
        if self.resets.asked.is_some() || !self.may_send_data() {
            return;
        }
        let mut streams = Vec::new();
        for channel in &mut self.channels {
            let idle = channel.queue.is_empty() && !self.outbound.is_sending(channel.id);
            if channel.outgoing == OutgoingReset::Wanted && idle && streams.len() < MAX_STREAMS {
                channel.outgoing = if self.peer_reconfig {
                    OutgoingReset::Requested
                } else {
                    // A peer that cannot reset streams: the channel is closed on our side only.
                    channel.incoming_done = true;
                    OutgoingReset::Done
                };
                streams.push(channel.id);
            }
        }
        if streams.is_empty() {
            return;
        }
        if !self.peer_reconfig {
            for stream in streams {
                self.finish_closing(stream);
            }
            return;
        }
        self.resets.asked = Some(Asked {
            sequence: self.resets.next_sequence,
            last_tsn: self.outbound.next_tsn().wrapping_sub(1),
            streams,
            // Armed when it is first sent.
            timer: Timer {
                at: Instant::FAR_FUTURE,
                tries: 0,
            },
            unsent: true,
        });
        self.resets.next_sequence = self.resets.next_sequence.wrapping_add(1);
    }

    fn handle_reset_response(&mut self, now: Instant, value: &[u8]) {
        let mut reader = Reader::new(value);
        let (Ok(sequence), Ok(outcome)) = (reader.u32(), reader.u32()) else {
            self.drops.count(DropReason::BadReconfig);
            return;
        };
        let Some(asked) = self
            .resets
            .asked
            .take_if(|asked| asked.sequence == sequence)
        else {
            self.drops.count(DropReason::BadReconfig);
            return;
        };
        if matches!(outcome, result::IN_PROGRESS | result::ALREADY_IN_PROGRESS) {
            // Asked again later, without counting an error (RFC 6525 section 5.2.7).
            let timer = Timer {
                at: now + self.rto.timeout(),
                tries: 0,
            };
            self.resets.asked = Some(Asked { timer, ..asked });
            return;
        }
        // A refusal leaves nothing to wait for either: the channel is closed as far as we can.
        for stream in asked.streams {
            self.outgoing_done(stream);
        }
        self.ask_for_resets();
    }

    /// Our direction of `stream` starts anew.
    pub(super) fn outgoing_done(&mut self, stream: u16) {
        if let Some(at) = self.position(stream)
            && let Some(channel) = self.channels.get_mut(at)
            && channel.outgoing == OutgoingReset::Requested
        {
            channel.outgoing = OutgoingReset::Done;
            self.finish_closing(stream);
        }
    }

    pub(super) fn write_reconfig(
        &mut self,
        now: Instant,
        packet: &mut PacketWriter<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.ask_for_resets();
        if let Some((sequence, result)) = self.resets.response.take() {
            packet.chunk(kind::RE_CONFIG, 0, |w| {
                let mut value = [0; 8];
                value[..4].copy_from_slice(&sequence.to_be_bytes());
                value[4..].copy_from_slice(&result.to_be_bytes());
                write_parameter(w, parameter::RECONFIG_RESPONSE, &value)
            })?;
        }
        let Some(asked) = self.resets.asked.as_mut().filter(|asked| asked.unsent) else {
            return Ok(());
        };
        // What follows may take another 40 bytes.
        if packet.room() < 16 + 2 * asked.streams.len() + 40 {
            return Ok(());
        }
        asked.unsent = false;
        if asked.timer.at == Instant::FAR_FUTURE {
            asked.timer.at = now + self.rto.timeout();
        }
        let response = self.resets.peer_sequence.wrapping_sub(1);
        packet.chunk(kind::RE_CONFIG, 0, |w| {
            w.u16(parameter::OUTGOING_RESET)?;
            w.u16((16 + 2 * asked.streams.len()) as u16)?;
            w.u32(asked.sequence)?;
            w.u32(response)?;
            w.u32(asked.last_tsn)?;
            asked.streams.iter().try_for_each(|stream| w.u16(*stream))
        })
    }
}
