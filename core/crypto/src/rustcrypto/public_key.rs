//! Key agreement and signatures.

use alloc::vec::Vec;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Curve as _;
use p256::elliptic_curve::bigint::{NonZero, U256};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{NistP256, SecretKey};
use smolrtc_base::{SecretArray, SecretBytes};
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize as _, Zeroizing};

use super::mac;
use crate::{Group, HashAlgorithm, Job, JobError, JobResult, PublicKey, SignatureScheme};

pub(super) fn run(job: &Job) -> JobResult {
    let result = match job {
        Job::GenerateKey { group, seed } => generate(*group, seed),
        Job::Agree {
            group,
            private,
            peer_public,
        } => agree(*group, private.expose(), peer_public),
        Job::Sign { private, message } => sign(private.expose(), message),
        Job::Verify {
            scheme,
            public,
            message,
            signature,
        } => verify(*scheme, public, message, signature).map(|()| JobResult::Valid),
    };
    result.unwrap_or_else(JobResult::Failed)
}

fn generate(group: Group, seed: &SecretArray<32>) -> Result<JobResult, JobError> {
    match group {
        Group::P256 => {
            let mut scalar = p256_scalar(seed);
            let key = SecretKey::from_slice(&scalar).map_err(|_| JobError::BadPrivateKey);
            let private = SecretBytes::new(scalar.to_vec());
            scalar.zeroize();
            Ok(JobResult::Key {
                private,
                public: uncompressed(&key?),
            })
        }
        Group::X25519 => {
            let secret = StaticSecret::from(*seed.expose());
            Ok(JobResult::Key {
                private: SecretBytes::new(seed.expose().to_vec()),
                public: x25519_dalek::PublicKey::from(&secret).as_bytes().to_vec(),
            })
        }
    }
}

/// FIPS 186-5 appendix A.2.1: a scalar in 1..n from 128 bits more than it holds, so that the bias
/// of the reduction is beyond notice. HMAC-SHA-384 stretches the seed to those 48 bytes.
fn p256_scalar(seed: &SecretArray<32>) -> [u8; 32] {
    let wide =
        Zeroizing::new(mac::new(HashAlgorithm::Sha384, seed.expose()).compute(&[b"P-256 scalar"]));
    let (high, low) = wide.split_at(16);
    let (low, _) = low.split_at(32);
    let mut parts = (U256::from_be_slice(low), {
        let mut padded = Zeroizing::new([0; 32]);
        padded[16..].copy_from_slice(high);
        U256::from_be_slice(&*padded)
    });
    let below = NonZero::new(NistP256::ORDER.get().wrapping_sub(&U256::ONE));
    // n − 1 is not zero.
    let below = below.unwrap_or(NonZero::<U256>::ONE);
    let mut scalar = U256::rem_wide(parts, &below).wrapping_add(&U256::ONE);
    let bytes = scalar.to_be_bytes().into();
    parts.0.zeroize();
    parts.1.zeroize();
    scalar.zeroize();
    bytes
}

fn uncompressed(key: &SecretKey) -> Vec<u8> {
    key.public_key().to_sec1_point(false).as_bytes().to_vec()
}

fn agree(group: Group, private: &[u8], peer: &[u8]) -> Result<JobResult, JobError> {
    let shared = match group {
        Group::P256 => {
            let key =
                SecretKey::from_slice(scalar(private)?).map_err(|_| JobError::BadPrivateKey)?;
            let peer = p256::PublicKey::from_sec1_bytes(point(peer)?)
                .map_err(|_| JobError::BadPublicKey)?;
            let shared = key.diffie_hellman(&peer);
            SecretArray::new((*shared.raw_secret_bytes()).into())
        }
        Group::X25519 => {
            let private = <[u8; 32]>::try_from(private).map_err(|_| JobError::BadPrivateKey)?;
            let peer = <[u8; 32]>::try_from(peer).map_err(|_| JobError::BadPublicKey)?;
            let shared = StaticSecret::from(private).diffie_hellman(&peer.into());
            // RFC 7748 section 6.1, RFC 8422 section 5.11: abort on the all-zero value.
            if !shared.was_contributory() {
                return Err(JobError::BadPublicKey);
            }
            SecretArray::new(shared.to_bytes())
        }
    };
    Ok(JobResult::Shared(shared))
}

/// The crates pad short scalars; ours are whole or wrong.
const fn scalar(private: &[u8]) -> Result<&[u8], JobError> {
    if private.len() == 32 {
        Ok(private)
    } else {
        Err(JobError::BadPrivateKey)
    }
}

/// TLS and its certificates carry uncompressed points only (RFC 8422 section 5.1.2); what else
/// SEC 1 allows is refused before it is parsed.
fn point(bytes: &[u8]) -> Result<&[u8], JobError> {
    match bytes {
        [4, rest @ ..] if rest.len() == 64 => Ok(bytes),
        _ => Err(JobError::BadPublicKey),
    }
}

fn sign(private: &[u8], message: &[u8]) -> Result<JobResult, JobError> {
    let key = SigningKey::from_slice(scalar(private)?).map_err(|_| JobError::BadPrivateKey)?;
    let signature: DerSignature = key.try_sign(message).map_err(|_| JobError::BadPrivateKey)?;
    Ok(JobResult::Signature(signature.as_bytes().to_vec()))
}

fn verify(
    scheme: SignatureScheme,
    public: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), JobError> {
    match (scheme, public) {
        (SignatureScheme::EcdsaP256Sha256, PublicKey::P256(key)) => {
            let key =
                VerifyingKey::from_sec1_bytes(point(key)?).map_err(|_| JobError::BadPublicKey)?;
            let signature =
                DerSignature::from_bytes(signature).map_err(|_| JobError::BadSignature)?;
            key.verify(message, &signature)
                .map_err(|_| JobError::BadSignature)
        }
        (SignatureScheme::EcdsaP256Sha256, PublicKey::Rsa(_)) | (_, PublicKey::P256(_)) => {
            Err(JobError::BadPublicKey)
        }
        #[cfg(feature = "rsa")]
        (_, PublicKey::Rsa(key)) => super::rsa::verify(scheme, key, message, signature),
        #[cfg(not(feature = "rsa"))]
        (_, PublicKey::Rsa(_)) => Err(JobError::Unsupported),
    }
}
