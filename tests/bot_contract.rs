//! The container contract of Pipecat Cloud over real sockets, held with bots that are told when to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::cloud::SessionArgs;
use callflow::server::{BotRefusal, BotServer, Bots, ServerError, Session};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const SOON: Duration = Duration::from_secs(20);

/// Bots whose calls are over when the test says so.
#[derive(Default)]
struct Told {
    begun: Mutex<Vec<(SessionArgs, Session)>>,
    has_begun: Notify,
    end: Notify,
    refusal: Mutex<Option<BotRefusal>>,
    was_dropped: Arc<AtomicBool>,
    dropped: Arc<Notify>,
}

struct OnDrop(Arc<AtomicBool>, Arc<Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.notify_one();
    }
}

impl Bots for Told {
    fn run(&self, args: SessionArgs, session: Session) -> BoxFuture<'_, Result<(), BotRefusal>> {
        async move {
            assert_ne!(args.dial_in.call_id, "panic", "a bug");
            if let Some(refusal) = self.refusal.lock().unwrap().take() {
                return Err(refusal);
            }
            let _watched = OnDrop(Arc::clone(&self.was_dropped), Arc::clone(&self.dropped));
            self.begun.lock().unwrap().push((args, session));
            self.has_begun.notify_one();
            self.end.notified().await;
            Ok(())
        }
        .boxed()
    }
}

struct Container {
    url: String,
    bots: Arc<Told>,
    draining: CancellationToken,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<()>,
    http: reqwest::Client,
}

async fn container() -> Container {
    let (bots, draining, shutdown) =
        (Arc::new(Told::default()), CancellationToken::new(), CancellationToken::new());
    let server = BotServer::bind(([127, 0, 0, 1], 0).into(), bots.clone(), draining.clone()).await.unwrap();
    let url = server.url();
    let task = AbortOnDropHandle::new(tokio::spawn(server.run(shutdown.clone())));
    callflow::speech::socket::install_tls();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    Container { url, bots, draining, shutdown, task, http }
}

impl Container {
    fn post(&self, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/bot", self.url)).header("x-daily-session-id", "s-1").json(body)
    }

    /// Begins a call, and gives its answer to come.
    async fn begin(&self, request: reqwest::RequestBuilder) -> AbortOnDropHandle<(u16, Value)> {
        let answer = tokio::spawn(async move { read(request.send().await.unwrap()).await });
        timeout(SOON, self.bots.has_begun.notified()).await.expect("no call begins");
        AbortOnDropHandle::new(answer)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.http.get(format!("{}{path}", self.url)).send().await.unwrap()).await
    }
}

