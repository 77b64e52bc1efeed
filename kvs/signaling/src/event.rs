//! What goes into the machines and comes out of them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use kvs_message::{IceServer, Inbound};
use smolrtc_base::Instant;

use crate::control::ServiceError;
use crate::http::HttpError;
use crate::websocket::WebSocketError;

/// A stream that the driver opens for a machine. Never reused within a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Nobody listens at the port.
    Refused,
    /// The name does not resolve.
    Dns,
    /// The TLS handshake failed: certificate, name or protocol.
    Tls,
    /// No answer from the host or network.
    TimedOut,
    /// Cut off.
    Reset,
    /// Ended in good order by the peer.
    Eof,
}

/// What the driver reports. Reports about streams that are closed already are ignored.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Open, with TLS done if it was asked for.
    StreamOpened(StreamId),
    /// Bytes arrived.
    StreamBytes(StreamId, &'a [u8]),
    /// It ended, or never opened.
    StreamClosed(StreamId, CloseReason),
}

impl fmt::Debug for Input<'_> {
    /// Bytes are shown by their number: they may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamOpened(id) => write!(f, "StreamOpened({})", id.0),
            Self::StreamBytes(id, bytes) => write!(f, "StreamBytes({}, {})", id.0, bytes.len()),
            Self::StreamClosed(id, reason) => write!(f, "StreamClosed({}, {reason:?})", id.0),
        }
    }
}

/// Bytes lie in the caller's buffer, to be written to a stream in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTransmit {
    /// Which stream.
    pub stream: StreamId,
    /// How many bytes.
    pub len: usize,
}

/// What a [`Client`](crate::Client) tells its driver and its application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Open a stream; then report [`Input::StreamOpened`] or [`Input::StreamClosed`].
    OpenStream {
        /// Name for it from now on.
        id: StreamId,
        /// Host name or address, to resolve and to check the certificate against.
        host: String,
        /// TCP port.
        port: u16,
        /// Over TLS.
        tls: bool,
    },
    /// Like [`Event::OpenStream`], over TLS with the device's certificate: for IoT Core's
    /// credential endpoint.
    OpenMutualTls {
        /// Name for it from now on.
        id: StreamId,
        /// Host name, to resolve and to check the certificate against.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Close a stream once everything handed out for it is written. No report is wanted.
    CloseStream(StreamId),
    /// The WebSocket is open: the channel is served.
    Connected,
    /// The WebSocket is gone; a new one is on its way unless the client was shut down.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
    },
    /// A new WebSocket has taken the place of the old one, which was about to reach its age or its
    /// idle time. Nothing was lost; nothing is to be done.
    Rotated,
    /// Another master has taken the channel; it is not fought for, but taken back later.
    /// Comes after [`Event::Disconnected`].
    Replaced {
        /// When the next try is made, half a minute away at least.
        retry_at: Instant,
    },
    /// A message arrived.
    Message(Inbound),
    /// Fresh STUN and TURN servers.
    IceServers(Vec<IceServer>),
    /// The channel is known.
    Channel {
        /// Its ARN.
        arn: String,
        /// Whether it was created just now.
        created: bool,
    },
    /// The service's clock differs from ours; signatures use the service's from now on.
    ClockSkew {
        /// Seconds by which ours is behind; negative if ahead.
        seconds: i64,
    },
    /// Credentials are wanted: those at hand end soon, have expired, or are refused as expired. Call
    /// [`set_credentials`](crate::Client::set_credentials). The connection stays meanwhile. Said
    /// again every minute until somebody does.
    CredentialsNeeded,
    /// A step failed; it is tried again, without end.
    Failed {
        /// What, and what to do.
        error: Error,
        /// When it is tried again.
        retry_at: Instant,
    },
}

/// Why a WebSocket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The service asked for it: it will close the connection soon.
    GoAway,
    /// No pong within the deadline: the connection was half open.
    PongTimedOut,
    /// The service closed with this code: an idle or an old connection, a restart.
    Closed(u16),
    /// The stream ended under it.
    Stream(CloseReason),
    /// Another connection has taken this one's place, and it was not ours.
    Replaced,
    /// The service violated the protocol.
    Protocol(WebSocketError),
    /// [`shutdown`](crate::Client::shutdown) was called.
    Shutdown,
}

