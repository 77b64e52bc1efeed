//! One track on its way to one viewer: a cursor into the ring, and the runs behind it.

use super::config::{Due, Reason, RtxConfig, StreamConfig, StreamId};
use super::runs::Runs;
use super::stats::StreamStats;
use crate::formats::{self, PacketPlan};
use crate::history::{Ring, Slot};
use crate::packet::{ExtensionIds, Extensions, RtpHeader, abs_send_time};
use crate::{Codec, Kind, Mid, PayloadType, Ssrc};
use smolrtc_base::{Duration, Instant, Rng};

/// How often a stream that waits asks for a key frame.
const ASK_INTERVAL: Duration = Duration::from_millis(500);
/// A viewer that is thinned waits this long for the encoder's next regular key frame before it asks
/// for one: an extra key frame is paid for by every viewer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes for header extensions in the budget of [`MAX_PAYLOAD`](crate::history::MAX_PAYLOAD).
const EXTENSION_ROOM: usize = 16;

/// Queue, on our side and in the network, as time to drain it at the target rate, from which on
/// frames that nobody needs are left out, and from which on everything is up to the next key frame.
/// A key frame alone may take more than half a second of a link that carries the whole.
const THIN_DISCARDABLE: Duration = Duration::from_millis(400);
const THIN_ALL: Duration = Duration::from_millis(1_000);

/// A cursor that is further behind the newest frame than this takes the next key frame it can get.
const TOO_LATE: Duration = Duration::from_millis(1_500);

#[derive(Clone, Copy, Debug)]
enum Cursor {
    /// Nothing goes until the stream is resumed; then no frame before `from` will do.
    Paused { from: u64 },
    /// No frame before `from` will do, and only a key frame; ask for one at `ask_at`.
    Waiting { from: u64, ask_at: Instant },
    /// Next goes `packet` of `frame`; `begun` once a packet of that frame left.
    At {
        frame: u64,
        packet: u64,
        begun: bool,
    },
}

#[derive(Debug)]
pub(super) struct Rtx {
    pub(super) ssrc: Ssrc,
    payload_type: PayloadType,
    next_index: u64,
}

/// A receiver cannot miss what came before the first packet it got, so it never asks for that; but
/// the first key frame is useless without it. Transport-wide feedback shows the loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) transport_sequence: u16,
    pub(super) index: u64,
    /// Packets still looked at.
    pub(super) left: u8,
}

/// So many packets lost at the very beginning are resent unasked.
const OPENING: u8 = 4;

/// What the viewer's link can take, for the decision to leave frames out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Whether the link has shown its limit.
    pub(super) congested: bool,
    /// What it carries, bit/s.
    pub(super) target: u32,
    /// How far what has left is ahead of that.
    pub(super) debt: Duration,
}

/// What [`Stream::settle`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// The first packet of a frame.
    Begin,
    /// A further packet of the frame under way.
    Continue,
}

/// A packet as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) len: usize,
    pub(super) header_len: usize,
    pub(super) ssrc: Ssrc,
    pub(super) index: u64,
    pub(super) plain_resend: bool,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) track: usize,
    pub(super) codec: Codec,
    pub(super) ssrc: Ssrc,
    payload_type: PayloadType,
    ids: ExtensionIds,
    mid: Option<Mid>,
    pub(super) rtx: Option<Rtx>,
    nack: bool,
    /// Whether a packet may go out again under its first index.
    plain_resend: bool,
    timestamp_offset: u32,
    cursor: Cursor,
    /// The next key frame ends a pause: what lies before it was not left out for want of room.
    resuming: bool,
    pub(super) runs: Runs,
    /// The newest key frame sent or begun, and when its first packet left.
    key_frame: Option<(u64, Instant)>,
    /// The viewer asked for a key frame.
    picture_lost: bool,
    /// The first packets, until one is known to have arrived.
    pub(super) opening: Option<Opening>,
    pub(super) key_needed: bool,
    pub(super) fir_sequence: Option<u8>,
    /// Timestamp and capture of the newest frame begun: what a sender report ties together.
    clock: Option<(u32, Instant)>,
    pub(super) packets: u32,
    pub(super) octets: u32,
    pub(super) stats: StreamStats,
}

