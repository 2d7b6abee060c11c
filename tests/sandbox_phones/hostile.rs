//! Peers that do not keep to the protocol, do not read, or do not go: nobody else notices, nothing stays.

use std::time::Duration;

use callflow::sandbox::faults::{Fault, Injection, Service};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::bot::Bot;
use crate::call::{CALLER, Call, OPERATOR, OUR_NUMBER};
use crate::raw_phone::RawPhone;
use crate::socket::Socket;
use crate::world::{PATIENCE, World};

fn start(parameters: Value, rate: u32) -> Value {
    json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {
        "streamSid": "MZ1", "callSid": "CA1", "customParameters": parameters,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": rate, "channels": 1}}})
}

/// Whether the other side closes the socket soon.
async fn closes(socket: &mut Socket) -> bool {
    let to_the_end = async { while socket.next_text(|_| {}).await.is_some() {} };
    timeout(PATIENCE, to_the_end).await.is_ok()
}

#[tokio::test]
async fn a_phone_that_does_not_speak_the_protocol_is_closed_and_forgotten() {
    let world = World::start().await;
    let hello = json!({"event": "connected", "protocol": "Call", "version": "1.0.0"});
    let wait = start(json!({"number": OPERATOR}), 8_000);
    let media = |payload: &str| json!({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}});
    let text = |value: &Value| Message::Text(value.to_string().into());
    let conversations: Vec<Vec<Message>> = vec![
        vec![Message::Text("{".into())],
        vec![text(&json!({"event": "surprise"}))],
        vec![text(&wait)],
        vec![text(&hello), text(&hello)],
        vec![text(&hello), text(&start(json!({"number": OPERATOR}), 16_000))],
        vec![text(&hello), text(&start(json!({"number": "nobody"}), 8_000))],
        vec![text(&hello), text(&start(json!({}), 8_000))],
        vec![text(&hello), text(&wait), text(&wait)],
        vec![text(&hello), text(&wait), text(&media("no base64!"))],
        vec![text(&hello), text(&wait), Message::Binary(vec![0; 160].into())],
        vec![text(&hello), text(&wait), text(&media(&"A".repeat(1 << 20)))],
    ];
    for (n, conversation) in conversations.into_iter().enumerate() {
        let mut socket = Socket::connect(&format!("{}/phone", world.sandbox.urls().phone)).await;
        for message in conversation {
            socket.send_raw(message).await;
        }
        assert!(closes(&mut socket).await, "conversation {n}");
    }
    world.quiet().await;
    assert_eq!(world.sandbox.state().waiting_phones, 0);
}

#[tokio::test]
async fn a_client_that_does_not_speak_the_protocol_is_told_and_closed_and_the_others_stay() {
    let world = World::start().await;
    let (_, token) = world.room("r").await;
    let mut good = Bot::join(&world, "r", &token).await;
    good.event("dialin-ready").await;
    let wrong: Vec<Message> = vec![
        Message::Binary(vec![0; 639].into()),
        Message::Binary(vec![].into()),
        Message::Text("hello".into()),
        Message::Text(json!({"type": "dance"}).to_string().into()),
        Message::Text(json!({"type": "join", "token": token}).to_string().into()),
    ];
    for message in wrong {
        let mut bad = Bot::join(&world, "r", &token).await;
        bad.event("participant-joined").await;
        good.event("participant-joined").await;
        bad.socket.send_raw(message).await;
        bad.event("error").await;
        assert_eq!(bad.next_event().await, None);
        good.event("participant-left").await;
    }
    let mut mute = Socket::connect(&format!("{}/room/r", world.sandbox.urls().phone)).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(mute.next_text(|_| {}).await.unwrap()["action"], "error");
    let mut rude = Socket::connect(&format!("{}/room/r", world.sandbox.urls().phone)).await;
    rude.send(json!({"type": "microphone", "on": true})).await;
    assert_eq!(rude.next_text(|_| {}).await.unwrap()["action"], "error");
    good.silent(100).await;
}

#[tokio::test]
async fn keys_answers_and_hang_ups_out_of_turn_change_nothing() {
    let mut call = Call::start().await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    for (event, more) in [
        ("answer", json!({})),
        ("reject", json!({"reason": "busy"})),
        ("stop", json!({})),
        ("dtmf", json!({"dtmf": {"digit": "1"}})),
        ("media", json!({"media": {"payload": "/////w=="}})),
    ] {
        operator.send(event, more).await;
    }
    call.caller.send("answer", json!({})).await;
    call.caller.send("reject", json!({"reason": "busy"})).await;
    call.bot.silent(300).await;
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    call.bot.event("dialout-connected").await;
    operator.send("answer", json!({})).await;
    operator.send("answer", json!({})).await;
    call.bot.event("dialout-answered").await;
    call.bot.event("participant-joined").await;
    call.bot.silent(300).await;
    call.end().await;
}

#[tokio::test]
async fn a_shutdown_ends_every_call_and_every_wait_at_once() {
    let mut call = Call::start().await;
    let mut held = RawPhone::call(&call.world, CALLER, OUR_NUMBER).await;
    held.event("answered").await;
    let mut operator = RawPhone::wait(&call.world, OPERATOR).await;
    call.world.dial("r", OPERATOR).await;
    operator.event("ringing").await;
    call.world.dial("r", "+15550100199").await;
    call.world.sandbox.faults().inject(Injection::once(Service::Daily, Fault::Silent).on("rooms")).unwrap();
    let url = format!("{}/rooms", call.world.sandbox.urls().daily);
    let waiting = tokio::spawn(call.world.http.get(url).bearer_auth("k").send());
    sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    call.world.sandbox.shutdown().await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(closes(&mut held.socket).await && closes(&mut operator.socket).await);
    assert!(closes(&mut call.bot.socket).await && closes(&mut call.caller.socket).await);
    assert!(timeout(PATIENCE, waiting).await.is_ok());
}
