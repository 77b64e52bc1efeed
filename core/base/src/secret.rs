//! Key material that wipes itself and never prints.

use alloc::vec::Vec;
use zeroize::Zeroize;

/// A secret of a fixed length. Zeroized on drop; `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretArray<const N: usize>([u8; N]);

impl<const N: usize> SecretArray<N> {
    /// Takes over `bytes`; the caller's copy, if any, is the caller's to wipe.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The secret itself. Every call is a place to look at in a review.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for SecretArray<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> core::fmt::Debug for SecretArray<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({N} bytes)")
    }
}

/// A secret of any length. Zeroized on drop; `Debug` prints the length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over `bytes`.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The secret itself. Every call is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, or the empty string if it is not UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl From<&str> for SecretBytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<alloc::string::String> for SecretBytes {
    fn from(text: alloc::string::String) -> Self {
        Self(text.into_bytes())
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Whether `a` and `b` are equal, in a time that depends on their lengths alone.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut difference = 0_u8;
    for (x, y) in a.iter().zip(b) {
        difference |= core::hint::black_box(x ^ y);
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_output_names_the_length_and_nothing_else() {
        assert_eq!(
            format!("{:?}", SecretArray::new(*b"hunter2")),
            "Secret(7 bytes)"
        );
        assert_eq!(
            format!("{:?}", SecretBytes::from("hunter2")),
            "Secret(7 bytes)"
        );
    }

    #[test]
    fn comparison_sees_a_single_flipped_bit() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abb"));
        assert!(!constant_time_eq(b"abc", b"ab"));
    }
}
