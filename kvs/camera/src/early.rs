//! Candidates that overtook their offer.
//!
//! KVS delivers a sender's messages in order, but a viewer may trickle before its offer was created,
//! and a restarted service may lose the order. They are held per sender and bounded.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use kvs_message::ClientId;
use smolrtc::base::{Duration, Instant, Limits};

/// A candidate whose offer has not come by then is forgotten.
const KEEP: Duration = Duration::from_secs(30);

struct Sender {
    client: Option<ClientId>,
    since: Instant,
    candidates: Vec<String>,
}

/// Candidates without an offer, oldest sender first.
pub(crate) struct EarlyCandidates {
    senders: VecDeque<Sender>,
    max_senders: usize,
    max_candidates: usize,
    /// Candidates that found no room.
    pub(crate) dropped: u32,
}

impl EarlyCandidates {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            senders: VecDeque::new(),
            max_senders: limits.early_senders,
            max_candidates: limits.early_candidates,
            dropped: 0,
        }
    }

    /// Holds a candidate; the oldest sender makes room for a new one.
    pub(crate) fn hold(&mut self, now: Instant, client: Option<ClientId>, candidate: String) {
        self.senders.retain(|sender| now.since(sender.since) < KEEP);
        if let Some(sender) = self
            .senders
            .iter_mut()
            .find(|sender| sender.client == client)
        {
            if sender.candidates.len() < self.max_candidates {
                sender.candidates.push(candidate);
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
            return;
        }
        if self.senders.len() >= self.max_senders {
            let lost = self
                .senders
                .pop_front()
                .map_or(0, |sender| sender.candidates.len());
            self.dropped = self
                .dropped
                .saturating_add(u32::try_from(lost).unwrap_or(u32::MAX));
        }
        self.senders.push_back(Sender {
            client,
            since: now,
            candidates: Vec::from([candidate]),
        });
    }

    /// The candidates held for `client`, which are then forgotten.
    pub(crate) fn take(&mut self, now: Instant, client: Option<&ClientId>) -> Vec<String> {
        self.senders.retain(|sender| now.since(sender.since) < KEEP);
        let at = self
            .senders
            .iter()
            .position(|sender| sender.client.as_ref() == client);
        at.and_then(|at| self.senders.remove(at))
            .map_or_else(Vec::new, |sender| sender.candidates)
    }
}
