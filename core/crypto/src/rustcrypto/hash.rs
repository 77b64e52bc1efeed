//! Hash functions.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

use crate::HashAlgorithm;

pub(super) fn digest(algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
    match algorithm {
        HashAlgorithm::Md5 => concatenation::<Md5>(parts),
        HashAlgorithm::Sha1 => concatenation::<Sha1>(parts),
        HashAlgorithm::Sha256 => concatenation::<Sha256>(parts),
        HashAlgorithm::Sha384 => concatenation::<Sha384>(parts),
        HashAlgorithm::Sha512 => concatenation::<Sha512>(parts),
    }
}

fn concatenation<D: Digest>(parts: &[&[u8]]) -> [u8; 64] {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    front(&hash.finalize())
}

/// `bytes` in front of zeros: the provider's one width for every hash.
pub(super) fn front(bytes: &[u8]) -> [u8; 64] {
    let mut wide = [0; 64];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    wide
}
