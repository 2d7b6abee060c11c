//! The webhook server over real sockets: documented requests, duplicates, hostile input, draining.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::pii::ApiKey;
use callflow::sandbox::clock::Metronome;
use callflow::server::{Calls, Server, ServerError, ServerOptions, StartBot, StartError, Started};
use callflow::telephony::{DialIn, TelephonyError};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const TIME: &str = "1742353929123";
const SIGNATURE: &str = "lQkGcDR2EC3VS+W/IJFzROFfn4QSz1wD4UQxkPGXnLo=";

/// Calls that are counted and not run.
#[derive(Default)]
struct Counted {
    started: AtomicUsize,
    bots: Mutex<Vec<StartBot>>,
    failure: Mutex<Option<StartError>>,
    /// If set, a start waits for it.
    gate: Option<Arc<Notify>>,
}

impl Calls for Counted {
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        async move {
            let number = self.started.fetch_add(1, Ordering::SeqCst);
            assert_ne!(dial_in.call_id, "panic", "a bug");
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            if let Some(failure) = self.failure.lock().unwrap().take() {
                return Err(failure);
            }
            Ok(Started {
                call_id: format!("c-{number}"),
                room_url: format!("http://127.0.0.1/r-{number}"),
                token: Some(ApiKey::new("t0ken")),
            })
        }
        .boxed()
    }

    fn start_bot(&self, body: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        let started = Started { call_id: "c-0".into(), room_url: body.room_url.clone(), token: None };
        self.bots.lock().unwrap().push(body);
        async { Ok(started) }.boxed()
    }

    fn live(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }
}

struct Running {
    address: SocketAddr,
    calls: Arc<Counted>,
    draining: CancellationToken,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
}

fn options() -> ServerOptions {
    let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
    options.clock = Arc::new(|| 1_742_353_930);
    options
}

async fn run(options: ServerOptions, calls: Counted) -> Running {
    let calls = Arc::new(calls);
    let (draining, shutdown) = (options.draining.clone(), CancellationToken::new());
    let server = Server::bind(options, calls.clone()).await.unwrap();
    let address = server.address();
    let task = AbortOnDropHandle::new(tokio::spawn(server.run(shutdown.clone())));
    Running { address, calls, draining, shutdown, task }
}

async fn server() -> Running {
    run(options(), Counted::default()).await
}

fn wire(name: &str) -> Vec<u8> {
    let text = std::fs::read(format!("{}/tests/wire/daily/{name}.json", env!("CARGO_MANIFEST_DIR")));
    text.unwrap().trim_ascii_end().to_vec()
}

impl Running {
    /// Sends bytes and reads until the server closes the connection.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _broken_pipe = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _reset = timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await.expect("no end");
        String::from_utf8(answer).unwrap()
    }

    async fn request(&self, what: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        let mut request = format!("{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        let answer = self.raw(&[request.as_bytes(), b"\r\n", body].concat()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {answer:?}"));
        assert!(head.to_lowercase().contains("content-type: application/json"), "{what}: {head}");
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    async fn start(&self, body: &Value) -> (u16, Value) {
        self.request("POST /start", &[], body.to_string().as_bytes()).await
    }

    fn started(&self) -> usize {
        self.calls.started.load(Ordering::SeqCst)
    }
}

fn call(id: &str) -> Value {
    json!({"To": "+15559876543", "From": "+15551234567", "callId": id, "callDomain": "d"})
}

#[tokio::test]
async fn a_call_is_started_and_answered_as_the_original_answers() {
    let server = server().await;
    let (status, body) = server.request("POST /start", &[], &wire("webhook_dial_in")).await;
    assert_eq!((status, body), (200, json!({"room_url": "http://127.0.0.1/r-0", "token": "t0ken"})));
    assert_eq!(server.request("GET /health", &[], b"").await, (200, json!({"status": "healthy"})));
}

#[tokio::test]
async fn test_pings_are_answered_and_start_nothing() {
    let server = server().await;
    for ping in ["webhook_ping_capital", "webhook_ping_small", "webhook_ping_number"] {
        assert_eq!(server.request("POST /start", &[], &wire(ping)).await.0, 200, "{ping}");
    }
    assert_eq!(server.started(), 0);
}

