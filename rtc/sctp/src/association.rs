//! The association: its state, its five verbs and its channels.

use alloc::{boxed::Box, collections::VecDeque, vec::Vec};

use smolrtc_base::{Duration, Instant, Rng, SecretArray};
use smolrtc_crypto::Provider;

use crate::{
    ChannelConfig, ChannelId, ChannelStats, CloseReason, Config, DropReason, Drops, Error, Event,
    MessageKind, Reason, Reliability, Stats,
    channel::{Channel, Opening, OutgoingReset},
    cookie::CookieJar,
    inbound::Inbound,
    outbound::Outbound,
    rto::Rto,
};

mod channels;
mod handshake;
mod input;
mod output;
mod reset;

use handshake::State;
use reset::Resets;

/// Association.Max.Retrans (RFC 9260 section 16).
const MAX_RETRANSMITS: u32 = 10;
/// Max.Init.Retransmits (RFC 9260 section 16).
const MAX_INIT_RETRANSMITS: u32 = 8;
/// Largest HEARTBEAT that is answered, bytes of its value.
const MAX_HEARTBEAT: usize = 256;
/// Stream identifiers offered and accepted; RFC 8831 section 6.2 wants all of them.
const STREAMS: u16 = u16::MAX;

/// Payload protocol identifiers (RFC 8831 section 8).
pub(crate) mod ppid {
    pub(crate) const DCEP: u32 = 50;
    pub(crate) const STRING: u32 = 51;
    pub(crate) const BINARY_PARTIAL: u32 = 52;
    pub(crate) const BINARY: u32 = 53;
    pub(crate) const STRING_PARTIAL: u32 = 54;
    pub(crate) const STRING_EMPTY: u32 = 56;
    pub(crate) const BINARY_EMPTY: u32 = 57;
}

/// An event that waits for [`Association::poll_event`].
#[derive(Debug)]
enum Notice {
    Established,
    Opened {
        id: u16,
        names: (Box<str>, Box<str>),
        ordered: bool,
        reliability: Reliability,
        incoming: bool,
    },
    Message {
        id: u16,
        kind: MessageKind,
        data: Vec<u8>,
        charge: usize,
    },
    BufferedLow(u16),
    ChannelClosed(u16),
    Closed(CloseReason),
}

/// When the SACK for what has arrived is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ack {
    None,
    Delayed(Instant),
    Now,
}

/// A try that is repeated when it runs out.
#[derive(Clone, Copy, Debug)]
struct Timer {
    at: Instant,
    tries: u32,
}

/// One SCTP association over DTLS, with its data channels.
///
/// Both sides call [`connect`](Self::connect) once DTLS is up. After any call, take packets from
/// [`poll_transmit`](Self::poll_transmit) until it has none and events from
/// [`poll_event`](Self::poll_event) likewise; nothing breaks if that happens later.
#[derive(Debug)]
pub struct Association {
    state: State,
    is_client: bool,
    local_port: u16,
    remote_port: u16,
    mtu: usize,
    receive_window: usize,
    send_limit: usize,
    remote_max_message: usize,
    max_channels: usize,
    heartbeat_interval: Duration,
    sack_delay: Duration,

    tag: u32,
    initial_tsn: u32,
    peer_tag: u32,
    peer_streams: u16,
    peer_reconfig: bool,
    rng: Rng,
    cookies: CookieJar,

    rto: Rto,
    inbound: Inbound,
    outbound: Outbound,
    resets: Resets,
    channels: Vec<Channel>,
    /// Where the round robin over `channels` goes on.
    turn: usize,
    notices: VecDeque<Notice>,
    /// The notice lent by the last `poll_event`.
    lent: Option<Notice>,

    ack: Ack,
    unacked_packets: u32,
    announced_window: usize,
    duplicates: Vec<u32>,
    handshake_timer: Option<Timer>,
    shutdown_timer: Option<Timer>,
    heartbeat: heartbeat::Heartbeat,
    replies: output::Replies,

