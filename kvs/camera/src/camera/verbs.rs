//! The five verbs: datagrams, time and computed results in; datagrams and events out.

use alloc::vec::Vec;
use core::net::SocketAddr;

use smolrtc::base::{Instant, Transmit};
use smolrtc::crypto::{JobId, JobResult};
use smolrtc::{ConnectionState, Event as PeerEvent, Protocol, ice, stun};

use super::{Camera, Queued};
use crate::event::{Event, LeaveReason, Reason, ViewerId};

impl Camera {
    /// Takes a datagram that arrived from `from` on the socket bound to `local`; it is opened in
    /// place. One that belongs to no viewer is counted.
    pub fn handle_input(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: SocketAddr,
        datagram: &mut [u8],
    ) {
        match self.owner(from, local, datagram) {
            Owner::One(id) => {
                if let Some(viewer) = self.viewer_mut(id) {
                    viewer.peer.handle_input(now, from, local, datagram);
                    viewer.heard = now;
                }
            }
            Owner::Asked => {
                // The answer of a STUN server, or to a check on a path not seen before: each
                // agent knows its own transactions.
                for viewer in self.viewers.iter_mut().filter(|viewer| viewer.is_live()) {
                    viewer.peer.handle_input(now, from, local, datagram);
                }
            }
            Owner::Nobody => {
                self.stats.stray_datagrams = self.stats.stray_datagrams.saturating_add(1);
                return;
            }
        }
        self.pump(now);
    }

    /// Takes the result of a public-key job.
    pub fn handle_computed(
        &mut self,
        now: Instant,
        viewer: ViewerId,
        id: JobId,
        result: JobResult,
    ) {
        if let Some(viewer) = self.viewer_mut(viewer) {
            viewer.peer.handle_computed(now, id, result);
        }
        self.pump(now);
    }

