//! The UDP sockets of one program: one an interface, shared by all its sessions.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;

use smolrtc_base::Transmit;

use crate::interfaces::{self, InterfaceFilter};
use crate::udp::{ReceiveBuffers, Socket};

/// Most datagrams written by an engine in one go: ten fill a video frame of 12 KB.
const MAX_SEGMENTS: usize = 16;

/// The sockets, and what waits for them.
#[derive(Debug)]
pub struct Net {
    sockets: Vec<Socket>,
    filter: InterfaceFilter,
    buffers: ReceiveBuffers,
    /// What an engine writes into.
    pub buf: Vec<u8>,
    /// Batches that a full socket did not take; bounded, since nothing is polled meanwhile.
    pending: VecDeque<(Transmit, Vec<u8>)>,
    /// Datagrams lost because no socket has their source address any more.
    pub unroutable: u64,
}

/// What changed among the machine's addresses.
#[derive(Debug, Default)]
pub struct Changes {
    /// Sockets bound.
    pub added: Vec<SocketAddr>,
    /// Sockets closed.
    pub removed: Vec<SocketAddr>,
}

impl Net {
    /// No socket yet; [`refresh`](Self::refresh) binds them.
    #[must_use]
    pub fn new(filter: InterfaceFilter) -> Self {
        Self {
            sockets: Vec::new(),
            filter,
            buffers: ReceiveBuffers::default(),
            buf: vec![0; MAX_SEGMENTS * smolrtc::MTU],
            pending: VecDeque::new(),
            unroutable: 0,
        }
    }

    /// Binds a socket to each address that came and closes those of addresses that went.
    ///
    /// # Errors
    /// When the interfaces cannot be listed, or no socket at all can be bound.
    pub fn refresh(&mut self) -> io::Result<Changes> {
        let now: Vec<IpAddr> = interfaces::addresses(&self.filter)?;
        let mut changes = Changes::default();
        self.sockets.retain(|socket| {
            let kept = now.contains(&socket.local().ip());
            if !kept {
                changes.removed.push(socket.local());
            }
            kept
        });
        let mut failure = None;
        for address in now {
            if self
                .sockets
                .iter()
                .any(|socket| socket.local().ip() == address)
            {
                continue;
            }
            match Socket::bind(SocketAddr::new(address, 0)) {
                Ok(socket) => {
                    changes.added.push(socket.local());
                    self.sockets.push(socket);
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if self.sockets.is_empty() => Err(error),
            _ => Ok(changes),
        }
    }

    /// Datagrams that an engine may write at once.
    #[must_use]
    pub fn max_segments(&self) -> usize {
        self.sockets
            .iter()
            .map(Socket::max_segments)
            .min()
            .unwrap_or(1)
            .min(MAX_SEGMENTS)
    }

    /// Whether the last send still waits for its socket. Nothing should be polled from an engine
    /// until it has left.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Waits until a socket has something to read, or takes what waits.
    pub async fn ready(&self) {
        poll_fn(|context| {
            let mut ready = false;
            for socket in &self.sockets {
                ready |= socket.poll_readable(context);
            }
            if let Some((transmit, _)) = self.pending.front()
                && let Some(socket) = self.socket(transmit.from)
            {
                ready |= socket.poll_writable(context);
            }
            if ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Hands what lies ready on every socket to `take`, one batch a socket, with source and local
    /// address. Returns how many datagrams there were.
    pub fn receive(&mut self, take: &mut dyn FnMut(SocketAddr, SocketAddr, &mut [u8])) -> usize {
        let mut datagrams = 0;
        for socket in &self.sockets {
            let local = socket.local();
            let got = socket.receive(&mut self.buffers, &mut |from, bytes| {
                take(from, local, bytes)
            });
            // A dead socket's address goes with the next refresh.
            datagrams += got.unwrap_or(0);
        }
        datagrams
    }

    /// Sends what an engine wrote to [`buf`](Self::buf).
    pub fn send(&mut self, transmit: Transmit) {
        let Some(socket) = self.socket(transmit.from) else {
            self.unroutable += 1;
            return;
        };
        if let Ok(false) = socket.send(&transmit, &self.buf) {
            let bytes = self.buf.get(..transmit.len).unwrap_or_default().to_vec();
            self.pending.push_back((transmit, bytes));
        }
    }

    /// Tries once more what a full socket did not take.
    pub fn flush(&mut self) {
        while let Some((transmit, bytes)) = self.pending.front() {
            match self
                .socket(transmit.from)
                .map(|socket| socket.send(transmit, bytes))
            {
                Some(Ok(false)) => return,
                _ => self.pending.pop_front(),
            };
        }
    }

    fn socket(&self, local: SocketAddr) -> Option<&Socket> {
        self.sockets.iter().find(|socket| socket.local() == local)
    }
}
