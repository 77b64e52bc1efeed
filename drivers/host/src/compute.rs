//! Public-key work on threads of its own, so that no viewer's media waits for another's handshake.

use smolrtc_crypto::{Job, JobId, JobResult, Provider, RustCrypto};
use tokio::sync::mpsc;

/// The provider of this platform.
pub static PROVIDER: RustCrypto = RustCrypto;

/// Runs jobs and collects their results, each with the token of whoever asked.
#[derive(Debug)]
pub struct Computer<T> {
    sender: mpsc::UnboundedSender<(T, JobId, JobResult)>,
    results: mpsc::UnboundedReceiver<(T, JobId, JobResult)>,
}

impl<T: Send + 'static> Default for Computer<T> {
    fn default() -> Self {
        // Unbounded, yet small: an engine has at most two jobs out at one time.
        let (sender, results) = mpsc::unbounded_channel();
        Self { sender, results }
    }
}

impl<T: Send + 'static> Computer<T> {
    /// Starts a job.
    pub fn start(&self, token: T, id: JobId, job: Job) {
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody is left to hear it when the program ends.
            let _ = sender.send((token, id, PROVIDER.run(&job)));
        });
    }

    /// The next result.
    pub async fn result(&mut self) -> Option<(T, JobId, JobResult)> {
        self.results.recv().await
    }
}
