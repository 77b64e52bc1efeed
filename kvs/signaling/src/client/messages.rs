//! Messages in and out.

use kvs_message::{Body, Inbound, KeyCase};
use smolrtc_base::Instant;

use super::plane::Input as Learned;
use super::{Client, DropReason};
use crate::config::Role;

/// Messages that may wait to be polled.
const INBOX: usize = 64;

impl Client {
    /// Moves queued messages to the socket as the rates allow.
    pub(super) fn pump(&mut self, now: Instant) {
        while let Some(socket) = self.links.carrier() {
            let Some(message) = self.outbox.pop(now) else {
                return;
            };
            socket.send(now, &message.emit(KeyCase::Js), &mut self.rng);
            self.stats.messages_sent = self.stats.messages_sent.saturating_add(1);
        }
    }

    /// `current`: not from a connection whose place was taken already.
    pub(super) fn handle_message(&mut self, now: Instant, text: &str, current: bool) {
        let message = match Inbound::parse(text.as_bytes(), &self.config.limits) {
            Ok(message) => message,
            Err(_) => return self.stats.drops.count(DropReason::Malformed),
        };
        self.stats.messages_received = self.stats.messages_received.saturating_add(1);
        match &message.body {
            Body::GoAway => {
                self.stats.go_aways = self.stats.go_aways.saturating_add(1);
                if current {
                    // Where to, the control plane must say; until then this one serves.
                    self.plane.transition(&self.config, Learned::GoAway);
                    self.links.go_away(now, &mut self.rng);
                }
                return;
            }
            Body::ReconnectIceServer => return self.plane.ice.want(),
            Body::Status(_) => self.stats.refused = self.stats.refused.saturating_add(1),
            Body::Offer(_) | Body::Answer(_) | Body::Candidate(_) => {
                // A master hears from named viewers, a viewer from the one master.
                if message.from.is_some() != matches!(self.config.role, Role::Master) {
                    return self.stats.drops.count(DropReason::Unexpected);
                }
                if self.recent.is_repeated(now, &message, self.provider) {
                    return self.stats.drops.count(DropReason::Duplicate);
                }
                if matches!(message.body, Body::Offer(_)) {
                    // It begins a new session: what waits for the old one is of no use.
                    self.outbox.forget(message.from.as_ref());
                    self.plane.ice.want_if_stale(now);
                    self.offered = Some((message.from.clone(), now));
                }
            }
            _ => return self.stats.drops.count(DropReason::UnknownType),
        }
        if self.inbox.len() >= INBOX {
            return self.stats.drops.count(DropReason::InboxFull);
        }
        self.inbox.push_back(message);
    }
}
