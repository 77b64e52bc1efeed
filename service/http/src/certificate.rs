//! The certificate made at start.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::StartError;

/// A TLS server with a certificate for `localhost`, the loopback addresses and `address`; and the
/// certificate in PEM.
pub(crate) fn acceptor(address: IpAddr) -> Result<(TlsAcceptor, String), StartError> {
    let mut names = vec!["localhost".to_owned()];
    for ip in ["127.0.0.1", "::1"]
        .map(str::to_owned)
        .into_iter()
        .chain([address.to_string()])
    {
        if !names.contains(&ip) {
            names.push(ip);
        }
    }
    let failed = |error: rcgen::Error| StartError::Certificate(error.to_string());
    // `new` makes an address of a name that is one.
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params
        .subject_alt_names
        .retain(|name| !matches!(name, SanType::IpAddress(ip) if ip.is_unspecified()));
    params
        .distinguished_name
        .push(DnType::CommonName, "kvs-webrtc local service");
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let private = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| StartError::Certificate(error.to_owned()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| StartError::Certificate(error.to_string());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), certificate.pem()))
}
