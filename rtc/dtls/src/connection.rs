//! The engine: five verbs over records, flights and the handshake's transitions.

mod client;
mod completion;
mod event;
mod handshake;
mod input;
mod received;
mod server;

use alloc::boxed::Box;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant, Rng};
use smolrtc_crypto::{JobId, JobResult, Provider};

pub use event::{Event, Reason, SrtpKeys, Stats};

use crate::flight::{Flight, Item};
use crate::key_schedule::MasterSecret;
use crate::record::{
    Cipher, ContentType, HEADER_LEN, MAX_PLAINTEXT, RECORD_OVERHEAD_HEAD, RECORD_OVERHEAD_TAIL,
    RecordWriter, ReplayWindow,
};
use crate::suite::srtp_profile;
use crate::timer::RetransmitTimer;
use crate::{Alert, CloseReason, Config, DropReason, Error, Role};
use handshake::{Handshake, Progress, Step};

/// From the first datagram of either side to the end of the handshake. ICE consent ends a path
/// after 30 s without an answer (RFC 7675 section 5.1).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// After this many timeouts of one flight its datagrams shrink, in case their size is what keeps
/// them from arriving (RFC 6347 section 4.1.1.1).
const TIMEOUTS_BEFORE_SHRINKING: u32 = 2;
/// What IPv4 must carry, less IP and UDP headers.
const CAUTIOUS_MTU: usize = 576 - 28;

const MTU: core::ops::RangeInclusive<usize> = 200..=16_384;

/// What a repeated flight of the peer's is answered with at most this often.
const RESEND_SPACING: Duration = Duration::from_millis(20);

const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// One DTLS 1.2 connection, client or server.
///
/// Verbs may be called in any order. None blocks, none performs a public-key operation; the work of
/// each is bounded by the datagram it is given or asked for.
#[derive(Debug)]
pub struct Connection {
    provider: &'static dyn Provider,
    role: Role,
    mtu: usize,
    state: State,
    /// Gone once the handshake is over: most of what a connection holds.
    handshake: Option<Box<Handshake>>,

    records: RecordWriter,
    opener: Option<Opener>,
    master: Option<Box<MasterSecret>>,

    flight: Flight,
    /// What the server's last flight is cut from, since the transcript is gone by then.
    final_flight: Vec<u8>,
    /// When the last datagram of `flight` was handed over.
    flight_sent: Option<Instant>,
    timer: RetransmitTimer,
    started: Option<Instant>,

    /// Level and description of the alert to send.
    alert: Option<(u8, Alert)>,
    connected: Option<Box<Option<SrtpKeys>>>,
    closed: Option<CloseReason>,
    received: received::Received,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshaking,
    Connected,
    Ended,
}

/// What records of epoch 1 are received with.
#[derive(Debug)]
struct Opener {
    cipher: Cipher,
    window: ReplayWindow,
}

impl Connection {
    /// Starts a connection. The client's hello lies ready at once; the job that makes its key may
    /// run in the meantime. No timer runs before the first datagram was polled or has arrived.
    ///
    /// # Errors
    /// [`Error::NoFingerprint`], [`Error::BadMtu`], [`Error::BadConfig`].
    pub fn new(
        _now: Instant,
        mut config: Config,
        rng: Rng,
        provider: &'static dyn Provider,
    ) -> Result<Self, Error> {
        if config.peer_fingerprints.is_empty() {
            return Err(Error::NoFingerprint);
        }
        if !MTU.contains(&config.mtu) {
            return Err(Error::BadMtu);
        }
        let is_client = config.role == Role::Client;
        let has_suite = config
            .cipher_suites
            .iter()
            .any(|suite| !suite.is_rsa() || (is_client && provider.supports_rsa()));
        if !has_suite || config.groups.is_empty() {
            return Err(Error::BadConfig);
        }
        config
            .srtp_profiles
            .retain(|profile| srtp_profile::key_and_salt_len(*profile).is_some());

        let (role, mtu) = (config.role, config.mtu);
        let received = received::Received::new(config.limits.dtls_receive_bytes);
        let mut handshake = Box::new(Handshake::new(config, rng));
        if is_client {
            client::write_hello(&mut handshake, provider, &[]);
        }
        let mut this = Self {
            provider,
            role,
            mtu,
            state: State::Handshaking,
            handshake: Some(handshake),
            records: RecordWriter::default(),
            opener: None,
            master: None,
            flight: Flight::default(),
            final_flight: Vec::new(),
            flight_sent: None,
            timer: RetransmitTimer::new(),
            started: None,
            alert: None,
            connected: None,
            closed: None,
            received,
            stats: Stats::default(),
        };
        this.advance()?;
        Ok(this)
    }

