//! The software provider.

/// RustCrypto's implementations, in constant time where the crates promise it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;
