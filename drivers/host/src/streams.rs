//! TCP and TLS streams that the signaling machine asks for: opens, reads, writes, closes, and reports.

use std::collections::BTreeMap;
use std::io;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Pieces of writing that may wait for a slow peer before the stream counts as dead.
const WRITE_QUEUE: usize = 256;

/// Why a stream is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The name does not resolve.
    Dns,
    /// Nobody listens there, or it cannot be reached.
    Refused,
    /// The TLS handshake failed: an untrusted certificate, most often.
    Tls,
    /// Connecting took too long.
    TimedOut,
    /// The connection broke.
    Reset,
    /// The peer ended it.
    Eof,
}

/// What a stream has to tell.
#[derive(Debug)]
pub enum StreamEvent {
    /// Ready for writing.
    Opened(u64),
    /// Bytes arrived.
    Bytes(u64, Vec<u8>),
    /// Over.
    Closed(u64, Gone),
}

/// All streams of one machine.
#[derive(Debug)]
pub struct Streams {
    tls: Tls,
    reports: mpsc::Sender<StreamEvent>,
    writers: BTreeMap<u64, mpsc::Sender<Vec<u8>>>,
}

/// `TlsConnector` without a `Debug` of its own.
#[derive(Clone)]
struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Streams {
    /// No stream yet; reports go to `reports`.
    #[must_use]
    pub const fn new(tls: TlsConnector, reports: mpsc::Sender<StreamEvent>) -> Self {
        Self {
            tls: Tls(tls),
            reports,
            writers: BTreeMap::new(),
        }
    }

    /// Starts opening a stream; [`StreamEvent::Opened`] or [`StreamEvent::Closed`] follows.
    pub fn open(&mut self, id: u64, host: &str, port: u16, secure: bool) {
        let (writer, queue) = mpsc::channel(WRITE_QUEUE);
        self.writers.insert(id, writer);
        let (tls, reports, host) = (self.tls.0.clone(), self.reports.clone(), host.to_owned());
        tokio::spawn(async move {
            let gone = match connect(&host, port).await {
                Ok(tcp) if secure => match server_name(&host) {
                    Some(name) => match tls.connect(name, tcp).await {
                        Ok(stream) => carry(id, stream, queue, &reports).await,
                        Err(error) => {
                            tracing::info!(host, %error, "TLS handshake failed");
                            Gone::Tls
                        }
                    },
                    None => Gone::Tls,
                },
                Ok(tcp) => carry(id, tcp, queue, &reports).await,
                Err(gone) => gone,
            };
            // The machine may be gone itself; then nobody needs to know.
            let _ = reports.send(StreamEvent::Closed(id, gone)).await;
        });
    }

    /// Writes `bytes`. A peer that does not take them for long loses its stream.
    pub fn write(&mut self, id: u64, bytes: &[u8]) {
        if let Some(writer) = self.writers.get(&id)
            && writer.try_send(bytes.to_vec()).is_err()
        {
            self.close(id);
        }
    }

    /// Ends a stream after what was written has left.
    pub fn close(&mut self, id: u64) {
        self.writers.remove(&id);
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Gone> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<_> = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|_| Gone::Dns)?
        .collect();
    if addresses.is_empty() {
        return Err(Gone::Dns);
    }
    match TcpStream::connect(addresses.as_slice()).await {
        Ok(tcp) => {
            // Signaling messages are small and urgent.
            let _ = tcp.set_nodelay(true);
            Ok(tcp)
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Gone::TimedOut),
        Err(_) => Err(Gone::Refused),
    }
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).ok()
}

/// Carries bytes both ways until either side ends.
async fn carry<S: AsyncRead + AsyncWrite>(
    id: u64,
    stream: S,
    mut queue: mpsc::Receiver<Vec<u8>>,
    reports: &mpsc::Sender<StreamEvent>,
) -> Gone {
    if reports.send(StreamEvent::Opened(id)).await.is_err() {
        return Gone::Reset;
    }
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = async {
        let mut buf = vec![0; READ_BYTES];
        loop {
            match reader.read(&mut buf).await {
                Ok(0) => return Gone::Eof,
                Ok(len) => {
                    let bytes = buf.get(..len).unwrap_or_default().to_vec();
                    if reports.send(StreamEvent::Bytes(id, bytes)).await.is_err() {
                        return Gone::Reset;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Gone::Eof,
                Err(_) => return Gone::Reset,
            }
        }
    };
    let writing = async {
        while let Some(bytes) = queue.recv().await {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return Gone::Reset;
            }
        }
        // Closed by us.
        let _ = writer.shutdown().await;
        Gone::Eof
    };
    tokio::select! {
        gone = reading => gone,
        gone = writing => gone,
    }
}
