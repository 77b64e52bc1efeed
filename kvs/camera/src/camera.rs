//! The machine: tracks, viewers, and what the owner may ask of it.
//!
//! Messages come in through `messages`, datagrams and time through `verbs`.

mod messages;
mod verbs;

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use kvs_message::{ClientId, Outbound};
use smolrtc::base::{Duration, Instant, Rng};
use smolrtc::crypto::{Job, JobId, Provider};
use smolrtc::rtp::history::{self, Ring};
use smolrtc::rtp::{Codec, Kind};
use smolrtc::sctp::{ChannelConfig, ChannelId, MessageKind, SendError};
use smolrtc::{ConnectionState, PeerConnection, Stats, Wall};

use crate::config::Config;
use crate::early::EarlyCandidates;
use crate::event::{LeaveReason, RefusalReason, ViewerId};
use crate::routes::Routes;
use crate::viewer::{Exchange, Viewer};

/// Events that own their contents.
enum Queued {
    Signal(Outbound),
    Compute(ViewerId, JobId, Job),
    ResolveMdns(ViewerId, smolrtc::ice::MdnsId, String),
    Joined(ViewerId, Option<ClientId>),
    Refused(Option<ClientId>, RefusalReason),
    State(ViewerId, ConnectionState),
    Left(ViewerId, Option<ClientId>, LeaveReason),
    KeyFrameNeeded(usize),
    TargetBitrate(u32),
}

/// What a camera counts beside its viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CameraStats {
    /// Viewers admitted so far.
    pub joined: u64,
    /// Offers refused so far.
    pub refused: u64,
    /// Datagrams that belong to no viewer.
    pub stray_datagrams: u64,
    /// Candidates without an offer that found no room.
    pub early_candidates_dropped: u32,
    /// Messages that no viewer waits for: answers without an offer of ours.
    pub stray_messages: u64,
    /// Frames committed.
    pub frames: u64,
}

/// One viewer in the statistics.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewerSnapshot {
    /// Its session.
    pub viewer: ViewerId,
    /// The sender of its offer.
    pub client: Option<ClientId>,
    /// State of its connection.
    pub state: ConnectionState,
    /// Time since it was admitted.
    pub age: Duration,
    /// Time since it was last heard.
    pub silent: Duration,
    /// The connection's statistics.
    pub connection: Stats,
}

/// A camera. See the [crate documentation](crate).
pub struct Camera {
    config: Config,
    provider: &'static dyn Provider,
    rng: Rng,
    wall: Option<Wall>,
    rings: Vec<Ring>,
    viewers: Vec<Viewer>,
    next_id: u64,
    /// Whose turn it is to send.
    turn: usize,
    interfaces: Vec<SocketAddr>,
    routes: Routes,
    early: EarlyCandidates,
    events: VecDeque<Queued>,
    target: Option<u32>,
    stats: CameraStats,
}

impl Camera {
    /// A camera without viewers. `rng` is its own from now on.
    #[must_use]
    pub fn new(config: Config, rng: Rng, provider: &'static dyn Provider) -> Self {
        let rings = config
            .tracks
            .iter()
            .map(|track| Ring::new(track.codec, &config.limits))
            .collect();
        Self {
            early: EarlyCandidates::new(&config.limits),
            provider,
            rng,
            wall: None,
            rings,
            viewers: Vec::with_capacity(config.limits.viewers),
            config,
            next_id: 0,
            turn: 0,
            interfaces: Vec::new(),
            routes: Routes::default(),
            events: VecDeque::new(),
            target: None,
            stats: CameraStats::default(),
        }
    }

    /// Tells the wall time, which sender reports carry.
    pub fn set_wall_clock(&mut self, wall: Wall) {
        self.wall = Some(wall);
        for viewer in &mut self.viewers {
            viewer.peer.set_wall_clock(wall);
        }
    }

    /// Adds a bound UDP socket that all viewers share.
    pub fn add_interface(&mut self, now: Instant, local: SocketAddr) {
        if !self.interfaces.contains(&local) {
            self.interfaces.push(local);
            for viewer in &mut self.viewers {
                viewer.peer.add_interface(now, local);
            }
            self.pump(now);
        }
    }

    /// Removes a socket whose address went away.
    pub fn remove_interface(&mut self, now: Instant, local: SocketAddr) {
        self.interfaces.retain(|interface| *interface != local);
        for viewer in &mut self.viewers {
            viewer.peer.remove_interface(now, local);
        }
        self.pump(now);
    }

    /// The STUN servers of sessions from now on, and of those that run.
    pub fn set_stun_servers(&mut self, now: Instant, servers: &[SocketAddr]) {
        self.config.stun_servers = servers.to_vec();
        for viewer in &mut self.viewers {
            viewer.peer.set_stun_servers(now, servers);
        }
        self.pump(now);
    }

