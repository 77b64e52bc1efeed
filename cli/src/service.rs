//! `kvs service`

use kvs_service::{Config, Server};
use smolrtc_base::SecretBytes;

use crate::args;
use crate::failure::Failure;
use crate::output::say;
use crate::signals::asked_to_end;

pub(crate) async fn run(args: args::Service) -> Result<(), Failure> {
    let secret = SecretBytes::from(args.secret_key);
    let mut service = kvs_service_core::Config::new(args.access_key, secret);
    service.region = args.region;
    let mut config = Config::new(service);
    config.listen_tls = args.listen;
    config.listen_http = args.listen_http;
    // The UDP port of the same number.
    config.stun = args.stun.or(args.listen).or(args.listen_http);
    config.ca_out = args.ca_out;
    let server = Server::start(config).await?;
    if let Some(address) = server.tls_address() {
        say(&format!("HTTPS and WSS at https://{address}"));
    }
    if let Some(address) = server.http_address() {
        say(&format!("HTTP and WS at http://{address}"));
    }
    if let Some(address) = server.stun_address() {
        say(&format!("STUN at {address} over UDP"));
    }
    asked_to_end().await;
    if let Some(stats) = server.stats().await {
        say(&format!(
            "{} calls, {} connections, {} messages delivered, {} refused, {} quota violations",
            stats.calls,
            stats.connections,
            stats.delivered,
            stats.refused,
            stats.violations.total()
        ));
    }
    Ok(())
}
