//! The sending half: fragments in flight, acknowledgements, retransmission, messages given up.
//!
//! A message's bytes lie in one buffer from [`send`](crate::Association::send) until the peer has
//! acknowledged them; a fragment in flight is an offset into it.

use alloc::{collections::VecDeque, vec::Vec};

use smolrtc_base::{BufferTooSmall, Instant, Writer, seq32_newer, seq32_sub};

use crate::{
    chunk::{DATA_HEADER_LEN, HEADER_LEN, PacketWriter, Sack, flag, kind},
    congestion::Congestion,
    rto::Rto,
};

/// What a message costs beside its bytes.
pub(crate) const OVERHEAD: usize = 64;
/// TSNs in flight at most; gap blocks could not report more than 65,535.
const MAX_OUTSTANDING: usize = 16_384;
/// Missing reports that make a chunk lost (RFC 9260 section 7.2.4).
const MISSING_REPORTS: u8 = 3;

/// A message as the application handed it in.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) data: Vec<u8>,
    pub(crate) stream: u16,
    pub(crate) ppid: u32,
    pub(crate) unordered: bool,
    /// `None` never gives up.
    pub(crate) max_retransmits: Option<u16>,
    /// When it loses its worth; [`Instant::FAR_FUTURE`] for never.
    pub(crate) expires: Instant,
}

/// A message of which a fragment has been sent.
#[derive(Debug)]
struct Sending {
    message: Message,
    ssn: u16,
    /// Bytes that have a TSN.
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InFlight,
    /// Acknowledged in a gap block; the peer may still take it back.
    Acked,
    Lost,
    Abandoned,
}

/// A TSN.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    /// Counts messages from the start of the association.
    message: u32,
    offset: u32,
    len: u16,
    transmits: u16,
    flags: u8,
    misses: u8,
    state: State,
}

#[derive(Debug)]
pub(crate) struct Outbound {
    /// TSN of the first fragment, or the next to be used.
    first_tsn: u32,
    fragments: VecDeque<Fragment>,
    /// Number of the first of `messages`.
    first_message: u32,
    messages: VecDeque<Sending>,
    /// Whether the last of `messages` has bytes without a TSN.
    unfinished: bool,
    in_flight: usize,
    lost: usize,
    gap_acked: usize,
    /// Bytes held, overhead included.
    held: usize,
    peer_window: usize,
    /// The TSN whose round trip is being measured, and when it was sent.
    probe: Option<(u32, Instant)>,
    t3: Option<Instant>,
    /// T3 expirations in a row.
    pub(crate) errors: u32,
    /// FORWARD-TSN is to be sent up to here.
    forward_due: bool,
    advanced: u32,
    fast: bool,
    pub(crate) congestion: Congestion,
    payload: usize,
    pub(crate) forward_tsn: bool,
    pub(crate) retransmitted: u64,
    pub(crate) abandoned: u64,
}

impl Outbound {
    pub(crate) fn new(initial_tsn: u32, mtu: usize) -> Self {
        let payload = (mtu - HEADER_LEN - DATA_HEADER_LEN) & !3;
        Self {
            first_tsn: initial_tsn,
            fragments: VecDeque::new(),
            first_message: 0,
            messages: VecDeque::new(),
            unfinished: false,
            in_flight: 0,
            lost: 0,
            gap_acked: 0,
            held: 0,
            peer_window: 0,
            probe: None,
            t3: None,
            errors: 0,
            forward_due: false,
            advanced: initial_tsn.wrapping_sub(1),
            fast: false,
            congestion: Congestion::new(payload),
            payload,
            forward_tsn: false,
            retransmitted: 0,
            abandoned: 0,
        }
    }

    pub(crate) fn start(&mut self, peer_window: u32, forward_tsn: bool) {
        self.peer_window = peer_window as usize;
        self.forward_tsn = forward_tsn;
        self.congestion.set_threshold(self.peer_window);
    }

