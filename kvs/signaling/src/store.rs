//! What is worth remembering of a channel across restarts.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use smolrtc_base::{Duration, UnixTime};

/// A record older than this is described anew, as in the C SDK.
pub const RECORD_LIFE: Duration = Duration::from_secs(36_000);

/// What DescribeSignalingChannel and GetSignalingChannelEndpoint said. Nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRecord {
    /// The channel, by name or ARN as the settings have it.
    pub channel: String,
    /// Its region.
    pub region: String,
    /// `MASTER` or `VIEWER`: they have different endpoints.
    pub role: String,
    /// Its ARN.
    pub arn: String,
    /// Endpoint of the WebSocket.
    pub wss: String,
    /// Endpoint of GetIceServerConfig.
    pub https: Option<String>,
    /// Seconds since the Unix epoch at which it was learned.
    pub saved: u64,
}

impl ChannelRecord {
    /// Whether it is of the same channel, region and role.
    #[must_use]
    pub fn is_about(&self, channel: &str, region: &str, role: &str) -> bool {
        self.channel == channel && self.region == region && self.role == role
    }

    /// Whether it is younger than [`RECORD_LIFE`]. One from the future is not: some clock lied.
    #[must_use]
    pub fn is_fresh(&self, now: UnixTime) -> bool {
        now.as_secs()
            .checked_sub(self.saved)
            .is_some_and(|age| age < RECORD_LIFE.as_secs())
    }
}

/// Where [`ChannelRecord`]s are kept: a file on Linux, flash on a chip. Both calls are made seldom
/// and may take a moment. Without a store nothing is kept beyond the life of a client.
pub trait Store {
    /// What was saved last for this channel, region and role.
    fn load(&mut self, channel: &str, region: &str, role: &str) -> Option<ChannelRecord>;

    /// Keeps `record` in the place of the one before, about the same channel, region and role.
    fn save(&mut self, record: &ChannelRecord);

    /// Drops what is known: the service says that it is wrong.
    fn forget(&mut self, channel: &str, region: &str, role: &str);
}

/// Remembers as long as the process lives: for programs that make one client after another.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Vec<ChannelRecord>);

impl MemoryStore {
    /// Records kept; the oldest goes first.
    pub const MAX: usize = 64;

    /// What is kept.
    #[must_use]
    pub fn records(&self) -> &[ChannelRecord] {
        &self.0
    }
}

impl Store for MemoryStore {
    fn load(&mut self, channel: &str, region: &str, role: &str) -> Option<ChannelRecord> {
        let found = self.0.iter().find(|r| r.is_about(channel, region, role));
        found.cloned()
    }

    fn save(&mut self, record: &ChannelRecord) {
        self.forget(&record.channel, &record.region, &record.role);
        if self.0.len() >= Self::MAX {
            self.0.remove(0);
        }
        self.0.push(record.clone());
    }

    fn forget(&mut self, channel: &str, region: &str, role: &str) {
        self.0.retain(|r| !r.is_about(channel, region, role));
    }
}
