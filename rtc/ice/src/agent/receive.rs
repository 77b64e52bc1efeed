//! What arrives: requests to answer, answers to our own (RFC 8445 sections 7.2.5 and 7.3).

use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::Instant;
use smolrtc_stun::{AttributeType, Class, Code, Message, Method, TransactionId, is_stun};

use super::Agent;
use crate::preference::{candidate_priority, pair_priority};
use crate::{CandidateType, DropReason, PairId, PairState};

/// An answer that waits for [`Agent::poll_transmit`].
#[derive(Debug)]
pub(super) struct Response {
    pub(super) to: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) id: TransactionId,
    /// Whose password signs it.
    pub(super) generation: u32,
    /// None for success.
    pub(super) error: Option<Code>,
    /// The first attribute that was not understood, for code 420.
    pub(super) unknown: Option<AttributeType>,
    /// Length of the request, which an error response must not exceed.
    pub(super) request_len: usize,
}

/// Responses that may wait together.
const MAX_RESPONSES: usize = 16;

/// Error responses an agent sends in one second.
const ERRORS_PER_SECOND: u8 = 10;

/// Counts the error responses of the second that began at `since`.
#[derive(Debug, Default)]
pub(super) struct ErrorBudget {
    since: Instant,
    spent: u8,
}

impl ErrorBudget {
    fn take(&mut self, now: Instant) -> bool {
        if now - self.since >= Duration::from_secs(1) {
            *self = Self {
                since: now,
                spent: 0,
            };
        }
        self.spent = self.spent.saturating_add(1);
        self.spent <= ERRORS_PER_SECOND
    }
}

/// Attributes that a connectivity check may carry and that must be understood.
const KNOWN: [AttributeType; 6] = [
    AttributeType::USERNAME,
    AttributeType::PRIORITY,
    AttributeType::USE_CANDIDATE,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::MAPPED_ADDRESS,
    AttributeType::ERROR_CODE,
];

impl Agent {
    /// Takes a STUN datagram that came from `from` to the socket `local`. Anything that is not an
    /// authentic Binding message is dropped and counted; nothing but an authentic request is
    /// answered.
    pub fn handle_input(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: SocketAddr,
        datagram: &[u8],
    ) {
        self.touch(now);
        let message = match Message::parse(datagram) {
            Ok(message) if is_stun(datagram) => message,
            _ => return self.count(DropReason::Malformed),
        };
        if message.has_fingerprint() && message.check_fingerprint().is_err() {
            return self.count(DropReason::BadFingerprint);
        }
        if !self.interfaces.contains(&local) {
            return self.count(DropReason::UnknownInterface);
        }
        if message.method() != Method::BINDING {
            return self.count(DropReason::UnexpectedMessage);
        }
        let outcome = match message.class() {
            Class::Request => self.on_request(from, local, &message),
            Class::Success | Class::Error => self.on_response(from, local, &message),
            // A keepalive (RFC 8445 section 11); it proves nothing and wants nothing.
            Class::Indication => Ok(()),
        };
        if let Err(reason) = outcome {
            self.count(reason);
        }
        self.conclude();
    }

