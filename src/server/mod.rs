//! The webhook server: takes calls from Daily, starts bots, tells whether it is well.
//!
//! `POST /start` is Daily's dial-in webhook, `POST /start_bot` starts a bot in a given room, `GET /health` is
//! for load balancers. What a call is, the server does not know: it hands over to [`Calls`] and answers.
//! A container on Pipecat Cloud has a server of its own, [`BotServer`]. Who may ask for what is decided in `gate`, and described in docs/security.md.

mod bot;
mod calls;
mod gate;
mod listener;
mod rate;
mod recent;
mod reply;
mod routes;
mod start_bot;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use bot::{BotRefusal, BotServer, Bots, Session};
pub use calls::{Calls, StartBot, StartError, Started};

use crate::pii::ApiKey;
use crate::settings::DEFAULT_REQUESTS_PER_SECOND;
use crate::telephony::daily::webhook::SecretError;

/// How long requests in flight may take after the shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// Header of an answer to `/health` that tells one server from another; it changes with each start.
pub const INSTANCE_HEADER: &str = "x-callflow-instance";

/// The time of day, in seconds since 1970; signatures are checked against it.
pub type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How the server is to be.
#[derive(Clone)]
pub struct ServerOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The base64 secret of the dial-in configuration. If set, unsigned webhooks are refused.
    pub webhook_secret: Option<ApiKey>,
    /// The bearer token of `/start_bot`. Without one only programs of this machine may use it, and nobody if
    /// the server can be reached from outside.
    pub api_token: Option<ApiKey>,
    /// A tunnel or a proxy brings requests from outside to an address that looks like this machine's own.
    pub is_public: bool,
    /// How many requests a second are taken of those who are known, and as many of strangers. Four seconds'
    /// worth may come at once.
    pub requests_per_second: u32,
    /// Cancelled when no more calls are to be taken: `/start` and `/health` then answer 503, until the
    /// shutdown.
    pub draining: CancellationToken,
    /// The time of day.
    pub clock: WallClock,
}

impl ServerOptions {
    /// A server at an address, without a secret or token, with this machine's time.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            webhook_secret: None,
            api_token: None,
            is_public: false,
            requests_per_second: DEFAULT_REQUESTS_PER_SECOND,
            draining: CancellationToken::new(),
            clock: Arc::new(machine_time),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody else has the port.
    #[error(
        "port {port} is in use; stop the other program, or choose another port with --port (0 takes a free one)",
        port = .0.port()
    )]
    PortInUse(SocketAddr),
    /// The port is reserved.
    #[error("not allowed to listen on port {port}; choose one above 1023 with --port", port = .0.port())]
    NotAllowed(SocketAddr),
    /// The address is not this machine's.
    #[error("{ip} is not an address of this machine; choose another with --bind (0.0.0.0 takes all)", ip = .0.ip())]
    NotOurAddress(SocketAddr),
    /// Something else.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: axum::Router,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn bind(options: ServerOptions, calls: Arc<dyn Calls>) -> Result<Self, ServerError> {
        let gate = gate::Gate::new(&options)?;
        let refused = |cause| refusal(options.listen, cause);
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let router = routes::router(calls, gate, options.draining);
        Ok(Self { listener, address, router })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL as seen from this machine, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// Answers until the shutdown, and after it for as long as requests in flight take, at most five
    /// seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        serve(self.listener, self.router, shutdown).await;
    }
}

/// Answers until the shutdown, and after it for at most [`GRACE`].
async fn serve(listener: TcpListener, router: axum::Router, shutdown: CancellationToken) {
    let serve = listener::serve(listener, router, shutdown.clone());
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = serve => {}
        () = overdue => tracing::warn!("requests were cut off by the shutdown"),
    }
}

/// The URL of an address as seen from this machine.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn refusal(address: SocketAddr, cause: io::Error) -> ServerError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => ServerError::PortInUse(address),
        io::ErrorKind::PermissionDenied => ServerError::NotAllowed(address),
        io::ErrorKind::AddrNotAvailable => ServerError::NotOurAddress(address),
        _ => ServerError::Listen { address, cause },
    }
}

fn machine_time() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "signatures carry the time of day")]
    let now = std::time::SystemTime::now();
    let since_1970 = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}
