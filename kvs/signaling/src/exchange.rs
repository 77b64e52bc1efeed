//! One stream that carries one HTTP call after another.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use smolrtc_base::Instant;

use crate::config::Timeouts;
use crate::control::MAX_RESPONSE;
use crate::event::{CloseReason, Event, Input, Reason, StreamId, StreamTransmit, TransportError};
use crate::http::{Response, ResponseParser};
use crate::url::Url;

/// Where machines put their events and take stream ids from.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) events: VecDeque<Event>,
    next: u32,
}

/// News beyond this many are dropped while nobody polls; streams are always accounted for.
const MAX_NEWS: usize = 64;

impl Outputs {
    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() < MAX_NEWS {
            self.events.push_back(event);
        }
    }

    /// Asks for the end of a stream, or withdraws the wish for it if nobody has seen that yet.
    pub(crate) fn close(&mut self, stream: StreamId) {
        let unseen = self
            .events
            .iter()
            .position(|event| matches!(event, Event::OpenStream { id, .. } | Event::OpenMutualTls { id, .. } if *id == stream));
        match unseen {
            Some(at) => {
                self.events.remove(at);
            }
            None => self.events.push_back(Event::CloseStream(stream)),
        }
    }

    pub(crate) fn open(&mut self, origin: &Origin) -> StreamId {
        let id = StreamId(self.next);
        self.next = self.next.wrapping_add(1);
        let (host, port) = (origin.host.clone(), origin.port);
        self.events.push_back(if origin.certificate {
            Event::OpenMutualTls { id, host, port }
        } else {
            let tls = origin.tls;
            Event::OpenStream {
                id,
                host,
                port,
                tls,
            }
        });
        id
    }
}

/// What two calls must share to use one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    host: String,
    port: u16,
    tls: bool,
    /// The client proves who it is by a certificate.
    certificate: bool,
}

impl Origin {
    /// The same, over TLS with a certificate of ours.
    pub(crate) const fn with_certificate(mut self) -> Self {
        self.certificate = true;
        self
    }
}

impl From<&Url> for Origin {
    fn from(url: &Url) -> Self {
        Self {
            host: url.host().to_string(),
            port: url.port(),
            tls: url.tls(),
            certificate: false,
        }
    }
}

/// Bytes on their way out.
#[derive(Default)]
pub(crate) struct OutBuffer {
    bytes: Vec<u8>,
    sent: usize,
}

impl OutBuffer {
    pub(crate) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0 }
    }

    pub(crate) const fn pending(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
    }

    /// For appending; what is sent already goes first.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        if self.sent > 0 {
            self.bytes.drain(..self.sent.min(self.bytes.len()));
            self.sent = 0;
        }
        &mut self.bytes
    }

    pub(crate) fn transmit(&mut self, stream: StreamId, buf: &mut [u8]) -> Option<StreamTransmit> {
        let rest = self.bytes.get(self.sent..)?;
        let len = rest.len().min(buf.len());
        let (from, to) = (rest.get(..len)?, buf.get_mut(..len)?);
        to.copy_from_slice(from);
        self.sent = self.sent.saturating_add(len);
        (len > 0).then_some(StreamTransmit { stream, len })
    }

    const fn rewind(&mut self) {
        self.sent = 0;
    }
}

#[derive(Default)]
pub(crate) struct Exchange {
    stream: Option<Stream>,
    call: Option<Call>,
}

struct Stream {
    id: StreamId,
    origin: Origin,
    open: bool,
    /// Has carried a call before, so that the service may close it under the next one.
    used: bool,
}

struct Call {
    out: OutBuffer,
    parser: ResponseParser,
    connect_by: Instant,
    complete_by: Instant,
}

pub(crate) type Outcome = Result<Response, TransportError>;

