//! The room client against a room in the test, over a pipe, on the paused clock.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::audio::Frame;
use crate::telephony::{CloseReason, LegId, RoomCommand};

const CALLER: &str = "22b32b65-0000-4000-8000-000000000001";
const BOT: &str = "22b32b65-0000-4000-8000-0000000000b0";

#[derive(Debug)]
struct TestRoom(WebSocketStream<DuplexStream>);

impl TestRoom {
    async fn say(&mut self, value: Value) {
        self.0.send(Message::text(value.to_string())).await.unwrap();
    }

    async fn play(&mut self, loudness: i16) {
        let mut bytes = CALLER.as_bytes().to_vec();
        bytes.extend(Frame::from_samples(&[loudness; 320]).to_le_bytes());
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next text from the client; pings and audio are skipped.
    async fn hear(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }
}

/// Joins a room that says `welcome` to the join.
async fn try_join(welcome: Vec<Value>) -> Result<(RoomSession, TestRoom), TelephonyError> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let room = tokio::spawn(async move {
        let mut room = TestRoom(accept_async(far).await.unwrap());
        assert_eq!(room.hear().await, json!({"type": "join", "token": "t0ken"}));
        for text in welcome {
            room.say(text).await;
        }
        room
    });
    let joined = enter(near, "ws://127.0.0.1/room/x", "t0ken").await;
    let room = room.await.unwrap();
    joined.map(|session| (session, room))
}

async fn join() -> (RoomSession, TestRoom) {
    let welcome =
        json!({"action": "joined-meeting", "participants": {"local": {"session_id": BOT, "owner": true}}});
    try_join(vec![welcome]).await.unwrap()
}

fn key(tone: &str) -> Value {
    json!({"action": "dtmf-event", "sessionId": CALLER, "tone": tone})
}

#[tokio::test(start_paused = true)]
async fn events_and_audio_arrive_in_order_and_wishes_go_out() {
    let (mut session, mut room) = join().await;
    room.say(json!({"action": "participant-joined", "participant": {"session_id": BOT}})).await;
    room.say(json!({"action": "dialin-connected", "sessionId": CALLER, "sipFrom": "x"})).await;
    room.play(1000).await;
    let id = LegId::new(CALLER);
    assert_eq!(session.events.recv().await, Some(RoomEvent::DialinConnected { id: id.clone() }));
    assert_eq!(session.audio.recv().await, Some((id, Frame::from_samples(&[1000; 320]))));

    session.commands.send(RoomCommand::Microphone(true)).await.unwrap();
    session.commands.send(RoomCommand::Subscribe(true)).await.unwrap();
    session.commands.send(RoomCommand::Audio(Frame::from_samples(&[7; 320]))).await.unwrap();
    assert_eq!(room.hear().await, json!({"type": "microphone", "on": true}));
    assert_eq!(room.hear().await, json!({"type": "subscribe", "audio": true}));
    let microphone = room.0.next().await.unwrap().unwrap().into_data();
    assert_eq!(Frame::from_le_bytes(&microphone), Frame::from_samples(&[7; 320]));
    assert_eq!(microphone.len(), 640);
}

#[tokio::test(start_paused = true)]
async fn what_happens_before_the_room_s_word_is_not_lost() {
    let ready = json!({"action": "dialin-ready", "sipEndpoint": "1@x"});
    let joined = json!({"action": "joined-meeting"});
    let (mut session, _room) = try_join(vec![ready, joined]).await.unwrap();
    let ready = RoomEvent::DialinReady { sip_endpoint: "1@x".into() };
    assert_eq!(session.events.recv().await, Some(ready));
}

