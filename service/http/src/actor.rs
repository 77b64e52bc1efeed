//! The task that owns the machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use kvs_service_core::{ConnectionId, Request, Response, Service, ServiceEvent, Stats};
use smolrtc_base::{Instant, UnixTime};
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait for one slow WebSocket before it is given up.
const CONNECTION_QUEUE: usize = 512;
/// Requests that may wait for the machine.
const COMMANDS: usize = 256;

/// A request that owns its parts.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) secure: bool,
    pub(crate) peer: SocketAddr,
}

/// What goes to one WebSocket.
#[derive(Debug)]
pub(crate) enum ToSocket {
    Text(String),
    Close(u16, &'static str),
}

/// An admitted WebSocket: its name, and what is to be sent on it.
pub(crate) type Admitted = (ConnectionId, mpsc::Receiver<ToSocket>);

#[derive(Debug)]
enum Command {
    Http(Call, oneshot::Sender<Response>),
    Upgrade(Call, oneshot::Sender<Result<Admitted, Response>>),
    Message(ConnectionId, String),
    Closed(ConnectionId),
    Stats(oneshot::Sender<Stats>),
}

/// The way to the task.
#[derive(Clone, Debug)]
pub(crate) struct Actor(mpsc::Sender<Command>);

impl Actor {
    pub(crate) fn spawn(service: Service) -> Self {
        let (sender, commands) = mpsc::channel(COMMANDS);
        tokio::spawn(run(service, commands));
        Self(sender)
    }

    /// `None` when the service is shutting down.
    pub(crate) async fn http(&self, call: Call) -> Option<Response> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Http(call, reply)).await.ok()?;
        answer.await.ok()
    }

    /// `None` when the service is shutting down.
    pub(crate) async fn upgrade(&self, call: Call) -> Option<Result<Admitted, Response>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Upgrade(call, reply)).await.ok()?;
        answer.await.ok()
    }

    /// `false` when the service is shutting down.
    pub(crate) async fn message(&self, id: ConnectionId, text: String) -> bool {
        self.0.send(Command::Message(id, text)).await.is_ok()
    }

    pub(crate) async fn closed(&self, id: ConnectionId) {
        // A service that has ended has forgotten its connections.
        let _ = self.0.send(Command::Closed(id)).await;
    }

    pub(crate) async fn stats(&self) -> Option<Stats> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Stats(reply)).await.ok()?;
        answer.await.ok()
    }
}

async fn run(mut service: Service, mut commands: mpsc::Receiver<Command>) {
    let start = std::time::Instant::now();
    let now =
        || Instant::from_micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut sockets: BTreeMap<ConnectionId, mpsc::Sender<ToSocket>> = BTreeMap::new();
    loop {
        let deadline = service
            .poll_timeout()
            .map(|(at, _)| start + at.since(Instant::ZERO));
        let sleep = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let command = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => Some(command),
                None => return,
            },
            () = sleep => None,
        };
        match command {
            None => service.handle_timeout(now()),
            Some(Command::Http(call, reply)) => {
                // Whoever asked may be gone; so in all replies below.
                let _ =
                    reply.send(call.with(|request| service.handle_http(now(), unix(), request)));
            }
            Some(Command::Upgrade(call, reply)) => {
                let admitted = call.with(|request| service.handle_upgrade(now(), unix(), request));
                let admitted = admitted.map(|id| {
                    let (sender, queue) = mpsc::channel(CONNECTION_QUEUE);
                    sockets.insert(id, sender);
                    (id, queue)
                });
                if let Err(Ok((id, _))) = reply.send(admitted) {
                    sockets.remove(&id);
                    service.handle_close(id);
                }
            }
            Some(Command::Message(id, text)) => service.handle_message(now(), id, &text),
            Some(Command::Closed(id)) => {
                sockets.remove(&id);
                service.handle_close(id);
            }
            Some(Command::Stats(reply)) => {
                let _ = reply.send(service.stats());
            }
        }
        deliver(&mut service, &mut sockets);
    }
}

/// Hands what the machine wants sent to the WebSockets' tasks.
fn deliver(service: &mut Service, sockets: &mut BTreeMap<ConnectionId, mpsc::Sender<ToSocket>>) {
    while let Some(event) = service.poll_event() {
        let (id, sent) = match event {
            ServiceEvent::SendText(id, text) => (id, ToSocket::Text(text)),
            ServiceEvent::Close(id, code, reason) => (id, ToSocket::Close(code, reason)),
            _ => continue,
        };
        let last = matches!(sent, ToSocket::Close(..));
        let taken = sockets
            .get(&id)
            .is_some_and(|socket| socket.try_send(sent).is_ok());
        if !taken && sockets.remove(&id).is_some() {
            tracing::warn!(connection = id.0, "a client reads too slowly; disconnected");
            service.handle_close(id);
        } else if last {
            sockets.remove(&id);
        }
    }
}

impl Call {
    fn with<T>(&self, take: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let host = headers
            .iter()
            .find(|(name, _)| *name == "host")
            .map_or("", |(_, host)| *host);
        take(&Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
            secure: self.secure,
            host,
            peer: self.peer,
        })
    }
}

fn unix() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    UnixTime::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
