//! Candidates and the line that carries them (RFC 8839 section 5.1).
#![deny(clippy::arithmetic_side_effects)]

use alloc::boxed::Box;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::Foundation;

/// How a candidate's address was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateType {
    /// An interface's own address.
    Host,
    /// What a peer saw in a connectivity check.
    PeerReflexive,
    /// What a STUN server saw.
    ServerReflexive,
    /// An address on a TURN server.
    Relayed,
}

impl CandidateType {
    /// The name in a candidate line, and in the W3C statistics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::PeerReflexive => "prflx",
            Self::ServerReflexive => "srflx",
            Self::Relayed => "relay",
        }
    }
}

/// Role of a TCP candidate (RFC 6544 section 4.5). Recognised only to be refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpType {
    /// Opens connections.
    Active,
    /// Accepts connections.
    Passive,
    /// Simultaneous open.
    SimultaneousOpen,
}

/// Transport of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// The one that agents use.
    Udp,
    /// RFC 6544.
    Tcp(TcpType),
    /// Something else; carried no further.
    Other,
}

/// Where a candidate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateAddress {
    /// A transport address.
    Ip(SocketAddr),
    /// A name that ends in `.local`, to be resolved by multicast DNS, and a port.
    Mdns(Box<str>, u16),
}

impl CandidateAddress {
    /// The transport address, if it is known.
    #[must_use]
    pub const fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Mdns(..) => None,
        }
    }
}

/// A transport address that a peer may be reached at.
///
/// [`Candidate::parse`] reads and `Display` writes the value of a `candidate` attribute, with its
/// `candidate:` prefix: the string that trickle messages carry, and, after `a=`, the SDP line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Groups candidates that are alike.
    pub foundation: Foundation,
    /// 1 for RTP, and for everything under BUNDLE and rtcp-mux; 2 for a separate RTCP.
    pub component: u16,
    /// How it is reached.
    pub transport: Transport,
    /// Preference, higher is better (RFC 8445 section 5.1.2).
    pub priority: u32,
    /// Where it is.
    pub address: CandidateAddress,
    /// How it was learnt.
    pub kind: CandidateType,
    /// `raddr` and `rport`: the base of a reflexive candidate, the mapped address of a relayed one.
    pub related: Option<SocketAddr>,
    /// Local candidates: the socket that datagrams leave from. The peer's have none.
    pub base: Option<SocketAddr>,
    /// The `ufrag` extension: which generation of credentials it belongs to.
    pub ufrag: Option<Box<str>>,
}

/// Why a candidate line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseCandidateError {
    /// The line ends before its seventh field.
    MissingField,
    /// Not 1 to 32 ice-chars.
    Foundation,
    /// Not a number from 1 to 256.
    Component,
    /// Not a number below 2³².
    Priority,
    /// Neither an IP address nor a name under `.local`.
    Address,
    /// Not a number below 65,536.
    Port,
    /// `typ` is missing, or its value is none of host, srflx, prflx, relay.
    Type,
}

impl fmt::Display for ParseCandidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingField => "candidate line ends early",
            Self::Foundation => "candidate foundation is not 1 to 32 ice-chars",
            Self::Component => "candidate component is not a number from 1 to 256",
            Self::Priority => "candidate priority is not a 32-bit number",
            Self::Address => "candidate address is neither an IP address nor a .local name",
            Self::Port => "candidate port is not a 16-bit number",
            Self::Type => "candidate type is none of host, srflx, prflx, relay",
        })
    }
}

impl core::error::Error for ParseCandidateError {}

/// Longest name looked up: a UUID and `.local` have 42 bytes; DNS allows 253.
const MAX_NAME_LEN: usize = 253;

impl Candidate {
    /// Reads `line`, which may begin with `a=` and with `candidate:` and end in white space.
    /// Unknown extensions are skipped.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn parse(line: &str) -> Result<Self, ParseCandidateError> {
        use ParseCandidateError as E;
        let line = line.trim_ascii();
        let line = line.strip_prefix("a=").unwrap_or(line);
        let line = match line.get(..10) {
            Some(prefix) if prefix.eq_ignore_ascii_case("candidate:") => {
                line.get(10..).unwrap_or("")
            }
            _ => line,
        };
        let mut fields = line.split_ascii_whitespace();
        let mut next = || fields.next().ok_or(E::MissingField);