    fn on_request(
        &mut self,
        from: SocketAddr,
        local: SocketAddr,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let (ours, theirs) = message
            .username()
            .and_then(|username| username.split_once(':'))
            .ok_or(DropReason::UnknownUsername)?;
        let generation = self
            .generation_of_ufrag(ours)
            .ok_or(DropReason::UnknownUsername)?;
        message
            .check_integrity(&generation.local.key)
            .map_err(|_| DropReason::BadIntegrity)?;
        // A browser that restarts checks from its new sockets at once, with what it knows of us:
        // the generation that ends. If we answered, it would select a pair that we never will, for
        // it refuses our own checks there. It asks again when it has our new description.
        let known = generation.remote.as_ref().map(|remote| &*remote.ufrag);
        if known.is_some_and(|known| known != theirs) {
            return Err(DropReason::OtherGeneration);
        }

        let number = generation.number;
        let is_current = number == self.generation.number;
        let mut response = Response {
            to: from,
            local,
            id: message.transaction_id(),
            generation: number,
            error: None,
            unknown: message.unknown_required(&KNOWN).next(),
            request_len: message.bytes().len(),
        };
        response.error = if response.unknown.is_some() {
            Some(Code::UnknownAttribute)
        } else if message.priority().is_none() {
            Some(Code::BadRequest)
        } else if is_current && !self.settle_roles(message) {
            Some(Code::RoleConflict)
        } else {
            None
        };
        if response.error.is_some() {
            if !self.error_budget.take(self.now) {
                return Err(DropReason::ErrorRateLimited);
            }
            return self.queue_response(response);
        }
        self.queue_response(response)?;

        let found = if is_current {
            self.learn_remote(from, message.priority().unwrap_or(0))
                .zip(self.host_id(local))
                .and_then(|(index, id)| self.form_pair(id, local, index, true))
        } else {
            self.pairs
                .iter()
                .find(|pair| pair.generation == number && pair.base == local && pair.remote == from)
                .map(|pair| pair.id)
        };
        let trigger = self.next_trigger;
        let (controlling, nominates) = (self.controlling, message.use_candidate());
        let Some(pair) = found.and_then(|id| self.pair_mut(id)) else {
            return Ok(());
        };
        pair.requests_received = pair.requests_received.saturating_add(1);
        pair.responses_sent = pair.responses_sent.saturating_add(1);
        if !is_current || pair.revoked {
            return Ok(());
        }
        let (id, valid) = (pair.id, pair.is_valid());
        if nominates && !controlling {
            pair.use_candidate = true;
        }
        if !valid && pair.triggered.is_none() {
            // A triggered check (RFC 8445 section 7.3.1.4), also for a pair in progress: our own
            // may have been eaten by the peer's NAT, which their request has now opened.
            pair.triggered = Some(trigger);
            pair.reset_check();
            self.next_trigger = trigger.wrapping_add(1);
        } else if valid && nominates && !controlling {
            self.nominated(id);
        }
        Ok(())
    }

    fn queue_response(&mut self, response: Response) -> Result<(), DropReason> {
        if self.responses.len() >= MAX_RESPONSES {
            return Err(DropReason::ResponseQueueFull);
        }
        self.responses.push_back(response);
        Ok(())
    }

    /// Detects and repairs a role conflict (RFC 8445 section 7.3.1.1). False: the peer is to
    /// change, by a 487 response.
    fn settle_roles(&mut self, message: &Message<'_>) -> bool {
        let theirs = match (message.ice_controlling(), message.ice_controlled()) {
            // A lite peer cannot control, whatever it says.
            _ if self.remote_lite => return true,
            (Some(theirs), _) if self.controlling => theirs,
            (_, Some(theirs)) if !self.controlling => theirs,
            _ => return true,
        };
        // The one with the larger value controls.
        if self.controlling == (self.tiebreaker >= theirs) {
            return false;
        }
        self.switch_role(!self.controlling);
        true
    }

    fn switch_role(&mut self, controlling: bool) {
        self.role_changes = self.role_changes.saturating_add(1);
        self.reported.role_changed = true;
        self.set_controlling(controlling);
    }

