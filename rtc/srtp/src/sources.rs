//! What the receiver remembers of each source.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::replay::ReplayWindow;

/// The replay state of one source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    ssrc: u32,
    /// The table's count of packets when this source was last heard.
    heard: u64,
    pub(crate) rtp: ReplayWindow,
    pub(crate) rtcp: ReplayWindow,
}

/// What is left of a source that was displaced: enough to refuse everything it sent before.
#[derive(Clone, Copy, Debug)]
struct Retired {
    ssrc: u32,
    rtcp: Option<u32>,
    rtp: Option<u64>,
}

/// Sources with a replay window each, at most `limit`; the one silent longest makes room for a
/// new one, and is remembered among the retired.
///
/// Forgetting a source would let its packets be replayed, since an unknown source starts with an
/// empty window. So nothing is ever forgotten: a retired source that returns finds everything up
/// to its highest index closed, and when the retired are as many as may be, new sources are
/// refused. Only the authenticated peer can bring that about.
#[derive(Debug)]
pub(crate) struct Sources {
    active: Vec<Source>,
    retired: VecDeque<Retired>,
    limit: usize,
    retired_limit: usize,
    heard: u64,
}

impl Sources {
    pub(crate) const fn new(limit: usize, retired_limit: usize) -> Self {
        Self {
            active: Vec::new(),
            retired: VecDeque::new(),
            limit: if limit == 0 { 1 } else { limit },
            retired_limit,
            heard: 0,
        }
    }

    /// The state of `ssrc` before its packet is authenticated: nothing is changed. `None` if it
    /// is new and there is no room for it.
    #[inline]
    pub(crate) fn peek(&self, ssrc: u32) -> Option<Source> {
        if let Some(source) = self.active.iter().find(|source| source.ssrc == ssrc) {
            return Some(*source);
        }
        self.peek_inactive(ssrc)
    }

    #[cold]
    fn peek_inactive(&self, ssrc: u32) -> Option<Source> {
        if let Some(retired) = self.retired.iter().find(|retired| retired.ssrc == ssrc) {
            return Some(Source {
                ssrc,
                heard: 0,
                rtp: ReplayWindow::closed(retired.rtp),
                rtcp: ReplayWindow::closed(retired.rtcp.map(u64::from)),
            });
        }
        let room = self.active.len() < self.limit || self.retired.len() < self.retired_limit;
        room.then(|| Source {
            ssrc,
            heard: 0,
            rtp: ReplayWindow::default(),
            rtcp: ReplayWindow::default(),
        })
    }

    /// Keeps the state of a source after its packet was authenticated.
    #[inline]
    pub(crate) fn commit(&mut self, mut source: Source) {
        self.heard = self.heard.saturating_add(1);
        source.heard = self.heard;
        match self
            .active
            .iter_mut()
            .find(|active| active.ssrc == source.ssrc)
        {
            Some(active) => *active = source,
            None => self.admit(source),
        }
    }

    #[cold]
    fn admit(&mut self, source: Source) {
        self.retired.retain(|retired| retired.ssrc != source.ssrc);
        if self.active.len() < self.limit {
            self.active.push(source);
        } else if let Some(silent) = self.active.iter_mut().min_by_key(|active| active.heard) {
            self.retired.push_back(Retired {
                ssrc: silent.ssrc,
                rtp: silent.rtp.highest(),
                rtcp: silent
                    .rtcp
                    .highest()
                    .and_then(|index| u32::try_from(index).ok()),
            });
            *silent = source;
        }
    }

    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.active.len(), self.retired.len())
    }
}
