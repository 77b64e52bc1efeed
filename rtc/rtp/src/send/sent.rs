//! What went out under which transport-wide sequence number.

use crate::history::Window;
use smolrtc_base::Instant;

/// Twelve bytes a packet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Microseconds, the lower 32 bits: the window spans seconds.
    at: u32,
    len: u16,
    /// Whether feedback has spoken of it.
    received: bool,
    lost: bool,
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
    /// Nothing new, or too long ago.
    Old,
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
            received: false,
            lost: false,
        });
    }

    pub(super) fn report(&mut self, now: Instant, sequence: u16, received: bool) -> News {
        let next = self.0.next();
        let back = (next as u16).wrapping_sub(sequence);
        if back == 0 {
            return News::Old;
        }
        let id = next.checked_sub(u64::from(back));
        let Some(sent) = id.and_then(|id| self.0.get_mut(id)) else {
            return News::Old;
        };
        match received {
            true if !sent.received => {
                sent.received = true;
                let now = now.as_micros();
                let age = (now as u32).wrapping_sub(sent.at);
                News::Arrived {
                    sent: now.wrapping_sub(u64::from(age)) as i64,
                    len: u32::from(sent.len),
                }
            }
            false if !sent.received && !sent.lost => {
                sent.lost = true;
                News::Lost
            }
            _ => News::Old,
        }
    }
}
