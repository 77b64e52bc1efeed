//! Control-plane calls, one at a time, and the question why a WebSocket was refused.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use kvs_signaling::http::{ResponseParser, write_request};
use kvs_signaling::url::Url;
use kvs_signaling::{Call, CallResult, Command, Config, ConfigError, Credentials, Event};
use smolrtc_base::{Duration, UnixTime};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use crate::clock::Clock;
use crate::compute::PROVIDER;
use crate::link::to_input;
use crate::streams::{Gone, StreamEvent, Streams};

/// Reports of streams that may wait.
const REPORTS: usize = 64;
/// Bytes taken from the machine at once.
const CHUNK: usize = 16 * 1024;
/// How long a refused handshake is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest body of a refusal.
const REFUSAL_BYTES: usize = 16 * 1024;
/// The key of a handshake that nobody wants to complete: any 16 bytes in base64 will do.
const HANDSHAKE_KEY: &str = "a3ZzLXdlYnJ0Yy13aHktbg==";

/// Why a call failed.
#[derive(Clone, Copy, Debug)]
pub enum CallError {
    /// Its settings.
    Config(ConfigError),
    /// The call itself.
    Call(kvs_signaling::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

/// A refused WebSocket handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's name of the error, for example `AccessDeniedException`.
    pub error_type: String,
    /// The body, JSON as a rule.
    pub body: Vec<u8>,
    /// HTTP status; 101 when it was not refused after all.
    pub status: u16,
}

/// Makes control-plane calls. Remembers how far the service's clock is from ours.
pub struct Caller {
    tls: TlsConnector,
    clock: Clock,
    /// Microseconds by which our clock is behind the service's.
    skew: AtomicI64,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("skew", &self.skew)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller that speaks TLS through `tls`.
    #[must_use]
    pub fn new(tls: TlsConnector) -> Self {
        Self {
            tls,
            clock: Clock::start(),
            skew: AtomicI64::new(0),
        }
    }

    /// Wall time by the service's clock, as far as it is known: what signatures should carry.
    #[must_use]
    pub fn unix(&self) -> UnixTime {
        let own = self.clock.unix().as_micros();
        UnixTime::from_micros(own.saturating_add_signed(self.skew.load(Ordering::Relaxed)))
    }

    /// Seconds by which our clock is behind the service's; negative if ahead.
    #[must_use]
    pub fn skew_seconds(&self) -> i64 {
        self.skew.load(Ordering::Relaxed) / 1_000_000
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn call(
        &self,
        config: Config,
        command: Command,
        credentials: Credentials,
    ) -> Result<CallResult, CallError> {
        let now = self.clock.now();
        let mut call =
            Call::new(now, config, command, credentials, &PROVIDER).map_err(CallError::Config)?;
        call.set_wall_clock(now, self.unix());
        let (sender, mut reports) = mpsc::channel(REPORTS);
        let mut streams = Streams::new(self.tls.clone(), sender);
        let mut buf = vec![0; CHUNK];
        loop {
            let now = self.clock.now();
            if call.poll_timeout().is_some_and(|(at, _)| at <= now) {
                call.handle_timeout(now);
            }
            while let Some(event) = call.poll_event() {
                match event {
                    Event::OpenStream {
                        id,
                        host,
                        port,
                        tls,
                    } => {
                        streams.open(u64::from(id.0), &host, port, tls);
                    }
                    Event::CloseStream(id) => streams.close(u64::from(id.0)),
                    Event::ClockSkew { seconds } => {
                        self.skew
                            .fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
                    }
                    _ => {}
                }
            }
            if let Some(result) = call.take_result() {
                return result.map_err(CallError::Call);
            }
            while let Some(transmit) = call.poll_transmit(now, &mut buf) {
                let bytes = buf.get(..transmit.len).unwrap_or_default();
                streams.write(u64::from(transmit.stream.0), bytes);
            }
            let deadline = call.poll_timeout().map(|(at, _)| self.clock.deadline(at));
            let sleep = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(report) = reports.recv() => {
                    call.handle_input(self.clock.now(), to_input(&report));
                }
                () = sleep => {}
            }
        }
    }

    /// Tries the handshake of a signed WebSocket URL and tells what the service has against it: a
    /// browser is not told.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn why_refused(&self, url: &Url) -> Result<Refusal, Gone> {
        let (sender, mut reports) = mpsc::channel(REPORTS);
        let mut streams = Streams::new(self.tls.clone(), sender);
        streams.open(0, url.host(), url.port(), url.tls());
        let target = format!("{}?{}", url.path(), url.query());
        let authority = url.authority();
        let headers = [
            ("host", authority.as_str()),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", HANDSHAKE_KEY),
            ("sec-websocket-version", "13"),
        ];
        let mut request = Vec::new();
        write_request(&mut request, "GET", &target, &headers, b"");
        let mut parser = ResponseParser::new(REFUSAL_BYTES);
        let answer = async {
            while let Some(report) = reports.recv().await {
                let response = match report {
                    StreamEvent::Opened(id) => {
                        streams.write(id, &request);
                        continue;
                    }
                    StreamEvent::Bytes(_, bytes) => parser.push(&mut bytes.as_slice()),
                    StreamEvent::Closed(_, Gone::Eof) => parser.finish(),
                    StreamEvent::Closed(_, gone) => return Err(gone),
                };
                match response {
                    Ok(None) => {}
                    Ok(Some(response)) => {
                        let name = response.headers.get("x-amzn-errortype").unwrap_or("");
                        return Ok(Refusal {
                            error_type: name.split(':').next().unwrap_or("").to_owned(),
                            status: response.status,
                            body: response.body,
                        });
                    }
                    Err(_) => return Err(Gone::Reset),
                }
            }
            Err(Gone::Eof)
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or(Err(Gone::TimedOut))
    }
}
