//! Every bound of the system in one place.

/// Named bounds of queues, tables and buffers. Every engine takes what concerns it from here.
///
/// Two presets exist: [`Limits::HOST`] for Linux and [`Limits::CHIP`] for a microcontroller
/// without PSRAM. The worst-case bytes of a viewer are computed by `smolrtc` from these numbers
/// and compared with a committed figure in its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Viewers at one time. KVS admits 10 a channel.
    pub viewers: usize,

    /// Local ICE candidates of one session (about 230 bytes each).
    pub ice_local_candidates: usize,
    /// Remote ICE candidates of one session (about 130 bytes each); more are dropped and counted.
    pub ice_remote_candidates: usize,
    /// Candidate pairs of one session, RFC 8445 section 6.1.2.5 (about 260 bytes each).
    pub ice_pairs: usize,

    /// Bytes of handshake messages under reassembly (DTLS).
    pub dtls_reassembly_bytes: usize,
    /// Fragments of handshake messages under reassembly (DTLS).
    pub dtls_reassembly_fragments: usize,
    /// Decrypted application data that may wait for `poll_event`, bytes (DTLS).
    pub dtls_receive_bytes: usize,
    /// Early ClientHello datagrams kept until ICE has validated their source.
    pub dtls_early_hellos: usize,

    /// Synchronization sources with a replay window of their own, a direction of a session
    /// (80 bytes each, taken when the source first speaks).
    pub srtp_sources: usize,
    /// Sources received once and displaced since, whose last packet is remembered so that it
    /// cannot be replayed (32 bytes each). When these too are used up, new sources are refused.
    pub srtp_retired_sources: usize,

    /// History ring of the video track, bytes. One ring a track, whatever the number of viewers.
    pub video_history_bytes: usize,
    /// History ring of an audio track, bytes.
    pub audio_history_bytes: usize,
    /// Frames indexed in a history ring.
    pub history_frames: usize,
    /// Packets indexed in a history ring (about 16 bytes each).
    pub history_packets: usize,
    /// Runs a viewer's cursor may hold, one per gap in its sequence numbers (16 bytes each).
    pub cursor_runs: usize,
    /// Packets remembered for transport-wide feedback, a viewer (8 bytes each).
    pub twcc_history: usize,
    /// Packets waiting to be resent to one viewer.
    pub resend_queue: usize,
    /// Bytes of received RTP payload under reordering and reassembly, a received track.
    pub receive_bytes: usize,
    /// The same of an audio track.
    pub receive_audio_bytes: usize,
    /// Received packets under reordering, a received track.
    pub receive_packets: usize,

    /// Bytes of data-channel messages queued for sending, a session.
    pub sctp_send_bytes: usize,
    /// Bytes of data-channel messages under reassembly; also the a_rwnd announced.
    pub sctp_receive_bytes: usize,
    /// Largest data-channel message accepted and announced, bytes.
    pub sctp_message_bytes: usize,
    /// Chunks that may wait out of order.
    pub sctp_out_of_order_chunks: usize,
    /// Data channels of one session.
    pub data_channels: usize,

    /// Longest session description accepted, bytes.
    pub sdp_bytes: usize,
    /// Media sections accepted in one description.
    pub sdp_sections: usize,
    /// Attribute lines accepted in one media section.
    pub sdp_attributes: usize,

    /// Longest signaling message accepted, bytes (after base64).
    pub signaling_message_bytes: usize,
    /// Candidates kept for one sender whose offer has not arrived yet.
    pub early_candidates: usize,
    /// Senders whose early candidates are kept.
    pub early_senders: usize,
}

impl Limits {
    /// For Linux: ten viewers, 1 MB of video history, 256 KiB messages.
    pub const HOST: Self = Self {
        viewers: 10,
        ice_local_candidates: 16,
        ice_remote_candidates: 32,
        ice_pairs: 100,
        dtls_reassembly_bytes: 16 * 1024,
        dtls_reassembly_fragments: 64,
        dtls_receive_bytes: 32 * 1024,
        dtls_early_hellos: 4,
        srtp_sources: 32,
        srtp_retired_sources: 128,
        video_history_bytes: 1024 * 1024,
        audio_history_bytes: 64 * 1024,
        history_frames: 512,
        history_packets: 2_048,
        cursor_runs: 16,
        twcc_history: 256,
        resend_queue: 64,
        receive_bytes: 1024 * 1024,
        receive_audio_bytes: 64 * 1024,
        receive_packets: 512,
        sctp_send_bytes: 1024 * 1024,
        sctp_receive_bytes: 512 * 1024,
        sctp_message_bytes: 256 * 1024,
        sctp_out_of_order_chunks: 512,
        data_channels: 64,
        sdp_bytes: 64 * 1024,
        sdp_sections: 16,
        sdp_attributes: 1_024,
        signaling_message_bytes: 64 * 1024,
        early_candidates: 32,
        early_senders: 20,
    };

    /// For a microcontroller without PSRAM: two viewers, 48 KB of video history, 16 KiB messages.
    pub const CHIP: Self = Self {
        viewers: 2,
        ice_local_candidates: 6,
        ice_remote_candidates: 16,
        ice_pairs: 24,
        dtls_reassembly_bytes: 6 * 1024,
        dtls_reassembly_fragments: 24,
        dtls_receive_bytes: 4 * 1024,
        dtls_early_hellos: 4,
        srtp_sources: 8,
        srtp_retired_sources: 16,
        video_history_bytes: 48 * 1024,
        audio_history_bytes: 8 * 1024,
        history_frames: 64,
        history_packets: 128,
        cursor_runs: 8,
        twcc_history: 128,
        resend_queue: 32,
        receive_bytes: 16 * 1024,
        receive_audio_bytes: 4 * 1024,
        receive_packets: 64,
        sctp_send_bytes: 16 * 1024,
        sctp_receive_bytes: 16 * 1024,
        sctp_message_bytes: 16 * 1024,
        sctp_out_of_order_chunks: 32,
        data_channels: 8,
        sdp_bytes: 24 * 1024,
        sdp_sections: 8,
        sdp_attributes: 512,
        signaling_message_bytes: 24 * 1024,
        early_candidates: 8,
        early_senders: 4,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::HOST
    }
}
