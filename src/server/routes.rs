//! The three routes, and the limits around them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use super::gate::{Asker, Gate};
use super::recent::Recent;
use super::reply::{Reply, panicked};
use super::{Calls, INSTANCE_HEADER, StartError, Started, start_bot};
use crate::telephony::DialIn;
use crate::telephony::daily::webhook::{self, Webhook};

/// Longest body that is read.
const LONGEST_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// What the routes share.
struct Desk {
    calls: Arc<dyn Calls>,
    gate: Gate,
    draining: CancellationToken,
    started: Arc<Recent>,
    bots: Arc<Recent>,
    /// Tells this server from all others.
    instance: String,
}

pub(super) fn router(calls: Arc<dyn Calls>, gate: Gate, draining: CancellationToken) -> Router {
    let (started, bots) = Default::default();
    let instance = Uuid::new_v4().to_string();
    let desk = Desk { calls, gate, draining, started, bots, instance };
    Router::new()
        .route("/start", post(start))
        .route("/start_bot", post(start_a_bot))
        .route("/health", get(health))
        .fallback(async || {
            Reply::error(StatusCode::NOT_FOUND, "not found: POST /start, POST /start_bot, GET /health")
        })
        .method_not_allowed_fallback(async || {
            Reply::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(Arc::new(desk))
}

/// Daily's dial-in webhook.
async fn start(State(desk): State<Arc<Desk>>, request: Request) -> Result<Reply, Reply> {
    let (headers, body) = read(request).await?;
    let dial_in = match webhook::parse(&body) {
        Ok(Webhook::Ping) => {
            desk.gate.ping()?;
            return Ok(Reply::ok(json!({"status": "ok"})));
        }
        Ok(Webhook::DialIn(dial_in)) => Ok(dial_in),
        Err(error) => Err(error),
    };
    // Before anything is said about the body: a stranger learns nothing from it.
    let asker = desk.gate.webhook(&headers, &body)?;
    desk.take(dial_in?).await.map_err(|error| Reply::refusing(asker, &error)).map(|started| match asker {
        Asker::Known => {
            let token = started.token.as_ref().map(|token| token.reveal());
            Reply::ok(json!({"room_url": started.room_url, "token": token}))
        }
        // With the owner's token anybody could dial out from the room.
        Asker::Stranger => Reply::ok(json!({"status": "ok"})),
    })
}

/// Starts a bot in a given room.
async fn start_a_bot(State(desk): State<Arc<Desk>>, request: Request) -> Result<Reply, Reply> {
    desk.gate.control(request.headers())?;
    let (_, body) = read(request).await?;
    let body = start_bot::parse(&body)?;
    desk.take_calls()?;
    let calls = Arc::clone(&desk.calls);
    let call_id = body.dial_in.call_id.clone();
    let started = desk.bots.answer(&call_id, || async move { calls.start_bot(body).await }.boxed()).await;
    started.inspect_err(|error| tracing::warn!(call = call_id, %error, "a bot could not be started"))?;
    Ok(Reply::ok(json!({"status": "Bot started successfully", "call_id": call_id})))
}

/// Also says which server it is: whoever asks here and through a tunnel sees whether the tunnel leads here.
async fn health(State(desk): State<Arc<Desk>>) -> ([(&'static str, String); 1], Reply) {
    ([(INSTANCE_HEADER, desk.instance.clone())], desk.health())
}

impl Desk {
    fn health(&self) -> Reply {
        if self.draining.is_cancelled() {
            let body = json!({"status": "draining", "calls": self.calls.live()});
            return Reply::new(StatusCode::SERVICE_UNAVAILABLE, body);
        }
        Reply::ok(json!({"status": "healthy"}))
    }

    /// Takes a held call, once.
    async fn take(&self, dial_in: DialIn) -> Result<Started, StartError> {
        self.take_calls()?;
        let calls = Arc::clone(&self.calls);
        let call_id = dial_in.call_id.clone();
        let start = || async move { calls.start(dial_in).await }.boxed();
        self.started.answer(&call_id, start).await.inspect_err(|error| {
            tracing::warn!(call = call_id, %error, "a held caller could not be taken");
        })
    }

    fn take_calls(&self) -> Result<(), StartError> {
        if self.draining.is_cancelled() { Err(StartError::Draining) } else { Ok(()) }
    }
}

/// The headers and the whole body, within the limits.
pub(super) async fn read(request: Request) -> Result<(HeaderMap, Bytes), Reply> {
    let headers = request.headers().clone();
    match timeout(BODY_WITHIN, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok((headers, body)),
        Ok(Err(rejection)) => Err(Reply::error(rejection.status(), "the body is too long or broke off")),
        Err(_) => Err(Reply::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}
