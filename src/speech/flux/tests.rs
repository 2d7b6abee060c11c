//! The recogniser against scripted vendors, on the paused clock.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::*;
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::socket::pipe::{self, Vendor};
use crate::speech::{SttCommand, SttEvent};

type Server = WebSocketStream<DuplexStream>;

macro_rules! wire {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/flux/", $name)).trim_ascii_end()
    };
}

const CONNECTED: &str = wire!("connected.json");
const FORCE: &str = wire!("client_force_end_turn.json");

fn client() -> (Flux, Vendor) {
    let mut client = Flux::new("http://vendor.test/deepgram", ApiKey::new("secret")).unwrap();
    let (network, vendor) = pipe::pipe();
    client.network = network;
    (client, vendor)
}

fn params() -> SttParams {
    SttParams { model: ENGLISH.into(), language: "en-US".into(), call_id: "call-7".into() }
}

/// Takes the next connection and greets.
async fn accept(vendor: &mut Vendor) -> Server {
    let mut server = vendor.accept().await.0;
    server.send(Message::text(CONNECTED)).await.unwrap();
    server
}

async fn open() -> (SttStream, Server, Vendor) {
    let (client, mut vendor) = client();
    let (stream, server) = tokio::join!(client.open(params()), accept(&mut vendor));
    (stream.unwrap(), server, vendor)
}

fn turn(event: &str, index: u64, heard_to: f64, transcript: &str) -> Message {
    Message::text(format!(
        r#"{{"type":"TurnInfo","event":"{event}","turn_index":{index},"audio_window_start":0.0,
            "audio_window_end":{heard_to},"transcript":"{transcript}","words":[],"sequence_id":1}}"#
    ))
}

fn interim(text: &str) -> SttEvent {
    SttEvent::Interim(Utterance::new(text))
}

fn eager(text: &str) -> SttEvent {
    SttEvent::EagerEndOfTurn { text: Utterance::new(text) }
}

fn over(text: &str) -> SttEvent {
    SttEvent::EndOfTurn { text: Utterance::new(text) }
}

async fn say(stream: &SttStream, numbers: impl IntoIterator<Item = i16>) {
    for n in numbers {
        let frame = Frame::from_samples(&[n; 320]);
        stream.commands.send(SttCommand::Audio(frame)).await.unwrap();
    }
}

async fn heard(server: &mut Server) -> Message {
    timeout(Duration::from_secs(60), server.next()).await.unwrap().unwrap().unwrap()
}

/// The first samples of the 20 ms pieces of an audio message.
fn pieces(message: &Message) -> Vec<i16> {
    let Message::Binary(bytes) = message else { panic!("{message:?}") };
    assert!(!bytes.is_empty() && bytes.len() % 640 == 0, "{}", bytes.len());
    bytes.chunks(640).map(|frame| i16::from_le_bytes([frame[0], frame[1]])).collect()
}

/// The next message that is not silence.
async fn heard_besides_silence(server: &mut Server) -> Message {
    loop {
        let message = heard(server).await;
        if !matches!(&message, Message::Binary(_)) || pieces(&message).iter().any(|&n| n != 0) {
            return message;
        }
    }
}

