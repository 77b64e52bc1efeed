//! What follows from what happened to a socket.

use smolrtc_base::{Duration, Instant};

use super::{Context, Effect, Effects, Fence, Links, Plan, State, Which};
use crate::client::socket::{Progress, Socket};
use crate::event::DisconnectReason;

/// A connection that lived this long was a good one: the next failure starts the back-off anew.
const STABLE: Duration = Duration::from_secs(10);
/// How long a connection is read after the next one has opened. The service closes it at once.
const DRAIN: Duration = Duration::from_secs(5);
/// The first wait after another master took the channel, seconds: at least so long, at most twice.
const TAKEOVER_SECS: u32 = 60;
/// How often that wait is doubled at most: then it is up to half an hour.
const MAX_TAKEOVERS: u32 = 4;
/// Who was the master for this long was not in a quarrel.
const UNDISPUTED: Duration = Duration::from_secs(600);

impl Links {
    /// Takes what happened to one socket into account: the machine's only transitions.
    pub(super) fn transition(
        &mut self,
        which: Which,
        progress: Progress,
        cx: &mut Context<'_>,
    ) -> Effects {
        use Which::{Current, Next, Old};
        let now = cx.now;
        let state = core::mem::replace(&mut self.state, State::Down);
        let (state, effects) = match (state, which, progress) {
            // Text changes nothing.
            (state, which, Progress::Text(text)) => {
                let current = which != Old;
                (state, [Some(Effect::Text { text, current }), None])
            }

            // The only socket opens.
            (State::Opening { socket, lost }, _, Progress::Opened) => {
                let plan = Plan::new(cx);
                let effect = match lost {
                    Some(_) => Effect::Rotated,
                    None => Effect::Connected,
                };
                let current = socket;
                (State::Up { current, plan }, [Some(effect), None])
            }
            (State::Opening { mut socket, lost }, _, Progress::StreamOpen) => {
                socket.release(now, cx.timeouts);
                (State::Opening { socket, lost }, [None, None])
            }
            (State::Opening { socket, lost }, _, Progress::Refused(response)) => {
                drop_socket(&socket, cx);
                let effects = [lost.map(Effect::Lost), Some(Effect::Refused(response))];
                (State::Down, effects)
            }
            (State::Opening { socket, lost }, _, Progress::Failed(error)) => {
                drop_socket(&socket, cx);
                let effects = [lost.map(Effect::Lost), Some(Effect::Failed(error))];
                (State::Down, effects)
            }

            // The current one ends by itself.
            (State::Up { current, .. }, _, Progress::Ended(reason)) => {
                drop_socket(&current, cx);
                self.end(&current, reason, cx)
            }

            // The next one takes over, step by step.
            (
                State::Rotating {
                    mut current,
                    next,
                    plan,
                    ..
                },
                Next,
                Progress::StreamOpen,
            ) => {
                current.fence(now, cx.timeouts, cx.rng);
                let fence = Fence::Raised;
                let state = State::Rotating {
                    current,
                    next,
                    plan,
                    fence,
                };
                (state, [None, None])
            }
            (
                State::Rotating {
                    current,
                    mut next,
                    plan,
                    fence: Fence::Raised,
                },
                Current,
                Progress::Fenced,
            ) => {
                next.release(now, cx.timeouts);
                let fence = Fence::Passed;
                let state = State::Rotating {
                    current,
                    next,
                    plan,
                    fence,
                };
                (state, [None, None])
            }
            (State::Rotating { current, next, .. }, Next, Progress::Opened) => {
                self.retry.reset();
                let state = State::Draining {
                    current: next,
                    plan: Plan::new(cx),
                    old: current,
                    until: now.plus(DRAIN),
                };
                (state, [Some(Effect::Rotated), None])
            }
            // It failed: the current one goes on, and the next try comes after the back-off.
            (
                State::Rotating {
                    current,
                    next,
                    plan,
                    ..
                },
                Next,
                Progress::Refused(response),
            ) => {
                drop_socket(&next, cx);
                let effects = [Some(Effect::Refused(response)), None];
                (State::Up { current, plan }, effects)
            }
            (
                State::Rotating {
                    current,
                    next,
                    plan,
                    ..
                },
                Next,
                Progress::Failed(error),
            ) => {
                drop_socket(&next, cx);
                let effects = [Some(Effect::Failed(error)), None];
                (State::Up { current, plan }, effects)
            }
            // The service has let the next one in: that it closes the current one is what we want.
            (
                State::Rotating {
                    current,
                    next,
                    fence: Fence::Passed,
                    ..
                },
                Current,
                Progress::Ended(reason),
            ) => {
                drop_socket(&current, cx);
                let lost = Some(reason);
                (State::Opening { socket: next, lost }, [None, None])
            }
            (State::Rotating { current, next, .. }, Current, Progress::Ended(reason))
                if is_takeover(reason) =>
            {
                drop_socket(&current, cx);
                drop_socket(&next, cx);
                self.end(&current, reason, cx)
            }
            // It died meanwhile: the next one is needed more than ever.
            (
                State::Rotating {
                    current, mut next, ..
                },
                Current,
                Progress::Ended(reason),
            ) => {
                drop_socket(&current, cx);
                next.release(now, cx.timeouts);
                let state = State::Opening {
                    socket: next,
                    lost: None,
                };
                (state, [Some(Effect::Lost(reason)), None])
            }

            (
                State::Draining {
                    current, plan, old, ..
                },
                Old,
                Progress::Ended(_) | Progress::Failed(_),
            ) => {
                drop_socket(&old, cx);
                (State::Up { current, plan }, [None, None])
            }
            (State::Draining { current, old, .. }, Current, Progress::Ended(reason)) => {
                drop_socket(&current, cx);
                drop_socket(&old, cx);
                self.end(&current, reason, cx)
            }

            (
                State::Closing { socket },
                _,
                Progress::Ended(_) | Progress::Failed(_) | Progress::Refused(_),
            ) => {
                drop_socket(&socket, cx);
                let effect = Effect::Lost(DisconnectReason::Shutdown);
                (State::Down, [Some(effect), None])
            }

            // A late pong, an upgrade that was closed meanwhile.
            (state, ..) => (state, [None, None]),
        };
        self.state = state;
        effects
    }

