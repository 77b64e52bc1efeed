//! HEARTBEAT: is a silent peer still there (RFC 9260 section 8.3)?

use smolrtc_base::{Duration, Instant, Reader};

use super::{Association, MAX_RETRANSMITS};
use crate::{CloseReason, DropReason, chunk::Parameters, chunk::parameter};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heartbeat {
    /// When the next is to be sent, or the answer to the last is overdue.
    at: Option<Instant>,
    /// The nonce and sending time of the one that waits for an answer.
    pub(super) asked: Option<(u64, Instant)>,
    /// The one in `asked` has not been written into a packet yet.
    pub(super) unsent: bool,
    unanswered: u32,
}

impl Heartbeat {
    pub(super) const fn due(&self) -> Option<Instant> {
        self.at
    }
}

impl Association {
    /// Traffic shows the path alive, so the next HEARTBEAT can wait.
    pub(super) fn rest_heartbeat(&mut self, now: Instant) {
        let idle = self.heartbeat.asked.is_none() && self.is_established();
        if self.heartbeat_interval.is_zero() || !idle {
            return;
        }
        // Section 8.3: the interval plus the timeout, with jitter against synchrony of many.
        let jitter = self.rto.timeout().as_micros() as u32;
        let jitter = Duration::from_micros(u64::from(self.rng.below(jitter)));
        self.heartbeat.at = Some(now + self.heartbeat_interval + jitter);
    }

    pub(super) fn heartbeat_timed_out(&mut self, now: Instant) {
        if !self.is_established() {
            self.heartbeat.at = None;
            return;
        }
        if self.heartbeat.asked.is_some() {
            self.heartbeat.unanswered += 1;
            self.rto.back_off();
            if self.heartbeat.unanswered > MAX_RETRANSMITS {
                self.end_with_abort(CloseReason::PeerUnreachable);
                return;
            }
        }
        self.heartbeat.asked = Some((self.rng.u64(), now));
        self.heartbeat.unsent = true;
        self.heartbeat.at = Some(now + self.rto.timeout());
    }

    pub(super) fn handle_heartbeat_ack(&mut self, now: Instant, value: &[u8]) {
        let nonce = Parameters::new(value).find_map(|entry| match entry {
            Ok((parameter::HEARTBEAT_INFO, info)) => Reader::new(info).u64().ok(),
            _ => None,
        });
        match self.heartbeat.asked {
            Some((asked, sent)) if nonce == Some(asked) => {
                self.rto.measure(now.since(sent));
                self.heartbeat.asked = None;
                self.heartbeat.unsent = false;
                self.heartbeat.unanswered = 0;
                self.outbound.errors = 0;
                self.rest_heartbeat(now);
            }
            _ => self.drops.count(DropReason::BadHeartbeat),
        }
    }
}
