//! The replay list (RFC 3711 section 3.3.2).

/// Packets behind the highest that are still told apart. The standard asks for 64; a burst of
/// video reordered by a radio link spans more.
const WINDOW: u64 = 128;

/// What the list knows of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Not received before.
    Fresh,
    /// Received before.
    Replayed,
    /// Behind the window, and so assumed received.
    TooOld,
}

/// Highest index received, and a bit for each of the 128 indices that end with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplayWindow {
    highest: Option<u64>,
    /// Bit k stands for `highest - k`.
    bits: u128,
}

impl ReplayWindow {
    /// A list in which everything up to `highest` counts as received.
    pub(crate) const fn closed(highest: Option<u64>) -> Self {
        Self {
            highest,
            bits: u128::MAX,
        }
    }

    pub(crate) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    #[inline]
    pub(crate) const fn check(&self, index: u64) -> Seen {
        let Some(highest) = self.highest else {
            return Seen::Fresh;
        };
        match highest.checked_sub(index) {
            None => Seen::Fresh,
            Some(behind) if behind >= WINDOW => Seen::TooOld,
            Some(behind) if (self.bits >> behind) & 1 == 1 => Seen::Replayed,
            Some(_) => Seen::Fresh,
        }
    }

    /// Enters an index that was authenticated.
    #[inline]
    pub(crate) fn record(&mut self, index: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(index);
            self.bits = 1;
            return;
        };
        match index.checked_sub(highest) {
            Some(ahead) => {
                let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.bits = self.bits.checked_shl(shift).unwrap_or(0) | 1;
                self.highest = Some(index);
            }
            None => {
                let behind = u32::try_from(highest.saturating_sub(index)).unwrap_or(u32::MAX);
                self.bits |= 1_u128.checked_shl(behind).unwrap_or(0);
            }
        }
    }
}

/// The index of the packet with sequence number `seq`, nearest to the highest one received
/// (RFC 3711 section 3.3.1 and appendix A). `None` when the rollover count would pass 2³².
#[inline]
pub(crate) fn estimate_index(highest: Option<u64>, seq: u16) -> Option<u64> {
    let Some(highest) = highest else {
        return Some(u64::from(seq));
    };
    let (roc, last) = (highest >> 16, highest as u16);
    let roc = if last < 0x8000 && seq.wrapping_sub(last) > 0x8000 && seq > last {
        // Before the first rollover there is nothing to go back to: the packet can only be ahead.
        roc.saturating_sub(1)
    } else if last >= 0x8000 && last.wrapping_sub(0x8000) > seq {
        roc.saturating_add(1)
    } else {
        roc
    };
    let index = (roc << 16) | u64::from(seq);
    (index < crate::INDEX_END).then_some(index)
}

#[cfg(test)]
mod tests;
