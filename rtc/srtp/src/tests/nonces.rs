//! No (key, nonce) pair protects two inputs: seen from below, by a provider that writes down what
//! each of its keys is given.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use smolrtc_base::Limits;
use smolrtc_crypto::{
    Aead, AeadAlgorithm, BadTag, Ctr, HashAlgorithm, Job, JobResult, Mac, Provider, RustCrypto,
};
use std::sync::{Arc, Mutex};

use super::{master, rtcp, rtp};
use crate::{Profile, Sender, SrtpError};

/// Key and nonce, and every distinct input they protected.
type Record = Arc<Mutex<BTreeMap<(Vec<u8>, Vec<u8>), Vec<Vec<u8>>>>>;

#[derive(Debug, Default)]
struct Recording(Record);

#[derive(Debug)]
struct Recorded<T: ?Sized> {
    key: Vec<u8>,
    record: Record,
    inner: Box<T>,
}

impl<T: ?Sized> Recorded<T> {
    fn note(&self, nonce: &[u8], input: Vec<u8>) {
        let mut record = self.record.lock().unwrap();
        let inputs = record
            .entry((self.key.clone(), nonce.to_vec()))
            .or_default();
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
}

impl Aead for Recorded<dyn Aead> {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buf: &mut [u8]) -> [u8; 16] {
        self.note(nonce, [aad, b"|", buf].concat());
        self.inner.seal(nonce, aad, buf)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), BadTag> {
        self.inner.open(nonce, aad, buf, tag)
    }
}

impl Ctr for Recorded<dyn Ctr> {
    fn apply(&self, iv: &[u8; 16], buf: &mut [u8]) {
        self.note(iv, buf.to_vec());
        self.inner.apply(iv, buf);
    }
}

impl Provider for Recording {
    fn supports_rsa(&self) -> bool {
        false
    }
    fn hash(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> [u8; 64] {
        RustCrypto.hash(algorithm, parts)
    }
    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Mac> {
        RustCrypto.hmac(algorithm, key)
    }
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Option<Box<dyn Aead>> {
        Some(Box::new(Recorded {
            key: key.to_vec(),
            record: self.0.clone(),
            inner: RustCrypto.aead(algorithm, key)?,
        }))
    }
    fn aes_ctr(&self, key: &[u8]) -> Option<Box<dyn Ctr>> {
        Some(Box::new(Recorded {
            key: key.to_vec(),
            record: self.0.clone(),
            inner: RustCrypto.aes_ctr(key)?,
        }))
    }
    fn run(&self, job: &Job) -> JobResult {
        RustCrypto.run(job)
    }
}

/// Media with resends on three sources over two rollovers: an RTX stream, plain resends, and a
/// caller that tries everything it must not.
#[test]
fn no_key_and_nonce_ever_protect_two_inputs_across_rollovers() {
    const MEDIA: u32 = 0x1111;
    const RTX: u32 = 0x2222;
    for profile in Profile::ALL.iter().copied() {
        let provider = Recording::default();
        let (key, salt) = master(profile);
        let mut sender = Sender::new(profile, &key, &salt, &provider, &Limits::CHIP).unwrap();
        sender.remember(64);
        let plain = profile.aead().is_none();
        let mut rtx = 65_000_u64;
        let (mut protected, mut refused, mut resent) = (0, 0, 0);
        let payload = |index: u64, salt: u8| [&index.to_be_bytes()[..], &[salt; 9]].concat();
        let indices = (65_400..65_700).chain(131_000..131_100);
        for index in indices {
            let seq = index as u16;
            let (mut buf, len) = rtp(MEDIA, seq, &payload(index, 1));
            sender.protect_rtp(&mut buf, len, index).unwrap();
            protected += 1;
            // The rollover forgotten, the same index again with another extension, one before.
            for (again, salt) in [(index & 0xffff, 1), (index, 2), (index - 1, 3)] {
                let (mut buf, len) = rtp(MEDIA, again as u16, &payload(index, salt));
                let before = buf.clone();
                assert_eq!(
                    sender.protect_rtp(&mut buf, len, again),
                    Err(SrtpError::IndexReused)
                );
                assert_eq!(buf, before);
                refused += 1;
            }
            if index % 7 == 0 {
                let old = index - 5;
                rtx += 1;
                let (mut buf, len) = rtp(RTX, rtx as u16, &payload(old, 1));
                sender.protect_rtp(&mut buf, len, rtx).unwrap();
                protected += 1;
                let (mut buf, len) = rtp(MEDIA, old as u16, &payload(old, 1));
                match sender.resend_rtp(&mut buf, len, old) {
                    Ok(_) => resent += 1,
                    Err(error) => assert_eq!(
                        error,
                        if plain {
                            SrtpError::NotRemembered
                        } else {
                            SrtpError::ResendForbidden
                        }
                    ),
                }
                let (mut buf, len) = rtcp(if index % 2 == 0 { MEDIA } else { RTX });
                sender.protect_rtcp(&mut buf, len).unwrap();
                protected += 1;
            }
        }
        assert_eq!(refused, 3 * 400);
        assert_eq!(resent > 50, plain, "{profile:?}: {resent}");
        let record = provider.0.lock().unwrap();
        // Six derivations more for CM, the auth keys included; GCM derives them all the same.
        assert_eq!(record.len(), protected + 6);
        for ((_, nonce), inputs) in record.iter() {
            assert_eq!(inputs.len(), 1, "{profile:?} nonce {nonce:02x?}");
        }
    }
}
