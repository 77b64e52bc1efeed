//! The most heap a connection can ever take, computed from [`Limits`].
//!
//! Every table and queue is counted full at the same time, which no session brings about; what is
//! held in truth is measured by `cargo xtask bench`. Sizes of table entries are those of a 64-bit
//! machine; a 32-bit one needs less.

use smolrtc_base::Limits;

use crate::{MTU, PeerConnection};

/// Bytes of one entry of each table, its allocation included.
mod entry {
    /// Local and remote candidate, pair, transaction.
    pub(super) const ICE_LOCAL: usize = 232;
    pub(super) const ICE_REMOTE: usize = 128;
    pub(super) const ICE_PAIR: usize = 224;
    pub(super) const ICE_TRANSACTION: usize = 32;
    /// A fragment's place, beside its bytes.
    pub(super) const DTLS_FRAGMENT: usize = 16;
    /// A source with replay windows, and what is left of a displaced one.
    pub(super) const SRTP_SOURCE: usize = 80;
    pub(super) const SRTP_RETIRED: usize = 32;
    /// A sender's packets remembered for feedback, resends and runs.
    pub(super) const SENT: usize = 8;
    pub(super) const RESEND: usize = 24;
    pub(super) const RUN: usize = 16;
    /// A received packet: its slot, its places in the ring, its arrival.
    pub(super) const RECEIVED: usize = 24 + 2 * 16 + 16;
    /// An arrival remembered for transport-wide feedback.
    pub(super) const ARRIVAL: usize = 16;
    /// A chunk or message of SCTP beside its bytes, and a channel.
    pub(super) const SCTP_CHUNK: usize = 64;
    pub(super) const SCTP_CHANNEL: usize = 224;
    /// An attribute line as a structure, beside its text.
    pub(super) const SDP_LINE: usize = 64;
}

/// Packets remembered for plain resends, where RTX was not agreed on: 24 bytes each, two tracks.
const PLAIN_RESENDS: usize = 2 * 24 * 256;
/// What the handshake holds beside reassembly: flights, transcript, keys.
const HANDSHAKE: usize = 16 * 1_024;

/// Worst-case bytes of one connection, by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Footprint {
    /// The connection itself and the engines behind its pointers.
    pub fixed: usize,
    /// Candidates, pairs, transactions.
    pub ice: usize,
    /// Handshake, reassembly, data that waits, early ClientHellos.
    pub dtls: usize,
    /// Replay windows, and memory of plain resends.
    pub srtp: usize,
    /// Two tracks sent.
    pub sender: usize,
    /// A video and an audio track received.
    pub receiver: usize,
    /// Messages queued and under reassembly, channels.
    pub sctp: usize,
    /// The peer's description as text and as a structure, while it is negotiated.
    pub description: usize,
}

impl Footprint {
    /// Counts every table full.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        let fixed = size_of::<PeerConnection>()
            + size_of::<smolrtc_dtls::Connection>()
            + size_of::<smolrtc_srtp::Sender>()
            + size_of::<smolrtc_srtp::Receiver>()
            + size_of::<smolrtc_sctp::Association>();
        let ice = limits.ice_local_candidates * entry::ICE_LOCAL
            + limits.ice_remote_candidates * entry::ICE_REMOTE
            + limits.ice_pairs * (entry::ICE_PAIR + entry::ICE_TRANSACTION);
        let dtls = HANDSHAKE
            + limits.dtls_reassembly_bytes
            + limits.dtls_reassembly_fragments * entry::DTLS_FRAGMENT
            + limits.dtls_receive_bytes
            + limits.dtls_early_hellos * MTU;
        let srtp = 2 * limits.srtp_sources * entry::SRTP_SOURCE
            + limits.srtp_retired_sources * entry::SRTP_RETIRED
            + PLAIN_RESENDS;
        let sender = limits.twcc_history * entry::SENT
            + limits.resend_queue * entry::RESEND
            + 2 * limits.cursor_runs * entry::RUN;
        // A frame under assembly may be as long as all packets that wait.
        let receiver = 2 * (limits.receive_bytes + limits.receive_audio_bytes)
            + 2 * limits.receive_packets * entry::RECEIVED
            + limits.twcc_history * entry::ARRIVAL;
        let sctp = limits.sctp_send_bytes
            + limits.sctp_receive_bytes
            + limits.sctp_out_of_order_chunks * entry::SCTP_CHUNK
            + limits.data_channels * entry::SCTP_CHANNEL;
        let lines = limits.sdp_sections * limits.sdp_attributes;
        // The shortest attribute line takes five bytes: `a=x`, carriage return, line feed.
        let lines = if lines < limits.sdp_bytes / 5 {
            lines
        } else {
            limits.sdp_bytes / 5
        };
        let description = 2 * limits.sdp_bytes + lines * entry::SDP_LINE;
        Self {
            fixed,
            ice,
            dtls,
            srtp,
            sender,
            receiver,
            sctp,
            description,
        }
    }

    /// All parts together.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.fixed
            + self.ice
            + self.dtls
            + self.srtp
            + self.sender
            + self.receiver
            + self.sctp
            + self.description
    }
}

/// Worst-case bytes of one connection: what must be free before a viewer is admitted, if running out
/// is to be impossible.
#[must_use]
pub const fn worst_case_bytes(limits: &Limits) -> usize {
    Footprint::new(limits).total()
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    /// Within a hundredth, so that a field more in a structure does not need a new number.
    #[test]
    fn the_worst_case_is_the_committed_one() {
        for (limits, committed) in [(Limits::HOST, 5_034_000_usize), (Limits::CHIP, 465_000)] {
            let bytes = worst_case_bytes(&limits);
            assert!(bytes.abs_diff(committed) * 100 <= committed, "{bytes}");
        }
    }

    #[test]
    fn a_limit_more_costs_more() {
        let mut limits = Limits::CHIP;
        limits.sctp_send_bytes += 1_000;
        let more = worst_case_bytes(&limits) - worst_case_bytes(&Limits::CHIP);
        assert_eq!(more, 1_000);
    }
}
