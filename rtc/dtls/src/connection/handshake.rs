//! What both sides of the handshake share. All of it is freed when the handshake is over.
//!
//! ```text
//! client                                   server
//! ClientHello                 ->
//!                             <-           ServerHello, Certificate, ServerKeyExchange,
//!                                          CertificateRequest, ServerHelloDone
//! Certificate, ClientKeyExchange,
//! CertificateVerify,
//! ChangeCipherSpec, Finished  ->
//!                             <-           ChangeCipherSpec, Finished
//! ```

mod jobs;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smolrtc_base::{Rng, SecretArray, constant_time_eq};
use smolrtc_crypto::{Job, JobId, Provider, PublicKey};

use super::{client, server};
use crate::config::certificate_matches;
use crate::flight::Item;
use crate::key_schedule::{MasterSecret, Sender};
use crate::message::{self, Body, kind};
use crate::reassembly::{Message, Reassembler};
use crate::record::Cipher;
use crate::x509::{self, NoKey};
use crate::{Alert, CipherSuite, Config, Error, NamedGroup, Role};
use jobs::{KeyPair, Purpose};

/// Bytes of protected records that are kept because they overtook the keys that open them. The
/// client's Finished nearly always does: it follows the key exchange in the same datagram.
const MAX_EARLY_BYTES: usize = 512;

/// What the transitions brought about, for the connection to carry out.
#[derive(Debug)]
pub(super) enum Progress {
    /// Nothing more to do until something arrives.
    Wait,
    /// A step was made; ask again.
    Again,
    /// Send this flight in place of the last.
    Send(Vec<Item>),
    /// The keys of epoch 1 are known.
    Keys,
    /// Both Finished are verified. The server has this flight left to send.
    Complete(Vec<Item>),
}

/// Where the handshake is. Named after what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    ServerHello,
    ServerCertificate,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    /// Our key, to write the ClientKeyExchange with.
    ClientKey,
    /// Shared secret, both signatures.
    ClientSignature,
    ServerFinished,

    ClientHello,
    /// Our key, to be signed in the ServerKeyExchange.
    ServerKey,
    ServerSignature,
    ClientCertificate,
    ClientKeyExchange,
    CertificateVerify,
    ClientFinished,
}

#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) config: Config,
    rng: Rng,
    pub(super) step: Step,
    pub(super) reassembler: Reassembler,
    /// Every handshake message of both sides in order, unfragmented.
    pub(super) transcript: Vec<u8>,
    /// Number of our next message.
    next_number: u16,
    /// Whole records of epoch 1.
    pub(super) early: Vec<u8>,
    /// The last alert in the clear.
    pub(super) alert: Option<Alert>,

    next_job: u64,
    jobs: VecDeque<(JobId, Job)>,
    outstanding: Vec<(JobId, Purpose)>,

    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    pub(super) suite: Option<CipherSuite>,
    pub(super) group: Option<NamedGroup>,
    pub(super) srtp_profile: Option<u16>,
    /// Whether the client's hello calls for these in ours.
    pub(super) point_formats: bool,
    pub(super) secure_renegotiation: bool,

    pub(super) key: Option<KeyPair>,
    pub(super) peer_public: Vec<u8>,
    pub(super) peer_key: Option<PublicKey>,
    pub(super) peer_verified: bool,
    pub(super) shared: Option<SecretArray<32>>,
    pub(super) signature: Option<Vec<u8>>,
    /// Transcript length up to and including the ClientKeyExchange (RFC 7627 section 3).
    pub(super) session_hash_end: usize,
    pub(super) master: Option<MasterSecret>,
    /// Our flight while it is being written.
    pub(super) flight: Vec<Item>,
    pub(super) cookies: u8,
}

impl Handshake {
    pub(super) fn new(config: Config, mut rng: Rng) -> Self {
        let reassembler = Reassembler::new(&config.limits);
        let first_group = config.groups.first().copied();
        let ours: [u8; 32] = rng.array();
        let mut this = Self {
            step: match config.role {
                Role::Client => Step::ServerHello,
                Role::Server => Step::ClientHello,
            },
            config,
            rng,
            reassembler,
            transcript: Vec::new(),
            next_number: 0,
            early: Vec::new(),
            alert: None,
            next_job: 0,
            jobs: VecDeque::new(),
            outstanding: Vec::new(),
            client_random: ours,
            server_random: ours,
            suite: None,
            group: None,
            srtp_profile: None,
            point_formats: false,
            secure_renegotiation: false,
            key: None,
            peer_public: Vec::new(),
            peer_key: None,
            peer_verified: false,
            shared: None,
            signature: None,
            session_hash_end: 0,
            master: None,
            flight: Vec::new(),
            cookies: 0,
        };
        // Made ahead: a key of the group that will most likely be chosen.
        if let Some(group) = first_group {
            this.generate(group);
        }
        this
    }

    /// One transition, if one is possible.
    pub(super) fn advance(&mut self, provider: &dyn Provider) -> Result<Progress, Error> {
        match self.config.role {
            Role::Client => client::advance(self, provider),
            Role::Server => server::advance(self, provider),
        }
    }

