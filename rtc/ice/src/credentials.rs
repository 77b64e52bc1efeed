//! User name fragments and passwords.

/// The user name fragment of the receiver in a request's USERNAME: what comes before the colon
/// (RFC 8445 section 7.2.2). By it a server that shares one socket finds the session.
#[must_use]
pub fn local_ufrag(username: &str) -> Option<&str> {
    username.split_once(':').map(|(ours, _)| ours)
}
