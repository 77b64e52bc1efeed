//! Messages seen of late, so that none is taken twice when two connections overlap.

use smolrtc_base::{Duration, Instant};
use smolrtc_crypto::{HashAlgorithm, Provider};

use kvs_message::Inbound;

/// Copies of one message come this close together at most.
const WINDOW: Duration = Duration::from_secs(10);
/// Messages remembered: more than ten viewers send in a second.
const KEPT: usize = 64;

pub(super) struct Recent {
    seen: [Option<(Instant, [u8; 16])>; KEPT],
    next: usize,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self {
            seen: [None; KEPT],
            next: 0,
        }
    }

    /// Whether the same sender sent the same payload a moment ago; remembers it if not.
    pub(super) fn is_repeated(
        &mut self,
        now: Instant,
        message: &Inbound,
        provider: &dyn Provider,
    ) -> bool {
        let sender = message.from.as_ref().map_or("", |id| id.as_str());
        let text = message.emit();
        let digest = provider.hash(
            HashAlgorithm::Sha256,
            &[sender.as_bytes(), b"\0", text.as_bytes()],
        );
        let mut mark = [0; 16];
        mark.iter_mut()
            .zip(digest.iter())
            .for_each(|(to, from)| *to = *from);
        let repeated = self
            .seen
            .iter()
            .flatten()
            .any(|(at, known)| *known == mark && now.since(*at) < WINDOW);
        if !repeated {
            if let Some(slot) = self.seen.get_mut(self.next) {
                *slot = Some((now, mark));
            }
            self.next = self.next.wrapping_add(1).checked_rem(KEPT).unwrap_or(0);
        }
        repeated
    }
}
