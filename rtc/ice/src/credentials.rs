//! User name fragments, passwords and the keys made of them.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{Rng, SecretBytes};
use smolrtc_crypto::Provider;
use smolrtc_stun::Key;

use crate::Error;

/// The user name fragment of the receiver in a request's USERNAME: what comes before the colon
/// (RFC 8445 section 7.2.2). By it a server that shares one socket finds the session.
#[must_use]
pub fn local_ufrag(username: &str) -> Option<&str> {
    username.split_once(':').map(|(ours, _)| ours)
}

/// 64 ice-chars, so that six random bits make one (RFC 8839 section 5.4).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 48 random bits; the standard asks for 24. The spare ones keep sessions that share a socket
/// apart.
const UFRAG_LEN: usize = 8;

/// 144 random bits; the standard asks for 128.
const PWD_LEN: usize = 24;

fn random_text(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut text = alloc::vec![0; len];
    rng.fill(&mut text);
    for byte in &mut text {
        *byte = ICE_CHARS
            .get(usize::from(*byte & 63))
            .copied()
            .unwrap_or(b'A');
    }
    text
}

fn is_ice_text(text: &[u8], min: usize) -> bool {
    // A hyphen, an underscore and '=' are tolerated, as browsers do.
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    (min..=256).contains(&text.len()) && text.iter().all(allowed)
}

/// One side's credentials.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: SecretBytes,
    pub(crate) key: Key,
}

impl Credentials {
    pub(crate) fn random(rng: &mut Rng, provider: &dyn Provider) -> Self {
        let ufrag = random_text(rng, UFRAG_LEN);
        let pwd = random_text(rng, PWD_LEN);
        Self {
            ufrag: ufrag.into_iter().map(char::from).collect(),
            key: Key::short_term(provider, &pwd),
            pwd: SecretBytes::new(pwd),
        }
    }

    pub(crate) fn new(
        ufrag: &str,
        pwd: &SecretBytes,
        provider: &dyn Provider,
    ) -> Result<Self, Error> {
        if !is_ice_text(ufrag.as_bytes(), 4) {
            return Err(Error::InvalidUfrag);
        }
        if !is_ice_text(pwd.expose(), 22) {
            return Err(Error::InvalidPassword);
        }
        Ok(Self {
            ufrag: String::from(ufrag),
            pwd: pwd.clone(),
            key: Key::short_term(provider, pwd.expose()),
        })
    }
}

/// What belongs together between two restarts.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) local: Credentials,
    pub(crate) remote: Option<Credentials>,
    /// USERNAME of our requests, `remote:local`; empty until the peer's fragment is known.
    pub(crate) username: String,
}

impl Generation {
    pub(crate) const fn new(number: u32, local: Credentials) -> Self {
        Self {
            number,
            local,
            remote: None,
            username: String::new(),
        }
    }

    pub(crate) fn set_remote(&mut self, remote: Credentials) {
        self.username = alloc::format!("{}:{}", remote.ufrag, self.local.ufrag);
        self.remote = Some(remote);
    }
}
