//! Data channels: opening, sending, closing (RFC 8831, RFC 8832).

use alloc::vec::Vec;

use smolrtc_base::Instant;

use super::{
    Association, Channel, ChannelConfig, ChannelId, DropReason, Error, MessageKind, Notice,
    Opening, OutgoingReset, Reliability, handshake::State, ppid,
};
use crate::{
    SendError,
    dcep::{ACK_MESSAGE, Dcep, NAME_MAX, Open},
    outbound::{self, Message},
};

impl Association {
    /// Opens a channel. Messages may be sent on it at once; they leave when the association is
    /// established. [`Event::ChannelOpened`](crate::Event) follows when the peer has agreed.
    ///
    /// # Errors
    /// [`Error::NameTooLong`], [`Error::StreamIdInUse`], [`Error::TooManyChannels`],
    /// [`Error::Closed`].
    pub fn open_channel(
        &mut self,
        _now: Instant,
        config: ChannelConfig<'_>,
    ) -> Result<ChannelId, Error> {
        if !matches!(
            self.state,
            State::Closed | State::CookieWait | State::CookieEchoed | State::Established
        ) {
            return Err(Error::Closed);
        }
        if config.label.len() > NAME_MAX || config.protocol.len() > NAME_MAX {
            return Err(Error::NameTooLong);
        }
        if self.channels.len() >= self.max_channels {
            return Err(Error::TooManyChannels);
        }
        let id = match config.negotiated {
            // 65,535 is no stream identifier (RFC 8832 section 6).
            Some(id) if id == u16::MAX || self.position(id).is_some() => {
                return Err(Error::StreamIdInUse);
            }
            Some(id) => id,
            None => {
                let first = u16::from(!self.is_client);
                (first..self.peer_streams)
                    .step_by(2)
                    .find(|id| self.position(*id).is_none())
                    .ok_or(Error::TooManyChannels)?
            }
        };
        let in_band = config.negotiated.is_none();
        let opening = if in_band {
            Opening::Asked
        } else {
            Opening::Open
        };
        let mut channel = Channel::new(id, opening, config.ordered, config.reliability);
        channel.names = Some((config.label.into(), config.protocol.into()));
        self.channels.push(channel);
        if in_band {
            let open = Open {
                ordered: config.ordered,
                reliability: config.reliability,
                label: config.label,
                protocol: config.protocol,
            };
            let mut message = alloc::vec![0; open.buffer_len()];
            // The buffer has just the length that the message needs.
            let _ = open.emit(&mut message);
            self.queue_dcep(id, message);
        } else if self.is_established() {
            self.announce_opened(self.channels.len() - 1, false);
        }
        Ok(ChannelId(id))
    }

    /// Queues a message; its bytes are copied.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::BufferFull`], [`SendError::NotOpen`].
    pub fn send(
        &mut self,
        now: Instant,
        channel: ChannelId,
        kind: MessageKind,
        data: &[u8],
    ) -> Result<(), SendError> {
        if matches!(
            self.state,
            State::ShutdownPending
                | State::ShutdownSent
                | State::ShutdownReceived
                | State::ShutdownAckSent
                | State::Ended
        ) {
            return Err(SendError::NotOpen);
        }
        let max = self.remote_max_message;
        let held = self.outbound.held();
        let at = self.position(channel.0).ok_or(SendError::NotOpen)?;
        let channel = self.channels.get_mut(at).ok_or(SendError::NotOpen)?;
        if channel.opening == Opening::Closing {
            return Err(SendError::NotOpen);
        }
        if data.len() > max {
            return Err(SendError::TooLarge { max });
        }
        // An empty buffer takes any message, so that none is refused for ever.
        if held > 0 && held + data.len() + outbound::OVERHEAD > self.send_limit {
            channel.refused = true;
            return Err(SendError::BufferFull);
        }
        let (ppid, bytes): (u32, &[u8]) = match (kind, data.is_empty()) {
            (MessageKind::Text, false) => (ppid::STRING, data),
            (MessageKind::Binary, false) => (ppid::BINARY, data),
            // SCTP has no empty messages: one zero byte stands for it (RFC 8831 section 6.6).
            (MessageKind::Text, true) => (ppid::STRING_EMPTY, &[0]),
            (MessageKind::Binary, true) => (ppid::BINARY_EMPTY, &[0]),
        };
        let (max_retransmits, expires) = match channel.reliability {
            Reliability::Reliable => (None, Instant::FAR_FUTURE),
            Reliability::MaxRetransmits(count) => (Some(count), Instant::FAR_FUTURE),
            Reliability::MaxLifetime(time) => (None, now + time),
        };
        channel.queue.push_back(Message {
            data: Vec::from(bytes),
            stream: channel.id,
            ppid,
            unordered: !channel.ordered && channel.opening == Opening::Open,
            max_retransmits,
            expires,
        });
        channel.buffered += bytes.len();
        channel.stats.messages_sent += 1;
        channel.stats.bytes_sent += data.len() as u64;
        self.outbound.hold(bytes.len());
        Ok(())
    }

