//! Faults on demand: what can go wrong between a camera and the cloud, switched on and off while
//! the service runs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use smolrtc_base::{Duration, Instant, UnixTime};

use crate::channel::ConnectionId;
use crate::error::Refusal;
use crate::service::{Service, ServiceEvent};

/// How long a message that is to be overtaken waits.
const OVERTAKEN: Duration = Duration::from_millis(200);
/// Switches that may be on at once.
const MAX_SWITCHES: usize = 32;
/// Messages that may be late at once; more are not delayed.
const MAX_LATE: usize = 1_024;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Calls and handshakes get no answer; messages are lost.
    Drop,
    /// Answers and messages come late by this much.
    Delay(Duration),
    /// Calls and handshakes end without an answer; open connections are closed when it begins.
    Close,
    /// Streams die without a word: those that are open or opened meanwhile bring and take nothing
    /// any more, not even afterwards.
    BlackHole,
    /// Calls and handshakes are refused with this status.
    Status(u16),
    /// Every token counts as expired.
    ExpiredToken,
    /// The service's clock is ahead by so many seconds, behind if negative.
    SkewedDate(i64),
    /// Open connections are sent GO_AWAY, once, when it begins.
    GoAway,
    /// Messages come twice.
    Duplicate,
    /// Every other message is overtaken by those that follow within 200 ms.
    Reorder,
}

/// What it concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything that the fault can concern.
    #[default]
    All,
    /// Calls of the control plane and GetIceServerConfig.
    Calls,
    /// WebSocket handshakes.
    Connects,
    /// Messages.
    Messages,
    /// GetIceServerConfig alone.
    IceServers,
}

/// A fault that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// What goes wrong.
    pub fault: Fault,
    /// What it concerns.
    pub scope: Scope,
    /// How long from its beginning; `None`: until it is cleared.
    pub lasts: Option<Duration>,
}

impl Switch {
    /// A fault in everything until it is cleared.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            scope: Scope::All,
            lasts: None,
        }
    }
}

/// Not a fault as [`Switch`] reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFault;

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a fault is drop, delay=MILLISECONDS, close, black-hole, status=CODE, expired-token, \
             skewed-date=SECONDS, go-away, duplicate or reorder, then perhaps @calls, @connects, \
             @messages or @ice-servers, then perhaps :SECONDS",
        )
    }
}

impl core::error::Error for UnknownFault {}

impl FromStr for Switch {
    type Err = UnknownFault;

    /// `FAULT[=VALUE][@SCOPE][:SECONDS]`, for instance `status=403@connects:30`.
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (rest, lasts) = match text.trim().split_once(':') {
            Some((rest, seconds)) => {
                let seconds = seconds.parse().map_err(|_| UnknownFault)?;
                (rest, Some(Duration::from_secs(seconds)))
            }
            None => (text.trim(), None),
        };
        let (rest, scope) = match rest.split_once('@') {
            Some((rest, scope)) => (rest, scope_of(scope)?),
            None => (rest, Scope::All),
        };
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        let fault = fault_of(name, value).ok_or(UnknownFault)?;
        Ok(Self {
            fault,
            scope,
            lasts,
        })
    }
}

fn scope_of(text: &str) -> Result<Scope, UnknownFault> {
    Ok(match text {
        "all" => Scope::All,
        "calls" => Scope::Calls,
        "connects" => Scope::Connects,
        "messages" => Scope::Messages,
        "ice-servers" => Scope::IceServers,
        _ => return Err(UnknownFault),
    })
}

fn fault_of(name: &str, value: Option<&str>) -> Option<Fault> {
    Some(match (name, value) {
        ("drop", None) => Fault::Drop,
        ("delay", Some(millis)) => Fault::Delay(Duration::from_millis(millis.parse().ok()?)),
        ("close", None) => Fault::Close,
        ("black-hole", None) => Fault::BlackHole,
        ("status", Some(code)) => {
            Fault::Status(code.parse().ok().filter(|code| (300..600).contains(code))?)
        }
        ("expired-token", None) => Fault::ExpiredToken,
        ("skewed-date", Some(seconds)) => Fault::SkewedDate(seconds.parse().ok()?),
        ("go-away", None) => Fault::GoAway,
        ("duplicate", None) => Fault::Duplicate,
        ("reorder", None) => Fault::Reorder,
        _ => return None,
    })
}

/// What a driver is to do with a request before the service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Treatment {
    /// Nothing special.
    Pass,
    /// Answer it, so much later.
    Delay(Duration),
    /// Never answer it.
    Swallow,
    /// End the stream.
    Close,
}

/// What is on, and what is late because of it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    on: Vec<(Switch, Option<Instant>)>,
    late: Vec<(Instant, ConnectionId, String)>,
    /// Messages seen while reordering.
    turn: bool,
}

impl Faults {
    fn find<T>(&self, now: Instant, scope: Scope, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        self.on
            .iter()
            .filter(|(_, until)| until.is_none_or(|until| now < until))
            .filter(|(switch, _)| switch.scope == Scope::All || switch.scope == scope)
            .find_map(|(switch, _)| pick(switch.fault))
    }

