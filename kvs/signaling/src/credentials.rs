//! AWS credentials, and where a program finds them without asking.
//!
//! Reading the environment and the files is the driver's work; understanding them is done here.
//! Credentials that come and go (IoT Core, a callback) reach a [`Client`](crate::Client) through
//! [`Client::set_credentials`](crate::Client::set_credentials).

use alloc::string::String;
use core::fmt;

use smolrtc_base::{Duration, SecretBytes, UnixTime};

mod iot;
mod profile;

pub use iot::IotCore;
pub(crate) use iot::parse_answer;

/// Credentials are taken for expired this long before they are, so that a call signed with them
/// still arrives.
pub const EXPIRY_GRACE: Duration = Duration::from_secs(30);

/// A key pair, perhaps temporary. `Debug` shows the key id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: SecretBytes,
    session_token: Option<SecretBytes>,
    expires: Option<UnixTime>,
}

/// Where a [`Client`](crate::Client) gets its credentials from. The first that there is counts:
/// callback, IoT Core, fixed ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The application answers [`Event::CredentialsNeeded`](crate::Event::CredentialsNeeded).
    pub callback: bool,
    /// IoT Core's credential provider.
    pub iot: Option<IotCore>,
    /// Known from the start.
    pub fixed: Option<Credentials>,
}

impl From<Credentials> for Sources {
    fn from(credentials: Credentials) -> Self {
        Self {
            fixed: Some(credentials),
            ..Self::default()
        }
    }
}

impl Credentials {
    /// Long-lived credentials.
    #[must_use]
    pub fn new(access_key_id: impl Into<String>, secret_access_key: SecretBytes) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key,
            session_token: None,
            expires: None,
        }
    }

    /// Makes them temporary: `token` accompanies every signature.
    #[must_use]
    pub fn with_session_token(mut self, token: SecretBytes) -> Self {
        self.session_token = Some(token);
        self
    }

    /// Sets when the service stops to accept them.
    #[must_use]
    pub const fn with_expiry(mut self, expires: UnixTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The public half.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret half.
    #[must_use]
    pub const fn secret_access_key(&self) -> &SecretBytes {
        &self.secret_access_key
    }

    /// The token of temporary credentials.
    #[must_use]
    pub const fn session_token(&self) -> Option<&SecretBytes> {
        self.session_token.as_ref()
    }

    /// When the service stops to accept them, if it ever does.
    #[must_use]
    pub const fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    /// Whether they are, or will be within [`EXPIRY_GRACE`], refused at `now`.
    #[must_use]
    pub fn expired(&self, now: UnixTime) -> bool {
        self.expires
            .is_some_and(|expires| now.plus(EXPIRY_GRACE) >= expires)
    }

    /// From AWS's variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`, which `lookup` finds. Empty values count as absent.
    ///
    /// # Errors
    /// [`CredentialsError::NotFound`] if neither key is set, so that the next source may be
    /// tried; another if only one is.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        let get = |name| lookup(name).filter(|value| !value.trim().is_empty());
        let id = get("AWS_ACCESS_KEY_ID");
        let secret = get("AWS_SECRET_ACCESS_KEY");
        match (id, secret) {
            (None, None) => Err(CredentialsError::NotFound),
            (None, Some(_)) => Err(CredentialsError::NoAccessKeyId),
            (Some(_), None) => Err(CredentialsError::NoSecretAccessKey),
            (Some(id), Some(secret)) => Self::checked(
                id.trim(),
                secret.trim(),
                get("AWS_SESSION_TOKEN").as_deref(),
            ),
        }
    }

    /// From the text of AWS's shared credentials file and one of its profiles (`default` if the
    /// user names none).
    ///
    /// # Errors
    /// [`CredentialsError::NotFound`] if the file has no such profile; another if the profile is
    /// incomplete or gets its keys in a way not supported here.
    pub fn from_shared_file(text: &str, profile: &str) -> Result<Self, CredentialsError> {
        let found = profile::find(text, profile).ok_or(CredentialsError::NotFound)?;
        match (found.access_key_id, found.secret_access_key) {
            (None, None) if found.indirect => Err(CredentialsError::IndirectProfile),
            (None, _) => Err(CredentialsError::NoAccessKeyId),
            (_, None) => Err(CredentialsError::NoSecretAccessKey),
            (Some(id), Some(secret)) => Self::checked(id, secret, found.session_token),
        }
    }

    fn checked(id: &str, secret: &str, token: Option<&str>) -> Result<Self, CredentialsError> {
        let printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if !printable(id) || id.len() > 128 || id.contains('/') {
            return Err(CredentialsError::MalformedAccessKeyId);
        }
        if !printable(secret) {
            return Err(CredentialsError::MalformedSecretAccessKey);
        }
        let credentials = Self::new(id, SecretBytes::from(secret));
        match token.map(str::trim).filter(|token| !token.is_empty()) {
            None => Ok(credentials),
            Some(token) if printable(token) => {
                Ok(credentials.with_session_token(SecretBytes::from(token)))
            }
            Some(_) => Err(CredentialsError::MalformedSessionToken),
        }
    }
}

/// The region that a profile of AWS's config or credentials file names.
#[must_use]
pub fn region_from_shared_file<'a>(text: &'a str, profile: &str) -> Option<&'a str> {
    profile::find(text, profile)?.region
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("temporary", &self.session_token.is_some())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why a source gave no credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// This source has none.
    NotFound,
    /// A secret without its key id.
    NoAccessKeyId,
    /// A key id without its secret.
    NoSecretAccessKey,
    /// The profile uses a role, SSO or a process.
    IndirectProfile,
    /// White space, control characters or a slash in the key id.
    MalformedAccessKeyId,
    /// White space or control characters in the secret.
    MalformedSecretAccessKey,
    /// White space or control characters in the token.
    MalformedSessionToken,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => {
                "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 AWS_PROFILE to a profile of the shared credentials file"
            }
            Self::NoAccessKeyId => "the secret key is set but AWS_ACCESS_KEY_ID is not: set both",
            Self::NoSecretAccessKey => {
                "the access key id is set but AWS_SECRET_ACCESS_KEY is not: set both"
            }
            Self::IndirectProfile => {
                "the profile gets its keys from a role, SSO or a process, which is not supported: \
                 export them with `aws configure export-credentials --format env`"
            }
            Self::MalformedAccessKeyId => {
                "the access key id has characters that no key id has: copy it again"
            }
            Self::MalformedSecretAccessKey => {
                "the secret access key has spaces or control characters in it: copy it again"
            }
            Self::MalformedSessionToken => {
                "the session token has spaces or line breaks in it: copy it again"
            }
        })
    }
}

impl core::error::Error for CredentialsError {}

#[cfg(test)]
mod tests;
