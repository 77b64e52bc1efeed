//! The signaling machine and its streams, as one thing that a program's loop drives.

use kvs_signaling::{Client, CloseReason, Event, Input, Reason, StreamId};
use smolrtc_base::Instant;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use crate::streams::{Gone, StreamEvent, Streams};

/// Reports that may wait for the loop.
const REPORTS: usize = 64;
/// Bytes taken from the machine at once.
const CHUNK: usize = 32 * 1024;

/// A signaling client with its TCP and TLS streams.
#[derive(Debug)]
pub struct SignalingLink {
    client: Client,
    streams: Streams,
    reports: mpsc::Receiver<StreamEvent>,
    buf: Vec<u8>,
}

impl SignalingLink {
    /// Gives `client` its streams.
    #[must_use]
    pub fn new(client: Client, tls: TlsConnector) -> Self {
        let (sender, reports) = mpsc::channel(REPORTS);
        Self {
            client,
            streams: Streams::new(tls, sender),
            reports,
            buf: vec![0; CHUNK],
        }
    }

    /// The machine itself.
    pub const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The next report of a stream; for [`handle`](Self::handle).
    pub async fn report(&mut self) -> Option<StreamEvent> {
        self.reports.recv().await
    }

    /// Takes a stream's report.
    pub fn handle(&mut self, now: Instant, report: &StreamEvent) {
        self.client.handle_input(now, to_input(report));
    }

    /// Does what the machine wants of its streams and returns its next event for the application.
    pub fn poll(&mut self, now: Instant) -> Option<Event> {
        loop {
            while let Some(transmit) = self.client.poll_transmit(now, &mut self.buf) {
                let bytes = self.buf.get(..transmit.len).unwrap_or_default();
                self.streams.write(u64::from(transmit.stream.0), bytes);
            }
            match self.client.poll_event()? {
                Event::OpenStream {
                    id,
                    host,
                    port,
                    tls,
                } => {
                    self.streams.open(u64::from(id.0), &host, port, tls);
                }
                Event::CloseStream(id) => self.streams.close(u64::from(id.0)),
                event => return Some(event),
            }
        }
    }

    /// Does what time has made due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.client.handle_timeout(now);
    }

    /// When the machine must be woken.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        self.client.poll_timeout()
    }
}

/// A stream's report, as the machines take it.
pub(crate) fn to_input(report: &StreamEvent) -> Input<'_> {
    let id = |id: &u64| StreamId(u32::try_from(*id).unwrap_or(u32::MAX));
    match report {
        StreamEvent::Opened(stream) => Input::StreamOpened(id(stream)),
        StreamEvent::Bytes(stream, bytes) => Input::StreamBytes(id(stream), bytes),
        StreamEvent::Closed(stream, gone) => {
            let reason = match gone {
                Gone::Dns => CloseReason::Dns,
                Gone::Refused => CloseReason::Refused,
                Gone::Tls => CloseReason::Tls,
                Gone::TimedOut => CloseReason::TimedOut,
                Gone::Reset => CloseReason::Reset,
                Gone::Eof => CloseReason::Eof,
            };
            Input::StreamClosed(id(stream), reason)
        }
    }
}
