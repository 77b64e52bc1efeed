//! INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, and the orderly end (RFC 9260 sections 5 and 9).
//!
//! An association has one verification tag and one first TSN for its whole life, and every INIT
//! and INIT ACK of ours carries them. So when both sides send INIT at once, as in WebRTC, the
//! cookies of both handshakes fit both ends, and whichever finishes first wins (section 5.2.4,
//! actions B and D). A restart (action A) cannot occur: a peer that lost its state lost its DTLS
//! keys too.

use smolrtc_base::Instant;

use super::{Association, MAX_INIT_RETRANSMITS, MAX_RETRANSMITS, Notice, STREAMS, Timer};
use crate::{
    CloseReason, DropReason,
    channel::Opening,
    chunk::{Init, parameter},
    cookie::PeerInit,
};

/// States of section 4. SHUTDOWN-PENDING is [`State::ShutdownPending`]; CLOSED after life is
/// [`State::Ended`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    CookieWait,
    CookieEchoed,
    Established,
    ShutdownPending,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    Ended,
}

/// Bytes of unrecognized parameters returned to the peer, at most.
const MAX_REPORT: usize = 256;

impl Association {
    /// Starts the handshake. Both sides may call it; calling it again changes nothing.
    pub fn connect(&mut self, now: Instant) {
        if self.state == State::Closed {
            self.state = State::CookieWait;
            self.replies.init = true;
            self.arm_handshake(now, 0);
        }
    }

    fn arm_handshake(&mut self, now: Instant, tries: u32) {
        self.handshake_timer = Some(Timer {
            at: now + self.rto.handshake_timeout(tries),
            tries,
        });
    }

    pub(super) fn handshake_timed_out(&mut self, now: Instant) {
        let Some(timer) = self.handshake_timer else {
            return;
        };
        if timer.tries >= MAX_INIT_RETRANSMITS {
            self.end_with_abort(CloseReason::HandshakeTimeout);
            return;
        }
        match self.state {
            State::CookieWait => self.replies.init = true,
            State::CookieEchoed => {
                self.replies.cookie_echo = true;
                // Data that rode with the COOKIE ECHO rides with it again.
                self.outbound.lose_all(now);
            }
            _ => {
                self.handshake_timer = None;
                return;
            }
        }
        self.arm_handshake(now, timer.tries + 1);
    }

