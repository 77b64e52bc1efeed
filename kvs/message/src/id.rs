//! Client ids.

use crate::Error;
use alloc::string::String;
use core::fmt;

/// The id of a viewer in a channel: 1 to 256 of `[a-zA-Z0-9_.-]`. The master has none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Longest id, bytes.
    pub const MAX_LEN: usize = 256;

    /// An id from text.
    ///
    /// # Errors
    ///
    /// [`Error::ClientId`] for other characters or lengths.
    pub fn new(text: &str) -> Result<Self, Error> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if fits && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(Error::ClientId)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::str::FromStr for ClientId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl AsRef<str> for ClientId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
