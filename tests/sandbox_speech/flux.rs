//! Deepgram's Flux.

use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::voice::encode;
use serde_json::{Value, json};

use super::place::{Got, Place, Socket};

const KEY: (&str, &str) = ("authorization", "Token any");
const RAW: &str = "model=flux-general-en&encoding=linear16&sample_rate=16000";

async fn listen(place: &Place, query: &str) -> Socket {
    let url = format!("{}/v2/listen?{query}", place.sandbox.urls().deepgram);
    Socket::connect(&url, &[KEY]).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

async fn say(socket: &mut Socket, text: &str, silence_ms: usize) {
    let samples = [encode(text), vec![0; silence_ms * 16]].concat();
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for chunk in bytes.chunks(2_560) {
        socket.binary(chunk.to_vec()).await;
    }
}

/// The messages until one of this event, updates aside.
async fn until(socket: &mut Socket, event: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let message = socket.json().await;
        let done = message["event"] == event;
        if message["event"] != "Update" {
            seen.push(message);
        }
        if done {
            return seen;
        }
    }
}

#[tokio::test]
async fn messages_have_the_documented_keys_and_count_up() {
    let place = Place::start().await;
    let mut socket = listen(&place, &format!("{RAW}&eager_eot_threshold=0.4")).await;
    let mut number = 0;
    say(&mut socket, "I want to talk to a person,", 160).await;
    say(&mut socket, "now.", 600).await;
    socket.text(json!({"type": "Configure", "thresholds": {"eot_threshold": 0.8}})).await;
    socket.text(json!({"type": "Configure", "thresholds": {"eot_threshold": 8}})).await;
    socket.text("{\"type\":\"Nonsense\"}").await;
    let mut seen = Vec::new();
    while let Got::Json(message) = socket.next().await {
        let file = match (message["type"].as_str().unwrap(), message["event"].as_str()) {
            ("Connected", _) => "connected",
            ("TurnInfo", Some("Update")) if message["transcript"] == "" => "update_before_turn",
            ("TurnInfo", Some("Update")) => "update",
            ("TurnInfo", Some("StartOfTurn")) => "start_of_turn",
            ("TurnInfo", Some("EagerEndOfTurn")) => "eager_end_of_turn",
            ("TurnInfo", Some("TurnResumed")) => "turn_resumed",
            ("TurnInfo", Some("EndOfTurn")) => "end_of_turn",
            ("ConfigureSuccess", _) => "configure_success",
            ("ConfigureFailure", _) => "configure_failure",
            ("Error", _) => "error",
            (other, _) => panic!("{other} is not documented"),
        };
        assert_eq!(message["sequence_id"], number, "{message}");
        number += 1;
        let documented = std::fs::read_to_string(format!("tests/wire/flux/{file}.json")).unwrap();
        let documented: Value = serde_json::from_str(&documented).unwrap();
        assert_eq!(keys(&message), keys(&documented), "{file}");
        if !file.starts_with("update") {
            seen.push(file);
        }
    }
    let expected = [
        "connected",
        "start_of_turn",
        "eager_end_of_turn",
        "turn_resumed",
        "eager_end_of_turn",
        "end_of_turn",
        "configure_success",
        "configure_failure",
        "error",
    ];
    assert_eq!(seen, expected);
    place.quiet().await;
}

/// The keys of an object but the optional ones.
fn keys(object: &Value) -> Vec<&String> {
    let keys = object.as_object().unwrap().keys();
    keys.filter(|key| *key != "languages").collect()
}

#[tokio::test]
async fn a_turn_can_be_told_to_end_and_a_polite_end_is_a_close() {
    let place = Place::start().await;
    let mut socket = listen(&place, &format!("{RAW}&eot_threshold=1.0")).await;
    say(&mut socket, "Yes, please.", 1_000).await;
    until(&mut socket, "StartOfTurn").await;
    socket.text("{\"type\":\"ForceEndTurn\"}").await;
    let end = until(&mut socket, "EndOfTurn").await.pop().unwrap();
    assert_eq!((&end["transcript"], &end["trigger"]), (&json!("Yes, please."), &json!("manual")));
    socket.text("{\"type\":\"CloseStream\"}").await;
    loop {
        match socket.next().await {
            Got::Json(_) => {}
            other => break assert_eq!(other, Got::Closed(1000, String::new())),
        }
    }
}

#[tokio::test]
async fn what_v1_only_knows_is_refused_and_silence_is_closed() {
    let place = Place::start().await;
    for query in ["model=nova-3&encoding=linear16&sample_rate=16000", &format!("{RAW}&interim_results=true")]
    {
        let url = format!("{}/v2/listen?{query}", place.sandbox.urls().deepgram);
        let refusal = Socket::connect(&url, &[KEY]).await.err().expect("refused");
        assert_eq!(refusal.status(), 400);
        assert!(refusal.headers().contains_key("dg-error"));
    }
    let url = format!("{}/v2/listen?{RAW}", place.sandbox.urls().deepgram);
    assert_eq!(Socket::connect(&url, &[]).await.err().expect("refused").status(), 401);
    let mut socket = listen(&place, RAW).await;
    socket.json().await;
    assert_eq!(socket.next().await, Got::Closed(1011, "NET-0001".to_owned()));
}

#[tokio::test]
async fn faults_befall_events_by_their_names() {
    let place = Place::start().await;
    let injection = Injection::once(Service::Flux, Fault::Disconnect).on("end_of_turn");
    place.sandbox.faults().inject(injection).unwrap();
    let mut socket = listen(&place, RAW).await;
    say(&mut socket, "Hello.", 1_000).await;
    until(&mut socket, "StartOfTurn").await;
    loop {
        match socket.next().await {
            Got::Json(message) => assert_ne!(message["event"], "EndOfTurn"),
            other => break assert_eq!(other, Got::Broken),
        }
    }
}
