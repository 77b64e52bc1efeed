//! ICE restart (RFC 8445 section 9).

use smolrtc_base::Instant;

use super::Agent;
use crate::CandidateType;
use crate::credentials::{Credentials, Generation};

impl Agent {
    /// Begins a new generation: new local credentials now, the peer's to follow by
    /// [`Agent::set_remote_credentials`]. Candidates are gathered and reported anew.
    ///
    /// The path in use carries data, and renews its consent with the old credentials, until the
    /// new generation has a valid pair. Roles stay as they are (section 6.1.1).
    pub fn restart(&mut self, now: Instant) {
        self.touch(now);
        self.restarts = self.restarts.saturating_add(1);
        let kept = self.path;
        let number = self.generation.number.wrapping_add(1);
        let local = Credentials::random(&mut self.rng, self.provider);
        let ended = core::mem::replace(&mut self.generation, Generation::new(number, local));
        let path_generation = self.path_pair().map(|pair| pair.generation);
        match path_generation {
            // A second restart before the first found a path: the first leaves nothing behind.
            Some(older) if older != ended.number => {}
            Some(_) => self.previous = Some(ended),
            None => self.previous = None,
        }
        self.pairs.retain(|pair| Some(pair.id) == kept);
        for pair in &mut self.pairs {
            // A nomination under way ends with its generation.
            pair.use_candidate &= pair.nominated;
        }
        let pairs = &self.pairs;
        self.remotes
            .retain(|remote| pairs.iter().any(|pair| pair.remote_id == remote.id));
        self.unresolved.clear();
        self.remote_ended = false;
        self.selected = None;
        self.nominate_at = None;
        self.challenge = None;
        self.searching_since = None;
        self.exhausted_since = None;
        self.had_path = false;
        self.failed = false;
        self.forget_lost_pairs();

        let kept_local = self.pairs.first().map(|pair| pair.local_id);
        self.locals.retain(|local| {
            local.candidate.kind == CandidateType::Host || Some(local.id) == kept_local
        });
        for local in &mut self.locals {
            local.announced = local.candidate.kind == CandidateType::PeerReflexive;
        }
        self.regather();
        self.conclude();
    }

    /// Forgets the generation before a restart.
    pub(super) fn end_previous(&mut self) {
        let number = self.generation.number;
        self.previous = None;
        self.pairs.retain(|pair| pair.generation == number);
        let pairs = &self.pairs;
        self.remotes.retain(|remote| {
            remote.generation == number || pairs.iter().any(|pair| pair.remote_id == remote.id)
        });
        self.forget_lost_pairs();
    }
}
