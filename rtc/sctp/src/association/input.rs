//! Packets from the peer.

use smolrtc_base::{Instant, Reader};

use super::{Ack, Association, MAX_HEARTBEAT, Notice, handshake::State, ppid};
use crate::{
    CloseReason, DropReason, MessageKind,
    channel::Opening,
    chunk::{Chunk, Data, ForwardTsn, HEADER_LEN, Packet, Sack, flag, kind},
    inbound::{Complete, Refusal},
};

/// Duplicate TSNs reported in one SACK.
const MAX_DUPLICATES: usize = 4;

impl Association {
    /// Takes one SCTP packet: the content of one DTLS record. What is wrong with it is counted in
    /// [`drops`](Self::drops).
    pub fn handle_input(&mut self, now: Instant, packet: &[u8]) {
        if let Err(reason) = self.read_packet(now, packet) {
            self.drops.count(reason);
        }
    }

    fn read_packet(&mut self, now: Instant, bytes: &[u8]) -> Result<(), DropReason> {
        let packet = Packet::parse(bytes).map_err(|_| DropReason::Malformed)?;
        if !packet.intact {
            return Err(DropReason::BadChecksum);
        }
        if packet.destination != self.local_port || packet.source != self.remote_port {
            return Err(DropReason::WrongPort);
        }
        let mut chunks = packet.chunks();
        let first = chunks
            .next()
            .ok_or(DropReason::Malformed)?
            .map_err(|_| DropReason::Malformed)?;
        self.check_tag(packet.tag, &first, bytes.len())?;
        self.stats.packets_received += 1;
        self.stats.bytes_received += bytes.len() as u64;
        self.rest_heartbeat(now);

        let mut seen_data = false;
        let mut next = Some(Ok(first));
        while let Some(chunk) = next {
            // What came before a bad chunk counts; what comes after it is not read.
            let Ok(chunk) = chunk else {
                self.drops.count(DropReason::Malformed);
                break;
            };
            if chunk.kind == kind::DATA {
                match self.handle_data(&chunk) {
                    Ok(acknowledge) => seen_data |= acknowledge,
                    Err(reason) => self.drops.count(reason),
                }
            } else if !self.handle_chunk(now, &chunk) {
                break;
            }
            if self.is_closed() {
                return Ok(());
            }
            next = chunks.next();
        }
        if seen_data {
            self.schedule_ack(now);
        }
        self.deliver_ready();
        self.resets_progress();
        self.report_low();
        self.advance_shutdown(now);
        Ok(())
    }

    /// The verification tag rules of RFC 9260 section 8.5.
    fn check_tag(&self, tag: u32, first: &Chunk<'_>, len: usize) -> Result<(), DropReason> {
        let reflected = first.flags & flag::REFLECTED != 0;
        let good = match first.kind {
            // INIT travels alone, with tag 0.
            kind::INIT => {
                let alone = HEADER_LEN + 4 + first.value.len();
                tag == 0 && len <= alone.next_multiple_of(4)
            }
            kind::ABORT | kind::SHUTDOWN_COMPLETE if reflected => {
                tag == self.peer_tag && self.peer_tag != 0
            }
            _ => tag == self.tag,
        };
        if good {
            Ok(())
        } else {
            Err(DropReason::WrongTag)
        }
    }

    /// Whether the state allows data to be taken.
    const fn may_receive_data(&self) -> bool {
        matches!(
            self.state,
            State::Established | State::ShutdownPending | State::ShutdownSent
        )
    }

    /// `false` ends the reading of the packet.
    fn handle_chunk(&mut self, now: Instant, chunk: &Chunk<'_>) -> bool {
        let value = chunk.value;
        match chunk.kind {
            kind::INIT => self.handle_init(now, value),
            kind::INIT_ACK => self.handle_init_ack(now, value),
            kind::COOKIE_ECHO => return self.handle_cookie_echo(now, value),
            kind::COOKIE_ACK => self.handle_cookie_ack(now),
            kind::ABORT => {
                let cause = Reader::new(value).u16().unwrap_or(0);
                self.end(CloseReason::RemoteAbort { cause });
            }
            kind::ERROR => {}
            kind::SHUTDOWN_ACK => self.handle_shutdown_ack(),
            kind::SHUTDOWN_COMPLETE => self.handle_shutdown_complete(),
            _ if !self.is_established() => self.drops.count(DropReason::UnexpectedChunk),
            kind::SACK => match Sack::parse(value) {
                Ok(sack) => {
                    if !self.outbound.acknowledge(now, &sack, &mut self.rto) {
                        self.drops.count(DropReason::StaleSack);
                    }
                }
                Err(_) => self.drops.count(DropReason::Malformed),
            },
            kind::HEARTBEAT if value.len() <= MAX_HEARTBEAT => {
                // Long ones alone make the buffer grow: what we and usrsctp send fits.
                self.replies.heartbeat.clear();
                self.replies.heartbeat.extend_from_slice(value);
                self.replies.heartbeat_ack = true;
            }
            kind::HEARTBEAT => self.drops.count(DropReason::BadHeartbeat),
            kind::HEARTBEAT_ACK => self.handle_heartbeat_ack(now, value),
            kind::SHUTDOWN => {
                if let Ok(cumulative) = Reader::new(value).u32() {
                    self.outbound
                        .acknowledge_all(now, cumulative, &mut self.rto);
                }
                self.handle_shutdown(now);
            }
            kind::FORWARD_TSN => match ForwardTsn::parse(value) {
                Ok(forward) => {
                    if let Err(reason) = self.inbound.forward(&forward) {
                        self.drops.count(reason);
                    }
                    // Section 3.6 of RFC 3758: the answer is a SACK, old or new.
                    self.ack = Ack::Now;
                }
                Err(_) => self.drops.count(DropReason::Malformed),
            },
            kind::RE_CONFIG => self.handle_reconfig(now, value),
            unknown => {
                self.drops.count(DropReason::UnknownChunk);
                // The upper bit tells whether the chunks behind it still count (section 3.2).
                return unknown & 0x80 != 0;
            }
        }
        true
    }

