//! Starting and stopping.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use kvs_service_core::{Service, Stats};
use smolrtc_base::Rng;
use smolrtc_crypto::RustCrypto;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::actor::Actor;
use crate::incoming::{Incoming, Peer};
use crate::{StartError, certificate, routes, stun};

static PROVIDER: RustCrypto = RustCrypto;

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Keys, region, quotas. `stun` is filled in from the socket below.
    pub service: kvs_service_core::Config,
    /// HTTPS and WSS; port 0 lets the system choose.
    pub listen_tls: Option<SocketAddr>,
    /// HTTP and WS: for loopback and for networks that encrypt by themselves.
    pub listen_http: Option<SocketAddr>,
    /// STUN over UDP.
    pub stun: Option<SocketAddr>,
    /// Where to write the certificate, PEM.
    pub ca_out: Option<PathBuf>,
}

impl Config {
    /// No listener yet.
    #[must_use]
    pub const fn new(service: kvs_service_core::Config) -> Self {
        Self {
            service,
            listen_tls: None,
            listen_http: None,
            stun: None,
            ca_out: None,
        }
    }
}

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    actor: Actor,
    tls: Option<SocketAddr>,
    http: Option<SocketAddr>,
    stun: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds every address, then serves. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| StartError::Entropy)?;
        let tls = bind(config.listen_tls).await?;
        let http = bind(config.listen_http).await?;
        if tls.is_none() && http.is_none() {
            return Err(StartError::NoListener);
        }
        let stun = match config.stun {
            Some(address) => {
                let socket = UdpSocket::bind(address).await;
                let socket = socket.map_err(|error| StartError::Bind(address, error))?;
                let bound = socket
                    .local_addr()
                    .map_err(|error| StartError::Bind(address, error))?;
                config.service.stun = Some(stun::reachable(bound).to_string());
                Some((socket, bound))
            }
            None => None,
        };
        let acceptor = match &tls {
            Some((_, address)) => {
                let (acceptor, pem) = certificate::acceptor(stun::reachable(*address).ip())?;
                if let Some(path) = &config.ca_out {
                    std::fs::write(path, pem)
                        .map_err(|error| StartError::CaOut(path.clone(), error))?;
                }
                Some(acceptor)
            }
            None => None,
        };
        let service = Service::new(config.service, Rng::from_seed(seed), &PROVIDER);
        let mut server = Self {
            actor: Actor::spawn(service),
            tls: tls.as_ref().map(|(_, address)| *address),
            http: http.as_ref().map(|(_, address)| *address),
            stun: stun.as_ref().map(|(_, address)| *address),
            tasks: Vec::new(),
        };
        if let Some((listener, address)) = tls {
            server.serve(listener, address, acceptor)?;
        }
        if let Some((listener, address)) = http {
            server.serve(listener, address, None)?;
        }
        if let Some((socket, _)) = stun {
            server.tasks.push(tokio::spawn(stun::serve(socket)));
        }
        Ok(server)
    }

    fn serve(
        &mut self,
        listener: TcpListener,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> Result<(), StartError> {
        let incoming =
            Incoming::new(listener, tls).map_err(|error| StartError::Bind(address, error))?;
        let router = Router::new()
            .fallback(routes::handle)
            .with_state(self.actor.clone());
        let service = router.into_make_service_with_connect_info::<Peer>();
        self.tasks.push(tokio::spawn(async move {
            // It ends only by being aborted.
            let _ = axum::serve(incoming, service).await;
        }));
        Ok(())
    }

    /// Where HTTPS and WSS are served.
    #[must_use]
    pub const fn tls_address(&self) -> Option<SocketAddr> {
        self.tls
    }

    /// Where HTTP and WS are served.
    #[must_use]
    pub const fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where STUN is served.
    #[must_use]
    pub const fn stun_address(&self) -> Option<SocketAddr> {
        self.stun
    }

    /// The machine's counters.
    pub async fn stats(&self) -> Option<Stats> {
        self.actor.stats().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn bind(
    address: Option<SocketAddr>,
) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let failed = |error| StartError::Bind(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Some((listener, bound)))
}
