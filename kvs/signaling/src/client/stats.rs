//! Counters and times, for whoever wants to know how a client fares.

use core::fmt;

use smolrtc_base::{Duration, Instant};

use crate::event::Step;

smolrtc_base::drop_reasons! {
    /// Why something that arrived was dropped.
    pub enum DropReason, counted by
    /// What was dropped, by reason.
    pub struct Drops {
        /// A signaling message that is no valid JSON, or too long.
        Malformed = "malformed_message",
        /// A message type that is not known.
        UnknownType = "unknown_message_type",
        /// A message that this end never receives: an offer from nobody, a candidate from itself.
        Unexpected = "unexpected_message",
        /// Nobody polled for messages.
        InboxFull = "inbox_full",
        /// About a stream that is closed already.
        StaleStream = "stale_stream",
        /// The same payload from the same sender, a moment after the first.
        Duplicate = "duplicate_message",
    }
}

/// Counters of a client. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages received and understood.
    pub messages_received: u64,
    /// Messages handed to the socket.
    pub messages_sent: u64,
    /// Control-plane calls begun.
    pub calls: u64,
    /// Calls and connections that failed.
    pub failures: u64,
    /// Connections that ended while they were in use.
    pub runtime_errors: u64,
    /// WebSockets opened, rotations included.
    pub connections: u64,
    /// WebSockets opened after one was lost.
    pub reconnects: u64,
    /// Connections replaced by a new one before their end.
    pub rotations: u64,
    /// Times that another master took the channel.
    pub replaced: u64,
    /// GO_AWAY received.
    pub go_aways: u64,
    /// `GetIceServerConfig` answered.
    pub ice_refreshes: u64,
    /// Credentials taken.
    pub credentials: u64,
    /// Corrections of the clock.
    pub clock_corrections: u64,
    /// Messages of ours that the service refused by STATUS_RESPONSE.
    pub refused: u64,
    /// Messages of ours that were dropped before they were sent.
    pub outbound_dropped: u32,
    /// What arrived and was dropped.
    pub drops: Drops,
}

/// One kind of call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepStats {
    /// Begun.
    pub started: u64,
    /// Answered with 200, or with 101.
    pub succeeded: u64,
    /// Refused, or not answered.
    pub failed: u64,
    /// When the last one began.
    pub last_start: Option<Instant>,
    /// When the last one ended, well or badly.
    pub last_end: Option<Instant>,
    /// Time from start to answer: each answer counts an eighth.
    pub latency: Option<Duration>,
}

impl StepStats {
    pub(super) const fn start(&mut self, now: Instant) {
        self.started = self.started.saturating_add(1);
        self.last_start = Some(now);
    }

    pub(super) fn end(&mut self, now: Instant, good: bool) {
        let counter = if good {
            &mut self.succeeded
        } else {
            &mut self.failed
        };
        *counter = counter.saturating_add(1);
        self.last_end = Some(now);
        if let Some(taken) = self.last_start.map(|at| now.since(at)).filter(|_| good) {
            self.latency = Some(average(self.latency, taken));
        }
    }
}

/// Times of a client, beside its [`Stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// DescribeSignalingChannel.
    pub describe: StepStats,
    /// CreateSignalingChannel.
    pub create: StepStats,
    /// GetSignalingChannelEndpoint.
    pub get_endpoint: StepStats,
    /// GetIceServerConfig.
    pub get_ice_servers: StepStats,
    /// IoT Core's credential endpoint.
    pub get_credentials: StepStats,
    /// Opening the WebSocket.
    pub connect: StepStats,
    /// From the client's start to its first connection.
    pub start_to_connected: Option<Duration>,
    /// From an offer to the answer handed in for it, the last one's.
    pub offer_to_answer: Option<Duration>,
    /// State of the credentials.
    pub credentials_state: &'static str,
    /// State of the control plane.
    pub plane_state: &'static str,
    /// State of the connections.
    pub link_state: &'static str,
}

impl Diagnostics {
    pub(super) const fn step(&mut self, step: Step) -> &mut StepStats {
        match step {
            Step::Create => &mut self.create,
            Step::GetEndpoint => &mut self.get_endpoint,
            Step::GetIceServers => &mut self.get_ice_servers,
            Step::GetCredentials => &mut self.get_credentials,
            Step::Connect => &mut self.connect,
            // The others are not a client's.
            _ => &mut self.describe,
        }
    }

    /// Mean latency of the control plane: of the calls that have been answered.
    #[must_use]
    pub fn control_plane_latency(&self) -> Option<Duration> {
        mean(&[&self.describe, &self.create, &self.get_endpoint])
    }

    /// The same of the channel's own endpoints.
    #[must_use]
    pub fn data_plane_latency(&self) -> Option<Duration> {
        mean(&[&self.get_ice_servers, &self.connect])
    }
}

fn mean(steps: &[&StepStats]) -> Option<Duration> {
    let known = || steps.iter().filter_map(|step| step.latency);
    let count = u32::try_from(known().count()).unwrap_or(u32::MAX);
    known().sum::<Duration>().checked_div(count)
}

/// An exponential moving average with a weight of one eighth.
fn average(so_far: Option<Duration>, sample: Duration) -> Duration {
    let Some(so_far) = so_far else {
        return sample;
    };
    let eighth = |span: Duration| span.checked_div(8).unwrap_or_default();
    so_far
        .saturating_sub(eighth(so_far))
        .saturating_add(eighth(sample))
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// A master must name the viewer, a viewer must not.
    Recipient,
    /// Only offers, answers and candidates are sent by clients.
    Type,
    /// Nothing but offers and answers waits already.
    QueueFull,
    /// The client was shut down.
    Shutdown,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recipient => "a master names the viewer it writes to, a viewer names nobody",
            Self::Type => "clients send offers, answers and candidates only",
            Self::QueueFull => "too many messages wait to be sent: try again later",
            Self::Shutdown => "the signaling client was shut down",
        })
    }
}

impl core::error::Error for SendError {}