    drops: Drops,
    stats: Stats,
}

mod heartbeat;

impl Association {
    /// An association that waits for [`connect`](Self::connect) or the peer's INIT. `rng` gives
    /// the verification tag, the first TSN and the key of the state cookie; `provider` is asked
    /// for one HMAC per handshake packet and for nothing else.
    #[must_use]
    pub fn new(config: Config, mut rng: Rng, provider: &'static dyn Provider) -> Self {
        let limits = &config.limits;
        let mtu = config.mtu.max(512) & !3;
        // Zero means "no tag yet" in an INIT's header (RFC 9260 section 5.3.1).
        let tag = rng.u32().max(1);
        let initial_tsn = rng.u32();
        let max_message = config.max_message_size.min(limits.sctp_message_bytes);
        let receive_window = limits.sctp_receive_bytes.max(max_message);
        Self {
            state: State::Closed,
            is_client: config.is_client,
            local_port: config.local_port,
            remote_port: config.remote_port,
            mtu,
            receive_window,
            send_limit: limits.sctp_send_bytes,
            // RFC 8841 section 6.1: the default without a=max-message-size.
            remote_max_message: 65_536,
            max_channels: limits.data_channels,
            heartbeat_interval: config.heartbeat_interval,
            sack_delay: config.sack_delay.min(Duration::from_millis(500)),
            tag,
            initial_tsn,
            peer_tag: 0,
            peer_streams: STREAMS,
            peer_reconfig: false,
            cookies: CookieJar::new(SecretArray::new(rng.array()), provider),
            rng,
            rto: Rto::new(),
            inbound: Inbound::new(
                receive_window,
                max_message,
                limits.sctp_out_of_order_chunks,
                limits.data_channels.saturating_mul(2),
            ),
            outbound: Outbound::new(initial_tsn, mtu),
            resets: Resets::new(initial_tsn),
            channels: Vec::new(),
            turn: 0,
            notices: VecDeque::new(),
            lent: None,
            ack: Ack::None,
            unacked_packets: 0,
            announced_window: receive_window,
            duplicates: Vec::new(),
            handshake_timer: None,
            shutdown_timer: None,
            heartbeat: heartbeat::Heartbeat::default(),
            replies: output::Replies {
                heartbeat: Vec::with_capacity(64),
                ..Default::default()
            },
            drops: Drops::default(),
            stats: Stats::default(),
        }
    }

