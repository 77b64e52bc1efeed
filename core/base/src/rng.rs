//! The only source of randomness below the drivers.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};

/// A ChaCha20 generator, seeded by the caller.
///
/// The driver draws 32 bytes from the system (or a chip's true random number generator) once and
/// hands them in; every engine below forks its own generator, so that one more draw in one engine
/// changes nothing in another. The same seed gives the same bytes for ever: that is what makes a
/// failing run replayable.
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// A generator for `seed`.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A generator for a test's or simulation's number. Not for secrets.
    #[must_use]
    pub fn from_u64(seed: u64) -> Self {
        let mut bytes = [0; 32];
        if let Some(head) = bytes.first_chunk_mut::<8>() {
            *head = seed.to_le_bytes();
        }
        Self::from_seed(bytes)
    }

    /// An independent generator, seeded from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.array())
    }

    /// Fills `buf`.
    pub fn fill(&mut self, buf: &mut [u8]) {
        self.0.fill_bytes(buf);
    }

    /// `N` random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, or 0 when `bound` is 0. The bias is below 2⁻³² for the bounds
    /// used here (jitter, back-off), which need no perfect uniformity.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.u32()).wrapping_mul(u64::from(bound))) >> 32) as u32
    }
}

impl core::fmt::Debug for Rng {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rng")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_same_bytes_and_forks_differ() {
        let (mut a, mut b) = (Rng::from_u64(7), Rng::from_u64(7));
        assert_eq!(a.array::<40>(), b.array::<40>());
        let (mut left, mut right) = (a.fork(), a.fork());
        assert_ne!(left.u64(), right.u64());
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::from_u64(1);
        assert!((0..1_000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.below(0), 0);
    }
}
