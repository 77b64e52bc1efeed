//! The machine: what it holds, how it is made, and what its owner may ask of it.
//!
//! A session's way: description (`negotiate`) → candidate pair valid → DTLS → keys, streams, SCTP
//! (`wiring`). Datagrams come in through `input` and leave through `output`.

mod input;
mod negotiate;
mod output;
mod stats;
mod wiring;

#[cfg(test)]
mod tests;

pub use stats::{OutboundStream, Stats};

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::{Job, JobId, Provider};
use smolrtc_dtls as dtls;
use smolrtc_ice as ice;
use smolrtc_rtp::{Ssrc, receive, send};
use smolrtc_sctp as sctp;
use smolrtc_sdp::{
    self as sdp,
    negotiate::{LocalOffer, Negotiated},
};
use smolrtc_srtp as srtp;

use crate::{CloseReason, Config, ConnectionState, Drops, Error, Event};

/// Largest datagram we make, bytes: every IPv6 path carries 1,280, less 40 of IPv6, 8 of UDP and 4
/// of a TURN channel.
pub const MTU: usize = 1_228;

/// Wall time at one instant; sender reports tie media time to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wall {
    at: Instant,
    unix: UnixTime,
}

impl Wall {
    /// It was `unix` at `at`.
    #[must_use]
    pub const fn new(at: Instant, unix: UnixTime) -> Self {
        Self { at, unix }
    }

    /// The wall time at `now`.
    #[must_use]
    pub const fn at(&self, now: Instant) -> UnixTime {
        self.unix.plus(now.since(self.at)).minus(self.at.since(now))
    }
}

/// An early ClientHello, kept until ICE has validated its source.
struct EarlyHello {
    from: SocketAddr,
    local: SocketAddr,
    datagram: Vec<u8>,
}

/// Both directions of SRTP.
struct Srtp {
    tx: srtp::Sender,
    rx: srtp::Receiver,
    profile: srtp::Profile,
}

/// Where offer and answer stand (RFC 8829 section 3.2).
enum Signaling {
    Stable,
    HaveLocalOffer(Box<LocalOffer>),
}

/// How far an orderly end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// RTCP BYE is next.
    Bye,
    /// SCTP ABORT is next.
    Abort,
    /// DTLS close_notify is next.
    Notify,
    /// Nothing is left to send.
    Done,
}

/// Identity of what we announce; fixed for the life of the connection.
struct Announced {
    session_id: u64,
    session_version: u64,
    video_ssrc: u32,
    video_rtx_ssrc: u32,
    audio_ssrc: u32,
}

/// The streams of one media section.
struct Wired {
    section: usize,
    outgoing: Option<send::StreamId>,
    incoming: Option<receive::StreamId>,
}

/// Events that own their contents.
enum Queued {
    LocalCandidate(String),
    GatheringComplete,
    ResolveMdns(ice::MdnsId, String),
    Compute(JobId, Job),
    StateChanged(ConnectionState),
    Closed(CloseReason),
    KeyFrameNeeded(usize),
    TargetBitrate(u32),
}

/// A peer connection. See the [crate documentation](crate).
pub struct PeerConnection {
    config: Config,
    provider: &'static dyn Provider,
    rng: Rng,
    wall: Wall,
    ice: ice::Agent,
    dtls: Option<Box<dtls::Connection>>,
    dtls_role: Option<dtls::Role>,
    early_hellos: Vec<EarlyHello>,
    srtp: Option<Box<Srtp>>,
    sctp: Option<Box<sctp::Association>>,
    sender: send::Sender,
    receiver: receive::Receiver,
    /// What was agreed on last, and with what description of the peer's.
    negotiated: Option<Box<Negotiated>>,
    remote: Option<Box<sdp::SessionDescription>>,
    /// Whether `remote` can still be answered: its formats are freed once the connection is up.
    remote_is_whole: bool,
    signaling: Signaling,
    announced: Announced,
    /// The streams that run, a section each.
    wired: Vec<Wired>,
    state: ConnectionState,
    closing: Closing,
    closed: Option<CloseReason>,
    events: VecDeque<Queued>,
    drops: Drops,
}

