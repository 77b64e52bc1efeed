//! What went out under which transport-wide sequence number.

use crate::history::Window;
use smolrtc_base::{Duration, Instant};

/// Eight bytes a packet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Microseconds, the lower 32 bits: the window spans seconds.
    at: u32,
    len: u16,
    known: Known,
}

/// What feedback has said of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Lost,
    Received,
}

/// The newest packets sent (`Limits::twcc_history`), for transport-wide feedback.
#[derive(Debug)]
pub(super) struct SentPackets(Window<Sent>);

/// What feedback on a packet means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It arrived: when it left (µs) and its length.
    Arrived { sent: i64, len: u32 },
    /// It is missing, and was not known to be.
    Lost,
    /// Nothing new.
    Old,
    /// It left so long ago that it is forgotten: the window is shorter than the way is long.
    Forgotten,
}

impl SentPackets {
    pub(super) fn new(limit: usize) -> Self {
        Self(Window::new(limit.clamp(1, 1 << 15)))
    }

    /// The sequence number that the next packet gets.
    pub(super) const fn next_sequence(&self) -> u16 {
        self.0.next() as u16
    }

    pub(super) fn push(&mut self, now: Instant, len: usize) {
        if self.0.is_full() {
            self.0.drop_front(1);
        }
        self.0.push(Sent {
            at: now.as_micros() as u32,
            len: len as u16,
            known: Known::Nothing,
        });
    }

    pub(super) fn report(&mut self, now: Instant, sequence: u16, received: bool) -> News {
        let next = self.0.next();
        let back = (next as u16).wrapping_sub(sequence);
        if back == 0 {
            return News::Old;
        }
        let Some(id) = next.checked_sub(u64::from(back)) else {
            return News::Old;
        };
        let Some(sent) = self.0.get_mut(id) else {
            return News::Forgotten;
        };
        match (sent.known, received) {
            (Known::Nothing | Known::Lost, true) => {
                sent.known = Known::Received;
                let age = age(now, sent.at);
                News::Arrived {
                    sent: now.as_micros().wrapping_sub(u64::from(age)) as i64,
                    len: u32::from(sent.len),
                }
            }
            (Known::Nothing, false) => {
                sent.known = Known::Lost;
                News::Lost
            }
            _ => News::Old,
        }
    }

    /// Whether the packet `sequence` arrived, as far as feedback has told.
    pub(super) fn arrived(&self, sequence: u16) -> Option<bool> {
        let back = (self.0.next() as u16).wrapping_sub(sequence);
        let id = self.0.next().checked_sub(u64::from(back))?;
        match self.0.get(id)?.known {
            Known::Nothing => None,
            Known::Lost => Some(false),
            Known::Received => Some(true),
        }
    }

    /// How far back the window reaches.
    pub(super) fn span(&self, now: Instant) -> Duration {
        let oldest = self.0.front().map_or(0, |sent| age(now, sent.at));
        Duration::from_micros(u64::from(oldest))
    }
}

const fn age(now: Instant, at: u32) -> u32 {
    (now.as_micros() as u32).wrapping_sub(at)
}
