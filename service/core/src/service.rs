//! The machine itself: what it holds, and its verbs.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use kvs_signaling::sigv4::{hex, http_date};
use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::Provider;

use crate::channel::{Channel, Connection, ConnectionId, End};
use crate::error::Refusal;
use crate::faults::{Faults, Scope, scope_of_path};
use crate::quota::{Bucket, Violation, Violations};
use crate::{Config, Request, Response, auth, stun};

/// Close code of a connection whose place another one has taken.
pub const REPLACED: u16 = 4_001;

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceEvent {
    /// Send a text message.
    SendText(ConnectionId, String),
    /// Close with this code and reason. No report is wanted.
    Close(ConnectionId, u16, &'static str),
}

/// Which timer the service waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A connection is told to go away.
    GoAway,
    /// A connection has lived its time.
    ConnectionAge,
    /// A connection has been silent for too long.
    Idle,
    /// A message is late because of a fault.
    Fault,
}

/// Counters. They only grow, but for the last three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls answered, refusals included.
    pub calls: u64,
    /// Refusals for signatures.
    pub unauthorized: u64,
    /// WebSockets opened.
    pub connections: u64,
    /// Messages delivered, at once or after waiting.
    pub delivered: u64,
    /// Messages that waited for their receiver.
    pub held: u64,
    /// Messages refused.
    pub refused: u64,
    /// Messages with a payload above the 10 KB that AWS documents.
    pub large_payloads: u64,
    /// Storage sessions joined.
    pub joins: u64,
    /// Exceeded quotas.
    pub violations: Violations,
    /// Channels now.
    pub channels: usize,
    /// Masters connected now.
    pub masters: usize,
    /// Viewers connected now.
    pub viewers: usize,
}

/// A KVS-compatible service.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    provider: &'static dyn Provider,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    pub(crate) events: VecDeque<ServiceEvent>,
    pub(crate) rates: AccountRates,
    pub(crate) stats: Stats,
    pub(crate) faults: Faults,
}

/// Buckets of the account.
pub(crate) struct AccountRates {
    pub(crate) create: Bucket,
    pub(crate) list: Bucket,
    pub(crate) endpoint: Bucket,
}

impl Service {
    /// A service without channels.
    #[must_use]
    pub fn new(config: Config, rng: Rng, provider: &'static dyn Provider) -> Self {
        Self {
            config,
            rng,
            provider,
            channels: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            events: VecDeque::new(),
            rates: AccountRates {
                create: Bucket::new(),
                list: Bucket::new(),
                endpoint: Bucket::new(),
            },
            stats: Stats::default(),
            faults: Faults::default(),
        }
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings at run time: keys, tokens, quotas. Connections stay as they are.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Connections of a channel: the master, if there is one, then the viewers by id.
    pub fn connections(&self, channel: &str) -> impl Iterator<Item = ConnectionId> + '_ {
        let channel = self.channels.get(channel);
        let master = channel.and_then(|channel| channel.master);
        master.into_iter().chain(
            channel
                .into_iter()
                .flat_map(|c| c.viewers.values().copied()),
        )
    }

    /// Closes a connection from the service's side.
    pub fn disconnect(&mut self, id: ConnectionId) {
        self.close(id, 1001, "closed by the service");
    }

    /// Tells a connection to go away, a minute before its time or whenever a test wants it.
    pub fn go_away(&mut self, id: ConnectionId) {
        if self.connections.contains_key(&id) {
            self.send_go_away(id);
        }
    }

    /// Answers a request that is no WebSocket handshake.
    pub fn handle_http(&mut self, now: Instant, unix: UnixTime, request: &Request<'_>) -> Response {
        self.stats.calls = self.stats.calls.saturating_add(1);
        let unix = self.faults.clock(now, unix);
        if request.method == "OPTIONS" {
            return self.preflight(unix, request);
        }
        let result = self.route(request).and_then(|operation| {
            self.faults.refusal(now, scope_of_path(request.path))?;
            self.authorize(unix, request)?;
            self.call(now, unix, operation, request)
        });
        match result {
            Ok(body) => self.respond(unix, 200, body),
            Err(refusal) => self.refuse(unix, refusal),
        }
    }

    /// Admits a WebSocket, or answers why not. The driver then completes the handshake with a 101
    /// and the `Sec-WebSocket-Accept` for the client's key.
    ///
    /// # Errors
    /// The response to send instead.
    pub fn handle_upgrade(
        &mut self,
        now: Instant,
        unix: UnixTime,
        request: &Request<'_>,
    ) -> Result<ConnectionId, Response> {
        let unix = self.faults.clock(now, unix);
        self.faults
            .refusal(now, Scope::Connects)
            .and_then(|()| self.authorize(unix, request))
            .and_then(|()| self.connect(now, request))
            .map_err(|refusal| self.refuse(unix, refusal))
    }

    /// The connection is gone, whoever closed it.
    pub fn handle_close(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(&connection.channel) else {
            return;
        };
        match connection.end {
            // Its place may be taken by another already.
            End::Master if channel.master == Some(id) => channel.master = None,
            End::Viewer(viewer) if channel.viewers.get(&viewer) == Some(&id) => {
                channel.viewers.remove(&viewer);
            }
            _ => {}
        }
    }

