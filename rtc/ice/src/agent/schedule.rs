//! What is sent next, and when (RFC 8445 sections 6.1.4.2 and 14).

use core::time::Duration;

use smolrtc_base::{BufferTooSmall, Instant, Transmit};
use smolrtc_stun::{Builder, Class, Method, TransactionId};

use super::receive::Response;
use super::{Agent, TRANSACTIONS_PER_PAIR, Transaction};
use crate::pair::Pair;
use crate::preference::candidate_priority;
use crate::{CandidateType, DropReason, PairId, PairState, Reason};

/// Spacing of checks that are not new ones: the least that RFC 8445 section 14.2 allows.
const MIN_SPACING: Duration = Duration::from_millis(5);

/// Something that can be sent.
#[derive(Clone, Copy, Debug)]
enum Action {
    Respond,
    /// A consent check, or a keepalive of a pair in reserve: once, without retransmission.
    Consent(PairId),
    /// The first or a further transmission of a check.
    Check(PairId, IsNew),
    Gather(usize),
}

/// Whether a check is the first of its pair, which is paced by Ta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IsNew(bool);

impl Agent {
    /// What can be sent and from when on, in the order of importance. Both `poll_transmit` and
    /// `poll_timeout` follow this list, so that neither can wait for the other.
    fn agenda(&self) -> [Option<(Instant, Reason, Action)>; 6] {
        let spaced = |from: Option<Instant>, gap| from.map_or(Instant::ZERO, |at| at + gap);
        let soon = spaced(self.last_sent, MIN_SPACING);
        let ta = self.config.timers.ta.max(MIN_SPACING);
        let paced = soon.max(spaced(self.last_new, ta));
        let ask = soon.max(spaced(self.last_gather, ta));

        let respond = (!self.responses.is_empty()).then_some((
            Instant::ZERO,
            Reason::Response,
            Action::Respond,
        ));
        let consent = self
            .pairs
            .iter()
            .filter(|pair| self.wants_consent(pair))
            .min_by_key(|pair| pair.next_at)
            .map(|pair| {
                (
                    pair.next_at.max(soon),
                    Reason::Consent,
                    Action::Consent(pair.id),
                )
            });
        let check = |pair: &Pair, at, new| (at, Reason::Check, Action::Check(pair.id, IsNew(new)));
        let triggered = self
            .checkable()
            .filter(|pair| pair.state == PairState::Waiting)
            .filter_map(|pair| Some((pair.triggered?, pair)))
            .min_by_key(|(turn, _)| *turn)
            .map(|(_, pair)| check(pair, soon, false));
        let retransmit = self
            .checkable()
            .filter(|pair| self.retransmits(pair))
            .min_by_key(|pair| pair.next_at)
            .map(|pair| check(pair, pair.next_at.max(soon), false));
        let gather = self
            .gathers
            .iter()
            .enumerate()
            .filter(|(_, gather)| {
                gather.is_active(self.path.is_some())
                    && gather.attempts < self.config.timers.gather_attempts
            })
            .min_by_key(|(_, gather)| gather.next_at)
            .map(|(index, gather)| {
                (
                    gather.next_at.max(ask),
                    Reason::Gathering,
                    Action::Gather(index),
                )
            });
        let ordinary = self.next_ordinary().map(|pair| check(pair, paced, true));
        [respond, consent, triggered, retransmit, ordinary, gather]
    }

    /// Pairs of this generation, once the peer's password is known.
    fn checkable(&self) -> impl Iterator<Item = &Pair> {
        let ready = self.generation.remote.is_some();
        let number = self.generation.number;
        self.pairs
            .iter()
            .filter(move |pair| ready && pair.generation == number && !pair.revoked)
    }

    /// Whether a consent check of this pair is to be sent at its `next_at`.
    fn wants_consent(&self, pair: &Pair) -> bool {
        // The old generation's path needs no consent once the new one is nominated.
        pair.is_valid()
            && !self.nominates(pair)
            && (pair.generation == self.generation.number || self.selected.is_none())
    }

    /// Whether our nomination of this pair waits for its acknowledgement.
    pub(super) fn nominates(&self, pair: &Pair) -> bool {
        self.controlling && pair.is_valid() && pair.is_nominating()
    }

    fn retransmits(&self, pair: &Pair) -> bool {
        let under_way = pair.state == PairState::InProgress || self.nominates(pair);
        under_way && pair.attempts < self.config.timers.check_attempts
    }

