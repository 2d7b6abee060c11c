//! Deepgram's live transcription.

use std::time::Duration;

use callflow::audio::Resampler;
use callflow::audio::g711::{encode_alaw, encode_ulaw};
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::voice::{DAMAGE, encode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::place::{Got, Place, Socket};

const KEY: (&str, &str) = ("authorization", "Token any");
const LINEAR: &str =
    "encoding=linear16&sample_rate=16000&interim_results=true&punctuate=true&endpointing=300";

async fn listen(place: &Place, query: &str) -> Socket {
    let url = format!("{}/v1/listen?{query}", place.sandbox.urls().deepgram);
    Socket::connect(&url, &[KEY]).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

fn spoken(text: &str, silence_ms: usize) -> Vec<i16> {
    [encode(text), vec![0; silence_ms * 16]].concat()
}

fn linear(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

async fn say(socket: &mut Socket, text: &str) {
    for frame in linear(&spoken(text, 500)).chunks(640) {
        socket.binary(frame.to_vec()).await;
    }
}

fn transcript(results: &Value) -> &str {
    results["channel"]["alternatives"][0]["transcript"].as_str().unwrap_or_default()
}

async fn next_final(socket: &mut Socket) -> Value {
    loop {
        let value = socket.json().await;
        if value["type"] == "Results" && value["is_final"] == true {
            return value;
        }
    }
}

#[tokio::test]
async fn speech_is_heard_in_every_encoding() {
    let place = Place::start().await;
    let text = "Hello, I would like to speak to a manager.";
    let narrow = Resampler::new(16_000, 8_000).push(&spoken(text, 500));
    for (query, bytes) in [
        ("encoding=linear16&sample_rate=16000", linear(&spoken(text, 500))),
        ("encoding=linear16&sample_rate=8000", linear(&narrow)),
        ("encoding=mulaw&sample_rate=8000", encode_ulaw(&narrow)),
        ("encoding=alaw&sample_rate=8000", encode_alaw(&narrow)),
    ] {
        let mut socket = listen(&place, &format!("{query}&smart_format=true")).await;
        for piece in bytes.chunks(321) {
            socket.binary(piece.to_vec()).await;
        }
        let result = next_final(&mut socket).await;
        assert_eq!(transcript(&result), text, "{query}");
        assert_eq!(result["speech_final"], true);
        let words = result["channel"]["alternatives"][0]["words"].as_array().unwrap();
        assert_eq!(words[0]["punctuated_word"], "Hello,");
        assert_eq!(words[0]["word"], "hello");
    }
    place.quiet().await;
}

#[tokio::test]
async fn messages_have_the_documented_keys() {
    let place = Place::start().await;
    let query = format!("{LINEAR}&vad_events=true&utterance_end_ms=1000");
    let mut socket = listen(&place, &query).await;
    socket.binary(linear(&spoken("Hello there my friend.", 2_000))).await;
    socket.text("{\"type\":\"Finalize\"}").await;
    socket.text("{\"type\":\"Nonsense\"}").await;
    socket.text("{\"type\":\"CloseStream\"}").await;
    let mut seen = Vec::new();
    while let Got::Json(message) = socket.next().await {
        let file = match (message["type"].as_str().unwrap(), message["is_final"].as_bool()) {
            ("Results", Some(false)) => "results_interim",
            ("Results", _) if message["from_finalize"] == true => "results_from_finalize",
            ("Results", _) if message["speech_final"] == true => "results_speech_final",
            ("Results", _) => "results_final",
            ("SpeechStarted", _) => "speech_started",
            ("UtteranceEnd", _) => "utterance_end",
            ("Metadata", _) => "metadata",
            ("Error", _) => "error",
            (other, _) => panic!("{other} is not documented"),
        };
        let documented = std::fs::read_to_string(format!("tests/wire/deepgram/{file}.json")).unwrap();
        let documented: Value = serde_json::from_str(&documented).unwrap();
        same_keys(&message, &documented, file);
        seen.push(file);
    }
    seen.dedup();
    let expected = [
        "speech_started",
        "results_interim",
        "results_speech_final",
        "utterance_end",
        "results_from_finalize",
        "error",
        "results_final",
        "metadata",
    ];
    assert_eq!(seen, expected);
}

/// Whether two objects have the same keys with the same kinds of values, all the way down.
fn same_keys(ours: &Value, documented: &Value, at: &str) {
    match (ours, documented) {
        (Value::Object(ours), Value::Object(documented)) => {
            let mut keys: [Vec<&String>; 2] = [ours.keys().collect(), documented.keys().collect()];
            keys.iter_mut().for_each(|keys| keys.sort());
            assert_eq!(keys[0], keys[1], "{at}");
            ours.iter().for_each(|(key, value)| same_keys(value, &documented[key], &format!("{at}.{key}")));
        }
        (Value::Array(ours), Value::Array(documented)) => {
            ours.iter().zip(documented).for_each(|(ours, documented)| same_keys(ours, documented, at));
        }
        (ours, documented) => {
            assert_eq!(std::mem::discriminant(ours), std::mem::discriminant(documented), "{at}");
        }
    }
}

#[tokio::test]
async fn closing_gives_the_rest_then_metadata_then_1000() {
    let place = Place::start().await;
    for close in [Got::Other(String::new()), Got::Json(json!({"type": "CloseStream"}))] {
        let mut socket = listen(&place, "encoding=linear16&sample_rate=16000&punctuate=true").await;
        let voice = encode("My name is Ada Lovelace.");
        socket.binary(linear(&voice[..voice.len() - 4_000])).await;
        match close {
            Got::Json(message) => socket.text(message).await,
            _ => socket.binary(Vec::new()).await,
        }
        let rest = socket.json().await;
        assert!(transcript(&rest).starts_with("My name is Ada Love"), "{rest}");
        let metadata = socket.json().await;
        assert_eq!(metadata["type"], "Metadata");
        assert_eq!(metadata["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(metadata["duration"], (voice.len() - 4_000) as f64 / 16_000.0);
        assert_eq!(socket.next().await, Got::Closed(1000, String::new()));
    }
}

#[tokio::test]
async fn ten_seconds_without_a_message_end_the_stream_and_keep_alive_prevents_it() {
    let place = Place::start().await;
    let mut socket = listen(&place, LINEAR).await;
    let started = Instant::now();
    for _ in 0..4 {
        sleep(Duration::from_secs(5)).await;
        socket.text("{\"type\":\"KeepAlive\"}").await;
    }
    assert_eq!(socket.next().await, Got::Closed(1011, "NET-0001".to_owned()));
    let waited = started.elapsed().as_secs();
    assert!((29..=31).contains(&waited), "{waited} s");
    place.quiet().await;
}

#[tokio::test]
async fn what_is_not_audio_closes_the_stream() {
    let place = Place::start().await;
    let mut socket = listen(&place, "encoding=opus&sample_rate=48000").await;
    socket.binary(vec![1, 2, 3]).await;
    assert_eq!(socket.next().await, Got::Closed(1008, "DATA-0000".to_owned()));
}

#[tokio::test]
async fn a_bad_handshake_is_refused_with_its_reason() {
    let place = Place::start().await;
    let origin = &place.sandbox.urls().deepgram;
    let url = |query: &str| format!("{origin}/v1/listen?{query}");
    let refusal = Socket::connect(&url(LINEAR), &[]).await.err().unwrap();
    assert_eq!(refusal.status(), 401);
    assert_eq!(serde_json::from_slice::<Value>(refusal.body()).unwrap()["err_code"], "INVALID_AUTH");
    let refusal = Socket::connect(&url("encoding=mp9&sample_rate=8000"), &[KEY]).await.err().unwrap();
    assert_eq!(refusal.status(), 400);
    assert!(refusal.headers()["dg-error"].to_str().unwrap().contains("mp9"));
    assert_eq!(refusal.headers()["dg-request-id"].len(), 36);
    place.inject(Service::Deepgram, Fault::Refuse { status: 429, info: Some("too many".to_owned()) });
    let refusal = Socket::connect(&url(LINEAR), &[KEY]).await.err().unwrap();
    assert_eq!(refusal.status(), 429);
    assert!(Socket::connect(&url(LINEAR), &[("authorization", "bearer any")]).await.is_ok());
}

#[tokio::test]
async fn lost_audio_is_lost_text() {
    let place = Place::start().await;
    let mut socket = listen(&place, LINEAR).await;
    let bytes = linear(&spoken("I would like to know more", 500));
    for (n, frame) in bytes.chunks(640).enumerate() {
        if n != 30 {
            socket.binary(frame.to_vec()).await;
        }
    }
    let result = next_final(&mut socket).await;
    assert!(transcript(&result).contains(DAMAGE), "{result}");
    assert!(transcript(&result).ends_with("know more"), "{result}");
}

#[tokio::test]
async fn each_fault_can_be_seen() {
    let place = Place::start().await;
    let fault_at_final = |fault| {
        let injection = Injection::once(Service::Deepgram, fault).on("final");
        place.sandbox.faults().inject(injection).unwrap();
    };

    fault_at_final(Fault::Duplicate);
    let mut socket = listen(&place, LINEAR).await;
    say(&mut socket, "Hello.").await;
    assert_eq!(next_final(&mut socket).await, next_final(&mut socket).await);

    fault_at_final(Fault::Reorder);
    say(&mut socket, "One.").await;
    say(&mut socket, "Two words.").await;
    let overtaking = loop {
        let message = socket.json().await;
        if !transcript(&message).is_empty() && transcript(&message) != "One." {
            break message;
        }
        assert_eq!(message["is_final"], false, "{message}");
    };
    assert_eq!(overtaking["is_final"], false);
    assert_eq!(transcript(&next_final(&mut socket).await), "One.");
    assert_eq!(transcript(&next_final(&mut socket).await), "Two words.");

    fault_at_final(Fault::Garbage);
    say(&mut socket, "Three.").await;
    let garbage = loop {
        if let Got::Other(text) = socket.next().await {
            break text;
        }
    };
    assert!(serde_json::from_str::<Value>(&garbage).is_err());

    fault_at_final(Fault::Slow { ms: 4_000 });
    let asked = Instant::now();
    say(&mut socket, "Four.").await;
    assert_eq!(transcript(&next_final(&mut socket).await), "Four.");
    assert!(asked.elapsed() >= Duration::from_secs(4));

    fault_at_final(Fault::Disconnect);
    say(&mut socket, "Five.").await;
    while socket.next().await != Got::Broken {}

    let mut socket = listen(&place, LINEAR).await;
    place.inject(Service::Deepgram, Fault::Silent);
    say(&mut socket, "Six.").await;
    assert!(socket.is_silent_for(Duration::from_secs(5)).await);
    drop(socket);
    place.quiet().await;
}