impl PeerConnection {
    /// A connection that waits for a description. `rng` is its own from now on.
    #[must_use]
    pub fn new(config: Config, mut rng: Rng, provider: &'static dyn Provider) -> Self {
        let ice = ice::Agent::new(config.ice.clone(), rng.fork(), provider);
        let sender = send::Sender::new(config.sender.clone(), &config.limits, rng.fork());
        let announced = Announced {
            // RFC 8829 section 5.2.1: 63 bits, the highest of 64 being zero.
            session_id: rng.u64() >> 1,
            session_version: 0,
            video_ssrc: rng.u32().max(1),
            video_rtx_ssrc: rng.u32().max(1),
            audio_ssrc: rng.u32().max(1),
        };
        let mut receiver_config = receive::ReceiverConfig::new(
            Ssrc(announced.video_ssrc),
            config.sender.cname.clone().into_bytes(),
        );
        receiver_config.playout_round_trips = config.playout_round_trips;
        receiver_config.playout_extra = config.playout_extra;
        let receiver = receive::Receiver::new(config.limits, receiver_config);
        Self {
            config,
            provider,
            rng,
            wall: Wall::default(),
            ice,
            dtls: None,
            dtls_role: None,
            early_hellos: Vec::new(),
            srtp: None,
            sctp: None,
            sender,
            receiver,
            negotiated: None,
            remote: None,
            remote_is_whole: false,
            signaling: Signaling::Stable,
            announced,
            wired: Vec::new(),
            state: ConnectionState::New,
            closing: Closing::No,
            closed: None,
            events: VecDeque::new(),
            drops: Drops::default(),
        }
    }

    /// Tells the wall time, which sender reports carry. Until then they count from 1970: audio and
    /// video are still in step, only the absolute time is not known.
    pub const fn set_wall_clock(&mut self, wall: Wall) {
        self.wall = wall;
    }

    /// Adds a bound UDP socket: a host candidate.
    pub fn add_interface(&mut self, now: Instant, local: SocketAddr) {
        self.ice.add_interface(now, local);
        self.pump(now);
    }

    /// Removes a socket whose address went away; ICE moves to another if there is one.
    pub fn remove_interface(&mut self, now: Instant, local: SocketAddr) {
        self.ice.remove_interface(now, local);
        self.pump(now);
    }

    /// STUN servers to learn server-reflexive candidates from.
    pub fn set_stun_servers(&mut self, now: Instant, servers: &[SocketAddr]) {
        self.ice.set_stun_servers(now, servers);
        self.pump(now);
    }

    /// A candidate of the peer's, with or without the `candidate:` prefix; empty text is the end of
    /// its candidates (RFC 8838 section 14).
    ///
    /// # Errors
    /// [`Error::Candidate`] when it cannot be read.
    pub fn add_remote_candidate(&mut self, now: Instant, line: &str) -> Result<(), Error> {
        let line = line.trim();
        if line.is_empty() || line == "end-of-candidates" {
            self.ice.end_of_remote_candidates();
        } else {
            let candidate = ice::Candidate::parse(line).map_err(Error::Candidate)?;
            self.ice.add_remote_candidate(now, candidate);
        }
        self.pump(now);
        Ok(())
    }

    /// What a `.local` name resolved to; `None` if it did not.
    pub fn resolved(&mut self, now: Instant, id: ice::MdnsId, address: Option<IpAddr>) {
        self.ice.resolved(now, id, address);
        self.pump(now);
    }

    /// Our ICE user name fragment: STUN requests for this connection carry it first.
    #[must_use]
    pub fn local_ufrag(&self) -> &str {
        self.ice.local_credentials().0
    }

    /// Whether a STUN request with this user name fragment in front is for this connection: ours
    /// now, or the one before an ICE restart.
    #[must_use]
    pub fn owns_ufrag(&self, ufrag: &str) -> bool {
        self.ice.owns_ufrag(ufrag)
    }

    /// Whether a datagram from `from` on socket `local` belongs to this connection, as far as ICE
    /// knows.
    #[must_use]
    pub fn owns_path(&self, from: SocketAddr, local: SocketAddr) -> bool {
        self.ice.is_validated(from, local)
    }

    /// The path that media takes now: our socket's address and the peer's.
    #[must_use]
    pub fn send_path(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.ice.send_path()
    }

    /// The connection's state.
    #[must_use]
    pub const fn state(&self) -> ConnectionState {
        self.state
    }

