//! Assembly: one HTTP server on loopback that serves every emulator.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;
use tokio_util::task::AbortOnDropHandle;

use super::faults::Faults;
use super::network::{NotBase64, Webhook};
use super::openai::{self, Script};
use super::pipecat::BadAgent;
use super::state::SandboxState;
use super::traces::Trace;
use super::world::World;
use super::{cartesia, control, daily, deepgram, phone, pipecat, room};
use crate::pii::{ApiKey, PhoneNumber};

/// Longest wait for sockets and tasks at the end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

/// How a sandbox is to be.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Where to listen.
    pub bind: IpAddr,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// The only Daily key that is good; any if absent.
    pub api_key: Option<ApiKey>,
    /// The bearer token of `/control`. Without one only programs of this machine may use it, and nobody if the
    /// sandbox listens beyond it.
    pub control_token: Option<ApiKey>,
    /// Numbers that the Daily account has owned for long, the oldest first.
    pub numbers: Vec<PhoneNumber>,
    /// Whether a room's session ends when its last owner leaves. Pipecat's documentation of Daily says so
    /// (June 2026); nobody here has observed it, so the sandbox plays both readings.
    pub room_ends_with_owner: bool,
    /// Whether Daily's documented rate limits are enforced.
    pub rate_limits: bool,
    /// How long a caller is held before the network gives up.
    pub hold_limit: Duration,
    /// Replies of the language model that are fixed beforehand; the stand-in decides all others.
    pub script: Script,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            api_key: None,
            control_token: None,
            numbers: Vec::new(),
            room_ends_with_owner: true,
            rate_limits: false,
            hold_limit: Duration::from_secs(20),
            script: Script::default(),
        }
    }
}

/// Base URLs, each as the vendor's own SDK takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Urls {
    /// `DAILY_API_URL`; ends in `/v1`.
    pub daily: String,
    /// `OPENAI_BASE_URL`; ends in `/v1`.
    pub openai: String,
    /// `LLM_BASE_URL`: another server with the language model's protocol; ends in `/v1`.
    pub llm: String,
    /// `DEEPGRAM_URL`.
    pub deepgram: String,
    /// `CARTESIA_URL`.
    pub cartesia: String,
    /// `PIPECAT_API_URL`; ends in `/v1`.
    pub pipecat: String,
    /// The origin; phones are at `/phone` below it.
    pub phone: String,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened on; often the port is in use.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The client that calls the webhook cannot be made.
    #[error("cannot make an HTTP client")]
    HttpClient(#[source] reqwest::Error),
}

/// A running sandbox. Dropping it stops it at once; [`Sandbox::shutdown`] does so politely.
pub struct Sandbox {
    world: Arc<World>,
    urls: Urls,
    server: AbortOnDropHandle<()>,
    /// Ends sockets and tasks when the sandbox is dropped.
    _stop: DropGuard,
}

impl Sandbox {
    /// Listens and serves.
    ///
    /// # Errors
    /// See [`SandboxError`].
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let address = SocketAddr::new(options.bind, options.port);
        let listen = |source| SandboxError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        let origin = format!("http://{}", reachable(local));
        let http = webhook_client().map_err(SandboxError::HttpClient)?;
        let world = Arc::new(World::new(options, origin.clone(), http));
        let server = tokio::spawn(serve(listener, Arc::clone(&world)));
        let urls = Urls {
            daily: format!("{origin}/v1"),
            openai: format!("{origin}/openai/v1"),
            llm: format!("{origin}/compatible/v1"),
            deepgram: format!("{origin}/deepgram"),
            cartesia: format!("{origin}/cartesia"),
            pipecat: format!("{origin}/pipecat/v1"),
            phone: origin,
        };
        let stop = world.site.stop.clone().drop_guard();
        Ok(Self { world, urls, server: AbortOnDropHandle::new(server), _stop: stop })
    }

    /// Where everything is.
    #[must_use]
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// Sets the webhook for every number that has no dial-in configuration of its own.
    ///
    /// # Errors
    /// [`NotBase64`] for a bad secret; without one the webhook is not signed.
    pub fn set_webhook(&self, url: &str, hmac_secret_base64: Option<&str>) -> Result<(), NotBase64> {
        self.world.domain.lock().any_number = Some(Webhook::new(url, hmac_secret_base64)?);
        Ok(())
    }

    /// Deploys an agent to the emulated Pipecat Cloud, or gives it one more instance: a container that listens
    /// at this origin.
    ///
    /// # Errors
    /// See [`BadAgent`].
    pub fn deploy(&self, agent: &str, container: &str) -> Result<(), BadAgent> {
        self.world.agents.deploy(agent, container)
    }

    /// Ends the sessions of an agent as the platform does at their limit: by closing the request.
    pub fn stop_sessions(&self, agent: &str) {
        self.world.agents.stop_all(agent);
    }

    /// The faults that are on order.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.world.site.faults
    }

    /// By what the newest requests of the vendors can be traced.
    #[must_use]
    pub fn traces(&self) -> Vec<Trace> {
        self.world.site.traces.all()
    }

    /// What is there now.
    #[must_use]
    pub fn state(&self) -> SandboxState {
        SandboxState::of(&self.world)
    }

    /// Closes every socket, ends every task and stops listening; returns within a few seconds.
    pub async fn shutdown(self) {
        self.world.site.stop.cancel();
        let ended = async {
            self.world.tasks.all_ended().await;
            self.server.await
        };
        match timeout(SHUTDOWN_PATIENCE, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the sandbox's server failed"),
            Err(_) => tracing::warn!("the sandbox was stopped with connections still open"),
        }
    }
}

async fn serve(listener: TcpListener, world: Arc<World>) {
    let stop = world.site.stop.clone();
    let listener = listener.tap_io(|socket| {
        // Small frames every 20 ms: Nagle's algorithm would hold them back.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket is gone already");
        }
    });
    let serving = axum::serve(listener, router(&world)).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the sandbox's server failed");
    }
}

fn router(world: &Arc<World>) -> Router {
    let daily = daily::router(world);
    Router::new()
        .nest_service("/v1", daily)
        .route("/room/{name}", get(room::socket::upgrade))
        .route("/phone", get(phone::socket::upgrade))
        .merge(control::router(world))
        .with_state(Arc::clone(world))
        .nest_service("/pipecat/v1", pipecat::router(world))
        .nest("/openai/v1", openai::router(&world.site, world.options.script.clone()))
        .nest("/compatible/v1", openai::compatible(&world.site, world.options.script.clone()))
        .nest("/cartesia", cartesia::router(&world.site))
        .nest("/deepgram", deepgram::router(&world.site))
}

fn webhook_client() -> Result<reqwest::Client, reqwest::Error> {
    // Fails when the process has one already, which is as good.
    let installed = rustls::crypto::ring::default_provider().install_default();
    tracing::trace!(first = installed.is_ok(), "TLS provider");
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()
}

/// An address that a client on this machine can connect to.
fn reachable(local: SocketAddr) -> SocketAddr {
    match local.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), local.port()),
        _ => local,
    }
}
