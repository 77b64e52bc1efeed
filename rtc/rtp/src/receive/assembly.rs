//! One frame at a time, from packets in sequence.

use super::store::Meta;
use super::{DropReason, Drops, InboundStats};
use crate::formats::{DepacketizeError, Depacketizer, FrameBuffer, begins_frame};
use crate::{Codec, Kind};
use smolrtc_base::Instant;

/// The frame under assembly.
#[derive(Clone, Copy, Debug)]
struct Open {
    depacketizer: Depacketizer,
    timestamp: u32,
    /// Something of it is lost or malformed; the rest is only read over.
    broken: bool,
    received: Instant,
}

/// A whole frame, its bytes in the buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) codec: Codec,
    pub(super) timestamp: u32,
    pub(super) key: bool,
    pub(super) discontinuity: bool,
    pub(super) received: Instant,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    Open(Open),
    /// Waits to be handed out.
    Ready(Whole),
    /// Was handed out; the loan ended with the borrow.
    Lent,
}

#[derive(Debug)]
pub(super) struct Assembly {
    buffer: FrameBuffer,
    state: State,
    /// A key frame was handed out: pictures can be decoded.
    decodable: bool,
    /// Frames were lost since the last one handed out.
    discontinuity: bool,
    /// A key frame would help.
    pub(super) wants_key: bool,
}

/// What the assembly writes down for the statistics.
pub(super) struct Books<'a> {
    pub(super) stats: &'a mut InboundStats,
    pub(super) drops: &'a mut Drops,
}

impl Assembly {
    pub(super) const fn new(buffer: FrameBuffer) -> Self {
        Self {
            buffer,
            state: State::Between,
            decodable: false,
            discontinuity: false,
            wants_key: false,
        }
    }

    /// Whether a whole frame waits to be handed out, and nothing can be taken before.
    pub(super) const fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Hands out the whole frame.
    pub(super) fn lend(&mut self) -> Option<(Whole, &[u8])> {
        let State::Ready(whole) = self.state else {
            return None;
        };
        self.state = State::Lent;
        Some((whole, self.buffer.as_slice()))
    }

    /// Takes the next packet in sequence. Returns false, the packet not taken, when it belongs to
    /// a new frame and the one before just became ready.
    pub(super) fn take(&mut self, meta: &Meta, payload: &[u8], books: &mut Books<'_>) -> bool {
        // Padding to measure the path with: it carries no media and belongs to no frame.
        if payload.is_empty() {
            return true;
        }
        if let State::Open(open) = &self.state
            && open.timestamp != meta.timestamp
        {
            // The packet with the marker is not to be waited for: what came is in sequence.
            self.finish(books);
            if self.is_ready() {
                return false;
            }
        }
        let mut open = match self.state {
            State::Open(open) => open,
            State::Between | State::Ready(_) | State::Lent => self.begin(meta),
        };
        // A payload type that changes within a frame breaks it.
        open.broken |= open.depacketizer.codec() != meta.codec;
        open.received = open.received.max(meta.arrival);
        if !open.broken
            && let Err(error) = open.depacketizer.push(payload, &mut self.buffer)
        {
            books.drops.count(DropReason::from(error));
            open.broken = true;
        }
        self.state = State::Open(open);
        if meta.marker || meta.codec.kind() == Kind::Audio {
            self.finish(books);
        }
        true
    }

    fn begin(&mut self, meta: &Meta) -> Open {
        self.buffer.clear();
        Open {
            depacketizer: Depacketizer::new(meta.codec),
            timestamp: meta.timestamp,
            broken: false,
            received: meta.arrival,
        }
    }

    /// Packets were lost for good; `after` is the first that is there again.
    pub(super) fn lost(&mut self, after: Option<(&Meta, &[u8])>, books: &mut Books<'_>) {
        self.discontinuity = true;
        self.wants_key = true;
        if let State::Open(open) = &mut self.state {
            open.broken = true;
            if after.is_some_and(|(meta, _)| meta.timestamp == open.timestamp) {
                return;
            }
            self.finish(books);
        }
        if let Some((meta, payload)) = after
            && !payload.is_empty()
            && !self.is_ready()
            && !begins_frame(meta.codec, payload)
        {
            // Its frame began in the gap.
            let open = self.begin(meta);
            self.state = State::Open(Open {
                broken: true,
                ..open
            });
        }
    }

    /// Throws away what is under assembly, for the source changed or left.
    pub(super) fn reset(&mut self) {
        if !self.is_ready() {
            self.state = State::Between;
        }
        self.decodable = false;
        self.discontinuity = true;
    }

    fn finish(&mut self, books: &mut Books<'_>) {
        let State::Open(mut open) = self.state else {
            return;
        };
        self.state = State::Between;
        let codec = open.depacketizer.codec();
        let finished = if open.broken {
            None
        } else {
            match open.depacketizer.finish() {
                Ok(key) => Some(key),
                Err(error) => {
                    books.drops.count(DropReason::from(error));
                    None
                }
            }
        };
        let Some(key) = finished else {
            books.stats.frames_dropped = books.stats.frames_dropped.saturating_add(1);
            self.discontinuity = true;
            self.wants_key |= codec.kind() == Kind::Video;
            return;
        };
        books.stats.frames_received = books.stats.frames_received.saturating_add(1);
        if codec.kind() == Kind::Video {
            if key {
                books.stats.key_frames_received = books.stats.key_frames_received.saturating_add(1);
                self.decodable = true;
                self.wants_key = false;
            } else if !self.decodable {
                books.stats.frames_before_key = books.stats.frames_before_key.saturating_add(1);
                self.wants_key = true;
                return;
            }
        }
        self.state = State::Ready(Whole {
            codec,
            timestamp: open.timestamp,
            key,
            discontinuity: core::mem::take(&mut self.discontinuity),
            received: open.received,
        });
    }
}

impl From<DepacketizeError> for DropReason {
    fn from(error: DepacketizeError) -> Self {
        match error {
            DepacketizeError::FrameTooLong => Self::FrameTooLong,
            _ => Self::MalformedPayload,
        }
    }
}