    fn is_on(&self, now: Instant, scope: Scope, fault: Fault) -> bool {
        self.find(now, scope, |on| (on == fault).then_some(()))
            .is_some()
    }

    /// Whether streams die now.
    pub(crate) fn black_hole(&self, now: Instant) -> bool {
        self.is_on(now, Scope::All, Fault::BlackHole)
    }

    /// The time as the service has it.
    pub(crate) fn clock(&self, now: Instant, unix: UnixTime) -> UnixTime {
        let seconds = self.find(now, Scope::All, |on| match on {
            Fault::SkewedDate(seconds) => Some(seconds),
            _ => None,
        });
        let micros = seconds.unwrap_or(0).saturating_mul(1_000_000);
        UnixTime::from_micros(unix.as_micros().saturating_add_signed(micros))
    }

    /// The refusal that a request gets instead of what it asks for.
    pub(crate) fn refusal(&self, now: Instant, scope: Scope) -> Result<(), Refusal> {
        let kinds = [scope, general(scope)];
        let refusal = kinds.into_iter().find_map(|scope| {
            self.find(now, scope, |on| match on {
                Fault::Status(status) => Some(Refusal::Injected(status)),
                Fault::ExpiredToken => Some(Refusal::ExpiredToken),
                _ => None,
            })
        });
        refusal.map_or(Ok(()), Err)
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.late.iter().map(|(at, ..)| *at).min()
    }
}

/// GetIceServerConfig is a call, too.
const fn general(scope: Scope) -> Scope {
    match scope {
        Scope::IceServers => Scope::Calls,
        other => other,
    }
}

/// What a request is, for [`Scope`]s.
pub(crate) fn scope_of_path(path: &str) -> Scope {
    if path == "/v1/get-ice-server-config" {
        Scope::IceServers
    } else {
        Scope::Calls
    }
}

impl Service {
    /// Switches a fault on.
    pub fn inject(&mut self, now: Instant, switch: Switch) {
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        match switch.fault {
            Fault::GoAway => {
                for id in connections {
                    self.go_away(id);
                }
                return;
            }
            Fault::Close if matches!(switch.scope, Scope::All | Scope::Messages) => {
                for id in connections {
                    self.disconnect(id);
                }
            }
            _ => {}
        }
        let on = &mut self.faults.on;
        on.retain(|(_, until)| until.is_none_or(|until| now < until));
        if on.len() >= MAX_SWITCHES {
            on.remove(0);
        }
        on.push((switch, switch.lasts.map(|lasts| now.plus(lasts))));
    }

    /// Switches every fault off. What is late still comes.
    pub fn clear_faults(&mut self) {
        self.faults.on.clear();
    }

    /// What is on.
    pub fn faults(&self, now: Instant) -> impl Iterator<Item = Switch> + '_ {
        let on = self.faults.on.iter();
        on.filter(move |(_, until)| until.is_none_or(|until| now < until))
            .map(|(switch, _)| *switch)
    }

    /// What a driver is to do with a request; `upgrade` if it is a WebSocket's.
    #[must_use]
    pub fn treatment(&self, now: Instant, path: &str, upgrade: bool) -> Treatment {
        let scope = if upgrade {
            Scope::Connects
        } else {
            scope_of_path(path)
        };
        let treat = |scope| {
            self.faults.find(now, scope, |on| match on {
                Fault::Drop => Some(Treatment::Swallow),
                Fault::Delay(by) => Some(Treatment::Delay(by)),
                Fault::Close => Some(Treatment::Close),
                _ => None,
            })
        };
        treat(scope)
            .or_else(|| treat(general(scope)))
            .unwrap_or(Treatment::Pass)
    }

    /// Whether the driver is to let its streams die; see [`Fault::BlackHole`].
    #[must_use]
    pub fn is_black_hole(&self, now: Instant) -> bool {
        self.faults.black_hole(now)
    }

    /// Sends a message to its receiver, as the faults have it.
    pub(crate) fn deliver(&mut self, now: Instant, to: ConnectionId, text: String) {
        let faults = &mut self.faults;
        if faults.is_on(now, Scope::Messages, Fault::Drop) {
            return;
        }
        let delay = faults.find(now, Scope::Messages, |on| match on {
            Fault::Delay(by) => Some(by),
            _ => None,
        });
        let reorder = faults.is_on(now, Scope::Messages, Fault::Reorder);
        faults.turn = reorder && !faults.turn;
        let wait = delay.or(faults.turn.then_some(OVERTAKEN));
        let copies = if faults.is_on(now, Scope::Messages, Fault::Duplicate) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            match wait {
                Some(wait) if self.faults.late.len() < MAX_LATE => {
                    let late = (now.plus(wait), to, text.clone());
                    self.faults.late.push(late);
                }
                _ => self
                    .events
                    .push_back(ServiceEvent::SendText(to, text.clone())),
            }
        }
    }

    /// Sends what was late long enough.
    pub(crate) fn deliver_late(&mut self, now: Instant) {
        let (due, rest) = core::mem::take(&mut self.faults.late)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, ..)| now >= *at);
        self.faults.late = rest;
        for (_, to, text) in due {
            self.events.push_back(ServiceEvent::SendText(to, text));
        }
    }
}
