//! Our telephony clients and our webhook server against the sandbox: a caller comes in, an operator is
//! dialled, refuses, is dialled again and answers. Real sockets, virtual time.

use std::sync::Arc;
use std::time::Duration;

use callflow::audio::Frame;
use callflow::pii::{Address, ApiKey};
use callflow::sandbox::clock::Metronome;
use callflow::sandbox::{Sandbox, SandboxOptions};
use callflow::server::{Calls, Server, ServerOptions, StartBot, StartError, Started};
use callflow::telephony::daily::{Daily, InferredOutcome, infer_leg_outcome};
use callflow::telephony::ws_room::WsRooms;
use callflow::telephony::{
    CloseReason, DialIn, DialOut, LegId, Room, RoomClient, RoomCommand, RoomEvent, RoomRequest, RoomSession,
    Telephony, TelephonyError,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OPERATOR: &str = "+15550100100";
const SOON: Duration = Duration::from_secs(20);

/// Creates a room for every call and hands both to the test.
struct Rooms {
    daily: Arc<Daily>,
    taken: mpsc::Sender<(DialIn, Room)>,
}

impl Calls for Rooms {
    fn start(&self, dial_in: DialIn) -> BoxFuture<'_, Result<Started, StartError>> {
        async move {
            let caller = dial_in.from.clone();
            let now = unix_now();
            let lifetime = Duration::from_secs(7200);
            let room = self.daily.create_room(RoomRequest { caller, lifetime, now }).await?;
            let started = Started { call_id: "c".into(), room_url: room.url.clone(), token: None };
            self.taken.send((dial_in, room)).await.unwrap();
            Ok(started)
        }
        .boxed()
    }

    fn start_bot(&self, _body: StartBot) -> BoxFuture<'_, Result<Started, StartError>> {
        async { Err(StartError::Draining) }.boxed()
    }

    fn live(&self) -> usize {
        0
    }
}

#[expect(clippy::disallowed_methods, reason = "rooms expire at a time of day")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

