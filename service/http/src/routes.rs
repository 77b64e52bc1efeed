//! HTTP requests and WebSockets on their way to the machine.

use axum::body::{Body, to_bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, FromRequestParts as _, Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kvs_service_core::ConnectionId;

use crate::actor::{Actor, Admitted, Call, ToSocket};
use crate::incoming::Peer;

/// Largest request body.
const MAX_BODY: usize = 64 * 1024;
/// A message longer than this ends its connection; the quota refuses shorter ones in words.
const MAX_MESSAGE: usize = 128 * 1024;

/// Every request, whatever its path: the machine knows the paths.
pub(crate) async fn handle(
    State(actor): State<Actor>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.headers.get(header::UPGRADE).is_some_and(|to| {
        to.to_str()
            .is_ok_and(|to| to.eq_ignore_ascii_case("websocket"))
    });
    if upgrade {
        let call = call(&parts, peer, Vec::new());
        let socket = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(socket) => socket,
            Err(rejection) => return rejection.into_response(),
        };
        return match actor.upgrade(call).await {
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Some(Err(refusal)) => answer(refusal),
            Some(Ok(admitted)) => admit(actor, socket, admitted),
        };
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match actor.http(call(&parts, peer, body.to_vec())).await {
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(response) => answer(response),
    }
}

fn call(parts: &Parts, peer: Peer, body: Vec<u8>) -> Call {
    // A header that is no text can be no part of a signature.
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers,
        body,
        secure: peer.secure,
        peer: peer.address,
    }
}

fn answer(response: kvs_service_core::Response) -> Response {
    let mut answer = Response::new(Body::from(response.body));
    *answer.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
    }
    answer
}

fn admit(actor: Actor, socket: WebSocketUpgrade, (id, queue): Admitted) -> Response {
    let lost = actor.clone();
    socket
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_failed_upgrade(move |_| {
            tokio::spawn(async move { lost.closed(id).await });
        })
        .on_upgrade(move |socket| async move {
            carry(&actor, id, socket, queue).await;
            actor.closed(id).await;
        })
}

/// Carries messages both ways until either side ends.
async fn carry(
    actor: &Actor,
    id: ConnectionId,
    mut socket: WebSocket,
    mut queue: tokio::sync::mpsc::Receiver<ToSocket>,
) {
    loop {
        tokio::select! {
            sent = queue.recv() => match sent {
                Some(ToSocket::Text(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Some(ToSocket::Close(code, reason)) => {
                    let frame = CloseFrame { code, reason: reason.into() };
                    // A client that is gone needs no goodbye.
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    return;
                }
                None => return,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    if !actor.message(id, text.as_str().to_owned()).await {
                        return;
                    }
                }
                // Pings are answered by the codec; binary messages mean nothing here.
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        }
    }
}