    /// What comes after the end of the socket that carried messages.
    fn end(
        &mut self,
        socket: &Socket,
        reason: DisconnectReason,
        cx: &mut Context<'_>,
    ) -> (State, Effects) {
        let lived = socket.open_since().map(|since| cx.now.since(since));
        if is_takeover(reason) {
            if lived.is_some_and(|lived| lived >= UNDISPUTED) {
                self.takeovers = 0;
            }
            let least = TAKEOVER_SECS
                .checked_shl(self.takeovers)
                .unwrap_or(u32::MAX)
                .saturating_mul(1_000);
            self.takeovers = self.takeovers.saturating_add(1).min(MAX_TAKEOVERS);
            let wait = least.saturating_add(cx.rng.below(least));
            let until = cx.now.plus(Duration::from_millis(wait.into()));
            let lost = Effect::Lost(DisconnectReason::Replaced);
            let effects = [Some(lost), Some(Effect::Replaced { retry_at: until })];
            return (State::Replaced { until }, effects);
        }
        if lived.is_some_and(|lived| lived >= STABLE) {
            self.retry.reset();
        }
        self.retry.fail(cx.now, cx.rng);
        (State::Down, [Some(Effect::Lost(reason)), None])
    }
}

impl Plan {
    /// Cameras that were switched on together do not rotate together.
    fn new(cx: &mut Context<'_>) -> Self {
        let mut jitter = |life: Duration| {
            let tenth = u32::try_from(life.as_millis() / 10).unwrap_or(u32::MAX);
            let less = cx.rng.below(tenth.saturating_add(1));
            life.saturating_sub(Duration::from_millis(less.into()))
        };
        Self {
            age: cx.now.plus(jitter(cx.lifetimes.age)),
            idle: jitter(cx.lifetimes.idle),
            told: None,
        }
    }

    /// When the connection is to be replaced.
    pub(super) fn due(&self, socket: &Socket) -> Instant {
        let idle = socket.active().map_or(self.age, |at| at.plus(self.idle));
        let planned = self.age.min(idle);
        self.told.map_or(planned, |told| told.min(planned))
    }
}

fn drop_socket(socket: &Socket, cx: &mut Context<'_>) {
    if socket.has_stream() {
        cx.outputs.close(socket.id());
    }
}

/// AWS documents no code for a connection whose place was taken; codes from 4000 on are the ones
/// that an application gives meaning to (RFC 6455 section 7.4.2), and nothing else would use them.
const fn is_takeover(reason: DisconnectReason) -> bool {
    matches!(reason, DisconnectReason::Closed(4_000..=4_999))
}