    /// Index of the first track of `kind`.
    #[must_use]
    pub fn track(&self, kind: Kind) -> Option<usize> {
        self.config
            .tracks
            .iter()
            .position(|track| track.codec.kind() == kind)
    }

    /// The codec of a track.
    #[must_use]
    pub fn codec(&self, track: usize) -> Option<Codec> {
        self.config.tracks.get(track).map(|track| track.codec)
    }

    /// Lends `max` bytes of the track's history for the next frame, so that an encoder can write
    /// straight into it.
    ///
    /// # Errors
    /// [`history::Error::FrameTooLarge`] when the ring is smaller, or the track does not exist.
    pub fn reserve(&mut self, track: usize, max: usize) -> Result<&mut [u8], history::Error> {
        let ring = self
            .rings
            .get_mut(track)
            .ok_or(history::Error::FrameTooLarge {
                needed: max,
                capacity: 0,
            })?;
        ring.reserve(max)
    }

    /// Makes the first `len` reserved bytes a frame, presented at `pts` on a clock that all tracks
    /// share.
    ///
    /// # Errors
    /// What the ring says; the frame is then lost and the track goes on.
    pub fn commit(
        &mut self,
        now: Instant,
        track: usize,
        len: usize,
        pts: Duration,
        key: bool,
    ) -> Result<(), history::Error> {
        let Some(codec) = self.codec(track) else {
            return Err(history::Error::NotReserved);
        };
        let Some(ring) = self.rings.get_mut(track) else {
            return Err(history::Error::NotReserved);
        };
        ring.commit(len, rtp_timestamp(pts, codec), key, now)?;
        self.stats.frames = self.stats.frames.saturating_add(1);
        Ok(())
    }

    /// Copies a frame in: [`reserve`](Self::reserve) and [`commit`](Self::commit) in one.
    ///
    /// # Errors
    /// As theirs.
    pub fn push_frame(
        &mut self,
        now: Instant,
        track: usize,
        frame: &[u8],
        pts: Duration,
        key: bool,
    ) -> Result<(), history::Error> {
        self.reserve(track, frame.len())?.copy_from_slice(frame);
        self.commit(now, track, frame.len(), pts, key)
    }

    /// Viewers that hold a place.
    #[must_use]
    pub fn viewer_count(&self) -> usize {
        self.viewers
            .iter()
            .filter(|viewer| viewer.is_live())
            .count()
    }

    /// Viewers whose connection is up.
    #[must_use]
    pub fn connected_count(&self) -> usize {
        self.viewers
            .iter()
            .filter(|viewer| viewer.is_live() && viewer.connected)
            .count()
    }

    /// The viewers and their statistics.
    #[must_use]
    pub fn snapshots(&self, now: Instant) -> Vec<ViewerSnapshot> {
        let live = self.viewers.iter().filter(|viewer| viewer.is_live());
        live.map(|viewer| ViewerSnapshot {
            viewer: viewer.id,
            client: viewer.client.clone(),
            state: viewer.peer.state(),
            age: now.since(viewer.joined),
            silent: now.since(viewer.heard),
            connection: viewer.peer.stats(),
        })
        .collect()
    }

    /// What the camera counts beside its viewers.
    #[must_use]
    pub fn stats(&self) -> CameraStats {
        CameraStats {
            early_candidates_dropped: self.early.dropped,
            ..self.stats
        }
    }

    /// The history ring of a track.
    #[must_use]
    pub fn ring(&self, track: usize) -> Option<&Ring> {
        self.rings.get(track)
    }

    /// Opens a data channel to a viewer. `None` when there is no such viewer or it takes no data.
    pub fn open_channel(
        &mut self,
        now: Instant,
        viewer: ViewerId,
        channel: ChannelConfig<'_>,
    ) -> Option<ChannelId> {
        let id = self
            .viewer_mut(viewer)?
            .peer
            .open_channel(now, channel)
            .ok();
        self.pump(now);
        id
    }

    /// Queues a data-channel message to a viewer.
    ///
    /// # Errors
    /// What SCTP says; [`SendError::NotOpen`] when there is no such viewer.
    pub fn send_message(
        &mut self,
        now: Instant,
        viewer: ViewerId,
        channel: ChannelId,
        kind: MessageKind,
        data: &[u8],
    ) -> Result<(), SendError> {
        let viewer = self.viewer_mut(viewer).ok_or(SendError::NotOpen)?;
        viewer.peer.send_message(now, channel, kind, data)
    }

    /// Asks a viewer's own video encoder for a key frame.
    pub fn request_key_frame(&mut self, viewer: ViewerId) {
        if let Some(viewer) = self.viewer_mut(viewer) {
            viewer.peer.request_key_frame();
        }
    }

    /// What a `.local` name resolved to; `None` if it did not.
    pub fn resolved(
        &mut self,
        now: Instant,
        viewer: ViewerId,
        id: smolrtc::ice::MdnsId,
        address: Option<IpAddr>,
    ) {
        if let Some(viewer) = self.viewer_mut(viewer) {
            viewer.peer.resolved(now, id, address);
        }
        self.pump(now);
    }

