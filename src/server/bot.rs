//! The container contract of Pipecat Cloud: `POST /bot`, `GET /readyz`, `GET /livez`.
//!
//! `POST /bot` is one call: its answer comes when the call is over, and when whoever asked hangs up before
//! that, the call ends. What a call is, this server does not know; it hands over to [`Bots`]. The contract is
//! read from github daily-co/pipecat-cloud-images (`pipecat-base/app.py`, `waiting_server.py`, 0.1.19).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use super::reply::{Reply, panicked};
use super::routes::read;
use super::{ServerError, refusal, serve, url_of};
use crate::cloud::{GivenRoom, SessionArgs};

/// Longest body: that of a start.
const LONGEST_BODY: usize = 1024 * 1024;
/// Longest id of a session that is repeated in logs.
const LONGEST_ID: usize = 128;

/// Runs bots.
pub trait Bots: Send + Sync {
    /// Runs a bot on a call, to the end of both. Dropped when the platform hangs up, which must end the call.
    fn run(&self, args: SessionArgs, session: Session) -> BoxFuture<'_, Result<(), BotRefusal>>;
}

/// The platform's id of a session (`x-daily-session-id`), for logs; `-` if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session(pub String);

/// Why a bot does not take a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotRefusal {
    /// The process is about to end.
    #[error("shutting down, no calls are taken")]
    Draining,
    /// A call is on, and did not end in time.
    #[error("a call is on; this instance takes one at a time (--max-calls)")]
    Busy,
    /// The flow is not in this image.
    #[error("there is no flow `{name}` in this image, only {known}; build and deploy the image again")]
    UnknownFlow {
        /// As asked for.
        name: String,
        /// The flows that are there.
        known: String,
    },
    /// The flow is another version here, and that is not accepted (`--strict`).
    #[error(
        "the flow `{name}` is another version in this image ({here}) than at the server ({there}); build and deploy the image again"
    )]
    OtherVersion {
        /// The flow's name.
        name: String,
        /// Its hash in the image.
        here: String,
        /// Its hash at the server.
        there: String,
    },
    /// Nobody gave a key of Daily.
    #[error(
        "this bot has no DAILY_API_KEY, and the request brings no `daily_api_key`; add it to the secret set"
    )]
    NoDailyKey,
    /// Something else; the text carries no personal data.
    #[error("{0}")]
    Failed(String),
}

/// A container's server that listens, but does not answer yet.
pub struct BotServer {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl BotServer {
    /// Takes the port. Once `draining` is cancelled, `/readyz` answers 503 and no call is taken any more;
    /// those that are on go on.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn bind(
        listen: SocketAddr,
        bots: Arc<dyn Bots>,
        draining: CancellationToken,
    ) -> Result<Self, ServerError> {
        let refused = |cause| refusal(listen, cause);
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, router: router(bots, draining) })
    }

    /// Its URL as seen from this machine, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// Answers until the shutdown, and after it for as long as requests in flight take, at most five
    /// seconds. Whoever shuts down waits for the calls before.
    pub async fn run(self, shutdown: CancellationToken) {
        serve(self.listener, self.router, shutdown).await;
    }
}

/// What the routes share.
struct Container {
    bots: Arc<dyn Bots>,
    draining: CancellationToken,
}

fn router(bots: Arc<dyn Bots>, draining: CancellationToken) -> Router {
    let routes = "not found: POST /bot, GET /readyz, GET /livez";
    Router::new()
        .route("/bot", post(bot))
        .route("/readyz", get(ready))
        .route("/livez", get(async || Reply::ok(json!({"status": "ok"}))))
        .fallback(async move || Reply::error(StatusCode::NOT_FOUND, routes))
        .method_not_allowed_fallback(async || {
            Reply::error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(Arc::new(Container { bots, draining }))
}

/// One call.
async fn bot(State(container): State<Arc<Container>>, request: Request) -> Result<Reply, Reply> {
    let (headers, body) = read(request).await?;
    let body: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|_| Reply::error(StatusCode::BAD_REQUEST, "the body is not a JSON object"))?;
    let session = Session(session_id(&headers));
    let args = SessionArgs::read(&body, given_room(&headers))
        .inspect_err(|error| tracing::warn!(session = session.0, %error, "a bot could not be started"))?;
    if container.draining.is_cancelled() {
        return Err(BotRefusal::Draining.into());
    }
    let run = container.bots.run(args, session.clone()).await;
    run.inspect_err(|error| tracing::warn!(session = session.0, %error, "a bot could not be started"))?;
    Ok(Reply::ok(json!({})))
}

async fn ready(State(container): State<Arc<Container>>) -> Reply {
    if container.draining.is_cancelled() {
        return Reply::new(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "not ready"}));
    }
    Reply::ok(json!({"status": "ok"}))
}

/// The room that the platform made, if it made one: both headers, or none.
fn given_room(headers: &HeaderMap) -> Option<GivenRoom> {
    let text = |name| headers.get(name)?.to_str().ok().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(GivenRoom { url: text("x-daily-room-url")?, token: text("x-daily-room-token")? })
}

fn session_id(headers: &HeaderMap) -> String {
    let id = headers.get("x-daily-session-id").and_then(|id| id.to_str().ok());
    id.filter(|id| (1..=LONGEST_ID).contains(&id.len())).unwrap_or("-").to_owned()
}