/// The next event that says something new.
async fn event(stream: &mut SttStream) -> SttEvent {
    loop {
        let event = timeout(Duration::from_secs(60), stream.events.recv()).await.unwrap().unwrap();
        if event != interim("") {
            return event;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn updates_without_news_say_that_the_vendor_hears() {
    let (mut stream, mut server, _vendor) = open().await;
    for (kind, words) in [("Update", ""), ("StartOfTurn", "I"), ("Update", "I")] {
        server.send(turn(kind, 0, 0.5, words)).await.unwrap();
    }
    let told = [stream.events.recv().await, stream.events.recv().await, stream.events.recv().await];
    assert_eq!(told, [Some(interim("")), Some(SttEvent::TurnStarted), Some(interim("I"))]);
    assert_eq!(stream.events.recv().await, Some(interim("")));
}

#[tokio::test(start_paused = true)]
async fn the_handshake_is_the_documented_one_and_has_nothing_of_version_one() {
    let (client, mut vendor) = client();
    let serve = async {
        let (mut server, request) = vendor.accept().await;
        server.send(Message::text(CONNECTED)).await.unwrap();
        (server, request)
    };
    let (stream, (_server, request)) = tokio::join!(client.open(params()), serve);
    assert!(stream.is_ok());
    assert_eq!(request.uri().path(), "/deepgram/v2/listen");
    assert_eq!(request.uri().query(), Some(wire!("client_listen_query.txt")));
    assert_eq!(request.headers()["authorization"], "Token secret");
}

#[test]
fn thresholds_and_hints_are_sent_where_they_exist() {
    let turns =
        FluxTurns { threshold: Some(0.8), eager_threshold: Some(0.5), timeout: Duration::from_millis(1_500) };
    let base = BaseUrl::parse(VENDOR, BASE_URL).unwrap();
    let multilingual = SttParams { model: MULTILINGUAL.into(), language: "DE-at".into(), ..params() };
    assert_eq!(
        listen_url(&base, &turns, &multilingual).as_str(),
        "wss://api.deepgram.com/v2/listen?model=flux-general-multi&encoding=linear16&sample_rate=16000\
         &eot_timeout_ms=1500&eot_threshold=0.8&eager_eot_threshold=0.5&language_hint=de&tag=call-7"
    );
}

#[tokio::test(start_paused = true)]
async fn no_stream_is_open_before_the_vendor_has_greeted() {
    let (client, mut vendor) = client();
    let serve = async {
        let (mut server, _) = vendor.accept().await;
        server.send(Message::text("nonsense")).await.unwrap();
        server.send(Message::text(wire!("warning.json"))).await.unwrap();
        sleep(Duration::from_millis(700)).await;
        server.send(Message::text(CONNECTED)).await.unwrap();
        server
    };
    let asked = Instant::now();
    let (stream, _server) = tokio::join!(client.open(params()), serve);
    assert!(stream.is_ok());
    assert_eq!(asked.elapsed().as_millis(), 700);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_never_greets_is_given_up() {
    let (client, mut vendor) = client();
    let asked = Instant::now();
    let mute = async {
        let mut servers = Vec::new();
        loop {
            servers.push(vendor.accept().await);
        }
    };
    let error = tokio::select! {
        stream = client.open(params()) => stream.unwrap_err(),
        () = mute => unreachable!(),
    };
    assert!(matches!(error, SpeechError::Silent { .. }), "{error}");
    assert!(asked.elapsed() <= Duration::from_secs(6), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_error_instead_of_a_greeting_is_tried_again() {
    let (client, mut vendor) = client();
    let serve = async {
        let (mut server, _) = vendor.accept().await;
        server.send(Message::text(wire!("error.json"))).await.unwrap();
        accept(&mut vendor).await
    };
    let (stream, _server) = tokio::join!(client.open(params()), serve);
    assert!(stream.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_told_from_its_start_to_its_end() {
    let (mut stream, mut server, _vendor) = open().await;
    for text in [
        wire!("update_before_turn.json"),
        wire!("start_of_turn.json"),
        wire!("update.json"),
        wire!("update.json"),
        wire!("eager_end_of_turn.json"),
        wire!("turn_resumed.json"),
        wire!("configure_failure.json"),
        wire!("warning.json"),
        wire!("end_of_turn.json"),
        wire!("end_of_turn.json"),
    ] {
        server.send(Message::text(text)).await.unwrap();
    }
    server.send(turn("Update", 0, 3.3, "too late")).await.unwrap();
    server.send(turn("StartOfTurn", 1, 5.0, "Hello")).await.unwrap();
    for expected in [
        SttEvent::TurnStarted,
        interim("I want"),
        interim("I want to"),
        eager("I want to talk to a person."),
        SttEvent::TurnResumed,
        interim("I want to talk to a person. Now"),
        over("I want to talk to a person. Now."),
        SttEvent::TurnStarted,
        interim("Hello"),
    ] {
        assert_eq!(event(&mut stream).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_a_start_is_started() {
    let (mut stream, mut server, _vendor) = open().await;
    server.send(turn("Update", 4, 1.0, "so")).await.unwrap();
    server.send(turn("EndOfTurn", 4, 1.0, "So.")).await.unwrap();
    server.send(turn("EndOfTurn", 5, 1.0, "Yes.")).await.unwrap();
    for expected in [SttEvent::TurnStarted, interim("so"), over("So."), SttEvent::TurnStarted, over("Yes.")] {
        assert_eq!(event(&mut stream).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn audio_leaves_in_messages_of_80_ms_and_the_rest_with_the_forced_end() {
    let (stream, mut server, _vendor) = open().await;
    say(&stream, 1..=10).await;
    assert_eq!(pieces(&heard(&mut server).await), [1, 2, 3, 4]);
    assert_eq!(pieces(&heard(&mut server).await), [5, 6, 7, 8]);
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    assert_eq!(pieces(&heard(&mut server).await), [9, 10]);
    assert_eq!(heard(&mut server).await, Message::text(FORCE));
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_audio_stops_is_fed_with_silence_until_it_ends() {
    let (mut stream, mut server, _vendor) = open().await;
    say(&stream, 1..=4).await;
    assert_eq!(pieces(&heard(&mut server).await), [1, 2, 3, 4]);
    server.send(turn("StartOfTurn", 0, 0.08, "Hm")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    let paused = Instant::now();
    for n in 0..10 {
        assert_eq!(pieces(&heard(&mut server).await), [0; 4]);
        assert_eq!(paused.elapsed().as_millis(), 200 + 80 * n);
    }
    server.send(turn("EndOfTurn", 0, 0.9, "Hm.")).await.unwrap();
    assert_eq!(event(&mut stream).await, interim("Hm"));
    assert_eq!(event(&mut stream).await, over("Hm."));
    let ended = Instant::now();
    assert_eq!(pieces(&heard(&mut server).await), [0; 4]);
    let kept = ended.elapsed().as_millis();
    assert!((2_800..=3_100).contains(&kept), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_cannot_be_told_to_end_a_turn_is_not_waited_for() {
    let (mut stream, mut server, _vendor) = open().await;
    server.send(turn("StartOfTurn", 0, 0.5, "My number")).await.unwrap();
    server.send(turn("Update", 0, 0.8, "My number is")).await.unwrap();
    for expected in [SttEvent::TurnStarted, interim("My number"), interim("My number is")] {
        assert_eq!(event(&mut stream).await, expected);
    }
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    let asked = Instant::now();
    assert_eq!(heard_besides_silence(&mut server).await, Message::text(FORCE));
    assert_eq!(event(&mut stream).await, over("My number is"));
    assert_eq!(asked.elapsed().as_millis(), 1_000);
    // What it still says of that turn is about the past.
    server.send(turn("EndOfTurn", 0, 2.0, "My number is")).await.unwrap();
    server.send(turn("StartOfTurn", 1, 4.0, "Five")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
}

#[tokio::test(start_paused = true)]
async fn a_forced_end_is_told_once() {
    let (mut stream, mut server, _vendor) = open().await;
    server.send(turn("StartOfTurn", 0, 0.5, "Yes")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    assert_eq!(heard_besides_silence(&mut server).await, Message::text(FORCE));
    server.send(turn("EndOfTurn", 0, 0.6, "Yes.")).await.unwrap();
    assert_eq!(event(&mut stream).await, interim("Yes"));
    assert_eq!(event(&mut stream).await, over("Yes."));
    assert!(timeout(Duration::from_secs(2), stream.events.recv()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn after_a_drop_the_whole_turn_is_heard_again_and_goes_on() {
    let (mut stream, mut server, mut vendor) = open().await;
    say(&stream, 1..=12).await;
    for _ in 0..3 {
        heard(&mut server).await;
    }
    server.send(turn("EndOfTurn", 0, 0.08, "Hello.")).await.unwrap();
    server.send(turn("StartOfTurn", 1, 0.2, "I want")).await.unwrap();
    server.send(turn("EagerEndOfTurn", 1, 0.24, "I want it.")).await.unwrap();
    for expected in
        [SttEvent::TurnStarted, over("Hello."), SttEvent::TurnStarted, interim("I want"), eager("I want it.")]
    {
        assert_eq!(event(&mut stream).await, expected);
    }
    drop(server);
    assert_eq!(event(&mut stream).await, SttEvent::TurnResumed);
    let dropped = Instant::now();
    let mut server = accept(&mut vendor).await;
    assert!(dropped.elapsed().is_zero(), "the first attempt is made at once");
    assert_eq!(pieces(&heard(&mut server).await), [5, 6, 7, 8]);
    assert_eq!(pieces(&heard(&mut server).await), [9, 10, 11, 12]);
    server.send(turn("StartOfTurn", 0, 0.1, "I want")).await.unwrap();
    server.send(turn("EndOfTurn", 0, 0.3, "I want it now.")).await.unwrap();
    assert_eq!(event(&mut stream).await, interim("I want"), "the turn does not start twice");
    assert_eq!(event(&mut stream).await, over("I want it now."));
}

#[tokio::test(start_paused = true)]
async fn words_too_old_to_be_heard_again_are_carried_over_a_drop() {
    let (mut stream, mut server, mut vendor) = open().await;
    for n in 0..150 {
        say(&stream, (0..4).map(|k| n * 4 + k + 1)).await;
        heard(&mut server).await;
    }
    // Twelve seconds: the first two cannot be heard again.
    let info = r#"{"type":"TurnInfo","event":"Update","turn_index":0,"audio_window_end":12.0,
        "transcript":"Well, I think so","words":[{"word":"Well,","end":0.9},{"word":"I","end":1.9},
        {"word":"think","end":3.0},{"word":"so","end":11.0}]}"#;
    server.send(Message::text(info)).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    assert_eq!(event(&mut stream).await, interim("Well, I think so"));
    drop(server);
    let mut server = accept(&mut vendor).await;
    assert_eq!(pieces(&heard(&mut server).await)[0], 101);
    server.send(turn("EndOfTurn", 0, 10.0, "think so.")).await.unwrap();
    assert_eq!(event(&mut stream).await, over("Well, I think so."));
}

#[tokio::test(start_paused = true)]
async fn audio_of_an_outage_arrives_after_it_and_a_forced_end_too() {
    let (mut stream, mut server, mut vendor) = open().await;
    server.send(turn("StartOfTurn", 0, 0.1, "Hm")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    drop(server);
    vendor.refuse("502 Bad Gateway", "").await;
    say(&stream, 1..=4).await;
    stream.commands.send(SttCommand::Finalize).await.unwrap();
    let mut server = accept(&mut vendor).await;
    assert_eq!(pieces(&heard(&mut server).await), [1, 2, 3, 4]);
    assert_eq!(heard_besides_silence(&mut server).await, Message::text(FORCE));
}

#[tokio::test(start_paused = true)]
async fn a_fatal_error_is_survived_by_connecting_again() {
    let (mut stream, mut server, mut vendor) = open().await;
    server.send(Message::text(wire!("error.json"))).await.unwrap();
    let mut server = accept(&mut vendor).await;
    server.send(turn("EndOfTurn", 0, 0.1, "Hello.")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    assert_eq!(event(&mut stream).await, over("Hello."));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_stays_away_ends_the_stream() {
    let (mut stream, server, vendor) = open().await;
    drop(vendor);
    drop(server);
    let event = event(&mut stream).await;
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Unreachable { .. }))), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_falls_silent_in_a_turn_is_replaced_once() {
    let (mut stream, mut server, mut vendor) = open().await;
    server.send(turn("StartOfTurn", 0, 0.1, "Hm")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    let spoke = Instant::now();
    say(&stream, (0..120).map(|_| 7)).await;
    let (accepted, _) = tokio::join!(accept(&mut vendor), async {
        while server.next().await.is_some_and(|message| message.is_ok()) {}
    });
    assert_eq!(spoke.elapsed().as_secs(), 3);
    let mut second = accepted;
    while second.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(event(&mut stream).await, interim("Hm"));
    let event = event(&mut stream).await;
    assert!(matches!(event, SttEvent::Closed(Err(SpeechError::Silent { .. }))), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_never_reports_outside_turns_may_be_silent_there() {
    let (stream, mut server, vendor) = open().await;
    let listen = async {
        loop {
            heard(&mut server).await;
        }
    };
    let speak = async {
        for n in 0..20 {
            say(&stream, (0..50).map(|_| n)).await;
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = speak => {}
        () = listen => {}
    }
    assert!(!vendor.is_dialled());
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_used_to_report_outside_turns_may_not() {
    let (stream, mut server, mut vendor) = open().await;
    server.send(Message::text(wire!("update_before_turn.json"))).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    say(&stream, (0..120).map(|_| 7)).await;
    let listen = async { while server.next().await.is_some_and(|message| message.is_ok()) {} };
    tokio::join!(accept(&mut vendor), listen);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_polite_and_the_last_turn_is_told() {
    let (mut stream, mut server, _vendor) = open().await;
    say(&stream, [5]).await;
    stream.commands.send(SttCommand::Close).await.unwrap();
    assert_eq!(pieces(&heard(&mut server).await), [5]);
    assert_eq!(heard(&mut server).await, Message::text(wire!("client_close_stream.json")));
    server.send(turn("EndOfTurn", 0, 0.1, "Bye.")).await.unwrap();
    server.close(None).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    assert_eq!(event(&mut stream).await, over("Bye."));
    assert_eq!(event(&mut stream).await, SttEvent::Closed(Ok(())));
    assert_eq!(stream.events.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_end_was_garbled_ends_when_the_next_one_is_counted() {
    let (mut stream, mut server, _vendor) = open().await;
    server.send(turn("StartOfTurn", 0, 0.5, "I need")).await.unwrap();
    server.send(turn("Update", 0, 1.0, "I need a person")).await.unwrap();
    server.send(Message::text("nonsense")).await.unwrap();
    server.send(turn("Update", 1, 1.5, "")).await.unwrap();
    server.send(turn("EndOfTurn", 0, 1.2, "I need a person.")).await.unwrap();
    server.send(turn("StartOfTurn", 1, 2.0, "Yes")).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 6 {
        match event(&mut stream).await {
            SttEvent::Interim(words) if words.is_blank() => {}
            other => told.push(other),
        }
    }
    assert_eq!(told[0], SttEvent::TurnStarted);
    assert_eq!(
        told[3..],
        [over("I need a person"), SttEvent::TurnStarted, SttEvent::Interim(Utterance::new("Yes"))]
    );
}

#[tokio::test(start_paused = true)]
async fn garbage_is_forgiven_in_small_doses() {
    let (mut stream, mut server, mut vendor) = open().await;
    for text in ["", "nonsense", "[1]", r#"{"type":"TurnInfo"}"#] {
        server.send(Message::text(text)).await.unwrap();
    }
    server.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    server.send(turn("EndOfTurn", 0, 0.1, "Still here.")).await.unwrap();
    assert_eq!(event(&mut stream).await, SttEvent::TurnStarted);
    assert_eq!(event(&mut stream).await, over("Still here."));
    for _ in 0..10 {
        server.send(Message::text("nonsense")).await.unwrap();
    }
    accept(&mut vendor).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_the_connection() {
    let (stream, mut server, vendor) = open().await;
    drop(stream);
    let end = timeout(Duration::from_secs(1), server.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    assert!(!vendor.is_dialled());
}
