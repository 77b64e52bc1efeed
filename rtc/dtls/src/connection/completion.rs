//! The end of a good handshake: what is kept, and the SRTP keys.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smolrtc_base::SecretBytes;
use zeroize::Zeroizing;

use super::{Connection, SrtpKeys, State};
use crate::flight::Item;
use crate::key_schedule::MasterSecret;
use crate::record::DTLS_1_2;
use crate::suite::srtp_profile;
use crate::{Error, Role};

/// The label of the SRTP keys (RFC 5764 section 4.2).
const SRTP_LABEL: &[u8] = b"EXTRACTOR-dtls_srtp";

impl Connection {
    /// Ends the handshake well, and frees it.
    pub(super) fn complete(&mut self, items: Vec<Item>) -> Result<(), Error> {
        let Some(mut handshake) = self.handshake.take() else {
            return Ok(());
        };
        let master = handshake.master.take().ok_or(Error::Provider)?;
        let srtp = handshake
            .srtp_profile
            .and_then(|profile| self.srtp_keys(&master, profile));
        self.stats.version = Some(DTLS_1_2);
        self.stats.cipher_suite = handshake.suite;
        self.stats.group = handshake.group;
        self.stats.srtp_profile = handshake.srtp_profile;

        // The server's Finished is the last message in the transcript.
        let mut finished_at = None;
        let items = items
            .into_iter()
            .map(|item| match item {
                Item::Message { at, epoch } => {
                    finished_at.get_or_insert(at);
                    Item::Message { at: 0, epoch }
                }
                Item::ChangeCipherSpec => item,
            })
            .collect();
        self.final_flight = finished_at
            .and_then(|at| handshake.transcript.get(at..))
            .unwrap_or(&[])
            .to_vec();
        self.send(items);

        self.master = Some(Box::new(master));
        self.connected = Some(Box::new(srtp));
        self.state = State::Connected;
        Ok(())
    }

    /// RFC 5764 section 4.2: client key, server key, client salt, server salt.
    fn srtp_keys(&self, master: &MasterSecret, profile: u16) -> Option<SrtpKeys> {
        let (key_len, salt_len) = srtp_profile::key_and_salt_len(profile)?;
        let mut material = Zeroizing::new([0; 2 * (32 + 14)]);
        let len = key_len.saturating_add(salt_len).saturating_mul(2);
        let material = material.get_mut(..len)?;
        master.export(self.provider, SRTP_LABEL, None, material);
        let (client_key, rest) = material.split_at_checked(key_len)?;
        let (server_key, rest) = rest.split_at_checked(key_len)?;
        let (client_salt, server_salt) = rest.split_at_checked(salt_len)?;
        let [client_key, server_key, client_salt, server_salt] =
            [client_key, server_key, client_salt, server_salt]
                .map(|part| SecretBytes::new(part.to_vec()));
        Some(match self.role {
            Role::Client => SrtpKeys {
                profile,
                local_key: client_key,
                local_salt: client_salt,
                remote_key: server_key,
                remote_salt: server_salt,
            },
            Role::Server => SrtpKeys {
                profile,
                local_key: server_key,
                local_salt: server_salt,
                remote_key: client_key,
                remote_salt: client_salt,
            },
        })
    }
}
