//! Serial number arithmetic (RFC 1982) and its extension to counters that do not wrap.

/// `a - b` on the 16-bit circle, in −32,768..=32,767.
#[must_use]
pub const fn seq16_sub(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b) as i16
}

/// Whether `a` comes after `b` on the 16-bit circle.
#[must_use]
pub const fn seq16_newer(a: u16, b: u16) -> bool {
    seq16_sub(a, b) > 0
}

/// `a - b` on the 32-bit circle.
#[must_use]
pub const fn seq32_sub(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Whether `a` comes after `b` on the 32-bit circle.
#[must_use]
pub const fn seq32_newer(a: u32, b: u32) -> bool {
    seq32_sub(a, b) > 0
}

/// Follows a 16-bit counter past its wraps.
///
/// [`Extended16::peek`] guesses the full value nearest to the highest one seen;
/// [`Extended16::commit`] makes it the highest. The two are apart because SRTP may only move its
/// rollover count after a packet was authenticated (RFC 3711 section 3.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extended16 {
    highest: Option<u64>,
}

impl Extended16 {
    /// A counter that has seen nothing; the first value seen starts at rollover 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The highest full value committed so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The full value of `low` that lies nearest to the highest; never below zero.
    #[must_use]
    pub const fn peek(&self, low: u16) -> u64 {
        match self.highest {
            None => low as u64,
            Some(highest) => {
                let delta = seq16_sub(low, highest as u16) as i64;
                match highest.checked_add_signed(delta) {
                    Some(full) => full,
                    // Older than the very first packet: rollover −1 does not exist.
                    None => low as u64,
                }
            }
        }
    }

    /// Records `full`; values below the highest change nothing.
    pub const fn commit(&mut self, full: u64) {
        match self.highest {
            Some(highest) if full <= highest => {}
            _ => self.highest = Some(full),
        }
    }

    /// [`peek`](Self::peek) and [`commit`](Self::commit) in one step.
    pub const fn extend(&mut self, low: u16) -> u64 {
        let full = self.peek(low);
        self.commit(full);
        full
    }
}

/// Follows a 32-bit counter past its wraps, like [`Extended16`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extended32 {
    highest: Option<u64>,
}

impl Extended32 {
    /// A counter that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The full value of `low` that lies nearest to the highest seen, which it then joins.
    pub const fn extend(&mut self, low: u32) -> u64 {
        let full = match self.highest {
            None => low as u64,
            Some(highest) => {
                let delta = seq32_sub(low, highest as u32) as i64;
                match highest.checked_add_signed(delta) {
                    Some(full) => full,
                    None => low as u64,
                }
            }
        };
        match self.highest {
            Some(highest) if full <= highest => {}
            _ => self.highest = Some(full),
        }
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrap_counts_up_and_reordering_across_it_counts_back() {
        let mut seq = Extended16::new();
        assert_eq!(seq.extend(65_534), 65_534);
        assert_eq!(seq.extend(1), 65_537);
        assert_eq!(seq.extend(65_535), 65_535);
        assert_eq!(seq.highest(), Some(65_537));
    }

    #[test]
    fn nothing_lies_before_the_first_rollover() {
        let mut seq = Extended16::new();
        seq.extend(1);
        assert_eq!(seq.peek(65_535), 65_535);
    }

    #[test]
    fn newer_is_decided_on_the_shorter_way_round() {
        assert!(seq16_newer(0, 65_535));
        assert!(!seq16_newer(65_535, 0));
        assert!(seq32_newer(0, u32::MAX));
    }
}
