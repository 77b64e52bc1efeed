//! The public-key operations of a handshake, as jobs.

use alloc::vec::Vec;

use smolrtc_base::{SecretArray, SecretBytes};
use smolrtc_crypto::{Job, JobError, JobId, JobResult, PublicKey};

use super::{Handshake, Step};
use crate::message::Signed;
use crate::suite::{ECDSA_SHA256, signature_scheme};
use crate::{Error, NamedGroup};

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Key(NamedGroup),
    Shared,
    Sign,
    Verify,
}

/// Our half of the key exchange.
#[derive(Debug)]
pub(in crate::connection) struct KeyPair {
    group: NamedGroup,
    private: SecretBytes,
    pub(in crate::connection) public: Vec<u8>,
}

impl Handshake {
    /// The next job to be handed out.
    pub(in crate::connection) fn pop_job(&mut self) -> Option<(JobId, Job)> {
        self.jobs.pop_front()
    }

    /// Whether it is our turn and a job holds it up, so that the peer is not to be reminded.
    pub(in crate::connection) fn is_computing(&self) -> bool {
        match self.step {
            Step::ClientKey | Step::ClientSignature | Step::ServerKey | Step::ServerSignature => {
                true
            }
            Step::ClientFinished => !self.outstanding.is_empty(),
            _ => false,
        }
    }

    /// Takes a job's result. `Ok(false)` if no such job is outstanding.
    pub(in crate::connection) fn computed(
        &mut self,
        id: JobId,
        result: JobResult,
    ) -> Result<bool, Error> {
        let Some(index) = self.outstanding.iter().position(|(other, _)| *other == id) else {
            return Ok(false);
        };
        let (_, purpose) = self.outstanding.swap_remove(index);
        match (purpose, result) {
            (Purpose::Key(group), JobResult::Key { private, public })
                if public.len() == group.public_len() =>
            {
                // The key made ahead may be of a group that was not chosen in the end.
                if self.group.is_none_or(|chosen| chosen == group) {
                    self.key = Some(KeyPair {
                        group,
                        private,
                        public,
                    });
                }
            }
            (Purpose::Shared, JobResult::Shared(shared)) => self.shared = Some(shared),
            (Purpose::Sign, JobResult::Signature(signature)) => self.signature = Some(signature),
            (Purpose::Verify, JobResult::Valid) => self.peer_verified = true,
            (Purpose::Verify, JobResult::Failed(JobError::BadSignature)) => {
                return Err(Error::BadSignature);
            }
            (Purpose::Verify, JobResult::Failed(JobError::BadPublicKey)) => {
                return Err(Error::BadCertificate);
            }
            (Purpose::Verify, JobResult::Failed(JobError::Unsupported)) => {
                return Err(Error::UnsupportedCertificate);
            }
            (Purpose::Shared, JobResult::Failed(JobError::BadPublicKey)) => {
                return Err(Error::BadKeyShare);
            }
            _ => return Err(Error::Provider),
        }
        Ok(true)
    }

    fn issue(&mut self, purpose: Purpose, job: Job) {
        let id = JobId(self.next_job);
        self.next_job = self.next_job.saturating_add(1);
        self.jobs.push_back((id, job));
        self.outstanding.push((id, purpose));
    }

    pub(super) fn generate(&mut self, group: NamedGroup) {
        let seed = SecretArray::new(self.rng.array());
        self.issue(
            Purpose::Key(group),
            Job::GenerateKey {
                group: group.group(),
                seed,
            },
        );
    }

    /// Settles the group; makes a key for it unless one is there or under way.
    pub(in crate::connection) fn choose_group(&mut self, group: NamedGroup) {
        self.group = Some(group);
        if self.key.as_ref().is_some_and(|key| key.group != group) {
            self.key = None;
        }
        let under_way = self
            .outstanding
            .iter()
            .any(|(_, purpose)| *purpose == Purpose::Key(group));
        if self.key.is_none() && !under_way {
            self.generate(group);
        }
    }

    /// Starts the key agreement. The private key is used once and forgotten.
    pub(in crate::connection) fn agree(&mut self) {
        if let Some(key) = self.key.take() {
            let peer_public = core::mem::take(&mut self.peer_public);
            self.issue(
                Purpose::Shared,
                Job::Agree {
                    group: key.group.group(),
                    private: key.private,
                    peer_public,
                },
            );
        }
    }

    /// Signs `message` with the certificate's key.
    pub(in crate::connection) fn sign(&mut self, message: Vec<u8>) {
        let private = self.config.certificate.private();
        self.issue(Purpose::Sign, Job::Sign { private, message });
    }

    /// Has the peer's signature checked against its certificate.
    pub(in crate::connection) fn verify(
        &mut self,
        signed: &Signed<'_>,
        message: Vec<u8>,
    ) -> Result<(), Error> {
        let public = self.peer_key.take().ok_or(Error::UnexpectedMessage)?;
        let scheme = signature_scheme(signed.scheme).ok_or(Error::IllegalParameter)?;
        let is_ecdsa = signed.scheme == ECDSA_SHA256;
        if is_ecdsa != matches!(public, PublicKey::P256(_)) {
            return Err(Error::IllegalParameter);
        }
        self.issue(
            Purpose::Verify,
            Job::Verify {
                scheme,
                public,
                message,
                signature: signed.signature.to_vec(),
            },
        );
        Ok(())
    }
}
