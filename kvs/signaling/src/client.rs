//! A channel's master or viewer: finds the channel, keeps a WebSocket to it, and never gives up.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use core::fmt;

use kvs_message::{Body, ClientId, IceServer, Inbound, Outbound, Signaling};
use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::Provider;

use crate::clock::Clock;
use crate::config::{Config, ConfigError, Role};
use crate::credentials::{Credentials, Sources};
use crate::event::{Event, Input, Reason, StreamTransmit};
use crate::exchange::Outputs;
use crate::hooks::Hooks;
use crate::store::Store;

mod advance;
mod backoff;
mod ice;
mod keeper;
mod links;
mod messages;
mod outcome;
mod plane;
mod rates;
mod recent;
mod socket;
mod stats;

use keeper::Keeper;
use links::{Context, Links};
use plane::Plane;
use rates::Outbox;
use recent::Recent;
pub use stats::{Diagnostics, DropReason, Drops, SendError, Stats, StepStats};

/// Messages that may wait for the rates or for a connection.
const OUTBOX: usize = 256;

/// One end of a channel, as a state machine without I/O.
///
/// Three machines work side by side, each an enum with one transition function: credentials, the
/// control plane with its ICE servers, and the connections, the current one and the next. None
/// waits for another that it does not need: an open connection stays open whatever becomes of
/// keys, calls and ICE servers. A lost connection is opened again with fresh endpoints, a refused
/// one describes the channel anew, a wrong key is retried with back-off until somebody corrects it;
/// nothing ends the client but [`Client::shutdown`].
///
/// The driver opens and closes streams as [`Event::OpenStream`], [`Event::OpenMutualTls`] and
/// [`Event::CloseStream`] ask, reports through [`Client::handle_input`], writes what
/// [`Client::poll_transmit`] gives and calls [`Client::handle_timeout`] at
/// [`Client::poll_timeout`]. Calls may come in any order. At most four streams are open at once.
pub struct Client {
    config: Config,
    provider: &'static dyn Provider,
    rng: Rng,
    clock: Clock,
    keeper: Keeper,
    plane: Plane,
    links: Links,
    outputs: Outputs,
    inbox: VecDeque<Inbound>,
    outbox: Outbox,
    recent: Recent,
    store: Option<Box<dyn Store + Send>>,
    hooks: Option<Box<dyn Hooks + Send>>,
    /// The skew was corrected and nothing has succeeded since: correcting again helps nobody.
    skew_tried: bool,
    /// The application knows that nothing can be signed.
    expiry_told: bool,
    /// Who offered last, and when: for the time to the answer.
    offered: Option<(Option<ClientId>, Instant)>,
    created: Instant,
    started: bool,
    stopped: bool,
    stats: Stats,
    diagnostics: Diagnostics,
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
        Self::with_sources(now, config, credentials.into(), rng, provider)
    }

    /// The same with credentials that come from elsewhere.
    ///
    /// # Errors
    /// [`ConfigError`]; [`ConfigError::NoCredentials`] if there is no source.
    pub fn with_sources(
        now: Instant,
        config: Config,
        sources: Sources,
        rng: Rng,
        provider: &'static dyn Provider,
    ) -> Result<Self, ConfigError> {
        let endpoint = config.control_plane()?;
        if !sources.callback && sources.iot.is_none() && sources.fixed.is_none() {
            return Err(ConfigError::NoCredentials);
        }
        let clock = Clock::new(now);
        Ok(Self {
            keeper: Keeper::new(sources, now),
            plane: Plane::new(endpoint, &config),
            links: Links::new(),
            config,
            provider,
            rng,
            clock,
            outputs: Outputs::default(),
            inbox: VecDeque::new(),
            outbox: Outbox::new(OUTBOX),
            recent: Recent::new(),
            store: None,
            hooks: None,
            skew_tried: false,
            expiry_told: false,
            offered: None,
            created: now,
            started: false,
            stopped: false,
            stats: Stats::default(),
            diagnostics: Diagnostics::default(),
        })
    }

    /// Gives the client a memory beyond its own life. To be called before
    /// [`Client::set_wall_clock`] and the other verbs; later it only saves.
    pub fn set_store(&mut self, store: Box<dyn Store + Send>) {
        self.store = Some(store);
    }

    /// Lets `hooks` see every call, and interfere with it.
    pub fn set_hooks(&mut self, hooks: Box<dyn Hooks + Send>) {
        self.hooks = Some(hooks);
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

    /// What was learned of clocks: hosts, and the seconds by which they are ahead of ours.
    pub fn clock_skews(&self) -> impl Iterator<Item = (&str, i64)> {
        self.clock.skews()
    }

    /// Replaces the credentials, from the next signature on. The connection stays.
    pub fn set_credentials(&mut self, now: Instant, credentials: Credentials) {
        self.take_credentials(now, credentials);
        self.advance(now);
    }

    /// Reports what happened to a stream.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let (Input::StreamOpened(id) | Input::StreamBytes(id, _) | Input::StreamClosed(id, _)) =
            input;
        let outputs = &mut self.outputs;
        if self.plane.http.owns(id) {
            if let Some(outcome) = self.plane.http.handle_input(outputs, input) {
                self.handle_outcome(now, outcome);
            }
        } else if self.keeper.http.owns(id) {
            if let Some(outcome) = self.keeper.http.handle_input(outputs, input) {
                self.handle_credentials(now, outcome);
            }
        } else if self.links.owns(id) {
            self.handle_socket(now, id, input);
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
        if let Some(outcome) = self.keeper.http.handle_timeout(now, &mut self.outputs) {
            self.handle_credentials(now, outcome);
        }
        while let Some(effects) = {
            let (links, mut cx) = self.links(now);
            links.handle_timeout(&mut cx)
        } {
            self.handle_effects(now, effects);
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
        match &message.body {
            Body::Answer(_) => {
                if let Some((_, at)) = self.offered.take_if(|(from, _)| *from == message.to) {
                    self.diagnostics.offer_to_answer = Some(now.since(at));
                }
            }
            Body::Offer(_) | Body::Candidate(_) => {}
            _ => return Err(SendError::Type),
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

    /// Tells whether anybody is connected through the engine. While somebody is, ICE servers are
    /// renewed before they end; while nobody is, they are left alone until the next offer.
    pub fn viewers_live(&mut self, now: Instant, live: bool) {
        self.plane.ice.set_viewers_live(live);
        self.advance(now);
    }

    /// Fetches the ICE servers anew.
    pub fn refresh_ice_servers(&mut self, now: Instant) {
        self.plane.ice.want();
        self.advance(now);
    }

    /// Closes the connection in good order and stays down.
    pub fn shutdown(&mut self, now: Instant) {
        if core::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.plane.http.close(&mut self.outputs);
        self.plane.end();
        self.keeper.http.close(&mut self.outputs);
        self.links.shutdown(now, &mut self.outputs, &mut self.rng);
    }

    /// Bytes to write to a stream. `buf` is filled as far as there is something for one stream.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<StreamTransmit> {
        self.pump(now);
        self.plane.ice.age(now);
        let http = [&mut self.plane.http, &mut self.keeper.http];
        if let Some(transmit) = http.into_iter().find_map(|http| http.poll_transmit(buf)) {
            return Some(transmit);
        }
        let transmit = self.links.poll_transmit(buf);
        let (links, mut cx) = self.links(now);
        let effects = links.finish_closing(&mut cx);
        self.handle_effects(now, effects);
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
        let signs = !self.stopped && !self.expiry_told;
        let can_connect = signs && self.plane.ready().is_some();
        let rate = if self.links.has_carrier() {
            self.outbox.ready_at()
        } else {
            None
        };
        let keeper = self.keeper.poll_timeout(&self.clock);
        [
            self.plane.http.poll_timeout(),
            self.plane.poll_timeout().filter(|_| signs),
            keeper.filter(|_| !self.stopped),
            self.links.poll_timeout(can_connect),
            rate.map(|at| (at, Reason::Rate)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    /// Whether the channel is served: the WebSocket is open, or changing places with the next.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.links.is_up()
    }

    /// The channel's ARN, once it is known.
    #[must_use]
    pub fn channel_arn(&self) -> Option<&str> {
        self.plane.arn()
    }

    /// Counters.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.outbound_dropped = self.outbox.dropped();
        stats
    }

    /// Times, latencies and the machines' states.
    #[must_use]
    pub const fn diagnostics(&self) -> Diagnostics {
        let mut diagnostics = self.diagnostics;
        diagnostics.credentials_state = self.keeper.name();
        diagnostics.plane_state = self.plane.name();
        diagnostics.link_state = self.links.name();
        diagnostics
    }

    /// The connections, and all that their transitions need.
    const fn links(&mut self, now: Instant) -> (&mut Links, Context<'_>) {
        let cx = Context {
            now,
            outputs: &mut self.outputs,
            rng: &mut self.rng,
            timeouts: &self.config.timeouts,
            lifetimes: &self.config.lifetimes,
            message_bytes: self.config.limits.signaling_message_bytes,
        };
        (&mut self.links, cx)
    }
}

impl Signaling for Client {
    fn poll_message(&mut self) -> Option<Inbound> {
        self.inbox.pop_front()
    }

    fn send(&mut self, now: Instant, message: Outbound) -> bool {
        Self::send(self, now, message).is_ok()
    }

    /// Ages are those of the latest verb.
    fn ice_servers(&self, now: Instant) -> &[IceServer] {
        self.plane.ice.usable(now)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("channel", &self.config.channel.channel_name().to_string())
            .field("role", &self.config.role)
            .field("credentials", &self.keeper.name())
            .field("plane", &self.plane.name())
            .field("links", &self.links.name())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
