//! AES-GCM and ChaCha20-Poly1305.

use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::AesGcm;
use aes_gcm::aead::{AeadInOut, KeyInit, consts::U12, consts::U16};
use alloc::boxed::Box;
use chacha20poly1305::ChaCha20Poly1305;
use core::fmt;

use crate::{Aead, AeadAlgorithm, BadTag};

/// GCM never runs AES backwards, so only the encryption half of the schedule is kept.
type Aes128Gcm = AesGcm<Aes128Enc, U12>;
type Aes256Gcm = AesGcm<Aes256Enc, U12>;

pub(super) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>> {
    Some(match algorithm {
        AeadAlgorithm::Aes128Gcm => Box::new(Keyed {
            cipher: Aes128Gcm::new_from_slice(key).ok()?,
            algorithm,
        }),
        AeadAlgorithm::Aes256Gcm => Box::new(Keyed {
            cipher: Aes256Gcm::new_from_slice(key).ok()?,
            algorithm,
        }),
        AeadAlgorithm::ChaCha20Poly1305 => Box::new(Keyed {
            cipher: ChaCha20Poly1305::new_from_slice(key).ok()?,
            algorithm,
        }),
    })
}

struct Keyed<C> {
    cipher: C,
    algorithm: AeadAlgorithm,
}

impl<C> fmt::Debug for Keyed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aead({:?})", self.algorithm)
    }
}

impl<C> Aead for Keyed<C>
where
    C: AeadInOut<NonceSize = U12, TagSize = U16> + Send + Sync,
{
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buf: &mut [u8]) -> [u8; 16] {
        match self
            .cipher
            .encrypt_inout_detached(nonce.into(), aad, (&mut *buf).into())
        {
            Ok(tag) => tag.into(),
            // Only a buffer beyond 64 GiB comes here. Plaintext must not leave even then.
            Err(_) => {
                buf.fill(0);
                [0; 16]
            }
        }
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), BadTag> {
        self.cipher
            .decrypt_inout_detached(nonce.into(), aad, (&mut *buf).into(), tag.into())
            .map_err(|_| {
                buf.fill(0);
                BadTag
            })
    }
}