    fn on_response(
        &mut self,
        from: SocketAddr,
        local: SocketAddr,
        message: &Message<'_>,
    ) -> Result<(), DropReason> {
        let id = message.transaction_id();
        let Some(index) = self.transactions.iter().position(|other| other.id == id) else {
            let ours = self.gathered(from, local, message);
            return if ours {
                Ok(())
            } else {
                Err(DropReason::UnknownTransaction)
            };
        };
        let pair_id = self
            .transactions
            .get(index)
            .map(|transaction| transaction.pair);
        let pair = pair_id
            .and_then(|id| self.pair(id))
            .ok_or(DropReason::UnknownTransaction)?;
        let remote = self
            .generation(pair.generation)
            .and_then(|own| own.remote.as_ref());
        let key = &remote.ok_or(DropReason::UnknownTransaction)?.key;
        message
            .check_integrity(key)
            .map_err(|_| DropReason::BadIntegrity)?;
        // RFC 8445 section 7.2.5.2.1. The transaction stays open: the true answer may still come.
        if pair.remote != from || pair.base != local {
            return Err(DropReason::AsymmetricResponse);
        }
        let (pair_id, generation) = (pair.id, pair.generation);
        let mapped = match message.class() {
            Class::Error => None,
            _ => Some(
                message
                    .mapped_address()
                    .ok_or(DropReason::MissingMappedAddress)?,
            ),
        };
        let Some(transaction) = self.transactions.remove(index) else {
            return Err(DropReason::UnknownTransaction);
        };
        let Some(mapped) = mapped else {
            return self.refused(message, pair_id, transaction.controlling);
        };
        let now = self.now;
        let interval = self.consent_interval();
        let controlling = self.controlling;
        let Some(pair) = self.pair_mut(pair_id) else {
            return Ok(());
        };
        if pair.revoked {
            return Ok(());
        }
        let was_valid = pair.is_valid();
        pair.answered(now, transaction.sent);
        if !pair.is_nominating() || !controlling {
            // An answer starts the wait for the next consent check only if it ends a check: an
            // answered consent check has set its successor already.
            if !was_valid {
                pair.next_at = now + interval;
            }
        } else if transaction.use_candidate {
            pair.next_at = now + interval;
        }
        pair.state = PairState::Succeeded;
        pair.triggered = None;
        if !was_valid {
            self.became_valid(pair_id, mapped);
        }
        let Some(pair) = self.pair(pair_id) else {
            return Ok(());
        };
        let nominated = pair.is_nominating() && (!controlling || transaction.use_candidate);
        if generation != self.generation.number {
            return Ok(());
        }
        if nominated {
            self.nominated(pair_id);
        } else if !was_valid {
            self.challenge_by(pair_id);
        }
        Ok(())
    }

    /// An authentic error response (RFC 8445 section 7.2.5.1).
    fn refused(
        &mut self,
        message: &Message<'_>,
        pair_id: PairId,
        was_controlling: bool,
    ) -> Result<(), DropReason> {
        let is_conflict =
            message.error_code().map(|error| error.code) == Some(Code::RoleConflict.number());
        if !is_conflict {
            if let Some(pair) = self.pair_mut(pair_id)
                && !pair.is_valid()
            {
                pair.state = PairState::Failed;
            }
            return Err(DropReason::ErrorResponse);
        }
        // Only if no other response made us change since that request was sent.
        if was_controlling == self.controlling {
            self.tiebreaker = self.rng.u64();
            self.switch_role(!was_controlling);
        }
        let trigger = self.next_trigger;
        if let Some(pair) = self.pair_mut(pair_id)
            && !pair.is_valid()
            && pair.triggered.is_none()
        {
            pair.triggered = Some(trigger);
            pair.reset_check();
            self.next_trigger = trigger.wrapping_add(1);
        }
        Ok(())
    }

    /// Settles what a first answer tells: the mapped address, which may be a new peer-reflexive
    /// candidate (RFC 8445 section 7.2.5.3.1), and the pair's final priority.
    fn became_valid(&mut self, pair_id: PairId, mapped: SocketAddr) {
        let Some(pair) = self.pair(pair_id) else {
            return;
        };
        let (base, remote_id, group) = (pair.base, pair.remote_id, pair.group);
        let priority = candidate_priority(CandidateType::PeerReflexive, self.preference_of(base));
        self.add_local(CandidateType::PeerReflexive, mapped, base, priority, None);
        let local = self
            .locals
            .iter()
            .find(|local| local.address == mapped && local.base == base)
            .map(|local| (local.id, local.candidate.kind, local.candidate.priority));
        let remote = self
            .remotes
            .iter()
            .find(|remote| remote.id == remote_id)
            .map(|remote| (remote.kind, remote.priority));
        let controlling = self.controlling;
        if let (Some((id, kind, local)), Some((remote_kind, remote)), Some(pair)) =
            (local, remote, self.pair_mut(pair_id))
        {
            pair.local_id = id;
            pair.direct = kind == CandidateType::Host && remote_kind == CandidateType::Host;
            pair.priority = pair_priority(controlling, local, remote);
        }
        for pair in &mut self.pairs {
            if pair.group == group && pair.state == PairState::Frozen {
                pair.state = PairState::Waiting;
            }
        }
    }
}
