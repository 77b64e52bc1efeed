//! Why a service could not start.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a service could not start. The text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be listened on.
    Bind(SocketAddr, io::Error),
    /// The certificate could not be made.
    Certificate(String),
    /// The certificate could not be written.
    CaOut(PathBuf, io::Error),
    /// Neither address was given.
    NoListener,
    /// The system gives no random numbers.
    Entropy,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address, error) => {
                write!(f, "cannot listen on {address}: ")?;
                match error.kind() {
                    ErrorKind::AddrInUse => {
                        write!(
                            f,
                            "the port is in use; stop the program that has it or choose another port"
                        )
                    }
                    ErrorKind::AddrNotAvailable => {
                        write!(
                            f,
                            "this machine has no such address; use one of its own, 127.0.0.1 or 0.0.0.0"
                        )
                    }
                    ErrorKind::PermissionDenied => {
                        write!(f, "not permitted; choose a port above 1023")
                    }
                    _ => write!(f, "{error}"),
                }
            }
            Self::Certificate(why) => write!(f, "cannot make a TLS certificate: {why}"),
            Self::CaOut(path, error) => {
                write!(
                    f,
                    "cannot write the certificate to {}: {error}",
                    path.display()
                )
            }
            Self::NoListener => f.write_str("give an address to listen on"),
            Self::Entropy => f.write_str("the system gives no random numbers"),
        }
    }
}

impl std::error::Error for StartError {}
