//! What an engine asks its driver to send.

use core::net::SocketAddr;

/// Datagrams that lie ready in the buffer given to `poll_transmit`.
///
/// `len` bytes were written. With a `segment_size` they are several datagrams to one destination,
/// each of that size but for the last, which may be shorter: the shape of Linux's `UDP_SEGMENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Destination.
    pub to: SocketAddr,
    /// Local address of the socket to send from: the base address of the local candidate.
    pub from: SocketAddr,
    /// Bytes written in all.
    pub len: usize,
    /// Size of each datagram when there is more than one.
    pub segment_size: Option<usize>,
}