    /// Accepts or refuses the peer's certificate. The fingerprint comes first: nothing in a
    /// certificate of somebody else is looked at.
    pub(super) fn accept_certificate(
        &mut self,
        provider: &dyn Provider,
        body: &[u8],
    ) -> Result<(), Error> {
        let der = message::leaf(body)?.ok_or(Error::NoPeerCertificate)?;
        if !certificate_matches(provider, &self.config.peer_fingerprints, der) {
            return Err(Error::FingerprintMismatch);
        }
        let key = x509::public_key(der).map_err(|error| match error {
            NoKey::Malformed => Error::BadCertificate,
            NoKey::Unsupported => Error::UnsupportedCertificate,
        })?;
        if matches!(key, PublicKey::Rsa(_)) && !provider.supports_rsa() {
            return Err(Error::UnsupportedCertificate);
        }
        self.peer_key = Some(key);
        Ok(())
    }

    /// The next whole message. HelloRequests are skipped, as they stay out of the transcript (RFC
    /// 5246 section 7.4.1.1).
    pub(super) fn pop(&mut self) -> Option<Message> {
        loop {
            let message = self.reassembler.pop()?;
            if message.kind != kind::HELLO_REQUEST {
                return Some(message);
            }
        }
    }

    /// The same if it is of `kind`; a message of another kind is fatal.
    pub(super) fn pop_kind(&mut self, kind: u8) -> Result<Option<Message>, Error> {
        match self.pop() {
            None => Ok(None),
            Some(message) if message.kind == kind => Ok(Some(message)),
            Some(_) => Err(Error::UnexpectedMessage),
        }
    }

    /// Appends a received message to the transcript.
    pub(super) fn record(&mut self, message: &Message) {
        let len = message.body.len();
        let header = message::header(message.kind, message.number, len, 0, len);
        self.transcript.extend_from_slice(&header);
        self.transcript.extend_from_slice(&message.body);
    }

    /// Appends a message of ours to the transcript and to the flight being written.
    pub(super) fn write(&mut self, kind: u8, epoch: u16, fill: impl FnOnce(&mut Body<'_>)) {
        let at = self.transcript.len();
        self.transcript.extend_from_slice(&[0; message::HEADER_LEN]);
        let from = self.transcript.len();
        fill(&mut Body(&mut self.transcript));
        let len = self.transcript.len().saturating_sub(from);
        if let Some(slot) = self.transcript.get_mut(at..from) {
            slot.copy_from_slice(&message::header(kind, self.next_number, len, 0, len));
        }
        self.next_number = self.next_number.wrapping_add(1);
        self.flight.push(Item::Message { at, epoch });
    }

    /// Our certificate, the same on both sides.
    pub(super) fn write_certificate(&mut self) {
        let certificate = self.config.certificate.clone();
        self.write(kind::CERTIFICATE, 0, |body| {
            message::certificate(body, certificate.der());
        });
    }

    /// Derives the master secret once the shared one is known.
    pub(super) fn derive(&mut self, provider: &dyn Provider) -> Result<(), Error> {
        let (Some(shared), Some(suite)) = (self.shared.take(), self.suite) else {
            return Err(Error::Provider);
        };
        let transcript = self
            .transcript
            .get(..self.session_hash_end)
            .unwrap_or(&self.transcript);
        self.master = Some(MasterSecret::extended(
            provider,
            suite,
            &shared,
            transcript,
            self.client_random,
            self.server_random,
        ));
        Ok(())
    }

    /// Ciphers for what we send and for what we receive.
    pub(super) fn ciphers(&self, provider: &dyn Provider) -> Result<(Cipher, Cipher), Error> {
        let (client, server) = self
            .master
            .as_ref()
            .and_then(|master| master.ciphers(provider))
            .ok_or(Error::Provider)?;
        Ok(match self.config.role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        })
    }

    fn verify_data(&self, provider: &dyn Provider, sender: Sender) -> Result<[u8; 12], Error> {
        let master = self.master.as_ref().ok_or(Error::Provider)?;
        Ok(master.verify_data(provider, sender, &self.transcript))
    }

    /// Writes our ChangeCipherSpec and Finished.
    pub(super) fn write_finished(
        &mut self,
        provider: &dyn Provider,
        sender: Sender,
    ) -> Result<(), Error> {
        let verify_data = self.verify_data(provider, sender)?;
        self.flight.push(Item::ChangeCipherSpec);
        self.write(kind::FINISHED, 1, |body| body.put(&verify_data));
        Ok(())
    }

    /// Checks the peer's Finished, in constant time.
    pub(super) fn check_finished(
        &mut self,
        provider: &dyn Provider,
        sender: Sender,
        message: &Message,
    ) -> Result<(), Error> {
        let expected = self.verify_data(provider, sender)?;
        if !constant_time_eq(&expected, &message.body) {
            return Err(Error::BadFinished);
        }
        self.record(message);
        Ok(())
    }

    /// Keeps a whole record of epoch 1 until the keys are known; `false` if there is no room.
    #[must_use]
    pub(super) fn keep_early(&mut self, header: &[u8], body: &[u8]) -> bool {
        let len = header.len().saturating_add(body.len());
        if self.early.len().saturating_add(len) > MAX_EARLY_BYTES {
            return false;
        }
        self.early.extend_from_slice(header);
        self.early.extend_from_slice(body);
        true
    }
}