    /// The next pair without a check of its own: the best that waits, else the best frozen one
    /// whose group is idle. None once a pair is selected: checks are over (section 8.1.2).
    fn next_ordinary(&self) -> Option<&Pair> {
        if self.selected.is_some() || self.failed {
            return None;
        }
        let best = |state| {
            self.checkable()
                .filter(move |pair| pair.state == state && pair.triggered.is_none())
                .max_by_key(|pair| pair.priority)
        };
        best(PairState::Waiting).or_else(|| {
            let idle = |pair: &&Pair| {
                !self
                    .pairs
                    .iter()
                    .any(|other| other.group == pair.group && other.state == PairState::InProgress)
            };
            self.checkable()
                .filter(|pair| pair.state == PairState::Frozen)
                .filter(idle)
                .max_by_key(|pair| pair.priority)
        })
    }

    /// When to call `handle_timeout` and `poll_transmit` again, and why. An instant that has
    /// passed means at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let sends = self
            .agenda()
            .into_iter()
            .flatten()
            .map(|(at, reason, _)| (at, reason));
        sends
            .chain(self.timers().into_iter().flatten())
            .min_by_key(|(at, _)| *at)
    }

    /// Writes the next datagram that is due. `buf` holds [`MAX_MESSAGE_LEN`](crate::MAX_MESSAGE_LEN)
    /// bytes; a message that does not fit counts as lost on the way.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.touch(now);
        // Each round takes one thing off the agenda for good, so there are few.
        for _ in 0..8 {
            let due = self
                .agenda()
                .into_iter()
                .flatten()
                .find(|(at, ..)| *at <= self.now);
            let (_, _, action) = due?;
            let sent = match action {
                Action::Respond => self.respond(buf),
                Action::Consent(id) => self.send_consent(id, buf),
                Action::Check(id, new) => self.send_check(id, new, buf),
                Action::Gather(index) => self.send_gather(index, buf),
            };
            match sent {
                Ok(Some(transmit)) => return Some(transmit),
                Ok(None) => {}
                Err(reason) => self.count(reason),
            }
        }
        None
    }

    fn respond(&mut self, buf: &mut [u8]) -> Result<Option<Transmit>, DropReason> {
        let Some(response) = self.responses.pop_front() else {
            return Ok(None);
        };
        let Some(generation) = self.generation(response.generation) else {
            return Ok(None);
        };
        // An error response is written into no more room than its request took.
        let room = if response.error.is_some() {
            response.request_len
        } else {
            usize::MAX
        };
        let (fits, room) = (buf.len() >= room, buf.len().min(room));
        let written = buf
            .get_mut(..room)
            .ok_or(BufferTooSmall)
            .and_then(|buf| write_response(buf, &response, &generation.local.key));
        match written {
            Ok(len) => Ok(Some(Transmit {
                to: response.to,
                from: response.local,
                len,
                segment_size: None,
            })),
            Err(BufferTooSmall) if response.error.is_some() && fits => {
                Err(DropReason::ErrorTooLarge)
            }
            Err(BufferTooSmall) => Err(DropReason::BufferTooSmall),
        }
    }

    fn send_check(
        &mut self,
        id: PairId,
        IsNew(new): IsNew,
        buf: &mut [u8],
    ) -> Result<Option<Transmit>, DropReason> {
        let (now, rto) = (self.now, self.config.timers.rto);
        if new {
            self.last_new = Some(now);
        }
        let Some(pair) = self.pair_mut(id) else {
            return Ok(None);
        };
        if pair.attempts == 0 {
            pair.requests_sent = pair.requests_sent.saturating_add(1);
        } else {
            pair.retransmissions_sent = pair.retransmissions_sent.saturating_add(1);
        }
        pair.triggered = None;
        pair.attempts = pair.attempts.saturating_add(1);
        pair.next_at = now + pair.rto(rto);
        if !pair.is_valid() {
            pair.state = PairState::InProgress;
        }
        self.send_request(id, buf)
    }

    fn send_consent(&mut self, id: PairId, buf: &mut [u8]) -> Result<Option<Transmit>, DropReason> {
        let interval = self.consent_interval();
        let probe = self
            .challenge
            .as_ref()
            .and_then(|challenge| challenge.probes(id));
        let next_at = self.now + probe.unwrap_or(interval);
        if let Some(pair) = self.pair_mut(id) {
            pair.consent_requests_sent = pair.consent_requests_sent.saturating_add(1);
            pair.next_at = next_at;
        }
        self.send_request(id, buf)
    }

    /// The time to the next consent check, drawn anew each time (RFC 7675 section 5.1).
    pub(super) fn consent_interval(&mut self) -> Duration {
        let mean = self.config.timers.consent_interval;
        mean * 8 / 10 + mean * self.rng.below(4_001) / 10_000
    }

    /// Writes a Binding request for the pair and remembers it.
    fn send_request(&mut self, id: PairId, buf: &mut [u8]) -> Result<Option<Transmit>, DropReason> {
        let now = self.now;
        self.last_sent = Some(now);
        let transaction_id = TransactionId(self.rng.array());
        let (controlling, tiebreaker) = (self.controlling, self.tiebreaker);
        let Some(pair) = self.pair_mut(id) else {
            return Ok(None);
        };
        pair.unanswered_since.get_or_insert(now);
        let Some(pair) = self.pair(id) else {
            return Ok(None);
        };
        let use_candidate = self.nominates(pair);
        let Some(generation) = self.generation(pair.generation) else {
            return Ok(None);
        };
        let Some(remote) = &generation.remote else {
            return Ok(None);
        };
        let priority =
            candidate_priority(CandidateType::PeerReflexive, self.preference_of(pair.base));
        let (to, from) = (pair.remote, pair.base);
        let write = |buf| -> Result<usize, BufferTooSmall> {
            let mut request = Builder::new(buf, Class::Request, Method::BINDING, transaction_id)?;
            request.username(&generation.username)?;
            request.priority(priority)?;
            if controlling {
                request.ice_controlling(tiebreaker)?;
            } else {
                request.ice_controlled(tiebreaker)?;
            }
            if use_candidate {
                request.use_candidate()?;
            }
            request.integrity(&remote.key)?;
            request.fingerprint()?;
            Ok(request.finish())
        };
        let len = write(buf).map_err(|BufferTooSmall| DropReason::BufferTooSmall)?;

        if self
            .transactions
            .iter()
            .filter(|other| other.pair == id)
            .count()
            >= TRANSACTIONS_PER_PAIR
            && let Some(oldest) = self.transactions.iter().position(|other| other.pair == id)
        {
            self.transactions.remove(oldest);
        }
        self.transactions.push_back(Transaction {
            id: transaction_id,
            pair: id,
            sent: now,
            controlling,
            use_candidate,
        });
        Ok(Some(Transmit {
            to,
            from,
            len,
            segment_size: None,
        }))
    }

    fn send_gather(
        &mut self,
        index: usize,
        buf: &mut [u8],
    ) -> Result<Option<Transmit>, DropReason> {
        let (now, rto) = (self.now, self.config.timers.rto);
        let Some(gather) = self.gathers.get_mut(index) else {
            return Ok(None);
        };
        self.last_sent = Some(now);
        self.last_gather = Some(now);
        let backoff = rto * (1 << u32::from(gather.attempts.min(4)));
        gather.next_at = now + backoff.min(Duration::from_secs(2));
        gather.attempts = gather.attempts.saturating_add(1);
        let write = |buf| -> Result<usize, BufferTooSmall> {
            let mut request = Builder::new(buf, Class::Request, Method::BINDING, gather.id)?;
            request.fingerprint()?;
            Ok(request.finish())
        };
        let len = write(buf).map_err(|BufferTooSmall| DropReason::BufferTooSmall)?;
        Ok(Some(Transmit {
            to: gather.server,
            from: gather.base,
            len,
            segment_size: None,
        }))
    }
}

fn write_response(
    buf: &mut [u8],
    response: &Response,
    key: &smolrtc_stun::Key,
) -> Result<usize, BufferTooSmall> {
    let class = if response.error.is_some() {
        Class::Error
    } else {
        Class::Success
    };
    let mut builder = Builder::new(buf, class, Method::BINDING, response.id)?;
    match response.error {
        Some(code) => builder.error_code(code.number(), code.reason())?,
        None => builder.xor_mapped_address(&response.to)?,
    }
    if let Some(unknown) = response.unknown {
        builder.unknown_attributes(&[unknown])?;
    }
    builder.integrity(key)?;
    builder.fingerprint()?;
    Ok(builder.finish())
}
