//! AES in counter mode.

use ::ctr::{CtrCore, flavors::Ctr128BE};
use aes::cipher::consts::U16;
use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128Enc, Aes256Enc};
use alloc::boxed::Box;
use core::fmt;

use crate::Ctr;

pub(super) fn new(key: &[u8]) -> Option<Box<dyn Ctr>> {
    match key.len() {
        16 => Some(Box::new(Keyed(Aes128Enc::new_from_slice(key).ok()?))),
        32 => Some(Box::new(Keyed(Aes256Enc::new_from_slice(key).ok()?))),
        _ => None,
    }
}

/// The key schedule; each call borrows it for a counter of its own.
struct Keyed<C>(C);

impl<C> fmt::Debug for Keyed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesCtr")
    }
}

impl<C> Ctr for Keyed<C>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Send + Sync,
{
    fn apply(&self, iv: &[u8; 16], buf: &mut [u8]) {
        CtrCore::<&C, Ctr128BE>::inner_iv_init(&self.0, iv.into())
            .apply_keystream_partial(buf.into());
    }
}
