//! The three speech clients against small servers on real sockets, on the paused clock: this is also how a
//! whole call is tested. Deadlines are tested beside the clients, without sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message as Ws, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::serve::ListenerExt;
use callflow::audio::Frame;
use callflow::pii::{ApiKey, Utterance};
use callflow::sandbox::openai::Script;
use callflow::sandbox::site::Site;
use callflow::speech::cartesia::Cartesia;
use callflow::speech::deepgram::Deepgram;
use callflow::speech::openai::{OpenAi, http_client};
use callflow::speech::{
    ContextId, Llm, LlmEvent, LlmRequest, LlmStream, Message, SpeechError, Stt, SttCommand, SttEvent,
    SttParams, Tts, TtsCommand, TtsEvent, TtsParams,
};
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

const PATIENCE: Duration = Duration::from_secs(20);
const TEXT: &str = include_str!("wire/openai/text.sse");

/// A server on a free port, its base URL, and how many connections it took.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

async fn serve(app: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let listener = listener.tap_io(move |socket| {
        // With Nagle's algorithm the kernel holds back bytes for a real 40 ms, during which the paused clock
        // runs through every deadline.
        socket.set_nodelay(true).unwrap();
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { url, connections, _task: AbortOnDropHandle::new(task) }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing happened for too long")
}

// ---- OpenAI ------------------------------------------------------------------------------------------

fn openai(server: &Server) -> OpenAi {
    let base = format!("{}/openai/v1", server.url);
    OpenAi::new(&base, ApiKey::new("secret"), http_client(&base).unwrap()).unwrap()
}

/// A chat completions server that answers the nth request with the nth answer; the last one stays.
fn chat(answers: Vec<fn() -> Response>) -> (Router, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let answer = move || async move {
        let n = count.fetch_add(1, Ordering::SeqCst);
        answers[n.min(answers.len() - 1)]()
    };
    (Router::new().route("/openai/v1/chat/completions", post(answer)), asked)
}

fn events(body: Body) -> Response {
    ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
}

/// The body in pieces that respect neither lines nor characters.
fn in_pieces() -> Response {
    let pieces: Vec<_> = TEXT.as_bytes().chunks(7).map(|piece| Ok::<_, String>(Bytes::from(piece))).collect();
    events(Body::from_stream(stream::iter(pieces)))
}

fn request() -> LlmRequest {
    LlmRequest {
        model: "gpt-4o".into(),
        system: "You are Hailey.".into(),
        messages: Vec::new(),
        tools: Vec::new(),
        request_id: "call-7/1".into(),
    }
}

async fn whole(mut stream: LlmStream) -> Vec<LlmEvent> {
    let mut heard = Vec::new();
    while let Some(event) = within(stream.events.recv()).await {
        heard.push(event);
    }
    heard
}

fn spoken() -> Vec<LlmEvent> {
    let text = |words: &str| LlmEvent::Text(words.into());
    vec![text("Of course"), text(", that's 3 € – naïve?"), LlmEvent::Done]
}

#[tokio::test(start_paused = true)]
async fn a_reply_arrives_whole_in_whatever_pieces() {
    let (app, _) = chat(vec![in_pieces]);
    assert_eq!(whole(openai(&serve(app).await).reply(request())).await, spoken());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_made_ahead_and_the_first_reply_goes_over_it() {
    let (site, script) = (Site::default(), Script::default());
    let emulator =
        serve(Router::new().nest("/openai/v1", callflow::sandbox::openai::router(&site, script))).await;
    let client = openai(&emulator);
    assert_eq!(emulator.connections.load(Ordering::SeqCst), 0);
    within(client.warm()).await;
    assert_eq!(emulator.connections.load(Ordering::SeqCst), 1);
    assert!(site.traces.all().is_empty(), "nothing was asked");
    let asked = LlmRequest { messages: vec![Message::User(Utterance::new("I need help"))], ..request() };
    let heard = whole(client.reply(asked)).await;
    assert_eq!(heard.last(), Some(&LlmEvent::Done), "{heard:?}");
    assert_eq!(emulator.connections.load(Ordering::SeqCst), 1, "a second connection was made");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_made_ahead_is_nobody_s_trouble() {
    let base = "http://127.0.0.1:9/v1";
    let client = OpenAi::new(base, ApiKey::new("secret"), http_client(base).unwrap()).unwrap();
    within(client.warm()).await;
    let (app, asked) = chat(vec![in_pieces]);
    let server = serve(app).await;
    let client = openai(&server);
    within(client.warm()).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a server that knows no HEAD is asked for nothing");
    assert_eq!(whole(client.reply(request())).await, spoken());
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_carries_key_and_id() {
    let (tell, mut seen) = mpsc::channel::<(HeaderMap, String)>(1);
    let answer = async move |headers: HeaderMap, body: String| {
        tell.send((headers, body)).await.unwrap();
        events(Body::from(TEXT))
    };
    let server = serve(Router::new().route("/openai/v1/chat/completions", post(answer))).await;
    assert_eq!(whole(openai(&server).reply(request())).await, spoken());
    let (headers, body) = within(seen.recv()).await.unwrap();
    assert_eq!(headers["authorization"], "Bearer secret");
    assert_eq!(headers["x-client-request-id"], "call-7/1");
    assert_eq!(headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["stream"], true);
    assert_eq!(body["messages"][0]["content"], "You are Hailey.");
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_reply_after_reply() {
    let (app, _) = chat(vec![|| events(Body::from(TEXT)), in_pieces]);
    let server = serve(app).await;
    let client = openai(&server);
    for _ in 0..5 {
        assert_eq!(whole(client.reply(request())).await, spoken());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_out_as_long_as_the_vendor_wishes() {
    let limited = || {
        let headers = [("retry-after-ms", "5"), ("retry-after", "900")];
        (StatusCode::TOO_MANY_REQUESTS, headers, include_str!("wire/openai/refused_429_rate.json"))
            .into_response()
    };
    let (app, asked) = chat(vec![limited, limited, in_pieces]);
    assert_eq!(whole(openai(&serve(app).await).reply(request())).await, spoken());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_causes_and_lasting_ones_are_not_asked_again() {
    type Case = (fn() -> Response, fn(&SpeechError) -> bool);
    let cases: [Case; 6] = [
        (
            || (StatusCode::UNAUTHORIZED, include_str!("wire/openai/refused_401.json")).into_response(),
            |error| matches!(error, SpeechError::Unauthorized { .. }),
        ),
        (
            || (StatusCode::NOT_FOUND, include_str!("wire/openai/refused_404.json")).into_response(),
            |error| matches!(error, SpeechError::Refused { detail, .. } if detail.contains("gpt-none")),
        ),
        (
            || {
                let quota = include_str!("wire/openai/refused_429_quota.json");
                (StatusCode::TOO_MANY_REQUESTS, quota).into_response()
            },
            |error| matches!(error, SpeechError::RateLimited { permanent: true, .. }),
        ),
        (
            || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response(),
            |error| {
                let minute = Some(Duration::from_secs(60));
                matches!(error, SpeechError::RateLimited { retry_after, .. } if *retry_after == minute)
            },
        ),
        (
            || (StatusCode::SERVICE_UNAVAILABLE, [("x-should-retry", "false")]).into_response(),
            |error| matches!(error, SpeechError::Vendor { .. }),
        ),
        (
            || axum::Json(serde_json::json!({"choices": []})).into_response(),
            |error| matches!(error, SpeechError::Protocol { .. }),
        ),
    ];
    for (answer, is_expected) in cases {
        let (app, asked) = chat(vec![answer]);
        let heard = whole(openai(&serve(app).await).reply(request())).await;
        let [LlmEvent::Failed(error)] = heard.as_slice() else { panic!("{heard:?}") };
        assert!(is_expected(error), "{error:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_unreachable() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://{nobody}/v1");
    let client = OpenAi::new(&base, ApiKey::new("secret"), http_client(&base).unwrap()).unwrap();
    let heard = whole(client.reply(request())).await;
    assert!(matches!(&heard[..], [LlmEvent::Failed(SpeechError::Unreachable { .. })]), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_within_a_reply_is_told_and_not_repeated() {
    let broken = || {
        let half = TEXT.split_once(", that").unwrap().0;
        // The server writes what it has when the body makes it wait.
        let end = stream::once(async {
            tokio::task::yield_now().await;
            Err("broken")
        });
        events(Body::from_stream(stream::iter([Ok(half)]).chain(end)))
    };
    let (app, asked) = chat(vec![broken]);
    let heard = whole(openai(&serve(app).await).reply(request())).await;
    assert_eq!(heard[0], LlmEvent::Text("Of course".into()));
    assert!(matches!(&heard[1..], [LlmEvent::Failed(SpeechError::Disconnected { .. })]), "{heard:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_reply_cancels_it_at_the_server() {
    let (gone, mut cancelled) = mpsc::channel::<()>(1);
    let answer = move || {
        let gone = gone.clone();
        async move {
            // Dropped with the body, which axum drops when the client is gone.
            let guard = DropGuard(gone);
            let first = TEXT.split_once(", that").unwrap().0;
            let first = first.rsplit_once("\n\n").unwrap().0.to_owned() + "\n\n";
            let endless = stream::iter([Ok::<_, String>(first)]).chain(stream::pending()).map(move |item| {
                let _held = &guard;
                item
            });
            events(Body::from_stream(endless))
        }
    };
    let server = serve(Router::new().route("/openai/v1/chat/completions", post(answer))).await;
    let mut reply = openai(&server).reply(request());
    assert_eq!(within(reply.events.recv()).await, Some(LlmEvent::Text("Of course".into())));
    drop(reply);
    within(cancelled.recv()).await;
}

struct DropGuard(mpsc::Sender<()>);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.try_send(()).unwrap();
    }
}

// ---- Deepgram ----------------------------------------------------------------------------------------

fn stt_params() -> SttParams {
    SttParams { model: "nova-3-general".into(), language: "en-US".into(), call_id: "call-7".into() }
}

fn deepgram(server: &Server) -> Deepgram {
    Deepgram::new(&format!("{}/deepgram", server.url), ApiKey::new("secret")).unwrap()
}

/// Says how many bytes it heard when it is asked to finalize; drops the connection at a silent frame.
async fn hears_bytes(mut socket: WebSocket) {
    let mut bytes = 0;
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Ws::Binary(audio) if audio.iter().all(|&b| b == 0) => return,
            Ws::Binary(audio) => bytes += audio.len(),
            Ws::Text(text) if text.contains("Finalize") => {
                let results = serde_json::json!({
                    "type": "Results", "start": 0.0, "duration": bytes as f64 / 32_000.0,
                    "is_final": true, "from_finalize": true,
                    "channel": {"alternatives": [{"transcript": format!("{bytes} bytes")}]},
                });
                socket.send(Ws::text(results.to_string())).await.unwrap();
            }
            Ws::Text(text) if text.contains("CloseStream") => {
                socket.send(Ws::text(include_str!("wire/deepgram/metadata.json"))).await.unwrap();
                return;
            }
            _ => {}
        }
    }
}

fn listens() -> Router {
    let listen = async |RawQuery(query): RawQuery, headers: HeaderMap, upgrade: WebSocketUpgrade| {
        assert_eq!(query.as_deref(), Some(include_str!("wire/deepgram/client_listen_query.txt").trim_end()));
        if headers["authorization"] != "Token secret" {
            let body = include_str!("wire/deepgram/refused_401.json");
            return (StatusCode::UNAUTHORIZED, [("dg-error", "Invalid credentials.")], body).into_response();
        }
        upgrade.on_upgrade(hears_bytes)
    };
    Router::new().route("/deepgram/v1/listen", any(listen))
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_heard_across_a_broken_connection() {
    let server = serve(listens()).await;
    let mut stream = within(deepgram(&server).open(stt_params())).await.unwrap();
    let loud = || SttCommand::Audio(Frame::from_samples(&[1000; 320]));
    let fixed = |text: &str| SttEvent::Final { text: Utterance::new(text), speech_final: true };
    for command in [loud(), loud(), SttCommand::Finalize] {
        stream.commands.send(command).await.unwrap();
    }
    assert_eq!(within(stream.events.recv()).await, Some(fixed("1280 bytes")));

    let quiet = SttCommand::Audio(Frame::silence());
    stream.commands.send(quiet).await.unwrap();
    // The silent frame was not answered, so the next connection drops at it, too: the vendor is given up.
    let end = within(stream.events.recv()).await;
    assert!(matches!(end, Some(SttEvent::Closed(Err(SpeechError::Disconnected { .. })))), "{end:?}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_ends_politely() {
    let server = serve(listens()).await;
    let mut stream = within(deepgram(&server).open(stt_params())).await.unwrap();
    stream.commands.send(SttCommand::Close).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(SttEvent::Closed(Ok(()))));
    assert_eq!(within(stream.events.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_told_apart_from_a_wrong_address() {
    let server = serve(listens()).await;
    let base = format!("{}/deepgram", server.url);
    let client = Deepgram::new(&base, ApiKey::new("wrong")).unwrap();
    let error = within(client.open(stt_params())).await.unwrap_err();
    assert_eq!(error, SpeechError::Unauthorized { vendor: "Deepgram" });

    let client = Deepgram::new(&server.url, ApiKey::new("secret")).unwrap();
    let error = within(client.open(stt_params())).await.unwrap_err();
    assert_eq!(error, SpeechError::Refused { vendor: "Deepgram", detail: "HTTP 404".into() });
}

// ---- Cartesia ----------------------------------------------------------------------------------------

fn tts_params() -> TtsParams {
    TtsParams { model: "sonic-3".into(), voice: None, language: "en".into(), call_id: "call-7".into() }
}

/// Speaks each text as its documented chunk, and drops the connection at the text "drop".
async fn speaks(mut socket: WebSocket) {
    while let Some(Ok(Ws::Text(text))) = socket.recv().await {
        let request: serde_json::Value = serde_json::from_str(&text).unwrap();
        let id = request["context_id"].as_str().unwrap();
        if request["transcript"] == "drop" {
            return;
        }
        let mut answers =
            vec![include_str!("wire/cartesia/chunk.json"), include_str!("wire/cartesia/timestamps.json")];
        if request["continue"] == false {
            answers.push(include_str!("wire/cartesia/done.json"));
        }
        for answer in answers {
            socket.send(Ws::text(answer.replace("call-7-1", id))).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_voice_speaks_and_finds_its_way_back_after_a_break() {
    let seen = Arc::new(AtomicUsize::new(0));
    let connect =
        async |State(seen): State<Arc<AtomicUsize>>, headers: HeaderMap, upgrade: WebSocketUpgrade| {
            assert_eq!(headers["x-api-key"], "secret");
            assert_eq!(headers["cartesia-version"], "2026-03-01");
            seen.fetch_add(1, Ordering::SeqCst);
            upgrade.on_upgrade(speaks)
        };
    let app = Router::new().route("/cartesia/tts/websocket", any(connect)).with_state(Arc::clone(&seen));
    let server = serve(app).await;
    let base = format!("{}/cartesia", server.url.replace("http", "ws"));
    let client = Cartesia::new(&base, ApiKey::new("secret")).unwrap();
    let mut stream = within(client.open(tts_params())).await.unwrap();

    for (n, text) in [(1, "Hello there."), (2, "drop"), (3, "Hello again.")] {
        let context = ContextId(n);
        let text = Utterance::new(text);
        let fails = text.text() == "drop";
        stream.commands.send(TtsCommand::Speak { context, text, last: true }).await.unwrap();
        if fails {
            let event = within(stream.events.recv()).await;
            let expected =
                matches!(event, Some(TtsEvent::Failed(ContextId(2), SpeechError::Disconnected { .. })));
            assert!(expected, "{event:?}");
            continue;
        }
        let samples = vec![1, 2, -1, -32768];
        assert_eq!(within(stream.events.recv()).await, Some(TtsEvent::Audio { context, samples }));
        assert!(matches!(within(stream.events.recv()).await, Some(TtsEvent::Words { .. })));
        assert_eq!(within(stream.events.recv()).await, Some(TtsEvent::Done(context)));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    stream.commands.send(TtsCommand::Close).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(TtsEvent::Closed(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn a_voice_is_cancelled_at_the_vendor() {
    let (tell, cancelled) = oneshot::channel::<String>();
    let tell = Arc::new(std::sync::Mutex::new(Some(tell)));
    let connect = async move |upgrade: WebSocketUpgrade| {
        let tell = tell.lock().unwrap().take().unwrap();
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            let _speak = socket.recv().await;
            let Some(Ok(Ws::Text(text))) = socket.recv().await else { return };
            tell.send(text.to_string()).unwrap();
        })
    };
    let server = serve(Router::new().route("/tts/websocket", any(connect))).await;
    let client = Cartesia::new(&server.url, ApiKey::new("secret")).unwrap();
    let stream = within(client.open(tts_params())).await.unwrap();
    let context = ContextId(1);
    let text = Utterance::new("a long story");
    stream.commands.send(TtsCommand::Speak { context, text, last: true }).await.unwrap();
    stream.commands.send(TtsCommand::Cancel(context)).await.unwrap();
    let message = within(cancelled).await.unwrap();
    assert_eq!(message, include_str!("wire/cartesia/client_cancel.json").trim_end());
}