    /// The value of our INIT, or of an INIT ACK without its cookie.
    pub(super) const fn own_init(&self) -> Init<'static> {
        Init {
            tag: self.tag,
            window: self.receive_window as u32,
            outbound_streams: STREAMS,
            inbound_streams: STREAMS,
            initial_tsn: self.initial_tsn,
            forward_tsn: true,
            reconfig: true,
            cookie: None,
            parameters: &[],
        }
    }

    fn read_init<'a>(&mut self, value: &'a [u8]) -> Option<Init<'a>> {
        let init = Init::parse(value).ok();
        let init = init.filter(|init| {
            init.tag != 0 && init.outbound_streams != 0 && init.inbound_streams != 0
        });
        if init.is_none() {
            self.drops.count(DropReason::BadInit);
        }
        init
    }

    pub(super) fn handle_init(&mut self, now: Instant, value: &[u8]) {
        if self.is_established() || self.is_closed() {
            // Late: whoever got us established has our COOKIE ECHO or COOKIE ACK.
            self.drops.count(DropReason::UnexpectedChunk);
            return;
        }
        let Some(init) = self.read_init(value) else {
            return;
        };
        let peer = PeerInit::from(&init);
        let mut report = alloc::vec::Vec::new();
        for (kind, value) in init.unrecognized() {
            let len = value.len() + 4;
            if report.len() + len + 8 > MAX_REPORT {
                break;
            }
            report.resize(report.len().next_multiple_of(4), 0);
            report.extend_from_slice(&parameter::UNRECOGNIZED.to_be_bytes());
            report.extend_from_slice(&((len + 4) as u16).to_be_bytes());
            report.extend_from_slice(&kind.to_be_bytes());
            report.extend_from_slice(&(len as u16).to_be_bytes());
            report.extend_from_slice(value);
        }
        // One place for one answer: a flood of INITs costs one INIT ACK a poll.
        self.replies.init_ack = Some((peer.tag, self.cookies.bake(now, &peer), report.into()));
    }

    pub(super) fn handle_init_ack(&mut self, now: Instant, value: &[u8]) {
        if self.state != State::CookieWait {
            self.drops.count(DropReason::UnexpectedChunk);
            return;
        }
        let Some(init) = self.read_init(value) else {
            return;
        };
        let Some(cookie) = init.cookie.filter(|cookie| cookie.len() <= self.mtu / 2) else {
            self.drops.count(DropReason::BadInit);
            return;
        };
        self.replies.cookie = cookie.into();
        self.replies.init = false;
        self.replies.cookie_echo = true;
        self.meet(&PeerInit::from(&init));
        self.state = State::CookieEchoed;
        self.arm_handshake(now, 0);
    }

    /// Takes over what the peer said of itself.
    fn meet(&mut self, peer: &PeerInit) {
        self.peer_tag = peer.tag;
        self.peer_streams = peer.inbound_streams;
        self.peer_reconfig = peer.reconfig;
        self.inbound.start(peer.initial_tsn);
        self.outbound.start(peer.window, peer.forward_tsn);
        self.resets.start(peer.initial_tsn);
    }

    /// `false`: the cookie is not ours, and the rest of the packet is not to be read.
    pub(super) fn handle_cookie_echo(&mut self, now: Instant, cookie: &[u8]) -> bool {
        let Some(peer) = self.cookies.open(now, cookie) else {
            self.drops.count(DropReason::BadCookie);
            return false;
        };
        match self.state {
            State::Closed | State::CookieWait => self.meet(&peer),
            State::Ended => return false,
            // Action C or A: a peer with another tag is not the one we know.
            _ if peer.tag != self.peer_tag => {
                self.drops.count(DropReason::UnexpectedChunk);
                return false;
            }
            _ => {}
        }
        self.replies.cookie_ack = true;
        if !self.is_established() {
            self.establish(now);
        }
        true
    }

    pub(super) fn handle_cookie_ack(&mut self, now: Instant) {
        if self.state == State::CookieEchoed {
            self.establish(now);
        }
    }

    fn establish(&mut self, now: Instant) {
        self.state = State::Established;
        self.handshake_timer = None;
        self.replies.init = false;
        self.replies.cookie_echo = false;
        self.replies.cookie = [].into();
        self.notices.push_back(Notice::Established);
        for at in 0..self.channels.len() {
            // Channels agreed on out of band are open from now on.
            if self
                .channels
                .get(at)
                .is_some_and(|c| c.opening == Opening::Open)
            {
                self.announce_opened(at, false);
            }
        }
        self.rest_heartbeat(now);
    }

    /// Ends the association in order: what was handed in is still delivered, nothing more is
    /// taken (section 9.2).
    pub fn shutdown(&mut self, now: Instant) {
        match self.state {
            State::Established => {
                self.state = State::ShutdownPending;
                self.advance_shutdown(now);
            }
            State::Closed | State::CookieWait | State::CookieEchoed => {
                self.end_with_abort(CloseReason::LocalAbort);
            }
            _ => {}
        }
    }

    /// Goes on with the shutdown once everything is acknowledged.
    pub(super) fn advance_shutdown(&mut self, now: Instant) {
        if !matches!(self.state, State::ShutdownPending | State::ShutdownReceived)
            || !self.outbound.is_drained()
            || self
                .channels
                .iter()
                .any(|channel| !channel.queue.is_empty())
        {
            return;
        }
        if self.state == State::ShutdownPending {
            self.state = State::ShutdownSent;
            self.replies.shutdown = true;
        } else {
            self.state = State::ShutdownAckSent;
            self.replies.shutdown_ack = true;
        }
        self.shutdown_timer = Some(Timer {
            at: now + self.rto.timeout(),
            tries: 0,
        });
    }

    pub(super) fn shutdown_timed_out(&mut self, now: Instant) {
        let Some(timer) = self.shutdown_timer else {
            return;
        };
        if timer.tries >= MAX_RETRANSMITS {
            self.end_with_abort(CloseReason::PeerUnreachable);
            return;
        }
        self.rto.back_off();
        self.replies.shutdown = self.state == State::ShutdownSent;
        self.replies.shutdown_ack = self.state == State::ShutdownAckSent;
        let (at, tries) = (now + self.rto.timeout(), timer.tries + 1);
        self.shutdown_timer = Some(Timer { at, tries });
    }

    pub(super) fn handle_shutdown(&mut self, now: Instant) {
        match self.state {
            State::Established | State::ShutdownPending => {
                self.state = State::ShutdownReceived;
                self.advance_shutdown(now);
            }
            // Both at once (section 9.2).
            State::ShutdownSent | State::ShutdownAckSent => {
                self.state = State::ShutdownAckSent;
                self.replies.shutdown = false;
                self.replies.shutdown_ack = true;
                if self.shutdown_timer.is_none() {
                    self.shutdown_timer = Some(Timer {
                        at: now + self.rto.timeout(),
                        tries: 0,
                    });
                }
            }
            _ => {}
        }
    }

    pub(super) fn handle_shutdown_ack(&mut self) {
        if matches!(self.state, State::ShutdownSent | State::ShutdownAckSent) {
            self.end(CloseReason::Shutdown);
            self.replies.shutdown_complete = true;
        } else {
            self.drops.count(DropReason::UnexpectedChunk);
        }
    }

    pub(super) fn handle_shutdown_complete(&mut self) {
        if self.state == State::ShutdownAckSent {
            self.end(CloseReason::Shutdown);
        }
    }
}
