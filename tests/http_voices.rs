//! The voices and the recogniser that are asked over HTTP (OpenAI's audio API, Deepgram's Aura), against small
//! servers on real sockets, on the paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use callflow::audio::Frame;
use callflow::pii::{ApiKey, Utterance};
use callflow::speech::aura::Aura;
use callflow::speech::openai_audio::{OpenAiEar, OpenAiVoice};
use callflow::speech::{
    ContextId, SpeechError, Stt, SttCommand, SttEvent, SttParams, SttStream, Tts, TtsCommand, TtsEvent,
    TtsParams, TtsStream,
};
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

const PATIENCE: Duration = Duration::from_secs(30);
const ONE: ContextId = ContextId(1);
const TWO: ContextId = ContextId(2);

/// A request as the server saw it.
struct Asked {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A server that gives its answers in order, and tells what it was asked.
struct Server {
    url: String,
    asked: mpsc::Receiver<Asked>,
    _task: AbortOnDropHandle<()>,
}

type Script = Arc<Mutex<VecDeque<Response>>>;

async fn serve(answers: impl IntoIterator<Item = Response>) -> Server {
    let script: Script = Arc::new(Mutex::new(answers.into_iter().collect()));
    let (tell, asked) = mpsc::channel(16);
    let answer = |State((script, tell)): State<(Script, mpsc::Sender<Asked>)>, uri, headers, body| async move {
        tell.send(Asked { uri, headers, body }).await.unwrap();
        let answer = script.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
    };
    let app = Router::new()
        .route("/v1/audio/speech", post(answer))
        .route("/v1/audio/transcriptions", post(answer))
        .route("/v1/speak", post(answer))
        .with_state((script, tell));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let listener = listener.tap_io(|socket| socket.set_nodelay(true).unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { url, asked, _task: AbortOnDropHandle::new(task) }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("nothing happened for too long")
}

/// Samples of one value at 16 kHz, which pass through unchanged.
fn pcm(value: i16, samples: usize) -> Bytes {
    Bytes::from(value.to_le_bytes().repeat(samples))
}

fn audio(body: Body) -> Response {
    ([("content-type", "audio/pcm;rate=16000")], body).into_response()
}

async fn voice(server: &Server) -> TtsStream {
    let client = OpenAiVoice::new(&server.url, ApiKey::new("secret")).unwrap();
    let params =
        TtsParams { model: "tts-1".into(), voice: None, language: "en-US".into(), call_id: "call-7".into() };
    client.open(params).await.unwrap()
}

async fn speak(stream: &TtsStream, context: ContextId, text: &str, last: bool) {
    let text = Utterance::new(text);
    stream.commands.send(TtsCommand::Speak { context, text, last }).await.unwrap();
}

/// The samples of a context until the first event that is not audio, and that event.
async fn spoken(stream: &mut TtsStream) -> (Vec<i16>, TtsEvent) {
    let mut heard = Vec::new();
    loop {
        match within(stream.events.recv()).await.unwrap() {
            TtsEvent::Audio { samples, .. } => heard.extend(samples),
            other => return (heard, other),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn clauses_are_asked_for_one_by_one_and_heard_in_order() {
    let pieces = stream::iter([Ok::<_, String>(pcm(1, 100)), Ok(pcm(1, 60))]);
    let mut server = serve([
        audio(Body::from_stream(pieces)),
        audio(Body::from(pcm(2, 50))),
        audio(Body::from(pcm(3, 10))),
    ])
    .await;
    let mut stream = voice(&server).await;
    speak(&stream, ONE, "Hello there. ", false).await;
    speak(&stream, ONE, " ", false).await;
    speak(&stream, ONE, "How are you?", true).await;
    speak(&stream, TWO, "Bye.", true).await;
    let heard = [vec![1; 160], vec![2; 50]].concat();
    assert_eq!(spoken(&mut stream).await, (heard, TtsEvent::Done(ONE)));
    assert_eq!(spoken(&mut stream).await, (vec![3; 10], TtsEvent::Done(TWO)));
    let first = within(server.asked.recv()).await.unwrap();
    assert_eq!(first.headers["authorization"], "Bearer secret");
    assert_eq!(first.headers["x-client-request-id"], "call-7-1-1");
    assert_eq!(first.json()["input"], "Hello there.");
    assert_eq!(within(server.asked.recv()).await.unwrap().json()["input"], "How are you?");
    let third = within(server.asked.recv()).await.unwrap();
    assert_eq!(third.headers["x-client-request-id"], "call-7-2-3");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_context_is_not_heard_and_its_request_ends() {
    let endless = stream::iter([Ok::<_, String>(pcm(1, 100))]).chain(stream::pending());
    let mut server = serve([audio(Body::from_stream(endless)), audio(Body::from(pcm(2, 50)))]).await;
    let mut stream = voice(&server).await;
    speak(&stream, ONE, "A long story.", false).await;
    speak(&stream, ONE, "Its end.", true).await;
    within(server.asked.recv()).await.unwrap();
    assert!(matches!(within(stream.events.recv()).await, Some(TtsEvent::Audio { context: ONE, .. })));
    stream.commands.send(TtsCommand::Cancel(ONE)).await.unwrap();
    speak(&stream, ONE, "Too late.", true).await;
    speak(&stream, TWO, "Yes?", true).await;
    assert_eq!(spoken(&mut stream).await, (vec![2; 50], TtsEvent::Done(TWO)));
    assert_eq!(within(server.asked.recv()).await.unwrap().json()["input"], "Yes?");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_context_and_not_the_stream() {
    let refused = (StatusCode::NOT_FOUND, include_str!("wire/openai_audio/refused_404.json")).into_response();
    let mp3 = ([("content-type", "audio/mpeg")], "ID3").into_response();
    let ill = StatusCode::SERVICE_UNAVAILABLE.into_response();
    let server = serve([refused, mp3, ill, audio(Body::from(pcm(2, 50)))]).await;
    let mut stream = voice(&server).await;
    speak(&stream, ONE, "One.", false).await;
    let (_, event) = spoken(&mut stream).await;
    assert!(matches!(event, TtsEvent::Failed(ONE, SpeechError::Refused { .. })), "{event:?}");
    speak(&stream, TWO, "Two.", true).await;
    let (_, event) = spoken(&mut stream).await;
    assert!(matches!(event, TtsEvent::Failed(TWO, SpeechError::Protocol { .. })), "{event:?}");
    let three = ContextId(3);
    speak(&stream, three, "Three.", true).await;
    assert_eq!(spoken(&mut stream).await, (vec![2; 50], TtsEvent::Done(three)), "illness is waited out");
    speak(&stream, ContextId(4), "", true).await;
    assert_eq!(spoken(&mut stream).await, (vec![], TtsEvent::Done(ContextId(4))));
    stream.commands.send(TtsCommand::Close).await.unwrap();
    assert_eq!(spoken(&mut stream).await.1, TtsEvent::Closed(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn aura_is_asked_for_clauses_at_our_rate_and_tags_them_with_the_call() {
    let refused = (StatusCode::BAD_REQUEST, include_str!("wire/aura/refused_400.json")).into_response();
    let l16 = ([("content-type", "audio/l16")], Body::from(pcm(1, 70))).into_response();
    let mut server = serve([l16, audio(Body::from(pcm(2, 50))), refused]).await;
    let client = Aura::new(server.url.trim_end_matches("/v1"), ApiKey::new("secret")).unwrap();
    let params = TtsParams {
        model: "aura-2-thalia-en".into(),
        voice: None,
        language: "en-US".into(),
        call_id: "call-7".into(),
    };
    let mut stream = client.open(params).await.unwrap();
    speak(&stream, ONE, "Hello there. ", false).await;
    speak(&stream, ONE, "...", false).await;
    speak(&stream, ONE, "How are you?", true).await;
    assert_eq!(spoken(&mut stream).await, ([vec![1; 70], vec![2; 50]].concat(), TtsEvent::Done(ONE)));
    let first = within(server.asked.recv()).await.unwrap();
    assert_eq!(first.headers["authorization"], "Token secret");
    assert_eq!(first.uri.query(), Some(include_str!("wire/aura/client_speak_query.txt").trim_end()));
    assert_eq!(first.json()["text"], "Hello there.");
    assert_eq!(within(server.asked.recv()).await.unwrap().json()["text"], "How are you?");
    speak(&stream, TWO, "Bye.", true).await;
    let (_, event) = spoken(&mut stream).await;
    assert!(matches!(event, TtsEvent::Failed(TWO, SpeechError::Refused { .. })), "{event:?}");
}

async fn ear(server: &Server) -> SttStream {
    let client = OpenAiEar::new(&server.url, ApiKey::new("secret")).unwrap();
    assert!(!client.capabilities().interims);
    let params = SttParams { model: "whisper-1".into(), language: "en-US".into(), call_id: "call-7".into() };
    client.open(params).await.unwrap()
}

async fn say(stream: &SttStream, level: i16, frames: usize) {
    for _ in 0..frames {
        let frame = Frame::from_samples(&[level; 320]);
        stream.commands.send(SttCommand::Audio(frame)).await.unwrap();
    }
}

fn words(text: &str) -> SttEvent {
    SttEvent::Final { text: Utterance::new(text), speech_final: true }
}

fn transcript(body: &'static str) -> Response {
    ([("content-type", "application/json")], body).into_response()
}

#[tokio::test(start_paused = true)]
async fn an_utterance_is_sent_when_it_is_over_and_silence_is_not_sent() {
    let slow = stream::once(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok::<_, String>(include_str!("wire/openai_audio/transcription.json"))
    });
    let answers = [Body::from_stream(slow).into_response(), transcript(r#"{"text":" Two. "}"#)];
    let mut server = serve(answers).await;
    let mut stream = ear(&server).await;
    say(&stream, 0, 100).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(words("")));
    say(&stream, 3_000, 50).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    let first = within(server.asked.recv()).await.unwrap();
    say(&stream, 3_000, 10).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(words("I want to talk to a person.")));
    assert_eq!(within(stream.events.recv()).await, Some(words("Two.")), "in the order of the utterances");
    assert_eq!(first.headers["x-client-request-id"], "call-7-1");
    assert!(first.headers["content-type"].to_str().unwrap().starts_with("multipart/form-data; boundary="));
    let second = within(server.asked.recv()).await.unwrap();
    // The second utterance has neither a lead nor the first one's audio.
    assert_eq!(first.body.len() - second.body.len(), (20 + 50 - 10) * 640);
    stream.commands.send(SttCommand::Close).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(SttEvent::Closed(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn an_utterance_that_cannot_be_transcribed_ends_the_stream_with_the_cause() {
    let server = serve([StatusCode::UNAUTHORIZED.into_response()]).await;
    let mut stream = ear(&server).await;
    say(&stream, 3_000, 50).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    let event = within(stream.events.recv()).await.unwrap();
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Unauthorized { .. }))), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn words_on_their_way_are_still_told_after_a_polite_end() {
    let server = serve([transcript(r#"{"text":"Bye."}"#)]).await;
    let mut stream = ear(&server).await;
    say(&stream, 3_000, 50).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    stream.commands.send(SttCommand::Close).await.unwrap();
    assert_eq!(within(stream.events.recv()).await, Some(words("Bye.")));
    assert_eq!(within(stream.events.recv()).await, Some(SttEvent::Closed(Ok(()))));
}
