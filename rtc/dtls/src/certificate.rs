//! Our own certificate: self-signed, P-256, made ahead and stored.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use smolrtc_base::{Duration, Rng, SecretArray, SecretBytes, UnixTime};
use smolrtc_crypto::{Group, HashAlgorithm, Job, JobResult, Provider, PublicKey};

use crate::{CertificateError, Fingerprint, x509};

/// Validity starts this long before the clock's now: a viewer's clock may be behind ours.
const BACKDATED: Duration = Duration::from_secs(24 * 3_600);
/// Validity ends this long after now. WebRTC peers compare fingerprints and check no dates.
const VALID_FOR: Duration = Duration::from_secs(400 * 24 * 3_600);

/// A self-signed certificate with its private key. A clone shares both.
///
/// Its fingerprint identifies the device to whoever sees two sessions, so a device that cares about
/// that makes a new one now and then (RFC 8827 section 6.5).
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    der: Vec<u8>,
    private: SecretArray<32>,
    sha256: [u8; 32],
}

impl Certificate {
    /// Makes a certificate on the spot: two P-256 operations, so on a chip some tens of
    /// milliseconds. [`CertificateBuilder`] does the same as jobs.
    ///
    /// # Errors
    /// [`CertificateError::Provider`] when the provider cannot do a job.
    pub fn generate(
        provider: &dyn Provider,
        rng: &mut Rng,
        now: UnixTime,
    ) -> Result<Self, CertificateError> {
        let mut builder = CertificateBuilder::new(rng, now);
        loop {
            let result = provider.run(&builder.job());
            match builder.handle_computed(provider, result)? {
                CertificateStep::Next(next) => builder = next,
                CertificateStep::Done(certificate) => return Ok(certificate),
            }
        }
    }

    /// Loads what [`to_parts`](Self::to_parts) gave.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] when `der` is no certificate of a P-256 key. Whether the
    /// private key belongs to it is not checked: that would be a public-key operation.
    pub fn from_parts(
        provider: &dyn Provider,
        der: Vec<u8>,
        private: SecretArray<32>,
    ) -> Result<Self, CertificateError> {
        if !matches!(x509::public_key(&der), Ok(PublicKey::P256(_))) {
            return Err(CertificateError::Malformed);
        }
        let digest = provider.hash(HashAlgorithm::Sha256, &[&der]);
        let sha256 = digest.first_chunk().copied().unwrap_or([0; 32]);
        Ok(Self {
            inner: Arc::new(Inner {
                der,
                private,
                sha256,
            }),
        })
    }

    /// What to store: the certificate in DER, and the private scalar.
    #[must_use]
    pub fn to_parts(&self) -> (&[u8], &SecretArray<32>) {
        (&self.inner.der, &self.inner.private)
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// The SHA-256 of the certificate, for `a=fingerprint:sha-256`.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        self.inner.sha256
    }

    /// The same as a [`Fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::sha256(self.inner.sha256)
    }

    pub(crate) fn private(&self) -> SecretBytes {
        SecretBytes::new(self.inner.private.expose().to_vec())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({:?})", self.fingerprint())
    }
}

/// A certificate in the making: generate a key, sign, done.
///
/// ```
/// # use smolrtc_base::{Rng, UnixTime};
/// # use smolrtc_crypto::{Provider, RustCrypto};
/// # use smolrtc_dtls::{CertificateBuilder, CertificateStep};
/// # let (provider, mut rng) = (RustCrypto, Rng::from_u64(1));
/// let mut builder = CertificateBuilder::new(&mut rng, UnixTime::from_secs(1_700_000_000));
/// let certificate = loop {
///     let result = provider.run(&builder.job()); // on a thread, in hardware ...
///     match builder.handle_computed(&provider, result)? {
///         CertificateStep::Next(next) => builder = next,
///         CertificateStep::Done(certificate) => break certificate,
///     }
/// };
/// # assert_eq!(certificate.fingerprint_sha256().len(), 32);
/// # Ok::<(), smolrtc_dtls::CertificateError>(())
/// ```
#[derive(Debug)]
pub struct CertificateBuilder {
    state: State,
}

#[derive(Debug)]
enum State {
    GenerateKey {
        seed: SecretArray<32>,
        serial: [u8; 16],
        now: UnixTime,
    },
    Sign {
        private: SecretBytes,
        tbs: Vec<u8>,
    },
}

/// What a job brought a [`CertificateBuilder`] to.
#[derive(Debug)]
pub enum CertificateStep {
    /// One more job.
    Next(CertificateBuilder),
    /// The certificate.
    Done(Certificate),
}

impl CertificateBuilder {
    /// Starts a certificate that is valid from a day before `now` for more than a year.
    #[must_use]
    pub fn new(rng: &mut Rng, now: UnixTime) -> Self {
        let mut serial: [u8; 16] = rng.array();
        // RFC 5280 section 4.1.2.2: positive. DER: the first byte of a positive INTEGER is in
        // 0x01..=0x7F unless the number is shorter.
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x3F) | 0x40;
        }
        Self {
            state: State::GenerateKey {
                seed: SecretArray::new(rng.array()),
                serial,
                now,
            },
        }
    }

    /// The job to run now. Asking again gives the same job.
    #[must_use]
    pub fn job(&self) -> Job {
        match &self.state {
            State::GenerateKey { seed, .. } => Job::GenerateKey {
                group: Group::P256,
                seed: seed.clone(),
            },
            State::Sign { private, tbs } => Job::Sign {
                private: private.clone(),
                message: tbs.clone(),
            },
        }
    }

    /// Takes the job's result.
    ///
    /// # Errors
    /// [`CertificateError::Provider`] for a failed job or the result of another kind of job.
    pub fn handle_computed(
        self,
        provider: &dyn Provider,
        result: JobResult,
    ) -> Result<CertificateStep, CertificateError> {
        match (self.state, result) {
            (State::GenerateKey { serial, now, .. }, JobResult::Key { private, public }) => {
                let tbs =
                    x509::to_be_signed(&serial, now.minus(BACKDATED), now.plus(VALID_FOR), &public);
                Ok(CertificateStep::Next(Self {
                    state: State::Sign { private, tbs },
                }))
            }
            (State::Sign { private, tbs }, JobResult::Signature(signature)) => {
                let private = <[u8; 32]>::try_from(private.expose())
                    .map_err(|_| CertificateError::Provider)?;
                Certificate::from_parts(
                    provider,
                    x509::certificate(&tbs, &signature),
                    SecretArray::new(private),
                )
                .map(CertificateStep::Done)
            }
            _ => Err(CertificateError::Provider),
        }
    }
}

#[cfg(test)]
mod tests;
