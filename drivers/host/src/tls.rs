//! TLS to AWS, or to a service on this machine.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::TlsConnector;

/// Why no TLS client could be made.
#[derive(Debug)]
pub enum TlsError {
    /// The file named by `AWS_CA_BUNDLE` could not be read.
    Bundle {
        /// The file.
        path: String,
        /// What was wrong.
        why: String,
    },
    /// rustls refused its configuration.
    Config(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle { path, why } => write!(
                f,
                "cannot use the certificate bundle {path}: {why}; \
                 correct or unset AWS_CA_BUNDLE"
            ),
            Self::Config(error) => write!(f, "cannot set up TLS: {error}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// A TLS client that trusts the certificates in `bundle` (PEM), or the system's when there is none.
/// A system without any gets Mozilla's list, which has Amazon's roots.
///
/// # Errors
/// When the bundle cannot be read or holds no certificate.
pub fn connector(bundle: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = bundle {
        let refused = |why: String| TlsError::Bundle {
            path: path.display().to_string(),
            why,
        };
        let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| refused(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| refused(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(refused("it holds no PEM certificate".into()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
