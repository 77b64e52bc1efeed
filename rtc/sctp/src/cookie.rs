//! The state cookie (RFC 9260 section 5.1.3): what INIT said, kept by the peer and not by us.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use smolrtc_base::{
    BufferTooSmall, Duration, Instant, Reader, SecretArray, Truncated, Writer, constant_time_eq,
};
use smolrtc_crypto::{HashAlgorithm, Provider};

use crate::chunk::Init;

/// Bytes that are authenticated.
const BODY_LEN: usize = 26;
/// HMAC-SHA256, cut to 16 bytes (RFC 2104 section 5 allows half the output).
const TAG_LEN: usize = 16;
/// Bytes of a cookie: 42, padded on the wire to 44.
pub(crate) const COOKIE_LEN: usize = BODY_LEN + TAG_LEN;
/// Valid.Cookie.Life (RFC 9260 section 16).
const LIFETIME: Duration = Duration::from_secs(60);

/// What must be known of the peer to be associated with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerInit {
    pub(crate) tag: u32,
    pub(crate) initial_tsn: u32,
    pub(crate) window: u32,
    pub(crate) outbound_streams: u16,
    pub(crate) inbound_streams: u16,
    pub(crate) forward_tsn: bool,
    pub(crate) reconfig: bool,
}

impl From<&Init<'_>> for PeerInit {
    fn from(init: &Init<'_>) -> Self {
        Self {
            tag: init.tag,
            initial_tsn: init.initial_tsn,
            window: init.window,
            outbound_streams: init.outbound_streams,
            inbound_streams: init.inbound_streams,
            forward_tsn: init.forward_tsn,
            reconfig: init.reconfig,
        }
    }
}

/// Makes and checks the cookies of one association.
#[derive(Debug)]
pub(crate) struct CookieJar {
    key: SecretArray<32>,
    provider: &'static dyn Provider,
}

impl CookieJar {
    pub(crate) const fn new(key: SecretArray<32>, provider: &'static dyn Provider) -> Self {
        Self { key, provider }
    }

    /// A cookie for the peer whose INIT said `peer`.
    pub(crate) fn bake(&self, now: Instant, peer: &PeerInit) -> [u8; COOKIE_LEN] {
        let mut cookie = [0; COOKIE_LEN];
        // The array has room for exactly what is written.
        let _ = Self::emit(&mut cookie, now, peer);
        let (body, tag) = cookie.split_at_mut(BODY_LEN);
        for (slot, byte) in tag.iter_mut().zip(self.tag(body)) {
            *slot = byte;
        }
        cookie
    }

    /// What an earlier [`bake`](Self::bake) put in; `None` for a forged or stale cookie.
    pub(crate) fn open(&self, now: Instant, cookie: &[u8]) -> Option<PeerInit> {
        let (body, tag) = cookie.split_at_checked(BODY_LEN)?;
        if !constant_time_eq(tag, &self.tag(body)) {
            return None;
        }
        let (baked, peer) = Self::parse(body).ok()?;
        (now.since(baked) <= LIFETIME).then_some(peer)
    }

    fn tag(&self, body: &[u8]) -> [u8; TAG_LEN] {
        let mac = self
            .provider
            .hmac(HashAlgorithm::Sha256, self.key.expose())
            .compute(&[body]);
        let mut tag = [0; TAG_LEN];
        for (slot, byte) in tag.iter_mut().zip(mac) {
            *slot = byte;
        }
        tag
    }

    fn emit(buf: &mut [u8], now: Instant, peer: &PeerInit) -> Result<(), BufferTooSmall> {
        let mut writer = Writer::new(buf);
        writer.u64(now.as_micros())?;
        writer.u32(peer.tag)?;
        writer.u32(peer.initial_tsn)?;
        writer.u32(peer.window)?;
        writer.u16(peer.outbound_streams)?;
        writer.u16(peer.inbound_streams)?;
        writer.u8(u8::from(peer.forward_tsn))?;
        writer.u8(u8::from(peer.reconfig))
    }

    fn parse(body: &[u8]) -> Result<(Instant, PeerInit), Truncated> {
        let mut reader = Reader::new(body);
        Ok((
            Instant::from_micros(reader.u64()?),
            PeerInit {
                tag: reader.u32()?,
                initial_tsn: reader.u32()?,
                window: reader.u32()?,
                outbound_streams: reader.u16()?,
                inbound_streams: reader.u16()?,
                forward_tsn: reader.u8()? != 0,
                reconfig: reader.u8()? != 0,
            },
        ))
    }
}