impl Stream {
    pub(super) fn new(
        now: Instant,
        id: StreamId,
        config: StreamConfig,
        ssrc: Ssrc,
        rtx: Option<(RtxConfig, Ssrc)>,
        runs: usize,
        rng: &mut Rng,
    ) -> Self {
        // Below 2^15, so that a lost first packet does not look like a rollover (RFC 3711
        // section 3.3.1 leaves the initial estimate to the receiver).
        let mut initial = || u64::from(rng.u32() & 0x7fff);
        let (first, first_rtx) = (initial(), initial());
        let (ids, mid) = fit_extensions(config.extensions, config.mid);
        let stamped = ids.abs_send_time.is_some() || ids.transport_sequence.is_some();
        Self {
            id,
            track: config.track,
            codec: config.codec,
            ssrc,
            payload_type: config.payload_type,
            ids,
            mid,
            rtx: rtx.map(|(config, ssrc)| Rtx {
                ssrc,
                payload_type: config.payload_type,
                next_index: first_rtx,
            }),
            nack: config.nack,
            plain_resend: !config.aead && !stamped,
            timestamp_offset: rng.u32(),
            cursor: Cursor::Waiting {
                from: 0,
                ask_at: now,
            },
            resuming: false,
            runs: Runs::new(runs, first),
            key_frame: None,
            picture_lost: false,
            opening: None,
            key_needed: false,
            fir_sequence: None,
            clock: None,
            packets: 0,
            octets: 0,
            stats: StreamStats::default(),
        }
    }

    pub(super) const fn is_audio(&self) -> bool {
        matches!(self.codec.kind(), Kind::Audio)
    }

    /// Whether packets carry transport-wide sequence numbers.
    pub(super) const fn counts_transport(&self) -> bool {
        self.ids.transport_sequence.is_some()
    }

    /// Whether a lost packet can be sent again at all.
    pub(super) const fn can_resend(&self) -> bool {
        self.nack && (self.rtx.is_some() || self.plain_resend)
    }

    /// The viewer lost the picture. A key frame that left less than a round trip ago answers that.
    pub(super) fn picture_lost(&mut self, now: Instant, rtt: Duration) {
        let under_way = self
            .key_frame
            .is_some_and(|(_, begun)| now.since(begun) < rtt);
        if !under_way && !self.is_audio() && !self.is_paused() {
            self.picture_lost = true;
        }
    }

    /// Stops after the packet that left last. Sequence numbers go on where they were: under the same
    /// SRTP key an index must never come twice.
    pub(super) const fn pause(&mut self) {
        let from = match self.cursor {
            Cursor::Paused { from } | Cursor::Waiting { from, .. } => from,
            Cursor::At { frame, begun, .. } => frame.saturating_add(begun as u64),
        };
        self.cursor = Cursor::Paused { from };
        (self.picture_lost, self.key_needed, self.opening) = (false, false, None);
    }

    /// Goes on with the newest key frame that was not sent yet, or the next one.
    pub(super) const fn resume(&mut self, now: Instant) {
        if let Cursor::Paused { from } = self.cursor {
            self.cursor = Cursor::Waiting { from, ask_at: now };
            self.resuming = true;
        }
    }

    const fn is_paused(&self) -> bool {
        matches!(self.cursor, Cursor::Paused { .. })
    }

    /// Brings the cursor to the packet that goes next. Bounded by the frames of the ring; O(1)
    /// when there is nothing to send or a frame is under way.
    pub(super) fn settle(&mut self, now: Instant, ring: &Ring, load: Load) -> Next {
        if self.picture_lost {
            self.picture_lost = false;
            let sent = self.key_frame.map(|(frame, _)| frame);
            // A key frame that is still to come out of the ring will do.
            self.key_needed |= ring.newest_key_frame().is_none_or(|key| Some(key) <= sent);
        }
        loop {
            match self.cursor {
                Cursor::Paused { .. } => return Next::Nothing,
                Cursor::Waiting { from, ask_at } => {
                    let key = ring.newest_key_frame().filter(|key| *key >= from);
                    let Some((frame, slot)) = key.and_then(|key| Some((key, ring.slot(key)?)))
                    else {
                        if now >= ask_at && !self.is_audio() {
                            self.key_needed = true;
                            self.cursor = Cursor::Waiting {
                                from,
                                ask_at: now + ASK_INTERVAL,
                            };
                        }
                        return Next::Nothing;
                    };
                    if !core::mem::take(&mut self.resuming) && self.clock.is_some() {
                        let skipped = frame.saturating_sub(from) as u32;
                        self.stats.frames_thinned = self.stats.frames_thinned.wrapping_add(skipped);
                    }
                    self.cursor = Cursor::At {
                        frame,
                        packet: slot.first_packet,
                        begun: false,
                    };
                    return Next::Begin;
                }
                Cursor::At { packet, .. } if packet >= ring.next_packet() => return Next::Nothing,
                Cursor::At {
                    frame,
                    packet,
                    begun,
                } if packet < ring.first_packet() => {
                    self.stats.overtaken = self.stats.overtaken.wrapping_add(1);
                    self.cursor = Cursor::Waiting {
                        from: frame.saturating_add(u64::from(begun)),
                        ask_at: now,
                    };
                }
                Cursor::At { begun: true, .. } => return Next::Continue,
                Cursor::At { frame, .. } => {
                    let Some(slot) = ring.slot(frame) else {
                        return Next::Nothing;
                    };
                    match self.thin(now, ring, frame, slot, load) {
                        Some(cursor) => self.cursor = cursor,
                        None => return Next::Begin,
                    }
                }
            }
        }
    }

