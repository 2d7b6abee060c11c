//! A server on loopback, and a client that can say anything to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callflow::pii::ApiKey;
use callflow::server::{Calls, Server, ServerOptions, StartBot, StartError, Started};
use callflow::telephony::DialIn;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
pub const TOKEN: &str = "a-token-that-nobody-guesses";
/// The owner's token of the room: what a thief of dial-outs wants.
pub const OWNER: &str = "0wner-t0ken";
/// What time it is for the server.
pub const NOW: i64 = 1_742_353_930;

/// Calls that are counted and not run.
#[derive(Default)]
pub struct Counted {
    pub started: AtomicUsize,
    pub bots: AtomicUsize,
}

impl Calls for Counted {
    fn start(&self, _dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        let room_url = format!("http://127.0.0.1/room-{number}");
        let started = Started { call_id: "c".into(), room_url, token: Some(ApiKey::new(OWNER)) };
        async { Ok(started) }.boxed()
    }

    fn start_bot(&self, body: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        self.bots.fetch_add(1, Ordering::SeqCst);
        async { Ok(Started { call_id: "c".into(), room_url: body.room_url, token: None }) }.boxed()
    }

    fn live(&self) -> usize {
        0
    }
}

pub struct Site {
    pub address: SocketAddr,
    pub calls: Arc<Counted>,
    _server: AbortOnDropHandle<()>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

pub fn options() -> ServerOptions {
    let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
    options.clock = Arc::new(|| NOW);
    options
}

pub fn with_secret() -> ServerOptions {
    ServerOptions { webhook_secret: Some(ApiKey::new(SECRET)), ..options() }
}

impl Site {
    pub async fn new(options: ServerOptions) -> Self {
        let calls = Arc::new(Counted::default());
        let server = Server::bind(options, calls.clone()).await.unwrap();
        let address = ([127, 0, 0, 1], server.address().port()).into();
        let server = AbortOnDropHandle::new(tokio::spawn(server.run(CancellationToken::new())));
        Self { address, calls, _server: server }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the server closes the connection.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read everything.
        let _broken_pipe = stream.write_all(bytes).await;
        read(&mut stream).await
    }

    /// A request with these headers and no others but the length.
    pub async fn ask(&self, what: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{what} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        self.raw(&[request.as_bytes(), b"\r\n", body].concat()).await
    }

    pub fn started(&self) -> usize {
        self.calls.started.load(Ordering::SeqCst)
    }

    pub fn bots(&self) -> usize {
        self.calls.bots.load(Ordering::SeqCst)
    }
}

/// Reads an answer to its end.
pub async fn read(stream: &mut TcpStream) -> Answer {
    let mut answer = Vec::new();
    let _reset = timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await.expect("no end");
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let head = head.to_lowercase();
    Answer {
        status: head[9..12].parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_default(),
        head,
    }
}

pub fn call(id: &str) -> Vec<u8> {
    json!({"To": "+15559876543", "From": "+15551234567", "callId": id, "callDomain": "d"})
        .to_string()
        .into_bytes()
}

pub fn bot() -> Vec<u8> {
    json!({"room_url": "https://evil.example/r", "token": "t", "callId": "b", "callDomain": "d"})
        .to_string()
        .into_bytes()
}

/// The signature of a body, as Daily's own samples make it.
pub fn signature(timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(SECRET).unwrap()).unwrap();
    for part in [timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}
