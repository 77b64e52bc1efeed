//! The receiving direction.

use smolrtc_base::Limits;
use smolrtc_crypto::Provider;

use crate::header::{BadHeader, RtpHeader, rtcp_ssrc};
use crate::keys::{OpenError, SessionKeys};
use crate::replay::{ReplayWindow, Seen, estimate_index};
use crate::sources::Sources;
use crate::{DropReason, Drops, Profile, SrtpError};

/// A packet that was authenticated and decrypted in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// Length of the RTP or RTCP packet, bytes from the front of the buffer.
    pub len: usize,
    /// RTP: rollover count · 2¹⁶ + sequence number. RTCP: the SRTCP index.
    pub index: u64,
}

/// Opens the packets of one direction of a session.
///
/// Every step that could be abused comes after authentication: a forged packet moves no rollover
/// count and no window, and brings no source into the tables. What can be refused without
/// cryptography (replays, bad headers) is refused before it.
#[derive(Debug)]
pub struct Receiver {
    profile: Profile,
    keys: SessionKeys,
    sources: Sources,
    drops: Drops,
}

impl Receiver {
    /// A receiver with fresh keys, bounded by `limits.srtp_sources` and
    /// `limits.srtp_retired_sources`.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn new(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
        provider: &dyn Provider,
        limits: &Limits,
    ) -> Result<Self, SrtpError> {
        let keys = SessionKeys::derive(profile, master_key, master_salt, provider)?;
        Ok(Self::with_keys(profile, keys, limits))
    }

    pub(crate) fn with_keys(profile: Profile, keys: SessionKeys, limits: &Limits) -> Self {
        Self {
            profile,
            keys,
            sources: Sources::new(limits.srtp_sources, limits.srtp_retired_sources),
            drops: Drops::default(),
        }
    }

    /// The profile this receiver was made for.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Packets dropped so far, by reason.
    #[must_use]
    pub const fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Authenticates and decrypts the SRTP packet `buf[..len]` in place.
    ///
    /// # Errors
    /// Why the packet was dropped; it is counted. The buffer then holds no plaintext: ciphertext
    /// still, or zeros.
    #[inline]
    pub fn unprotect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<Unprotected, DropReason> {
        let result = self.open_rtp(buf, len);
        self.count(result)
    }

    /// Authenticates and decrypts the SRTCP packet `buf[..len]` in place.
    ///
    /// # Errors
    /// As for [`unprotect_rtp`](Self::unprotect_rtp).
    pub fn unprotect_rtcp(
        &mut self,
        buf: &mut [u8],
        len: usize,
    ) -> Result<Unprotected, DropReason> {
        let result = self.open_rtcp(buf, len);
        self.count(result)
    }

    fn open_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<Unprotected, DropReason> {
        let packet = buf.get_mut(..len).ok_or(DropReason::TooShort)?;
        let header = RtpHeader::parse(packet)?;
        let mut source = self
            .sources
            .peek(header.ssrc)
            .ok_or(DropReason::TooManySources)?;
        let index =
            estimate_index(source.rtp.highest(), header.seq).ok_or(DropReason::IndexOverflow)?;
        refuse_replay(&source.rtp, index)?;
        let len = self
            .keys
            .rtp
            .unprotect_rtp(packet, header.len, header.ssrc, index)?;
        source.rtp.record(index);
        self.sources.commit(source);
        Ok(Unprotected { len, index })
    }

    fn open_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<Unprotected, DropReason> {
        let packet = buf.get_mut(..len).ok_or(DropReason::TooShort)?;
        let ssrc = rtcp_ssrc(packet)?;
        let word = self.keys.rtcp.rtcp_index(packet)?;
        let index = u64::from(word.index);
        let mut source = self.sources.peek(ssrc).ok_or(DropReason::TooManySources)?;
        refuse_replay(&source.rtcp, index)?;
        let len = self.keys.rtcp.unprotect_rtcp(packet, ssrc, word)?;
        source.rtcp.record(index);
        self.sources.commit(source);
        Ok(Unprotected { len, index })
    }

    #[inline]
    fn count<T>(&mut self, result: Result<T, DropReason>) -> Result<T, DropReason> {
        if let Err(reason) = &result {
            self.drops.count(*reason);
        }
        result
    }

    #[cfg(test)]
    pub(crate) fn source_counts(&self) -> (usize, usize) {
        self.sources.counts()
    }
}

#[inline]
const fn refuse_replay(window: &ReplayWindow, index: u64) -> Result<(), DropReason> {
    match window.check(index) {
        Seen::Fresh => Ok(()),
        Seen::Replayed => Err(DropReason::Replayed),
        Seen::TooOld => Err(DropReason::TooOld),
    }
}

impl From<BadHeader> for DropReason {
    fn from(error: BadHeader) -> Self {
        match error {
            BadHeader::TooShort => Self::TooShort,
            BadHeader::BadVersion => Self::BadVersion,
        }
    }
}

impl From<OpenError> for DropReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::TooShort => Self::TooShort,
            OpenError::BadTag => Self::BadTag,
        }
    }
}

#[cfg(test)]
mod tests;
