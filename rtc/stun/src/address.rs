//! MAPPED-ADDRESS and its XOR form (RFC 8489 sections 14.1 and 14.2).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smolrtc_base::{BufferTooSmall, Reader, Writer};

use crate::{MAGIC_COOKIE, TransactionId};

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The mask over an address: the cookie, then the transaction id; all zero for the plain form.
fn mask(id: Option<&TransactionId>) -> u128 {
    let Some(TransactionId(id)) = id else {
        return 0;
    };
    let tail = id
        .iter()
        .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    u128::from(MAGIC_COOKIE) << 96 | tail
}

/// Reads an address; XORed when `id` is given. Bytes after it make it invalid.
pub(crate) fn parse(value: &[u8], id: Option<&TransactionId>) -> Option<SocketAddr> {
    let mask = mask(id);
    let mut reader = Reader::new(value);
    reader.skip(1).ok()?;
    let family = reader.u8().ok()?;
    let port = reader.u16().ok()? ^ (mask >> 112) as u16;
    let ip: IpAddr = match family {
        IPV4 => Ipv4Addr::from(reader.u32().ok()? ^ (mask >> 96) as u32).into(),
        IPV6 => Ipv6Addr::from(u128::from_be_bytes(reader.array().ok()?) ^ mask).into(),
        _ => return None,
    };
    reader.is_empty().then(|| SocketAddr::new(ip, port))
}

/// Length of an address attribute's value.
pub(crate) const fn len(address: &SocketAddr) -> usize {
    match address {
        SocketAddr::V4(_) => 8,
        SocketAddr::V6(_) => 20,
    }
}

/// Writes an address; XORed when `id` is given.
pub(crate) fn emit(
    writer: &mut Writer<'_>,
    address: &SocketAddr,
    id: Option<&TransactionId>,
) -> Result<(), BufferTooSmall> {
    let mask = mask(id);
    writer.u8(0)?;
    writer.u8(if address.is_ipv4() { IPV4 } else { IPV6 })?;
    writer.u16(address.port() ^ (mask >> 112) as u16)?;
    match address.ip() {
        IpAddr::V4(ip) => writer.u32(u32::from(ip) ^ (mask >> 96) as u32),
        IpAddr::V6(ip) => writer.put(&(u128::from(ip) ^ mask).to_be_bytes()),
    }
}
