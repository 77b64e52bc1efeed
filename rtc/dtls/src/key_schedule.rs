//! From the shared secret to every key: the TLS 1.2 PRF (RFC 5246 section 5) and what is derived
//! with it.

use alloc::vec::Vec;

use smolrtc_base::SecretArray;
use smolrtc_crypto::{HashAlgorithm, Provider};
use zeroize::{Zeroize as _, Zeroizing};

use crate::CipherSuite;
use crate::record::Cipher;

/// Length of a Finished's verify_data (RFC 5246 section 7.4.9).
pub(crate) const VERIFY_DATA_LEN: usize = 12;

/// Longest label or context of an exporter (RFC 5705 section 4: the context's length has 16 bits).
const MAX_CONTEXT: usize = 0xFFFF;

/// Most parts a seed may have.
const MAX_SEED_PARTS: usize = 4;

/// PRF(secret, label, seed): P_hash over `label` and the concatenation of `seed`, cut to `out`.
/// Parts of the seed beyond the fourth would be ignored; nothing here has more.
pub(crate) fn prf(
    provider: &dyn Provider,
    hash: HashAlgorithm,
    secret: &[u8],
    label: &[u8],
    seed: &[&[u8]],
    out: &mut [u8],
) {
    debug_assert!(seed.len() <= MAX_SEED_PARTS);
    let mac = provider.hmac(hash, secret);
    // HMAC takes its input in parts, and an empty part changes nothing.
    let mut parts: [&[u8]; MAX_SEED_PARTS + 1] = [&[]; MAX_SEED_PARTS + 1];
    for (slot, part) in parts.iter_mut().zip([label].iter().chain(seed)) {
        *slot = part;
    }
    let [label, seed0, seed1, seed2, seed3] = parts;

    let mut a = Zeroizing::new(mac.compute(&[label, seed0, seed1, seed2, seed3]));
    for chunk in out.chunks_mut(hash.len()) {
        let head = a.get(..hash.len()).unwrap_or(&[]);
        let block = Zeroizing::new(mac.compute(&[head, label, seed0, seed1, seed2, seed3]));
        if let Some(block) = block.get(..chunk.len()) {
            chunk.copy_from_slice(block);
        }
        let next = mac.compute(&[head]);
        *a = next;
    }
}

/// The master secret and what it is used with for the rest of the connection.
#[derive(Debug)]
pub(crate) struct MasterSecret {
    secret: SecretArray<48>,
    client_random: [u8; 32],
    server_random: [u8; 32],
    suite: CipherSuite,
}

/// Which end a key or a Finished belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

impl MasterSecret {
    /// The extended master secret (RFC 7627 section 4): bound to the transcript through the
    /// ClientKeyExchange, and so to both certificates.
    pub(crate) fn extended(
        provider: &dyn Provider,
        suite: CipherSuite,
        shared: &SecretArray<32>,
        transcript: &[u8],
        client_random: [u8; 32],
        server_random: [u8; 32],
    ) -> Self {
        let hash = suite.hash();
        let digest = provider.hash(hash, &[transcript]);
        let session_hash = digest.get(..hash.len()).unwrap_or(&[]);
        let mut secret = [0; 48];
        prf(
            provider,
            hash,
            shared.expose(),
            b"extended master secret",
            &[session_hash],
            &mut secret,
        );
        let this = Self {
            secret: SecretArray::new(secret),
            client_random,
            server_random,
            suite,
        };
        secret.zeroize();
        this
    }

    /// verify_data of `sender`'s Finished over everything before it.
    pub(crate) fn verify_data(
        &self,
        provider: &dyn Provider,
        sender: Sender,
        transcript: &[u8],
    ) -> [u8; VERIFY_DATA_LEN] {
        let hash = self.suite.hash();
        let digest = provider.hash(hash, &[transcript]);
        let label: &[u8] = match sender {
            Sender::Client => b"client finished",
            Sender::Server => b"server finished",
        };
        let mut out = [0; VERIFY_DATA_LEN];
        let digest = digest.get(..hash.len()).unwrap_or(&[]);
        prf(
            provider,
            hash,
            self.secret.expose(),
            label,
            &[digest],
            &mut out,
        );
        out
    }

    /// The record ciphers for what the client and what the server sends (RFC 5246 section 6.3; AEADs
    /// have no MAC keys). `None` only if the provider refuses a key of the right length.
    pub(crate) fn ciphers(&self, provider: &dyn Provider) -> Option<(Cipher, Cipher)> {
        let aead = self.suite.aead();
        let key_len = aead.key_len();
        let iv_len = Cipher::fixed_iv_len(aead);
        let mut block = Zeroizing::new([0; 2 * (32 + 12)]);
        let len = key_len.saturating_add(iv_len).saturating_mul(2);
        let block = block.get_mut(..len)?;
        prf(
            provider,
            self.suite.hash(),
            self.secret.expose(),
            b"key expansion",
            // Server first, unlike everywhere else.
            &[&self.server_random, &self.client_random],
            block,
        );
        let (client_key, rest) = block.split_at_checked(key_len)?;
        let (server_key, rest) = rest.split_at_checked(key_len)?;
        let (client_iv, server_iv) = rest.split_at_checked(iv_len)?;
        Some((
            Cipher::new(provider, aead, client_key, client_iv)?,
            Cipher::new(provider, aead, server_key, server_iv)?,
        ))
    }

    /// Exported keying material (RFC 5705 section 4). No context and an empty one differ.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) {
        let mut seed: Vec<&[u8]> = Vec::with_capacity(4);
        seed.push(&self.client_random);
        seed.push(&self.server_random);
        let context = context.map(|context| context.get(..MAX_CONTEXT).unwrap_or(context));
        let len = context.map(|context| u16::try_from(context.len()).unwrap_or(u16::MAX));
        let len = len.map(u16::to_be_bytes);
        if let (Some(len), Some(context)) = (&len, context) {
            seed.push(len);
            seed.push(context);
        }
        prf(
            provider,
            self.suite.hash(),
            self.secret.expose(),
            label,
            &seed,
            out,
        );
    }
}

#[cfg(test)]
mod tests;
