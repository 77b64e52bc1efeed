//! Packets to the peer.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smolrtc_base::{BufferTooSmall, Instant};

use super::{Ack, Association, handshake::State, ppid};
use crate::{
    chunk::{PacketWriter, kind, parameter, write_parameter},
    cookie::COOKIE_LEN,
};

/// User-Initiated Abort (RFC 9260 section 3.3.10.12).
const CAUSE_USER_ABORT: u16 = 12;

/// HEARTBEAT (16 bytes), a RE-CONFIG response (16), SHUTDOWN (8), SHUTDOWN ACK (4), and a
/// FORWARD-TSN of one stream (12), with some to spare.
const LONGEST_SHORT_CHUNKS: usize = 80;

/// Control chunks that wait for the next packet, one of each kind at most.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) init: bool,
    /// The peer's tag, our cookie, and parameters reported as unrecognized.
    pub(super) init_ack: Option<(u32, [u8; COOKIE_LEN], Box<[u8]>)>,
    pub(super) cookie: Box<[u8]>,
    pub(super) cookie_echo: bool,
    pub(super) cookie_ack: bool,
    pub(super) heartbeat_ack: bool,
    /// Contents of the newest HEARTBEAT.
    pub(super) heartbeat: Vec<u8>,
    pub(super) shutdown: bool,
    pub(super) shutdown_ack: bool,
    pub(super) shutdown_complete: bool,
    pub(super) abort: bool,
}

