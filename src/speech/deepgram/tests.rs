//! The recogniser against scripted vendors, on the paused clock.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::*;
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::socket::pipe::{self, Vendor};
use crate::speech::{SttCommand, SttEvent};

type Server = WebSocketStream<DuplexStream>;

macro_rules! wire {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/deepgram/", $name)).trim_end()
    };
}

fn client() -> (Deepgram, Vendor) {
    let mut client = Deepgram::new("http://vendor.test/deepgram", ApiKey::new("secret")).unwrap();
    let (network, vendor) = pipe::pipe();
    client.network = network;
    (client, vendor)
}

fn params() -> SttParams {
    SttParams { model: "nova-3-general".into(), language: "en-US".into(), call_id: "call-7".into() }
}

async fn open() -> (SttStream, Server, Vendor) {
    let (client, mut vendor) = client();
    let (stream, (server, _)) = tokio::join!(client.open(params()), vendor.accept());
    (stream.unwrap(), server, vendor)
}

fn frame(n: i16) -> Frame {
    Frame::from_samples(&[n; 320])
}

fn results(text: &str, start: f64, duration: f64, flags: &str) -> Message {
    Message::text(format!(
        r#"{{"type":"Results","channel_index":[0,1],"start":{start},"duration":{duration},{flags},
            "channel":{{"alternatives":[{{"transcript":"{text}"}}]}},"metadata":{{}}}}"#
    ))
}

const INTERIM: &str = r#""is_final":false"#;
const FINAL: &str = r#""is_final":true"#;

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim(Utterance::new(text))
}

fn fixed(text: &str, speech_final: bool) -> SttEvent {
    SttEvent::Final { text: Utterance::new(text), speech_final }
}

/// The next message; an empty binary frame would end a real stream and fails here.
async fn heard(server: &mut Server) -> Message {
    let message = timeout(Duration::from_secs(60), server.next()).await.unwrap().unwrap().unwrap();
    assert_ne!(message, Message::binary(Vec::new()));
    message
}

/// The first samples of the next `count` audio frames.
async fn audio(server: &mut Server, count: usize) -> Vec<i16> {
    let mut firsts = Vec::new();
    while firsts.len() < count {
        match heard(server).await {
            Message::Binary(bytes) => {
                assert_eq!(bytes.len(), 640);
                firsts.push(i16::from_le_bytes([bytes[0], bytes[1]]));
            }
            other => panic!("{other:?}"),
        }
    }
    firsts
}

async fn say(stream: &SttStream, numbers: impl IntoIterator<Item = i16>) {
    for n in numbers {
        stream.commands.send(SttCommand::Audio(frame(n))).await.unwrap();
    }
}

