//! An address translator in front of one host (RFC 4787).

use std::collections::BTreeSet;
use std::net::SocketAddr;

/// A translator with endpoint-independent mapping: one inner socket, one public address.
#[derive(Debug)]
pub struct Nat {
    public: SocketAddr,
    /// Address- and port-dependent filtering: only addresses that were sent to may answer.
    filtering: bool,
    contacted: BTreeSet<SocketAddr>,
    /// Datagrams turned away.
    pub refused: u64,
}

impl Nat {
    /// A translator that shows its host as `public`.
    #[must_use]
    pub const fn new(public: SocketAddr, filtering: bool) -> Self {
        Self {
            public,
            filtering,
            contacted: BTreeSet::new(),
            refused: 0,
        }
    }

    /// The address the host is seen at.
    #[must_use]
    pub const fn public(&self) -> SocketAddr {
        self.public
    }

    /// Forgets the mapping: from now on the host is seen at another port.
    pub fn rebind(&mut self) {
        self.public.set_port(self.public.port().wrapping_add(1));
        self.contacted.clear();
    }

    /// A datagram leaves for `to`; the source address it gets.
    pub fn outbound(&mut self, to: SocketAddr) -> SocketAddr {
        self.contacted.insert(to);
        self.public
    }

    /// Whether a datagram from `from` for the public address `to` is let in.
    pub fn admits(&mut self, from: SocketAddr, to: SocketAddr) -> bool {
        let good = to == self.public && (!self.filtering || self.contacted.contains(&from));
        self.refused += u64::from(!good);
        good
    }
}
