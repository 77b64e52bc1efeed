//! One WebSocket to the service, from the opening of its stream to its end.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::{Duration, Instant, Rng};

use crate::config::Timeouts;
use crate::event::{
    CloseReason, DisconnectReason, Reason, StreamId, StreamTransmit, TransportError,
};
use crate::exchange::OutBuffer;
use crate::http::{Response, ResponseParser};
use crate::websocket::{Decoder, Incoming, Opcode, Side, push_frame};

/// Refusals have short bodies.
const MAX_REFUSAL: usize = 4_096;
/// Messages are handed to the socket only while less than this waits in it.
const HIGH_WATER: usize = 16 * 1_024;
const CLOSING: Duration = Duration::from_secs(1);
/// Payload of the ping whose pong shows that everything sent before it was taken.
const FENCE: &[u8] = b"fence";

pub(super) struct Socket {
    id: StreamId,
    phase: Phase,
    out: OutBuffer,
    /// The handshake waits for [`Socket::release`].
    held: bool,
    /// The driver has closed its stream already.
    gone: bool,
}

enum Phase {
    Connecting {
        by: Instant,
        complete_by: Instant,
        accept: String,
    },
    /// The stream is open, the handshake waits.
    Held { by: Instant, accept: String },
    Upgrading {
        by: Instant,
        accept: String,
        parser: ResponseParser,
    },
    Open {
        decoder: Decoder,
        ping_at: Instant,
        pong_by: Option<Instant>,
        since: Instant,
        /// When a message was sent last: pings keep no connection from being idle.
        sent: Instant,
    },
    /// Our close frame is on its way.
    Closing { by: Instant },
}

/// What came of an input. After the last three the socket is to be dropped.
pub(super) enum Progress {
    /// The stream is open, and the handshake is held back.
    StreamOpen,
    Opened,
    /// What was sent before [`Socket::fence`] has been taken.
    Fenced,
    Text(String),
    /// The handshake was answered with something else than a 101.
    Refused(Response),
    /// The handshake was not answered.
    Failed(TransportError),
    /// It was open and is no more.
    Ended(DisconnectReason),
}

impl Socket {
    pub(super) fn new(
        now: Instant,
        id: StreamId,
        request: Vec<u8>,
        accept: String,
        timeouts: &Timeouts,
        held: bool,
    ) -> Self {
        let complete_by = now.plus(timeouts.upgrade);
        let by = now.plus(timeouts.connect).min(complete_by);
        Self {
            id,
            phase: Phase::Connecting {
                by,
                complete_by,
                accept,
            },
            out: OutBuffer::new(request),
            held,
            gone: false,
        }
    }

    pub(super) const fn id(&self) -> StreamId {
        self.id
    }

