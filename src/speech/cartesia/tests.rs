//! The voice against scripted vendors, on the paused clock.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::*;
use crate::pii::Utterance;
use crate::speech::socket::pipe::{self, Vendor};
use crate::speech::{ContextId, TtsCommand, TtsEvent, Word};

type Server = WebSocketStream<DuplexStream>;

const ONE: ContextId = ContextId(1);
const TWO: ContextId = ContextId(2);

macro_rules! wire {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/cartesia/", $name)).trim_end()
    };
}

fn client() -> (Cartesia, Vendor) {
    let mut client = Cartesia::new("http://vendor.test/cartesia/", ApiKey::new("secret")).unwrap();
    let (network, vendor) = pipe::pipe();
    client.network = network;
    (client, vendor)
}

fn params() -> TtsParams {
    TtsParams { model: "sonic-3".into(), voice: None, language: "en-US".into(), call_id: "call-7".into() }
}

async fn open() -> (TtsStream, Server, Vendor) {
    let (client, mut vendor) = client();
    let (stream, (server, _)) = tokio::join!(client.open(params()), vendor.accept());
    (stream.unwrap(), server, vendor)
}

async fn speak(stream: &TtsStream, context: ContextId, text: &str, last: bool) {
    let text = Utterance::new(text);
    stream.commands.send(TtsCommand::Speak { context, text, last }).await.unwrap();
}

/// The next request as `(context_id, transcript, continue)`, or the whole of any other message.
async fn asked(server: &mut Server) -> Value {
    let message = timeout(Duration::from_secs(60), server.next()).await.unwrap().unwrap().unwrap();
    let request: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    match request.get("transcript") {
        Some(transcript) => json!([request["context_id"], transcript, request["continue"]]),
        None => request,
    }
}

async fn say(server: &mut Server, message: Value) {
    server.send(Message::text(message.to_string())).await.unwrap();
}

async fn give(server: &mut Server, id: &str, bytes: &[u8]) {
    say(server, json!({"type": "chunk", "context_id": id, "data": STANDARD.encode(bytes)})).await;
}

async fn event(stream: &mut TtsStream) -> TtsEvent {
    timeout(Duration::from_secs(60), stream.events.recv()).await.unwrap().unwrap()
}

fn audio(context: ContextId, samples: &[i16]) -> TtsEvent {
    TtsEvent::Audio { context, samples: samples.to_vec() }
}

fn is_failed(event: &TtsEvent, context: ContextId) -> bool {
    matches!(event, TtsEvent::Failed(of, SpeechError::Disconnected { .. }) if *of == context)
}

#[tokio::test(start_paused = true)]
async fn the_handshake_is_the_documented_one() {
    let (client, mut vendor) = client();
    let (stream, (_server, request)) = tokio::join!(client.open(params()), vendor.accept());
    assert!(stream.is_ok());
    assert_eq!(request.uri().to_string(), "/cartesia/tts/websocket");
    assert_eq!(request.headers()["x-api-key"], "secret");
    assert_eq!(request.headers()["cartesia-version"], "2026-03-01");
}

#[tokio::test(start_paused = true)]
async fn an_utterance_is_spoken_from_text_to_done() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "Hello there. ", false).await;
    speak(&stream, ONE, "", true).await;
    assert_eq!(asked(&mut server).await, json!(["call-7-1", "Hello there. ", true]));
    assert_eq!(asked(&mut server).await, json!(["call-7-1", "", false]));
    for text in [wire!("chunk.json"), wire!("timestamps.json"), wire!("flush_done.json"), wire!("done.json")]
    {
        server.send(Message::text(text)).await.unwrap();
    }
    assert_eq!(event(&mut stream).await, audio(ONE, &[1, 2, -1, -32768]));
    let word = |text: &str, start, end| Word {
        text: text.into(),
        start: Duration::from_millis(start),
        end: Duration::from_millis(end),
    };
    let words = vec![word("Hello", 0, 400), word("there.", 500, 900)];
    assert_eq!(event(&mut stream).await, TtsEvent::Words { context: ONE, words });
    assert_eq!(event(&mut stream).await, TtsEvent::Done(ONE));

    stream.commands.send(TtsCommand::Close).await.unwrap();
    let end = timeout(Duration::from_secs(1), server.next()).await.unwrap();
    assert!(matches!(end, Some(Ok(Message::Close(_)))), "{end:?}");
    assert_eq!(event(&mut stream).await, TtsEvent::Closed(Ok(())));
    assert_eq!(stream.events.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn interleaved_contexts_and_samples_cut_in_two_come_out_right() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    speak(&stream, TWO, "two", true).await;
    asked(&mut server).await;
    asked(&mut server).await;
    give(&mut server, "call-7-1", &[1, 0, 2]).await;
    give(&mut server, "call-7-2", &[7]).await;
    give(&mut server, "call-7-1", &[0]).await;
    give(&mut server, "call-7-2", &[0, 8, 0]).await;
    assert_eq!(event(&mut stream).await, audio(ONE, &[1]));
    assert_eq!(event(&mut stream).await, audio(ONE, &[2]));
    assert_eq!(event(&mut stream).await, audio(TWO, &[7, 8]));
}