    /// `true` when the chunk is to be acknowledged.
    fn handle_data(&mut self, chunk: &Chunk<'_>) -> Result<bool, DropReason> {
        if !self.may_receive_data() {
            return Err(DropReason::UnexpectedChunk);
        }
        let data = Data::parse(chunk).map_err(|_| DropReason::Malformed)?;
        let hole = self.inbound.has_gaps();
        match self.inbound.receive(&data) {
            Ok(()) => {}
            Err(Refusal::TooLarge) => {
                self.end_with_abort(CloseReason::ProtocolViolation);
                return Ok(false);
            }
            Err(Refusal::Drop(reason)) => {
                self.drops.count(reason);
                if reason == DropReason::BadData {
                    return Ok(false);
                }
                if reason == DropReason::DuplicateTsn && self.duplicates.len() < MAX_DUPLICATES {
                    self.duplicates.push(data.tsn);
                }
                // The peer repeats itself: our SACK was lost, or the window is closed.
                self.ack = Ack::Now;
                return Ok(true);
            }
        }
        // Section 6.7: a gap is reported at once, and so is its end.
        let urgent = hole || self.inbound.has_gaps() || chunk.flags & flag::IMMEDIATE != 0;
        if urgent || self.state == State::ShutdownSent {
            self.ack = Ack::Now;
        }
        Ok(true)
    }

    /// Every second packet is acknowledged at once, the other after a delay (section 6.2).
    fn schedule_ack(&mut self, now: Instant) {
        self.unacked_packets += 1;
        if self.unacked_packets >= 2 {
            self.ack = Ack::Now;
        } else if self.ack == Ack::None {
            self.ack = Ack::Delayed(now + self.sack_delay);
        }
    }

    /// The window has opened: a peer that waits for it is told (section 6.2).
    pub(super) fn announce_window(&mut self) {
        let window = self.inbound.window();
        let small = self.announced_window < 2 * self.mtu;
        let opened = window >= (self.receive_window / 2).min(self.announced_window + 8 * self.mtu);
        if self.is_established() && small && opened && window > self.announced_window {
            self.ack = Ack::Now;
        }
    }

    fn deliver_ready(&mut self) {
        for message in self.inbound.take_ready() {
            self.deliver(message);
            if self.is_closed() {
                return;
            }
        }
    }

    fn deliver(&mut self, message: Complete) {
        let Complete {
            stream,
            ppid,
            mut data,
        } = message;
        let charge = data.len();
        if ppid == ppid::DCEP {
            self.inbound.release(charge);
            self.handle_dcep(stream, &data);
            return;
        }
        let kind = match ppid {
            ppid::STRING | ppid::STRING_PARTIAL => MessageKind::Text,
            ppid::BINARY | ppid::BINARY_PARTIAL => MessageKind::Binary,
            // The one byte that SCTP needs is no content (RFC 8831 section 6.6).
            ppid::STRING_EMPTY => {
                data.clear();
                MessageKind::Text
            }
            ppid::BINARY_EMPTY => {
                data.clear();
                MessageKind::Binary
            }
            _ => {
                self.inbound.release(charge);
                self.drops.count(DropReason::UnknownPayload);
                return;
            }
        };
        let Some(at) = self.position(stream) else {
            self.inbound.release(charge);
            self.drops.count(DropReason::UnknownStream);
            return;
        };
        // Any message shows that the peer knows the channel (RFC 8832 section 6).
        self.confirm(at);
        let Some(channel) = self.channels.get_mut(at) else {
            return;
        };
        if channel.opening == Opening::Closing && channel.incoming_done {
            self.inbound.release(charge);
            self.drops.count(DropReason::UnknownStream);
            return;
        }
        channel.stats.messages_received += 1;
        channel.stats.bytes_received += data.len() as u64;
        self.notices.push_back(Notice::Message {
            id: stream,
            kind,
            data,
            charge,
        });
    }
}
