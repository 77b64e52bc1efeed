//! The viewer page and what it asks for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::get;
use kvs_host::master::Observer;
use kvs_message::ClientId;
use kvs_service::Server;
use kvs_signaling::control::wire::IceServerEntry;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::failure::Failure;
use crate::sessions::Sessions;
use crate::statistics;

const PAGE: &str = include_str!("../../web/index.html");
const STYLE: &str = include_str!("../../web/style.css");
const SCRIPT: &str = include_str!("../../web/viewer.js");

struct Site {
    sessions: Sessions,
    master: Observer,
    /// The service, when it runs in this program.
    service: Option<Server>,
}

type Shared = State<Arc<Site>>;

/// A page that is listened for, not served yet.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the port, so that its being in use is known before anything else starts.
    pub(crate) async fn bind(address: SocketAddr, option: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            let what = kvs_service::StartError::Bind(address, error);
            let other = SocketAddr::new(address.ip(), address.port().wrapping_add(1).max(1024));
            Failure::new(format!("{what}, for example {option} {other}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn url(&self) -> String {
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("http://localhost:{}/", self.address.port()),
            _ => format!("http://{}/", self.address),
        }
    }

    /// Serves the page from now on.
    pub(crate) fn serve(self, sessions: Sessions, master: Observer, service: Option<Server>) {
        let site = Arc::new(Site {
            sessions,
            master,
            service,
        });
        let router = Router::new()
            .route("/", get(async || file("text/html; charset=utf-8", PAGE)))
            .route(
                "/style.css",
                get(async || file("text/css; charset=utf-8", STYLE)),
            )
            .route(
                "/viewer.js",
                get(async || file("text/javascript; charset=utf-8", SCRIPT)),
            )
            .route("/api/session", get(session))
            .route("/api/why", get(why))
            .route("/api/media", get(media))
            .route("/api/stats", get(stats))
            .route("/api/service", get(service_stats))
            .layer(middleware::from_fn(only_by_address))
            .with_state(Arc::clone(&site));
        let listener = self.listener;
        tokio::spawn(async move {
            // The first page need not wait for the control plane; a failure is told to the page.
            tokio::spawn(async move { site.sessions.warm_up().await });
            // It ends with the program.
            let _ = axum::serve(listener, router).await;
        });
    }
}

/// Refuses requests under a foreign name: a page elsewhere whose name was made to lead here would
/// get a signed URL otherwise (DNS rebinding).
async fn only_by_address(request: Request, next: Next) -> Response {
    let host = host_of(request.headers());
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let local = name == "localhost" || name.ends_with(".local") || !name.contains('.');
    if local || name.parse::<IpAddr>().is_ok() {
        return next.run(request).await;
    }
    let text = "this page is served under its address only, not under a domain name\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

/// The host that the browser asked for, without the port.
fn host_of(headers: &HeaderMap) -> &str {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("");
    let port = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    port.map_or(host, |(name, _)| name)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
        .into_response()
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    answer(status, json!({ "errorType": kind, "message": message }))
}

#[derive(Deserialize)]
struct Viewer {
    #[serde(rename = "clientId")]
    client_id: String,
}

impl Viewer {
    fn id(&self) -> Result<ClientId, Box<Response>> {
        ClientId::new(&self.client_id).map_err(|error| {
            let text = error.to_string();
            Box::new(refuse(
                StatusCode::BAD_REQUEST,
                "InvalidArgumentException",
                &text,
            ))
        })
    }
}

fn ice_server(entry: &IceServerEntry) -> Value {
    let mut server = json!({ "urls": entry.uris });
    if let (Some(username), Some(password)) = (&entry.username, &entry.password) {
        server["username"] = json!(username);
        server["credential"] = json!(password);
    }
    server
}

async fn session(
    State(site): Shared,
    headers: HeaderMap,
    Query(viewer): Query<Viewer>,
) -> Response {
    let id = match viewer.id() {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    match site.sessions.open(&id, host_of(&headers)).await {
        Ok(session) => {
            let servers: Vec<Value> = session.ice_servers.iter().map(ice_server).collect();
            answer(
                StatusCode::OK,
                json!({
                    "url": session.url.expose_str(),
                    "iceServers": servers,
                    "channel": site.sessions.channel(),
                }),
            )
        }
        Err(failure) => refuse(
            StatusCode::BAD_GATEWAY,
            "SignalingFailed",
            &failure.to_string(),
        ),
    }
}

async fn why(State(site): Shared, headers: HeaderMap, Query(viewer): Query<Viewer>) -> Response {
    let id = match viewer.id() {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    match site.sessions.why(&id, host_of(&headers)).await {
        Ok(refusal) if refusal.status == 101 => refuse(
            StatusCode::OK,
            "",
            "the service would let us in now: try again",
        ),
        Ok(refusal) => {
            let body: Value = serde_json::from_slice(&refusal.body).unwrap_or_default();
            let message = ["message", "Message"]
                .iter()
                .find_map(|key| body.get(key)?.as_str());
            let status = format!("HTTP {}", refusal.status);
            refuse(
                StatusCode::OK,
                &refusal.error_type,
                message.unwrap_or(&status),
            )
        }
        Err(failure) => refuse(
            StatusCode::BAD_GATEWAY,
            "SignalingFailed",
            &failure.to_string(),
        ),
    }
}

/// Where the player stands: media sent at Unix time t (ms) shows position
/// `(t - startedUnixMs) % turnMs`.
async fn media(State(site): Shared) -> Response {
    let millis = |span: Duration| span.as_secs_f64() * 1e3;
    match site.master.media_clock() {
        None => refuse(StatusCode::NOT_FOUND, "NotStarted", "no file is playing"),
        Some(clock) => answer(
            StatusCode::OK,
            json!({
                "startedUnixMs": clock.started.as_micros() as f64 / 1e3,
                "turnMs": millis(clock.turn),
            }),
        ),
    }
}

async fn stats(State(site): Shared) -> Response {
    answer(
        StatusCode::OK,
        statistics::to_json(&site.master.snapshots().await),
    )
}

/// Counters of the service: what it did, and the quotas of KVS that were exceeded, by kind.
async fn service_stats(State(site): Shared) -> Response {
    let Some(server) = &site.service else {
        return refuse(
            StatusCode::NOT_FOUND,
            "NotHere",
            "the service is another program",
        );
    };
    let Some(stats) = server.stats().await else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "Ended",
            "the service has ended",
        );
    };
    let exceeded = stats.violations.iter().filter(|(_, count)| *count > 0);
    let exceeded: Map<String, Value> = exceeded
        .map(|(quota, count)| (quota.to_owned(), count.into()))
        .collect();
    answer(
        StatusCode::OK,
        json!({
            "calls": stats.calls,
            "connections": stats.connections,
            "delivered": stats.delivered,
            "refused": stats.refused,
            "masters": stats.masters,
            "viewers": stats.viewers,
            "violations": stats.violations.total(),
            "exceeded": exceeded,
        }),
    )
}
