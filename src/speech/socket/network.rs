//! What a WebSocket runs over: TCP in production, an in-memory pipe in tests on the paused clock.

use std::io;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::Connector;

/// A byte stream in both directions.
pub trait Link: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Link for T {}

/// Opens links.
pub trait Network: Send + Sync {
    /// Opens a link to a host name or address.
    fn dial(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Link>>>;
}

/// The real network.
pub struct Tcp;

impl Network for Tcp {
    fn dial(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Link>>> {
        // A URL writes an IPv6 address in brackets; the resolver wants it without.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        async move {
            let stream = TcpStream::connect((host.as_str(), port)).await?;
            // 20 ms of audio are a small packet; Nagle's algorithm would hold it back.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Link>)
        }
        .boxed()
    }
}

/// Makes ring the TLS provider of this process; calling it again changes nothing.
pub fn install_tls() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("a TLS provider was installed before");
    }
}

/// The TLS settings of all WebSockets. Root certificates are read once, when first needed.
pub(super) fn connector() -> io::Result<Connector> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Connector::Rustls(Arc::clone(config)));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(io::Error::other)?
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::clone(CONFIG.get_or_init(|| Arc::new(config)))))
}

/// A network whose far ends are handed to a test.
#[cfg(test)]
pub(crate) mod pipe {
    use super::*;
    use tokio::io::{DuplexStream, duplex};
    use tokio::sync::mpsc;

    /// Every dial yields one pipe; its other end arrives at the receiver of [`Pipe::new`].
    pub(crate) struct Pipe(mpsc::Sender<DuplexStream>);

    impl Pipe {
        pub(crate) fn new() -> (Arc<dyn Network>, mpsc::Receiver<DuplexStream>) {
            let (sender, receiver) = mpsc::channel(16);
            (Arc::new(Self(sender)), receiver)
        }
    }

    impl Network for Pipe {
        fn dial(&self, _host: &str, _port: u16) -> BoxFuture<'static, io::Result<Box<dyn Link>>> {
            let (near, far) = duplex(256 * 1024);
            let taken = self.0.try_send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
            async move { taken.map(|()| Box::new(near) as Box<dyn Link>) }.boxed()
        }
    }
}
