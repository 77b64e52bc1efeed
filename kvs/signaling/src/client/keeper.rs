//! Credentials: where they come from, and that there are always some.
//!
//! A callback goes before IoT Core, IoT Core before static ones. Temporary ones are renewed before
//! they end; what is open stays open meanwhile. Whatever fails is tried again.

use smolrtc_base::{Duration, Instant, Rng};

use super::backoff::Backoff;
use crate::clock::Clock;
use crate::credentials::{Credentials, EXPIRY_GRACE, IotCore, Sources};
use crate::event::Reason;
use crate::exchange::Exchange;

/// A callback that does not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// Renewed so long before their end, unless their whole life is short.
const AHEAD: Duration = Duration::from_secs(300);
/// After a refusal new ones are fetched at most so often.
const DOUBT_EVERY: Duration = Duration::from_secs(30);

pub(super) struct Keeper {
    source: Source,
    state: State,
    pub(super) http: Exchange,
    pub(super) backoff: Backoff,
    doubted: Option<Instant>,
}

/// The one source in use.
enum Source {
    Callback,
    Iot(IotCore),
    /// Given once; whoever gave them may give others.
    Fixed,
}

enum State {
    /// Nothing to sign with; they are fetched, or asked for as often as said.
    Empty(Renewal),
    /// These sign.
    Held {
        credentials: Credentials,
        /// When they were given, for their age.
        given: Instant,
        renewal: Renewal,
    },
}

#[derive(Clone, Copy)]
enum Renewal {
    /// Nothing to do before their time comes.
    Rest,
    /// To be asked for, or fetched, now.
    Due,
    /// The application was told.
    Asked { again: Instant },
    /// The call to IoT Core is under way, or waits for its back-off.
    Calling,
}

/// What happens to credentials.
pub(super) enum Input {
    /// New ones.
    Given(Credentials),
    /// Their time has come.
    Ripe,
    /// The service refuses them: `expired` if it says that they have.
    Refused { expired: bool },
    /// The call to IoT Core brought nothing.
    Failed,
}

/// What is to be done for credentials now.
pub(super) enum Need {
    /// Tell the application.
    Ask,
    /// Call IoT Core.
    Call(IotCore),
}

impl Keeper {
    pub(super) fn new(sources: Sources, now: Instant) -> Self {
        let source = match (sources.callback, sources.iot) {
            (true, _) => Source::Callback,
            (false, Some(iot)) => Source::Iot(iot),
            (false, None) => Source::Fixed,
        };
        let state = match (&source, sources.fixed) {
            (Source::Fixed, Some(credentials)) => State::Held {
                credentials,
                given: now,
                renewal: Renewal::Rest,
            },
            _ => State::Empty(Renewal::Due),
        };
        Self {
            source,
            state,
            http: Exchange::default(),
            backoff: Backoff::default(),
            doubted: None,
        }
    }

    /// The machine's only transitions.
    pub(super) fn transition(&mut self, now: Instant, rng: &mut Rng, input: Input) {
        let state = core::mem::replace(&mut self.state, State::Empty(Renewal::Due));
        self.state = match (state, input) {
            (_, Input::Given(credentials)) => {
                self.backoff.reset();
                State::Held {
                    credentials,
                    given: now,
                    renewal: Renewal::Rest,
                }
            }
            (State::Empty(_), Input::Ripe) => State::Empty(Renewal::Due),
            (
                State::Held {
                    credentials,
                    given,
                    renewal: Renewal::Rest | Renewal::Asked { .. },
                },
                Input::Ripe,
            ) => State::Held {
                credentials,
                given,
                renewal: Renewal::Due,
            },
            // They may be good after all: the key is being created, a policy spreads, a clock was
            // wrong. So they are tried further while others are fetched.
            (
                State::Held {
                    credentials,
                    given,
                    renewal: Renewal::Rest,
                },
                Input::Refused { expired },
            ) if (expired || !matches!(self.source, Source::Fixed)) && self.may_doubt(now) => {
                self.doubted = Some(now);
                State::Held {
                    credentials,
                    given,
                    renewal: Renewal::Due,
                }
            }
            (
                State::Held {
                    credentials, given, ..
                },
                Input::Failed,
            ) => {
                self.backoff.fail(now, rng);
                State::Held {
                    credentials,
                    given,
                    renewal: Renewal::Due,
                }
            }
            (State::Empty(_), Input::Failed) => {
                self.backoff.fail(now, rng);
                State::Empty(Renewal::Due)
            }
            (state, Input::Ripe | Input::Refused { .. }) => state,
        };
    }

    fn may_doubt(&self, now: Instant) -> bool {
        self.doubted.is_none_or(|at| now.since(at) >= DOUBT_EVERY)
    }

    /// Those to sign with.
    pub(super) fn usable(&self, now: Instant, clock: &Clock) -> Option<&Credentials> {
        match &self.state {
            State::Held { credentials, .. } if !credentials.expired(clock.now(now)) => {
                Some(credentials)
            }
            _ => None,
        }
    }

    /// Whether there were some, before the clock ended them.
    pub(super) const fn has_expired(&self) -> bool {
        matches!(self.state, State::Held { .. })
    }

    /// What is to be done now; it counts as begun.
    pub(super) fn next(&mut self, now: Instant, clock: &Clock, rng: &mut Rng) -> Option<Need> {
        if self.ripe_at(clock).is_some_and(|at| now >= at) {
            self.transition(now, rng, Input::Ripe);
        }
        let (State::Empty(renewal) | State::Held { renewal, .. }) = &mut self.state;
        if !matches!(renewal, Renewal::Due) {
            return None;
        }
        match &self.source {
            Source::Iot(iot) => {
                if !self.backoff.is_open(now) {
                    return None;
                }
                *renewal = Renewal::Calling;
                Some(Need::Call(iot.clone()))
            }
            Source::Callback | Source::Fixed => {
                *renewal = Renewal::Asked {
                    again: now.plus(ASK_AGAIN),
                };
                Some(Need::Ask)
            }
        }
    }

    pub(super) fn poll_timeout(&self, clock: &Clock) -> Option<(Instant, Reason)> {
        let (State::Empty(renewal) | State::Held { renewal, .. }) = &self.state;
        let own = match renewal {
            Renewal::Due => self.backoff.retry_at(),
            _ => self.ripe_at(clock),
        };
        let own = own.map(|at| (at, Reason::Credentials));
        own.into_iter()
            .chain(self.http.poll_timeout())
            .min_by_key(|(at, _)| *at)
    }

    /// When [`Input::Ripe`] is due.
    fn ripe_at(&self, clock: &Clock) -> Option<Instant> {
        match &self.state {
            State::Empty(Renewal::Asked { again })
            | State::Held {
                renewal: Renewal::Asked { again },
                ..
            } => Some(*again),
            State::Held {
                credentials,
                given,
                renewal: Renewal::Rest,
            } => {
                let end = clock.instant_of(credentials.expires()?.minus(EXPIRY_GRACE));
                // 300 s ahead of the end, but not before four fifths of a short life are over.
                let fifth = end.since(*given).checked_div(5).unwrap_or_default();
                Some(end.minus(AHEAD.min(fifth)))
            }
            _ => None,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match &self.state {
            State::Empty(_) => "Empty",
            State::Held {
                renewal: Renewal::Rest,
                ..
            } => "Held",
            State::Held { .. } => "Renewing",
        }
    }
}
