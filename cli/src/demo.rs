//! `kvs demo`: everything in one program.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use kvs_host::aws::{Aws, DEFAULT_REGION};
use kvs_host::media::open_bytes;
use kvs_host::{entropy, tls};
use kvs_service::{Config, Server};
use kvs_signaling::Credentials;
use kvs_signaling::url::Url;
use smolrtc_base::SecretBytes;

use crate::args;
use crate::failure::Failure;
use crate::master::{self, Job};
use crate::output::say;
use crate::page;
use crate::sessions::Sessions;

const CHANNEL: &str = "demo";
const SAMPLE_VIDEO: &[u8] = include_bytes!("../../media/sample.h264");
const SAMPLE_AUDIO: &[u8] = include_bytes!("../../media/sample.opus");

pub(crate) async fn run(args: args::Demo) -> Result<(), Failure> {
    let page = page::Listener::bind(args.listen, "--listen").await?;
    let mut media = master::files(&args.camera)?;
    if media.0.is_none() && media.1.is_none() {
        media.0 = Some(open_bytes(
            Path::new("sample.h264"),
            SAMPLE_VIDEO.to_vec(),
            true,
        )?);
        media.1 = Some(open_bytes(
            Path::new("sample.opus"),
            SAMPLE_AUDIO.to_vec(),
            false,
        )?);
    }
    // Viewers on other machines reach the service where they reach the page.
    let secret = random_key()?;
    let credentials = Credentials::new("DEMO", SecretBytes::from(secret.as_str()));
    let mut config = kvs_service_core::Config::new("DEMO", SecretBytes::from(secret));
    config.region = DEFAULT_REGION.to_owned();
    let mut config = Config::new(config);
    config.listen_http = Some(SocketAddr::new(args.listen.ip(), 0));
    config.stun = Some(SocketAddr::new(args.listen.ip(), 0));
    let service = Server::start(config).await?;
    let Some(address) = service.http_address() else {
        return Err(Failure::new("the service did not start"));
    };
    let local = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv6() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        ip => ip,
    };
    let endpoint = format!("http://{}", SocketAddr::new(local, address.port()));
    let aws = Aws {
        credentials,
        region: DEFAULT_REGION.to_owned(),
        endpoint: Some(Url::parse(&endpoint)?),
        tls: tls::connector(None)?,
    };
    let job = Job {
        channel: CHANNEL.to_owned(),
        aws: aws.clone(),
        create: true,
        media,
        camera: args.camera,
        network: args.network,
    };
    let camera = job.start()?;
    let url = page.url();
    page.serve(
        Sessions::new(CHANNEL.to_owned(), aws, true),
        camera.master.observer(),
        Some(service),
    );
    say(&format!("signaling service at {endpoint}"));
    Box::pin(camera.run(Some(format!("open {url} in a browser; end with Ctrl-C")))).await
}

/// A secret for as long as the demo runs.
fn random_key() -> Result<String, Failure> {
    let mut rng = entropy::system_rng()?;
    Ok(format!("{:016x}{:016x}", rng.u64(), rng.u64()))
}
