//! Nomination, the path of data, timers and the state (RFC 8445 section 8, RFC 7675).

use core::time::Duration;

use smolrtc_base::Instant;

use super::Agent;
use crate::pair::Pair;
use crate::{GatheringState, PairId, PairState, Reason, State};

/// A pair that came alive beside the selected one: perhaps the peer's NAT has given it another
/// port. The selected pair is probed; if it stays silent, the challenger takes its place.
#[derive(Debug)]
pub(super) struct Challenge {
    pub(super) challenger: PairId,
    incumbent: PairId,
    since: Instant,
    until: Instant,
}

/// How long the selected pair has to answer, beside three of its round-trip times.
const CHALLENGE: Duration = Duration::from_millis(500);

/// Spacing of the probes of a challenge.
const PROBE: Duration = Duration::from_millis(150);

impl Challenge {
    /// The spacing of requests on `pair`, if it is the one that is probed.
    pub(super) fn probes(&self, pair: PairId) -> Option<Duration> {
        (pair == self.incumbent).then_some(PROBE)
    }
}

impl Agent {
    /// Does what time demands: gives up unanswered checks, nominates, lets consent expire.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.touch(now);
        self.expire_gathers();
        self.expire_checks();
        self.expire_consent();
        self.decide_challenge();
        self.search_over();
        self.conclude();
    }

    /// Instants at which [`Agent::handle_timeout`] has something to do.
    pub(super) fn timers(&self) -> [Option<(Instant, Reason)>; 7] {
        let timers = &self.config.timers;
        let min = |pairs: &mut dyn Iterator<Item = Instant>| pairs.min();
        let spent = min(&mut self
            .pairs
            .iter()
            .filter(|pair| self.is_spent(pair))
            .map(|pair| pair.next_at));
        let gather = min(&mut self
            .gathers
            .iter()
            .filter(|gather| gather.attempts >= timers.gather_attempts && gather.is_active(false))
            .map(|gather| gather.next_at));
        let consent = min(&mut self
            .pairs
            .iter()
            .filter(|pair| pair.is_valid())
            .filter_map(|pair| Some(pair.last_response? + timers.consent_timeout)));
        let nomination = self.nominate_at.filter(|_| self.selected.is_none());
        [
            spent.map(|at| (at, Reason::CheckFailed)),
            gather.map(|at| (at, Reason::Gathering)),
            consent.map(|at| (at, Reason::ConsentExpiry)),
            nomination.map(|at| (at, Reason::Nomination)),
            self.disconnect_at().map(|at| (at, Reason::Disconnected)),
            self.search_deadline()
                .map(|at| (at, Reason::ConnectTimeout)),
            self.challenge
                .as_ref()
                .map(|challenge| (challenge.until, Reason::Challenge)),
        ]
    }

    /// Whether the pair's check or nomination has used up its transmissions.
    fn is_spent(&self, pair: &Pair) -> bool {
        let under_way = pair.state == PairState::InProgress || self.nominates(pair);
        under_way && pair.attempts >= self.config.timers.check_attempts
    }

    fn expire_checks(&mut self) {
        for index in 0..self.pairs.len() {
            let Some(pair) = self.pairs.get(index) else {
                return;
            };
            if !self.is_spent(pair) || pair.next_at > self.now {
                continue;
            }
            let nominated = self.nominates(pair);
            let selected = self.selected == Some(pair.id);
            let now = self.now;
            if let Some(pair) = self.pairs.get_mut(index) {
                pair.attempts = 0;
                if nominated {
                    // The pair is valid until consent says otherwise; perhaps another one is
                    // more responsive, else this one is tried again.
                    pair.use_candidate = selected;
                    pair.next_at = now;
                } else {
                    pair.state = PairState::Failed;
                }
            }
        }
    }

    fn expire_consent(&mut self) {
        let (now, timeout) = (self.now, self.config.timers.consent_timeout);
        let current = self.generation.number;
        let mut expired_path = false;
        for pair in &mut self.pairs {
            let expired =
                pair.is_valid() && pair.last_response.is_none_or(|at| at + timeout <= now);
            if expired {
                pair.state = PairState::Failed;
                pair.revoked = true;
                pair.use_candidate = false;
                pair.nominated = false;
                // Their answers would come too late (RFC 7675 section 5.1).
                let id = pair.id;
                self.transactions
                    .retain(|transaction| transaction.pair != id);
                self.selected = self.selected.filter(|selected| *selected != id);
                expired_path |= self.path == Some(id);
            }
        }
        // The generation before a restart ends with its path.
        let old_path = |pair: &Pair| pair.generation != current && pair.is_valid();
        if self.previous.is_some() && !self.pairs.iter().any(old_path) {
            self.end_previous();
        }
        self.choose_path();
        if expired_path && self.path.is_none() {
            self.reported.consent_expired = true;
            // During a restart the new generation may yet find a path.
            let searching = self.checks_remain() && self.restarted_and_never_connected();
            self.failed |= !searching;
        }
    }

    fn restarted_and_never_connected(&self) -> bool {
        self.restarts > 0 && !self.had_path
    }

    fn checks_remain(&self) -> bool {
        self.generation.remote.is_none()
            || self.pairs.iter().any(|pair| {
                matches!(
                    pair.state,
                    PairState::Waiting | PairState::Frozen | PairState::InProgress
                )
            })
    }

    /// The nomination of a valid pair is acknowledged (controlling), or the peer nominated it
    /// (controlled).
    pub(super) fn nominated(&mut self, id: PairId) {
        let selected = self
            .selected
            .and_then(|id| self.pair(id))
            .map(|pair| pair.priority);
        let Some(pair) = self.pair_mut(id) else {
            return;
        };
        let first = !pair.nominated;
        pair.nominated = true;
        let better = selected.is_none_or(|priority| pair.priority > priority);
        if self.selected == Some(id) {
            return;
        }
        if better || self.controlling {
            // An aggressive nominator nominates all; the best of them counts (RFC 5245 section
            // 8.1.1.2).
            self.select(id);
        } else if first {
            self.challenge_by(id);
        }
    }

    fn select(&mut self, id: PairId) {
        self.selected = Some(id);
        self.challenge = None;
        self.nominate_at = None;
        for pair in &mut self.pairs {
            // Section 8.1.2: checks that are under way are not repeated; an answer still counts.
            if pair.state == PairState::InProgress {
                pair.reset_check();
            }
        }
    }

    /// A pair became valid after another was selected.
    pub(super) fn challenge_by(&mut self, id: PairId) {
        let Some(incumbent) = self.selected.filter(|selected| *selected != id) else {
            return;
        };
        let (now, next) = (self.now, self.now);
        let Some(pair) = self.pair_mut(incumbent) else {
            return;
        };
        pair.next_at = next;
        let rtt = pair.rtt().unwrap_or_default();
        self.challenge = Some(Challenge {
            challenger: id,
            incumbent,
            since: now,
            until: now + CHALLENGE + rtt * 3,
        });
    }

    fn decide_challenge(&mut self) {
        let now = self.now;
        let Some(challenge) = self.challenge.take_if(|challenge| challenge.until <= now) else {
            return;
        };
        let interval = self.consent_interval();
        let answered = |pair: &Pair| pair.last_response.is_some_and(|at| at > challenge.since);
        if self.pair(challenge.incumbent).is_some_and(answered) {
            if let Some(pair) = self.pair_mut(challenge.incumbent) {
                pair.next_at = now + interval;
            }
        } else {
            self.replace_selected(challenge.challenger);
        }
    }

    /// Moves data to another valid pair because the selected one is silent. The controlling side
    /// nominates it too.
    fn replace_selected(&mut self, id: PairId) {
        let (now, controlling) = (self.now, self.controlling);
        let Some(pair) = self.pair_mut(id).filter(|pair| pair.is_valid()) else {
            return;
        };
        if controlling {
            pair.nominated = false;
            begin_nomination(pair, now);
        }
        self.select(id);
    }

    /// When the path counts as disconnected, unless it does already.
    fn disconnect_at(&self) -> Option<Instant> {
        // During a restart the old path says nothing about the new generation's state.
        let watched = |pair: &&Pair| {
            self.state != State::Disconnected && pair.generation == self.generation.number
        };
        let pair = self.path_pair().filter(watched)?;
        Some(pair.unanswered_since? + self.config.timers.disconnected_after)
    }

    /// Not among those whose nomination was just given up.
    fn is_lively(&self, pair: &Pair) -> bool {
        pair.unanswered_since
            .is_none_or(|since| self.now - since < Duration::from_secs(2))
    }

    fn is_silent(&self, pair: &Pair) -> bool {
        let after = self.config.timers.disconnected_after;
        pair.unanswered_since
            .is_some_and(|since| since + after <= self.now)
    }

    /// When a search without success ends.
    fn search_deadline(&self) -> Option<Instant> {
        let timers = &self.config.timers;
        let long = self.searching_since.filter(|_| !self.failed)? + timers.connect_timeout;
        let short = self
            .exhausted_since
            .map(|since| since + timers.failed_grace);
        Some(short.map_or(long, |short| short.min(long)))
    }

    fn search_over(&mut self) {
        if self
            .search_deadline()
            .is_some_and(|deadline| deadline <= self.now)
        {
            self.failed = true;
        }
    }

    /// Draws the conclusions from whatever changed.
    pub(super) fn conclude(&mut self) {
        self.nominate();
        self.choose_path();
        self.note_exhaustion();
        self.state = self.judge();
        if self.state == State::Disconnected {
            self.move_away();
        }
    }

    /// Regular nomination (RFC 8445 section 8.1.1): once, of the best valid pair, as soon as no
    /// better one can be hoped for or the wait is over.
    fn nominate(&mut self) {
        let (now, number) = (self.now, self.generation.number);
        let busy = self.pairs.iter().any(|pair| self.nominates(pair));
        if !self.controlling || self.selected.is_some() || busy {
            return;
        }
        let current = || self.pairs.iter().filter(|pair| pair.generation == number);
        let Some(best) = current()
            .filter(|pair| pair.is_valid())
            .max_by_key(|pair| (self.is_lively(pair), pair.direct, pair.priority))
        else {
            self.nominate_at = None;
            return;
        };
        let hopes = |pair: &Pair| {
            !pair.is_valid() && pair.state != PairState::Failed && pair.priority > best.priority
        };
        let wait = self.config.timers.nomination_delay;
        let at = *self.nominate_at.get_or_insert(now + wait);
        if best.direct || at <= now || !current().any(hopes) {
            let id = best.id;
            self.nominate_at = None;
            if let Some(pair) = self.pair_mut(id) {
                begin_nomination(pair, now);
            }
        }
    }

    /// The selected pair, else the best valid one of this generation, else the last one's.
    fn choose_path(&mut self) {
        let number = self.generation.number;
        let best = self
            .pairs
            .iter()
            .filter(|pair| pair.is_valid())
            .max_by_key(|pair| {
                (
                    pair.generation == number,
                    Some(pair.id) == self.selected,
                    pair.priority,
                )
            })
            .map(|pair| (pair.id, pair.generation));
        if best.is_some_and(|(_, generation)| generation == number) {
            self.had_path = true;
            self.failed = false;
            self.searching_since = None;
        } else if self.generation.remote.is_some() {
            self.searching_since.get_or_insert(self.now);
        }
        let path = best.map(|(id, _)| id);
        if path.is_some() && path != self.path {
            self.selected_pair_changes = self.selected_pair_changes.saturating_add(1);
        }
        self.path = path;
    }

    fn note_exhaustion(&mut self) {
        let exhausted = self.remote_ended
            && self.unresolved.is_empty()
            && self.gathering_state() == GatheringState::Complete
            && !self.checks_remain();
        if !exhausted {
            self.exhausted_since = None;
        } else if self.exhausted_since.is_none() {
            self.exhausted_since = Some(self.now);
        }
    }

    fn judge(&self) -> State {
        let number = self.generation.number;
        match self.path_pair() {
            Some(pair) if pair.generation == number => {
                if self.is_silent(pair) {
                    State::Disconnected
                } else if self.selected == Some(pair.id) {
                    State::Completed
                } else {
                    State::Connected
                }
            }
            _ if self.failed => State::Failed,
            None if self.had_path => State::Disconnected,
            _ if self.generation.remote.is_some() => State::Checking,
            _ if self.restarts > 0 && self.path.is_some() => State::Checking,
            _ => State::New,
        }
    }

    /// Leaves a silent selected pair for one in reserve that has answered since.
    fn move_away(&mut self) {
        let Some(silent) = self.selected.and_then(|id| self.pair(id)) else {
            return;
        };
        let (since, id) = (silent.unanswered_since, silent.id);
        let alive = |pair: &&Pair| {
            pair.id != id && pair.is_valid() && pair.last_response > since && !self.is_silent(pair)
        };
        let best = self
            .pairs
            .iter()
            .filter(alive)
            .filter(|pair| pair.generation == self.generation.number)
            .max_by_key(|pair| pair.priority)
            .map(|pair| pair.id);
        if let Some(best) = best {
            self.replace_selected(best);
            self.choose_path();
            self.state = self.judge();
        }
    }
}

fn begin_nomination(pair: &mut Pair, now: Instant) {
    pair.use_candidate = true;
    pair.attempts = 0;
    pair.next_at = now;
}
