//! What passed on the wires.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};
use smolrtc::base::Instant;

/// A fingerprint of every datagram that left a host: when, from where, to where, and its bytes.
#[derive(Default)]
pub struct Trace {
    hasher: Sha256,
    /// Datagrams.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Every datagram, when there is something to keep them in: for people who look for a cause.
    pub kept: Option<Vec<Kept>>,
}

/// A datagram as it left its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When.
    pub at: Instant,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// Its payload.
    pub bytes: Vec<u8>,
}

impl Trace {
    /// A datagram leaves.
    pub fn add(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        self.hasher.update(now.as_micros().to_be_bytes());
        self.hasher.update(format!("{from}>{to}"));
        self.hasher.update(datagram);
        self.datagrams += 1;
        self.bytes += datagram.len() as u64;
        if let Some(kept) = &mut self.kept {
            kept.push(Kept {
                at: now,
                from,
                to,
                bytes: datagram.to_vec(),
            });
        }
    }

    /// The fingerprint so far.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Trace({} datagrams, {} bytes)",
            self.datagrams, self.bytes
        )
    }
}

/// A media packet that left for a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// When.
    pub at: Instant,
    /// Its synchronization source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
}

/// The media on the way to one viewer, told by the clear headers of SRTP.
#[derive(Debug, Default)]
pub struct Wire {
    /// Payload types of retransmissions, from the descriptions.
    rtx: BTreeSet<u8>,
    /// When the first SRTP packet left the camera.
    pub first_srtp: Option<Instant>,
    /// Media packets sent for the first time.
    pub media_packets: u64,
    /// Their bytes, SRTP included, UDP not.
    pub media_bytes: u64,
    /// Retransmissions.
    pub rtx_packets: u64,
    /// Their bytes.
    pub rtx_bytes: u64,
    /// Bytes of media packets and retransmissions that the network lost.
    pub lost_bytes: u64,
    /// Every media packet, when [`recording`](Self::recording).
    pub departures: Vec<Departure>,
    /// Whether departures are kept.
    pub recording: bool,
}

impl Wire {
    /// Learns the payload types of retransmissions from a session description.
    pub fn learn(&mut self, sdp: &str) {
        let formats = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '));
        let rtx = formats.filter(|(_, name)| name.to_ascii_lowercase().starts_with("rtx/"));
        self.rtx
            .extend(rtx.filter_map(|(number, _)| number.parse::<u8>().ok()));
    }

    /// A datagram leaves the camera.
    pub fn left(&mut self, now: Instant, datagram: &[u8]) {
        let Some((payload_type, sequence, ssrc)) = rtp_header(datagram) else {
            return;
        };
        self.first_srtp.get_or_insert(now);
        let len = datagram.len() as u64;
        if self.rtx.contains(&payload_type) {
            self.rtx_packets += 1;
            self.rtx_bytes += len;
        } else {
            self.media_packets += 1;
            self.media_bytes += len;
            if self.recording {
                self.departures.push(Departure {
                    at: now,
                    ssrc,
                    sequence,
                });
            }
        }
    }

    /// The network lost a datagram on its way to the viewer.
    pub fn lost(&mut self, datagram: &[u8]) {
        if rtp_header(datagram).is_some() {
            self.lost_bytes += datagram.len() as u64;
        }
    }
}

/// Payload type, sequence number and SSRC, if the datagram is SRTP (RFC 7983, RFC 5761 section 4).
fn rtp_header(datagram: &[u8]) -> Option<(u8, u16, u32)> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let media = (128..192).contains(&header[0]) && !(192..224).contains(&header[1]);
    let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    media.then(|| {
        (
            header[1] & 0x7f,
            u16::from_be_bytes([header[2], header[3]]),
            ssrc,
        )
    })
}
