//! Statistics of a connection, under the names of the W3C's WebRTC statistics where it has one.

use alloc::vec::Vec;

use smolrtc_base::Duration;
use smolrtc_rtp::{Codec, receive, send};

use super::PeerConnection;
use crate::Drops;

/// A snapshot of everything that is counted. Making one allocates; it is for people, not for the
/// media path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// `transport.dtlsState`, `tlsVersion`, `dtlsCipher`, `srtpCipher`.
    pub dtls: Option<smolrtc_dtls::Stats>,
    /// `candidate-pair.currentRoundTripTime` of the pair in use.
    pub round_trip_time: Option<Duration>,
    /// `candidate-pair`.
    pub pairs: Vec<smolrtc_ice::PairStats>,
    /// `local-candidate` and `remote-candidate`.
    pub candidates: Vec<smolrtc_ice::CandidateStats>,
    /// ICE in all.
    pub ice: smolrtc_ice::AgentStats,
    /// `outbound-rtp` and `remote-inbound-rtp`, a stream each.
    pub outbound: Vec<OutboundStream>,
    /// The sending side in all.
    pub sender: send::SenderStats,
    /// `inbound-rtp` and `remote-outbound-rtp`, a stream each.
    pub inbound: Vec<(receive::StreamId, receive::InboundStats)>,
    /// `sctp-transport`.
    pub sctp: Option<smolrtc_sctp::Stats>,
    /// Datagrams dropped by the demultiplexer and its gates.
    pub drops: Drops,
    /// Drops of the receiving side.
    pub receive_drops: receive::Drops,
    /// Drops of SRTP.
    pub srtp_drops: Option<smolrtc_srtp::Drops>,
    /// Drops of SCTP.
    pub sctp_drops: Option<smolrtc_sctp::Drops>,
}

/// What is sent, one stream.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OutboundStream {
    /// `kind` and `codecId`.
    pub codec: Codec,
    /// `ssrc`
    pub ssrc: u32,
    /// The counters.
    pub stats: send::StreamStats,
}

impl Stats {
    /// Every reason for which something was dropped, with its count, zeros left out.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u32)> + '_ {
        let dtls = self.dtls.iter().flat_map(|stats| stats.drops.iter());
        let srtp = self.srtp_drops.iter().flat_map(smolrtc_srtp::Drops::iter);
        let sctp = self.sctp_drops.iter().flat_map(smolrtc_sctp::Drops::iter);
        self.drops
            .iter()
            .chain(self.ice.drops.iter())
            .chain(dtls)
            .chain(self.receive_drops.iter())
            .chain(srtp)
            .chain(sctp)
            .filter(|(_, count)| *count > 0)
    }
}

impl PeerConnection {
    /// A snapshot of the statistics.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let outgoing = self.wired.iter().filter_map(|wired| wired.outgoing);
        let incoming = self.wired.iter().filter_map(|wired| wired.incoming);
        Stats {
            dtls: self.dtls.as_ref().map(|dtls| dtls.stats()),
            round_trip_time: self.ice.rtt(),
            pairs: self.ice.pair_stats().collect(),
            candidates: self.ice.candidate_stats().collect(),
            ice: self.ice.stats(),
            outbound: outgoing
                .filter_map(|id| {
                    Some(OutboundStream {
                        codec: self.sender.codec(id)?,
                        ssrc: self.sender.ssrcs(id)?.0.0,
                        stats: *self.sender.stream_stats(id)?,
                    })
                })
                .collect(),
            sender: self.sender.stats(),
            inbound: incoming
                .filter_map(|id| Some((id, self.receiver.stats(id)?)))
                .collect(),
            sctp: self.sctp.as_ref().map(|sctp| sctp.stats()),
            drops: self.drops,
            receive_drops: *self.receiver.drops(),
            srtp_drops: self.srtp.as_ref().map(|srtp| *srtp.rx.drops()),
            sctp_drops: self.sctp.as_ref().map(|sctp| sctp.drops()),
        }
    }
}
