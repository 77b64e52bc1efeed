//! Priorities of candidates and pairs.
#![deny(clippy::arithmetic_side_effects)]

use core::net::{IpAddr, SocketAddr};

use crate::CandidateType;

/// Type preference (RFC 8445 section 5.1.2.2's recommendations).
const fn type_preference(kind: CandidateType) -> u32 {
    match kind {
        CandidateType::Host => 126,
        CandidateType::PeerReflexive => 110,
        CandidateType::ServerReflexive => 100,
        CandidateType::Relayed => 0,
    }
}

/// Candidate priority (RFC 8445 section 5.1.2.1), for component 1.
pub(crate) const fn candidate_priority(kind: CandidateType, local_preference: u16) -> u32 {
    (type_preference(kind) << 24) | ((local_preference as u32) << 8) | 255
}

/// Pair priority (RFC 8445 section 6.1.2.3).
pub(crate) fn pair_priority(controlling: bool, local: u32, remote: u32) -> u64 {
    let (g, d) = if controlling {
        (local, remote)
    } else {
        (remote, local)
    };
    let (g, d) = (u64::from(g), u64::from(d));
    (g.min(d) << 32) | (g.max(d) << 1) | u64::from(g > d)
}

/// How far an address reaches, from best to worst. The order is that of RFC 6724's precedences as
/// far as they matter for a host's own addresses, except that IPv4 stands beside global IPv6:
/// those two are interleaved (RFC 8421 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Global,
    /// Unique local, 6to4 and Teredo addresses.
    Limited,
    LinkLocal,
    Loopback,
}

pub(crate) fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() => Reach::Loopback,
        IpAddr::V4(ip) if ip.is_link_local() => Reach::LinkLocal,
        IpAddr::V4(_) => Reach::Global,
        IpAddr::V6(ip) => match ip.segments() {
            _ if ip.is_loopback() => Reach::Loopback,
            [0xfe80..=0xfebf, ..] => Reach::LinkLocal,
            [0xfc00..=0xfdff, ..] | [0x2002, ..] | [0x2001, 0, ..] => Reach::Limited,
            _ => Reach::Global,
        },
    }
}

/// Local preference of the `nth` interface of its family and reach. Within a reach, IPv6 and IPv4
/// alternate, IPv6 first.
pub(crate) fn local_preference(ip: IpAddr, nth: u16) -> u16 {
    let step = nth
        .min(127)
        .wrapping_mul(2)
        .wrapping_add(u16::from(ip.is_ipv4()));
    let class = 255_u16.wrapping_sub(reach(ip) as u16);
    (class << 8) | 255_u16.wrapping_sub(step)
}

/// Whether a datagram from `local` may go to `remote` at all: the families agree, an IPv6
/// link-local address stays on its link (RFC 8445 section 6.1.2.2), and the peer cannot make us
/// knock at services of our own host: a loopback address is sent to from loopback only.
pub(crate) fn compatible(local: &SocketAddr, remote: &SocketAddr) -> bool {
    let (local, remote) = (local.ip(), remote.ip());
    let (from, to) = (reach(local), reach(remote));
    let link_local = |reach: Reach| reach == Reach::LinkLocal && local.is_ipv6();
    local.is_ipv4() == remote.is_ipv4()
        && link_local(from) == link_local(to)
        && (to != Reach::Loopback || from == Reach::Loopback)
}

/// Whether `address` may never be sent a check: it would reach nobody, or many.
pub(crate) fn forbidden(address: &SocketAddr) -> bool {
    address.port() == 0
        || address.ip().is_unspecified()
        || address.ip().is_multicast()
        || match address.ip() {
            IpAddr::V4(ip) => ip.is_broadcast() || ip.octets().first() == Some(&0),
            // An IPv4 address in disguise would evade the rules for IPv4.
            IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
        }
}

#[cfg(test)]
mod tests;