#[tokio::test]
async fn concurrent_duplicates_start_one_call_and_get_one_answer() {
    let gate = Arc::new(Notify::new());
    let server = run(options(), Counted { gate: Some(gate.clone()), ..Counted::default() }).await;
    let body = call("twice");
    let asks = join_all((0..20).map(|_| server.start(&body)));
    let open = async {
        while server.started() == 0 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (answers, ()) = tokio::join!(asks, open);
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(server.start(&body).await, answers[0], "later too");
    assert_eq!(server.started(), 1);
    gate.notify_one();
    assert_ne!(server.start(&call("other")).await, answers[0]);
}

#[tokio::test]
async fn bad_bodies_are_400_and_say_what_is_missing() {
    let server = server().await;
    let (status, body) = server.start(&json!({"From": "+15551234567", "callId": "x"})).await;
    assert_eq!((status, &body["missing"]), (400, &json!(["To", "callDomain"])));
    for bad in [&b""[..], b"not json", b"[1]", b"\xff", br#"{"From":1,"To":1,"callId":1,"callDomain":1}"#] {
        let (status, body) = server.request("POST /start", &[], bad).await;
        assert!(status == 400 && body["error"].is_string(), "{status} {body}");
    }
    assert_eq!(server.started(), 0);
}

#[tokio::test]
async fn failures_have_their_status_and_can_be_tried_again() {
    let server = server().await;
    for (failure, status) in [
        (StartError::Draining, 503),
        (StartError::AtCapacity { limit: 3 }, 503),
        (StartError::Telephony(TelephonyError::Unauthorized), 502),
        (StartError::TimedOut, 504),
        (StartError::Failed("no".into()), 500),
    ] {
        *server.calls.failure.lock().unwrap() = Some(failure.clone());
        let (answered, body) = server.start(&call("again")).await;
        assert_eq!((answered, &body["error"]), (status, &json!(failure.to_string())));
    }
    assert_eq!(server.start(&call("again")).await.0, 200);
}

#[tokio::test]
async fn a_panic_is_one_500_and_the_server_goes_on() {
    let server = server().await;
    let (status, body) = server.start(&call("panic")).await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("a bug"));
    assert_eq!(server.start(&call("next")).await.0, 200);
}

#[tokio::test]
async fn with_a_secret_only_signed_calls_are_taken() {
    let mut options = options();
    options.webhook_secret = Some(ApiKey::new(SECRET));
    let server = run(options, Counted::default()).await;
    let (body, other) = (wire("webhook_dial_in"), call("other").to_string());
    let signed = [("X-Pinless-Signature", SIGNATURE), ("x-pinless-timestamp", TIME)];
    assert_eq!(server.request("POST /start", &[], &body).await.0, 401);
    assert_eq!(server.request("POST /start", &signed[..1], &body).await.0, 401);
    assert_eq!(server.request("POST /start", &signed, other.as_bytes()).await.0, 403);
    assert_eq!(server.request("POST /start", &[], b"junk").await.0, 401);
    assert_eq!(server.request("POST /start_bot", &[], b"{\"body\":{}}").await.0, 403, "not a webhook");
    assert_eq!(server.started(), 0);
    assert_eq!(server.request("POST /start", &signed, &body).await.0, 200);
    assert_eq!(server.request("POST /start", &[], &wire("webhook_ping_capital")).await.0, 200);
}

#[tokio::test]
async fn a_bot_is_started_in_a_given_room() {
    let server = server().await;
    let fields = json!({
        "To": "+15559876543", "From": "+15551234567", "callId": "a", "callDomain": "d",
        "sipHeaders": {"X-A": "b"}, "room_url": "https://x.daily.co/r", "token": "jwt",
    });
    let nested = json!({"createDailyRoom": false, "body": fields}).to_string();
    let (status, answer) = server.request("POST /start_bot", &[], nested.as_bytes()).await;
    assert_eq!((status, answer), (200, json!({"status": "Bot started successfully", "call_id": "a"})));
    let bot = server.calls.bots.lock().unwrap()[0].clone();
    assert_eq!((&*bot.room_url, bot.token.reveal()), ("https://x.daily.co/r", "jwt"));
    assert_eq!((&bot.dial_in.sip_headers["X-A"], bot.dial_in.from.is_some()), (&json!("b"), true));

    let flat = json!({"room_url": "http://h/r", "token": "t", "callId": "b", "callDomain": "d"}).to_string();
    assert_eq!(server.request("POST /start_bot", &[], flat.as_bytes()).await.0, 200);

    let (status, answer) = server.request("POST /start_bot", &[], b"{\"body\":{}}").await;
    let missing = json!(["room_url", "token", "callId", "callDomain"]);
    assert_eq!((status, &answer["missing"]), (400, &missing));
    for (field, value) in [("room_url", json!("r")), ("token", json!("")), ("callId", json!(1))] {
        let mut bad = fields.clone();
        bad[field] = value;
        let (status, answer) = server.request("POST /start_bot", &[], bad.to_string().as_bytes()).await;
        assert!(status == 400 && answer["error"].as_str().unwrap().contains(field), "{answer}");
    }
    for bad in ["{\"body\":[]}", "[]", ""] {
        assert_eq!(server.request("POST /start_bot", &[], bad.as_bytes()).await.0, 400);
    }
}