async fn read(answer: reqwest::Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn flat() -> Value {
    json!({
        "To": "+15559876543", "From": "+15551234567", "callId": "c-1", "callDomain": "d-1",
        "room_url": "https://x.daily.co/r", "token": "jwt", "flow": "cold_transfer", "flow_hash": "abc",
    })
}

#[tokio::test]
async fn the_request_stays_open_for_the_whole_call_and_is_then_answered_with_an_empty_object() {
    let container = container().await;
    let mut answer = container.begin(container.post(&flat())).await;
    assert!(timeout(Duration::from_millis(300), &mut answer).await.is_err(), "answered during the call");
    assert_eq!(container.get("/livez").await, (200, json!({"status": "ok"})));
    assert_eq!(container.get("/readyz").await, (200, json!({"status": "ok"})));
    container.bots.end.notify_one();
    assert_eq!(timeout(SOON, answer).await.unwrap().unwrap(), (200, json!({})));
    let (args, session) = container.bots.begun.lock().unwrap().remove(0);
    assert_eq!((session.0.as_str(), &*args.room_url), ("s-1", "https://x.daily.co/r"));
    assert_eq!(args.flow.unwrap().name, "cold_transfer");
}

#[tokio::test]
async fn the_instance_is_used_again() {
    let container = container().await;
    for _ in 0..3 {
        let answer = container.begin(container.post(&flat())).await;
        container.bots.end.notify_one();
        assert_eq!(timeout(SOON, answer).await.unwrap().unwrap().0, 200);
    }
}

#[tokio::test]
async fn the_managed_dialect_takes_its_room_from_the_headers() {
    let container = container().await;
    let body = json!({
        "dialin_settings": {"call_id": "c-2", "call_domain": "d-2", "To": "+15559876543", "From": "anonymous"},
        "daily_api_key": "key",
    });
    let without_room = read(container.post(&body).send().await.unwrap()).await;
    assert_eq!((without_room.0, &without_room.1["missing"]), (400, &json!(["room_url", "token"])));
    let request = container.post(&body).header("x-daily-room-url", "https://x.daily.co/given");
    let _answer = container.begin(request.header("x-daily-room-token", "given")).await;
    let (args, _) = container.bots.begun.lock().unwrap().remove(0);
    assert_eq!((&*args.room_url, args.token.reveal()), ("https://x.daily.co/given", "given"));
    assert_eq!((&*args.dial_in.call_id, args.dial_in.from.is_none()), ("c-2", true));
    assert_eq!(args.daily.unwrap().api_key.reveal(), "key");
}

#[tokio::test]
async fn when_the_platform_hangs_up_the_call_is_told() {
    let container = container().await;
    let body = flat().to_string();
    let mut platform = TcpStream::connect(container.url.trim_start_matches("http://")).await.unwrap();
    let request = format!("POST /bot HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    platform.write_all(request.as_bytes()).await.unwrap();
    timeout(SOON, container.bots.has_begun.notified()).await.expect("no call begins");
    assert!(!container.bots.was_dropped.load(Ordering::SeqCst));
    drop(platform);
    timeout(SOON, container.bots.dropped.notified()).await.expect("the call goes on");
}

#[tokio::test]
async fn while_draining_calls_go_on_and_none_is_taken() {
    let container = container().await;
    let answer = container.begin(container.post(&flat())).await;
    container.draining.cancel();
    assert_eq!(container.get("/readyz").await, (503, json!({"status": "not ready"})));
    assert_eq!(container.get("/livez").await.0, 200);
    assert_eq!(read(container.post(&flat()).send().await.unwrap()).await.0, 503);
    assert!(!container.bots.was_dropped.load(Ordering::SeqCst));
    container.bots.end.notify_one();
    assert_eq!(timeout(SOON, answer).await.unwrap().unwrap(), (200, json!({})));
    container.shutdown.cancel();
    timeout(SOON, container.task).await.expect("the server goes on").unwrap();
}

#[tokio::test]
async fn refusals_have_their_status_and_say_what_to_do() {
    let container = container().await;
    let (name, known) = ("sales".to_owned(), "`cold_transfer`".to_owned());
    let other = BotRefusal::OtherVersion { name: name.clone(), here: "a".into(), there: "b".into() };
    for (refusal, status) in [
        (BotRefusal::Busy, 503),
        (BotRefusal::Draining, 503),
        (BotRefusal::UnknownFlow { name, known }, 422),
        (other, 422),
        (BotRefusal::NoDailyKey, 422),
        (BotRefusal::Failed("no".to_owned()), 500),
    ] {
        *container.bots.refusal.lock().unwrap() = Some(refusal.clone());
        let (answered, body) = read(container.post(&flat()).send().await.unwrap()).await;
        assert_eq!((answered, &body["error"]), (status, &json!(refusal.to_string())));
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_and_a_panic_is_one_500() {
    let container = container().await;
    let post = |body: &'static str| container.http.post(format!("{}/bot", container.url)).body(body);
    for bad in ["", "[]", "junk", "{}", r#"{"room_url":"r","token":"t","callId":"c","callDomain":"d"}"#] {
        let (status, body) = read(post(bad).send().await.unwrap()).await;
        assert!(status == 400 && body["error"].is_string(), "{bad}: {status} {body}");
    }
    let mut panics = flat();
    panics["callId"] = json!("panic");
    let (status, body) = read(container.post(&panics).send().await.unwrap()).await;
    assert!(status == 500 && !body.to_string().contains("a bug"));
    let long = json!({"filler": "x".repeat(1024 * 1024)});
    assert_eq!(read(container.post(&long).send().await.unwrap()).await.0, 413);
    assert_eq!(container.get("/").await.0, 404);
    assert_eq!(container.get("/bot").await.0, 405);
    let _answer = container.begin(container.post(&flat())).await;
}

#[tokio::test]
async fn a_long_silence_does_not_end_the_request() {
    let container = container().await;
    let body = flat().to_string();
    let mut platform = TcpStream::connect(container.url.trim_start_matches("http://")).await.unwrap();
    let request = format!("POST /bot HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    platform.write_all(request.as_bytes()).await.unwrap();
    timeout(SOON, container.bots.has_begun.notified()).await.expect("no call begins");
    let _time = callflow::sandbox::clock::Metronome::start(None);
    tokio::time::sleep(Duration::from_secs(45)).await;
    assert!(!container.bots.was_dropped.load(Ordering::SeqCst), "the call was ended by silence");
    container.bots.end.notify_one();
    let mut status = [0; 12];
    timeout(SOON, platform.read_exact(&mut status)).await.expect("no answer").unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_busy_port_is_one_clear_error_with_the_fix() {
    let container = container().await;
    let address = container.url.trim_start_matches("http://").parse().unwrap();
    let second = BotServer::bind(address, container.bots.clone(), CancellationToken::new()).await;
    let Err(error) = second else { panic!("two servers") };
    assert!(matches!(error, ServerError::PortInUse(_)) && error.to_string().contains("--port"));
}