async fn event(stream: &mut SttStream) -> SttEvent {
    timeout(Duration::from_secs(60), stream.events.recv()).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_handshake_is_the_documented_one() {
    let (client, mut vendor) = client();
    let (stream, (_server, request)) = tokio::join!(client.open(params()), vendor.accept());
    assert!(stream.is_ok());
    assert_eq!(request.uri().path(), "/deepgram/v1/listen");
    assert_eq!(request.uri().query(), Some(wire!("client_listen_query.txt")));
    assert_eq!(request.headers()["authorization"], "Token secret");
}

#[tokio::test(start_paused = true)]
async fn interims_without_words_say_that_the_vendor_hears() {
    let (mut stream, mut server, _vendor) = open().await;
    say(&stream, [1]).await;
    server.send(results("", 0.0, 1.0, INTERIM)).await.unwrap();
    assert_eq!(event(&mut stream).await, interim(""));
}

#[tokio::test(start_paused = true)]
async fn interims_that_were_overtaken_by_their_final_are_not_told() {
    let (mut stream, mut server, _vendor) = open().await;
    say(&stream, 1..=120).await;
    server.send(results("I want a person.", 0.0, 1.8, FINAL)).await.unwrap();
    server.send(results("I want a", 0.0, 1.0, INTERIM)).await.unwrap();
    // It was sent before, and about more of the audio than was fixed then.
    server.send(results("I want a person", 0.0, 2.0, INTERIM)).await.unwrap();
    server.send(results("please", 1.79, 0.5, INTERIM)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("I want a person.", false));
    assert_eq!(event(&mut stream).await, interim("please"));
}

#[tokio::test(start_paused = true)]
async fn words_come_as_interims_and_finals_and_the_end_is_polite() {
    let (mut stream, mut server, _vendor) = open().await;
    say(&stream, [1, 2]).await;
    assert_eq!(audio(&mut server, 2).await, [1, 2]);
    for text in [
        wire!("results_interim.json"),
        wire!("speech_started.json"),
        wire!("results_final.json"),
        wire!("results_speech_final.json"),
        wire!("utterance_end.json"),
        wire!("results_from_finalize.json"),
    ] {
        server.send(Message::text(text)).await.unwrap();
    }
    assert_eq!(event(&mut stream).await, interim("i want a"));
    assert_eq!(event(&mut stream).await, fixed("I want a person", false));
    assert_eq!(event(&mut stream).await, fixed("please.", true));
    assert_eq!(event(&mut stream).await, fixed("", true));

    stream.commands.send(SttCommand::Finalize).await.unwrap();
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_finalize.json")));
    stream.commands.send(SttCommand::Close).await.unwrap();
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_close_stream.json")));
    server.send(results("bye", 5.0, 1.0, FINAL)).await.unwrap();
    server.send(Message::text(wire!("metadata.json"))).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("bye", false));
    assert!(matches!(heard(&mut server).await, Message::Close(_)));
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Ok(())));
    assert_eq!(stream.events.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_close_without_an_answer_is_bounded() {
    let (mut stream, mut server, _vendor) = open().await;
    stream.commands.send(SttCommand::Close).await.unwrap();
    let asked = Instant::now();
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_close_stream.json")));
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Ok(())));
    assert!(asked.elapsed() <= Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn handshake_refusals_are_causes_and_permanent_ones_are_not_retried() {
    let (client, mut vendor) = client();
    let refused =
        vendor.refuse("401 Unauthorized\r\ndg-error: Invalid credentials.", wire!("refused_401.json"));
    let (stream, ()) = tokio::join!(client.open(params()), refused);
    assert_eq!(stream.unwrap_err(), SpeechError::Unauthorized { vendor: "Deepgram" });
    assert!(!vendor.is_dialled());

    let refused = vendor.refuse("400 Bad Request\r\ndg-error: No such model.", "");
    let (stream, ()) = tokio::join!(client.open(params()), refused);
    let detail = "HTTP 400: No such model.".to_owned();
    assert_eq!(stream.unwrap_err(), SpeechError::Refused { vendor: "Deepgram", detail });
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_ill_for_a_moment_is_tried_again() {
    let (client, mut vendor) = client();
    let vendor = async {
        vendor.refuse("503 Service Unavailable", "").await;
        vendor.accept().await
    };
    let (stream, _) = tokio::join!(client.open(params()), vendor);
    assert!(stream.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_never_answers_the_handshake_is_given_up() {
    let (client, vendor) = client();
    let asked = Instant::now();
    let error = client.open(params()).await.unwrap_err();
    assert!(matches!(error, SpeechError::Unreachable { .. }), "{error}");
    assert!(asked.elapsed() <= Duration::from_secs(6), "{:?}", asked.elapsed());
    drop(vendor);
}

#[tokio::test(start_paused = true)]
async fn silence_is_bridged_by_keep_alives_and_audio_makes_them_needless() {
    let (stream, mut server, _vendor) = open().await;
    let quiet = Instant::now();
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_keep_alive.json")));
    assert_eq!(quiet.elapsed().as_secs(), 4);
    for n in 0..300 {
        say(&stream, [n]).await;
        assert_eq!(audio(&mut server, 1).await, [n]);
        advance(Duration::from_millis(20)).await;
    }
    let quiet = Instant::now();
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_keep_alive.json")));
    assert!(quiet.elapsed().as_millis() >= 3900, "{:?}", quiet.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_a_drop_unfixed_audio_is_heard_again_and_fixed_audio_is_not() {
    let (mut stream, mut server, mut vendor) = open().await;
    say(&stream, 0..10).await;
    audio(&mut server, 10).await;
    server.send(results("one", 0.0, 0.08, FINAL)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("one", false));
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    heard(&mut server).await;
    drop(server);

    let dropped = Instant::now();
    let (mut server, _) = vendor.accept().await;
    assert!(dropped.elapsed().is_zero(), "the first attempt is made at once");
    assert_eq!(audio(&mut server, 6).await, [4, 5, 6, 7, 8, 9]);
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_finalize.json")));
    say(&stream, 10..12).await;
    assert_eq!(audio(&mut server, 2).await, [10, 11]);
    server.send(results("two", 0.0, 0.16, FINAL)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("two", false));
}

#[tokio::test(start_paused = true)]
async fn audio_of_an_outage_arrives_after_it() {
    let (mut stream, server, mut vendor) = open().await;
    drop(server);
    vendor.refuse("502 Bad Gateway", "").await;
    say(&stream, 0..3).await;
    let (mut server, _) = vendor.accept().await;
    assert_eq!(audio(&mut server, 3).await, [0, 1, 2]);
    stream.commands.send(SttCommand::Close).await.unwrap();
    heard(&mut server).await;
    drop(server);
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_stays_away_ends_the_stream() {
    let (mut stream, server, vendor) = open().await;
    drop(vendor);
    drop(server);
    let dropped = Instant::now();
    let event = event(&mut stream).await;
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Unreachable { .. }))), "{event:?}");
    let waited = dropped.elapsed().as_millis();
    assert!((975..=1625).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_key_revoked_during_the_call_ends_the_stream_at_once() {
    let (mut stream, server, mut vendor) = open().await;
    drop(server);
    vendor.refuse("401 Unauthorized", "").await;
    let cause = SpeechError::Unauthorized { vendor: "Deepgram" };
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Err(cause)));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_accepts_and_drops_again_and_again_is_given_up() {
    let (mut stream, server, mut vendor) = open().await;
    drop(server);
    for _ in 0..4 {
        drop(vendor.accept().await);
    }
    let event = event(&mut stream).await;
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Disconnected { .. }))), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_worked_for_a_while_earns_new_attempts() {
    let (stream, mut server, mut vendor) = open().await;
    for _ in 0..10 {
        sleep(Duration::from_secs(6)).await;
        drop(server);
        server = vendor.accept().await.0;
    }
    assert!(!stream.events.is_closed());
}

#[tokio::test(start_paused = true)]
async fn undecodable_audio_is_not_tried_again() {
    let (mut stream, mut server, vendor) = open().await;
    let frame = CloseFrame { code: CloseCode::Policy, reason: "DATA-0000".into() };
    server.close(Some(frame)).await.unwrap();
    let detail = "closed with 1008: DATA-0000".to_owned();
    let cause = SpeechError::Refused { vendor: "Deepgram", detail };
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Err(cause)));
    assert!(!vendor.is_dialled());
}

