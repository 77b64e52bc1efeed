//! The history ring: one per track, shared by all its viewers.
//!
//! The encoder's frame is stored once. [`Ring::reserve`] lends contiguous memory that an encoder
//! can write straight into, [`Ring::commit`] computes the packet boundaries once, and every viewer
//! reads the same bytes through its own cursor ([`crate::send`]), for first transmissions and for
//! resends alike. Frames lie contiguous: what does not fit at the end of the memory starts again
//! at its beginning.
//!
//! The ring allocates at construction and never again. Its cost is the bytes it was made for, 48
//! bytes a frame and about 16 bytes a packet. What is oldest goes first; frame and packet numbers
//! never repeat, so a cursor that was overtaken knows it.

mod window;

#[cfg(test)]
mod tests;

pub(crate) use window::Window;

use crate::formats::{self, PacketPlan, PlanError};
use crate::{Codec, Kind};
use alloc::{boxed::Box, vec};
use smolrtc_base::{Duration, Instant, Limits};

/// Largest RTP payload, bytes: 1,280 − 40 IPv6 − 8 UDP − 4 ChannelData − 28 header with extensions
/// − 2 RTX − 16 tag, rounded down to a multiple of 20.
pub const MAX_PAYLOAD: usize = 1_180;

/// The encoder is asked for a key frame no oftener than this.
const KEY_FRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Why the ring refused a frame. The ring itself is as before, but that `reserve` may have evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The frame, or what was reserved for it, is larger than the whole ring.
    FrameTooLarge {
        /// Bytes asked for.
        needed: usize,
        /// Bytes of the ring.
        capacity: usize,
    },
    /// The frame makes more packets than the ring can index.
    TooManyPackets {
        /// Packets that the ring can index.
        capacity: usize,
    },
    /// `commit` without `reserve`, or with more bytes than were reserved.
    NotReserved,
    /// The track's payload format cannot carry the frame.
    Unsendable(PlanError),
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::FrameTooLarge { needed, capacity } => write!(
                f,
                "a frame of {needed} bytes does not fit the history ring of {capacity} bytes: \
                 lower the bitrate or raise Limits::video_history_bytes"
            ),
            Self::TooManyPackets { capacity } => write!(
                f,
                "the frame makes more than the {capacity} packets the history ring can index: \
                 raise Limits::history_packets"
            ),
            Self::NotReserved => f.write_str("commit without a reserve of at least that length"),
            Self::Unsendable(reason) => reason.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unsendable(reason) => Some(reason),
            _ => None,
        }
    }
}

/// What the ring keeps of a frame beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Start on a line that is the ring's memory laid end to end, lap after lap.
    at: u64,
    pub(crate) first_packet: u64,
    pub(crate) capture: Instant,
    offset: u32,
    pub(crate) len: u32,
    pub(crate) timestamp: u32,
    /// Bytes of all frames before this one, modulo 2^32.
    sum: u32,
    pub(crate) packets: u16,
    pub(crate) key: bool,
    pub(crate) discardable: bool,
}

impl Slot {
    /// Id of the first packet of the frame after this one.
    pub(crate) const fn end(&self) -> u64 {
        self.first_packet.wrapping_add(self.packets as u64)
    }
}

/// A frame in the ring.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// Number of the frame, counted from 0; never repeats.
    pub id: u64,
    /// The frame as the encoder wrote it.
    pub bytes: &'a [u8],
    /// RTP timestamp as committed; each viewer adds its own random offset.
    pub timestamp: u32,
    /// When the frame was captured.
    pub capture: Instant,
    /// Whether decoding can start here.
    pub key: bool,
    /// Whether no other frame needs this one.
    pub discardable: bool,
    /// RTP packets it makes.
    pub packets: u16,
}

#[derive(Clone, Copy, Debug)]
struct Reservation {
    at: u64,
    offset: usize,
    len: usize,
}

