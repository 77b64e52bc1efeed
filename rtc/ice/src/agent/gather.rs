//! Interfaces, host candidates and server-reflexive ones (RFC 8445 section 5.1.1).

use core::net::SocketAddr;
use core::time::Duration;

use smolrtc_base::Instant;
use smolrtc_stun::{Message, TransactionId, crc32};

use super::{Agent, Local};
use crate::preference::{candidate_priority, forbidden, local_preference};
use crate::{
    Candidate, CandidateAddress, CandidateId, CandidateType, DropReason, Foundation, Transport,
};

/// STUN servers used at most.
const MAX_SERVERS: usize = 8;

/// How often a mapping at a STUN server is renewed while there is no path yet (RFC 8445 section
/// 5.1.1.4); NATs keep one for 30 s at the least.
const REFRESH: Duration = Duration::from_secs(15);

/// One question: what does this server see of that socket?
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) base: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) id: TransactionId,
    pub(super) attempts: u8,
    /// Next transmission; after the last one, the end.
    pub(super) next_at: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not answered yet.
    Open,
    /// Answered; asked again now and then until there is a path.
    Answered,
    /// Not answered, or not to be asked again.
    Closed,
}

impl Gather {
    /// Whether the end of gathering waits for it.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether something is still to be sent.
    pub(super) fn is_active(&self, have_path: bool) -> bool {
        match self.phase {
            Phase::Open => true,
            Phase::Answered => !have_path,
            Phase::Closed => false,
        }
    }
}

impl Agent {
    /// Adds a bound UDP socket, whose address becomes a host candidate and is asked about at the
    /// STUN servers of its family. May be called at any time; an address known already changes
    /// nothing, one that the configuration refuses is counted.
    pub fn add_interface(&mut self, now: Instant, local: SocketAddr) {
        self.touch(now);
        let family = if local.is_ipv4() {
            self.config.ipv4
        } else {
            self.config.ipv6
        };
        if !family || forbidden(&local) || !(self.config.interface_filter)(&local) {
            return self.count(DropReason::InterfaceFiltered);
        }
        if self.interfaces.contains(&local) {
            return;
        }
        // The first preference that no other interface has; one may have been removed.
        let preference = (0..=u16::from(u8::MAX))
            .map(|nth| local_preference(local.ip(), nth))
            .find(|preference| {
                self.interfaces
                    .iter()
                    .all(|other| self.preference_of(*other) != *preference)
            })
            .unwrap_or(0);
        let priority = candidate_priority(CandidateType::Host, preference);
        let Some(id) = self.add_local(CandidateType::Host, local, local, priority, None) else {
            return;
        };
        self.interfaces.push(local);
        self.reported.gathering_complete = false;
        self.start_gathers(local);
        for index in 0..self.remotes.len() {
            self.form_pair(id, local, index, false);
        }
        self.retry_failed();
        self.conclude();
    }

    /// Removes a socket; its candidates, pairs and questions go. If it carried the data, another
    /// valid pair takes over at once.
    pub fn remove_interface(&mut self, now: Instant, local: SocketAddr) {
        self.touch(now);
        if !self.interfaces.contains(&local) {
            return;
        }
        self.interfaces.retain(|interface| *interface != local);
        self.locals.retain(|candidate| candidate.base != local);
        self.gathers.retain(|gather| gather.base != local);
        self.pairs.retain(|pair| pair.base != local);
        self.responses.retain(|response| response.local != local);
        self.forget_lost_pairs();
        self.retry_failed();
        self.conclude();
    }

    /// Replaces the STUN servers (at most 8) that are asked for reflexive addresses. Candidates
    /// known already stay.
    pub fn set_stun_servers(&mut self, now: Instant, servers: &[SocketAddr]) {
        self.touch(now);
        self.servers.clear();
        for server in servers {
            if !forbidden(server)
                && !self.servers.contains(server)
                && self.servers.len() < MAX_SERVERS
            {
                self.servers.push(*server);
            }
        }
        let servers = &self.servers;
        self.gathers
            .retain(|gather| servers.contains(&gather.server));
        for index in 0..self.interfaces.len() {
            if let Some(local) = self.interfaces.get(index).copied() {
                self.start_gathers(local);
            }
        }
    }

