//! What a host saw.

use smolrtc::base::Instant;
use smolrtc::rtp::Kind;

use crate::media::digest;

/// A whole frame that a host was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// Sound or picture.
    pub kind: Kind,
    /// Its bytes' [`digest`].
    pub digest: u64,
    /// Bytes.
    pub len: usize,
}

/// A data-channel message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When.
    pub at: Instant,
    /// Whether it is text.
    pub text: bool,
    /// Its content.
    pub data: Vec<u8>,
}

/// What one side of one session saw.
#[derive(Debug, Default)]
pub struct Log {
    /// When the connection came up first.
    pub connected: Option<Instant>,
    /// When and why it ended.
    pub ended: Option<(Instant, String)>,
    /// Frames, in the order handed out.
    pub frames: Vec<Arrival>,
    /// Labels of data channels.
    pub channels: Vec<String>,
    /// Messages, in the order handed out.
    pub messages: Vec<Message>,
    /// Session descriptions received that accept nothing, or that could not be taken.
    pub refusals: Vec<String>,
}

impl Log {
    /// The connection is up.
    pub fn connected(&mut self, now: Instant) {
        self.connected.get_or_insert(now);
    }

    /// The connection has ended.
    pub fn ended(&mut self, now: Instant, why: impl std::fmt::Debug) {
        self.ended.get_or_insert_with(|| (now, format!("{why:?}")));
    }

    /// A frame was handed out.
    pub fn frame(&mut self, now: Instant, kind: Kind, data: &[u8]) {
        self.frames.push(Arrival {
            at: now,
            kind,
            digest: digest(data),
            len: data.len(),
        });
    }

    /// A message was handed out.
    pub fn message(&mut self, now: Instant, text: bool, data: &[u8]) {
        self.messages.push(Message {
            at: now,
            text,
            data: data.to_vec(),
        });
    }
}
