//! Codecs, and which payload format of a peer fits which of ours.

use crate::{Kind, Payload};
use alloc::{format, string::String};

/// A codec with the parameters that decide whether two ends fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 (RFC 6184).
    H264 {
        /// Profile and level.
        profile_level_id: ProfileLevelId,
        /// How NAL units are put into packets.
        packetization_mode: PacketizationMode,
    },
    /// H.265 (RFC 7798), Main profile, single stream.
    H265,
    /// VP8 (RFC 7741).
    Vp8,
    /// Opus (RFC 7587), `opus/48000/2`.
    Opus,
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
}

/// `packetization-mode` of H.264.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketizationMode {
    /// 0: one NAL unit a packet, so a NAL unit larger than a packet cannot be sent.
    SingleNal,
    /// 1: aggregation and fragmentation.
    NonInterleaved,
}

/// `profile-level-id` of H.264: profile_idc, the constraint flags, level_idc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileLevelId(pub u32);

/// What a profile-level-id means for compatibility (RFC 6184 table 5), least demanding first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    Other(u16),
}

impl ProfileLevelId {
    /// Constrained baseline, level 3.1: what every browser takes.
    pub const CONSTRAINED_BASELINE_31: Self = Self(0x42_e01f);

    /// Reads six hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 6)
            .then(|| u32::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
    }

    /// The level, times ten; 9 for level 1b in profiles that code it so.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0 as u8
    }

    /// The same profile at another level.
    #[must_use]
    pub const fn with_level(self, level: u8) -> Self {
        Self((self.0 & 0xff_ff00) | level as u32)
    }

    const fn profile(self) -> Profile {
        let idc = (self.0 >> 16) as u8;
        let flags = (self.0 >> 8) as u8;
        let (set0, set1) = (flags & 0x80 != 0, flags & 0x40 != 0);
        match idc {
            0x42 if set1 => Profile::ConstrainedBaseline,
            0x42 => Profile::Baseline,
            0x4d if set0 => Profile::ConstrainedBaseline,
            0x4d => Profile::Main,
            0x58 if set0 && set1 => Profile::ConstrainedBaseline,
            0x58 if set0 => Profile::Baseline,
            // constraint_set4 and 5: frames only, no B slices.
            0x64 if flags & 0x0c == 0x0c => Profile::ConstrainedHigh,
            0x64 => Profile::High,
            _ => Profile::Other((self.0 >> 8) as u16),
        }
    }

    /// Whether both name the same profile, level aside.
    #[must_use]
    pub fn same_profile(self, other: Self) -> bool {
        self.profile() == other.profile()
    }

    /// Whether a decoder of this profile decodes a stream of profile `stream`, level aside.
    #[must_use]
    pub fn decodes(self, stream: Self) -> bool {
        use Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh, High, Main};
        let (decoder, stream) = (self.profile(), stream.profile());
        decoder == stream
            || matches!(
                (decoder, stream),
                (
                    Baseline | Main | ConstrainedHigh | High,
                    ConstrainedBaseline
                ) | (High, Main | ConstrainedHigh)
            )
    }
}

impl Codec {
    /// H.264 constrained baseline 3.1, packetization mode 1.
    pub const H264_BASELINE: Self = Self::H264 {
        profile_level_id: ProfileLevelId::CONSTRAINED_BASELINE_31,
        packetization_mode: PacketizationMode::NonInterleaved,
    };

    /// Audio or video.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::H264 { .. } | Self::H265 | Self::Vp8 => Kind::Video,
            Self::Opus | Self::Pcmu | Self::Pcma => Kind::Audio,
        }
    }

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 { .. } => "H264",
            Self::H265 => "H265",
            Self::Vp8 => "VP8",
            Self::Opus => "opus",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The RTP clock, Hz.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::H264 { .. } | Self::H265 | Self::Vp8 => 90_000,
            Self::Opus => 48_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The channels of `a=rtpmap`: 2 for Opus, which always says so (RFC 7587 section 7).
    #[must_use]
    pub const fn channels(self) -> u8 {
        match self {
            Self::Opus => 2,
            _ => 1,
        }
    }

    /// The codec of a payload format, or `None` for one we do not know.
    #[must_use]
    pub fn of(payload: &Payload) -> Option<Self> {
        let is = |codec: Self| {
            payload.name.eq_ignore_ascii_case(codec.name())
                && payload.clock_rate == codec.clock_rate()
                && payload.channels == codec.channels()
        };
        if is(Self::H264_BASELINE) {
            // RFC 6184 section 8.1: absent, the profile is Baseline at level 1, the mode 0.
            let profile_level_id = match payload.parameter("profile-level-id") {
                Some(text) => ProfileLevelId::parse(text)?,
                None => ProfileLevelId(0x42_000a),
            };
            let packetization_mode = match payload.parameter("packetization-mode") {
                None | Some("0") => PacketizationMode::SingleNal,
                Some("1") => PacketizationMode::NonInterleaved,
                Some(_) => return None,
            };
            return Some(Self::H264 {
                profile_level_id,
                packetization_mode,
            });
        }
        if is(Self::H265) {
            // Main profile (1) is what we packetize for; absent means Main (RFC 7798 section 7.1).
            return matches!(payload.parameter("profile-id"), None | Some("1"))
                .then_some(Self::H265);
        }
        [Self::Vp8, Self::Opus, Self::Pcmu, Self::Pcma]
            .into_iter()
            .find(|codec| is(*codec))
    }

    /// How well a peer that decodes `self` takes a stream of `stream`: `None` not at all, a higher
    /// number better.
    pub(crate) fn takes(self, stream: Self) -> Option<u8> {
        match (self, stream) {
            (
                Self::H264 {
                    profile_level_id: decoder,
                    packetization_mode: mode,
                },
                Self::H264 {
                    profile_level_id: stream,
                    packetization_mode: stream_mode,
                },
            ) => {
                if mode != stream_mode || !decoder.decodes(stream) {
                    return None;
                }
                Some(if decoder.same_profile(stream) { 2 } else { 1 })
            }
            (a, b) => (a == b).then_some(2),
        }
    }

    /// The `a=fmtp` parameters under which we offer this codec.
    pub(crate) fn fmtp(self) -> String {
        match self {
            Self::H264 {
                profile_level_id,
                packetization_mode,
            } => format!(
                "level-asymmetry-allowed=1;packetization-mode={};profile-level-id={:06x}",
                match packetization_mode {
                    PacketizationMode::SingleNal => 0,
                    PacketizationMode::NonInterleaved => 1,
                },
                profile_level_id.0 & 0xff_ffff
            ),
            Self::Opus => "minptime=10;useinbandfec=1".into(),
            Self::H265 | Self::Vp8 | Self::Pcmu | Self::Pcma => String::new(),
        }
    }
}