    fn start_gathers(&mut self, base: SocketAddr) {
        for server in &self.servers {
            let known = |gather: &Gather| gather.base == base && gather.server == *server;
            if server.is_ipv4() != base.is_ipv4() || self.gathers.iter().any(known) {
                continue;
            }
            self.gathers.push(Gather {
                base,
                server: *server,
                id: TransactionId(self.rng.array()),
                attempts: 0,
                next_at: self.now,
                phase: Phase::Open,
            });
            self.reported.gathering_complete = false;
        }
    }

    /// Asks everything anew, for a restart.
    pub(super) fn regather(&mut self) {
        self.gathers.clear();
        for index in 0..self.interfaces.len() {
            if let Some(local) = self.interfaces.get(index).copied() {
                self.start_gathers(local);
            }
        }
        self.reported.gathering_complete = false;
    }

    /// Adds a local candidate; `None` if it is known or there is no room.
    pub(super) fn add_local(
        &mut self,
        kind: CandidateType,
        address: SocketAddr,
        base: SocketAddr,
        priority: u32,
        server: Option<SocketAddr>,
    ) -> Option<CandidateId> {
        if self
            .locals
            .iter()
            .any(|local| local.address == address && local.base == base)
        {
            return None;
        }
        if self.locals.len() >= self.config.limits.ice_local_candidates {
            self.count(DropReason::TooManyLocalCandidates);
            return None;
        }
        let id = CandidateId(self.new_id());
        // One foundation for one type, base address and server (RFC 8445 section 5.1.1.3).
        let server = server.map(|server| ip_bytes(&server));
        let foundation = Foundation::from_number(crc32(&[
            kind.name().as_bytes(),
            &ip_bytes(&base),
            server.as_ref().map_or(&[], |bytes| bytes.as_slice()),
        ]));
        self.locals.push(Local {
            id,
            candidate: Candidate {
                foundation,
                component: 1,
                transport: Transport::Udp,
                priority,
                address: CandidateAddress::Ip(address),
                kind,
                related: (kind != CandidateType::Host).then_some(base),
                base: Some(base),
                ufrag: None,
            },
            address,
            base,
            // A peer-reflexive candidate is never signalled: the peer told us of it.
            announced: kind == CandidateType::PeerReflexive,
        });
        Some(id)
    }

    /// Local preference that the host candidate on `base` was given.
    pub(super) fn preference_of(&self, base: SocketAddr) -> u16 {
        self.locals
            .iter()
            .find(|local| local.address == base && local.base == base)
            .map_or(0, |local| (local.candidate.priority >> 8) as u16)
    }

    /// Takes a STUN server's answer; whether it was one. Such answers carry no integrity: what
    /// protects them is the transaction id.
    pub(super) fn gathered(
        &mut self,
        from: SocketAddr,
        local: SocketAddr,
        message: &Message<'_>,
    ) -> bool {
        let found = self.gathers.iter_mut().find(|gather| {
            gather.id == message.transaction_id() && gather.base == local && gather.server == from
        });
        let Some(gather) = found else {
            return false;
        };
        let Some(mapped) = message.mapped_address() else {
            gather.phase = Phase::Closed;
            self.count(DropReason::MissingMappedAddress);
            return true;
        };
        gather.phase = Phase::Answered;
        gather.attempts = 0;
        gather.next_at = self.now + REFRESH;
        gather.id = TransactionId(self.rng.array());
        if mapped.is_ipv4() == local.is_ipv4() && !forbidden(&mapped) {
            let priority =
                candidate_priority(CandidateType::ServerReflexive, self.preference_of(local));
            // No pairs: those of its base are the same (RFC 8445 section 6.1.2.4).
            self.add_local(
                CandidateType::ServerReflexive,
                mapped,
                local,
                priority,
                Some(from),
            );
        }
        true
    }

    /// Ends questions whose last transmission was not answered.
    pub(super) fn expire_gathers(&mut self) {
        for gather in &mut self.gathers {
            let spent = gather.attempts >= self.config.timers.gather_attempts;
            if gather.phase != Phase::Closed && spent && gather.next_at <= self.now {
                gather.phase = Phase::Closed;
            }
        }
    }
}

/// An address without its port, for a digest.
fn ip_bytes(address: &SocketAddr) -> [u8; 16] {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_ipv6_mapped().octets(),
        SocketAddr::V6(v6) => v6.ip().octets(),
    }
}
