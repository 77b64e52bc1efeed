//! What a peer connection is made with.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Limits};
use smolrtc_dtls::{Certificate, srtp_profile};
use smolrtc_rtp::Codec;

/// Settings of a [`PeerConnection`](crate::PeerConnection). [`Config::new`] gives a connection that
/// sends and receives nothing but data; add what it shall do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Our certificate; made ahead, shared by all connections.
    pub certificate: Certificate,
    /// What we send: the codec of each history ring given to the verbs, in the same order. At most
    /// one track of each kind goes to a viewer; the first of the kind wins.
    pub tracks: Vec<Codec>,
    /// Audio codecs we take, most preferred first. Empty: we do not receive audio.
    pub receive_audio: Vec<Codec>,
    /// Video codecs we take, most preferred first. Empty: we do not receive video.
    pub receive_video: Vec<Codec>,
    /// Whether data channels are accepted and offered.
    pub data_channels: bool,
    /// SRTP profiles in order of preference, by their DTLS-SRTP numbers (RFC 5764 section 4.1.2).
    pub srtp_profiles: Vec<u16>,
    /// MediaStream identifier announced in `a=msid`; audio and video share it, so that a browser
    /// plays them in step.
    pub stream_id: String,
    /// Settings of the sending side. Its `cname` is announced in the session description.
    pub sender: smolrtc_rtp::send::Config,
    /// A received frame waits for its missing packets this many round trips …
    pub playout_round_trips: u32,
    /// … plus this; then it is skipped.
    pub playout_extra: Duration,
    /// Settings of ICE. Its `controlling` is set by the role in offer and answer.
    pub ice: smolrtc_ice::Config,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// A connection for data channels alone.
    #[must_use]
    pub fn new(certificate: Certificate, limits: Limits) -> Self {
        let ice = smolrtc_ice::Config {
            limits,
            ..Default::default()
        };
        Self {
            certificate,
            tracks: Vec::new(),
            receive_audio: Vec::new(),
            receive_video: Vec::new(),
            data_channels: true,
            srtp_profiles: Vec::from([
                srtp_profile::AEAD_AES_128_GCM,
                srtp_profile::AES128_CM_HMAC_SHA1_80,
                srtp_profile::AEAD_AES_256_GCM,
                srtp_profile::AES128_CM_HMAC_SHA1_32,
            ]),
            stream_id: String::from("camera"),
            sender: smolrtc_rtp::send::Config::default(),
            playout_round_trips: 4,
            playout_extra: Duration::from_millis(200),
            ice,
            limits,
        }
    }
}
