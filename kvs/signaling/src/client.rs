//! A channel's master or viewer: finds the channel, keeps a WebSocket to it, and never gives up.

use alloc::collections::VecDeque;
use core::fmt;

use kvs_message::{Body, ClientId, IceServer, Inbound, KeyCase, Outbound, Signaling};
use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::Provider;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Role};
use crate::control::{ErrorKind, ServiceError};
use crate::event::{DisconnectReason, Error, Event, Input, Reason, Step, StreamTransmit};
use crate::exchange::{Origin, Outcome, Outputs};
use crate::http::Response;
use crate::prepare::Signing;
use crate::sigv4::parse_http_date;
use crate::{Credentials, websocket};

mod backoff;
mod plane;
mod rates;
mod socket;

use backoff::Backoff;
use plane::{Answer, Plane};
use rates::Outbox;
use socket::{Progress, Socket};

/// Messages that may wait for the rates or for a connection.
const OUTBOX: usize = 256;
/// Messages that may wait to be polled.
const INBOX: usize = 64;
/// A connection that lived this long was a good one: the next failure starts the back-off anew.
const STABLE: smolrtc_base::Duration = smolrtc_base::Duration::from_secs(10);

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
    /// WebSockets opened.
    pub connections: u64,
    /// `GetIceServerConfig` answered.
    pub ice_refreshes: u64,
    /// Messages of ours that the service refused by STATUS_RESPONSE.
    pub refused: u64,
    /// Messages of ours that were dropped before they were sent.
    pub outbound_dropped: u32,
    /// What arrived and was dropped.
    pub drops: Drops,
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

/// One end of a channel, as a state machine without I/O.
///
/// Three parts work side by side: credentials, the control plane (what is known of the channel and
/// which call is missing) and the connection. A lost connection is opened again with fresh
/// endpoints, a refused one describes the channel anew, a wrong key is retried with back-off until
/// somebody corrects it; nothing ends the machine but [`Client::shutdown`].
///
/// The driver opens and closes streams as [`Event::OpenStream`] and [`Event::CloseStream`] ask,
/// reports through [`Client::handle_input`], writes what [`Client::poll_transmit`] gives and calls
/// [`Client::handle_timeout`] at [`Client::poll_timeout`]. Calls may come in any order.
pub struct Client {
    config: Config,
    provider: &'static dyn Provider,
    rng: Rng,
    clock: Clock,
    credentials: Credentials,
    /// Expired or refused as expired; nothing is signed until new ones come.
    credentials_dead: bool,
    outputs: Outputs,
    inbox: VecDeque<Inbound>,
    outbox: Outbox,
    plane: Plane,
    socket: Option<Socket>,
    reconnect: Backoff,
    /// The skew was corrected and nothing has succeeded since: correcting again helps nobody.
    skew_tried: bool,
    started: bool,
    stopped: bool,
    stats: Stats,
}