/// The frames of one track, newest last. See the [module documentation](self).
#[derive(Debug)]
pub struct Ring {
    codec: Codec,
    max_payload: usize,
    bytes: Box<[u8]>,
    frames: Window<Slot>,
    packets: Window<PacketPlan>,
    /// Where the next frame goes, on the line of [`Slot::at`], and the same as an offset.
    head: u64,
    head_offset: usize,
    reserved: Option<Reservation>,
    newest_key: Option<u64>,
    sum: u32,
    key_asked: Option<Instant>,
    /// Bit/s over the last whole second of capture, and what is being measured now.
    bitrate: u32,
    second: Option<(Instant, u32)>,
    measured: bool,
}

impl Ring {
    /// A ring for a track of `codec`, sized by `limits`: `video_history_bytes` or
    /// `audio_history_bytes`, `history_frames`, `history_packets`.
    #[must_use]
    pub fn new(codec: Codec, limits: &Limits) -> Self {
        let (bytes, packets) = if codec.kind() == Kind::Audio {
            // An audio frame makes one packet.
            (limits.audio_history_bytes, limits.history_frames)
        } else {
            (limits.video_history_bytes, limits.history_packets)
        };
        Self::with_capacity(codec, bytes, limits.history_frames, packets, MAX_PAYLOAD)
    }

    /// A ring of `bytes` bytes that indexes `frames` frames and `packets` packets, each with a
    /// payload of at most `max_payload` bytes (64 to [`MAX_PAYLOAD`]; others are clamped).
    #[must_use]
    pub fn with_capacity(
        codec: Codec,
        bytes: usize,
        frames: usize,
        packets: usize,
        max_payload: usize,
    ) -> Self {
        // A frame's offset and length are 32-bit numbers; no ring comes near.
        let bytes = bytes.min(u32::MAX as usize);
        Self {
            codec,
            max_payload: max_payload.clamp(64, MAX_PAYLOAD),
            bytes: vec![0; bytes].into_boxed_slice(),
            frames: Window::new(frames),
            packets: Window::new(packets.min(usize::from(u16::MAX))),
            head: 0,
            head_offset: 0,
            reserved: None,
            newest_key: None,
            sum: 0,
            key_asked: None,
            bitrate: 0,
            second: None,
            measured: false,
        }
    }

    /// The track's codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Bytes of frames it can hold; a frame larger than that is refused.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Lends `max` contiguous bytes for the next frame, evicting the oldest frames that lie there.
    ///
    /// A reservation that is not committed is simply replaced by the next; a tight `max` keeps
    /// more history.
    ///
    /// # Errors
    /// [`Error::FrameTooLarge`] when the ring has fewer than `max` bytes in all.
    pub fn reserve(&mut self, max: usize) -> Result<&mut [u8], Error> {
        let capacity = self.bytes.len();
        if max > capacity {
            return Err(Error::FrameTooLarge {
                needed: max,
                capacity,
            });
        }
        let tail = capacity.saturating_sub(self.head_offset);
        let (at, offset) = if max <= tail {
            (self.head, self.head_offset)
        } else {
            // The tail is too short: skip it.
            (self.head.wrapping_add(tail as u64), 0)
        };
        // A frame survives if the new one ends at most one lap after its start.
        let keep = at.wrapping_add(max as u64).saturating_sub(capacity as u64);
        while self.frames.front().is_some_and(|slot| slot.at < keep) {
            self.evict();
        }
        self.reserved = Some(Reservation {
            at,
            offset,
            len: max,
        });
        self.bytes
            .get_mut(offset..offset.saturating_add(max))
            .ok_or(Error::NotReserved)
    }

