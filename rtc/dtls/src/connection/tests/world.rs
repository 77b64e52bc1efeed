//! The harness: two ends, a bad network, a clock that jumps from event to event.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant, Rng, UnixTime};
use smolrtc_crypto::{Job, JobId, Provider as _, RustCrypto};

use crate::{
    Certificate, CipherSuite, CloseReason, Config, Connection, Error, Event, NamedGroup, Role,
    SrtpKeys,
};

pub(super) static PROVIDER: RustCrypto = RustCrypto;

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    /// One way.
    pub(super) delay: Duration,
    /// Of 100.
    pub(super) loss: u32,
    pub(super) reordered: u32,
    pub(super) duplicated: u32,
    /// Datagrams longer than this never arrive.
    pub(super) mtu: usize,
    /// Time a job takes.
    pub(super) compute: Duration,
}

impl Network {
    pub(super) const GOOD: Self = Self {
        delay: Duration::from_millis(20),
        loss: 0,
        reordered: 0,
        duplicated: 0,
        mtu: usize::MAX,
        compute: Duration::ZERO,
    };
}

/// One end and all that came out of it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) connection: Connection,
    pub(super) srtp: Option<Option<SrtpKeys>>,
    pub(super) data: Vec<Vec<u8>>,
    pub(super) closed: Option<CloseReason>,
    pub(super) error: Option<Error>,
    /// Datagrams sent.
    pub(super) sent: Vec<Vec<u8>>,
}

/// What happens at a point in time, to the end of that index.
#[derive(Debug)]
enum Happening {
    Arrival(usize, Vec<u8>),
    Computed(usize, JobId, Job),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Instant,
    /// Client, server.
    pub(super) ends: [End; 2],
    pub(super) network: Network,
    rng: Rng,
    /// By time and order of entry.
    agenda: BTreeMap<(Instant, u64), Happening>,
    entries: u64,
}

/// Both configurations, each knowing the other's fingerprint.
pub(super) fn configs(seed: u64) -> [Config; 2] {
    let mut rng = Rng::from_u64(seed ^ 0xC0FF_EE00);
    let now = UnixTime::from_secs(1_780_000_000);
    let [client, server] =
        [(); 2].map(|()| Certificate::generate(&PROVIDER, &mut rng, now).unwrap());
    [
        Config::new(Role::Client, client.clone(), vec![server.fingerprint()]),
        Config::new(Role::Server, server, vec![client.fingerprint()]),
    ]
}

pub(super) fn connection(config: Config, seed: u64) -> Connection {
    Connection::new(Instant::ZERO, config, Rng::from_u64(seed), &PROVIDER).unwrap()
}

impl World {
    pub(super) fn new(configs: [Config; 2], network: Network, seed: u64) -> Self {
        let mut rng = Rng::from_u64(seed);
        let ends = configs.map(|config| End {
            connection: connection(config, rng.u64()),
            srtp: None,
            data: Vec::new(),
            closed: None,
            error: None,
            sent: Vec::new(),
        });
        Self {
            now: Instant::ZERO,
            ends,
            network,
            rng,
            agenda: BTreeMap::new(),
            entries: 0,
        }
    }

    pub(super) fn good(seed: u64) -> Self {
        Self::new(configs(seed), Network::GOOD, seed)
    }

    fn enter(&mut self, at: Instant, happening: Happening) {
        self.agenda.insert((at, self.entries), happening);
        self.entries += 1;
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.below(100) < percent
    }

    /// Puts a datagram on its way to the end `to`.
    pub(super) fn send(&mut self, to: usize, datagram: Vec<u8>) {
        if self.chance(self.network.loss) || datagram.len() > self.network.mtu {
            return;
        }
        let copies = 1 + usize::from(self.chance(self.network.duplicated));
        for _ in 0..copies {
            let mut delay = self.network.delay;
            if self.chance(self.network.reordered) {
                delay += Duration::from_millis(u64::from(self.rng.below(30)));
            }
            self.enter(self.now + delay, Happening::Arrival(to, datagram.clone()));
        }
    }

    /// Polls both ends dry.
    pub(super) fn drain(&mut self) {
        for index in 0..2 {
            let mut jobs = Vec::new();
            let end = &mut self.ends[index];
            while let Some(event) = end.connection.poll_event() {
                match event {
                    Event::Compute(id, job) => jobs.push((id, job)),
                    Event::Connected { srtp } => {
                        assert!(end.srtp.is_none(), "connected twice");
                        end.srtp = Some(srtp);
                    }
                    Event::Data(data) => end.data.push(data.to_vec()),
                    Event::Closed(reason) => {
                        assert!(end.closed.is_none(), "closed twice");
                        end.closed = Some(reason);
                    }
                }
            }
            for (id, job) in jobs {
                let at = self.now + self.network.compute;
                self.enter(at, Happening::Computed(index, id, job));
            }
            let mut buf = [0; 2_000];
            while let Some(len) = self.ends[index]
                .connection
                .poll_transmit(self.now, &mut buf)
            {
                let datagram = buf[..len].to_vec();
                self.ends[index].sent.push(datagram.clone());
                self.send(1 - index, datagram);
            }
        }
    }

