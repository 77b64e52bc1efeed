//! The machine's own addresses: what ICE calls host candidates.

use std::net::IpAddr;

/// Which addresses may become candidates.
#[derive(Clone, Debug, Default)]
pub struct InterfaceFilter {
    /// Interface names that are left out, for example `docker0`.
    pub exclude: Vec<String>,
    /// Only these interface names, when not empty.
    pub only: Vec<String>,
    /// Leave out IPv4.
    pub no_ipv4: bool,
    /// Leave out IPv6.
    pub no_ipv6: bool,
}

/// The addresses of all interfaces that are up and pass `filter`.
///
/// Loopback is left out as RFC 8445 section 5.1.1.1 asks, unless there is nothing else: then a
/// viewer can only be on this machine. Link-local IPv6 is left out too, since a candidate carries no
/// zone.
///
/// # Errors
/// When the system will not list its interfaces.
pub fn addresses(filter: &InterfaceFilter) -> std::io::Result<Vec<IpAddr>> {
    let mut loopback = Vec::new();
    let mut found = Vec::new();
    for interface in if_addrs::get_if_addrs()? {
        let named = |names: &[String]| names.contains(&interface.name);
        if named(&filter.exclude) || !filter.only.is_empty() && !named(&filter.only) {
            continue;
        }
        let address = interface.ip();
        let unwanted = match address {
            IpAddr::V4(v4) => filter.no_ipv4 || v4.is_link_local(),
            IpAddr::V6(v6) => filter.no_ipv6 || v6.is_unicast_link_local(),
        };
        if unwanted || address.is_unspecified() {
            continue;
        }
        if address.is_loopback() {
            loopback.push(address)
        } else {
            found.push(address)
        }
    }
    found.dedup();
    Ok(if found.is_empty() { loopback } else { found })
}
