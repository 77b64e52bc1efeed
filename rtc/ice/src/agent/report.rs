//! Events and statistics.
//!
//! Events are not queued: each call compares what is with what was reported. A caller that never
//! asks costs no memory, and one that asks late hears of the present only.

use alloc::string::String;

use super::Agent;
use crate::{CandidateAddress, CandidateStats, Event, GatheringState, PairId, PairStats, State};

/// What the caller knows already.
#[derive(Debug, Default)]
pub(super) struct Reported {
    pub(super) gathering_complete: bool,
    pub(super) role_changed: bool,
    pub(super) consent_expired: bool,
    state: Option<State>,
    path: Option<(PairId, bool)>,
}

impl Agent {
    /// The next thing to report.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(local) = self.locals.iter_mut().find(|local| !local.announced) {
            local.announced = true;
            return Some(Event::LocalCandidate(local.candidate.clone()));
        }
        if let Some(waiting) = self
            .unresolved
            .iter_mut()
            .find(|waiting| !waiting.announced)
        {
            waiting.announced = true;
            if let CandidateAddress::Mdns(name, _) = &waiting.candidate.address {
                return Some(Event::ResolveMdns {
                    id: waiting.id,
                    name: String::from(&**name),
                });
            }
        }
        if !self.reported.gathering_complete && self.gathering_state() == GatheringState::Complete {
            self.reported.gathering_complete = true;
            return Some(Event::GatheringComplete);
        }
        if core::mem::take(&mut self.reported.role_changed) {
            return Some(Event::RoleChanged {
                controlling: self.controlling,
            });
        }
        let path = self
            .path_pair()
            .map(|pair| (pair.id, self.selected == Some(pair.id)));
        if path != self.reported.path {
            self.reported.path = path;
            if let (Some(pair), Some((_, nominated))) = (self.path_pair(), path) {
                let (local, remote) = (pair.base, pair.remote);
                return Some(Event::SelectedPairChanged {
                    local,
                    remote,
                    nominated,
                });
            }
        }
        if core::mem::take(&mut self.reported.consent_expired) {
            return Some(Event::ConsentExpired);
        }
        if self.state != self.reported.state.unwrap_or(State::New) {
            self.reported.state = Some(self.state);
            return Some(Event::StateChanged(self.state));
        }
        None
    }

    /// Statistics of every pair.
    pub fn pair_stats(&self) -> impl Iterator<Item = PairStats> + '_ {
        self.pairs
            .iter()
            .map(|pair| pair.stats(self.path == Some(pair.id)))
    }

    /// Statistics of every candidate whose address is known, local ones first.
    pub fn candidate_stats(&self) -> impl Iterator<Item = CandidateStats> + '_ {
        let local = self.locals.iter().map(|local| CandidateStats {
            id: local.id,
            remote: false,
            address: local.address,
            kind: local.candidate.kind,
            priority: local.candidate.priority,
            related: local.candidate.related,
        });
        let remote = self.remotes.iter().map(|remote| CandidateStats {
            id: remote.id,
            remote: true,
            address: remote.address,
            kind: remote.kind,
            priority: remote.priority,
            related: remote.related,
        });
        local.chain(remote)
    }
}
