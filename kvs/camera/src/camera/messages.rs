//! The signaling half: offers, answers, candidates.

use alloc::string::{String, ToString as _};

use kvs_message::{Body, Candidate, ClientId, Inbound, Outbound};
use smolrtc::base::Instant;
use smolrtc::sdp::{self, SessionDescription};

use super::{Camera, Queued};
use crate::event::{LeaveReason, RefusalReason, ViewerId};
use crate::viewer::{Exchange, Viewer};

impl Camera {
    /// Takes a signaling message. What does not concern a camera is ignored.
    pub fn handle_message(&mut self, now: Instant, message: Inbound) {
        match message.body {
            Body::Offer(offer) => self.offered(now, message.from, &offer),
            Body::Answer(answer) => self.answered(now, message.from.as_ref(), &answer),
            Body::Candidate(candidate) => self.candidate(now, message.from, candidate),
            _ => {}
        }
        self.pump(now);
    }

    /// Calls a viewer: the camera makes the offer. A running session of that viewer is offered anew,
    /// with new ICE credentials if `restart_ice`.
    ///
    /// # Errors
    /// The viewer limit is reached, or an offer is out already.
    pub fn call(
        &mut self,
        now: Instant,
        client: ClientId,
        restart_ice: bool,
    ) -> Result<ViewerId, RefusalReason> {
        let running = self.live_of(Some(&client));
        let id = match running {
            Some(id) => id,
            None => {
                self.make_room(now)?;
                let peer = self.new_peer(now);
                self.add_viewer(now, Some(client), peer, Exchange::Offered)
            }
        };
        if let Some(viewer) = self.viewer_mut(id) {
            let offer = viewer
                .peer
                .create_offer(now, restart_ice)
                .map_err(RefusalReason::Offer)?;
            viewer.exchange = Exchange::Offered;
            viewer.mid = String::from("0");
            let message = Outbound {
                to: viewer.client.clone(),
                body: Body::Offer(offer),
                correlation_id: None,
            };
            self.events.push_back(Queued::Signal(message));
        }
        self.pump(now);
        Ok(id)
    }

    fn live_of(&self, client: Option<&ClientId>) -> Option<ViewerId> {
        let live = self.viewers.iter().rev().filter(|viewer| viewer.is_live());
        live.clone()
            .find(|viewer| viewer.client.as_ref() == client)
            .map(|viewer| viewer.id)
    }

    fn offered(&mut self, now: Instant, client: Option<ClientId>, offer: &str) {
        let offer = match SessionDescription::parse(offer.as_bytes(), &self.config.limits) {
            Ok(offer) => offer,
            Err(error) => {
                self.refuse(client, None, RefusalReason::Offer(error.into()));
                return;
            }
        };
        if let Some(id) = self.live_of(client.as_ref()) {
            let same = self
                .viewer_mut(id)
                .is_some_and(|viewer| is_same_connection(viewer, &offer));
            if same {
                let Some(viewer) = self.viewer_mut(id) else {
                    return;
                };
                match viewer.peer.accept_parsed_offer(now, offer) {
                    Ok(answer) => self.answer(now, id, answer),
                    Err(error) => self.refuse(client, None, RefusalReason::Offer(error)),
                }
                return;
            }
            self.leave(id, LeaveReason::Replaced);
        }
        if let Err(reason) = self.make_room(now) {
            self.refuse(client, Some(&offer), reason);
            return;
        }
        let mut peer = self.new_peer(now);
        let answer = match peer.accept_parsed_offer(now, offer.clone()) {
            Ok(answer) => answer,
            Err(error) => {
                self.refuse(client, Some(&offer), RefusalReason::Offer(error));
                return;
            }
        };
        for candidate in self.early.take(now, client.as_ref()) {
            // What cannot be read costs one path, not the session.
            let _ = peer.add_remote_candidate(now, &candidate);
        }
        let id = self.add_viewer(now, client, peer, Exchange::Done);
        self.answer(now, id, answer);
    }

    /// Sends the answer now, or when gathering is complete if the viewer cannot take candidates
    /// later.
    fn answer(&mut self, now: Instant, id: ViewerId, answer: String) {
        let Some(viewer) = self.viewer_mut(id) else {
            return;
        };
        viewer.heard = now;
        if let Some(agreed) = viewer.peer.negotiated() {
            viewer.trickle = agreed.remote_trickle;
            let accepted = agreed.sections.iter().find(|section| !section.rejected);
            viewer.mid = accepted.map_or_else(String::new, |section| section.mid.clone());
        }
        if !viewer.trickle && !viewer.peer.is_gathering_complete() {
            viewer.exchange = Exchange::AnswerHeld;
            return;
        }
        viewer.exchange = Exchange::Done;
        let message = Outbound {
            to: viewer.client.clone(),
            body: Body::Answer(answer),
            correlation_id: None,
        };
        self.events.push_back(Queued::Signal(message));
    }

    /// Gathering is complete: an answer that waited for it goes out.
    pub(super) fn release_answer(&mut self, now: Instant, id: ViewerId) {
        let Some(viewer) = self.viewer_mut(id) else {
            return;
        };
        if viewer.exchange == Exchange::AnswerHeld
            && let Some(answer) = viewer.peer.current_answer()
        {
            viewer.exchange = Exchange::Done;
            self.answer(now, id, answer);
        }
    }

