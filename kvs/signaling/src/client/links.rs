//! The connections: the current one, and the next one while it takes over.
//!
//! KVS ends a connection after an hour, and after ten minutes without a message. Both are
//! pre-empted by *rotation*: the next stream is opened beside the current WebSocket; a ping, the
//! *fence*, shows that everything sent so far was taken; then the next one's handshake goes out,
//! at which the service closes the current one. What the current one still brings is read to its
//! end. Messages to be sent wait from the fence to the handshake's end, two round trips.

use alloc::string::String;

use smolrtc_base::{Duration, Instant, Rng};

use super::backoff::Backoff;
use super::socket::{Progress, Socket};
use crate::config::{Lifetimes, Timeouts};
use crate::event::{
    CloseReason, DisconnectReason, Reason, StreamId, StreamTransmit, TransportError,
};
use crate::exchange::Outputs;
use crate::http::Response;

mod transition;

/// After GO_AWAY the service leaves a minute; so many milliseconds of it are spread over cameras.
const GO_AWAY_SPREAD: u32 = 20_000;

pub(super) struct Links {
    state: State,
    pub(super) retry: Backoff,
    /// Times in a row that another master took the channel.
    takeovers: u32,
}

enum State {
    /// No socket.
    Down,
    /// The only one opens. `lost`: why the one before it ended, if nobody was told yet.
    Opening {
        socket: Socket,
        lost: Option<DisconnectReason>,
    },
    /// One carries messages.
    Up { current: Socket, plan: Plan },
    /// The next one opens.
    Rotating {
        current: Socket,
        next: Socket,
        plan: Plan,
        fence: Fence,
    },
    /// The next one has taken over; what the old one still brings is read.
    Draining {
        current: Socket,
        plan: Plan,
        old: Socket,
        until: Instant,
    },
    /// Another master has the channel.
    Replaced { until: Instant },
    /// Our close frame is on its way.
    Closing { socket: Socket },
}

/// How far the change of sockets is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fence {
    /// The next stream opens; the current socket carries on.
    Ahead,
    /// Nothing is sent any more until the pong shows that all was taken.
    Raised,
    /// The next handshake is out: the service will close the current socket.
    Passed,
}

/// When a connection is to be replaced.
#[derive(Clone, Copy)]
struct Plan {
    age: Instant,
    idle: Duration,
    told: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Current,
    Next,
    Old,
}

/// What the application or the control plane must learn.
pub(super) enum Effect {
    Connected,
    Rotated,
    Text { text: String, current: bool },
    Refused(Response),
    Failed(TransportError),
    Lost(DisconnectReason),
    Replaced { retry_at: Instant },
}

/// Of one transition; handled in this order.
pub(super) type Effects = [Option<Effect>; 2];

/// What transitions need beside the state.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) outputs: &'a mut Outputs,
    pub(super) rng: &'a mut Rng,
    pub(super) timeouts: &'a Timeouts,
    pub(super) lifetimes: &'a Lifetimes,
    pub(super) message_bytes: usize,
}

impl Links {
    pub(super) fn new() -> Self {
        Self {
            state: State::Down,
            retry: Backoff::default(),
            takeovers: 0,
        }
    }

    /// Takes bytes from the front of `input`; to be called again until it returns `None`.
    pub(super) fn handle_bytes(
        &mut self,
        id: StreamId,
        input: &mut &[u8],
        cx: &mut Context<'_>,
    ) -> Option<Effects> {
        let (which, socket) = self.find(id)?;
        let cap = cx.message_bytes;
        let progress = socket.handle_bytes(cx.now, input, cap, cx.timeouts, cx.rng)?;
        Some(self.transition(which, progress, cx))
    }

    pub(super) fn handle_opened(&mut self, id: StreamId, cx: &mut Context<'_>) -> Effects {
        match self
            .find(id)
            .map(|(which, socket)| (which, socket.handle_opened()))
        {
            Some((which, Some(progress))) => self.transition(which, progress, cx),
            _ => [None, None],
        }
    }

