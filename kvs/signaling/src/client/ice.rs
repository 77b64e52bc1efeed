//! STUN and TURN servers and their age.

use alloc::vec::Vec;

use kvs_message::IceServer;
use smolrtc_base::{Duration, Instant, SecretBytes};

use super::backoff::Backoff;
use crate::control::wire;
use crate::event::Reason;

/// New sessions get servers that last at least this long.
const GRACE: Duration = Duration::from_secs(30);
/// However short they last, they are not fetched more often than this.
const PAUSE: Duration = Duration::from_secs(10);

/// Fetched when a client connects, and again only for somebody: when an offer arrives or a viewer
/// is live while they end within half a minute.
pub(super) struct Ice {
    wanted: bool,
    viewers_live: bool,
    pub(super) backoff: Backoff,
    servers: Vec<IceServer>,
    /// What the servers' lives are counted from.
    aged: Instant,
    expires: Option<Instant>,
    fetched: Instant,
}

impl Ice {
    pub(super) fn new() -> Self {
        Self {
            wanted: true,
            viewers_live: false,
            backoff: Backoff::default(),
            servers: Vec::new(),
            aged: Instant::ZERO,
            expires: None,
            fetched: Instant::ZERO,
        }
    }

    pub(super) fn take(&mut self, now: Instant, response: wire::IceServersResponse) {
        let entries = response.ice_server_list.into_iter();
        self.servers = entries
            .map(|entry| IceServer {
                urls: entry.uris,
                username: entry.username.unwrap_or_default(),
                credential: SecretBytes::from(entry.password.unwrap_or_default()),
                ttl: Duration::from_secs(entry.ttl.unwrap_or(0).into()),
            })
            .collect();
        let ttls = self
            .servers
            .iter()
            .map(|server| server.ttl)
            .filter(|ttl| !ttl.is_zero());
        self.expires = ttls.min().map(|ttl| now.plus(ttl));
        (self.aged, self.fetched) = (now, now);
        self.wanted = false;
        self.backoff.reset();
    }

    pub(super) const fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) const fn set_viewers_live(&mut self, live: bool) {
        self.viewers_live = live;
    }

    /// An offer has come: its session needs servers that last.
    pub(super) fn want_if_stale(&mut self, now: Instant) {
        self.wanted |= self.stale_at().is_some_and(|at| now >= at);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        let ripe = self.viewers_live && self.stale_at().is_some_and(|at| now >= at);
        (self.wanted || ripe) && self.backoff.is_open(now)
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let retry = self.backoff.retry_at();
        if self.wanted {
            return retry.map(|at| (at, Reason::Retry));
        }
        let stale = self.stale_at().filter(|_| self.viewers_live)?;
        let at = retry.map_or(stale, |retry| retry.max(stale));
        Some((at, Reason::IceServers))
    }

    /// Counts off what has passed since.
    pub(super) fn age(&mut self, now: Instant) {
        let passed = Duration::from_secs(now.since(self.aged).as_secs());
        if passed.is_zero() {
            return;
        }
        self.aged = self.aged.plus(passed);
        for server in self.servers.iter_mut().filter(|s| !s.ttl.is_zero()) {
            // Zero means that a server has no end: never counted down to.
            let left = server.ttl.saturating_sub(passed);
            server.ttl = left.max(Duration::from_secs(1));
        }
    }

    pub(super) fn all(&self) -> &[IceServer] {
        &self.servers
    }

    /// Servers that a new session can use.
    pub(super) fn usable(&self, now: Instant) -> &[IceServer] {
        if self.expires.is_some_and(|expires| now >= expires) {
            &[]
        } else {
            &self.servers
        }
    }

    fn stale_at(&self) -> Option<Instant> {
        Some(self.expires?.minus(GRACE).max(self.fetched.plus(PAUSE)))
    }
}
