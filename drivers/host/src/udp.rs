//! One UDP socket with batched sending (`UDP_SEGMENT`) and receiving (`UDP_GRO`).

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::task::Context;

use quinn_udp::{RecvMeta, Transmit as UdpTransmit, UdpSocketState};
use smolrtc_base::Transmit;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams taken in one system call.
const BATCH: usize = 8;
/// Room for one coalesced receive: 64 KiB is the most UDP_GRO delivers.
const RECEIVE_BYTES: usize = 64 * 1024;
/// Socket buffers: a second of 10 viewers' video at 2 Mbit/s.
const SOCKET_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// A bound UDP socket.
#[derive(Debug)]
pub struct Socket {
    local: SocketAddr,
    io: UdpSocket,
    state: UdpSocketState,
}

/// Buffers for receiving; one serves any number of sockets.
#[derive(Debug)]
pub struct ReceiveBuffers {
    bytes: Vec<Vec<u8>>,
}

impl Default for ReceiveBuffers {
    fn default() -> Self {
        Self {
            bytes: vec![vec![0; RECEIVE_BYTES]; BATCH],
        }
    }
}

impl Socket {
    /// Binds to `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// When the address is not ours or the port is taken.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket =
            socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        // A smaller buffer than asked for costs packets under load, not correctness.
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let state = UdpSocketState::new((&socket).into())?;
        let io = UdpSocket::from_std(socket.into())?;
        Ok(Self {
            local: io.local_addr()?,
            io,
            state,
        })
    }

    /// The address this socket is bound to.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// The most datagrams that one send may carry.
    #[must_use]
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Whether a datagram may lie ready; registers the task otherwise.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> bool {
        self.io.poll_recv_ready(context).is_ready()
    }

    /// Whether the socket may take datagrams; registers the task otherwise.
    pub(crate) fn poll_writable(&self, context: &mut Context<'_>) -> bool {
        self.io.poll_send_ready(context).is_ready()
    }

    /// Hands every datagram that lies ready (one batch at most) to `take`, with its source.
    /// Returns how many there were; 0 when there was nothing to read.
    ///
    /// # Errors
    /// When the socket is gone; a peer's ICMP errors are not.
    pub fn receive(
        &self,
        buffers: &mut ReceiveBuffers,
        take: &mut dyn FnMut(SocketAddr, &mut [u8]),
    ) -> io::Result<usize> {
        let mut metas = [RecvMeta::default(); BATCH];
        let received = {
            let mut slices: Vec<IoSliceMut<'_>> = buffers
                .bytes
                .iter_mut()
                .map(|buf| IoSliceMut::new(buf))
                .collect();
            let attempt = self.io.try_io(Interest::READABLE, || {
                self.state.recv((&self.io).into(), &mut slices, &mut metas)
            });
            match attempt {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                // An ICMP "port unreachable" for something we sent earlier.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(0),
                Err(error) => return Err(error),
            }
        };
        let mut datagrams = 0;
        for (meta, buf) in metas.iter().take(received).zip(&mut buffers.bytes) {
            let Some(bytes) = buf.get_mut(..meta.len) else {
                continue;
            };
            for datagram in bytes.chunks_mut(meta.stride.max(1)) {
                take(meta.addr, datagram);
                datagrams += 1;
            }
        }
        Ok(datagrams)
    }

    /// Sends what an engine laid into `buf`. `Ok(false)` when the socket's buffer is full and the
    /// same should be tried again once it is writable.
    ///
    /// # Errors
    /// When the socket is gone; unreachable destinations are not errors, ICE notices them.
    pub fn send(&self, transmit: &Transmit, buf: &[u8]) -> io::Result<bool> {
        let Some(contents) = buf.get(..transmit.len) else {
            return Ok(false);
        };
        let datagram = UdpTransmit {
            destination: transmit.to,
            ecn: None,
            contents,
            segment_size: transmit.segment_size,
            src_ip: None,
        };
        let attempt = self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send((&self.io).into(), &datagram)
        });
        match attempt {
            Ok(()) => Ok(true),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(false),
                ErrorKind::NotConnected | ErrorKind::BrokenPipe => Err(error),
                // Unreachable, refused by a firewall, too big for the path: the network's loss.
                _ => Ok(true),
            },
        }
    }
}