    /// Answers a STUN Binding request from `from` into `buf`, 128 bytes at least.
    #[must_use]
    pub fn handle_stun(from: SocketAddr, datagram: &[u8], buf: &mut [u8]) -> Option<usize> {
        stun::handle(from, datagram, buf)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.deliver_late(now);
        let due: Vec<(ConnectionId, Reason)> = self
            .connections
            .iter()
            .map(|(id, connection)| (*id, self.deadline(connection)))
            .filter(|(_, (at, _))| now >= *at)
            .map(|(id, (_, reason))| (id, reason))
            .collect();
        for (id, reason) in due {
            match reason {
                Reason::GoAway => {
                    if let Some(connection) = self.connections.get_mut(&id) {
                        connection.told_to_go = true;
                    }
                    self.send_go_away(id);
                }
                Reason::ConnectionAge => self.close(id, 1001, "connection duration limit"),
                Reason::Idle => self.close(id, 1001, "idle timeout"),
                Reason::Fault => {}
            }
        }
    }

    /// What the driver is to do next.
    pub fn poll_event(&mut self) -> Option<ServiceEvent> {
        self.events.pop_front()
    }

    /// When [`Service::handle_timeout`] wants to be called, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        self.connections
            .values()
            .map(|connection| self.deadline(connection))
            .chain(self.faults.due().map(|at| (at, Reason::Fault)))
            .min_by_key(|(at, _)| *at)
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let masters = self
            .channels
            .values()
            .filter(|channel| channel.master.is_some())
            .count();
        Stats {
            channels: self.channels.len(),
            masters,
            viewers: self
                .channels
                .values()
                .map(|channel| channel.viewers.len())
                .sum(),
            ..self.stats
        }
    }

    /// Quotas exceeded so far, all kinds together.
    #[must_use]
    pub fn violations(&self) -> u32 {
        self.stats.violations.total()
    }

    fn deadline(&self, connection: &Connection) -> (Instant, Reason) {
        let quotas = &self.config.quotas;
        let end = connection.opened.plus(quotas.connection);
        let idle = (connection.active.plus(quotas.idle), Reason::Idle);
        let age = if connection.told_to_go {
            (end, Reason::ConnectionAge)
        } else {
            (end.minus(quotas.go_away), Reason::GoAway)
        };
        if idle.0 < age.0 { idle } else { age }
    }

    fn authorize(&mut self, unix: UnixTime, request: &Request<'_>) -> Result<(), Refusal> {
        let result = auth::check(self.provider, &self.config, unix, request);
        if result.is_err() {
            self.stats.unauthorized = self.stats.unauthorized.saturating_add(1);
        }
        result
    }

    pub(crate) fn new_connection(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.wrapping_add(1);
        self.connections.insert(id, connection);
        self.stats.connections = self.stats.connections.saturating_add(1);
        id
    }

    pub(crate) fn close(&mut self, id: ConnectionId, code: u16, reason: &'static str) {
        if self.connections.contains_key(&id) {
            self.handle_close(id);
            self.events.push_back(ServiceEvent::Close(id, code, reason));
        }
    }

    /// Counts a violation and refuses, unless `allowed`.
    pub(crate) fn limit(&mut self, allowed: bool, violation: Violation) -> Result<(), Refusal> {
        if allowed {
            return Ok(());
        }
        self.stats.violations.count(violation);
        Err(Refusal::LimitExceeded)
    }

    fn refuse(&mut self, unix: UnixTime, refusal: Refusal) -> Response {
        let body = serde_json::json!({ "Message": refusal.message() });
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = self.respond(unix, refusal.status(), body);
        response
            .headers
            .push(("x-amzn-errortype", refusal.name().into()));
        response
    }

    fn preflight(&mut self, unix: UnixTime, request: &Request<'_>) -> Response {
        let mut response = self.respond(unix, 204, Vec::new());
        // A wildcard would not cover `authorization`.
        let wanted = request
            .header("access-control-request-headers")
            .unwrap_or("*");
        let wanted = wanted.chars().filter(|c| !c.is_control()).collect();
        response
            .headers
            .push(("access-control-allow-headers", wanted));
        response
            .headers
            .push(("access-control-allow-methods", "GET, POST, OPTIONS".into()));
        response
            .headers
            .push(("access-control-max-age", "600".into()));
        response
    }

    fn respond(&mut self, unix: UnixTime, status: u16, body: Vec<u8>) -> Response {
        let id: [u8; 16] = self.rng.array();
        let mut headers: Vec<(&'static str, String)> = Vec::with_capacity(6);
        if !body.is_empty() {
            headers.push(("content-type", "application/json".into()));
        }
        headers.push(("date", http_date(unix)));
        headers.push(("x-amzn-requestid", hex(&id)));
        headers.push(("access-control-allow-origin", "*".into()));
        headers.push((
            "access-control-expose-headers",
            "x-amzn-errortype, x-amzn-requestid, date".into(),
        ));
        Response {
            status,
            headers,
            body,
        }
    }
}

impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Service")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