    /// Since when it has been open.
    pub(super) const fn open_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { since, .. } => Some(since),
            _ => None,
        }
    }

    /// When it was opened or sent a message last.
    pub(super) const fn active(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { sent, .. } => Some(sent),
            _ => None,
        }
    }

    /// Whether its stream is still to be closed.
    pub(super) const fn has_stream(&self) -> bool {
        !self.gone
    }

    /// Lets a handshake go that was held back.
    pub(super) fn release(&mut self, now: Instant, timeouts: &Timeouts) {
        self.held = false;
        if let Phase::Held { accept, .. } = &mut self.phase {
            self.phase = Phase::Upgrading {
                by: now.plus(timeouts.upgrade),
                accept: core::mem::take(accept),
                parser: ResponseParser::new(MAX_REFUSAL),
            };
        }
    }

    /// Sends a ping whose pong is [`Progress::Fenced`].
    pub(super) fn fence(&mut self, now: Instant, timeouts: &Timeouts, rng: &mut Rng) {
        if let Phase::Open { pong_by, .. } = &mut self.phase {
            pong_by.get_or_insert(now.plus(timeouts.pong));
            push_frame(self.out.tail(), Opcode::Ping, FENCE, Some(rng.array()));
        }
    }

    /// Whether another message may be given to [`Socket::send`].
    pub(super) const fn has_room(&self) -> bool {
        matches!(self.phase, Phase::Open { .. }) && self.out.pending() < HIGH_WATER
    }

    pub(super) fn send(&mut self, now: Instant, text: &str, rng: &mut Rng) {
        if let Phase::Open { sent, .. } = &mut self.phase {
            *sent = now;
        }
        push_frame(
            self.out.tail(),
            Opcode::Text,
            text.as_bytes(),
            Some(rng.array()),
        );
    }

    pub(super) fn handle_opened(&mut self) -> Option<Progress> {
        let Phase::Connecting {
            complete_by,
            accept,
            ..
        } = &mut self.phase
        else {
            return None;
        };
        let (by, accept) = (*complete_by, core::mem::take(accept));
        if self.held {
            self.phase = Phase::Held { by, accept };
            return Some(Progress::StreamOpen);
        }
        self.phase = Phase::Upgrading {
            by,
            accept,
            parser: ResponseParser::new(MAX_REFUSAL),
        };
        None
    }

    /// Takes bytes from the front of `input`; to be called again until it returns `None`.
    pub(super) fn handle_bytes(
        &mut self,
        now: Instant,
        input: &mut &[u8],
        cap: usize,
        timeouts: &Timeouts,
        rng: &mut Rng,
    ) -> Option<Progress> {
        if let Phase::Upgrading { parser, accept, .. } = &mut self.phase {
            let response = match parser.push(input) {
                Ok(response) => response?,
                Err(error) => return Some(Progress::Failed(TransportError::Http(error))),
            };
            if response.status != 101 {
                return Some(Progress::Refused(response));
            }
            if !is_accepted(&response, accept) {
                return Some(Progress::Failed(TransportError::NotWebSocket));
            }
            self.phase = Phase::Open {
                decoder: Decoder::new(Side::Client, cap),
                ping_at: now.plus(timeouts.ping),
                pong_by: None,
                since: now,
                sent: now,
            };
            return Some(Progress::Opened);
        }
        loop {
            let Phase::Open {
                decoder, pong_by, ..
            } = &mut self.phase
            else {
                // Nothing is expected while the stream opens, and nothing is of interest any more
                // while it closes.
                *input = &[];
                return None;
            };
            match decoder.push(input) {
                Ok(None) => return None,
                Ok(Some(Incoming::Text(text))) => return Some(Progress::Text(text)),
                // Signaling has no binary messages.
                Ok(Some(Incoming::Binary(_))) => {}
                Ok(Some(Incoming::Ping(payload))) => {
                    // A flood of pings must not fill the memory.
                    if self.out.pending() < HIGH_WATER {
                        push_frame(self.out.tail(), Opcode::Pong, &payload, Some(rng.array()));
                    }
                }
                Ok(Some(Incoming::Pong(payload))) => {
                    *pong_by = None;
                    if payload == FENCE {
                        return Some(Progress::Fenced);
                    }
                }
                Ok(Some(Incoming::Close { code, reason })) => {
                    let going = ["GO_AWAY", "Going away"]
                        .iter()
                        .any(|text| reason.contains(text));
                    return Some(Progress::Ended(if going {
                        DisconnectReason::GoAway
                    } else {
                        DisconnectReason::Closed(code)
                    }));
                }
                Err(error) => return Some(Progress::Ended(DisconnectReason::Protocol(error))),
            }
        }
    }

    pub(super) fn handle_closed(&mut self, reason: CloseReason) -> Progress {
        self.gone = true;
        match &mut self.phase {
            Phase::Connecting { .. } | Phase::Held { .. } => {
                Progress::Failed(TransportError::Stream(reason))
            }
            Phase::Upgrading { parser, .. } => match parser.finish() {
                Ok(Some(response)) => Progress::Refused(response),
                _ => Progress::Failed(TransportError::Stream(reason)),
            },
            Phase::Open { .. } => Progress::Ended(DisconnectReason::Stream(reason)),
            Phase::Closing { .. } => Progress::Ended(DisconnectReason::Shutdown),
        }
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        timeouts: &Timeouts,
        rng: &mut Rng,
    ) -> Option<Progress> {
        match &mut self.phase {
            Phase::Connecting { by, .. } if now >= *by => {
                Some(Progress::Failed(TransportError::ConnectTimedOut))
            }
            Phase::Held { by, .. } | Phase::Upgrading { by, .. } if now >= *by => {
                Some(Progress::Failed(TransportError::CallTimedOut))
            }
            Phase::Open {
                pong_by: Some(by), ..
            } if now >= *by => Some(Progress::Ended(DisconnectReason::PongTimedOut)),
            Phase::Open {
                ping_at, pong_by, ..
            } if now >= *ping_at => {
                *ping_at = now.plus(timeouts.ping);
                pong_by.get_or_insert(now.plus(timeouts.pong));
                push_frame(self.out.tail(), Opcode::Ping, b"", Some(rng.array()));
                None
            }
            Phase::Closing { by } if now >= *by => {
                Some(Progress::Ended(DisconnectReason::Shutdown))
            }
            _ => None,
        }
    }

    /// Begins the closing handshake. `false` if there is nothing to close in good order.
    pub(super) fn close(&mut self, now: Instant, rng: &mut Rng) -> bool {
        if !matches!(self.phase, Phase::Open { .. }) {
            return false;
        }
        let code = 1000_u16.to_be_bytes();
        push_frame(self.out.tail(), Opcode::Close, &code, Some(rng.array()));
        self.phase = Phase::Closing {
            by: now.plus(CLOSING),
        };
        true
    }

    /// Whether the close frame has been handed out.
    pub(super) const fn is_flushed_and_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. }) && self.out.pending() == 0
    }

    pub(super) fn poll_timeout(&self) -> (Instant, Reason) {
        match &self.phase {
            Phase::Connecting { by, .. } => (*by, Reason::Connect),
            Phase::Held { by, .. } | Phase::Upgrading { by, .. } => (*by, Reason::Call),
            Phase::Open {
                ping_at, pong_by, ..
            } => match pong_by {
                Some(by) if by < ping_at => (*by, Reason::Pong),
                _ => (*ping_at, Reason::Ping),
            },
            Phase::Closing { by } => (*by, Reason::Close),
        }
    }

    pub(super) fn poll_transmit(&mut self, buf: &mut [u8]) -> Option<StreamTransmit> {
        if matches!(self.phase, Phase::Connecting { .. } | Phase::Held { .. }) {
            return None;
        }
        self.out.transmit(self.id, buf)
    }
}

fn is_accepted(response: &Response, accept: &str) -> bool {
    response.headers.get("sec-websocket-accept").is_some_and(|value| value.trim() == accept)
        && response.headers.has_token("upgrade", "websocket")
        && response.headers.has_token("connection", "upgrade")
        // We offered none.
        && response.headers.get("sec-websocket-extensions").is_none()
        && response.headers.get("sec-websocket-protocol").is_none()
}