    /// The TSN that the next new fragment gets.
    pub(crate) fn next_tsn(&self) -> u32 {
        self.first_tsn.wrapping_add(self.fragments.len() as u32)
    }

    /// Everything sent is acknowledged or given up and the peer knows.
    pub(crate) fn is_drained(&self) -> bool {
        self.fragments.is_empty() && !self.unfinished
    }

    pub(crate) const fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Whether a fragment of `stream` is still without a TSN.
    pub(crate) fn is_sending(&self, stream: u16) -> bool {
        self.unfinished
            && self
                .messages
                .back()
                .is_some_and(|m| m.message.stream == stream)
    }

    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    pub(crate) const fn hold(&mut self, len: usize) {
        self.held = self.held.saturating_add(len + OVERHEAD);
    }

    pub(crate) const fn release(&mut self, len: usize) {
        self.held = self.held.saturating_sub(len + OVERHEAD);
    }

    pub(crate) const fn window(&self) -> usize {
        self.peer_window.saturating_sub(self.in_flight)
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.fragments.len()
    }

    pub(crate) const fn t3(&self) -> Option<Instant> {
        self.t3
    }

    pub(crate) const fn has_lost(&self) -> bool {
        self.lost > 0
    }

    pub(crate) const fn forward_due(&self) -> bool {
        self.forward_due
    }

    /// Whether a new fragment may leave now.
    pub(crate) fn may_send_new(&self) -> bool {
        self.fragments.len() < MAX_OUTSTANDING
            && self.in_flight < self.congestion.window()
            // A closed window is probed with one fragment (section 6.1, rule A).
            && (self.window() >= self.payload || self.in_flight == 0)
    }

    /// Takes the next message; the one before must be finished.
    pub(crate) fn begin(&mut self, message: Message, ssn: u16) {
        self.messages.push_back(Sending {
            message,
            ssn,
            sent: 0,
        });
        self.unfinished = true;
    }

    fn message(&mut self, number: u32) -> Option<&mut Sending> {
        self.messages
            .get_mut(number.wrapping_sub(self.first_message) as usize)
    }

    /// Writes lost fragments into `packet` as far as they fit.
    pub(crate) fn write_lost(&mut self, now: Instant, rto: &Rto, packet: &mut PacketWriter<'_>) {
        if self.lost == 0 || !(self.fast || self.in_flight < self.congestion.window()) {
            return;
        }
        let mut at = 0;
        while self.lost > 0
            && let Some(&fragment) = self.fragments.get(at)
        {
            if fragment.state != State::Lost {
                at += 1;
                continue;
            }
            if self.give_up_if_spent(now, at) {
                continue;
            }
            if packet.room() < DATA_HEADER_LEN - 4 + usize::from(fragment.len) {
                break;
            }
            if !self.write(packet, at) {
                break;
            }
            let len = usize::from(fragment.len);
            let tsn = self.first_tsn.wrapping_add(at as u32);
            // Karn's rule: a round trip of a TSN sent twice means nothing.
            if self.probe.is_some_and(|(probe, _)| probe == tsn) {
                self.probe = None;
            }
            if let Some(fragment) = self.fragments.get_mut(at) {
                fragment.state = State::InFlight;
                fragment.transmits = fragment.transmits.saturating_add(1);
            }
            self.in_flight += len;
            self.lost -= 1;
            self.retransmitted += 1;
            // The timer restarts when the earliest TSN is sent again (section 6.3.2, rule R4 and
            // section 7.2.4, step 4).
            if at == 0 || self.t3.is_none() {
                self.t3 = Some(now + rto.timeout());
            }
            at += 1;
        }
        // One packet of fast retransmissions passes the congestion window (section 7.2.4).
        self.fast = false;
        if self.forward_due {
            self.advance();
        }
    }

