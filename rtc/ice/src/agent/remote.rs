//! The peer's candidates and the pairs made of them (RFC 8445 section 6.1.2).

use core::net::{IpAddr, SocketAddr};

use smolrtc_base::Instant;
use smolrtc_stun::crc32;

use super::{Agent, Remote, Unresolved};
use crate::pair::Pair;
use crate::preference::{compatible, forbidden, pair_priority};
use crate::{
    Candidate, CandidateAddress, CandidateId, CandidateType, DropReason, Foundation, MdnsId,
    PairId, PairState, Transport,
};

impl Agent {
    /// Adds a candidate of the peer's. What cannot be used is dropped and counted: TCP, another
    /// component, an address that must not be sent to, a generation that is over, or one more
    /// than the limit. A `.local` name comes back as [`Event::ResolveMdns`](crate::Event).
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: Candidate) {
        self.touch(now);
        if candidate.transport != Transport::Udp {
            return self.count(DropReason::TcpCandidate);
        }
        if candidate.component != 1 {
            return self.count(DropReason::OtherComponent);
        }
        if let (Some(theirs), Some(known)) = (candidate.ufrag.as_deref(), self.remote_ufrag())
            && theirs != known
        {
            return self.count(DropReason::StaleCandidate);
        }
        match &candidate.address {
            CandidateAddress::Ip(address) => {
                let address = *address;
                self.add_remote_address(address, candidate);
            }
            CandidateAddress::Mdns(..) => {
                if self
                    .unresolved
                    .iter()
                    .any(|other| other.candidate == candidate)
                {
                    return;
                }
                if self.unresolved.len() >= self.config.limits.ice_remote_candidates {
                    return self.count(DropReason::TooManyRemoteCandidates);
                }
                let id = MdnsId(self.new_id());
                self.unresolved.push(Unresolved {
                    id,
                    candidate,
                    announced: false,
                });
            }
        }
        self.conclude();
    }

    /// The peer has no further candidates (RFC 8838 section 14). Without it, failure is only
    /// found by [`Timers::connect_timeout`](crate::Timers).
    pub fn end_of_remote_candidates(&mut self) {
        self.remote_ended = true;
        self.conclude();
    }

    /// Answers [`Event::ResolveMdns`](crate::Event): the address of the name, or none if the
    /// driver cannot find it, whereupon the candidate is forgotten.
    pub fn resolved(&mut self, now: Instant, id: MdnsId, ip: Option<IpAddr>) {
        self.touch(now);
        let Some(index) = self.unresolved.iter().position(|other| other.id == id) else {
            return;
        };
        let Unresolved { candidate, .. } = self.unresolved.remove(index);
        match (ip, &candidate.address) {
            (Some(ip), CandidateAddress::Mdns(_, port)) => {
                let address = SocketAddr::new(ip, *port);
                self.add_remote_address(address, candidate);
            }
            _ => self.count(DropReason::Unresolved),
        }
        self.conclude();
    }

    fn add_remote_address(&mut self, address: SocketAddr, candidate: Candidate) {
        let family = if address.is_ipv4() {
            self.config.ipv4
        } else {
            self.config.ipv6
        };
        if !family || forbidden(&address) || !(self.config.remote_filter)(&address) {
            return self.count(DropReason::ForbiddenCandidate);
        }
        let generation = self.generation.number;
        let known =
            |remote: &&mut Remote| remote.generation == generation && remote.address == address;
        if let Some(remote) = self.remotes.iter_mut().find(known) {
            // Learnt from a check before signalling brought it (RFC 8838 section 11): now its
            // true type and priority are known.
            if remote.kind == CandidateType::PeerReflexive {
                remote.kind = candidate.kind;
                remote.priority = candidate.priority;
                remote.foundation = candidate.foundation;
                remote.related = candidate.related;
                let id = remote.id;
                self.remote_changed(id);
            }
            return;
        }
        if self.remotes.len() >= self.config.limits.ice_remote_candidates {
            return self.count(DropReason::TooManyRemoteCandidates);
        }
        let id = CandidateId(self.new_id());
        self.remotes.push(Remote {
            id,
            generation,
            address,
            kind: candidate.kind,
            priority: candidate.priority,
            foundation: candidate.foundation,
            related: candidate.related,
            ufrag: candidate.ufrag,
        });
        let index = self.remotes.len().saturating_sub(1);
        for at in 0..self.interfaces.len() {
            let base = self.interfaces.get(at).copied();
            let local = base.and_then(|base| Some((self.host_id(base)?, base)));
            if let Some((id, base)) = local {
                self.form_pair(id, base, index, false);
            }
        }
    }

    /// The peer-reflexive candidate that an authentic request came from (RFC 8445 section
    /// 7.3.1.3). There is always room for one: it is known to be alive, which the rest is not.
    pub(super) fn learn_remote(&mut self, address: SocketAddr, priority: u32) -> Option<usize> {
        let generation = self.generation.number;
        let known = |remote: &Remote| remote.generation == generation && remote.address == address;
        if let Some(index) = self.remotes.iter().position(known) {
            return Some(index);
        }
        if forbidden(&address) || !(self.config.remote_filter)(&address) {
            self.count(DropReason::ForbiddenCandidate);
            return None;
        }
        if self.remotes.len() >= self.config.limits.ice_remote_candidates {
            let pairs = &self.pairs;
            let idle = |remote: &&Remote| {
                !pairs
                    .iter()
                    .any(|pair| pair.remote_id == remote.id && pair.is_precious())
            };
            let Some(victim) = self
                .remotes
                .iter()
                .filter(idle)
                .min_by_key(|remote| remote.priority)
            else {
                self.count(DropReason::TooManyRemoteCandidates);
                return None;
            };
            let victim = victim.id;
            self.remotes.retain(|remote| remote.id != victim);
            self.pairs.retain(|pair| pair.remote_id != victim);
            self.forget_lost_pairs();
            self.count(DropReason::TooManyRemoteCandidates);
        }
        let id = CandidateId(self.new_id());
        self.remotes.push(Remote {
            id,
            generation,
            address,
            kind: CandidateType::PeerReflexive,
            priority,
            foundation: Foundation::from_number(id.0),
            related: None,
            ufrag: None,
        });
        Some(self.remotes.len().saturating_sub(1))
    }

    pub(super) fn host_id(&self, base: SocketAddr) -> Option<CandidateId> {
        self.locals
            .iter()
            .find(|local| local.base == base && local.address == base)
            .map(|local| local.id)
    }

    /// Joins the interface `base` and the remote candidate at `index`, unless they are joined,
    /// cannot reach each other, or the table is full of better pairs. A pair that is `wanted`
    /// was asked for by the peer and takes the worst idle one's place.
    pub(super) fn form_pair(
        &mut self,
        local_id: CandidateId,
        base: SocketAddr,
        index: usize,
        wanted: bool,
    ) -> Option<PairId> {
        let remote = self.remotes.get(index)?;
        let local = self.locals.iter().find(|local| local.id == local_id)?;
        let generation = self.generation.number;
        if remote.generation != generation || !compatible(&base, &remote.address) {
            return None;
        }
        let same = |pair: &&Pair| {
            pair.generation == generation && pair.base == base && pair.remote == remote.address
        };
        if let Some(pair) = self.pairs.iter().find(same) {
            return Some(pair.id);
        }
        let mut pair = Pair::new(
            PairId(0),
            generation,
            (local_id, base),
            (remote.id, remote.address),
        );
        pair.priority = pair_priority(self.controlling, local.candidate.priority, remote.priority);
        pair.group = crc32(&[
            local.candidate.foundation.as_str().as_bytes(),
            b":",
            remote.foundation.as_str().as_bytes(),
        ]);
        let active = |other: &Pair| {
            other.group == pair.group
                && matches!(other.state, PairState::Waiting | PairState::InProgress)
        };
        if !self.pairs.iter().any(active) {
            pair.state = PairState::Waiting;
        }
        if self.pairs.len() >= self.config.limits.ice_pairs {
            self.count(DropReason::TooManyPairs);
            let idle = self.pairs.iter().filter(|other| !other.is_precious());
            let worst = idle.min_by_key(|other| other.priority)?;
            if !wanted && worst.priority >= pair.priority {
                return None;
            }
            let worst = worst.id;
            self.pairs.retain(|other| other.id != worst);
            self.forget_lost_pairs();
        }
        pair.id = PairId(self.new_id());
        let id = pair.id;
        self.pairs.push(pair);
        self.exhausted_since = None;
        Some(id)
    }

    /// Recomputes what pairs derive from a remote candidate.
    fn remote_changed(&mut self, id: CandidateId) {
        let Some(remote) = self.remotes.iter().find(|remote| remote.id == id) else {
            return;
        };
        for pair in self.pairs.iter_mut().filter(|pair| pair.remote_id == id) {
            let Some(local) = self.locals.iter().find(|local| local.id == pair.local_id) else {
                continue;
            };
            let priority = local.candidate.priority;
            pair.priority = pair_priority(self.controlling, priority, remote.priority);
            pair.direct = pair.is_valid()
                && local.candidate.kind == CandidateType::Host
                && remote.kind == CandidateType::Host;
        }
    }

    /// Drops candidates that name another generation than the one that began.
    pub(super) fn drop_stale_remotes(&mut self) {
        let Some(known) = self.generation.remote.as_ref().map(|remote| &*remote.ufrag) else {
            return;
        };
        let number = self.generation.number;
        let stale = |ufrag: &Option<alloc::boxed::Box<str>>| {
            ufrag.as_deref().is_some_and(|theirs| theirs != known)
        };
        let before = self.remotes.len().saturating_add(self.unresolved.len());
        self.remotes
            .retain(|remote| remote.generation != number || !stale(&remote.ufrag));
        self.unresolved
            .retain(|other| !stale(&other.candidate.ufrag));
        let after = self.remotes.len().saturating_add(self.unresolved.len());
        for _ in after..before {
            self.drops.count(DropReason::StaleCandidate);
        }
        let remotes = &self.remotes;
        self.pairs
            .retain(|pair| remotes.iter().any(|remote| remote.id == pair.remote_id));
        self.forget_lost_pairs();
    }

    /// Drops what refers to pairs that are gone.
    pub(super) fn forget_lost_pairs(&mut self) {
        let pairs = &self.pairs;
        let alive = |id: PairId| pairs.iter().any(|pair| pair.id == id);
        self.transactions
            .retain(|transaction| alive(transaction.pair));
        self.selected = self.selected.filter(|id| alive(*id));
        self.path = self.path.filter(|id| alive(*id));
        if self
            .challenge
            .as_ref()
            .is_some_and(|challenge| !alive(challenge.challenger))
        {
            self.challenge = None;
        }
    }

    /// Gives pairs that failed another chance, when the ways to the peer have changed.
    pub(super) fn retry_failed(&mut self) {
        if self.selected.is_some() {
            return;
        }
        for pair in &mut self.pairs {
            if pair.state == PairState::Failed && !pair.revoked {
                pair.reset_check();
            }
        }
    }
}
