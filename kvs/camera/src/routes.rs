//! Which viewer a datagram belongs to.

use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use crate::event::ViewerId;

/// Remote and local address of datagrams → viewer. Learned from STUN requests that carry a viewer's
/// ufrag; the viewer's own gates decide what to believe.
#[derive(Default)]
pub(crate) struct Routes {
    by_path: BTreeMap<(SocketAddr, SocketAddr), ViewerId>,
}

/// Paths remembered; the more viewers, the more. A browser on a machine with many interfaces
/// probes from each.
const MAX_PATHS: usize = 4_096;

impl Routes {
    pub(crate) fn get(&self, from: SocketAddr, local: SocketAddr) -> Option<ViewerId> {
        self.by_path.get(&(from, local)).copied()
    }

    pub(crate) fn learn(&mut self, from: SocketAddr, local: SocketAddr, viewer: ViewerId) {
        if self.by_path.len() < MAX_PATHS || self.by_path.contains_key(&(from, local)) {
            self.by_path.insert((from, local), viewer);
        }
    }

    pub(crate) fn forget(&mut self, viewer: ViewerId) {
        self.by_path.retain(|_, owner| *owner != viewer);
    }
}