    /// Writes the next fragment of the unfinished message; `None` if there is none or no room,
    /// else its payload length.
    pub(crate) fn write_new(
        &mut self,
        now: Instant,
        rto: &Rto,
        last_of_all: bool,
        packet: &mut PacketWriter<'_>,
    ) -> Option<usize> {
        if !self.unfinished {
            return None;
        }
        let number = self
            .first_message
            .wrapping_add(self.messages.len() as u32)
            .wrapping_sub(1);
        let payload = self.payload;
        let sending = self.messages.back_mut()?;
        let rest = sending.message.data.len() - sending.sent;
        let room = packet.room().checked_sub(DATA_HEADER_LEN - 4)?;
        // What is too long for the rest of this packet goes into one of its own, unless it must
        // be cut anyway.
        let len = rest.min(payload);
        let len = if len <= room {
            len
        } else if rest > payload && room >= payload / 2 {
            room & !3
        } else {
            return None;
        };
        let mut flags = 0;
        if sending.sent == 0 {
            flags |= flag::BEGIN;
        }
        if len == rest {
            flags |= flag::END;
        }
        if sending.message.unordered {
            flags |= flag::UNORDERED;
        }
        let fragment = Fragment {
            message: number,
            offset: sending.sent as u32,
            len: len as u16,
            transmits: 1,
            flags,
            misses: 0,
            state: State::InFlight,
        };
        sending.sent += len;
        self.unfinished = len < rest;
        let idle = self.in_flight == 0;
        self.congestion.sending(now, idle, rto.timeout());
        let tsn = self.next_tsn();
        self.in_flight += len;
        let mut fragment = fragment;
        // Ask for the SACK at once when nothing more can leave before it (RFC 7053 section 5.1).
        if (!last_of_all || self.unfinished) && !self.may_send_new() {
            fragment.flags |= flag::IMMEDIATE;
        }
        self.fragments.push_back(fragment);
        if self.probe.is_none() {
            self.probe = Some((tsn, now));
        }
        if self.t3.is_none() {
            self.t3 = Some(now + rto.timeout());
        }
        let at = self.fragments.len() - 1;
        // Room was checked above.
        self.write(packet, at).then_some(len)
    }

    fn write(&mut self, packet: &mut PacketWriter<'_>, at: usize) -> bool {
        let tsn = self.first_tsn.wrapping_add(at as u32);
        let Some(&fragment) = self.fragments.get(at) else {
            return false;
        };
        let Some(sending) = self.message(fragment.message) else {
            return false;
        };
        let from = fragment.offset as usize;
        let Some(bytes) = sending
            .message
            .data
            .get(from..from + usize::from(fragment.len))
        else {
            return false;
        };
        let (stream, ssn, ppid) = (sending.message.stream, sending.ssn, sending.message.ppid);
        packet
            .chunk(kind::DATA, fragment.flags, |w| {
                w.u32(tsn)?;
                w.u16(stream)?;
                w.u16(ssn)?;
                w.u32(ppid)?;
                w.put(bytes)
            })
            .is_ok()
    }

    /// Gives up the message of the lost fragment at `at` if its channel allows no further try.
    fn give_up_if_spent(&mut self, now: Instant, at: usize) -> bool {
        if !self.forward_tsn {
            return false;
        }
        let Some(&fragment) = self.fragments.get(at) else {
            return false;
        };
        let Some(sending) = self.message(fragment.message) else {
            return false;
        };
        let spent = sending.message.expires <= now
            || sending
                .message
                .max_retransmits
                .is_some_and(|max| fragment.transmits > max);
        if spent {
            self.abandon(fragment.message);
        }
        spent
    }

    /// Gives up the unfinished message if its lifetime ended; the bytes of it that were
    /// never sent, else 0.
    pub(crate) fn expire_unfinished(&mut self, now: Instant) -> usize {
        let number = self
            .first_message
            .wrapping_add(self.messages.len() as u32)
            .wrapping_sub(1);
        match self.messages.back() {
            Some(last) if self.unfinished && self.forward_tsn && last.message.expires <= now => {
                let unsent = last.message.data.len() - last.sent;
                self.abandon(number);
                self.advance();
                unsent
            }
            _ => 0,
        }
    }