#[tokio::test(start_paused = true)]
async fn of_a_cancelled_context_nothing_more_is_heard() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "a long story", false).await;
    asked(&mut server).await;
    stream.commands.send(TtsCommand::Cancel(ONE)).await.unwrap();
    speak(&stream, ONE, " and more of it", true).await;
    speak(&stream, TWO, "yes?", true).await;
    assert_eq!(asked(&mut server).await.to_string(), wire!("client_cancel.json"));
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "yes?", false]));
    give(&mut server, "call-7-1", &[1, 0]).await;
    say(&mut server, json!({"type": "done", "done": true, "context_id": "call-7-1"})).await;
    give(&mut server, "somebody-else", &[1, 0]).await;
    give(&mut server, "call-7-2", &[2, 0]).await;
    assert_eq!(event(&mut stream).await, audio(TWO, &[2]));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_taken_although_nobody_reads_the_audio() {
    let (stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "a long story", false).await;
    asked(&mut server).await;
    for _ in 0..EVENTS + 10 {
        give(&mut server, "call-7-1", &[1, 0]).await;
    }
    sleep(Duration::from_millis(10)).await;
    stream.commands.send(TtsCommand::Cancel(ONE)).await.unwrap();
    assert_eq!(asked(&mut server).await.to_string(), wire!("client_cancel.json"));
}

#[tokio::test(start_paused = true)]
async fn nothing_to_say_is_done_without_asking() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, " ", false).await;
    speak(&stream, ONE, "", true).await;
    assert_eq!(event(&mut stream).await, TtsEvent::Done(ONE));
    speak(&stream, TWO, "", false).await;
    speak(&stream, TWO, "two", true).await;
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "two", false]));
}

#[tokio::test(start_paused = true)]
async fn a_slow_model_does_not_lose_its_context() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "One. ", false).await;
    asked(&mut server).await;
    give(&mut server, "call-7-1", &[0; 3200]).await;
    say(&mut server, json!({"type": "flush_done", "flush_done": true, "context_id": "call-7-1"})).await;
    event(&mut stream).await;
    sleep(Duration::from_secs(20)).await;
    say(&mut server, json!({"type": "done", "done": true, "context_id": "call-7-1"})).await;
    speak(&stream, ONE, "Two.", false).await;
    assert_eq!(asked(&mut server).await, json!(["call-7-1-1", "Two.", true]));
    give(&mut server, "call-7-1-1", &[5, 0]).await;
    say(
        &mut server,
        json!({"type": "timestamps", "context_id": "call-7-1-1",
            "word_timestamps": {"words": ["Two."], "start": [0], "end": [0.5]}}),
    )
    .await;
    say(&mut server, json!({"type": "done", "done": true, "context_id": "call-7-1-1"})).await;
    assert_eq!(event(&mut stream).await, audio(ONE, &[5]));
    let TtsEvent::Words { words, .. } = event(&mut stream).await else { panic!() };
    assert_eq!(words[0].start.as_millis(), 100, "after what was heard before");
    speak(&stream, ONE, "", true).await;
    assert_eq!(event(&mut stream).await, TtsEvent::Done(ONE));
}

#[tokio::test(start_paused = true)]
async fn an_error_fails_its_context_and_only_that() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    speak(&stream, TWO, "two", true).await;
    server.send(Message::text(wire!("error.json"))).await.unwrap();
    give(&mut server, "call-7-1", &[9, 0]).await;
    give(&mut server, "call-7-2", &[2, 0]).await;
    let detail = "Invalid model (model_not_found)".to_owned();
    let cause = SpeechError::Refused { vendor: VENDOR, detail };
    assert_eq!(event(&mut stream).await, TtsEvent::Failed(ONE, cause));
    assert_eq!(event(&mut stream).await, audio(TWO, &[2]));
}

#[tokio::test(start_paused = true)]
async fn an_error_without_context_fails_whatever_is_open() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    asked(&mut server).await;
    server.send(Message::text(wire!("error_without_context.json"))).await.unwrap();
    let cause = SpeechError::RateLimited { vendor: VENDOR, retry_after: None, permanent: false };
    assert_eq!(event(&mut stream).await, TtsEvent::Failed(ONE, cause));
}

#[tokio::test(start_paused = true)]
async fn a_context_without_audio_is_given_up_and_the_next_one_takes_a_new_connection() {
    let (mut stream, mut server, mut vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    let began = Instant::now();
    asked(&mut server).await;
    let cause = SpeechError::Silent { vendor: VENDOR, waited: Duration::from_secs(5) };
    assert_eq!(event(&mut stream).await, TtsEvent::Failed(ONE, cause));
    assert_eq!(began.elapsed().as_secs(), 5);
    speak(&stream, TWO, "two", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "two", false]));
}

