//! Cartesia's socket.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use callflow::sandbox::SandboxOptions;
use callflow::sandbox::faults::{Fault, Service};
use callflow::sandbox::voice::{Decoder, Heard};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::place::{Got, Place, Refusal, Socket};

const HEADERS: [(&str, &str); 2] = [("x-api-key", "any"), ("cartesia-version", "2026-03-01")];

async fn connect(place: &Place) -> Socket {
    let url = format!("{}/tts/websocket", place.sandbox.urls().cartesia);
    Socket::connect(&url, &HEADERS).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn speak(context: &str, transcript: &str, continues: bool) -> Value {
    json!({
        "context_id": context, "transcript": transcript, "continue": continues, "model_id": "sonic-3",
        "voice": {"mode": "id", "id": "any"}, "add_timestamps": true, "max_buffer_delay_ms": 0,
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000},
    })
}

/// The messages of a context until it is over; those of others are left out.
async fn until_done(socket: &mut Socket, context: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let message = socket.json().await;
        if message["context_id"] == context {
            let done = message["done"] == true;
            messages.push(message);
            if done {
                return messages;
            }
        }
    }
}

fn heard(messages: &[Value]) -> Vec<(String, bool)> {
    let chunks = messages.iter().filter(|message| message["type"] == "chunk");
    let bytes = chunks.flat_map(|chunk| STANDARD.decode(chunk["data"].as_str().unwrap()).unwrap());
    let bytes: Vec<u8> = bytes.collect();
    let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
    let heard = Decoder::new(16_000).push(&[samples, vec![0; 8_000]].concat());
    let texts = heard.into_iter().filter_map(|heard| match heard {
        Heard::Text { text, intact, .. } => Some((text, intact)),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn a_context_is_spoken_as_it_was_written() {
    let place = Place::start().await;
    let mut socket = connect(&place).await;
    socket.text(speak("one", "Hello there. ", true)).await;
    socket.text(speak("two", "Something else.", false)).await;
    socket.text(speak("one", "How are you today?", true)).await;
    socket.text(speak("one", "", false)).await;
    let started = Instant::now();
    let messages = until_done(&mut socket, "one").await;
    assert!(started.elapsed() < Duration::from_millis(500), "faster than it is heard");
    let texts = [("Hello there. ".to_owned(), true), ("How are you today?".to_owned(), true)];
    assert_eq!(heard(&messages), texts);
    let flushed = messages.iter().filter(|message| message["type"] == "flush_done").count();
    assert_eq!(flushed, 2);
    let words: Vec<&str> = messages
        .iter()
        .flat_map(|message| message["word_timestamps"]["words"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(words.join(" "), "Hello there. How are you today?");
    drop(socket);
    place.quiet().await;
}

#[tokio::test]
async fn a_cancelled_context_is_silent_and_its_id_is_used_up() {
    let place = Place::start().await;
    let mut socket = connect(&place).await;
    let long = "This is a very long sentence that nobody wants to hear to its end. ".repeat(20);
    socket.text(speak("long", &long, true)).await;
    assert_eq!(socket.json().await["type"], "chunk");
    socket.text(json!({"context_id": "long", "cancel": true})).await;
    socket.text(speak("next", "Yes?", false)).await;
    assert_eq!(heard(&until_done(&mut socket, "next").await), [("Yes?".to_owned(), true)]);
    assert!(socket.is_silent_for(Duration::from_secs(5)).await);
    socket.text(speak("long", "More.", false)).await;
    let error = socket.json().await;
    assert_eq!((&error["type"], &error["context_id"]), (&json!("error"), &json!("long")));
}

#[tokio::test]
async fn text_waits_for_more_unless_told_otherwise() {
    let place = Place::start().await;
    let mut socket = connect(&place).await;
    let mut request = speak("one", "Hello", true);
    request.as_object_mut().unwrap().remove("max_buffer_delay_ms");
    let asked = Instant::now();
    socket.text(request).await;
    assert_eq!(socket.json().await["type"], "chunk");
    let waited = asked.elapsed().as_millis();
    assert!((2_990..3_100).contains(&waited), "{waited} ms");
}

#[tokio::test]
async fn a_bad_request_is_an_error_and_the_socket_goes_on() {
    let place = Place::start().await;
    let mut socket = connect(&place).await;
    let mut request = speak("one", "Hello.", false);
    request["model_id"] = json!("nova-3");
    socket.text(&request).await;
    let error = socket.json().await;
    assert_eq!((&error["error_code"], &error["status_code"]), (&json!("model_not_found"), &json!(404)));
    socket.text("what?").await;
    let error = socket.json().await;
    assert!(error["type"] == "error" && error.get("context_id").is_none());
    socket.text(speak("two", "Hello.", false)).await;
    assert_eq!(heard(&until_done(&mut socket, "two").await), [("Hello.".to_owned(), true)]);
}

#[tokio::test]
async fn a_bad_handshake_is_refused() {
    let place = Place::start().await;
    let url = format!("{}/tts/websocket", place.sandbox.urls().cartesia);
    let status = |result: Result<Socket, Refusal>| result.err().map(|refusal| refusal.status().as_u16());
    assert_eq!(status(Socket::connect(&url, &HEADERS[1..]).await), Some(401));
    assert_eq!(status(Socket::connect(&url, &HEADERS[..1]).await), Some(400));
    let by_query = format!("{url}?api_key=any&cartesia_version=2024-11-13");
    let mut old = Socket::connect(&by_query, &[]).await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    old.text("{}").await;
    assert!(old.json().await["error"].is_string());
    place.inject(Service::Cartesia, Fault::Refuse { status: 429, info: None });
    assert_eq!(status(Socket::connect(&url, &HEADERS).await), Some(429));
}

#[tokio::test]
async fn an_idle_socket_is_closed_after_five_minutes() {
    let place = Place::in_real_time(SandboxOptions::default()).await;
    let mut socket = connect(&place).await;
    // With nothing on its way, the paused clock may jump from timer to timer.
    tokio::time::pause();
    let connected = Instant::now();
    assert_eq!(socket.next_within(Duration::from_secs(3_600)).await, Got::Closed(1000, "idle".to_owned()));
    // What a busy machine took from the connection to the pause is not on the clock.
    assert!((295..=300).contains(&connected.elapsed().as_secs()), "{:?}", connected.elapsed());
}

#[tokio::test]
async fn each_fault_can_be_seen() {
    let place = Place::start().await;
    let sentence = "The quick brown fox jumps over the lazy dog.";
    let mut socket = connect(&place).await;
    for (context, fault) in [("doubled", Fault::Duplicate), ("swapped", Fault::Reorder)] {
        place.inject(Service::Cartesia, fault);
        socket.text(speak(context, sentence, false)).await;
        let texts = heard(&until_done(&mut socket, context).await);
        assert_ne!(texts, [(sentence.to_owned(), true)], "{context}");
    }
    place.inject(Service::Cartesia, Fault::Garbage);
    socket.text(speak("garbage", sentence, false)).await;
    assert!(matches!(socket.next().await, Got::Other(_)));
    until_done(&mut socket, "garbage").await;

    place.inject(Service::Cartesia, Fault::Slow { ms: 800 });
    let asked = Instant::now();
    socket.text(speak("slow", "Well.", false)).await;
    until_done(&mut socket, "slow").await;
    assert!(asked.elapsed() >= Duration::from_millis(800));

    let refuse = Fault::Refuse { status: 402, info: Some("no credit".to_owned()) };
    place.inject(Service::Cartesia, refuse);
    socket.text(speak("refused", "Well.", false)).await;
    let error = socket.json().await;
    assert_eq!((&error["status_code"], &error["message"]), (&json!(402), &json!("no credit")));

    place.inject(Service::Cartesia, Fault::Silent);
    socket.text(speak("silent", "Well. ", true)).await;
    socket.text(speak("silent", "So.", false)).await;
    assert!(socket.is_silent_for(Duration::from_secs(5)).await);

    place.inject(Service::Cartesia, Fault::Disconnect);
    socket.text(speak("broken", sentence, false)).await;
    assert_eq!(socket.json().await["type"], "chunk");
    while socket.next().await != Got::Broken {}
    place.quiet().await;
}
