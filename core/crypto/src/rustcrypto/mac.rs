//! HMAC.

use alloc::boxed::Box;
use core::fmt;
use hmac::{EagerHash, Hmac, KeyInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::hash::front;
use crate::{HashAlgorithm, Mac};

pub(super) fn new(algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
    match algorithm {
        HashAlgorithm::Md5 => keyed::<Md5>(algorithm, key),
        HashAlgorithm::Sha1 => keyed::<Sha1>(algorithm, key),
        HashAlgorithm::Sha256 => keyed::<Sha256>(algorithm, key),
        HashAlgorithm::Sha384 => keyed::<Sha384>(algorithm, key),
        HashAlgorithm::Sha512 => keyed::<Sha512>(algorithm, key),
    }
}

fn keyed<D>(algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac>
where
    D: EagerHash,
    Hmac<D>: KeyInit + hmac::Mac + Clone + Send + Sync + 'static,
{
    let state = <Hmac<D> as KeyInit>::new_from_slice(key)
        // HMAC takes keys of any length (RFC 2104 section 2); the error type has no case for it.
        .unwrap_or_else(|_| <Hmac<D> as KeyInit>::new(&Default::default()));
    Box::new(Keyed { state, algorithm })
}

/// The two hash states after the inner and the outer pad. A call clones them, and so hashes the
/// message and one block more, never the key.
struct Keyed<M> {
    state: M,
    algorithm: HashAlgorithm,
}

impl<M> fmt::Debug for Keyed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hmac({:?})", self.algorithm)
    }
}

impl<M: hmac::Mac + Clone + Send + Sync> Mac for Keyed<M> {
    fn compute(&self, parts: &[&[u8]]) -> [u8; 64] {
        let mut mac = self.state.clone();
        for part in parts {
            mac.update(part);
        }
        front(&mac.finalize().into_bytes())
    }
}
