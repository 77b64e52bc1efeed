//! Synthetic frames, each told from every other by its bytes.

use smolrtc::base::{Duration, Instant};
use smolrtc::rtp::{Codec, Kind};

/// What an encoder makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How.
    pub codec: Codec,
    /// Time between frames.
    pub interval: Duration,
    /// Bytes of a key frame, about.
    pub key_bytes: usize,
    /// Bytes of every other frame, about.
    pub delta_bytes: usize,
    /// A key frame each so many frames.
    pub key_every: u32,
    /// Whether a key-frame request is answered with the next frame, as a live encoder does; stored
    /// clips do not.
    pub answers_requests: bool,
}

impl Recipe {
    /// 30 frames a second with a key frame each second, 12 KB and 1.5 KB: 440 kbit/s.
    #[must_use]
    pub const fn video(codec: Codec) -> Self {
        Self {
            codec,
            interval: Duration::from_micros(33_333),
            key_bytes: 12_000,
            delta_bytes: 1_500,
            key_every: 30,
            answers_requests: false,
        }
    }

    /// A frame each 20 ms: 160 bytes of G.711, 80 of Opus (32 kbit/s).
    #[must_use]
    pub const fn audio(codec: Codec) -> Self {
        let bytes = if matches!(codec, Codec::Opus) {
            80
        } else {
            160
        };
        Self {
            codec,
            interval: Duration::from_millis(20),
            key_bytes: bytes,
            delta_bytes: bytes,
            key_every: 1,
            answers_requests: false,
        }
    }

    /// Bits per second on average, without any header.
    #[must_use]
    pub const fn bitrate(&self) -> u64 {
        let group = self.key_bytes + self.delta_bytes * (self.key_every as usize - 1);
        group as u64 * 8_000_000 / (self.interval.as_micros() as u64 * self.key_every as u64)
    }

    /// Frame `number`.
    #[must_use]
    pub fn frame(&self, number: u32, key: bool) -> Vec<u8> {
        let mut frame = self.codec_header(key);
        let len = if key {
            self.key_bytes
        } else {
            self.delta_bytes
        };
        // No zero bytes: nothing looks like a start code.
        frame.extend(
            number
                .to_be_bytes()
                .iter()
                .flat_map(|b| [0x10 | b >> 4, 0x10 | b & 15]),
        );
        let mut state = number.wrapping_mul(0x9e37_79b9) | 1;
        while frame.len() < len {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            frame.push((state >> 24) as u8 | 1);
        }
        frame
    }

    fn codec_header(&self, key: bool) -> Vec<u8> {
        let nals: &[&[u8]] = match (self.codec, key) {
            (Codec::H264, true) => &[
                &[0x67, 0x42, 0xe0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5],
                &[0x68, 0xce, 0x3c, 0x80],
                &[0x65, 0x88],
            ],
            (Codec::H264, false) => &[&[0x41, 0x9a]],
            (Codec::H265, true) => &[
                &[0x40, 0x01, 0x0c, 0x01, 0xff],
                &[0x42, 0x01, 0x01, 0x01, 0x60],
                &[0x44, 0x01, 0xc0, 0x73],
                &[0x26, 0x01, 0xaf],
            ],
            (Codec::H265, false) => &[&[0x02, 0x01, 0xd0]],
            // A frame tag (RFC 6386 section 9.1); a key frame has a start code and a size after it.
            (Codec::Vp8, true) => {
                return vec![0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
            }
            (Codec::Vp8, false) => return vec![0x11, 0x02, 0x00],
            // SILK, wideband, 20 ms, mono, one frame.
            (Codec::Opus, _) => return vec![0x48],
            _ => return Vec::new(),
        };
        nals.iter()
            .flat_map(|nal| [0, 0, 0, 1].iter().chain(*nal).copied())
            .collect()
    }
}

/// A fingerprint of a frame's bytes (FNV-1a).
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A frame as it left the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// Its bytes' [`digest`].
    pub digest: u64,
    /// Whether it is a key frame.
    pub key: bool,
}

/// An encoder and what it made.
#[derive(Debug)]
pub struct Source {
    /// What it makes.
    pub recipe: Recipe,
    /// Index of the track it feeds.
    pub track: usize,
    /// When it began.
    pub start: Instant,
    /// Everything it made.
    pub sent: Vec<Sent>,
    /// Whether it makes any more.
    pub running: bool,
    /// Whether the next frame must be a key frame.
    pub key_wanted: bool,
}

impl Source {
    /// An encoder that begins at `start`.
    #[must_use]
    pub const fn new(recipe: Recipe, track: usize, start: Instant) -> Self {
        Self {
            recipe,
            track,
            start,
            sent: Vec::new(),
            running: true,
            key_wanted: false,
        }
    }

    /// The next frame: its bytes, its presentation time, and whether it is a key frame.
    pub fn make(&mut self, now: Instant) -> (Vec<u8>, Duration, bool) {
        let number = self.sent.len() as u32;
        let wanted = std::mem::take(&mut self.key_wanted) && self.recipe.answers_requests;
        let key = wanted
            || number.is_multiple_of(self.recipe.key_every)
            || self.recipe.codec.kind() == Kind::Audio;
        let frame = self.recipe.frame(number, key);
        self.sent.push(Sent {
            at: now,
            digest: digest(&frame),
            key,
        });
        (frame, self.recipe.interval * number, key)
    }

    /// When the next frame is due.
    #[must_use]
    pub fn next_at(&self) -> Instant {
        self.start + self.recipe.interval * self.sent.len() as u32
    }
}