    /// Where to go instead when the frame at the cursor is to be left out.
    fn thin(
        &mut self,
        now: Instant,
        ring: &Ring,
        frame: u64,
        slot: &Slot,
        load: Load,
    ) -> Option<Cursor> {
        if self.is_audio() {
            return None;
        }
        let newer = ring.newest_key_frame().is_some_and(|key| key > frame);
        if newer && ring.lateness(slot) > TOO_LATE {
            return Some(Cursor::Waiting {
                from: frame.saturating_add(u64::from(slot.key)),
                ask_at: now,
            });
        }
        if !load.congested {
            return None;
        }
        let bits = u64::from(ring.bytes_from(frame)) * 8;
        let backlog = Duration::from_millis(bits * 1_000 / u64::from(load.target.max(1)));
        let drain = backlog + load.debt;
        if drain >= THIN_ALL && (newer || !slot.key) {
            // What is skipped is counted when the key frame is found.
            return Some(Cursor::Waiting {
                from: frame.saturating_add(u64::from(slot.key)),
                ask_at: now + PATIENCE,
            });
        }
        if drain >= THIN_DISCARDABLE && slot.discardable {
            self.stats.frames_thinned = self.stats.frames_thinned.wrapping_add(1);
            return Some(Cursor::At {
                frame: frame.saturating_add(1),
                packet: slot.end(),
                begun: false,
            });
        }
        None
    }

    /// Bytes that lie between the cursor and the newest frame, and those of the frame at the
    /// cursor.
    pub(super) fn backlog(&self, ring: &Ring) -> (u32, u32) {
        match self.cursor {
            Cursor::At { frame, packet, .. } if packet < ring.next_packet() => {
                let len = ring.slot(frame).map_or(0, |slot| slot.len);
                (ring.bytes_from(frame), len)
            }
            _ => (0, 0),
        }
    }

    /// When there is something to do, given that media may leave at `free`.
    pub(super) fn due(&self, ring: &Ring, free: Instant) -> Due {
        match self.cursor {
            Cursor::At { packet, .. } if packet < ring.next_packet() => Some((free, Reason::Media)),
            Cursor::Waiting { from, .. } if ring.newest_key_frame() >= Some(from) => {
                Some((free, Reason::Media))
            }
            _ if self.picture_lost => Some((free, Reason::KeyFrame)),
            Cursor::Waiting { ask_at, .. } if !self.is_audio() => {
                Some((ask_at.max(free), Reason::KeyFrame))
            }
            _ => None,
        }
    }

    /// Writes the packet at the cursor, which [`settle`](Self::settle) found, and moves on.
    pub(super) fn send(
        &mut self,
        now: Instant,
        ring: &Ring,
        transport_sequence: u16,
        buf: &mut [u8],
    ) -> Option<Written> {
        let Cursor::At { frame, packet, .. } = self.cursor else {
            return None;
        };
        let slot = ring.slot(frame)?;
        let plan = ring.plan(packet)?;
        let index = self.runs.next_index();
        let header = self.header(now, slot, plan, index, transport_sequence);
        let header_len = header.emit(&self.ids, buf).ok()?;
        let body = buf.get_mut(header_len..)?;
        let payload_len = formats::emit(self.codec, plan, ring.frame_bytes(slot), body).ok()?;
        if self.clock.is_none() && self.can_resend() && self.counts_transport() {
            self.opening = Some(Opening {
                transport_sequence,
                index,
                left: OPENING,
            });
        }
        self.runs.assign(packet);
        if packet == slot.first_packet {
            self.clock = Some((slot.timestamp, slot.capture));
            if slot.key {
                self.key_frame = Some((frame, now));
                // Better an old picture at once than none; a fresh one would be better still.
                self.key_needed = !self.is_audio() && ring.lateness(slot) > TOO_LATE;
            }
        }
        let next = packet.saturating_add(1);
        let last = next >= slot.end();
        if last {
            self.stats.frames_sent = self.stats.frames_sent.wrapping_add(1);
            self.stats.key_frames_sent += u32::from(slot.key && !self.is_audio());
        }
        self.cursor = Cursor::At {
            frame: if last { frame.saturating_add(1) } else { frame },
            packet: next,
            begun: !last,
        };
        self.count(header_len, payload_len);
        Some(Written {
            len: header_len + payload_len,
            header_len,
            ssrc: self.ssrc,
            index,
            plain_resend: false,
        })
    }