impl Exchange {
    /// Starts a call, on the stream at hand if it leads to the same origin. A call that is under
    /// way is given up.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        outputs: &mut Outputs,
        origin: Origin,
        request: Vec<u8>,
        timeouts: &Timeouts,
        complete: smolrtc_base::Duration,
    ) {
        let reusable = self.call.is_none()
            && self
                .stream
                .as_ref()
                .is_some_and(|stream| stream.open && stream.origin == origin);
        if !reusable {
            self.close(outputs);
            let id = outputs.open(&origin);
            self.stream = Some(Stream {
                id,
                origin,
                open: false,
                used: false,
            });
        }
        self.call = Some(Call {
            out: OutBuffer::new(request),
            parser: ResponseParser::new(MAX_RESPONSE),
            connect_by: now.plus(timeouts.connect),
            complete_by: now.plus(complete),
        });
    }

    /// Ends the stream and whatever is on it.
    pub(crate) fn close(&mut self, outputs: &mut Outputs) {
        self.call = None;
        if let Some(stream) = self.stream.take() {
            outputs.close(stream.id);
        }
    }

    pub(crate) fn owns(&self, id: StreamId) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.id == id)
    }

    /// Takes what happened to the stream.
    pub(crate) fn handle_input(
        &mut self,
        outputs: &mut Outputs,
        input: Input<'_>,
    ) -> Option<Outcome> {
        match input {
            Input::StreamOpened(_) => {
                self.handle_opened();
                None
            }
            Input::StreamBytes(_, bytes) => self.handle_bytes(outputs, bytes),
            Input::StreamClosed(_, reason) => self.handle_closed(outputs, reason),
        }
    }

    pub(crate) const fn handle_opened(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.open = true;
        }
    }

    pub(crate) fn handle_bytes(&mut self, outputs: &mut Outputs, bytes: &[u8]) -> Option<Outcome> {
        let Some(call) = &mut self.call else {
            // Bytes nobody asked for: the stream cannot be trusted with another call.
            self.close(outputs);
            return None;
        };
        let mut rest = bytes;
        match call.parser.push(&mut rest) {
            Ok(None) => None,
            Ok(Some(response)) => {
                self.call = None;
                if let Some(stream) = &mut self.stream {
                    stream.used = true;
                }
                if !response.keep_alive || !rest.is_empty() {
                    self.close(outputs);
                }
                Some(Ok(response))
            }
            Err(error) => {
                self.close(outputs);
                Some(Err(TransportError::Http(error)))
            }
        }
    }

    pub(crate) fn handle_closed(
        &mut self,
        outputs: &mut Outputs,
        reason: CloseReason,
    ) -> Option<Outcome> {
        let stream = self.stream.take()?;
        let mut call = self.call.take()?;
        // A stream kept open for reuse may be closed by the service at any time, also while the
        // next call is on its way: that one goes again, on a new stream. Once: it is not `used`.
        if stream.used && call.parser.is_empty() {
            call.out.rewind();
            let id = outputs.open(&stream.origin);
            self.stream = Some(Stream {
                id,
                open: false,
                used: false,
                ..stream
            });
            self.call = Some(call);
            return None;
        }
        match (reason, call.parser.finish()) {
            (CloseReason::Eof, Ok(Some(response))) => Some(Ok(response)),
            (CloseReason::Eof, Err(error)) => Some(Err(TransportError::Http(error))),
            _ => Some(Err(TransportError::Stream(reason))),
        }
    }

    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        outputs: &mut Outputs,
    ) -> Option<Outcome> {
        let (due, reason) = self.poll_timeout()?;
        if now < due {
            return None;
        }
        self.close(outputs);
        Some(Err(match reason {
            Reason::Connect => TransportError::ConnectTimedOut,
            _ => TransportError::CallTimedOut,
        }))
    }

    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let call = self.call.as_ref()?;
        let open = self.stream.as_ref().is_some_and(|stream| stream.open);
        if !open && call.connect_by < call.complete_by {
            return Some((call.connect_by, Reason::Connect));
        }
        Some((call.complete_by, Reason::Call))
    }

    pub(crate) fn poll_transmit(&mut self, buf: &mut [u8]) -> Option<StreamTransmit> {
        let stream = self.stream.as_ref().filter(|stream| stream.open)?;
        self.call.as_mut()?.out.transmit(stream.id, buf)
    }
}
