//! A cold transfer over the stand-in library and the sandbox's telephone network: a caller comes in, an
//! operator is dialled and answers, we fall silent and deaf, and the two talk. Real sockets, real time.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use callflow::audio::Frame;
use callflow::pii::{Address, ApiKey};
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::telephony::daily::Daily;
use callflow::telephony::daily::core::DailyRooms;
use callflow::telephony::{
    CloseReason, DialIn, DialOut, LegId, Room, RoomClient, RoomCommand, RoomEvent, RoomRequest, RoomSession,
    Telephony,
};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::task::AbortOnDropHandle;

use crate::process::wait_until;
use crate::{stand_in_library, within};

const OPERATOR: &str = "+15550100100";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A telephone that hums, or not, until it hangs up.
struct Phone {
    out: mpsc::Sender<Value>,
    ears: SplitStream<Socket>,
    _talk: AbortOnDropHandle<()>,
}

impl Phone {
    async fn lift(sandbox: &Sandbox, parameters: Value, hums: bool) -> Self {
        let url = format!("{}/phone", sandbox.urls().phone.replace("http://", "ws://"));
        let (mouth, ears) = within(connect_async(url)).await.unwrap().0.split();
        let (out, to_say) = mpsc::channel(16);
        let talk = AbortOnDropHandle::new(tokio::spawn(talk(mouth, to_say, hums)));
        let phone = Self { out, ears, _talk: talk };
        let format = json!({"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1});
        let start = json!({"streamSid": "MZ1", "callSid": "CA1", "customParameters": parameters, "mediaFormat": format});
        phone.say(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
        phone.say(json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start})).await;
        phone
    }

    async fn say(&self, event: Value) {
        self.out.send(event).await.unwrap();
    }

    async fn do_it(&self, event: &str) {
        self.say(json!({"event": event, "streamSid": "MZ1"})).await;
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = within(self.ears.next()).await.expect("the line is dead").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn wait_for(&mut self, event: &str) {
        while self.next().await["event"] != event {}
    }

    /// Waits for 20 ms that are loud, or are not.
    async fn wait_for_sound(&mut self, loud: bool) {
        let mut in_a_row = 0;
        while in_a_row < 10 {
            let event = self.next().await;
            let Some(payload) = event["media"]["payload"].as_str() else { continue };
            let bytes = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
            // The seven bits of µ-law below the sign are inverted: small is loud.
            let is_loud = bytes.iter().any(|byte| byte | 0x80 < 0xd0);
            in_a_row = if is_loud == loud { in_a_row + 1 } else { 0 };
        }
    }
}

async fn talk(mut mouth: SplitSink<Socket, Message>, mut to_say: mpsc::Receiver<Value>, hums: bool) {
    let wave: Vec<u8> = (0..160).map(|n| if n / 8 % 2 == 0 { 0x90 } else { 0x10 }).collect();
    let payload = base64::engine::general_purpose::STANDARD.encode(wave);
    let hum = json!({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}});
    let mut clock = interval(Duration::from_millis(20));
    let mut is_on_the_line = false;
    loop {
        let event = tokio::select! {
            event = to_say.recv() => match event {
                Some(event) => event,
                None => return,
            },
            _ = clock.tick(), if hums && is_on_the_line => hum.clone(),
        };
        is_on_the_line |= event["event"] == "start";
        if mouth.send(Message::text(event.to_string())).await.is_err() {
            return;
        }
    }
}

struct World {
    sandbox: Sandbox,
    daily: Daily,
    rooms: DailyRooms,
    calls: mpsc::Receiver<Value>,
    _webhook: AbortOnDropHandle<()>,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let (taken, calls) = mpsc::channel(4);
        let taken = Arc::new(taken);
        let start = post(async move |Json(body): Json<Value>| {
            if body["callId"].is_string() {
                taken.send(body).await.unwrap();
            }
            Json(json!({}))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook = format!("http://{}/start", listener.local_addr().unwrap());
        let site = Router::new().route("/start", start);
        let webhook_task = AbortOnDropHandle::new(tokio::spawn(async move {
            axum::serve(listener, site).await.unwrap();
        }));
        sandbox.set_webhook(&webhook, None).unwrap();
        let daily = Daily::new(&sandbox.urls().daily, ApiKey::new("k")).unwrap();
        let rooms = DailyRooms::load(&stand_in_library()).unwrap();
        Self { sandbox, daily, rooms, calls, _webhook: webhook_task }
    }

    /// A caller in a room with us.
    async fn call(&mut self) -> (Phone, Room, RoomSession, LegId) {
        let parameters = json!({"from": "+15551234567", "to": "+15559876543"});
        let caller = Phone::lift(&self.sandbox, parameters, true).await;
        let body = within(self.calls.recv()).await.unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let dial_in = DialIn {
            call_id: text("callId"),
            call_domain: text("callDomain"),
            from: None,
            to: None,
            sip_headers: serde_json::Map::new(),
        };
        let lifetime = Duration::from_secs(7200);
        let request = RoomRequest { caller: None, lifetime, now: unix_now() };
        let room = self.daily.create_room(request).await.unwrap();
        let mut session = self.rooms.join(&room).await.unwrap();
        let RoomEvent::DialinReady { sip_endpoint } = next(&mut session).await else { panic!("not ready") };
        self.daily.forward_caller(&dial_in, &sip_endpoint).await.unwrap();
        let RoomEvent::DialinConnected { id } = next(&mut session).await else { panic!("no caller") };
        assert_eq!(next(&mut session).await, RoomEvent::ParticipantJoined { id: id.clone() });
        (caller, room, session, id)
    }
}

#[expect(clippy::disallowed_methods, reason = "rooms expire at a time of day")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

async fn next(session: &mut RoomSession) -> RoomEvent {
    within(session.events.recv()).await.expect("the room is gone")
}

async fn command(session: &RoomSession, command: RoomCommand) {
    within(session.commands.send(command)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_and_operator_are_joined_and_the_bot_is_out_of_it() {
    let mut world = World::new().await;
    let (mut caller, room, mut session, caller_id) = world.call().await;

    // We hear the caller, and the caller hears us.
    command(&session, RoomCommand::Subscribe(true)).await;
    command(&session, RoomCommand::Microphone(true)).await;
    let heard = within(session.audio.recv()).await.unwrap();
    assert_eq!(heard.0, caller_id);
    let commands = session.commands.clone();
    let voice = AbortOnDropHandle::new(tokio::spawn(async move {
        let wave: Vec<i16> = (0..320).map(|n| if n / 16 % 2 == 0 { 9000 } else { -9000 }).collect();
        let mut clock = interval(Duration::from_millis(20));
        loop {
            clock.tick().await;
            if commands.send(RoomCommand::Audio(Frame::from_samples(&wave))).await.is_err() {
                return;
            }
        }
    }));
    caller.wait_for_sound(true).await;
    drop(voice);
    caller.wait_for_sound(false).await;

    // The operator refuses, is dialled again and answers.
    let mut operator = Phone::lift(&world.sandbox, json!({"number": OPERATOR}), false).await;
    while world.sandbox.state().waiting_phones == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    let to = || Address::parse(OPERATOR).unwrap();
    let operator_leg = || DialOut {
        to: to(),
        display_name: Some("Operator".into()),
        caller_id: None,
        extension: None,
        deaf: false,
    };
    let refused = world.daily.start_dial_out(&room.name, &operator_leg()).await.unwrap();
    operator.wait_for("ringing").await;
    assert_eq!(next(&mut session).await, RoomEvent::DialoutConnected { id: refused.clone() });
    operator.say(json!({"event": "reject", "streamSid": "MZ1", "reason": "busy"})).await;
    let failed = next(&mut session).await;
    assert!(matches!(&failed, RoomEvent::DialoutError { id: Some(id), .. } if *id == refused), "{failed:?}");

    let leg = world.daily.start_dial_out(&room.name, &operator_leg()).await.unwrap();
    operator.wait_for("ringing").await;
    operator.do_it("answer").await;
    let answered = [next(&mut session).await, next(&mut session).await, next(&mut session).await];
    for event in [
        RoomEvent::DialoutConnected { id: leg.clone() },
        RoomEvent::DialoutAnswered { id: leg.clone() },
        RoomEvent::ParticipantJoined { id: leg.clone() },
    ] {
        assert!(answered.contains(&event), "{event:?} is not in {answered:?}");
    }

    // We are deaf and mute; the operator hears the caller.
    command(&session, RoomCommand::Microphone(false)).await;
    command(&session, RoomCommand::Subscribe(false)).await;
    operator.wait_for_sound(true).await;
    while session.audio.try_recv().is_ok() {}
    sleep(Duration::from_millis(300)).await;
    assert!(session.audio.try_recv().is_err(), "we still hear the two");

    // One leaves, we leave, nothing stays.
    caller.do_it("stop").await;
    let mut ends = [next(&mut session).await, next(&mut session).await];
    ends.sort_by_key(|event| matches!(event, RoomEvent::DialinStopped { .. }));
    let left = RoomEvent::ParticipantLeft { id: caller_id.clone() };
    assert_eq!(ends, [left, RoomEvent::DialinStopped { id: caller_id }]);
    command(&session, RoomCommand::Leave).await;
    while next(&mut session).await != (RoomEvent::Closed { reason: CloseReason::Left }) {}
    world.daily.delete_room(&room.name).await.unwrap();
    drop((caller, operator));
    let quiet = async {
        while !world.sandbox.state().is_quiet() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    within(quiet).await;
    wait_until("the clients are destroyed", || world.rooms.clients() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_room_ends_the_session() {
    let mut world = World::new().await;
    let (_caller, room, mut session, _) = world.call().await;
    world.daily.delete_room(&room.name).await.unwrap();
    loop {
        if let RoomEvent::Closed { reason } = next(&mut session).await {
            assert_eq!(reason, CloseReason::Ended);
            break;
        }
    }
    let again = world.rooms.join(&room).await;
    assert!(again.is_err(), "a deleted room was joined");
}
