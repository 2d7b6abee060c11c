//! Ctrl-C and SIGTERM: the first asks politely, the second does not wait any longer.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Watches for signals until it is dropped: the first cancels `quit`, the second does `end_now`.
pub(in crate::cli) async fn watch(quit: CancellationToken, polite: &str, end_now: impl FnOnce()) {
    let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = streams else {
        tracing::warn!("signals cannot be watched; Ctrl-C ends the process at once");
        return;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    anstream::eprintln!("\n{polite}");
    quit.cancel();
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    end_now();
}
