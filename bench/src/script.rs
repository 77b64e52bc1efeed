//! What is streamed: the same for everybody.

use smolrtc::base::Duration;

/// Bytes of a video frame whose five packets are 1,200 bytes or a little more on the wire: a key
/// frame of one NAL unit in five full fragments (RFC 6184 section 5.8).
pub const FULL_PACKETS: usize = 4 + 1 + 5 * 1_178;
/// Bytes of a video frame of 1 Mbit/s at 25 frames a second.
pub const ONE_MEGABIT: usize = 5_000;

/// 25 frames a second.
pub const VIDEO_INTERVAL: Duration = Duration::from_millis(40);
/// 50 audio frames a second.
pub const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
/// One way through the network.
pub const DELAY: Duration = Duration::from_millis(10);

/// Settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// How many watch.
    pub viewers: usize,
    /// Bytes of a video frame; every 25th is a key frame.
    pub frame_bytes: usize,
    /// Bytes of an audio frame; 0 for no audio.
    pub audio_bytes: usize,
    /// SRTP with AEAD_AES_128_GCM, or with AES_CM_128_HMAC_SHA1_80. str0m chooses for itself.
    pub aead: bool,
    /// One way through the network.
    pub delay: Duration,
    /// Whether time runs as outside: timers are then waited for.
    pub real_time: bool,
}

impl Script {
    /// Video alone, for `viewers`.
    #[must_use]
    pub const fn video(viewers: usize, frame_bytes: usize, aead: bool) -> Self {
        Self {
            viewers,
            frame_bytes,
            audio_bytes: 0,
            aead,
            delay: DELAY,
            real_time: false,
        }
    }

    /// Video of 1 Mbit/s and Opus of 64 kbit/s: what the heap of a viewer is measured with.
    #[must_use]
    pub const fn heap(viewers: usize) -> Self {
        Self {
            audio_bytes: 160,
            ..Self::video(viewers, ONE_MEGABIT, true)
        }
    }

    /// Nothing but the connection, without delay.
    #[must_use]
    pub const fn connection(real_time: bool) -> Self {
        Self {
            delay: Duration::ZERO,
            real_time,
            ..Self::video(1, ONE_MEGABIT, true)
        }
    }
}

/// Writes video frame `number`, `len` bytes of Annex B, into `frame`.
pub fn video_frame(frame: &mut Vec<u8>, number: u32, len: usize) -> bool {
    let key = number.is_multiple_of(25);
    frame.clear();
    frame.extend_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
    // Never zero: no start code within.
    frame.extend((frame.len()..len).map(|at| 1 + ((at as u32 + number) % 250) as u8));
    key
}

/// What the serving side has sent and spent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// RTP packets that left.
    pub packets: u64,
    /// Their bytes on the wire, above UDP.
    pub bytes: u64,
    /// Transmits they left in: one system call each.
    pub transmits: u64,
    /// Time in `serving_turn`.
    pub spent: Duration,
}

impl Tally {
    /// What came on top of `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            packets: self.packets - before.packets,
            bytes: self.bytes - before.bytes,
            transmits: self.transmits - before.transmits,
            spent: self.spent - before.spent,
        }
    }

    /// Nanoseconds of the serving side a packet.
    #[must_use]
    pub fn nanoseconds(&self) -> f64 {
        self.spent.as_nanos() as f64 / self.packets.max(1) as f64
    }

    pub(crate) fn count(&mut self, datagram: &[u8]) -> bool {
        let [first, second, ..] = datagram else {
            return false;
        };
        let media = (128..192).contains(first) && !(192..224).contains(second);
        if media {
            self.packets += 1;
            self.bytes += datagram.len() as u64;
        }
        media
    }
}

/// A serving side with its viewers.
pub trait World: Sized {
    /// Everybody connected and the data channels open, nothing streamed yet.
    fn connected(script: Script) -> Self;
    /// Streams for `span`.
    fn stream(&mut self, span: Duration);
    /// Queues a data-channel message from the serving side to its first viewer; false when the buffer
    /// is full.
    fn send_message(&mut self, message: &[u8]) -> bool;
    /// Lets happen what is due, then goes on to the next instant at which something is.
    fn step(&mut self);
    /// Bytes of data-channel messages that arrived at the first viewer.
    fn received(&self) -> u64;
    /// What the serving side did.
    fn tally(&self) -> Tally;
}
