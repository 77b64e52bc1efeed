//! HTTP/1.1 and WebSocket framing between byte streams and a [`Service`]: a driver for
//! simulations and tests, and for anyone without an HTTP stack.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;

use kvs_signaling::http::{self, RequestParser, write_response};
use kvs_signaling::websocket::{
    Decoder, Incoming, Opcode, Side, accept_key, is_client_key, push_frame,
};
use smolrtc_base::{Instant, UnixTime};
use smolrtc_crypto::Provider;

use crate::channel::ConnectionId;
use crate::faults::Treatment;
use crate::service::{Service, ServiceEvent};
use crate::{Request, Response};

/// A stream, named by the driver.
pub type StreamKey = u64;

/// Largest request body, bytes.
const MAX_BODY: usize = 64 * 1_024;
/// A message longer than this closes its connection; the quota refuses shorter ones in words.
const MAX_MESSAGE: usize = 128 * 1_024;

/// The streams of one service.
#[derive(Debug)]
pub struct Streams {
    provider: &'static dyn Provider,
    streams: BTreeMap<StreamKey, Stream>,
    connections: BTreeMap<ConnectionId, StreamKey>,
    closing: VecDeque<StreamKey>,
}

#[derive(Debug)]
struct Stream {
    secure: bool,
    peer: SocketAddr,
    phase: Phase,
    out: Vec<u8>,
    /// Ends once `out` is written.
    ending: bool,
    /// Neither brings nor takes anything any more: a fault.
    dead: bool,
    /// A request whose answer is late: a fault.
    late: Option<(Instant, http::Request)>,
}

#[derive(Debug)]
enum Phase {
    Http(RequestParser),
    WebSocket(ConnectionId, Decoder),
}

impl Streams {
    /// No streams yet.
    #[must_use]
    pub const fn new(provider: &'static dyn Provider) -> Self {
        Self {
            provider,
            streams: BTreeMap::new(),
            connections: BTreeMap::new(),
            closing: VecDeque::new(),
        }
    }

    /// A client has connected.
    pub fn handle_opened(&mut self, key: StreamKey, secure: bool, peer: SocketAddr) {
        let phase = Phase::Http(RequestParser::new(MAX_BODY));
        self.streams.insert(
            key,
            Stream {
                secure,
                peer,
                phase,
                out: Vec::new(),
                ending: false,
                dead: false,
                late: None,
            },
        );
    }

    /// Bytes have come.
    pub fn handle_bytes(
        &mut self,
        now: Instant,
        unix: UnixTime,
        service: &mut Service,
        key: StreamKey,
        bytes: &[u8],
    ) {
        let mut rest = bytes;
        if service.is_black_hole(now) {
            self.bury();
        }
        while let Some(stream) = self
            .streams
            .get_mut(&key)
            .filter(|stream| !stream.ending && !stream.dead && stream.late.is_none())
        {
            let more = match &mut stream.phase {
                Phase::Http(parser) => match parser.push(&mut rest) {
                    Ok(None) => false,
                    Ok(Some(request)) => {
                        let upgrade = request.headers.has_token("upgrade", "websocket");
                        match service.treatment(now, &request.path, upgrade) {
                            Treatment::Pass => {
                                let opened =
                                    stream.answer(now, unix, service, self.provider, &request);
                                if let Some(id) = opened {
                                    self.connections.insert(id, key);
                                }
                            }
                            Treatment::Delay(by) => stream.late = Some((now.plus(by), request)),
                            Treatment::Swallow => {}
                            Treatment::Close => {
                                self.streams.remove(&key);
                                self.closing.push_back(key);
                            }
                        }
                        true
                    }
                    Err(_) => {
                        write_response(&mut stream.out, 400, &[("connection", "close")], b"");
                        stream.ending = true;
                        false
                    }
                },
                Phase::WebSocket(id, decoder) => {
                    let id = *id;
                    match decoder.push(&mut rest) {
                        Ok(None) => false,
                        Ok(Some(Incoming::Text(text))) => {
                            service.handle_message(now, id, &text);
                            true
                        }
                        Ok(Some(Incoming::Ping(payload))) => {
                            push_frame(&mut stream.out, Opcode::Pong, &payload, None);
                            true
                        }
                        Ok(Some(Incoming::Binary(_) | Incoming::Pong(_))) => true,
                        Ok(Some(Incoming::Close { .. })) => {
                            stream.close(1000);
                            self.connections.remove(&id);
                            service.handle_close(id);
                            false
                        }
                        Err(error) => {
                            stream.close(error.close_code());
                            self.connections.remove(&id);
                            service.handle_close(id);
                            false
                        }
                    }
                }
            };
            if !more {
                break;
            }
        }
        self.collect(service);
    }

