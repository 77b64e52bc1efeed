//! Token buckets and what overran them.

use smolrtc_base::Instant;

smolrtc_base::drop_reasons! {
    /// A quota that was exceeded.
    pub enum Violation, counted by
    /// Quota violations, by kind.
    pub struct Violations {
        /// Too many CreateSignalingChannel.
        Create = "create_rate",
        /// Too many DescribeSignalingChannel for one channel.
        Describe = "describe_rate",
        /// Too many DeleteSignalingChannel for one channel.
        Delete = "delete_rate",
        /// Too many ListSignalingChannels.
        List = "list_rate",
        /// Too many GetSignalingChannelEndpoint.
        Endpoint = "endpoint_rate",
        /// Too many GetIceServerConfig for one channel.
        Ice = "ice_rate",
        /// Too many masters connecting to one channel.
        ConnectMaster = "connect_master_rate",
        /// Too many viewers connecting to one channel.
        ConnectViewer = "connect_viewer_rate",
        /// Too many viewers connected to one channel.
        Viewers = "viewers",
        /// Too many offers and answers on one connection.
        Descriptions = "description_rate",
        /// Too many candidates on one connection.
        Candidates = "candidate_rate",
        /// A message that is too long.
        MessageBytes = "message_bytes",
        /// Too many channels.
        Channels = "channels",
    }
}

const TOKEN: u64 = 1_000_000;

/// A token bucket that holds one second's worth, in millionths of a token: a rate of r tokens a
/// second is r millionths a microsecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    level: u64,
    at: Option<Instant>,
}

impl Bucket {
    pub(crate) const fn new() -> Self {
        Self { level: 0, at: None }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self, now: Instant, rate: u32) -> bool {
        let full = u64::from(rate).saturating_mul(TOKEN);
        self.level = match self.at {
            None => full,
            Some(at) => {
                let elapsed = now.as_micros().saturating_sub(at.as_micros());
                self.level
                    .saturating_add(elapsed.saturating_mul(u64::from(rate)))
                    .min(full)
            }
        };
        self.at = Some(now);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }
}
