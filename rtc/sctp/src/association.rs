//! skeleton
use crate::*;
use smolrtc_base::{Duration, Instant, Rng};
use smolrtc_crypto::Provider;

/// One SCTP association.
#[derive(Debug)]
pub struct Association {}

#[allow(unused_variables, missing_docs, clippy::needless_pass_by_ref_mut)] // skeleton
impl Association {
    pub fn new(config: Config, rng: Rng, provider: &'static dyn Provider) -> Self { Self {} }
    pub fn connect(&mut self, now: Instant) {}
    pub fn handle_input(&mut self, now: Instant, packet: &[u8]) {}
    pub fn handle_timeout(&mut self, now: Instant) {}
    /// One SCTP packet a call; buf at least `Config::mtu` bytes.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> { None }
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> { None }
    pub fn poll_event(&mut self) -> Option<Event<'_>> { None }
    pub fn open_channel(&mut self, now: Instant, config: ChannelConfig<'_>) -> Result<ChannelId, Error> { Err(Error::Closed) }
    pub fn send(&mut self, now: Instant, channel: ChannelId, kind: MessageKind, data: &[u8]) -> Result<(), SendError> { Err(SendError::NotOpen) }
    pub fn buffered_amount(&self, channel: ChannelId) -> usize { 0 }
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelId, bytes: usize) {}
    pub fn close_channel(&mut self, channel: ChannelId) -> Result<(), Error> { Err(Error::NoSuchChannel) }
    pub fn set_max_message_size(&mut self, bytes: usize) {}
    pub fn set_rtt(&mut self, rtt: Duration) {}
    pub fn shutdown(&mut self, now: Instant) {}
    pub fn abort(&mut self, now: Instant) {}
    pub fn is_established(&self) -> bool { false }
    pub fn is_closed(&self) -> bool { false }
    pub fn stats(&self) -> Stats { Stats::default() }
    pub fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> { None }
    pub fn drops(&self) -> Drops { Drops::default() }
}
