//! The webhook server: takes calls from Daily, starts bots, tells whether it is well.
//!
//! `POST /start` is Daily's dial-in webhook, `POST /start_bot` starts a bot in a given room, `GET /health` is
//! for load balancers. What a call is, the server does not know: it hands over to [`Calls`] and answers.

mod calls;
mod listener;
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

pub use calls::{Calls, StartBot, StartError, Started};

use crate::pii::ApiKey;
use crate::telephony::daily::webhook::{SecretError, Verifier};

/// How long requests in flight may take after the shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// The time of day, in seconds since 1970; signatures are checked against it.
pub type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How the server is to be.
#[derive(Clone)]
pub struct ServerOptions {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The base64 secret of the dial-in configuration. If set, unsigned requests are refused.
    pub webhook_secret: Option<ApiKey>,
    /// Cancelled when no more calls are to be taken: `/start` and `/health` then answer 503, until the
    /// shutdown.
    pub draining: CancellationToken,
    /// The time of day.
    pub clock: WallClock,
}

impl ServerOptions {
    /// A server at an address, without a secret, with this machine's time.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            webhook_secret: None,
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
    listener: listener::Connections,
    address: SocketAddr,
    router: axum::Router,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn bind(options: ServerOptions, calls: Arc<dyn Calls>) -> Result<Self, ServerError> {
        let verifier = options.webhook_secret.as_ref().map(Verifier::new).transpose()?;
        let refused = |cause| refusal(options.listen, cause);
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let router = routes::router(calls, verifier, options.draining, options.clock);
        Ok(Self { listener: listener::Connections::new(listener), address, router })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL as seen from this machine, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// Answers until the shutdown, and after it for as long as requests in flight take, at most five
    /// seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let serve = axum::serve(self.listener, self.router)
            .with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let overdue = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            outcome = serve => if let Err(error) = outcome {
                tracing::error!(%error, "the server stopped");
            },
            () = overdue => tracing::warn!("requests were cut off by the shutdown"),
        }
    }
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