#[tokio::test(start_paused = true)]
async fn garbage_is_forgiven_in_small_doses() {
    let (mut stream, mut server, mut vendor) = open().await;
    for text in ["", "nonsense", "[1]", r#"{"type":"Results"}"#, wire!("error.json")] {
        server.send(Message::text(text)).await.unwrap();
    }
    server.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    server.send(results("still here", 0.0, 1.0, FINAL)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("still here", false));
    for _ in 0..10 {
        server.send(Message::text("nonsense")).await.unwrap();
    }
    vendor.accept().await;
}

#[tokio::test(start_paused = true)]
async fn words_that_were_garbled_are_heard_again_over_a_new_connection() {
    let (mut stream, mut server, mut vendor) = open().await;
    say(&stream, 0..100).await;
    audio(&mut server, 100).await;
    server.send(results("one", 0.0, 0.8, FINAL)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("one", false));
    // An interim that is garbled is no loss.
    server.send(Message::text("nonsense")).await.unwrap();
    server.send(results("two", 0.8, 0.4, FINAL)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("two", false));
    // A final is: what comes next does not begin where the last one ended.
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    heard(&mut server).await;
    server.send(Message::text("nonsense")).await.unwrap();
    server.send(results("", 2.0, 0.0, r#""is_final":true,"from_finalize":true"#)).await.unwrap();
    let (mut server, _) = vendor.accept().await;
    assert_eq!(audio(&mut server, 40).await, (60..100).collect::<Vec<_>>());
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_finalize.json")));
    server.send(results("three", 0.0, 0.8, r#""is_final":true,"from_finalize":true"#)).await.unwrap();
    assert_eq!(event(&mut stream).await, fixed("three", true));
}

#[tokio::test(start_paused = true)]
async fn words_that_come_twice_or_too_late_are_heard_once() {
    let (mut stream, mut server, _vendor) = open().await;
    for message in [
        results("one", 0.0, 1.0, FINAL),
        results("one", 0.0, 1.0, FINAL),
        results("on", 0.0, 0.8, INTERIM),
        results("one", 1.0, 1.0, FINAL),
        results("", 2.0, 0.0, r#""is_final":true,"from_finalize":true"#),
        results("", 2.0, 0.0, r#""is_final":true,"from_finalize":true"#),
        results("two", 2.0, 0.5, INTERIM),
        results("", 2.0, 0.6, INTERIM),
        results("end", 2.0, 1.0, FINAL),
    ] {
        server.send(message).await.unwrap();
    }
    assert_eq!(event(&mut stream).await, fixed("one", false));
    assert_eq!(event(&mut stream).await, fixed("one", false), "the same word said again");
    assert_eq!(event(&mut stream).await, fixed("", true));
    assert_eq!(event(&mut stream).await, fixed("", true), "each Finalize has its answer");
    assert_eq!(event(&mut stream).await, interim("two"));
    assert_eq!(event(&mut stream).await, interim(""));
    assert_eq!(event(&mut stream).await, fixed("end", false));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_says_nothing_to_speech_is_replaced_once() {
    let (mut stream, mut server, mut vendor) = open().await;
    say(&stream, 0..60).await;
    audio(&mut server, 60).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    heard(&mut server).await;
    let asked = Instant::now();
    let (mut second, _) = vendor.accept().await;
    assert_eq!(asked.elapsed().as_secs(), 5);
    assert_eq!(audio(&mut second, 60).await, (0..60).collect::<Vec<_>>());
    assert_eq!(heard(&mut second).await, Message::text(wire!("client_finalize.json")));
    let event = event(&mut stream).await;
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Silent { .. }))), "{event:?}");
    assert_eq!(asked.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_finalize_without_audio_needs_no_answer() {
    let (stream, mut server, vendor) = open().await;
    say(&stream, 0..5).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    audio(&mut server, 5).await;
    sleep(Duration::from_secs(30)).await;
    assert!(!vendor.is_dialled());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_the_connection() {
    let (stream, mut server, vendor) = open().await;
    drop(stream);
    let end = timeout(Duration::from_secs(1), server.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    assert!(!vendor.is_dialled());
}