    pub(super) fn handle_closed(
        &mut self,
        id: StreamId,
        reason: CloseReason,
        cx: &mut Context<'_>,
    ) -> Effects {
        match self.find(id) {
            Some((which, socket)) => {
                let progress = socket.handle_closed(reason);
                self.transition(which, progress, cx)
            }
            None => [None, None],
        }
    }

    /// Does one thing that is due; to be called again until it returns `None`.
    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) -> Option<Effects> {
        let now = cx.now;
        match &self.state {
            State::Replaced { until } if now >= *until => self.state = State::Down,
            State::Draining { until, .. } if now >= *until => {
                let ended = Progress::Ended(DisconnectReason::Shutdown);
                return Some(self.transition(Which::Old, ended, cx));
            }
            _ => {}
        }
        let (timeouts, rng) = (cx.timeouts, &mut *cx.rng);
        let (which, progress) =
            self.sockets_mut()
                .into_iter()
                .flatten()
                .find_map(|(which, socket)| {
                    Some((which, socket.handle_timeout(now, timeouts, rng)?))
                })?;
        Some(self.transition(which, progress, cx))
    }

    /// Whether a new socket is wanted now. What it is for, [`Links::start`] knows.
    pub(super) fn wants_socket(&self, now: Instant) -> bool {
        match &self.state {
            State::Down => self.retry.is_open(now),
            State::Up { current, plan } => now >= plan.due(current) && self.retry.is_open(now),
            _ => false,
        }
    }

    /// Whether the next socket is to be held back until the current one is at rest.
    pub(super) const fn holds(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Gives the socket that was wanted.
    pub(super) fn start(&mut self, socket: Socket) {
        let state = core::mem::replace(&mut self.state, State::Down);
        self.state = match state {
            State::Up { current, plan } => State::Rotating {
                current,
                next: socket,
                plan,
                fence: Fence::Ahead,
            },
            _ => State::Opening { socket, lost: None },
        };
    }

    /// The service will close the current connection within a minute.
    pub(super) fn go_away(&mut self, now: Instant, rng: &mut Rng) {
        if let State::Up { plan, .. } | State::Draining { plan, .. } = &mut self.state {
            let wait = Duration::from_millis(rng.below(GO_AWAY_SPREAD).into());
            plan.told.get_or_insert(now.plus(wait));
        }
    }

    /// Begins the closing handshake, or ends what has none.
    pub(super) fn shutdown(&mut self, now: Instant, outputs: &mut Outputs, rng: &mut Rng) {
        let state = core::mem::replace(&mut self.state, State::Down);
        let (carrier, other) = match state {
            State::Up { current, .. } => (Some(current), None),
            State::Rotating { current, next, .. } => (Some(current), Some(next)),
            State::Draining { current, old, .. } => (Some(current), Some(old)),
            State::Opening { socket, .. } => (None, Some(socket)),
            State::Closing { socket } => {
                self.state = State::Closing { socket };
                return;
            }
            State::Down | State::Replaced { .. } => (None, None),
        };
        if let Some(other) = other.filter(Socket::has_stream) {
            outputs.close(other.id());
        }
        if let Some(mut socket) = carrier {
            if socket.close(now, rng) {
                self.state = State::Closing { socket };
            } else {
                outputs.close(socket.id());
            }
        }
    }

    /// The close frame has left: nothing more is waited for.
    pub(super) fn finish_closing(&mut self, cx: &mut Context<'_>) -> Effects {
        match &self.state {
            State::Closing { socket } if socket.is_flushed_and_closing() => {
                let ended = Progress::Ended(DisconnectReason::Shutdown);
                self.transition(Which::Current, ended, cx)
            }
            _ => [None, None],
        }
    }

    /// The socket that takes messages now.
    pub(super) fn carrier(&mut self) -> Option<&mut Socket> {
        let socket = match &mut self.state {
            State::Up { current, .. }
            | State::Draining { current, .. }
            | State::Rotating {
                current,
                fence: Fence::Ahead,
                ..
            } => current,
            _ => return None,
        };
        socket.has_room().then_some(socket)
    }

    pub(super) fn has_carrier(&self) -> bool {
        match &self.state {
            State::Up { current, .. }
            | State::Draining { current, .. }
            | State::Rotating {
                current,
                fence: Fence::Ahead,
                ..
            } => current.has_room(),
            _ => false,
        }
    }

    /// Whether the channel is served; also in the moment between two sockets of a rotation.
    pub(super) const fn is_up(&self) -> bool {
        matches!(
            self.state,
            State::Up { .. }
                | State::Rotating { .. }
                | State::Draining { .. }
                | State::Opening { lost: Some(_), .. }
        )
    }

    pub(super) fn owns(&self, id: StreamId) -> bool {
        self.sockets()
            .into_iter()
            .flatten()
            .any(|socket| socket.id() == id)
    }

    pub(super) fn poll_transmit(&mut self, buf: &mut [u8]) -> Option<StreamTransmit> {
        self.sockets_mut()
            .into_iter()
            .flatten()
            .find_map(|(_, socket)| socket.poll_transmit(buf))
    }

    /// `can_connect`: whether a socket that is wanted could be opened.
    pub(super) fn poll_timeout(&self, can_connect: bool) -> Option<(Instant, Reason)> {
        let own = match &self.state {
            State::Down => {
                let at = self.retry.retry_at().filter(|_| can_connect);
                at.map(|at| (at, Reason::Retry))
            }
            State::Up { current, plan } if can_connect => {
                let at = plan.due(current);
                let at = self.retry.retry_at().map_or(at, |retry| retry.max(at));
                Some((at, Reason::Rotate))
            }
            State::Draining { until, .. } => Some((*until, Reason::Close)),
            State::Replaced { until } => Some((*until, Reason::Retry)),
            _ => None,
        };
        self.sockets()
            .into_iter()
            .flatten()
            .map(Socket::poll_timeout)
            .chain(own)
            .min_by_key(|(at, _)| *at)
    }

    pub(super) const fn name(&self) -> &'static str {
        match self.state {
            State::Down => "Down",
            State::Opening { .. } => "Opening",
            State::Up { .. } => "Up",
            State::Rotating { .. } => "Rotating",
            State::Draining { .. } => "Draining",
            State::Replaced { .. } => "Replaced",
            State::Closing { .. } => "Closing",
        }
    }

    fn find(&mut self, id: StreamId) -> Option<(Which, &mut Socket)> {
        self.sockets_mut()
            .into_iter()
            .flatten()
            .find(|(_, socket)| socket.id() == id)
    }

    fn sockets_mut(&mut self) -> [Option<(Which, &mut Socket)>; 2] {
        use Which::{Current, Next, Old};
        match &mut self.state {
            State::Opening { socket, .. } | State::Closing { socket } => {
                [Some((Current, socket)), None]
            }
            State::Up { current, .. } => [Some((Current, current)), None],
            State::Rotating { current, next, .. } => [Some((Current, current)), Some((Next, next))],
            State::Draining { current, old, .. } => [Some((Old, old)), Some((Current, current))],
            State::Down | State::Replaced { .. } => [None, None],
        }
    }

    const fn sockets(&self) -> [Option<&Socket>; 2] {
        match &self.state {
            State::Opening { socket, .. } | State::Closing { socket } => [Some(socket), None],
            State::Up { current, .. } => [Some(current), None],
            State::Rotating { current, next, .. } => [Some(current), Some(next)],
            State::Draining { current, old, .. } => [Some(old), Some(current)],
            State::Down | State::Replaced { .. } => [None, None],
        }
    }
}
