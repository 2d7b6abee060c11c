//! Ctrl-C and SIGTERM: the first asks politely, the second does not wait any longer.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::calls::Calls;

/// Watches for signals until it is dropped.
pub(super) async fn watch(quit: CancellationToken, calls: Arc<Calls>) {
    let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = streams else {
        tracing::warn!("signals cannot be watched; Ctrl-C ends the process at once");
        return;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    anstream::eprintln!("\nfinishing: calls in progress may end; once more to end them now");
    quit.cancel();
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    calls.end_now();
}
