//! The sending direction.

use alloc::vec::Vec;
use smolrtc_base::Limits;
use smolrtc_crypto::Provider;

use crate::header::{RTCP_HEADER_LEN, RtpHeader, rtcp_ssrc};
use crate::keys::{Digest, SessionKeys};
use crate::{INDEX_END, Profile, RTCP_INDEX_END, SrtpError};

/// Protects the packets of one direction of a session.
///
/// # Why no nonce is used twice
///
/// A nonce is made of the salt, the SSRC and the packet index, under keys that RTP and RTCP do not
/// share. For RTP the sender remembers the highest index of every source, for as long as the keys
/// live, and refuses an index that is not above it. For RTCP one counter serves all sources and
/// only rises: RFC 3711 section 3.4 wants the index to rise by one with each packet of a
/// cryptographic context, but a receiver demands only that an index be new (section 3.3.2), and
/// sees gaps whenever the network loses a packet. One counter for all thus looks like loss to
/// nobody and makes (SSRC, index) unique without a table.
#[derive(Debug)]
pub struct Sender {
    profile: Profile,
    keys: SessionKeys,
    sources: Vec<Source>,
    source_limit: usize,
    rtcp_index: u32,
    memory: Memory,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    highest: u64,
}

impl Sender {
    /// A sender with fresh keys, for as many sources as `limits.srtp_sources`.
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
            sources: Vec::new(),
            source_limit: limits.srtp_sources,
            rtcp_index: 0,
            memory: Memory::default(),
        }
    }

    /// The profile this sender was made for.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Remembers the last `packets` packets (24 bytes each, allocated now), so that
    /// [`resend_rtp`](Self::resend_rtp) can tell whether a resend is identical. Without effect
    /// under AEAD profiles.
    pub fn remember(&mut self, packets: usize) {
        if self.profile.aead().is_none() {
            self.memory = Memory::with_capacity(packets);
        }
    }

    /// Encrypts the RTP packet `buf[..len]` in place, appends the tag and returns the new length.
    ///
    /// `index` is rollover count · 2¹⁶ + sequence number; a sender knows it without guessing. The
    /// rollover count starts at 0 (RFC 3711 section 3.3.1). `buf` needs
    /// [`Profile::rtp_tag_len`] bytes beyond `len`.
    ///
    /// # Errors
    /// Any but the three of resending; the buffer is untouched.
    #[inline]
    pub fn protect_rtp(
        &mut self,
        buf: &mut [u8],
        len: usize,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let header = self.parse(buf, len, index)?;
        match self
            .sources
            .iter_mut()
            .find(|source| source.ssrc == header.ssrc)
        {
            Some(source) if index <= source.highest => return Err(SrtpError::IndexReused),
            Some(source) => source.highest = index,
            None => self.admit(header.ssrc, index)?,
        }
        let (len, digest) = self
            .keys
            .rtp
            .protect_rtp(buf, header.len, len, header.ssrc, index)
            .ok_or(SrtpError::Malformed)?;
        self.memory.enter(header.ssrc, index, digest);
        Ok(len)
    }

    /// Protects once more a packet that was protected before, byte for byte the same, for a peer
    /// that knows no RTX.
    ///
    /// Under AES-CM the same index with another plaintext would give away the difference of the
    /// two. So the result is compared with what [`remember`](Self::remember) kept of the first
    /// one, and wiped if it differs. Under AEAD profiles nothing is ever resent.
    ///
    /// # Errors
    /// [`SrtpError::ResendForbidden`], [`SrtpError::NotRemembered`], [`SrtpError::NotIdentical`]
    /// and those of [`protect_rtp`](Self::protect_rtp) about the buffer.
    pub fn resend_rtp(
        &mut self,
        buf: &mut [u8],
        len: usize,
        index: u64,
    ) -> Result<usize, SrtpError> {
        if self.profile.aead().is_some() {
            return Err(SrtpError::ResendForbidden);
        }
        let header = self.parse(buf, len, index)?;
        let first = self
            .memory
            .get(header.ssrc, index)
            .ok_or(SrtpError::NotRemembered)?;
        let (len, digest) = self
            .keys
            .rtp
            .protect_rtp(buf, header.len, len, header.ssrc, index)
            .ok_or(SrtpError::Malformed)?;
        if digest != first {
            if let Some(protected) = buf.get_mut(..len) {
                protected.fill(0);
            }
            return Err(SrtpError::NotIdentical);
        }
        Ok(len)
    }

    /// Encrypts the RTCP compound packet `buf[..len]` in place, appends index and tag, and returns
    /// the new length. `buf` needs [`Profile::rtcp_tag_len`] bytes beyond `len`.
    ///
    /// # Errors
    /// [`SrtpError::Malformed`], [`SrtpError::BufferTooSmall`], [`SrtpError::KeyExhausted`]; the
    /// buffer is untouched.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buf.get(..len).ok_or(SrtpError::Malformed)?;
        if len < RTCP_HEADER_LEN {
            return Err(SrtpError::Malformed);
        }
        let ssrc = rtcp_ssrc(packet).map_err(|_| SrtpError::Malformed)?;
        let needed = len.saturating_add(self.profile.rtcp_tag_len());
        if buf.len() < needed {
            return Err(SrtpError::BufferTooSmall { needed });
        }
        // The first packet has index 1, as in libsrtp, which every browser stands on.
        let index = self.rtcp_index.saturating_add(1);
        if index >= RTCP_INDEX_END {
            return Err(SrtpError::KeyExhausted);
        }
        self.rtcp_index = index;
        self.keys
            .rtcp
            .protect_rtcp(buf, len, ssrc, index)
            .ok_or(SrtpError::Malformed)
    }

    /// All that can be wrong with an RTP packet before its nonce is used up.
    #[inline]
    fn parse(&self, buf: &[u8], len: usize, index: u64) -> Result<RtpHeader, SrtpError> {
        let packet = buf.get(..len).ok_or(SrtpError::Malformed)?;
        let header = RtpHeader::parse(packet).map_err(|_| SrtpError::Malformed)?;
        if index >= INDEX_END {
            return Err(SrtpError::KeyExhausted);
        }
        if index as u16 != header.seq {
            return Err(SrtpError::IndexMismatch);
        }
        let needed = len.saturating_add(self.profile.rtp_tag_len());
        if buf.len() < needed {
            return Err(SrtpError::BufferTooSmall { needed });
        }
        Ok(header)
    }

    #[cfg(test)]
    pub(crate) const fn set_rtcp_index(&mut self, last: u32) {
        self.rtcp_index = last;
    }

    #[cold]
    fn admit(&mut self, ssrc: u32, highest: u64) -> Result<(), SrtpError> {
        // A source is never forgotten while the keys live: its nonces stay used.
        if self.sources.len() >= self.source_limit {
            return Err(SrtpError::TooManySources);
        }
        self.sources.push(Source { ssrc, highest });
        Ok(())
    }
}

/// Digests of the packets protected last, the oldest overwritten first.
#[derive(Debug, Default)]
struct Memory {
    entries: Vec<Entry>,
    capacity: usize,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    digest: Digest,
    ssrc: u32,
}

impl Memory {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            capacity,
            next: 0,
        }
    }

    #[inline]
    fn enter(&mut self, ssrc: u32, index: u64, digest: Digest) {
        if self.capacity == 0 {
            return;
        }
        let entry = Entry {
            index,
            digest,
            ssrc,
        };
        match self.entries.get_mut(self.next) {
            Some(oldest) => *oldest = entry,
            None => self.entries.push(entry),
        }
        self.next = match self.next.saturating_add(1) {
            next if next >= self.capacity => 0,
            next => next,
        };
    }

    fn get(&self, ssrc: u32, index: u64) -> Option<Digest> {
        self.entries
            .iter()
            .find(|entry| entry.index == index && entry.ssrc == ssrc)
            .map(|entry| entry.digest)
    }
}

#[cfg(test)]
mod tests;