        let foundation = Foundation::new(next()?).ok_or(E::Foundation)?;
        let component = next()?.parse().map_err(|_| E::Component)?;
        if !(1..=256).contains(&component) {
            return Err(E::Component);
        }
        let transport = next()?;
        let priority = next()?.parse().map_err(|_| E::Priority)?;
        let host = next()?;
        let port = next()?.parse().map_err(|_| E::Port)?;
        let address = parse_address(host, port)?;
        if !next()?.eq_ignore_ascii_case("typ") {
            return Err(E::Type);
        }
        let kind = next()?;
        let kind = [
            CandidateType::Host,
            CandidateType::ServerReflexive,
            CandidateType::PeerReflexive,
            CandidateType::Relayed,
        ]
        .into_iter()
        .find(|known| kind.eq_ignore_ascii_case(known.name()))
        .ok_or(E::Type)?;

        let (mut raddr, mut rport, mut tcp_type, mut ufrag) = (None, None, None, None);
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            match name {
                // Some peers write a name or 0.0.0.0 here; it is for diagnosis only.
                "raddr" => raddr = value.parse::<IpAddr>().ok(),
                "rport" => rport = value.parse::<u16>().ok(),
                "tcptype" => tcp_type = Some(value),
                "ufrag" => ufrag = is_ufrag(value).then(|| Box::from(value)),
                _ => {}
            }
        }
        let transport = if transport.eq_ignore_ascii_case("udp") {
            Transport::Udp
        } else if transport.eq_ignore_ascii_case("tcp") {
            Transport::Tcp(match tcp_type {
                Some("passive") => TcpType::Passive,
                Some("so") => TcpType::SimultaneousOpen,
                _ => TcpType::Active,
            })
        } else {
            Transport::Other
        };
        Ok(Self {
            foundation,
            component,
            transport,
            priority,
            address,
            kind,
            related: raddr.zip(rport).map(|(ip, port)| SocketAddr::new(ip, port)),
            base: None,
            ufrag,
        })
    }
}

fn is_ufrag(value: &str) -> bool {
    value.len() <= 256 && value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn parse_address(host: &str, port: u16) -> Result<CandidateAddress, ParseCandidateError> {
    // A zone identifier means nothing to the other host.
    let bare = host.split('%').next().unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(CandidateAddress::Ip(SocketAddr::new(ip, port)));
    }
    let stem = host
        .len()
        .checked_sub(".local".len())
        .and_then(|at| host.split_at_checked(at));
    match stem {
        Some((stem, suffix))
            if suffix.eq_ignore_ascii_case(".local")
                && !stem.is_empty()
                && host.len() <= MAX_NAME_LEN
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') =>
        {
            Ok(CandidateAddress::Mdns(Box::from(host), port))
        }
        _ => Err(ParseCandidateError::Address),
    }
}

impl core::str::FromStr for Candidate {
    type Err = ParseCandidateError;
    fn from_str(line: &str) -> Result<Self, ParseCandidateError> {
        Self::parse(line)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp(_) => "tcp",
            Transport::Other => "other",
        };
        write!(
            f,
            "candidate:{} {} {transport} {} ",
            self.foundation, self.component, self.priority
        )?;
        match &self.address {
            CandidateAddress::Ip(address) => write!(f, "{} {}", address.ip(), address.port())?,
            CandidateAddress::Mdns(name, port) => write!(f, "{name} {port}")?,
        }
        write!(f, " typ {}", self.kind.name())?;
        match (self.related, self.kind) {
            (Some(related), _) => {
                write!(f, " raddr {} rport {}", related.ip(), related.port())?;
            }
            (None, CandidateType::Host) => {}
            // Required for every other type (RFC 8839 section 5.1); this value hides the base.
            (None, _) => write!(f, " raddr {} rport 0", Ipv4Addr::UNSPECIFIED)?,
        }
        if let Transport::Tcp(tcp_type) = self.transport {
            f.write_str(match tcp_type {
                TcpType::Active => " tcptype active",
                TcpType::Passive => " tcptype passive",
                TcpType::SimultaneousOpen => " tcptype so",
            })?;
        }
        match &self.ufrag {
            Some(ufrag) => write!(f, " ufrag {ufrag}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