    /// Lets every stream that there is die.
    fn bury(&mut self) {
        for stream in self.streams.values_mut() {
            stream.dead = true;
            stream.out.clear();
        }
    }

    /// Gives answers that were late long enough.
    pub fn handle_timeout(&mut self, now: Instant, unix: UnixTime, service: &mut Service) {
        if service.is_black_hole(now) {
            self.bury();
        }
        for (key, stream) in &mut self.streams {
            if let Some((_, request)) = stream.late.take_if(|(at, _)| now >= *at) {
                let opened = stream.answer(now, unix, service, self.provider, &request);
                if let Some(id) = opened {
                    self.connections.insert(id, *key);
                }
            }
        }
        self.collect(service);
    }

    /// When [`Streams::handle_timeout`] wants to be called: only ever because of a fault.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let late = self.streams.values().filter_map(|s| s.late.as_ref());
        late.map(|(at, _)| *at).min()
    }

    /// A stream has ended under us.
    pub fn handle_closed(&mut self, service: &mut Service, key: StreamKey) {
        if let Some(Stream {
            phase: Phase::WebSocket(id, _),
            ..
        }) = self.streams.remove(&key)
        {
            self.connections.remove(&id);
            service.handle_close(id);
        }
        self.collect(service);
    }

    /// Carries out what the service wants done. To be called after its own verbs.
    pub fn collect(&mut self, service: &mut Service) {
        while let Some(event) = service.poll_event() {
            let (ServiceEvent::SendText(id, _) | ServiceEvent::Close(id, ..)) = &event;
            let key = self.connections.get(id);
            let Some(stream) = key.and_then(|key| self.streams.get_mut(key)) else {
                continue;
            };
            match event {
                _ if stream.dead => {}
                ServiceEvent::SendText(_, text) => {
                    push_frame(&mut stream.out, Opcode::Text, text.as_bytes(), None);
                }
                ServiceEvent::Close(id, code, _) => {
                    stream.close(code);
                    self.connections.remove(&id);
                }
            }
        }
    }

    /// Bytes to write, and where.
    pub fn poll_transmit(&mut self) -> Option<(StreamKey, Vec<u8>)> {
        let (key, stream) = self
            .streams
            .iter_mut()
            .find(|(_, stream)| !stream.out.is_empty())?;
        let (key, bytes) = (*key, core::mem::take(&mut stream.out));
        if stream.ending {
            self.streams.remove(&key);
            self.closing.push_back(key);
        }
        Some((key, bytes))
    }

    /// A stream to close, everything for it having been handed out.
    pub fn poll_close(&mut self) -> Option<StreamKey> {
        self.closing.pop_front()
    }
}

impl Stream {
    fn close(&mut self, code: u16) {
        push_frame(&mut self.out, Opcode::Close, &code.to_be_bytes(), None);
        self.ending = true;
    }

    fn answer(
        &mut self,
        now: Instant,
        unix: UnixTime,
        service: &mut Service,
        provider: &dyn Provider,
        request: &http::Request,
    ) -> Option<ConnectionId> {
        let headers: Vec<(&str, &str)> = request.headers.iter().collect();
        let whole = Request {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &headers,
            body: &request.body,
            secure: self.secure,
            host: request.headers.get("host").unwrap_or(""),
            peer: self.peer,
        };
        if !request.headers.has_token("upgrade", "websocket") {
            let response = service.handle_http(now, unix, &whole);
            self.write(&response, request.keep_alive);
            return None;
        }
        let key = request.headers.get("sec-websocket-key").unwrap_or("");
        if !is_client_key(key) || request.headers.get("sec-websocket-version") != Some("13") {
            write_response(&mut self.out, 400, &[("connection", "close")], b"");
            self.ending = true;
            return None;
        }
        match service.handle_upgrade(now, unix, &whole) {
            Err(response) => {
                self.write(&response, false);
                None
            }
            Ok(id) => {
                let accept = accept_key(provider, key);
                let headers = [
                    ("upgrade", "websocket"),
                    ("connection", "Upgrade"),
                    ("sec-websocket-accept", accept.as_str()),
                ];
                write_response(&mut self.out, 101, &headers, b"");
                self.phase = Phase::WebSocket(id, Decoder::new(Side::Server, MAX_MESSAGE));
                Some(id)
            }
        }
    }

    fn write(&mut self, response: &Response, keep_alive: bool) {
        let mut headers: Vec<(&str, &str)> = response
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        if !keep_alive {
            headers.push(("connection", "close"));
            self.ending = true;
        }
        write_response(&mut self.out, response.status, &headers, &response.body);
    }
}