    /// Makes the first `len` reserved bytes the newest frame and computes its packets. Returns the
    /// frame's id.
    ///
    /// `timestamp` counts in units of the codec's RTP clock and starts where the caller likes;
    /// `capture` is when the frame was captured: sender reports tie the two together, so tracks
    /// that belong together need one clock. An audio frame is always a key frame.
    ///
    /// # Errors
    /// [`Error::NotReserved`] when `len` is more than was reserved, [`Error::TooManyPackets`],
    /// [`Error::Unsendable`]. The reservation is used up in any case.
    pub fn commit(
        &mut self,
        len: usize,
        timestamp: u32,
        key: bool,
        capture: Instant,
    ) -> Result<u64, Error> {
        let reserved = self.reserved.take().ok_or(Error::NotReserved)?;
        if len > reserved.len {
            return Err(Error::NotReserved);
        }
        if self.frames.capacity() == 0 {
            return Err(Error::TooManyPackets { capacity: 0 });
        }
        if self.frames.is_full() {
            self.evict();
        }
        let end = reserved.offset.saturating_add(len);
        let frame = self.bytes.get(reserved.offset..end).unwrap_or(&[]);
        let first_packet = self.packets.next();
        let (packets, frames, newest_key) =
            (&mut self.packets, &mut self.frames, &mut self.newest_key);
        let planned = formats::plan(self.codec, frame, self.max_payload, &mut |plan| {
            if packets.is_full() && !evict(frames, packets, newest_key) {
                return Err(PlanError::TooManyPackets);
            }
            packets
                .push(plan)
                .map_or(Err(PlanError::TooManyPackets), |_| Ok(()))
        });
        if let Err(reason) = planned {
            self.packets.truncate(first_packet);
            return Err(match reason {
                PlanError::TooManyPackets => Error::TooManyPackets {
                    capacity: self.packets.capacity(),
                },
                other => Error::Unsendable(other),
            });
        }
        let count = self.packets.next().wrapping_sub(first_packet);
        let discardable = formats::is_discardable(self.codec, frame);
        let key = key || self.codec.kind() == Kind::Audio;
        let slot = Slot {
            at: reserved.at,
            first_packet,
            capture,
            offset: reserved.offset as u32,
            len: len as u32,
            timestamp,
            sum: self.sum,
            packets: count as u16,
            key,
            discardable: discardable && !key,
        };
        let id = self.frames.push(slot).ok_or(Error::NotReserved)?;
        if key {
            self.newest_key = Some(id);
            self.key_asked = None;
        }
        self.measure(capture);
        self.sum = self.sum.wrapping_add(len as u32);
        self.head = reserved.at.wrapping_add(len as u64);
        self.head_offset = end;
        Ok(id)
    }

    /// Copies `frame` in: [`reserve`](Self::reserve) and [`commit`](Self::commit) in one.
    ///
    /// # Errors
    /// Those of the two.
    pub fn push(
        &mut self,
        frame: &[u8],
        timestamp: u32,
        key: bool,
        capture: Instant,
    ) -> Result<u64, Error> {
        self.reserve(frame.len())?.copy_from_slice(frame);
        self.commit(frame.len(), timestamp, key, capture)
    }

    /// Measures the encoder: called before the frame captured at `capture` is counted in.
    fn measure(&mut self, capture: Instant) {
        let (start, sum) = *self.second.get_or_insert((capture, self.sum));
        let elapsed = capture.since(start).as_micros() as u64;
        // The first second is judged as it goes.
        if elapsed >= 1_000_000 || (!self.measured && elapsed >= 50_000) {
            let bits = u64::from(self.sum.wrapping_sub(sum)) * 8;
            self.bitrate = u32::try_from(bits * 1_000_000 / elapsed).unwrap_or(u32::MAX);
        }
        if elapsed >= 1_000_000 {
            self.measured = true;
            self.second = Some((capture, self.sum));
        }
    }

    /// What the encoder makes, bit/s over the last second or so; 0 at first.
    #[must_use]
    pub const fn bitrate(&self) -> u32 {
        self.bitrate
    }

    fn evict(&mut self) {
        evict(&mut self.frames, &mut self.packets, &mut self.newest_key);
    }