    /// Stream and payload protocol identifier of the unfinished message.
    pub(crate) fn unfinished(&self) -> Option<(u16, u32)> {
        let last = self.messages.back().filter(|_| self.unfinished)?;
        Some((last.message.stream, last.message.ppid))
    }

    fn abandon(&mut self, number: u32) {
        let last = self
            .first_message
            .wrapping_add(self.messages.len() as u32)
            .wrapping_sub(1);
        if self.unfinished && number == last {
            // The rest gets one TSN that is never sent. Without it the peer, having acknowledged
            // all fragments sent so far, would hold them for ever.
            self.unfinished = false;
            self.fragments.push_back(Fragment {
                message: number,
                offset: 0,
                len: 0,
                transmits: 1,
                flags: flag::END,
                misses: 0,
                state: State::Abandoned,
            });
        }
        // Messages have their TSNs in the order of their numbers.
        let first = self.first_message;
        let place = number.wrapping_sub(first);
        let from = self
            .fragments
            .partition_point(|f| f.message.wrapping_sub(first) < place);
        for fragment in self.fragments.iter_mut().skip(from) {
            if fragment.message != number {
                break;
            }
            match fragment.state {
                State::InFlight => self.in_flight -= usize::from(fragment.len),
                State::Lost => self.lost -= 1,
                State::Acked => self.gap_acked -= 1,
                State::Abandoned => {}
            }
            fragment.state = State::Abandoned;
        }
        let mut freed = 0;
        if let Some(sending) = self.message(number) {
            freed = sending.message.data.len();
            sending.message.data = Vec::new();
        }
        self.held = self.held.saturating_sub(freed);
        self.abandoned += 1;
        self.forward_due = true;
    }

    /// Moves the Advanced.Peer.Ack.Point over what was given up (RFC 3758 section 3.5, C2).
    fn advance(&mut self) {
        let count = self
            .fragments
            .iter()
            .take_while(|f| f.state == State::Abandoned)
            .count();
        self.advanced = self.first_tsn.wrapping_add(count as u32).wrapping_sub(1);
        self.forward_due = count > 0;
    }