impl Association {
    /// Writes the next SCTP packet into `buf` and returns its length; `None` when there is
    /// nothing to send now, or `buf` is shorter than [`Config::mtu`](crate::Config).
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        if buf.len() < self.mtu {
            return None;
        }
        let len = match self.write_alone(buf) {
            Some(len) => Some(len),
            None => self.write_bundle(now, buf),
        }?;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += len as u64;
        Some(len)
    }

    fn packet<'b>(&self, buf: &'b mut [u8], tag: u32) -> Option<PacketWriter<'b>> {
        PacketWriter::new(buf, self.mtu, self.local_port, self.remote_port, tag)
    }

    /// Chunks that share their packet with no other.
    fn write_alone(&mut self, buf: &mut [u8]) -> Option<usize> {
        if self.replies.abort {
            let mut packet = self.packet(buf, self.peer_tag)?;
            packet
                .chunk(kind::ABORT, 0, |w| {
                    write_parameter(w, CAUSE_USER_ABORT, &[])
                })
                .ok()?;
            self.replies.abort = false;
            return Some(packet.finish());
        }
        if self.replies.shutdown_complete {
            let mut packet = self.packet(buf, self.peer_tag)?;
            packet.chunk(kind::SHUTDOWN_COMPLETE, 0, |_| Ok(())).ok()?;
            self.replies.shutdown_complete = false;
            return Some(packet.finish());
        }
        if self.is_closed() {
            return None;
        }
        if let Some((tag, cookie, report)) = &self.replies.init_ack {
            let mut init = self.own_init();
            init.cookie = Some(cookie);
            let mut packet = self.packet(buf, *tag)?;
            packet
                .chunk(kind::INIT_ACK, 0, |w| {
                    init.emit(w)?;
                    if report.is_empty() {
                        return Ok(());
                    }
                    w.zeros(w.len().wrapping_neg() & 3)?;
                    w.put(report)
                })
                .ok()?;
            self.replies.init_ack = None;
            return Some(packet.finish());
        }
        if self.replies.init {
            let init = self.own_init();
            let mut packet = self.packet(buf, 0)?;
            packet.chunk(kind::INIT, 0, |w| init.emit(w)).ok()?;
            self.replies.init = false;
            return Some(packet.finish());
        }
        None
    }

    /// Whether DATA may be sent, but for what rides with a COOKIE ECHO.
    pub(super) const fn may_send_data(&self) -> bool {
        matches!(
            self.state,
            State::Established | State::ShutdownPending | State::ShutdownReceived
        )
    }

    /// Control chunks, then DATA, as much as fits (RFC 9260 section 6.10).
    fn write_bundle(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let echoing = self.state == State::CookieEchoed && self.replies.cookie_echo;
        if !echoing && !self.is_established() {
            return None;
        }
        let mut packet = self.packet(buf, self.peer_tag)?;
        self.write_control(now, echoing, &mut packet).ok()?;
        if self.may_send_data() || echoing {
            self.write_data(now, &mut packet);
        }
        if packet.is_empty() {
            return None;
        }
        Some(packet.finish())
    }

    fn write_control(
        &mut self,
        now: Instant,
        echoing: bool,
        packet: &mut PacketWriter<'_>,
    ) -> Result<(), BufferTooSmall> {
        if echoing {
            packet.chunk(kind::COOKIE_ECHO, 0, |w| w.put(&self.replies.cookie))?;
            self.replies.cookie_echo = false;
            return Ok(());
        }
        if core::mem::take(&mut self.replies.cookie_ack) {
            packet.chunk(kind::COOKIE_ACK, 0, |_| Ok(()))?;
        }
        let with_data = self.ack != Ack::None && self.has_data_to_send();
        if self.ack == Ack::Now || with_data {
            self.write_sack(packet)?;
        }
        if self.replies.heartbeat_ack && self.replies.heartbeat.len() <= packet.room() {
            self.replies.heartbeat_ack = false;
            packet.chunk(kind::HEARTBEAT_ACK, 0, |w| w.put(&self.replies.heartbeat))?;
        }
        // The chunks below are short or cut to the room that is left. Without room for the
        // longest of them they wait for the next packet.
        if packet.room() < LONGEST_SHORT_CHUNKS {
            return Ok(());
        }
        if core::mem::take(&mut self.heartbeat.unsent)
            && let Some((nonce, _)) = self.heartbeat.asked
        {
            packet.chunk(kind::HEARTBEAT, 0, |w| {
                write_parameter(w, parameter::HEARTBEAT_INFO, &nonce.to_be_bytes())
            })?;
        }
        self.write_reconfig(now, packet)?;
        if self.outbound.forward_due() && self.outbound.forward_tsn {
            self.outbound.write_forward(now, &self.rto, packet)?;
        }
        if core::mem::take(&mut self.replies.shutdown) {
            let cumulative = self.inbound.cumulative();
            packet.chunk(kind::SHUTDOWN, 0, |w| w.u32(cumulative))?;
        }
        if core::mem::take(&mut self.replies.shutdown_ack) {
            packet.chunk(kind::SHUTDOWN_ACK, 0, |_| Ok(()))?;
        }
        Ok(())
    }

    fn write_sack(&mut self, packet: &mut PacketWriter<'_>) -> Result<(), BufferTooSmall> {
        let window = self.inbound.window();
        let cumulative = self.inbound.cumulative();
        // Blocks take at most half of the packet: the nearest gaps matter most.
        let room = (packet.room() / 2).saturating_sub(12 + 4 * self.duplicates.len()) / 4;
        let blocks = self.inbound.gap_blocks();
        let count = blocks.len().min(room);
        let duplicates = &self.duplicates;
        packet.chunk(kind::SACK, 0, |w| {
            w.u32(cumulative)?;
            w.u32(window as u32)?;
            w.u16(count as u16)?;
            w.u16(duplicates.len() as u16)?;
            for (first, last) in blocks.take(count) {
                w.u16(first)?;
                w.u16(last)?;
            }
            duplicates.iter().try_for_each(|tsn| w.u32(*tsn))
        })?;
        self.announced_window = window;
        if !self.duplicates.is_empty() {
            self.duplicates = Vec::new();
        }
        self.ack = Ack::None;
        self.unacked_packets = 0;
        Ok(())
    }

    fn has_data_to_send(&self) -> bool {
        self.outbound.has_lost()
            || (self.outbound.may_send_new()
                && (self.outbound.is_unfinished()
                    || self
                        .channels
                        .iter()
                        .any(|channel| !channel.queue.is_empty())))
    }

    fn write_data(&mut self, now: Instant, packet: &mut PacketWriter<'_>) {
        self.outbound.write_lost(now, &self.rto, packet);
        self.expire(now);
        while self.outbound.may_send_new() && !self.outbound.has_lost() {
            if !self.outbound.is_unfinished() && !self.begin_next(now) {
                break;
            }
            let Some((stream, ppid)) = self.outbound.unfinished() else {
                break;
            };
            let last_of_all = self.channels.iter().all(|channel| channel.queue.is_empty());
            let Some(len) = self.outbound.write_new(now, &self.rto, last_of_all, packet) else {
                break;
            };
            // DCEP messages were never counted as the application's.
            if ppid != ppid::DCEP {
                self.unbuffer(stream, len);
            }
        }
        self.report_low();
    }

    /// Gives up the message under way if its time is over.
    fn expire(&mut self, now: Instant) {
        if let Some((stream, _)) = self.outbound.unfinished() {
            let unsent = self.outbound.expire_unfinished(now);
            if unsent > 0 {
                self.unbuffer(stream, unsent);
            }
        }
    }

    /// Chooses the next message, one of each channel in turn.
    fn begin_next(&mut self, now: Instant) -> bool {
        let count = self.channels.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            let Some(channel) = self.channels.get_mut(at) else {
                continue;
            };
            let mut expired = 0;
            let mut begun = false;
            while let Some(message) = channel.pop() {
                // What expired before it was sent needs no FORWARD-TSN.
                if message.expires <= now {
                    expired += message.data.len();
                    self.stats.abandoned_messages += 1;
                    self.outbound.release(message.data.len());
                    continue;
                }
                let ssn = channel.next_ssn;
                if !message.unordered {
                    channel.next_ssn = ssn.wrapping_add(1);
                }
                self.outbound.begin(message, ssn);
                begun = true;
                break;
            }
            let id = channel.id;
            if expired > 0 {
                self.unbuffer(id, expired);
            }
            if begun {
                self.turn = at + 1;
                return true;
            }
        }
        false
    }
}