#[tokio::test(start_paused = true)]
async fn audio_that_stops_before_its_end_is_noticed() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    asked(&mut server).await;
    give(&mut server, "call-7-1", &[1, 0]).await;
    event(&mut stream).await;
    let event = event(&mut stream).await;
    assert!(matches!(event, TtsEvent::Failed(ONE, SpeechError::Silent { .. })), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drop_fails_what_was_being_spoken_and_the_next_words_find_a_connection() {
    let (mut stream, mut server, mut vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    asked(&mut server).await;
    drop(server);
    assert!(is_failed(&event(&mut stream).await, ONE));
    assert!(!vendor.is_dialled(), "not before it is needed");
    speak(&stream, TWO, "two ", false).await;
    speak(&stream, TWO, "three", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "two ", true]));
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "three", false]));
}

#[tokio::test(start_paused = true)]
async fn a_drop_between_two_sentences_is_not_heard() {
    let (mut stream, mut server, mut vendor) = open().await;
    speak(&stream, ONE, "one. ", false).await;
    asked(&mut server).await;
    give(&mut server, "call-7-1", &[1, 0]).await;
    say(&mut server, json!({"type": "flush_done", "flush_done": true, "context_id": "call-7-1"})).await;
    event(&mut stream).await;
    drop(server);
    sleep(Duration::from_millis(10)).await;
    speak(&stream, ONE, "two.", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-1-1", "two.", false]));
    give(&mut server, "call-7-1-1", &[2, 0]).await;
    assert_eq!(event(&mut stream).await, audio(ONE, &[2]));
}

#[tokio::test(start_paused = true)]
async fn after_an_idle_close_the_next_words_take_a_new_connection() {
    let (stream, mut server, mut vendor) = open().await;
    sleep(Duration::from_secs(300)).await;
    server.close(None).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert!(!vendor.is_dialled());
    speak(&stream, ONE, "still there?", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-1", "still there?", false]));
}

#[tokio::test(start_paused = true)]
async fn words_cancelled_during_an_outage_are_never_sent() {
    let (mut stream, server, mut vendor) = open().await;
    drop(server);
    sleep(Duration::from_millis(10)).await;
    speak(&stream, ONE, "one", true).await;
    vendor.refuse("503 Service Unavailable", "").await;
    stream.commands.send(TtsCommand::Cancel(ONE)).await.unwrap();
    speak(&stream, TWO, "two", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-2", "two", false]));
    give(&mut server, "call-7-2", &[2, 0]).await;
    assert_eq!(event(&mut stream).await, audio(TWO, &[2]));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_stays_away_fails_each_utterance_and_may_come_back() {
    let (mut stream, server, mut vendor) = open().await;
    drop(server);
    sleep(Duration::from_millis(10)).await;
    for context in [ONE, TWO] {
        speak(&stream, context, "words", true).await;
        vendor.refuse("401 Unauthorized", "").await;
        let cause = SpeechError::Unauthorized { vendor: VENDOR };
        assert_eq!(event(&mut stream).await, TtsEvent::Failed(context, cause));
    }
    speak(&stream, ContextId(3), "words", true).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(asked(&mut server).await, json!(["call-7-3", "words", false]));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_forgiven_in_small_doses() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    asked(&mut server).await;
    for text in ["", "nonsense", r#"{"type":"chunk","context_id":"call-7-1","data":"?"}"#] {
        server.send(Message::text(text)).await.unwrap();
    }
    server.send(Message::binary(vec![1, 0])).await.unwrap();
    give(&mut server, "call-7-1", &[1, 0]).await;
    for _ in 0..4 {
        assert_eq!(event(&mut stream).await, TtsEvent::Garbled(ONE), "a part of it may be missing");
    }
    assert_eq!(event(&mut stream).await, audio(ONE, &[1]));
    for _ in 0..10 {
        server.send(Message::text("nonsense")).await.unwrap();
    }
    let event = loop {
        match event(&mut stream).await {
            TtsEvent::Garbled(ONE) => {}
            other => break other,
        }
    };
    assert!(matches!(event, TtsEvent::Failed(ONE, SpeechError::Protocol { .. })), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_doubled_done_is_told_once() {
    let (mut stream, mut server, _vendor) = open().await;
    speak(&stream, ONE, "one", true).await;
    asked(&mut server).await;
    give(&mut server, "call-7-1", &[1, 0]).await;
    for _ in 0..3 {
        server.send(Message::text(wire!("done.json"))).await.unwrap();
    }
    speak(&stream, TWO, "two", true).await;
    asked(&mut server).await;
    give(&mut server, "call-7-2", &[2, 0]).await;
    assert_eq!(event(&mut stream).await, audio(ONE, &[1]));
    assert_eq!(event(&mut stream).await, TtsEvent::Done(ONE));
    assert_eq!(event(&mut stream).await, audio(TWO, &[2]));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_the_connection() {
    let (stream, mut server, _vendor) = open().await;
    drop(stream);
    let end = timeout(Duration::from_secs(1), server.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
}
