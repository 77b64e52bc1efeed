//! Statistics after the names of W3C's webrtc-stats.

use smolrtc_base::Duration;

/// `RTCDataChannelStats` of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelStats {
    /// Messages handed to the transport.
    pub messages_sent: u64,
    /// Payload bytes handed to the transport.
    pub bytes_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
}

/// `RTCSctpTransportStats`, and what else helps to understand a slow channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Latest smoothed round-trip time; zero before the first measurement.
    pub smoothed_round_trip_time: Duration,
    /// Congestion window, bytes.
    pub congestion_window: usize,
    /// The peer's receive window as last announced, less what is in flight, bytes.
    pub receiver_window: usize,
    /// Largest packet sent, bytes.
    pub mtu: usize,
    /// DATA chunks sent or to be retransmitted, not yet acknowledged.
    pub unack_data: usize,
    /// Slow-start threshold, bytes.
    pub slow_start_threshold: usize,
    /// Retransmission timeout.
    pub retransmission_timeout: Duration,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets received with a good checksum.
    pub packets_received: u64,
    /// Bytes sent, SCTP headers included.
    pub bytes_sent: u64,
    /// Bytes received, SCTP headers included.
    pub bytes_received: u64,
    /// DATA chunks sent again.
    pub retransmitted_chunks: u64,
    /// Messages given up by partial reliability.
    pub abandoned_messages: u64,
    /// Data channels opened and closed, as `RTCPeerConnectionStats` counts them.
    pub data_channels_opened: u32,
    /// See `data_channels_opened`.
    pub data_channels_closed: u32,
}