    /// Does what time has made due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut late = Vec::new();
        for viewer in &mut self.viewers {
            viewer.peer.handle_timeout(now);
            let deadline = viewer.joined + self.config.connect_timeout;
            if viewer.is_live() && !viewer.connected && now >= deadline {
                late.push(viewer.id);
            }
        }
        for id in late {
            self.leave(id, LeaveReason::ConnectTimeout);
        }
        self.pump(now);
    }

    /// Writes the next datagrams into `buf`, viewers taking turns: one, or up to `max_segments`
    /// equal-sized ones to the same destination. `buf` needs at least [`smolrtc::MTU`] bytes, and
    /// `max_segments` times as many to make use of all.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        max_segments: usize,
        buf: &mut [u8],
    ) -> Option<Transmit> {
        let count = self.viewers.len();
        for step in 0..count {
            let at = self.turn.wrapping_add(step).checked_rem(count)?;
            let Some(viewer) = self.viewers.get_mut(at) else {
                continue;
            };
            if let Some(transmit) = viewer
                .peer
                .poll_transmit(now, &self.rings, max_segments, buf)
            {
                self.turn = at.wrapping_add(1);
                return Some(transmit);
            }
        }
        if self
            .viewers
            .iter()
            .any(|viewer| !viewer.is_live() && viewer.peer.is_finished())
        {
            self.viewers
                .retain(|viewer| viewer.is_live() || !viewer.peer.is_finished());
        }
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and
    /// [`poll_transmit`](Self::poll_transmit) next, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let mut next: Option<(Instant, Reason)> = None;
        for viewer in &self.viewers {
            let connection = viewer.peer.poll_timeout(&self.rings);
            let connection = connection.map(|(at, why)| (at, Reason::Connection(why)));
            let connect = (viewer.is_live() && !viewer.connected).then(|| {
                let deadline = viewer.joined + self.config.connect_timeout;
                (deadline, Reason::ConnectTimeout)
            });
            for due in [connection, connect].into_iter().flatten() {
                if next.is_none_or(|best| due.0 < best.0) {
                    next = Some(due);
                }
            }
        }
        next
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        if let Some(event) = self.events.pop_front() {
            return Some(match event {
                Queued::Signal(message) => Event::Signal(message),
                Queued::Compute(viewer, id, job) => Event::Compute { viewer, id, job },
                Queued::ResolveMdns(viewer, id, name) => Event::ResolveMdns { viewer, id, name },
                Queued::Joined(viewer, client) => Event::ViewerJoined { viewer, client },
                Queued::Refused(client, reason) => Event::ViewerRefused { client, reason },
                Queued::State(viewer, state) => Event::ViewerState { viewer, state },
                Queued::Left(viewer, client, reason) => Event::ViewerLeft {
                    viewer,
                    client,
                    reason,
                },
                Queued::KeyFrameNeeded(track) => Event::KeyFrameNeeded { track },
                Queued::TargetBitrate(bps) => Event::TargetBitrate { bps },
            });
        }
        // What is left in the connections is lent: frames and messages.
        for viewer in &mut self.viewers {
            if !viewer.is_live() {
                continue;
            }
            let id = viewer.id;
            if let Some(event) = viewer.peer.poll_lent_event() {
                return lent(id, event);
            }
        }
        None
    }

    /// Takes over what the connections have to tell, but for what they lend.
    pub(super) fn pump(&mut self, now: Instant) {
        for at in 0..self.viewers.len() {
            let Some(viewer) = self.viewers.get_mut(at) else {
                break;
            };
            if !viewer.is_live() {
                continue;
            }
            let id = viewer.id;
            while let Some(event) = self
                .viewers
                .get_mut(at)
                .and_then(|v| v.peer.poll_owned_event())
            {
                self.peer_event(now, id, event);
            }
        }
    }

    fn peer_event(&mut self, now: Instant, id: ViewerId, event: PeerEvent<'_>) {
        match event {
            PeerEvent::LocalCandidate(line) => self.signal_candidate(id, &line),
            PeerEvent::GatheringComplete => self.release_answer(now, id),
            PeerEvent::ResolveMdns { id: name_id, name } => {
                self.events
                    .push_back(Queued::ResolveMdns(id, name_id, name));
            }
            PeerEvent::Compute(job_id, job) => {
                self.events.push_back(Queued::Compute(id, job_id, job));
            }
            PeerEvent::StateChanged(state) => {
                if let Some(viewer) = self.viewer_mut(id)
                    && state == ConnectionState::Connected
                {
                    viewer.connected = true;
                    viewer.heard = now;
                }
                self.events.push_back(Queued::State(id, state));
            }
            PeerEvent::Closed(reason) => {
                self.leave(id, LeaveReason::Connection(reason));
                self.update_target();
            }
            PeerEvent::KeyFrameNeeded { track } => self.ask_key_frame(now, track),
            PeerEvent::TargetBitrate { bps } => {
                if let Some(viewer) = self.viewer_mut(id) {
                    viewer.estimate = Some(bps);
                }
                self.update_target();
            }
            _ => {}
        }
    }

    fn owner(&mut self, from: SocketAddr, local: SocketAddr, datagram: &[u8]) -> Owner {
        if Protocol::of(datagram) == Some(Protocol::Stun) {
            let Ok(message) = stun::Message::parse(datagram) else {
                return Owner::Nobody;
            };
            if let Some(username) = message.username() {
                let ufrag = ice::local_ufrag(username);
                let mut live = self.viewers.iter().filter(|viewer| viewer.is_live());
                let Some(viewer) = ufrag.and_then(|ufrag| live.find(|v| v.peer.owns_ufrag(ufrag)))
                else {
                    return Owner::Nobody;
                };
                let id = viewer.id;
                self.routes.learn(from, local, id);
                return Owner::One(id);
            }
            return match self.routes.get(from, local) {
                Some(id) => Owner::One(id),
                None => Owner::Asked,
            };
        }
        let live = || self.viewers.iter().filter(|viewer| viewer.is_live());
        let known = self.routes.get(from, local);
        let owns = |id: ViewerId| live().any(|v| v.id == id && v.peer.owns_path(from, local));
        if let Some(id) = known
            && owns(id)
        {
            return Owner::One(id);
        }
        if let Some(viewer) = live().find(|viewer| viewer.peer.owns_path(from, local)) {
            let id = viewer.id;
            self.routes.learn(from, local, id);
            return Owner::One(id);
        }
        // An early ClientHello, perhaps: the viewer's gate decides.
        known.map_or(Owner::Nobody, Owner::One)
    }
}

/// Whom a datagram belongs to.
enum Owner {
    One(ViewerId),
    Asked,
    Nobody,
}

/// A lent event in the camera's words.
fn lent(viewer: ViewerId, event: PeerEvent<'_>) -> Option<Event<'_>> {
    Some(match event {
        PeerEvent::Frame(frame) => Event::Frame { viewer, frame },
        PeerEvent::DataReady => Event::DataReady { viewer },
        PeerEvent::DataClosed(reason) => Event::DataClosed { viewer, reason },
        PeerEvent::ChannelOpened { id, label, .. } => Event::ChannelOpened {
            viewer,
            channel: id,
            label,
        },
        PeerEvent::Message {
            channel,
            kind,
            data,
        } => Event::Message {
            viewer,
            channel,
            kind,
            data,
        },
        PeerEvent::BufferedAmountLow { channel } => Event::BufferedAmountLow { viewer, channel },
        PeerEvent::ChannelClosed { channel } => Event::ChannelClosed { viewer, channel },
        _ => return None,
    })
}