#[tokio::test]
async fn what_is_not_there_is_answered_in_json_too() {
    let server = server().await;
    assert_eq!(server.request("GET /", &[], b"").await.0, 404);
    assert_eq!(server.request("GET /start", &[], b"").await.0, 405);
    assert_eq!(server.request("DELETE /health", &[], b"").await.0, 405);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_whether_announced_or_not() {
    let server = server().await;
    let long = vec![b' '; 65 * 1024];
    assert_eq!(server.request("POST /start", &[], &long).await.0, 413);
    let mut chunked = b"POST /start HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(format!("{:x}\r\n", long.len()).into_bytes());
    chunked.extend(&long);
    assert!(server.raw(&chunked).await.starts_with("HTTP/1.1 413"));
    assert_eq!(server.started(), 0);
}

#[tokio::test]
async fn slow_and_silent_senders_are_cut_off() {
    let server = server().await;
    let _time = Metronome::start(None);
    let half = b"POST /start HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"To\":";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(half).await.unwrap();
    let mut answer = vec![0; 12];
    timeout(Duration::from_secs(15), stream.read_exact(&mut answer)).await.expect("no answer").unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");

    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"POST /st").await.unwrap();
    let end = timeout(Duration::from_secs(60), silent.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "a silent connection is kept for ever");
}

#[tokio::test]
async fn while_draining_no_call_is_taken_and_health_says_so() {
    let server = server().await;
    server.start(&call("a")).await;
    server.draining.cancel();
    assert_eq!(server.start(&call("b")).await.0, 503);
    let health = server.request("GET /health", &[], b"").await;
    assert_eq!(health, (503, json!({"status": "draining", "calls": 1})));
    let ping = server.request("POST /start", &[], &wire("webhook_ping_small")).await;
    assert_eq!(ping.0, 200);
}

#[tokio::test]
async fn the_shutdown_answers_what_is_in_flight_and_then_ends() {
    let gate = Arc::new(Notify::new());
    let server = run(options(), Counted { gate: Some(gate.clone()), ..Counted::default() }).await;
    let body = call("a");
    let end = async {
        while server.started() == 0 {
            tokio::task::yield_now().await;
        }
        server.shutdown.cancel();
        gate.notify_one();
    };
    let (answer, ()) = tokio::join!(server.start(&body), end);
    assert_eq!(answer.0, 200);
    timeout(Duration::from_secs(10), server.task).await.expect("the server goes on").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_shutdown_does_not_wait_for_ever() {
    let gate = Arc::new(Notify::new());
    let server = run(options(), Counted { gate: Some(gate), ..Counted::default() }).await;
    let body = call("a");
    let _time = Metronome::start(None);
    let stuck = async {
        while server.started() == 0 {
            tokio::task::yield_now().await;
        }
        server.shutdown.cancel();
        std::future::pending::<()>().await;
    };
    let never = async { tokio::join!(server.start(&body), stuck) };
    assert!(timeout(Duration::from_secs(1), never).await.is_err());
    timeout(Duration::from_secs(6), server.task).await.expect("the server goes on").unwrap();
}

#[tokio::test]
async fn a_busy_port_is_one_clear_error_with_the_fix() {
    let server = server().await;
    let options = ServerOptions::new(server.address);
    let Err(error) = Server::bind(options, Arc::new(Counted::default())).await else { panic!("two servers") };
    assert!(matches!(error, ServerError::PortInUse(address) if address == server.address));
    let text = error.to_string();
    assert!(text.contains(&server.address.port().to_string()) && text.contains("--port"), "{text}");

    let elsewhere = ServerOptions::new(([192, 0, 2, 1], 0).into());
    let Err(error) = Server::bind(elsewhere, Arc::new(Counted::default())).await else { panic!("bound") };
    assert!(matches!(error, ServerError::NotOurAddress(_)), "{error}");
}

#[tokio::test]
async fn the_url_can_be_opened_from_this_machine() {
    let options = ServerOptions::new(([0, 0, 0, 0], 0).into());
    let server = Server::bind(options, Arc::new(Counted::default())).await.unwrap();
    assert_eq!(server.url(), format!("http://127.0.0.1:{}", server.address().port()));
}
