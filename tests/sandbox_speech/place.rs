//! A sandbox on virtual time, and sockets to it.

use std::time::Duration;

use callflow::sandbox::clock::Metronome;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::{Sandbox, SandboxOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Place {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    _clock: Option<Metronome>,
}

impl Place {
    pub async fn start() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    pub async fn with(options: SandboxOptions) -> Self {
        let clock = Metronome::start(None);
        Self { _clock: Some(clock), ..Self::in_real_time(options).await }
    }

    pub async fn in_real_time(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, http, _clock: None }
    }

    pub fn inject(&self, service: Service, fault: Fault) {
        self.sandbox.faults().inject(Injection::once(service, fault)).unwrap();
    }

    /// Waits until nobody is connected any more.
    pub async fn quiet(&self) {
        let quiet = async {
            while !self.sandbox.state().is_quiet() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, quiet).await.expect("something is left open");
    }
}

/// The HTTP answer to a handshake that was refused.
pub type Refusal = Response<Vec<u8>>;

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a socket gave last.
#[derive(Debug, PartialEq)]
pub enum Got {
    Json(Value),
    /// Text that is not JSON.
    Other(String),
    /// A polite close, with code and reason.
    Closed(u16, String),
    /// A broken connection.
    Broken,
}

impl Socket {
    /// Connects to an `http://` address with some headers; a refusal is its HTTP answer.
    pub async fn connect(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Refusal> {
        let mut request = url.replacen("http", "ws", 1).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.expect("no handshake") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.map(Option::unwrap_or_default)),
            Err(other) => panic!("{other}"),
        }
    }

    pub async fn text(&mut self, text: impl ToString) {
        self.0.send(Message::text(text.to_string())).await.unwrap();
    }

    pub async fn binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next message.
    pub async fn next(&mut self) -> Got {
        self.next_within(PATIENCE).await
    }

    pub async fn next_within(&mut self, patience: Duration) -> Got {
        match timeout(patience, self.0.next()).await.expect("nothing came") {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(value) => Got::Json(value),
                Err(_) => Got::Other(text.to_string()),
            },
            Some(Ok(Message::Close(Some(frame)))) => Got::Closed(frame.code.into(), frame.reason.to_string()),
            Some(Ok(Message::Close(None)) | Err(_)) | None => Got::Broken,
            Some(Ok(other)) => panic!("unexpected: {other:?}"),
        }
    }

    /// The next message, which is JSON.
    pub async fn json(&mut self) -> Value {
        match self.next().await {
            Got::Json(value) => value,
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// Whether nothing comes for so long.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.0.next()).await.is_err()
    }
}