    /// The next event. What it lends is valid until the next call of any method.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        self.lent = None;
        let notice = self.notices.pop_front();
        if self.notices.is_empty() {
            self.notices = VecDeque::new();
        }
        if let Some(Notice::Message { charge, .. }) = &notice {
            self.inbound.release(*charge);
            self.announce_window();
        }
        self.lent = notice;
        Some(match self.lent.as_ref()? {
            Notice::Established => Event::Established,
            Notice::Opened {
                id,
                names: (label, protocol),
                ordered,
                reliability,
                incoming,
            } => Event::ChannelOpened {
                id: ChannelId(*id),
                label,
                protocol,
                ordered: *ordered,
                reliability: *reliability,
                incoming: *incoming,
            },
            Notice::Message { id, kind, data, .. } => Event::Message {
                channel: ChannelId(*id),
                kind: *kind,
                data,
            },
            Notice::BufferedLow(id) => Event::BufferedAmountLow {
                channel: ChannelId(*id),
            },
            Notice::ChannelClosed(id) => Event::ChannelClosed {
                channel: ChannelId(*id),
            },
            Notice::Closed(reason) => Event::Closed(*reason),
        })
    }

    /// The earliest timer, if one runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        if self.is_closed() {
            return None;
        }
        let ack = match self.ack {
            Ack::Delayed(at) => Some((at, Reason::DelayedSack)),
            _ => None,
        };
        [
            self.handshake_timer
                .map(|timer| (timer.at, Reason::Handshake)),
            self.shutdown_timer
                .map(|timer| (timer.at, Reason::Shutdown)),
            self.outbound
                .t3()
                .filter(|_| self.may_send_data())
                .map(|at| (at, Reason::Retransmit)),
            ack,
            self.resets.due().map(|at| (at, Reason::Reconfig)),
            self.heartbeat.due().map(|at| (at, Reason::Heartbeat)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }

    /// Runs the timers that are due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        if self.handshake_timer.is_some_and(|timer| timer.at <= now) {
            self.handshake_timed_out(now);
        }
        if self.shutdown_timer.is_some_and(|timer| timer.at <= now) {
            self.shutdown_timed_out(now);
        }
        if matches!(self.ack, Ack::Delayed(at) if at <= now) {
            self.ack = Ack::Now;
        }
        if self.may_send_data() && self.outbound.t3().is_some_and(|at| at <= now) {
            self.outbound.time_out(now, &mut self.rto);
            if self.outbound.errors > MAX_RETRANSMITS {
                self.end_with_abort(CloseReason::PeerUnreachable);
            }
        }
        if self.resets.due().is_some_and(|at| at <= now) && !self.resets.time_out(now, &self.rto) {
            self.end_with_abort(CloseReason::PeerUnreachable);
        }
        if self.heartbeat.due().is_some_and(|at| at <= now) {
            self.heartbeat_timed_out(now);
        }
    }

    /// What the peer announced in `a=max-message-size`; 0 means any size (RFC 8841 section 6).
    /// 65,536 until called.
    pub const fn set_max_message_size(&mut self, bytes: usize) {
        self.remote_max_message = if bytes == 0 { usize::MAX } else { bytes };
    }

    /// A round trip measured below us, as by ICE: the first retransmission timeouts follow it.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rto.set_initial(rtt);
    }

    /// Whether the handshake is over and the association has not ended.
    #[must_use]
    pub const fn is_established(&self) -> bool {
        !matches!(
            self.state,
            State::Closed | State::CookieWait | State::CookieEchoed | State::Ended
        )
    }

    /// Whether the association has ended. A last ABORT or SHUTDOWN COMPLETE may still wait in
    /// [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Statistics of the transport.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            smoothed_round_trip_time: self.rto.smoothed(),
            congestion_window: self.outbound.congestion.window(),
            receiver_window: self.outbound.window(),
            mtu: self.mtu,
            unack_data: self.outbound.outstanding(),
            slow_start_threshold: self.outbound.congestion.threshold(),
            retransmission_timeout: self.rto.timeout(),
            retransmitted_chunks: self.outbound.retransmitted,
            abandoned_messages: self.stats.abandoned_messages + self.outbound.abandoned,
            ..self.stats
        }
    }

    /// Statistics of one channel, while it exists.
    #[must_use]
    pub fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> {
        self.channels
            .iter()
            .find(|c| c.id == channel.0)
            .map(|c| c.stats)
    }

    /// Packets, chunks and messages dropped, by reason.
    #[must_use]
    pub const fn drops(&self) -> Drops {
        self.drops
    }

    /// Ends the association; the peer is told if it is known.
    fn end_with_abort(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.replies.abort = self.peer_tag != 0;
        self.end(reason);
    }

    /// Ends the association.
    fn end(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Ended;
        self.handshake_timer = None;
        self.shutdown_timer = None;
        self.ack = Ack::None;
        self.outbound.clear();
        self.channels = Vec::new();
        self.resets = Resets::new(0);
        self.notices.push_back(Notice::Closed(reason));
    }

    /// Ends the association at once: the peer gets an ABORT, unsent messages are lost.
    pub fn abort(&mut self, _now: Instant) {
        self.end_with_abort(CloseReason::LocalAbort);
    }
}

#[cfg(test)]
mod tests;
