//! The tunnel against a stand-in for ngrok's service that speaks its protocol over plain TCP: authentication,
//! the wish for a URL, and a visitor whose request is forwarded.

use std::sync::{Arc, Mutex};

use muxado::heartbeat::{Heartbeat, HeartbeatConfig};
use muxado::typed::{StreamType, Typed, TypedAccept, TypedOpenClose, TypedSession as _, TypedStream};
use ngrok::session::{ConnectError, IoStream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// Types of streams (ngrok-rust, `internals/proto.rs`).
const AUTH: u32 = 0;
const BIND: u32 = 1;
const PROXY: u32 = 3;
const PUBLIC: &str = "https://bot.ngrok.app";

type Open = Box<dyn TypedOpenClose + Send>;

/// ngrok's service. It knows one token and one domain.
struct Service {
    address: std::net::SocketAddr,
    /// Once a tunnel is open: opens streams to it.
    open: Arc<tokio::sync::Mutex<Option<Open>>>,
    asked: Arc<Mutex<Vec<Value>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, asked) = (Arc::default(), Arc::default());
        let shared = (Arc::clone(&open), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared.0), Arc::clone(&shared.1)));
            }
        });
        Self { address, open, asked, _serving: AbortOnDropHandle::new(serving) }
    }

    async fn tunnel(&self, token: &str, local: &str, domain: Option<&str>) -> Result<Tunnel, TunnelError> {
        let address = self.address;
        let mut builder = builder(&ApiKey::new(token));
        builder.connector(
            move |_host: String, _port: u16, _tls, again: Option<ngrok::tunnel::AcceptError>| async move {
                if again.is_some() {
                    return Err(ConnectError::Canceled);
                }
                let socket = TcpStream::connect(address).await.map_err(ConnectError::Tcp)?;
                Ok(Box::new(socket) as Box<dyn IoStream>)
            },
        );
        open(&builder, local, domain).await
    }

    /// What a visitor of the public URL gets.
    async fn visit(&self, request: &str) -> String {
        let mut open = self.open.lock().await;
        let mut stream = open.as_mut().unwrap().open_typed(StreamType::clamp(PROXY)).await.unwrap();
        let header = json!({
            "Id": "tunnel-1", "ClientAddr": "203.0.113.7:1234", "Proto": "https", "EdgeType": "0",
            "PassthroughTLS": false,
        })
        .to_string();
        stream.write_i64_le(header.len() as i64).await.unwrap();
        stream.write_all(header.as_bytes()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

async fn serve(
    socket: TcpStream,
    open: Arc<tokio::sync::Mutex<Option<Open>>>,
    asked: Arc<Mutex<Vec<Value>>>,
) {
    let session = muxado::SessionBuilder::new(socket).server().start();
    let (heartbeat, _beating) =
        Heartbeat::start(Typed::new(session), HeartbeatConfig::default()).await.unwrap();
    let (opener, mut incoming) = heartbeat.split_typed();
    *open.lock().await = Some(Box::new(opener));
    while let Ok(mut stream) = incoming.accept_typed().await {
        let Some(request) = read(&mut stream).await else { return };
        let answer = answer(*stream.typ(), &request);
        asked.lock().unwrap().push(request);
        if stream.write_all(answer.to_string().as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(kind: u32, request: &Value) -> Value {
    match kind {
        AUTH if request["Extra"]["AuthToken"] == "good" => {
            json!({"Version": "3", "ClientId": "client-1", "Extra": {}})
        }
        AUTH => json!({"Error": "authentication failed: the token is not one\n\nERR_NGROK_105"}),
        BIND if request["Opts"]["Domain"] == "taken.ngrok.app" => {
            json!({"Error": "the domain is reserved for another account\nERR_NGROK_320"})
        }
        BIND => json!({
            "Id": "tunnel-1", "URL": PUBLIC, "Proto": "https", "Opts": request["Opts"], "Extra": {"Token": ""},
        }),
        _ => json!({}),
    }
}

async fn read(stream: &mut TypedStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 1024];
        let count = stream.read(&mut some).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&some[..count]);
        if let Ok(value) = serde_json::from_slice(&bytes) {
            return Some(value);
        }
    }
}

/// A server of this machine that answers one request.
async fn local_server() -> (String, AbortOnDropHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let count = socket.read(&mut request).await.unwrap();
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
            .await
            .unwrap();
        socket.shutdown().await.unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    (url, AbortOnDropHandle::new(serving))
}

#[tokio::test]
async fn a_visitor_of_the_public_url_reaches_the_server_at_our_port() {
    let service = Service::start().await;
    let (local, served) = local_server().await;
    let tunnel = service.tunnel("good", &local, Some("bot.ngrok.app")).await.unwrap();
    assert_eq!(tunnel.url(), PUBLIC);
    let answer =
        service.visit("POST /start HTTP/1.1\r\nhost: bot.ngrok.app\r\ncontent-length: 0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hi"), "{answer}");
    assert!(served.await.unwrap().starts_with("POST /start HTTP/1.1"));
    tunnel.close().await;
    let asked = service.asked.lock().unwrap();
    assert_eq!(asked[0]["Extra"]["AuthToken"], "good");
    let agent = asked[0]["Extra"]["UserAgent"].as_str().unwrap();
    assert!(agent.contains("callflow/"), "{agent}");
    assert_eq!((&asked[1]["Opts"]["Domain"], &asked[1]["Proto"]), (&json!("bot.ngrok.app"), &json!("https")));
}

#[tokio::test]
async fn a_wrong_token_and_a_name_of_somebody_else_are_told_in_ngrok_s_words() {
    let service = Service::start().await;
    let refused = service.tunnel("bad", "http://127.0.0.1:9", None).await.err().unwrap();
    assert!(matches!(&refused, TunnelError::Refused(why) if why.contains("err_ngrok_105")), "{refused}");
    assert!(!refused.to_string().contains('\n') && refused.to_string().contains("NGROK_AUTHTOKEN"));
    let taken = service.tunnel("good", "http://127.0.0.1:9", Some("taken.ngrok.app")).await.err().unwrap();
    assert!(matches!(&taken, TunnelError::Name(why) if why.contains("another account")), "{taken}");
}

#[tokio::test]
async fn a_service_that_is_gone_or_says_nothing_is_not_waited_for_for_ever() {
    let service = Service::start().await;
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let gone = Service { address: gone, ..service }.tunnel("good", "http://127.0.0.1:9", None).await;
    assert!(matches!(gone, Err(TunnelError::Refused(_))), "{:?}", gone.err());

    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Service { address: mute.local_addr().unwrap(), ..Service::start().await };
    tokio::time::pause();
    let silent = silent.tunnel("good", "http://127.0.0.1:9", None).await;
    assert!(matches!(silent, Err(TunnelError::Silent { seconds: 15 })), "{:?}", silent.err());
}

#[test]
fn a_token_that_is_empty_is_none() {
    assert!(matches!(token(&|_| Some("  ".to_owned())), Err(TunnelError::NoToken)));
    assert_eq!(token(&|name| Some(format!(" {name} "))).unwrap().reveal(), "NGROK_AUTHTOKEN");
}