    /// A local candidate, unless the description that was sent has it already.
    pub(super) fn signal_candidate(&mut self, id: ViewerId, candidate: &str) {
        let Some(viewer) = self.viewer_mut(id) else {
            return;
        };
        let Some(sent) = viewer.peer.local_description() else {
            return;
        };
        let held = viewer.exchange == Exchange::AnswerHeld;
        if held || !viewer.trickle || sent.contains(candidate) {
            return;
        }
        let body = Body::Candidate(Candidate {
            candidate: candidate.to_string(),
            sdp_mid: Some(viewer.mid.clone()),
            sdp_m_line_index: Some(0),
            username_fragment: Some(viewer.peer.local_ufrag().to_string()),
        });
        let message = Outbound {
            to: viewer.client.clone(),
            body,
            correlation_id: None,
        };
        self.events.push_back(Queued::Signal(message));
    }

    fn answered(&mut self, now: Instant, client: Option<&ClientId>, answer: &str) {
        let offered = self.live_of(client).and_then(|id| {
            self.viewer_mut(id)
                .filter(|viewer| viewer.exchange == Exchange::Offered)
        });
        let Some(viewer) = offered else {
            self.stats.stray_messages = self.stats.stray_messages.saturating_add(1);
            return;
        };
        let id = viewer.id;
        viewer.heard = now;
        match viewer.peer.accept_answer(now, answer) {
            Ok(()) => {
                viewer.exchange = Exchange::Done;
                for candidate in self.early.take(now, client) {
                    if let Some(viewer) = self.viewer_mut(id) {
                        let _ = viewer.peer.add_remote_candidate(now, &candidate);
                    }
                }
            }
            Err(error) => {
                self.refuse(client.cloned(), None, RefusalReason::Offer(error));
                self.leave(id, LeaveReason::Connection(smolrtc::CloseReason::Local));
            }
        }
    }

    fn candidate(&mut self, now: Instant, client: Option<ClientId>, candidate: Candidate) {
        let live = self
            .live_of(client.as_ref())
            .and_then(|id| self.viewer_mut(id));
        let Some(viewer) = live.filter(|viewer| viewer.peer.negotiated().is_some()) else {
            if !candidate.is_end() {
                self.early.hold(now, client, candidate.candidate);
            }
            return;
        };
        viewer.heard = now;
        // After a restart, candidates of the generation before are of no use.
        let current = viewer
            .peer
            .negotiated()
            .and_then(|agreed| agreed.remote_ice.as_ref());
        let stale = match (&candidate.username_fragment, current) {
            (Some(ufrag), Some(ice)) => *ufrag != ice.ufrag,
            _ => false,
        };
        if !stale {
            let _ = viewer.peer.add_remote_candidate(now, &candidate.candidate);
        }
    }

    /// Finds a place for one more: a free one, or that of the session silent longest.
    fn make_room(&mut self, now: Instant) -> Result<(), RefusalReason> {
        let limit = self.config.limits.viewers;
        if self.viewer_count() < limit {
            return Ok(());
        }
        let silence = self.config.replace_after_silence;
        let live = self.viewers.iter().filter(|viewer| viewer.is_live());
        let silent = live.filter(|viewer| now.since(viewer.heard) > silence);
        match silent
            .min_by_key(|viewer| viewer.heard)
            .map(|viewer| viewer.id)
        {
            Some(id) => {
                self.leave(id, LeaveReason::MadeRoom);
                Ok(())
            }
            None => Err(RefusalReason::ViewerLimit { limit }),
        }
    }

    /// Tells the viewer why, if its offer could be read: an answer with every section at port 0.
    fn refuse(
        &mut self,
        client: Option<ClientId>,
        offer: Option<&SessionDescription>,
        reason: RefusalReason,
    ) {
        self.stats.refused = self.stats.refused.saturating_add(1);
        if let Some(offer) = offer {
            let answer = sdp::negotiate::reject_all(offer, &reason.to_string());
            let message = Outbound {
                to: client.clone(),
                body: Body::Answer(answer),
                correlation_id: None,
            };
            self.events.push_back(Queued::Signal(message));
        }
        self.events.push_back(Queued::Refused(client, reason));
    }
}

/// Whether an offer comes from the connection that the session already has: the same certificate, and
/// either the same session id (RFC 8866 section 5.2), which survives renegotiation and ICE restart,
/// or the same ICE credentials. Peers exist (aiortc 1.16) that name a new session in every offer; ICE
/// credentials are random for each connection (RFC 8839 section 5.4), so equal ones prove it.
fn is_same_connection(viewer: &Viewer, offer: &SessionDescription) -> bool {
    viewer.peer.remote_description().is_some_and(|old| {
        let fingerprints = |description: &SessionDescription| {
            let own = description
                .media
                .iter()
                .flat_map(|media| &media.transport.fingerprints);
            own.chain(&description.transport.fingerprints)
                .next()
                .cloned()
        };
        let ice = |description: &SessionDescription| {
            let mut media = description.media.iter();
            media.find_map(|media| description.ice_of(media).cloned())
        };
        let same_ice = || ice(old).is_some_and(|old| ice(offer) == Some(old));
        fingerprints(old) == fingerprints(offer)
            && (old.session_id == offer.session_id || same_ice())
    })
}
