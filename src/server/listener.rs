//! Connections with limits: so many at once, one request each, whose head is short and comes soon.
//!
//! How long a body and an answer may take is the routes' business. A connection is not kept for a second
//! request: webhooks are rare, and one that meets the end of a kept connection would be a lost caller.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How many connections may be open. More wait.
const AT_ONCE: usize = 512;
/// How long the head of a request may take to arrive, from the first to the last byte.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// Most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long all places may be taken before the log says so.
const CROWDED: Duration = Duration::from_secs(5);
/// What is waited when the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// Answers connections until the shutdown; after it those that are open. Dropping it ends all of them.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            (stream, place) = next(&listener, &places) => {
                connections.spawn(answer(stream, place, router.clone(), shutdown.clone()));
            }
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// The next connection, and its place. May be dropped at any time.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = timeout(CROWDED, Arc::clone(places).acquire_owned()).await else {
            tracing::warn!("all {AT_ONCE} connections are in use");
            continue;
        };
        let place = place.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _peer)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Answers one connection.
async fn answer(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    router: Router,
    shutdown: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .keep_alive(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed; this is a bug");
    }
}
