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
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::mpsc;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
    use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

    /// Every dial yields one pipe; its other end arrives at the [`Vendor`].
    pub(crate) struct Pipe(mpsc::Sender<DuplexStream>);

    /// The far end of a [`Pipe`].
    pub(crate) struct Vendor(mpsc::Receiver<DuplexStream>);

    pub(crate) fn pipe() -> (Arc<dyn Network>, Vendor) {
        let (sender, receiver) = mpsc::channel(16);
        (Arc::new(Pipe(sender)), Vendor(receiver))
    }

    impl Network for Pipe {
        fn dial(&self, _host: &str, _port: u16) -> BoxFuture<'static, io::Result<Box<dyn Link>>> {
            let (near, far) = duplex(256 * 1024);
            let taken = self.0.try_send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
            async move { taken.map(|()| Box::new(near) as Box<dyn Link>) }.boxed()
        }
    }

    impl Vendor {
        /// Takes the next connection and gives the request that opened it.
        pub(crate) async fn accept(&mut self) -> (WebSocketStream<DuplexStream>, Request) {
            let link = self.0.recv().await.unwrap();
            let mut seen = None;
            #[allow(clippy::result_large_err, reason = "the library's signature")]
            let look = |request: &Request, response: Response| {
                seen = Some(request.clone());
                Ok(response)
            };
            let socket = accept_hdr_async(link, look).await.unwrap();
            (socket, seen.unwrap())
        }

        /// Answers the next connection with an HTTP refusal; `head` is the status line's end and headers.
        pub(crate) async fn refuse(&mut self, head: &str, body: &str) {
            let mut link = self.0.recv().await.unwrap();
            let length = body.len();
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}");
            link.write_all(answer.as_bytes()).await.unwrap();
        }

        /// Whether a connection waits to be taken.
        pub(crate) fn is_dialled(&self) -> bool {
            !self.0.is_empty()
        }
    }
}
