//! Ctrl-C and `kill`.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the program is asked to end.
pub(crate) async fn asked_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler SIGTERM ends the program by itself.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
