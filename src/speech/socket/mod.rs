//! How the speech clients reach their vendors: base URLs, keys, TLS, WebSocket handshakes and redialling.
//!
//! Knows no vendor's messages. Everything that waits here has a deadline, and every refusal becomes a
//! [`SpeechError`] that says what a caller can do about it.

mod base;
mod incoming;
mod line;
mod network;
mod redial;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

#[cfg(test)]
pub(crate) use network::pipe;

pub use base::{BaseUrl, EndpointError, secret_header};
pub use incoming::{Garbage, Incoming};
pub use line::{Line, Step};
pub use network::{Link, Network, Tcp, install_tls};
pub use redial::{PAUSES, Redial, jittered};
pub use refusal::{is_permanent, refusal, vendor_text};

use super::SpeechError;

/// Longest time for TCP, TLS and handshake of one attempt.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time a message may take to leave; then the connection counts as broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);
/// No vendor message comes near this; more is not their protocol.
const MAX_MESSAGE: usize = 4 << 20;
/// Bytes read at a time. The library clears that much before every read; its own 128 KiB take longer than the rest.
const READ_AT_ONCE: usize = 16 * 1024;

/// An open WebSocket over whatever the [`Network`] gave.
pub type Socket = WebSocketStream<MaybeTlsStream<Box<dyn Link>>>;

/// Where and how to open a vendor's WebSocket; may be opened any number of times.
#[derive(Clone)]
pub struct Endpoint {
    /// The vendor's name, for errors.
    pub vendor: &'static str,
    /// `ws://` or `wss://`, with query.
    pub url: reqwest::Url,
    /// Sent with the handshake.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What connects.
    pub network: Arc<dyn Network>,
}

impl Endpoint {
    /// Connects once, within [`CONNECT_TIMEOUT`].
    ///
    /// # Errors
    /// [`SpeechError::Unreachable`] if nobody answers in time; otherwise as [`refusal()`] maps the HTTP status.
    pub async fn connect(&self) -> Result<Socket, SpeechError> {
        match timeout(CONNECT_TIMEOUT, self.handshake()).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(error)) => Err(self.handshake_error(error)),
            Err(_) => Err(self.unreachable(format!("no answer within {CONNECT_TIMEOUT:?}"))),
        }
    }

    async fn handshake(&self) -> Result<Socket, WsError> {
        let mut request = self.url.as_str().into_client_request()?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        let link = self.network.dial(host, port).await?;
        let tls = if self.url.scheme() == "wss" { Some(network::connector()?) } else { None };
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_AT_ONCE)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE))
            .max_write_buffer_size(MAX_MESSAGE);
        let (socket, _response) = client_async_tls_with_config(request, link, Some(limits), tls).await?;
        Ok(socket)
    }

    fn handshake_error(&self, error: WsError) -> SpeechError {
        match error {
            WsError::Http(response) => {
                let body = response.body().as_deref().unwrap_or_default();
                refusal(self.vendor, response.status(), response.headers(), &String::from_utf8_lossy(body))
            }
            other => self.unreachable(other.to_string()),
        }
    }

    fn unreachable(&self, detail: String) -> SpeechError {
        SpeechError::Unreachable { vendor: self.vendor, detail }
    }

    /// The connection is broken, for the given reason.
    #[must_use]
    pub fn disconnected(&self, detail: impl Into<String>) -> SpeechError {
        SpeechError::Disconnected { vendor: self.vendor, detail: detail.into() }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`SpeechError::Disconnected`] if it did not leave within two seconds; the socket is useless then.
    pub async fn send(&self, socket: &mut Socket, message: Message) -> Result<(), SpeechError> {
        match timeout(SEND_TIMEOUT, socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.disconnected(error.to_string())),
            Err(_) => Err(self.disconnected("the peer does not take our messages")),
        }
    }
}

/// Says goodbye; a peer that does not listen is not waited for.
pub async fn hang_up(socket: &mut Socket) {
    if timeout(Duration::from_millis(500), socket.close(None)).await.is_err() {
        tracing::debug!("a vendor did not take our close frame");
    }
}