impl Client {
    /// A client that begins with [`Client::set_wall_clock`], or with the first
    /// [`Client::handle_timeout`], which it asks for at once.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(
        now: Instant,
        config: Config,
        credentials: Credentials,
        rng: Rng,
        provider: &'static dyn Provider,
    ) -> Result<Self, ConfigError> {
        let endpoint = config.control_plane()?;
        Ok(Self {
            plane: Plane::new(endpoint, &config),
            config,
            provider,
            rng,
            clock: Clock::new(now),
            credentials,
            credentials_dead: false,
            outputs: Outputs::default(),
            inbox: VecDeque::new(),
            outbox: Outbox::new(OUTBOX),
            socket: None,
            reconnect: Backoff::default(),
            skew_tried: false,
            started: false,
            stopped: false,
            stats: Stats::default(),
        })
    }

    /// Tells the wall time. To be called once at the start and whenever the system's clock was
    /// set. Without it the time is learned from the service's first refusal.
    pub fn set_wall_clock(&mut self, now: Instant, unix: UnixTime) {
        self.clock.set(now, unix);
        self.advance(now);
    }

    /// Wall time as the client believes it, the service's corrections included.
    #[must_use]
    pub fn wall_clock(&self, now: Instant) -> UnixTime {
        self.clock.now(now)
    }

    /// Replaces the credentials, from the next signature on. The connection stays.
    pub fn set_credentials(&mut self, now: Instant, credentials: Credentials) {
        self.credentials = credentials;
        self.credentials_dead = false;
        self.plane.backoff.reset();
        self.plane.ice.backoff.reset();
        self.reconnect.reset();
        self.advance(now);
    }

    /// Reports what happened to a stream.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let (Input::StreamOpened(id) | Input::StreamBytes(id, _) | Input::StreamClosed(id, _)) =
            input;
        if self.plane.http.owns(id) {
            let outcome = match input {
                Input::StreamOpened(_) => {
                    self.plane.http.handle_opened();
                    None
                }
                Input::StreamBytes(_, bytes) => {
                    self.plane.http.handle_bytes(&mut self.outputs, bytes)
                }
                Input::StreamClosed(_, reason) => {
                    self.plane.http.handle_closed(&mut self.outputs, reason)
                }
            };
            if let Some(outcome) = outcome {
                self.handle_outcome(now, outcome);
            }
        } else if self.socket.as_ref().is_some_and(|socket| socket.id() == id) {
            match input {
                Input::StreamOpened(_) => {
                    if let Some(socket) = &mut self.socket {
                        socket.handle_opened();
                    }
                }
                Input::StreamBytes(_, bytes) => self.handle_socket_bytes(now, bytes),
                Input::StreamClosed(_, reason) => {
                    if let Some(mut socket) = self.socket.take() {
                        let progress = socket.handle_closed(reason);
                        self.handle_end(now, progress, socket.open_since());
                    }
                }
            }
        } else {
            self.stats.drops.count(DropReason::StaleStream);
        }
        self.advance(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(outcome) = self.plane.http.handle_timeout(now, &mut self.outputs) {
            self.handle_outcome(now, outcome);
        }
        if let Some(socket) = &mut self.socket
            && let Some(progress) = socket.handle_timeout(now, &self.config.timeouts, &mut self.rng)
        {
            self.end_socket(now, progress);
        }
        self.advance(now);
    }

    /// Queues a message; it leaves when a connection is up and KVS's rates allow.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn send(&mut self, now: Instant, message: Outbound) -> Result<(), SendError> {
        if self.stopped {
            return Err(SendError::Shutdown);
        }
        if message.to.is_some() != matches!(self.config.role, Role::Master) {
            return Err(SendError::Recipient);
        }
        if !matches!(
            message.body,
            Body::Offer(_) | Body::Answer(_) | Body::Candidate(_)
        ) {
            return Err(SendError::Type);
        }
        let queued = self.outbox.push(message);
        self.pump(now);
        if queued {
            Ok(())
        } else {
            Err(SendError::QueueFull)
        }
    }

    /// Drops what still waits to be sent to `peer` (`None`: the master), whose session has ended.
    /// A new offer from a peer does so by itself.
    pub fn forget_peer(&mut self, peer: Option<&ClientId>) {
        self.outbox.forget(peer);
    }

    /// Fetches the ICE servers anew.
    pub fn refresh_ice_servers(&mut self, now: Instant) {
        self.plane.ice.wanted = true;
        self.advance(now);
    }

    /// Closes the connection in good order and stays down.
    pub fn shutdown(&mut self, now: Instant) {
        if core::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.plane.http.close(&mut self.outputs);
        self.plane.step = None;
        let rng = &mut self.rng;
        let closing = self
            .socket
            .as_mut()
            .is_some_and(|socket| socket.close(now, rng));
        if !closing && let Some(socket) = self.socket.take() {
            self.outputs.close(socket.id());
        }
    }

    /// Bytes to write to a stream. `buf` is filled as far as there is something for one stream.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<StreamTransmit> {
        self.pump(now);
        if let Some(transmit) = self.plane.http.poll_transmit(buf) {
            return Some(transmit);
        }
        let socket = self.socket.as_mut()?;
        let transmit = socket.poll_transmit(buf);
        if socket.is_flushed_and_closing() {
            self.end_socket(now, Progress::Ended(DisconnectReason::Shutdown));
        }
        transmit
    }

    /// What happened: streams to open and close first, then messages. A driver that takes messages
    /// through [`Signaling::poll_message`] takes them before it polls events.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outputs
            .events
            .pop_front()
            .or_else(|| self.inbox.pop_front().map(Event::Message))
    }

    /// When [`Client::handle_timeout`] wants to be called, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        if !self.started {
            return Some((Instant::ZERO, Reason::Retry));
        }
        let retries = !self.stopped && !self.credentials_dead;
        let plane = self.plane.retry_at().filter(|_| retries);
        let reconnect = self
            .reconnect
            .retry_at()
            .filter(|_| retries && self.socket.is_none() && self.plane.endpoints.is_some());
        let rate = self
            .socket
            .as_ref()
            .filter(|socket| socket.has_room())
            .and_then(|_| self.outbox.ready_at());
        [
            self.plane.http.poll_timeout(),
            plane.map(|at| (at, Reason::Retry)),
            reconnect.map(|at| (at, Reason::Retry)),
            self.socket.as_ref().map(Socket::poll_timeout),
            rate.map(|at| (at, Reason::Rate)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    /// Whether the WebSocket is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.open_since().is_some())
    }

    /// The channel's ARN, once it is known.
    #[must_use]
    pub fn channel_arn(&self) -> Option<&str> {
        self.plane.arn.as_deref()
    }

    /// Counters.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.outbound_dropped = self.outbox.dropped();
        stats
    }

    /// Starts whatever is needed and can be started.
    fn advance(&mut self, now: Instant) {
        self.started = true;
        if self.stopped {
            return;
        }
        self.pump(now);
        if self.credentials_dead {
            return;
        }
        let time = self.clock.now(now);
        let connects = self.socket.is_none() && self.reconnect.is_open(now);
        let signing = Signing {
            credentials: &self.credentials,
            region: &self.config.region,
            user_agent: &self.config.user_agent,
            time,
            provider: self.provider,
        };
        let call = self.plane.next(now, &self.config);
        let endpoints = self.plane.endpoints.as_ref().filter(|_| connects);
        if call.is_none() && endpoints.is_none() {
            if self.plane.step.is_none() && self.plane.retry_at().is_none() {
                // Nothing more to ask: a stream kept open for reuse would only cost memory.
                self.plane.http.close(&mut self.outputs);
            }
            return;
        }
        if self.credentials.expired(time) {
            self.lose_credentials(now);
            return;
        }
        if let (Some(endpoints), Some(arn)) = (endpoints, &self.plane.arn) {
            let key = websocket::client_key(self.rng.array());
            let request = signing.upgrade(&endpoints.wss, arn, &self.config.role, &key);
            let accept = websocket::accept_key(self.provider, &key);
            let id = self.outputs.open(&Origin::from(&endpoints.wss));
            let timeouts = &self.config.timeouts;
            self.socket = Some(Socket::new(now, id, request, accept, timeouts));
        }
        if let Some((step, operation, endpoint)) = call {
            let request = signing.call(endpoint, &operation);
            let timeouts = &self.config.timeouts;
            let patience = if step == Step::Create {
                timeouts.create
            } else {
                timeouts.call
            };
            let origin = Origin::from(endpoint);
            self.plane.step = Some(step);
            self.stats.calls = self.stats.calls.saturating_add(1);
            self.plane
                .http
                .start(now, &mut self.outputs, origin, request, timeouts, patience);
        }
    }

    fn lose_credentials(&mut self, now: Instant) {
        if !core::mem::replace(&mut self.credentials_dead, true) {
            let error = Error::CredentialsExpired;
            self.outputs.push(Event::Failed {
                error,
                retry_at: now,
            });
            self.outputs.push(Event::CredentialsNeeded);
        }
    }

    /// Moves queued messages to the socket as the rates allow.
    fn pump(&mut self, now: Instant) {
        while let Some(socket) = self.socket.as_mut().filter(|socket| socket.has_room()) {
            let Some(message) = self.outbox.pop(now) else {
                return;
            };
            socket.send(&message.emit(KeyCase::Js), &mut self.rng);
            self.stats.messages_sent = self.stats.messages_sent.saturating_add(1);
        }
    }

    fn handle_outcome(&mut self, now: Instant, outcome: Outcome) {
        let Some(step) = self.plane.step.take() else {
            return;
        };
        let response = match outcome {
            Ok(response) => response,
            Err(error) => return self.fail(now, Error::Transport { step, error }),
        };
        if response.status != 200 {
            return self.handle_refusal(now, step, &response);
        }
        let Some(answer) = self.plane.take(now, step, &response) else {
            return self.fail(now, Error::Malformed { step });
        };
        self.skew_tried = false;
        self.plane.backoff.reset();
        match answer {
            Answer::Created | Answer::Endpoints => {}
            Answer::Channel => {
                if let Some(arn) = self.plane.arn.clone() {
                    let created = core::mem::take(&mut self.plane.created);
                    self.outputs.push(Event::Channel { arn, created });
                }
            }
            Answer::IceServers => {
                self.stats.ice_refreshes = self.stats.ice_refreshes.saturating_add(1);
                self.outputs
                    .push(Event::IceServers(self.plane.ice.servers.clone()));
            }
        }
    }

    /// Somebody answered, and did not like the request.
    fn handle_refusal(&mut self, now: Instant, step: Step, response: &Response) {
        let error = ServiceError::of(response);
        // A refusal for the time names it; one for the signature may still be due to the time.
        if matches!(response.status, 400 | 401 | 403)
            && !self.skew_tried
            && let Some(date) = response.headers.get("date").and_then(parse_http_date)
            && let Some(seconds) = self.clock.learn(now, date)
        {
            self.skew_tried = true;
            self.outputs.push(Event::ClockSkew { seconds });
            return;
        }
        match (step, error.kind) {
            (Step::Describe, ErrorKind::NotFound) if self.can_create() => {
                self.plane.missing = true;
                return;
            }
            (Step::Create, ErrorKind::InUse) => self.plane.missing = false,
            (_, ErrorKind::NotFound) => self.plane.forget_channel(&self.config),
            (_, ErrorKind::ExpiredToken) => {
                self.fail(now, Error::Service { step, error });
                self.credentials_dead = true;
                self.outputs.push(Event::CredentialsNeeded);
                return;
            }
            // Too often is no reason to do more: the same step again, later.
            (Step::Connect, ErrorKind::Throttled) => {}
            (Step::Connect, _) => self.plane.endpoints = None,
            _ => {}
        }
        self.fail(now, Error::Service { step, error });
    }

    fn can_create(&self) -> bool {
        self.config.create_channel && self.config.channel.name().is_some()
    }

    fn fail(&mut self, now: Instant, error: Error) {
        self.stats.failures = self.stats.failures.saturating_add(1);
        let step = match error {
            Error::Transport { step, .. }
            | Error::Service { step, .. }
            | Error::Malformed { step } => step,
            Error::CredentialsExpired => Step::Connect,
        };
        let backoff = match step {
            Step::GetIceServers => &mut self.plane.ice.backoff,
            Step::Connect => &mut self.reconnect,
            _ => &mut self.plane.backoff,
        };
        let retry_at = backoff.fail(now, &mut self.rng);
        self.outputs.push(Event::Failed { error, retry_at });
    }

    fn handle_socket_bytes(&mut self, now: Instant, bytes: &[u8]) {
        let mut rest = bytes;
        let cap = self.config.limits.signaling_message_bytes;
        while let Some(socket) = &mut self.socket {
            let timeouts = &self.config.timeouts;
            match socket.handle_bytes(now, &mut rest, cap, timeouts, &mut self.rng) {
                None => return,
                Some(Progress::Opened) => {
                    self.stats.connections = self.stats.connections.saturating_add(1);
                    self.skew_tried = false;
                    self.outbox.new_socket();
                    self.outputs.push(Event::Connected);
                }
                Some(Progress::Text(text)) => self.handle_message(now, &text),
                Some(end) => self.end_socket(now, end),
            }
        }
    }

    /// Drops the socket and its stream.
    fn end_socket(&mut self, now: Instant, progress: Progress) {
        if let Some(socket) = self.socket.take() {
            self.outputs.close(socket.id());
            self.handle_end(now, progress, socket.open_since());
        }
    }

    fn handle_end(&mut self, now: Instant, progress: Progress, open_since: Option<Instant>) {
        let reason = match progress {
            Progress::Opened | Progress::Text(_) => return,
            Progress::Refused(response) => {
                return self.handle_refusal(now, Step::Connect, &response);
            }
            Progress::Failed(error) => {
                self.plane.endpoints = None;
                return self.fail(
                    now,
                    Error::Transport {
                        step: Step::Connect,
                        error,
                    },
                );
            }
            Progress::Ended(reason) => reason,
        };
        self.outputs.push(Event::Disconnected { reason });
        if self.stopped {
            return;
        }
        self.outbox.forget_candidates();
        match reason {
            DisconnectReason::GoAway => self.plane.forget_channel(&self.config),
            _ => self.plane.endpoints = None,
        }
        if open_since.is_some_and(|since| now.since(since) >= STABLE) {
            self.reconnect.reset();
        }
        self.reconnect.fail(now, &mut self.rng);
    }

    fn handle_message(&mut self, now: Instant, text: &str) {
        let message = match Inbound::parse(text.as_bytes(), &self.config.limits) {
            Ok(message) => message,
            Err(_) => return self.stats.drops.count(DropReason::Malformed),
        };
        self.stats.messages_received = self.stats.messages_received.saturating_add(1);
        match &message.body {
            Body::GoAway => {
                self.end_socket(now, Progress::Ended(DisconnectReason::GoAway));
                return;
            }
            Body::ReconnectIceServer => {
                self.plane.ice.wanted = true;
                return;
            }
            Body::Status(_) => self.stats.refused = self.stats.refused.saturating_add(1),
            Body::Offer(_) | Body::Answer(_) | Body::Candidate(_) => {
                // A master hears from named viewers, a viewer from the one master.
                if message.from.is_some() != matches!(self.config.role, Role::Master) {
                    self.stats.drops.count(DropReason::Unexpected);
                    return;
                }
                if matches!(message.body, Body::Offer(_)) {
                    // It begins a new session: what waits for the old one is of no use.
                    self.outbox.forget(message.from.as_ref());
                    self.plane.ice.wanted |= self.plane.ice.is_stale(now);
                }
            }
            _ => {
                self.stats.drops.count(DropReason::UnknownType);
                return;
            }
        }
        if self.inbox.len() >= INBOX {
            self.stats.drops.count(DropReason::InboxFull);
            return;
        }
        self.inbox.push_back(message);
    }
}

impl Signaling for Client {
    fn poll_message(&mut self) -> Option<Inbound> {
        self.inbox.pop_front()
    }

    fn send(&mut self, now: Instant, message: Outbound) -> bool {
        Self::send(self, now, message).is_ok()
    }

    fn ice_servers(&self, now: Instant) -> &[IceServer] {
        self.plane.ice.usable(now)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .field("connected", &self.is_connected())
            .field("step", &self.plane.step)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