struct World {
    sandbox: Sandbox,
    daily: Arc<Daily>,
    taken: mpsc::Receiver<(DialIn, Room)>,
    _server: AbortOnDropHandle<()>,
    _time: Metronome,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let daily = Arc::new(Daily::new(&sandbox.urls().daily, ApiKey::new("k")).unwrap());
        let (sender, taken) = mpsc::channel(4);
        let mut options = ServerOptions::new(([127, 0, 0, 1], 0).into());
        options.webhook_secret = Some(ApiKey::new(SECRET));
        let rooms = Rooms { daily: daily.clone(), taken: sender };
        let server = Server::bind(options, Arc::new(rooms)).await.unwrap();
        sandbox.set_webhook(&format!("{}/start", server.url()), Some(SECRET)).unwrap();
        let server = AbortOnDropHandle::new(tokio::spawn(server.run(CancellationToken::new())));
        Self { sandbox, daily, taken, _server: server, _time: Metronome::start(None) }
    }

    async fn phone(&self, start: Value) -> Phone {
        let url = format!("{}/phone", self.sandbox.urls().phone.replace("http://", "ws://"));
        let (socket, _) = connect_async(url).await.unwrap();
        let mut phone = Phone(socket);
        phone.say(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
        let format = json!({"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1});
        let start =
            json!({"streamSid": "MZ1", "callSid": "CA1", "customParameters": start, "mediaFormat": format});
        phone.say(json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start})).await;
        phone
    }

    /// Dials the operator, once a phone waits at the number.
    async fn dial(&self, room: &Room) -> LegId {
        let waits = async {
            while self.sandbox.state().waiting_phones == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, waits).await.expect("no phone waits");
        let to = Address::parse(OPERATOR).unwrap();
        let operator = DialOut {
            to,
            display_name: Some("Operator".into()),
            caller_id: None,
            extension: None,
            deaf: false,
        };
        self.daily.start_dial_out(&room.name, &operator).await.unwrap()
    }

    /// A caller in a room with us.
    async fn call(&mut self) -> (Phone, Room, RoomSession, LegId) {
        let caller = self.phone(json!({"from": "+15551234567", "to": "+15559876543"})).await;
        let (dial_in, room) = timeout(SOON, self.taken.recv()).await.unwrap().unwrap();
        assert_eq!(dial_in.from.as_ref().unwrap().reveal(), "+15551234567");
        let mut session = WsRooms::new().join(&room).await.unwrap();
        let RoomEvent::DialinReady { sip_endpoint } = next(&mut session).await else { panic!("not ready") };
        assert_eq!(room.sip_endpoint.as_ref(), Some(&sip_endpoint), "the room's answer and its event agree");
        self.daily.forward_caller(&dial_in, &sip_endpoint).await.unwrap();
        let RoomEvent::DialinConnected { id } = next(&mut session).await else { panic!("no caller") };
        assert_eq!(next(&mut session).await, RoomEvent::ParticipantJoined { id: id.clone() });
        (caller, room, session, id)
    }

    /// Has the sandbox bring about a case of the catalogue.
    async fn brings_about(&self, id: &str) {
        self.brings(json!({"id": id})).await;
    }

    async fn brings(&self, fault: Value) {
        let url = format!("{}/control/faults", self.sandbox.urls().phone);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http.post(url).body(fault.to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{fault}");
    }

    async fn quiet(&self) {
        let quiet = async {
            while !self.sandbox.state().is_quiet() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, quiet).await.unwrap_or_else(|_| panic!("left over: {:?}", self.sandbox.state()));
    }
}

async fn next(session: &mut RoomSession) -> RoomEvent {
    timeout(SOON, session.events.recv()).await.expect("nothing happens").expect("the room is gone")
}

struct Phone(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Phone {
    async fn say(&mut self, event: Value) {
        self.0.send(Message::text(event.to_string())).await.unwrap();
    }

    async fn do_it(&mut self, event: &str, reason: &str) {
        self.say(json!({"event": event, "streamSid": "MZ1", "reason": reason})).await;
    }

    /// Waits for an event of the phone, past its audio.
    async fn wait_for(&mut self, event: &str) {
        let waiting = async {
            while let Some(Ok(message)) = self.0.next().await {
                let Message::Text(text) = message else { continue };
                if serde_json::from_str::<Value>(&text).unwrap()["event"] == event {
                    return;
                }
            }
            panic!("the phone's line closed before `{event}`");
        };
        timeout(SOON, waiting).await.unwrap_or_else(|_| panic!("no `{event}`"));
    }

    /// Half a second of a loud µ-law square wave.
    async fn hum(&mut self) {
        use base64::Engine as _;
        let wave: Vec<u8> = (0..160).map(|n| if n / 8 % 2 == 0 { 0x90 } else { 0x10 }).collect();
        let payload = base64::engine::general_purpose::STANDARD.encode(wave);
        for _ in 0..25 {
            self.say(json!({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}})).await;
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_cold_transfer_goes_through_every_client() {
    let mut world = World::new().await;
    let (mut caller, room, mut session, caller_id) = world.call().await;
    let mut operator = world.phone(json!({"number": OPERATOR})).await;

    session.commands.send(RoomCommand::Subscribe(true)).await.unwrap();
    session.commands.send(RoomCommand::Microphone(true)).await.unwrap();
    session.commands.send(RoomCommand::Audio(Frame::from_samples(&[9000; 320]))).await.unwrap();
    let heard = async {
        loop {
            let (id, frame) = session.audio.recv().await.unwrap();
            if frame.dbfs() > -30.0 {
                return id;
            }
        }
    };
    let (heard, ()) = tokio::join!(timeout(SOON, heard), caller.hum());
    assert_eq!(heard.expect("the caller is not heard"), caller_id);

    caller
        .say(json!({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "0"}}))
        .await;
    assert_eq!(next(&mut session).await, RoomEvent::Dtmf { id: Some(caller_id.clone()), tone: '0' });

    for (reason, outcome) in [
        ("busy", InferredOutcome::Busy),
        ("rejected", InferredOutcome::Rejected),
        ("unreachable", InferredOutcome::Unreachable),
    ] {
        let leg = world.dial(&room).await;
        operator.wait_for("ringing").await;
        assert_eq!(next(&mut session).await, RoomEvent::DialoutConnected { id: leg.clone() });
        operator.do_it("reject", reason).await;
        let RoomEvent::DialoutError { id, message } = next(&mut session).await else { panic!("no error") };
        assert_eq!((id, infer_leg_outcome(&message)), (Some(leg), (outcome, true)), "{message}");
    }

    let leg = world.dial(&room).await;
    operator.wait_for("ringing").await;
    assert_eq!(next(&mut session).await, RoomEvent::DialoutConnected { id: leg.clone() });
    world.daily.stop_dial_out(&room.name, &leg).await.unwrap();
    operator.wait_for("stop").await;
    assert_eq!(next(&mut session).await, RoomEvent::DialoutStopped { id: leg.clone() });
    world.daily.stop_dial_out(&room.name, &leg).await.expect("a leg that is gone counts as stopped");

    let leg = world.dial(&room).await;
    operator.wait_for("ringing").await;
    operator.do_it("answer", "").await;
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(next(&mut session).await);
    }
    for event in [
        RoomEvent::DialoutConnected { id: leg.clone() },
        RoomEvent::DialoutAnswered { id: leg.clone() },
        RoomEvent::ParticipantJoined { id: leg.clone() },
    ] {
        assert!(answered.contains(&event), "{event:?} is not in {answered:?}");
    }

    caller.do_it("stop", "").await;
    let mut ends = vec![next(&mut session).await, next(&mut session).await];
    ends.sort_by_key(|event| matches!(event, RoomEvent::DialinStopped { .. }));
    let left = RoomEvent::ParticipantLeft { id: caller_id.clone() };
    assert_eq!(ends, [left, RoomEvent::DialinStopped { id: caller_id }]);

    session.commands.send(RoomCommand::Leave).await.unwrap();
    while next(&mut session).await != (RoomEvent::Closed { reason: CloseReason::Left }) {}
    world.daily.delete_room(&room.name).await.unwrap();
    world.daily.delete_room(&room.name).await.expect("a room that is gone counts as deleted");
    drop(operator);
    world.quiet().await;
}

#[tokio::test]
async fn deleting_the_room_ends_everybody_in_it() {
    let mut world = World::new().await;
    let (mut caller, room, mut session, _) = world.call().await;
    world.daily.delete_room(&room.name).await.unwrap();
    let closed = async {
        loop {
            if let RoomEvent::Closed { reason } = next(&mut session).await {
                return reason;
            }
        }
    };
    assert_eq!(closed.await, CloseReason::Ended);
    caller.wait_for("stop").await;
    let again = WsRooms::new().join(&room).await;
    assert!(matches!(again, Err(TelephonyError::Refused(_) | TelephonyError::NotFound(_))), "{again:?}");
    world.quiet().await;
}

#[tokio::test]
async fn a_caller_who_hung_up_cannot_be_forwarded() {
    let mut world = World::new().await;
    let mut caller = world.phone(json!({"from": "+15551234567", "to": "+15559876543"})).await;
    let (dial_in, room) = timeout(SOON, world.taken.recv()).await.unwrap().unwrap();
    let mut session = WsRooms::new().join(&room).await.unwrap();
    let RoomEvent::DialinReady { sip_endpoint } = next(&mut session).await else { panic!("not ready") };
    caller.do_it("stop", "").await;
    sleep(Duration::from_millis(200)).await;
    let forwarded = world.daily.forward_caller(&dial_in, &sip_endpoint).await;
    assert!(matches!(forwarded, Err(TelephonyError::NotFound(_))), "{forwarded:?}");
    drop(session);
    world.daily.delete_room(&room.name).await.unwrap();
    world.quiet().await;
}

#[tokio::test]
async fn a_token_for_another_room_does_not_open_this_one() {
    let mut world = World::new().await;
    let (_caller, mut room, _session, _) = world.call().await;
    room.token = ApiKey::new("forged");
    let refused = WsRooms::new().join(&room).await;
    assert!(matches!(refused, Err(TelephonyError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_webhook_that_comes_twice_starts_one_call_and_a_forged_one_starts_none() {
    let mut world = World::new().await;
    let caller = || json!({"from": "+15551234567", "to": "+15559876543"});
    world.brings_about("E53").await;
    let twice = world.phone(caller()).await;
    let (dial_in, _room) = timeout(SOON, world.taken.recv()).await.unwrap().unwrap();
    world.brings_about("E54").await;
    let mut forged = world.phone(caller()).await;
    // Whoever called hears that nobody takes it.
    forged.wait_for("stop").await;
    let honest = world.phone(caller()).await;
    let (other, _room) = timeout(SOON, world.taken.recv()).await.unwrap().unwrap();
    assert_ne!(dial_in.call_id, other.call_id);
    assert!(world.taken.try_recv().is_err(), "two calls, of which one was reported twice, and a forged one");
    for mut phone in [twice, honest] {
        phone.do_it("stop", "").await;
    }
}

#[tokio::test]
async fn a_warning_and_a_visitor_are_told_to_whoever_is_in_the_room() {
    let mut world = World::new().await;
    let (mut caller, room, mut session, _) = world.call().await;
    let _operator = world.phone(json!({"number": OPERATOR})).await;
    world.brings_about("E29").await;
    let leg = world.dial(&room).await;
    assert_eq!(next(&mut session).await, RoomEvent::DialoutConnected { id: leg.clone() });
    let warning = next(&mut session).await;
    assert!(matches!(&warning, RoomEvent::Warning { message } if message.contains("codec")), "{warning:?}");
    world.daily.stop_dial_out(&room.name, &leg).await.unwrap();
    assert_eq!(next(&mut session).await, RoomEvent::DialoutStopped { id: leg });
    world.brings_about("E48").await;
    let leg = world.dial(&room).await;
    assert_eq!(next(&mut session).await, RoomEvent::DialoutConnected { id: leg.clone() });
    let RoomEvent::ParticipantJoined { id } = next(&mut session).await else { panic!("no visitor") };
    assert_eq!(next(&mut session).await, RoomEvent::ParticipantLeft { id });
    // With every event one comes, but not with a visitor's own.
    world.brings(json!({"service": "daily", "fault": "visitor"})).await;
    world.daily.stop_dial_out(&room.name, &leg).await.unwrap();
    assert_eq!(next(&mut session).await, RoomEvent::DialoutStopped { id: leg });
    let RoomEvent::ParticipantJoined { id } = next(&mut session).await else { panic!("no visitor") };
    assert_eq!(next(&mut session).await, RoomEvent::ParticipantLeft { id });
    caller.do_it("stop", "").await;
    session.commands.send(RoomCommand::Leave).await.unwrap();
}
