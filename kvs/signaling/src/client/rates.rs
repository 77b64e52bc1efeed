//! KVS's rates, kept from our side, and the messages that wait for them.

use alloc::collections::VecDeque;

use kvs_message::{Body, ClientId, Outbound};
use smolrtc_base::{Duration, Instant};

/// The service counts arrivals, which the network may squeeze together.
const WINDOW: Duration = Duration::from_millis(1_050);
/// Offers and answers a second on one socket.
const DESCRIPTIONS: usize = 5;
/// Candidates a second on one socket.
const CANDIDATES: usize = 20;

/// Never more than `N` in any window: remembers the last `N` sendings.
#[derive(Clone, Copy, Debug)]
struct Rate<const N: usize> {
    sent: [Option<Instant>; N],
    next: usize,
}

impl<const N: usize> Rate<N> {
    const fn new() -> Self {
        Self {
            sent: [None; N],
            next: 0,
        }
    }

    /// When the next may go.
    fn ready_at(&self) -> Instant {
        let oldest = self.sent.get(self.next).copied().flatten();
        oldest.map_or(Instant::ZERO, |at| at.plus(WINDOW))
    }

    fn record(&mut self, now: Instant) {
        if let Some(slot) = self.sent.get_mut(self.next) {
            *slot = Some(now);
        }
        self.next = self.next.wrapping_add(1).checked_rem(N).unwrap_or(0);
    }
}

/// Messages in the order in which they were given, released as the rates allow. Messages for one
/// receiver never overtake each other.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Outbound>,
    bound: usize,
    descriptions: Rate<DESCRIPTIONS>,
    candidates: Rate<CANDIDATES>,
    dropped: u32,
}

impl Outbox {
    pub(super) const fn new(bound: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            bound,
            descriptions: Rate::new(),
            candidates: Rate::new(),
            dropped: 0,
        }
    }

    /// Queues a message. A full queue makes room by dropping its oldest candidate; without one it
    /// is `false`.
    pub(super) fn push(&mut self, message: Outbound) -> bool {
        if self.queue.len() >= self.bound {
            let Some(at) = self.queue.iter().position(is_candidate) else {
                return false;
            };
            self.queue.remove(at);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.queue.push_back(message);
        true
    }

    /// Drops what waits for `peer`, whose session is over or has been replaced.
    pub(super) fn forget(&mut self, peer: Option<&ClientId>) {
        let before = self.queue.len();
        self.queue.retain(|message| message.to.as_ref() != peer);
        self.count(before);
    }

    /// Drops every candidate: the socket they were meant for is gone, and so is their urgency.
    pub(super) fn forget_candidates(&mut self) {
        let before = self.queue.len();
        self.queue.retain(|message| !is_candidate(message));
        self.count(before);
    }

    fn count(&mut self, before: usize) {
        let gone = before.saturating_sub(self.queue.len());
        self.dropped = self
            .dropped
            .saturating_add(u32::try_from(gone).unwrap_or(u32::MAX));
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<Outbound> {
        let (at, ready) = self.next()?;
        if now < ready {
            return None;
        }
        let message = self.queue.remove(at)?;
        if is_candidate(&message) {
            self.candidates.record(now);
        } else {
            self.descriptions.record(now);
        }
        Some(message)
    }

    /// A new socket starts with rates of its own.
    pub(super) const fn new_socket(&mut self) {
        self.descriptions = Rate::new();
        self.candidates = Rate::new();
    }

    /// When [`Outbox::pop`] will have something.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        self.next().map(|(_, ready)| ready)
    }

    /// The message that can go first: only the first one for its receiver is a choice.
    fn next(&self) -> Option<(usize, Instant)> {
        let mut best: Option<(usize, Instant)> = None;
        for (at, message) in self.queue.iter().enumerate() {
            let ready = if is_candidate(message) {
                self.candidates.ready_at()
            } else {
                self.descriptions.ready_at()
            };
            let first = !self
                .queue
                .iter()
                .take(at)
                .any(|earlier| earlier.to == message.to);
            if first && best.is_none_or(|(_, other)| ready < other) {
                best = Some((at, ready));
            }
        }
        best
    }

    pub(super) const fn dropped(&self) -> u32 {
        self.dropped
    }
}

const fn is_candidate(message: &Outbound) -> bool {
    matches!(message.body, Body::Candidate(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvs_message::Candidate;

    fn candidate(to: &str) -> Outbound {
        Outbound::to_viewer(
            ClientId::new(to).unwrap(),
            Body::Candidate(Candidate::default()),
        )
    }

    fn answer(to: &str) -> Outbound {
        Outbound::to_viewer(ClientId::new(to).unwrap(), Body::Answer("v=0".into()))
    }

    #[test]
    fn no_second_ever_holds_more_than_the_rates_allow() {
        let mut outbox = Outbox::new(200);
        for viewer in ["a", "b", "c", "d", "e", "f", "g"] {
            assert!(outbox.push(answer(viewer)));
            for _ in 0..10 {
                assert!(outbox.push(candidate(viewer)));
            }
        }
        let (mut now, mut log) = (Instant::from_millis(5), std::vec::Vec::new());
        while let Some(ready) = outbox.ready_at() {
            now = ready.max(now);
            let message = outbox.pop(now).unwrap();
            log.push((now, is_candidate(&message)));
        }
        assert_eq!(log.len(), 77);
        for (start, _) in &log {
            let within = |kind| {
                log.iter()
                    .filter(|(at, k)| {
                        *k == kind && at >= start && (*at - *start) < Duration::from_secs(1)
                    })
                    .count()
            };
            assert!(within(true) <= 20 && within(false) <= 5);
        }
    }

    #[test]
    fn a_candidate_never_overtakes_the_answer_it_belongs_to() {
        let mut outbox = Outbox::new(50);
        for viewer in ["a", "b", "c", "d", "e", "f"] {
            outbox.push(answer(viewer));
        }
        outbox.push(candidate("f"));
        outbox.push(candidate("a"));
        let now = Instant::from_millis(1);
        let sent: std::vec::Vec<_> = core::iter::from_fn(|| outbox.pop(now)).collect();
        assert_eq!(sent.len(), 6);
        assert_eq!(sent.last(), Some(&candidate("a")));
    }

    #[test]
    fn a_full_queue_drops_its_oldest_candidate_but_never_an_answer() {
        let mut outbox = Outbox::new(2);
        assert!(outbox.push(answer("a")));
        assert!(outbox.push(candidate("a")));
        assert!(outbox.push(answer("b")));
        assert_eq!(outbox.dropped(), 1);
        assert!(!outbox.push(answer("c")));
        outbox.forget(Some(&ClientId::new("a").unwrap()));
        assert_eq!(outbox.pop(Instant::ZERO), Some(answer("b")));
        assert_eq!(outbox.pop(Instant::ZERO), None);
    }
}