    /// Writes the FORWARD-TSN that is due (RFC 3758 section 3.2).
    pub(crate) fn write_forward(
        &mut self,
        now: Instant,
        rto: &Rto,
        packet: &mut PacketWriter<'_>,
    ) -> Result<(), BufferTooSmall> {
        let room = packet.room().saturating_sub(4) / 4;
        let mut streams: Vec<(u16, u16)> = Vec::new();
        let mut upto = self.first_tsn.wrapping_sub(1);
        for at in 0..self.fragments.len() {
            let Some(&fragment) = self.fragments.get(at) else {
                break;
            };
            if fragment.state != State::Abandoned {
                break;
            }
            let Some(sending) = self.message(fragment.message) else {
                break;
            };
            if !sending.message.unordered {
                let (stream, ssn) = (sending.message.stream, sending.ssn);
                if let Some((_, last)) = streams.iter_mut().find(|(id, _)| *id == stream) {
                    *last = ssn;
                } else if streams.len() < room {
                    streams.push((stream, ssn));
                } else {
                    break;
                }
            }
            upto = self.first_tsn.wrapping_add(at as u32);
        }
        self.forward_due = false;
        if self.t3.is_none() {
            self.t3 = Some(now + rto.timeout());
        }
        packet.chunk(kind::FORWARD_TSN, 0, |w: &mut Writer<'_>| {
            w.u32(upto)?;
            for (stream, ssn) in &streams {
                w.u16(*stream)?;
                w.u16(*ssn)?;
            }
            Ok(())
        })
    }

    /// Takes a SACK (section 6.2.1). `false`: it is old, or acknowledges what was never sent.
    pub(crate) fn acknowledge(&mut self, now: Instant, sack: &Sack<'_>, rto: &mut Rto) -> bool {
        let advance = seq32_sub(sack.cumulative.wrapping_add(1), self.first_tsn);
        let Ok(advance) = usize::try_from(advance) else {
            return false;
        };
        if advance > self.fragments.len() {
            return false;
        }
        let flight = self.in_flight;
        let (mut acked, mut measured) = (self.pop(advance), None);
        let fewer = |tsn: u32, base: u32| seq32_sub(tsn, base) < 0;
        if let Some((tsn, sent)) = self.probe
            && fewer(tsn, self.first_tsn)
        {
            measured = Some(now.since(sent));
            self.probe = None;
        }
        let highest_newly = self.mark_gaps(sack, &mut acked, &mut measured, now);
        if let Some(rtt) = measured {
            rto.measure(rtt);
        }
        let was_closed = self.peer_window < self.payload;
        self.peer_window = sack.window as usize;
        if was_closed && acked == 0 && self.peer_window >= self.payload {
            // The window opened again and the probe was not taken: T3 has backed off far by now,
            // and this is no congestion.
            self.lose_all(now);
        }
        let base = self.first_tsn;
        self.congestion.leave_recovery(|exit| fewer(exit, base));
        if acked > 0 {
            self.congestion.acknowledged(acked, flight, advance > 0);
            // An acknowledgement proves the peer alive, whatever it acknowledges.
            self.errors = 0;
        } else if self.peer_window == 0 {
            // So does the answer to a window probe (section 6.1, rule A).
            self.errors = 0;
        }
        if let Some(highest) = highest_newly {
            self.count_missing(now, highest, advance > 0);
        }
        if self.fragments.is_empty() {
            self.congestion.drained();
            self.t3 = None;
        } else if advance > 0 {
            self.t3 = Some(now + rto.timeout());
        }
        if seq32_newer(sack.cumulative, self.advanced) {
            self.advanced = sack.cumulative;
        }
        self.advance();
        true
    }

    /// Takes the cumulative TSN of a SHUTDOWN, which acknowledges like a SACK without gaps.
    pub(crate) fn acknowledge_all(&mut self, now: Instant, cumulative: u32, rto: &mut Rto) {
        let window = self.peer_window as u32;
        self.acknowledge(now, &Sack::cumulative_only(cumulative, window), rto);
    }

    /// Removes the first `count` fragments; the bytes that this newly acknowledges.
    fn pop(&mut self, count: usize) -> usize {
        let mut acked = 0;
        for fragment in self.fragments.drain(..count) {
            let len = usize::from(fragment.len);
            match fragment.state {
                State::InFlight => {
                    self.in_flight -= len;
                    acked += len;
                }
                State::Lost => {
                    self.lost -= 1;
                    acked += len;
                }
                State::Acked => self.gap_acked -= 1,
                State::Abandoned => {}
            }
        }
        self.first_tsn = self.first_tsn.wrapping_add(count as u32);
        let keep_from = self.fragments.front().map(|fragment| fragment.message);
        let unfinished = usize::from(self.unfinished);
        while self.messages.len() > unfinished && keep_from != Some(self.first_message) {
            if let Some(done) = self.messages.pop_front() {
                self.release(done.message.data.len());
            }
            self.first_message = self.first_message.wrapping_add(1);
        }
        if self.fragments.is_empty() {
            self.fragments = VecDeque::new();
        }
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
        acked
    }

    /// Applies the gap blocks; the highest TSN that they newly acknowledge.
    fn mark_gaps(
        &mut self,
        sack: &Sack<'_>,
        acked: &mut usize,
        measured: &mut Option<smolrtc_base::Duration>,
        now: Instant,
    ) -> Option<u32> {
        let mut blocks = sack.gaps().peekable();
        if blocks.peek().is_none() && self.gap_acked == 0 {
            return None;
        }
        let mut highest = None;
        let mut block = blocks.next();
        // `first_tsn` follows the cumulative TSN by one, as block offsets do. Blocks ascend; one
        // that does not is never reached and so costs nothing.
        for (at, fragment) in self.fragments.iter_mut().enumerate() {
            let offset = at + 1;
            while let Some((_, end)) = block
                && usize::from(end) < offset
            {
                block = blocks.next();
            }
            let within = block.is_some_and(|(start, _)| usize::from(start) <= offset);
            let len = usize::from(fragment.len);
            match (within, fragment.state) {
                (true, State::InFlight | State::Lost) => {
                    if fragment.state == State::InFlight {
                        self.in_flight -= len;
                    } else {
                        self.lost -= 1;
                    }
                    fragment.state = State::Acked;
                    self.gap_acked += 1;
                    *acked += len;
                    let tsn = self.first_tsn.wrapping_add(at as u32);
                    highest = Some(tsn);
                    if let Some((probe, sent)) = self.probe
                        && probe == tsn
                    {
                        *measured = Some(now.since(sent));
                        self.probe = None;
                    }
                }
                // The peer has thrown it away again: T3 will see to it (section 6.2.1, rule D iii).
                (false, State::Acked) => {
                    fragment.state = State::InFlight;
                    self.gap_acked -= 1;
                    self.in_flight += len;
                }
                _ => {}
            }
        }
        highest
    }

    /// Counts a missing report for what lies below `highest` (section 7.2.4).
    fn count_missing(&mut self, now: Instant, highest: u32, moved: bool) {
        // In fast recovery each advance is a report for all that is missing.
        let all = moved && self.congestion.recovery_exit().is_some();
        let last = self.next_tsn().wrapping_sub(1);
        let mut found = false;
        let mut at = 0;
        while let Some(fragment) = self.fragments.get_mut(at) {
            let tsn = self.first_tsn.wrapping_add(at as u32);
            if !all && !seq32_newer(highest, tsn) {
                break;
            }
            if all && self.gap_acked == 0 {
                break;
            }
            at += 1;
            if fragment.state != State::InFlight || !seq32_newer(highest, tsn) {
                continue;
            }
            fragment.misses = fragment.misses.saturating_add(1);
            if fragment.misses == MISSING_REPORTS {
                self.in_flight -= usize::from(fragment.len);
                fragment.state = State::Lost;
                self.lost += 1;
                found = true;
                self.give_up_if_spent(now, at - 1);
            }
        }
        if found {
            self.congestion.fast_retransmit(last);
            self.fast = true;
        }
    }

    /// T3-rtx ran out (section 6.3.3).
    pub(crate) fn time_out(&mut self, now: Instant, rto: &mut Rto) {
        self.t3 = None;
        if self.fragments.is_empty() {
            return;
        }
        self.errors += 1;
        rto.back_off();
        self.congestion.timed_out();
        self.lose_all(now);
        self.advance();
        self.t3 = Some(now + rto.timeout());
    }

    /// Everything in flight counts as lost.
    pub(crate) fn lose_all(&mut self, now: Instant) {
        self.probe = None;
        for at in 0..self.fragments.len() {
            let Some(fragment) = self.fragments.get_mut(at) else {
                break;
            };
            if fragment.state == State::InFlight {
                self.in_flight -= usize::from(fragment.len);
                fragment.state = State::Lost;
                // After a timeout fast retransmission may apply again.
                fragment.misses = 0;
                self.lost += 1;
                self.give_up_if_spent(now, at);
            }
        }
    }

    /// Forgets everything; the association ended.
    pub(crate) fn clear(&mut self) {
        self.fragments = VecDeque::new();
        self.messages = VecDeque::new();
        self.unfinished = false;
        (self.in_flight, self.lost, self.gap_acked, self.held) = (0, 0, 0, 0);
        self.t3 = None;
        self.forward_due = false;
    }
}