    /// Takes one datagram from the peer; its records are opened in place. Bad ones are dropped and
    /// counted.
    ///
    /// # Errors
    /// The connection is over: see [`Error`].
    pub fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        if self.state == State::Ended {
            self.count(DropReason::Closed);
            return Ok(());
        }
        self.started.get_or_insert(now);
        self.records_in(now, datagram)
            .and_then(|()| self.advance())
            .map_err(|error| self.fail(error))
    }

    /// Takes the result of a job handed out by [`Event::Compute`]. Results of jobs that nobody waits
    /// for any more are counted and ignored.
    ///
    /// # Errors
    /// The connection is over: the peer's signature does not hold, its key is none, or the
    /// provider failed.
    pub fn handle_computed(
        &mut self,
        now: Instant,
        id: JobId,
        result: JobResult,
    ) -> Result<(), Error> {
        let known = match &mut self.handshake {
            Some(handshake) => handshake.computed(id, result),
            None => Ok(false),
        };
        match known {
            Ok(true) => self
                .advance()
                .and_then(|()| self.take_early(now))
                .map_err(|error| self.fail(error)),
            Ok(false) => {
                self.count(DropReason::UnknownJob);
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Does what [`poll_timeout`](Self::poll_timeout) announced, if its time has come.
    ///
    /// # Errors
    /// [`Error::Timeout`]: the handshake took longer than 30 s.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let (Some(handshake), Some(started)) = (&self.handshake, self.started) else {
            return Ok(());
        };
        if started.plus(HANDSHAKE_TIMEOUT) <= now {
            let alert = handshake.alert;
            return Err(self.fail(Error::Timeout { alert }));
        }
        if let Some((at, Reason::Retransmit)) = self.poll_timeout()
            && at <= now
        {
            self.timer.expire();
            self.resend();
        }
        Ok(())
    }

    /// Writes one datagram to the front of `buf`: as many records as fit into it and the MTU. Gives
    /// its length. `buf` should hold the MTU; in less than about 100 bytes no record may fit.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let limit = buf.len().min(self.effective_mtu());
        let datagram = buf.get_mut(..limit)?;
        let mut len = 0;
        if self.flight.is_pending() {
            let bytes = match &self.handshake {
                Some(handshake) => &handshake.transcript,
                None => &self.final_flight,
            };
            len = self.flight.emit(bytes, &mut self.records, datagram);
            if len > 0 && !self.flight.is_pending() {
                self.flight_sent = Some(now);
                if self.handshake.is_some() {
                    self.timer.start(now);
                }
            }
        }
        if !self.flight.is_pending()
            && let Some((level, alert)) = self.alert
            && let Some(rest) = datagram.get_mut(len..)
            && let Some(written) = self.records.write(
                ContentType::Alert,
                self.records.epoch,
                &[&[level, alert.0]],
                rest,
            )
        {
            self.alert = None;
            len = len.saturating_add(written);
        }
        if len == 0 {
            return None;
        }
        self.started.get_or_insert(now);
        Some(len)
    }

    /// The next thing to tell the owner. Data is lent until the next call of any verb.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if let Some(handshake) = &mut self.handshake
            && let Some((id, job)) = handshake.pop_job()
        {
            return Some(Event::Compute(id, job));
        }
        if let Some(srtp) = self.connected.take() {
            return Some(Event::Connected { srtp: *srtp });
        }
        if !self.received.is_empty() {
            return self.received.pop().map(Event::Data);
        }
        self.received.shrink();
        self.closed.take().map(Event::Closed)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, and why. `None` once
    /// the handshake is over, and while no datagram has moved yet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let handshake = self.handshake.as_ref()?;
        let deadline = self.started?.plus(HANDSHAKE_TIMEOUT);
        // While we compute, it is not the peer who is late.
        match self.timer.deadline() {
            Some(at) if at < deadline && !handshake.is_computing() => {
                Some((at, Reason::Retransmit))
            }
            _ => Some((deadline, Reason::Deadline)),
        }
    }

    /// Tells the round-trip time of the path, as ICE measured it. The first retransmission waits
    /// twice that, within 50 ms and 3 s; 1 s as long as nothing was measured.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.timer.set_rtt(rtt);
    }

    /// The peer's connectivity check has just come in: it is there, and its ICE agent at work. A
    /// ClientHello that it has not answered for a round trip is sent again shortly, and with the
    /// first wait's length thereafter: some peers throw away what comes before their agent has a
    /// nominated pair, and meanwhile the waits would have grown.
    pub fn handle_check(&mut self, now: Instant) {
        let unanswered = self
            .handshake
            .as_ref()
            .is_some_and(|handshake| handshake.step == Step::ServerHello);
        if unanswered {
            self.timer.hasten(now);
        }
    }

    /// Ends the connection: a close_notify lies ready in [`poll_transmit`](Self::poll_transmit),
    /// [`Event::Closed`] in [`poll_event`](Self::poll_event).
    pub fn close(&mut self, _now: Instant) {
        if self.state == State::Ended {
            return;
        }
        if self.handshake.is_some() {
            self.flight = Flight::default();
        }
        // Nothing to end for a peer that has never heard of us.
        if self.records.has_written() {
            self.alert = Some((WARNING, Alert::CLOSE_NOTIFY));
        }
        self.closed = Some(CloseReason::Local);
        self.end();
    }

    /// Whether application data may be sent.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Protects application data in place. The plaintext lies at
    /// `buf[RECORD_OVERHEAD_HEAD..][..len]`; the record, whose length is given back, starts at
    /// `buf[0]`. Nothing is copied under AES-GCM; ChaCha20-Poly1305, whose records have a shorter
    /// head, moves the plaintext down by 8 bytes.
    ///
    /// Right after [`Event::Connected`], datagrams of [`poll_transmit`](Self::poll_transmit) should go
    /// first: a client may drop what overtakes the server's Finished.
    ///
    /// # Errors
    /// [`Error::NotConnected`]; [`Error::BufferTooSmall`] if `buf` is shorter than `len +`
    /// [`RECORD_OVERHEAD`](crate::RECORD_OVERHEAD) or `len` is above 2^14;
    /// [`Error::SequenceExhausted`]. None of them ends the connection.
    pub fn seal(&mut self, buf: &mut [u8], len: usize) -> Result<usize, Error> {
        if self.state != State::Connected {
            return Err(Error::NotConnected);
        }
        let cipher = self.records.cipher().ok_or(Error::NotConnected)?;
        let end = RECORD_OVERHEAD_HEAD.saturating_add(len);
        if len > MAX_PLAINTEXT || buf.len() < end.saturating_add(RECORD_OVERHEAD_TAIL) {
            return Err(Error::BufferTooSmall);
        }
        let head = HEADER_LEN.saturating_add(cipher.explicit_nonce_len());
        if head != RECORD_OVERHEAD_HEAD {
            buf.copy_within(RECORD_OVERHEAD_HEAD..end, head);
        }
        let total = cipher.overhead().saturating_add(len);
        let sequence = self
            .records
            .next_sequence(1)
            .ok_or(Error::SequenceExhausted)?;
        let record = buf.get_mut(..total).ok_or(Error::BufferTooSmall)?;
        self.records
            .cipher()
            .and_then(|cipher| cipher.seal(ContentType::ApplicationData, 1, sequence, record))
            .ok_or(Error::BufferTooSmall)?;
        Ok(total)
    }

    /// Keys for another protocol, bound to this connection (RFC 5705). No context and an empty
    /// context give different keys; a context has at most 65,535 bytes.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let master = self.master.as_ref().ok_or(Error::NotConnected)?;
        master.export(self.provider, label, context, out);
        Ok(())
    }

    /// What was negotiated, retransmitted and dropped so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn count(&mut self, reason: DropReason) {
        self.stats.drops.count(reason);
    }

    fn effective_mtu(&self) -> usize {
        if self.timer.timeouts() > TIMEOUTS_BEFORE_SHRINKING {
            self.mtu.min(CAUTIOUS_MTU)
        } else {
            self.mtu
        }
    }

    /// Makes every transition that is possible. Each consumes a message or a job's result, so there
    /// are at most as many as the handshake has steps.
    fn advance(&mut self) -> Result<(), Error> {
        while let Some(handshake) = &mut self.handshake {
            match handshake.advance(self.provider)? {
                Progress::Wait => break,
                Progress::Again => {}
                Progress::Send(items) => self.send(items),
                Progress::Keys => {
                    let (ours, theirs) = handshake.ciphers(self.provider)?;
                    self.records.install(ours);
                    self.opener = Some(Opener {
                        cipher: theirs,
                        window: ReplayWindow::default(),
                    });
                }
                Progress::Complete(items) => self.complete(items)?,
            }
        }
        Ok(())
    }

    /// Replaces the last flight.
    fn send(&mut self, items: Vec<Item>) {
        if items.contains(&Item::ChangeCipherSpec) {
            self.records.epoch = 1;
        }
        self.flight = Flight::new(items);
        self.flight_sent = None;
        self.timer.reset();
    }

    /// Sends the last flight once more.
    fn resend(&mut self) {
        self.flight.rewind();
        self.stats.retransmissions = self.stats.retransmissions.saturating_add(1);
    }

    /// The peer has repeated its last flight, so ours got lost (RFC 6347 section 4.2.4).
    fn resend_on_request(&mut self, now: Instant) {
        let is_due = self
            .flight_sent
            .is_some_and(|sent| now.since(sent) >= RESEND_SPACING);
        if is_due && !self.flight.is_pending() && !self.flight.is_empty() {
            self.timer.stop();
            self.resend();
        }
    }

    /// Ends the connection badly; gives the error back for the caller to return.
    fn fail(&mut self, error: Error) -> Error {
        self.flight = Flight::default();
        self.alert = error
            .alert()
            .filter(|_| self.state != State::Ended)
            .map(|alert| (FATAL, alert));
        self.end();
        error
    }

    /// Drops every key but the one that protects the last alert.
    fn end(&mut self) {
        self.state = State::Ended;
        self.handshake = None;
        self.opener = None;
        self.master = None;
        self.connected = None;
    }
}

#[cfg(test)]
mod tests;
