//! What a camera is made with.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use smolrtc::Certificate;
use smolrtc::base::{Duration, Limits};
use smolrtc::rtp::Codec;

/// A track that every viewer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackConfig {
    /// Its codec.
    pub codec: Codec,
}

/// Settings of a [`Camera`](crate::Camera).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Our certificate for all viewers. Made ahead: a microcontroller needs a tenth of a second.
    pub certificate: Certificate,
    /// What is sent; at most one track of each kind. Ring `n` belongs to track `n`.
    pub tracks: Vec<TrackConfig>,
    /// Take audio from viewers: talk-back.
    pub receive_audio: bool,
    /// Take video from viewers.
    pub receive_video: bool,
    /// Accept data channels.
    pub data_channels: bool,
    /// STUN servers to learn our public addresses from.
    pub stun_servers: Vec<SocketAddr>,
    /// Name in RTCP reports and session descriptions that tells this camera's streams belong
    /// together (RFC 3550 section 6.5.1). Random by default would do; it must not identify a person.
    pub cname: String,
    /// Below this estimate, bit/s, a viewer no longer lowers the encoder's target; its frames are
    /// thinned instead.
    pub bitrate_floor: u32,
    /// Never ask the encoder for more, bit/s.
    pub bitrate_ceiling: u32,
    /// A session must be silent this long before a newcomer may take its place.
    pub replace_after_silence: Duration,
    /// A session that is not connected this long after its offer is ended.
    pub connect_timeout: Duration,
    /// SRTP profiles in order of preference (RFC 5764 section 4.1.2), or empty for the default.
    pub srtp_profiles: Vec<u16>,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// A camera without tracks: data channels alone.
    #[must_use]
    pub fn new(certificate: Certificate, limits: Limits) -> Self {
        Self {
            certificate,
            tracks: Vec::new(),
            receive_audio: false,
            receive_video: false,
            data_channels: true,
            stun_servers: Vec::new(),
            cname: String::from("kvs-camera"),
            bitrate_floor: 150_000,
            bitrate_ceiling: 4_000_000,
            replace_after_silence: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
            srtp_profiles: Vec::new(),
            limits,
        }
    }

    /// The same with one more track.
    #[must_use]
    pub fn with_track(mut self, codec: Codec) -> Self {
        self.tracks.push(TrackConfig { codec });
        self
    }
}