/// Which step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// DescribeSignalingChannel.
    Describe,
    /// CreateSignalingChannel.
    Create,
    /// ListSignalingChannels.
    List,
    /// GetSignalingChannelEndpoint.
    GetEndpoint,
    /// GetIceServerConfig.
    GetIceServers,
    /// Opening the WebSocket.
    Connect,
    /// DeleteSignalingChannel.
    Delete,
    /// IoT Core's credential endpoint.
    GetCredentials,
    /// UpdateSignalingChannel.
    Update,
    /// TagResource, UntagResource.
    Tag,
    /// ListTagsForResource.
    ListTags,
    /// DescribeMediaStorageConfiguration.
    DescribeStorage,
    /// UpdateMediaStorageConfiguration.
    UpdateStorage,
    /// JoinStorageSession, JoinStorageSessionAsViewer.
    JoinStorage,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Describe => "DescribeSignalingChannel",
            Self::Create => "CreateSignalingChannel",
            Self::List => "ListSignalingChannels",
            Self::GetEndpoint => "GetSignalingChannelEndpoint",
            Self::GetIceServers => "GetIceServerConfig",
            Self::Connect => "opening the WebSocket",
            Self::Delete => "DeleteSignalingChannel",
            Self::GetCredentials => "IoT Core's role alias",
            Self::Update => "UpdateSignalingChannel",
            Self::Tag => "TagResource",
            Self::ListTags => "ListTagsForResource",
            Self::DescribeStorage => "DescribeMediaStorageConfiguration",
            Self::UpdateStorage => "UpdateMediaStorageConfiguration",
            Self::JoinStorage => "JoinStorageSession",
        }
    }
}

/// Why a call brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// The stream failed or ended.
    Stream(CloseReason),
    /// The stream did not open in time.
    ConnectTimedOut,
    /// The answer did not come in time.
    CallTimedOut,
    /// The answer is no HTTP that is accepted here.
    Http(HttpError),
    /// The 101 does not fit our handshake (RFC 6455 section 4.1).
    NotWebSocket,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream(CloseReason::Refused) => {
                "connection refused: is the service running at this address and port?"
            }
            Self::Stream(CloseReason::Dns) => {
                "the host name does not resolve: check the endpoint, the region and the network"
            }
            Self::Stream(CloseReason::Tls) => {
                "TLS failed: check the clock and, for a service of your own, AWS_CA_BUNDLE"
            }
            Self::Stream(CloseReason::TimedOut) | Self::ConnectTimedOut => {
                "no connection in time: check the network and the firewall"
            }
            Self::Stream(CloseReason::Reset | CloseReason::Eof) => {
                "the connection ended before the answer"
            }
            Self::CallTimedOut => "no answer in time",
            Self::NotWebSocket => "the endpoint does not speak WebSocket: is a proxy in between?",
            Self::Http(error) => return fmt::Display::fmt(error, f),
        })
    }
}

/// What went wrong. Its `Display` says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No answer.
    Transport {
        /// In which step.
        step: Step,
        /// Why.
        error: TransportError,
    },
    /// A refusal.
    Service {
        /// In which step.
        step: Step,
        /// Why.
        error: ServiceError,
    },
    /// An answer that is not what the API promises.
    Malformed {
        /// In which step.
        step: Step,
    },
    /// The credentials have expired by our own clock.
    CredentialsExpired,
}

impl Error {
    /// Whether trying again can help without anybody changing anything: `false` for a missing
    /// channel, a wrong key and the like. A program that was started by hand may rather stop.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        use crate::control::ErrorKind as Kind;
        match self {
            Self::Transport { .. } => true,
            Self::Service { error, .. } => {
                matches!(
                    error.kind,
                    Kind::Throttled
                        | Kind::Unavailable
                        | Kind::InUse
                        | Kind::Other
                        | Kind::ClockSkewed
                )
            }
            Self::Malformed { .. } | Self::CredentialsExpired => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport { step, error } => write!(f, "{}: {error}", step.name()),
            Self::Service { step, error } => write!(f, "{}: {error}", step.name()),
            Self::Malformed { step } => write!(
                f,
                "{}: the answer is not what the API promises: is this a KVS endpoint?",
                step.name()
            ),
            Self::CredentialsExpired => f.write_str("the credentials have expired: get new ones"),
        }
    }
}

impl core::error::Error for Error {}

/// Which timer a machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A stream must be open by then.
    Connect,
    /// A call must be answered by then.
    Call,
    /// A failed step is tried again.
    Retry,
    /// A ping is due.
    Ping,
    /// A pong must have come by then.
    Pong,
    /// A queued message may be sent by then without exceeding KVS's rates.
    Rate,
    /// The closing handshake ends by then.
    Close,
    /// The connection is replaced by a new one before the service ends it.
    Rotate,
    /// Credentials are renewed.
    Credentials,
    /// ICE servers are renewed for the viewers that are live.
    IceServers,
}
