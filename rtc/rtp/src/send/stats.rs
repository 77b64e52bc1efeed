//! Counters under the names of the W3C's WebRTC statistics.

use smolrtc_base::Duration;

/// Of one stream: `outbound-rtp` and `remote-inbound-rtp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStats {
    /// `packetsSent`: RTP packets, resends included.
    pub packets_sent: u64,
    /// `bytesSent`: payload bytes without headers, resends included.
    pub bytes_sent: u64,
    /// `headerBytesSent`: RTP headers with extensions.
    pub header_bytes_sent: u64,
    /// `retransmittedPacketsSent`.
    pub retransmitted_packets_sent: u64,
    /// `retransmittedBytesSent`: payload bytes.
    pub retransmitted_bytes_sent: u64,
    /// `framesSent`: frames whose last packet left.
    pub frames_sent: u32,
    /// `keyFramesEncoded` of a camera that encodes once for all: key frames sent.
    pub key_frames_sent: u32,
    /// Frames left out because this viewer's link is too slow.
    pub frames_thinned: u32,
    /// Times the cursor was overtaken by the ring's eviction.
    pub overtaken: u32,
    /// `nackCount`: NACK messages received.
    pub nack_count: u32,
    /// `pliCount`.
    pub pli_count: u32,
    /// `firCount`.
    pub fir_count: u32,
    /// Sequence numbers asked for again that were not resent: evicted, over budget, just resent,
    /// or not allowed without RTX.
    pub resends_refused: u32,
    /// `remote-inbound-rtp.packetsLost`.
    pub packets_lost: i32,
    /// `remote-inbound-rtp.fractionLost`, in 1/256.
    pub fraction_lost: u8,
    /// `remote-inbound-rtp.jitter`, in RTP clock units.
    pub jitter: u32,
    /// `remote-inbound-rtp.roundTripTime`, from the newest receiver report that told it.
    pub round_trip_time: Option<Duration>,
    /// `remote-inbound-rtp.roundTripTimeMeasurements`.
    pub round_trip_time_measurements: u32,
}

/// Of the whole viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderStats {
    /// `targetBitrate` / `availableOutgoingBitrate`, bit/s.
    pub target_bitrate: u32,
    /// Round trip used for resends and estimates.
    pub round_trip_time: Duration,
    /// Transport-wide feedback messages received.
    pub feedback_count: u32,
    /// RTCP packets that name no stream of this sender.
    pub unmatched_rtcp: u32,
}