    /// What offer and answer agreed on.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_deref()
    }

    /// The peer's newest description. Once the connection is up it has no formats, header extensions
    /// and candidates any more ([`sdp::SessionDescription::forget_formats`]).
    #[must_use]
    pub fn remote_description(&self) -> Option<&sdp::SessionDescription> {
        self.remote.as_deref()
    }

    /// The description we sent last: our offer while it waits for its answer, else what stands since
    /// the last exchange. Candidates that came later are not in it.
    #[must_use]
    pub fn local_description(&self) -> Option<&str> {
        let text = match &self.signaling {
            Signaling::HaveLocalOffer(offer) => &offer.sdp,
            Signaling::Stable => &self.negotiated.as_ref()?.sdp,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Whether every local candidate is known.
    #[must_use]
    pub fn is_gathering_complete(&self) -> bool {
        self.ice.gathering_state() == ice::GatheringState::Complete
    }

    /// Why the connection ended, once it has.
    #[must_use]
    pub const fn close_reason(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Whether nothing is left to send after the end, so that the connection can be dropped.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.closed.is_some() && matches!(self.closing, Closing::Done | Closing::No)
    }

    /// Asks the peer's video encoder for a key frame.
    pub fn request_key_frame(&mut self) {
        for id in self.wired.iter().filter_map(|wired| wired.incoming) {
            self.receiver.request_key_frame(id);
        }
    }

    /// Opens a data channel. It may be called before the connection is up.
    ///
    /// # Errors
    /// [`Error::NothingInCommon`] when data was not negotiated, or what SCTP says.
    pub fn open_channel(
        &mut self,
        now: Instant,
        channel: sctp::ChannelConfig<'_>,
    ) -> Result<sctp::ChannelId, Error> {
        let sctp = self.sctp.as_mut().ok_or(Error::NothingInCommon)?;
        Ok(sctp.open_channel(now, channel)?)
    }

    /// Queues a message on a data channel.
    ///
    /// # Errors
    /// What SCTP says: too large for the peer, buffer full, channel not open.
    pub fn send_message(
        &mut self,
        now: Instant,
        channel: sctp::ChannelId,
        kind: sctp::MessageKind,
        data: &[u8],
    ) -> Result<(), sctp::SendError> {
        let sctp = self.sctp.as_mut().ok_or(sctp::SendError::NotOpen)?;
        sctp.send(now, channel, kind, data)
    }

    /// The SCTP association, for buffered amounts, thresholds and closing channels.
    pub fn sctp(&mut self) -> Option<&mut sctp::Association> {
        self.sctp.as_deref_mut()
    }

    /// Ends the connection: RTCP BYE, SCTP ABORT and DTLS close_notify leave through
    /// [`poll_transmit`](Self::poll_transmit) until [`is_finished`](Self::is_finished).
    pub fn close(&mut self) {
        if self.closed.is_some() {
            return;
        }
        self.end(CloseReason::Local, ConnectionState::Closed);
        self.closing = if self.dtls.as_ref().is_some_and(|dtls| dtls.is_connected()) {
            Closing::Bye
        } else {
            Closing::Done
        };
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        match self.poll_owned_event() {
            Some(event) => Some(event),
            None => self.poll_lent_event(),
        }
    }

    /// The next event that lends nothing: all but frames and what SCTP tells.
    pub fn poll_owned_event(&mut self) -> Option<Event<'static>> {
        Some(match self.events.pop_front()? {
            Queued::LocalCandidate(line) => Event::LocalCandidate(line),
            Queued::GatheringComplete => Event::GatheringComplete,
            Queued::ResolveMdns(id, name) => Event::ResolveMdns { id, name },
            Queued::Compute(id, job) => Event::Compute(id, job),
            Queued::StateChanged(state) => Event::StateChanged(state),
            Queued::Closed(reason) => Event::Closed(reason),
            Queued::KeyFrameNeeded(track) => Event::KeyFrameNeeded { track },
            Queued::TargetBitrate(bps) => Event::TargetBitrate { bps },
        })
    }

    /// The next event that lends a buffer: frames, and what SCTP tells.
    pub fn poll_lent_event(&mut self) -> Option<Event<'_>> {
        if let Some(event) = self.sctp.as_mut().and_then(|sctp| sctp.poll_event()) {
            return Some(wiring::data_event(event));
        }
        self.receiver.poll_frame().map(Event::Frame)
    }

    /// Records the end once and tells of it.
    fn end(&mut self, reason: CloseReason, state: ConnectionState) {
        if self.closed.is_none() {
            self.closed = Some(reason);
            self.set_state(state);
            self.events.push_back(Queued::Closed(reason));
        }
    }

    fn set_state(&mut self, state: ConnectionState) {
        if self.state != state && !self.is_over() {
            self.state = state;
            self.events.push_back(Queued::StateChanged(state));
        }
    }

    const fn is_over(&self) -> bool {
        matches!(
            self.state,
            ConnectionState::Closed | ConnectionState::Failed
        )
    }

    /// Takes over what ICE has to say.
    fn pump_ice(&mut self) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                ice::Event::LocalCandidate(candidate) => {
                    self.events
                        .push_back(Queued::LocalCandidate(candidate.to_string()));
                }
                ice::Event::GatheringComplete => self.events.push_back(Queued::GatheringComplete),
                ice::Event::ResolveMdns { id, name } => {
                    self.events.push_back(Queued::ResolveMdns(id, name));
                }
                ice::Event::StateChanged(state) => self.ice_state_changed(state),
                ice::Event::ConsentExpired => {
                    self.end(CloseReason::Unreachable, ConnectionState::Failed);
                }
                _ => {}
            }
        }
    }
}

impl core::fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerConnection")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