    /// Bytes of user messages on this channel that have not been sent for the first time; 0 for
    /// an unknown channel.
    #[must_use]
    pub fn buffered_amount(&self, channel: ChannelId) -> usize {
        self.channels
            .iter()
            .find(|c| c.id == channel.0)
            .map_or(0, |c| c.buffered)
    }

    /// [`Event::BufferedAmountLow`](crate::Event) comes when the buffered amount falls from above
    /// `bytes` to it or below. 0 until set.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelId, bytes: usize) {
        if let Some(channel) = self.channels.iter_mut().find(|c| c.id == channel.0) {
            channel.low_threshold = bytes;
        }
    }

    /// Closes a channel after what was handed in has been sent.
    /// [`Event::ChannelClosed`](crate::Event) follows when the peer has closed its side too.
    ///
    /// # Errors
    /// [`Error::NoSuchChannel`].
    pub fn close_channel(&mut self, channel: ChannelId) -> Result<(), Error> {
        let at = self.position(channel.0).ok_or(Error::NoSuchChannel)?;
        self.start_closing(at);
        self.ask_for_resets();
        Ok(())
    }

    pub(super) fn position(&self, id: u16) -> Option<usize> {
        self.channels.iter().position(|channel| channel.id == id)
    }

    pub(super) fn start_closing(&mut self, at: usize) {
        if let Some(channel) = self.channels.get_mut(at) {
            channel.opening = Opening::Closing;
            if channel.outgoing == OutgoingReset::No {
                channel.outgoing = OutgoingReset::Wanted;
            }
        }
    }

    /// Frees the stream identifier once both directions are reset.
    pub(super) fn finish_closing(&mut self, stream: u16) {
        let Some(at) = self.position(stream) else {
            return;
        };
        let done = self
            .channels
            .get(at)
            .is_some_and(|c| c.incoming_done && c.outgoing == OutgoingReset::Done);
        if done {
            let silent = self.channels.remove(at).silent;
            if self.channels.is_empty() {
                self.channels = Vec::new();
            }
            if silent {
                return;
            }
            self.stats.data_channels_closed += 1;
            self.notices.push_back(Notice::ChannelClosed(stream));
        }
    }

    /// Tells the application that the channel at `at` is open.
    pub(super) fn announce_opened(&mut self, at: usize, incoming: bool) {
        let Some(channel) = self.channels.get_mut(at) else {
            return;
        };
        if let Some(names) = channel.names.take() {
            self.stats.data_channels_opened += 1;
            self.notices.push_back(Notice::Opened {
                id: channel.id,
                names,
                ordered: channel.ordered,
                reliability: channel.reliability,
                incoming,
            });
        }
    }

    /// The peer knows the channel that we asked for.
    pub(super) fn confirm(&mut self, at: usize) {
        if let Some(channel) = self.channels.get_mut(at)
            && channel.opening == Opening::Asked
        {
            channel.opening = Opening::Open;
            self.announce_opened(at, false);
        }
    }

    /// DCEP messages are ordered and reliable whatever the channel is (RFC 8832 section 6). They
    /// count as held, not as buffered: the application did not send them.
    fn queue_dcep(&mut self, stream: u16, data: Vec<u8>) {
        self.outbound.hold(data.len());
        if let Some(at) = self.position(stream)
            && let Some(channel) = self.channels.get_mut(at)
        {
            channel.queue.push_back(Message {
                data,
                stream,
                ppid: ppid::DCEP,
                unordered: false,
                max_retransmits: None,
                expires: Instant::FAR_FUTURE,
            });
        }
    }

    pub(super) fn handle_dcep(&mut self, stream: u16, data: &[u8]) {
        match Dcep::parse(data) {
            Ok(Dcep::Ack) => match self.position(stream) {
                Some(at) => self.confirm(at),
                None => self.drops.count(DropReason::UnknownStream),
            },
            Ok(Dcep::Open(open)) => self.handle_open(stream, &open),
            Err(_) => {
                self.drops.count(DropReason::BadDcep);
                self.refuse(stream);
            }
        }
    }

    fn handle_open(&mut self, stream: u16, open: &Open<'_>) {
        // The peer opens a stream anew only after it has carried out our reset; the response
        // that says so was overtaken.
        if self
            .position(stream)
            .and_then(|at| self.channels.get(at))
            .is_some_and(|c| c.incoming_done)
        {
            self.outgoing_done(stream);
        }
        // The peer of a client is a server and so takes odd identifiers. RFC 8832 section 6: a
        // wrong parity, like a stream in use, MUST be answered by closing the channel.
        let parity = stream % 2 == u16::from(self.is_client);
        let room = self.channels.len() < self.max_channels
            && self.notices.len() < self.max_channels.saturating_mul(64);
        if !parity || !room || stream == u16::MAX || self.position(stream).is_some() {
            self.drops.count(DropReason::RefusedChannel);
            self.refuse(stream);
            return;
        }
        let mut channel = Channel::new(stream, Opening::Open, open.ordered, open.reliability);
        channel.names = Some((open.label.into(), open.protocol.into()));
        self.channels.push(channel);
        self.announce_opened(self.channels.len() - 1, true);
        self.queue_dcep(stream, ACK_MESSAGE.to_vec());
    }

    /// Closes the stream of an OPEN that is not accepted.
    fn refuse(&mut self, stream: u16) {
        let at = match self.position(stream) {
            Some(at) => at,
            // A channel that exists only to be closed; beyond twice the limit the peer's own
            // misbehaviour leaves its streams dangling.
            None if self.channels.len() < self.max_channels.saturating_mul(2) => {
                let mut channel =
                    Channel::new(stream, Opening::Closing, true, Reliability::Reliable);
                channel.silent = true;
                self.channels.push(channel);
                self.channels.len() - 1
            }
            None => return,
        };
        self.start_closing(at);
    }

    /// `len` bytes of `stream` got their TSN.
    pub(super) fn unbuffer(&mut self, stream: u16, len: usize) {
        let Some(at) = self.position(stream) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(at) else {
            return;
        };
        let before = channel.buffered;
        channel.buffered = before.saturating_sub(len);
        if before > channel.low_threshold && channel.buffered <= channel.low_threshold {
            self.notices.push_back(Notice::BufferedLow(stream));
        }
    }

    /// Tells channels whose message was refused that there is room again.
    pub(super) fn report_low(&mut self) {
        if self.outbound.held() > self.send_limit / 2 {
            return;
        }
        for channel in &mut self.channels {
            if core::mem::take(&mut channel.refused) {
                self.notices.push_back(Notice::BufferedLow(channel.id));
            }
        }
    }
}
