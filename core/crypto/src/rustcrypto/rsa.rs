//! RSA signatures, verified only.

use ::rsa::pkcs1::DecodeRsaPublicKey as _;
use ::rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use ::rsa::traits::PublicKeyParts as _;
use ::rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};

use crate::{JobError, SignatureScheme};

/// Moduli below 2,048 bits are refused (SP 800-131A), above 4,096 they cost too much to check.
const MODULUS_BYTES: core::ops::RangeInclusive<usize> = 256..=512;

pub(super) fn verify(
    scheme: SignatureScheme,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), JobError> {
    let key = RsaPublicKey::from_pkcs1_der(key).map_err(|_| JobError::BadPublicKey)?;
    if !MODULUS_BYTES.contains(&key.size()) {
        return Err(JobError::BadPublicKey);
    }
    match scheme {
        SignatureScheme::RsaPkcs1Sha256 => key.verify(
            Pkcs1v15Sign::new::<Sha256>(),
            &Sha256::digest(message),
            signature,
        ),
        SignatureScheme::RsaPkcs1Sha384 => key.verify(
            Pkcs1v15Sign::new::<Sha384>(),
            &Sha384::digest(message),
            signature,
        ),
        SignatureScheme::RsaPkcs1Sha512 => key.verify(
            Pkcs1v15Sign::new::<Sha512>(),
            &Sha512::digest(message),
            signature,
        ),
        // TLS fixes the salt at the hash's length (RFC 8446 section 4.2.3).
        SignatureScheme::RsaPssSha256 => {
            key.verify(Pss::new::<Sha256>(), &Sha256::digest(message), signature)
        }
        SignatureScheme::EcdsaP256Sha256 => return Err(JobError::BadPublicKey),
    }
    .map_err(|_| JobError::BadSignature)
}
