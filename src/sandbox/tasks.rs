//! The tasks of one sandbox: each ends with the sandbox, and the sandbox waits for each.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Spawns tasks that one owner stops; clones spawn for the same owner.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Tasks that end when `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop }
    }

    /// Runs a future until it is done or the sandbox stops.
    pub(crate) fn spawn<F>(&self, future: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tracker.spawn(self.stop.clone().run_until_cancelled_owned(future));
    }

    /// Waits until all have ended; the stop must have been cancelled.
    pub(crate) async fn all_ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