    /// Ends one viewer's session.
    pub fn disconnect(&mut self, now: Instant, viewer: ViewerId) {
        let reason = LeaveReason::Connection(smolrtc::CloseReason::Local);
        self.leave(viewer, reason);
        self.pump(now);
    }

    /// Ends every session; the goodbyes leave through
    /// [`poll_transmit`](Self::poll_transmit) until [`is_drained`](Self::is_drained).
    pub fn shutdown(&mut self, now: Instant) {
        let ids: Vec<ViewerId> = self.viewers.iter().map(|viewer| viewer.id).collect();
        for id in ids {
            self.leave(id, LeaveReason::Connection(smolrtc::CloseReason::Local));
        }
        self.pump(now);
    }

    /// Whether no session is left, goodbyes included.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.viewers.is_empty()
    }

    fn viewer_mut(&mut self, id: ViewerId) -> Option<&mut Viewer> {
        self.viewers
            .iter_mut()
            .find(|viewer| viewer.id == id && viewer.is_live())
    }

    fn new_peer(&mut self, now: Instant) -> PeerConnection {
        let mut config = smolrtc::Config::new(self.config.certificate.clone(), self.config.limits);
        config.tracks = self.config.tracks.iter().map(|track| track.codec).collect();
        if self.config.receive_audio {
            config.receive_audio = Vec::from([Codec::Opus, Codec::Pcmu, Codec::Pcma]);
        }
        if self.config.receive_video {
            config.receive_video = Vec::from([Codec::H264, Codec::Vp8, Codec::H265]);
        }
        config.data_channels = self.config.data_channels;
        config.sender.cname.clone_from(&self.config.cname);
        config.sender.max_bitrate = self.config.bitrate_ceiling;
        if !self.config.srtp_profiles.is_empty() {
            config.srtp_profiles.clone_from(&self.config.srtp_profiles);
        }
        let mut peer = PeerConnection::new(config, self.rng.fork(), self.provider);
        if let Some(wall) = self.wall {
            peer.set_wall_clock(wall);
        }
        peer.set_stun_servers(now, &self.config.stun_servers);
        for local in &self.interfaces {
            peer.add_interface(now, *local);
        }
        peer
    }

    fn add_viewer(
        &mut self,
        now: Instant,
        client: Option<ClientId>,
        peer: PeerConnection,
        exchange: Exchange,
    ) -> ViewerId {
        let id = ViewerId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.stats.joined = self.stats.joined.saturating_add(1);
        self.events.push_back(Queued::Joined(id, client.clone()));
        self.viewers.push(Viewer {
            id,
            client,
            peer,
            exchange,
            mid: String::new(),
            trickle: true,
            joined: now,
            heard: now,
            connected: false,
            estimate: None,
            leaving: None,
        });
        id
    }

    /// Ends a session, says goodbye to its peer and frees its place.
    fn leave(&mut self, id: ViewerId, reason: LeaveReason) {
        let Some(viewer) = self.viewer_mut(id) else {
            return;
        };
        viewer.peer.close();
        viewer.leaving = Some(reason);
        let client = viewer.client.clone();
        self.routes.forget(id);
        self.events.push_back(Queued::Left(id, client, reason));
    }

    /// Asks the encoder of `track` for a key frame, unless it was asked a moment ago.
    fn ask_key_frame(&mut self, now: Instant, track: usize) {
        if self
            .rings
            .get_mut(track)
            .is_some_and(|ring| ring.request_key_frame(now))
        {
            self.events.push_back(Queued::KeyFrameNeeded(track));
        }
    }

    /// The encoders' target: the lowest estimate above the floor, within the ceiling. Moves of less
    /// than a twentieth are not reported.
    fn update_target(&mut self) {
        let floor = self.config.bitrate_floor;
        let estimates = self
            .viewers
            .iter()
            .filter(|v| v.is_live())
            .filter_map(|v| v.estimate);
        let Some(lowest) = estimates.filter(|bps| *bps >= floor).min() else {
            return;
        };
        let target = lowest.min(self.config.bitrate_ceiling);
        let moved = self
            .target
            .is_none_or(|old| old.abs_diff(target) > old / 20);
        if moved {
            self.target = Some(target);
            self.events.push_back(Queued::TargetBitrate(target));
        }
    }
}

impl core::fmt::Debug for Camera {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Camera")
            .field("viewers", &self.viewers.len())
            .finish_non_exhaustive()
    }
}

/// Presentation time on a codec's RTP clock (RFC 3550 section 5.1), modulo 2³².
fn rtp_timestamp(pts: Duration, codec: Codec) -> u32 {
    let ticks = pts.as_micros().wrapping_mul(u128::from(codec.clock_rate())) / 1_000_000;
    ticks as u32
}