    /// Id of the oldest frame still there; equal to [`next_frame`](Self::next_frame) when empty.
    #[must_use]
    pub const fn first_frame(&self) -> u64 {
        self.frames.first()
    }

    /// Id that the next frame gets.
    #[must_use]
    pub const fn next_frame(&self) -> u64 {
        self.frames.next()
    }

    /// Id of the oldest packet still there.
    #[must_use]
    pub const fn first_packet(&self) -> u64 {
        self.packets.first()
    }

    /// Id that the next packet gets.
    #[must_use]
    pub const fn next_packet(&self) -> u64 {
        self.packets.next()
    }

    /// Id of the newest key frame still there.
    #[must_use]
    pub const fn newest_key_frame(&self) -> Option<u64> {
        self.newest_key
    }

    /// The frame `id`, unless it was evicted.
    #[must_use]
    pub fn frame(&self, id: u64) -> Option<Frame<'_>> {
        let slot = self.frames.get(id)?;
        Some(Frame {
            id,
            bytes: self.frame_bytes(slot),
            timestamp: slot.timestamp,
            capture: slot.capture,
            key: slot.key,
            discardable: slot.discardable,
            packets: slot.packets,
        })
    }

    pub(crate) fn slot(&self, id: u64) -> Option<&Slot> {
        self.frames.get(id)
    }

    pub(crate) fn plan(&self, packet: u64) -> Option<&PacketPlan> {
        self.packets.get(packet)
    }

    pub(crate) fn frame_bytes(&self, slot: &Slot) -> &[u8] {
        let start = slot.offset as usize;
        self.bytes
            .get(start..start.saturating_add(slot.len as usize))
            .unwrap_or(&[])
    }

    /// The frame that packet `packet` belongs to: a binary search, for resends only.
    pub(crate) fn frame_of(&self, packet: u64) -> Option<u64> {
        self.packets.get(packet)?;
        let (mut low, mut high) = (self.frames.first(), self.frames.next());
        while high.wrapping_sub(low) > 1 {
            let middle = low.wrapping_add(high.wrapping_sub(low) / 2);
            if self.frames.get(middle)?.first_packet <= packet {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// How much later than the frame in `slot` the newest frame was captured.
    pub(crate) fn lateness(&self, slot: &Slot) -> Duration {
        let newest = self.frames.next().checked_sub(1);
        let newest = newest.and_then(|id| self.frames.get(id));
        newest.map_or(Duration::ZERO, |newest| newest.capture.since(slot.capture))
    }

    /// Bytes from the frame `id` (or the oldest one, if that was evicted) to the newest.
    pub(crate) fn bytes_from(&self, id: u64) -> u32 {
        match self.frames.get(id.max(self.frames.first())) {
            Some(slot) => self.sum.wrapping_sub(slot.sum),
            None => 0,
        }
    }

    /// Whether the encoder should be asked for a key frame now, on behalf of whoever waits for
    /// one: `true` at most once in 500 ms, so that one request serves every waiting viewer.
    ///
    /// Call it for each [`Event::KeyFrameNeeded`](crate::send::Event::KeyFrameNeeded) of this track.
    pub fn request_key_frame(&mut self, now: Instant) -> bool {
        let due = self
            .key_asked
            .is_none_or(|asked| now.since(asked) >= KEY_FRAME_REQUEST_INTERVAL);
        if due {
            self.key_asked = Some(now);
        }
        due
    }
}

/// Removes the oldest frame with its packets; `false` when there is none.
fn evict(
    frames: &mut Window<Slot>,
    packets: &mut Window<PacketPlan>,
    newest_key: &mut Option<u64>,
) -> bool {
    let id = frames.first();
    let Some(slot) = frames.pop_front() else {
        return false;
    };
    packets.drop_front(usize::from(slot.packets));
    if *newest_key == Some(id) {
        *newest_key = None;
    }
    true
}
