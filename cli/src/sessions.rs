//! Signed URLs and ICE servers for the page: no AWS key leaves this program.

use std::sync::Mutex as StdMutex;
use std::time::{Duration, Instant};

use kvs_host::aws::Aws;
use kvs_host::call::{Caller, Refusal};
use kvs_host::compute::PROVIDER;
use kvs_host::streams::Gone;
use kvs_message::ClientId;
use kvs_signaling::control::wire::IceServerEntry;
use kvs_signaling::url::{Url, stun_uri};
use kvs_signaling::{CallResult, ChannelRef, Command, Role, presigned_url};
use smolrtc_base::SecretBytes;
use tokio::sync::Mutex;

use crate::channel::explain;
use crate::failure::Failure;

/// Endpoints stay as they are for hours.
const ENDPOINTS_KEPT: Duration = Duration::from_secs(600);
/// TURN credentials are good for five minutes and a page may need them for some seconds.
const ICE_SERVERS_KEPT: Duration = Duration::from_secs(60);
/// KVS lets three viewers a second onto a channel; less, since busy browsers shift arrivals.
const BETWEEN_URLS: Duration = Duration::from_millis(400);
/// URLs that may be given out at once, after a pause.
const BURST: u32 = 1;

/// What a page needs for one connection.
pub(crate) struct Session {
    pub(crate) url: SecretBytes,
    pub(crate) ice_servers: Vec<IceServerEntry>,
}

#[derive(Clone)]
struct Endpoints {
    arn: String,
    wss: Url,
    at: Instant,
}

#[derive(Default)]
struct Cache {
    endpoints: Option<Endpoints>,
    ice_servers: Option<(Vec<IceServerEntry>, Instant)>,
}

/// Makes sessions for one channel.
pub(crate) struct Sessions {
    channel: String,
    aws: Aws,
    caller: Caller,
    /// Held over the calls: of ten pages that come at once one asks, the others get the answer.
    cache: Mutex<Cache>,
    /// Whether viewers reach the service under the host name by which they reach the page.
    follow_page: bool,
    /// The moment from which on URLs go out without waiting.
    next: StdMutex<Option<Instant>>,
}

impl Sessions {
    pub(crate) fn new(channel: String, aws: Aws, follow_page: bool) -> Self {
        Self {
            channel,
            caller: Caller::new(aws.tls.clone()),
            aws,
            cache: Mutex::new(Cache::default()),
            follow_page,
            next: StdMutex::new(None),
        }
    }

    pub(crate) fn channel(&self) -> &str {
        &self.channel
    }

    /// Fetches what every session needs.
    pub(crate) async fn warm_up(&self) {
        if let Err(failure) = self.endpoints().await {
            tracing::info!(%failure, "the page's sessions are not ready yet");
        }
    }

    /// A signed URL that nobody has used, and the ICE servers. `page_host` is the host name by which
    /// the browser knows this program.
    pub(crate) async fn open(
        &self,
        client: &ClientId,
        page_host: &str,
    ) -> Result<Session, Failure> {
        let (endpoints, ice_servers) = self.endpoints().await?;
        if let Some(at) = self.turn() {
            tokio::time::sleep_until(at.into()).await;
        }
        Ok(Session {
            url: self.sign(&endpoints, client, page_host)?,
            ice_servers,
        })
    }

    /// What the service has against a viewer's WebSocket.
    pub(crate) async fn why(&self, client: &ClientId, page_host: &str) -> Result<Refusal, Failure> {
        let (endpoints, _) = self.endpoints().await?;
        let url = self.sign(&endpoints, client, page_host)?;
        let refusal = self
            .caller
            .why_refused(&Url::parse(url.expose_str())?)
            .await;
        let refusal = refusal.map_err(|gone| {
            Failure::new(match gone {
                Gone::Refused => "nobody listens at the service's address: is it running?",
                Gone::Dns => "the service's host name does not resolve",
                Gone::Tls => "the TLS connection to the service failed",
                _ => "the service does not answer",
            })
        })?;
        // The channel may have been made anew, with another ARN.
        *self.cache.lock().await = Cache::default();
        Ok(refusal)
    }

    fn sign(
        &self,
        endpoints: &Endpoints,
        client: &ClientId,
        page_host: &str,
    ) -> Result<SecretBytes, Failure> {
        let followed;
        let endpoint = if self.follow_page {
            let wss = &endpoints.wss;
            let url = format!(
                "{}://{page_host}:{}/",
                if wss.tls() { "wss" } else { "ws" },
                wss.port()
            );
            followed = Url::parse(&url)?;
            &followed
        } else {
            &endpoints.wss
        };
        Ok(presigned_url(
            &PROVIDER,
            &self.aws.credentials,
            &self.aws.region,
            self.caller.unix(),
            endpoint,
            &endpoints.arn,
            &Role::Viewer(client.clone()),
        ))
    }

    async fn endpoints(&self) -> Result<(Endpoints, Vec<IceServerEntry>), Failure> {
        let mut cache = self.cache.lock().await;
        let endpoints = match &cache.endpoints {
            Some(known) if known.at.elapsed() < ENDPOINTS_KEPT => known.clone(),
            _ => self.fetch_endpoints().await?,
        };
        cache.endpoints = Some(endpoints.clone());
        let ice_servers = match &cache.ice_servers {
            Some((known, at)) if at.elapsed() < ICE_SERVERS_KEPT => known.clone(),
            _ => {
                let fetched = self.fetch_ice_servers(&endpoints.arn).await?;
                cache.ice_servers = Some((fetched.clone(), Instant::now()));
                fetched
            }
        };
        Ok((endpoints, ice_servers))
    }

    async fn fetch_endpoints(&self) -> Result<Endpoints, Failure> {
        match self.call(&self.channel, Command::Endpoints).await? {
            CallResult::Endpoints { arn, wss, .. } => Ok(Endpoints {
                arn,
                wss,
                at: Instant::now(),
            }),
            _ => Err(Failure::new("the service named no WebSocket endpoint")),
        }
    }

    async fn fetch_ice_servers(&self, arn: &str) -> Result<Vec<IceServerEntry>, Failure> {
        let command = Command::IceServers { client_id: None };
        let CallResult::IceServers(mut servers) = self.call(arn, command).await? else {
            return Ok(Vec::new());
        };
        if self.aws.endpoint.is_none() {
            // AWS's own list has TURN only.
            let uris = vec![stun_uri(&self.aws.region, false)];
            servers.insert(
                0,
                IceServerEntry {
                    uris,
                    ..IceServerEntry::default()
                },
            );
        }
        Ok(servers)
    }

    async fn call(&self, channel: &str, command: Command) -> Result<CallResult, Failure> {
        // Any viewer: the endpoints are the same for all.
        let mut config = self
            .aws
            .signaling(Role::Viewer(ClientId::new("page")?), &self.channel)?;
        config.channel = ChannelRef::parse(channel)?;
        let result = self
            .caller
            .call(config, command, self.aws.credentials.clone())
            .await;
        result.map_err(|error| explain(&error, &self.channel))
    }

    /// Takes a place in the queue; `None` when it is our turn already.
    fn turn(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = self.next.lock().ok()?;
        let earliest = now.checked_sub(BETWEEN_URLS * BURST).unwrap_or(now);
        let mine = next.unwrap_or(earliest).max(earliest) + BETWEEN_URLS;
        *next = Some(mine);
        (mine > now).then_some(mine)
    }
}