#[tokio::test(start_paused = true)]
async fn a_refused_join_says_why() {
    let refusal = json!({"action": "error", "errorMsg": "the token is for another room"});
    let error = try_join(vec![refusal]).await.unwrap_err();
    assert_eq!(error, TelephonyError::Refused("the token is for another room".into()));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_takes_audio_the_newest_is_kept_and_no_event_is_lost() {
    let (mut session, mut room) = join().await;
    for n in 0..500 {
        room.play(n).await;
        if n % 2 == 0 {
            room.say(key("1")).await;
        }
    }
    room.say(key("#")).await;
    let mut keys = 0;
    while let Some(RoomEvent::Dtmf { tone, .. }) = session.events.recv().await {
        keys += 1;
        if tone == '#' {
            break;
        }
    }
    assert_eq!(keys, 251);
    let mut heard = Vec::new();
    while let Ok(Some((_, frame))) = timeout(Duration::from_millis(20), session.audio.recv()).await {
        heard.push(frame.samples()[0]);
    }
    assert_eq!(heard.last(), Some(&499), "the newest is kept");
    assert!(heard.len() < 60, "{} frames were kept", heard.len());
    assert!(heard.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_no_events_stops_the_room_and_not_the_memory() {
    let (mut session, mut room) = join().await;
    let flood = tokio::spawn(async move {
        for _ in 0..5000 {
            room.say(key("1")).await;
        }
        room
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!flood.is_finished(), "5000 events were taken from the room and kept");
    for n in 0..5000 {
        let event = session.events.recv().await;
        assert!(matches!(event, Some(RoomEvent::Dtmf { .. })), "event {n}: {event:?}");
    }
    drop(flood.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn leaving_is_answered_once_and_ends_everything() {
    let (mut session, mut room) = join().await;
    session.commands.send(RoomCommand::Leave).await.unwrap();
    assert_eq!(room.hear().await, json!({"type": "leave"}));
    room.say(key("5")).await;
    room.say(json!({"action": "left-meeting"})).await;
    assert!(matches!(session.events.recv().await, Some(RoomEvent::Dtmf { tone: '5', .. })));
    assert_eq!(session.events.recv().await, Some(RoomEvent::Closed { reason: CloseReason::Left }));
    assert_eq!(session.events.recv().await, None);
    assert!(session.commands.send(RoomCommand::Leave).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_does_not_let_us_go_is_left_all_the_same() {
    let (mut session, _room) = join().await;
    let start = tokio::time::Instant::now();
    session.commands.send(RoomCommand::Leave).await.unwrap();
    assert_eq!(session.events.recv().await, Some(RoomEvent::Closed { reason: CloseReason::Left }));
    assert!(start.elapsed() <= Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_ended_room_a_broken_connection_and_a_silent_room_are_told_apart() {
    let (mut session, mut room) = join().await;
    room.say(json!({"action": "left-meeting", "reason": "ended"})).await;
    assert_eq!(session.events.recv().await, Some(RoomEvent::Closed { reason: CloseReason::Ended }));

    let (mut session, room) = join().await;
    drop(room);
    let closed = session.events.recv().await;
    assert!(matches!(closed, Some(RoomEvent::Closed { reason: CloseReason::Lost(_) })), "{closed:?}");

    let (mut session, room) = join().await;
    let closed = timeout(Duration::from_secs(60), session.events.recv()).await.unwrap();
    assert!(matches!(closed, Some(RoomEvent::Closed { reason: CloseReason::Lost(_) })), "{closed:?}");
    drop(room);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_room_that_answers_pings_is_kept_for_hours() {
    let (mut session, mut room) = join().await;
    let reader = tokio::spawn(async move { while room.0.next().await.is_some_and(|m| m.is_ok()) {} });
    let two_hours = Duration::from_secs(7200);
    assert!(timeout(two_hours, session.events.recv()).await.is_err(), "the room was given up");
    reader.abort();
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_told_once_and_does_not_end_the_call() {
    let (mut session, mut room) = join().await;
    for _ in 0..100 {
        room.0.send(Message::text("not json")).await.unwrap();
        room.0.send(Message::binary(vec![0_u8; 99])).await.unwrap();
    }
    room.say(key("9")).await;
    assert!(matches!(session.events.recv().await, Some(RoomEvent::Warning { .. })));
    assert!(matches!(session.events.recv().await, Some(RoomEvent::Dtmf { tone: '9', .. })));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_far_too_long_ends_the_connection_and_not_the_memory() {
    let (mut session, mut room) = join().await;
    let flood = tokio::spawn(async move {
        let sent = room.0.send(Message::text("x".repeat(2 * LONGEST_MESSAGE))).await;
        (room, sent)
    });
    let closed = session.events.recv().await;
    assert!(matches!(closed, Some(RoomEvent::Closed { reason: CloseReason::Lost(_) })), "{closed:?}");
    drop(session);
    flood.abort();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_leaves_the_room_at_once() {
    let (session, mut room) = join().await;
    drop(session);
    let end = timeout(Duration::from_secs(1), room.0.next()).await.expect("the connection is still open");
    assert!(matches!(end, None | Some(Err(_))), "{end:?}");
}

#[test]
fn only_rooms_on_this_machine_are_joined() {
    let websocket = |url| websocket_of(url).map(|(url, _, _)| url);
    assert_eq!(websocket("http://127.0.0.1:8123/r-1").unwrap(), "ws://127.0.0.1:8123/room/r-1");
    assert_eq!(websocket("http://localhost:80/r").unwrap(), "ws://localhost:80/room/r");
    assert_eq!(websocket("http://[::1]:9/r").unwrap(), "ws://[::1]:9/room/r");
    for elsewhere in [
        "https://x.daily.co/r",
        "http://10.0.0.1/r",
        "http://127.0.0.1.evil.example/r",
        "https://127.0.0.1/r",
    ] {
        assert!(matches!(websocket(elsewhere), Err(TelephonyError::Refused(_))), "{elsewhere}");
    }
    assert!(matches!(websocket("not a url"), Err(TelephonyError::Protocol(_))));
}
