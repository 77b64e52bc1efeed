//! What the owner of an association chooses.

use smolrtc_base::{Duration, Limits};

/// The choices for one association. [`Config::new`] has the values of a WebRTC session; change
/// what differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Our SCTP port, 5000 in WebRTC (`a=sctp-port`, RFC 8841 section 5).
    pub local_port: u16,
    /// The peer's SCTP port, from its `a=sctp-port`.
    pub remote_port: u16,
    /// Largest SCTP packet sent, bytes, 512 at least. 1,191 leaves room for the headers of DTLS,
    /// UDP, IPv6 and a TURN channel in the 1,280 bytes that every IPv6 path carries.
    pub mtu: usize,
    /// Largest message accepted, bytes: what our `a=max-message-size` announces. Capped by
    /// [`Limits::sctp_message_bytes`].
    pub max_message_size: usize,
    /// Whether we are the DTLS client, which opens its channels on even stream identifiers while
    /// the server takes the odd ones (RFC 8832 section 6).
    pub is_client: bool,
    /// Time without traffic after which a HEARTBEAT is sent; [`Duration::ZERO`] sends none. The
    /// default is the 30 s of RFC 9260 section 16.
    pub heartbeat_interval: Duration,
    /// Longest delay of a SACK, 200 ms in RFC 9260 section 16; at most 500 ms.
    pub sack_delay: Duration,
    /// Bounds: the fields that start with `sctp_`, and `data_channels`.
    pub limits: Limits,
}

impl Config {
    /// The values of a WebRTC session.
    #[must_use]
    pub const fn new(is_client: bool, limits: Limits) -> Self {
        Self {
            local_port: 5_000,
            remote_port: 5_000,
            mtu: 1_191,
            max_message_size: limits.sctp_message_bytes,
            is_client,
            heartbeat_interval: Duration::from_secs(30),
            sack_delay: Duration::from_millis(200),
            limits,
        }
    }
}

/// How long a channel tries to deliver a message (RFC 8831 section 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reliability {
    /// Until it is delivered.
    #[default]
    Reliable,
    /// The message is given up after this many retransmissions; 0 sends it once.
    MaxRetransmits(u16),
    /// The message is given up this long after it was handed in, in whole milliseconds.
    MaxLifetime(Duration),
}

/// What a new channel is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig<'a> {
    /// Name for the application, 255 bytes at most.
    pub label: &'a str,
    /// Subprotocol, 255 bytes at most; mostly empty.
    pub protocol: &'a str,
    /// Whether messages arrive in the order sent.
    pub ordered: bool,
    /// When a message is given up.
    pub reliability: Reliability,
    /// The stream identifier both sides agreed on out of band; `None` opens the channel in band
    /// with DCEP (RFC 8832) on an identifier of our own choice.
    pub negotiated: Option<u16>,
}

impl<'a> ChannelConfig<'a> {
    /// A reliable, ordered channel opened in band.
    #[must_use]
    pub const fn new(label: &'a str) -> Self {
        Self {
            label,
            protocol: "",
            ordered: true,
            reliability: Reliability::Reliable,
            negotiated: None,
        }
    }
}