    /// Writes the packet first sent under `index` again; `None` when that cannot be any more.
    pub(super) fn resend(
        &mut self,
        now: Instant,
        ring: &Ring,
        index: u64,
        transport_sequence: u16,
        buf: &mut [u8],
    ) -> Option<Written> {
        if !self.can_resend() || self.is_paused() {
            return None;
        }
        let packet = self.runs.packet_at(index)?;
        let slot = ring.slot(ring.frame_of(packet)?)?;
        let plan = ring.plan(packet)?;
        let mut header = self.header(now, slot, plan, index, transport_sequence);
        let mut sent_as = index;
        // RFC 4588 section 4: the payload begins with the original sequence number.
        let mut prefix = 0;
        if let Some(rtx) = &mut self.rtx {
            sent_as = rtx.next_index;
            header.ssrc = rtx.ssrc;
            header.payload_type = rtx.payload_type;
            header.sequence_number = sent_as as u16;
            prefix = 2;
        }
        let header_len = header.emit(&self.ids, buf).ok()?;
        let body = buf.get_mut(header_len..)?;
        body.get_mut(..prefix)?
            .copy_from_slice((index as u16).to_be_bytes().get(..prefix)?);
        let body = body.get_mut(prefix..)?;
        let frame = ring.frame_bytes(slot);
        let payload_len = prefix + formats::emit(self.codec, plan, frame, body).ok()?;
        let plain_resend = match &mut self.rtx {
            Some(rtx) => {
                rtx.next_index = rtx.next_index.saturating_add(1);
                self.stats.packets_sent += 1;
                self.stats.bytes_sent += payload_len as u64;
                self.stats.header_bytes_sent += header_len as u64;
                false
            }
            None => {
                self.count(header_len, payload_len);
                true
            }
        };
        self.stats.retransmitted_packets_sent += 1;
        self.stats.retransmitted_bytes_sent += payload_len as u64;
        Some(Written {
            len: header_len + payload_len,
            header_len,
            ssrc: header.ssrc,
            index: sent_as,
            plain_resend,
        })
    }

    fn header(
        &self,
        now: Instant,
        slot: &Slot,
        plan: &PacketPlan,
        index: u64,
        transport_sequence: u16,
    ) -> RtpHeader {
        let ids = &self.ids;
        RtpHeader {
            marker: plan.marker,
            payload_type: self.payload_type,
            sequence_number: index as u16,
            timestamp: slot.timestamp.wrapping_add(self.timestamp_offset),
            ssrc: self.ssrc,
            extensions: Extensions {
                mid: self.mid,
                abs_send_time: ids.abs_send_time.map(|_| abs_send_time(now)),
                transport_sequence: ids.transport_sequence.map(|_| transport_sequence),
            },
        }
    }

    fn count(&mut self, header_len: usize, payload_len: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_len as u32);
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += payload_len as u64;
        self.stats.header_bytes_sent += header_len as u64;
    }

    /// What the stream's RTP clock shows at `now`; `None` before the first packet.
    pub(super) fn timestamp_at(&self, now: Instant) -> Option<u32> {
        let (timestamp, capture) = self.clock?;
        let micros = now.since(capture).as_micros() as u64;
        let ticks = micros.wrapping_mul(u64::from(self.codec.clock_rate())) / 1_000_000;
        let timestamp = timestamp.wrapping_add(ticks as u32);
        Some(timestamp.wrapping_add(self.timestamp_offset))
    }
}

/// Leaves out what would make the header longer than the payload limit allows for: the time of
/// departure first, which transport-wide sequence numbers replace, then the mid, since the SSRC
/// stands in the session description too.
fn fit_extensions(mut ids: ExtensionIds, mid: Option<Mid>) -> (ExtensionIds, Option<Mid>) {
    let mut extensions = Extensions {
        mid,
        abs_send_time: ids.abs_send_time.map(|_| 0),
        transport_sequence: ids.transport_sequence.map(|_| 0),
    };
    if extensions.buffer_len(&ids) > EXTENSION_ROOM && ids.transport_sequence.is_some() {
        ids.abs_send_time = None;
        extensions.abs_send_time = None;
    }
    if extensions.buffer_len(&ids) > EXTENSION_ROOM {
        ids.mid = None;
    }
    let mid = mid.filter(|_| ids.mid.is_some());
    (ids, mid)
}
