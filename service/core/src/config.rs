//! Settings and quotas.

use alloc::string::String;

use smolrtc_base::{Duration, SecretBytes, UnixTime};

/// Settings of a [`Service`](crate::Service).
#[derive(Clone, Debug)]
pub struct Config {
    /// The one key id that may sign.
    pub access_key: String,
    /// Its secret.
    pub secret_key: SecretBytes,
    /// The token that must accompany it, as with temporary credentials.
    pub session_token: Option<SecretBytes>,
    /// When that token ends.
    pub session_expires: Option<UnixTime>,
    /// Region in signatures and ARNs.
    pub region: String,
    /// Account in ARNs, twelve digits.
    pub account: String,
    /// `host:port` of the STUN server that GetIceServerConfig names, if there is one.
    pub stun: Option<String>,
    /// Limits of use.
    pub quotas: Quotas,
}

impl Config {
    /// A service in `us-west-2` with AWS's quotas and no STUN address.
    #[must_use]
    pub fn new(access_key: impl Into<String>, secret_key: SecretBytes) -> Self {
        Self {
            access_key: access_key.into(),
            secret_key,
            session_token: None,
            session_expires: None,
            region: "us-west-2".into(),
            account: "123456789012".into(),
            stun: None,
            quotas: Quotas::AWS,
        }
    }
}

/// Limits of use. Rates are token buckets that hold one second's worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Channels of the account.
    pub channels: usize,
    /// CreateSignalingChannel, a second.
    pub create: u32,
    /// DescribeSignalingChannel, a second and channel.
    pub describe: u32,
    /// DeleteSignalingChannel, a second and channel.
    pub delete: u32,
    /// ListSignalingChannels, a second.
    pub list: u32,
    /// GetSignalingChannelEndpoint, a second.
    pub endpoint: u32,
    /// GetIceServerConfig, a second and channel.
    pub ice: u32,
    /// ConnectAsMaster, a second and channel.
    pub connect_master: u32,
    /// ConnectAsViewer, a second and channel.
    pub connect_viewer: u32,
    /// Viewers connected to one channel.
    pub viewers: usize,
    /// Offers and answers, a second and connection.
    pub descriptions: u32,
    /// Candidates, a second and connection.
    pub candidates: u32,
    /// Longest message as it comes, bytes. AWS documents 10 KB for the payload, but a browser's
    /// offer with every codec exceeds that in base64 and is delivered nevertheless; 18,750 is what
    /// the C SDK's buffer holds. Payloads above 10 KB are counted, not refused.
    pub message_bytes: usize,
    /// Messages held for absent receivers, a channel. The oldest goes first.
    pub held: usize,
    /// Life of a connection.
    pub connection: Duration,
    /// How long before its end a connection is told to go away.
    pub go_away: Duration,
    /// Longest time without a message from the client. Pings do not count.
    pub idle: Duration,
}

impl Quotas {
    /// What AWS documents.
    pub const AWS: Self = Self {
        channels: 10_000,
        create: 50,
        describe: 5,
        delete: 5,
        list: 50,
        endpoint: 300,
        ice: 5,
        connect_master: 3,
        connect_viewer: 3,
        viewers: 10,
        descriptions: 5,
        candidates: 20,
        message_bytes: 18_750,
        held: 256,
        connection: Duration::from_secs(3_600),
        go_away: Duration::from_secs(60),
        idle: Duration::from_secs(600),
    };
}