    /// Lets the next thing happen; `false` if nothing ever will.
    pub(super) fn step(&mut self) -> bool {
        self.drain();
        let agenda = self.agenda.keys().next().map(|(at, _)| *at);
        let timer = (0..2)
            .filter_map(|index| self.ends[index].connection.poll_timeout())
            .map(|(at, _)| at)
            .min();
        let Some(next) = agenda.into_iter().chain(timer).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (index, result) = match entry.remove() {
                Happening::Arrival(index, mut datagram) => {
                    let connection = &mut self.ends[index].connection;
                    (index, connection.handle_input(self.now, &mut datagram))
                }
                Happening::Computed(index, id, job) => {
                    let result = PROVIDER.run(&job);
                    let connection = &mut self.ends[index].connection;
                    (index, connection.handle_computed(self.now, id, result))
                }
            };
            self.note(index, result);
        }
        for index in 0..2 {
            let connection = &mut self.ends[index].connection;
            let before = connection.poll_timeout();
            let result = connection.handle_timeout(self.now);
            if let Some((at, reason)) = before
                && at <= self.now
            {
                // A timer that was due must move, or a driver would spin.
                assert_ne!(connection.poll_timeout(), Some((at, reason)));
            }
            self.note(index, result);
        }
        true
    }

    fn note(&mut self, index: usize, result: Result<(), Error>) {
        if let Err(error) = result {
            assert!(self.ends[index].error.is_none(), "a second error: {error}");
            self.ends[index].error = Some(error);
        }
    }

    /// Runs until both ends are connected or one has failed; gives the time that took.
    pub(super) fn connect(&mut self) -> Duration {
        for _ in 0..10_000 {
            self.drain();
            if self.ends.iter().all(|end| end.srtp.is_some())
                || self.ends.iter().any(|end| end.error.is_some())
            {
                return self.now - Instant::ZERO;
            }
            assert!(self.step(), "nothing will ever happen: {self:?}");
        }
        panic!("no end in sight: {self:?}");
    }

    /// Runs until everything under way has arrived and no timer is left.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.step() {
                return;
            }
        }
        panic!("never settles: {self:?}");
    }

    pub(super) fn assert_connected(&self) {
        for end in &self.ends {
            assert_eq!(end.error, None, "{self:?}");
            assert!(end.connection.is_connected(), "{self:?}");
        }
        let [client, server] = &self.ends;
        let export = |end: &End| {
            let mut out = [0; 60];
            end.connection
                .export_keying_material(b"EXTRACTOR-dtls_srtp", None, &mut out)
                .unwrap();
            out
        };
        assert_eq!(export(client), export(server));
        match (client.srtp.as_ref().unwrap(), server.srtp.as_ref().unwrap()) {
            (Some(client), Some(server)) => {
                assert_eq!(client.profile, server.profile);
                assert_eq!(client.local_key, server.remote_key);
                assert_eq!(client.local_salt, server.remote_salt);
                assert_eq!(client.remote_key, server.local_key);
                assert_eq!(client.remote_salt, server.local_salt);
                assert_ne!(client.local_key, client.remote_key);
            }
            (client, server) => assert!(client.is_none() && server.is_none()),
        }
    }

    /// A sealed record of `data` from the end `from`.
    pub(super) fn seal(&mut self, from: usize, data: &[u8]) -> Vec<u8> {
        let mut buf = vec![0; data.len() + crate::RECORD_OVERHEAD];
        buf[crate::RECORD_OVERHEAD_HEAD..][..data.len()].copy_from_slice(data);
        let len = self.ends[from]
            .connection
            .seal(&mut buf, data.len())
            .unwrap();
        buf.truncate(len);
        buf
    }
}

/// Slices of one element, as a configuration wants them.
pub(super) const SUITES: [&[CipherSuite]; 3] = [
    &[CipherSuite::EcdheEcdsaAes128Gcm],
    &[CipherSuite::EcdheEcdsaAes256Gcm],
    &[CipherSuite::EcdheEcdsaChaCha20Poly1305],
];
pub(super) const GROUPS: [&[NamedGroup]; 2] = [&[NamedGroup::X25519], &[NamedGroup::P256]];
