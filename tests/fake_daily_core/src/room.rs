//! The sandbox's WebSocket room (`docs/sandbox-protocol.md`) behind a client: its texts become the events that
//! the real library sends, in the library's spelling.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tungstenite::{Error, Message, WebSocket};

use crate::client::{Shared, State};

/// What the client wants of its room.
pub enum ToRoom {
    Microphone(Vec<i16>),
    Publish(bool),
    Subscribe(bool),
    /// A request about a leg.
    Request { id: u64, name: &'static str, properties: Value },
    Leave(u64),
    /// The client is destroyed.
    Finish,
}

/// The real library tries a network that is not there for this long.
const JOIN_PATIENCE: Duration = Duration::from_secs(19);
/// How often orders are looked for while nothing is said.
const LOOK_EVERY: Duration = Duration::from_millis(4);
const ID_BYTES: usize = 36;

type Socket = WebSocket<TcpStream>;

/// Why we are out of the room.
enum End {
    /// By request.
    Left(Option<u64>),
    /// The room ended.
    Over,
    /// Something broke.
    Broken(String),
}

pub fn run(shared: &Shared, orders: &Receiver<ToRoom>, request: u64, url: &str, token: &str) {
    let mut socket = match enter(shared, url, token) {
        Ok((socket, joined)) => {
            shared.set_state(State::Joined);
            shared.emit(json!({"action": "call-state-updated", "callConfiguration": {}, "state": "joined"}));
            shared.done(request, Some(joined));
            socket
        }
        Err(why) => {
            let error = json!({"message": why});
            shared.set_state(State::Left);
            for state in ["leaving", "left"] {
                let state = json!({"action": "call-state-updated", "callConfiguration": null, "state": state,
                    "error": error});
                shared.emit(state);
            }
            shared.refuse(request, "join", &why);
            return answer_leaves(shared, orders);
        }
    };
    // The real library was seen to take 19 seconds to leave; a room of this name takes ten.
    let patience = Duration::from_secs(if url.ends_with("/holds") { 10 } else { 1 });
    let end = stay(shared, &mut socket, orders, patience);
    let is_finished = matches!(end, End::Left(None));
    socket.close(None).ok();
    socket.flush().ok();
    shared.set_state(State::Left);
    let mut left = json!({"action": "call-state-updated", "callConfiguration": null, "state": "left"});
    match end {
        End::Left(request) => {
            shared.emit(left);
            if let Some(request) = request {
                shared.done(request, None);
            }
        }
        End::Over => shared.emit(left),
        End::Broken(why) => {
            left["error"] = json!({"message": why});
            shared.emit(left);
        }
    }
    if !is_finished {
        answer_leaves(shared, orders);
    }
}

/// Leaving a room that we are not in is done at once.
fn answer_leaves(shared: &Shared, orders: &Receiver<ToRoom>) {
    while let Ok(order) = orders.recv() {
        match order {
            ToRoom::Leave(request) => shared.done(request, None),
            ToRoom::Request { id, name, .. } => shared.refuse(id, name, "Dialout(CallState(NotInACall))"),
            ToRoom::Finish => return,
            _ => {}
        }
    }
}

fn enter(shared: &Shared, url: &str, token: &str) -> Result<(Socket, Value), String> {
    let rest = url.strip_prefix("http://").ok_or("Failed to parse url: only rooms on this machine")?;
    let (host, name) = rest.split_once('/').ok_or("Failed to parse url: no room")?;
    let unreachable = |error: &dyn std::fmt::Display| {
        format!("Failed to fetch room information: GET failed: client error (Connect): {error}")
    };
    let stream = TcpStream::connect(host).map_err(|error| unreachable(&error))?;
    stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
    stream.set_read_timeout(Some(JOIN_PATIENCE)).map_err(|error| unreachable(&error))?;
    let (mut socket, _) = tungstenite::client(format!("ws://{host}/room/{name}"), stream)
        .map_err(|error| unreachable(&error))?;
    let join = json!({"type": "join", "token": token}).to_string();
    socket.send(Message::text(join)).map_err(|error| unreachable(&error))?;
    loop {
        let said = socket.read().map_err(|error| unreachable(&error))?;
        let Message::Text(said) = said else { continue };
        let said: Value = serde_json::from_str(&said).map_err(|_| "not JSON".to_owned())?;
        match said["action"].as_str() {
            Some("joined-meeting") => {
                let id = said["participants"]["local"]["session_id"].as_str().unwrap_or("nobody");
                let local = participant(&json!({"session_id": id, "owner": true}), true);
                let joined = json!({"meetingSession": {"id": "m-1"}, "participants": {"local": local}});
                socket.get_ref().set_read_timeout(Some(LOOK_EVERY)).map_err(|error| error.to_string())?;
                return Ok((socket, joined));
            }
            Some("error") => return Err(said["errorMsg"].as_str().unwrap_or("refused").to_owned()),
            Some("left-meeting") => return Err("the room has ended".to_owned()),
            _ => tell(shared, &said),
        }
    }
}

fn stay(shared: &Shared, socket: &mut Socket, orders: &Receiver<ToRoom>, patience: Duration) -> End {
    let mut publishes = false;
    let mut leaving: Option<(Option<u64>, Instant)> = None;
    loop {
        while leaving.is_none() {
            let message = match orders.try_recv() {
                Ok(ToRoom::Microphone(samples)) if publishes => Message::binary(
                    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>(),
                ),
                Ok(ToRoom::Microphone(_)) => continue,
                Ok(ToRoom::Publish(on)) => {
                    publishes = on;
                    Message::text(json!({"type": "microphone", "on": on}).to_string())
                }
                Ok(ToRoom::Subscribe(on)) => {
                    Message::text(json!({"type": "subscribe", "audio": on}).to_string())
                }
                Ok(ToRoom::Request { id, name, properties }) => Message::text(
                    json!({"type": "request", "id": id, "name": name, "properties": properties}).to_string(),
                ),
                Ok(ToRoom::Leave(request)) => {
                    leaving = Some((Some(request), Instant::now()));
                    Message::text(json!({"type": "leave"}).to_string())
                }
                Ok(ToRoom::Finish) | Err(TryRecvError::Disconnected) => {
                    leaving = Some((None, Instant::now()));
                    Message::text(json!({"type": "leave"}).to_string())
                }
                Err(TryRecvError::Empty) => break,
            };
            if let Err(error) = socket.send(message) {
                return End::Broken(error.to_string());
            }
        }
        if let Some((request, since)) = leaving
            && since.elapsed() > patience
        {
            return End::Left(request);
        }
        match socket.read() {
            Ok(Message::Text(text)) => {
                let Ok(said) = serde_json::from_str::<Value>(&text) else { continue };
                match (said["action"].as_str(), leaving) {
                    (Some("left-meeting"), Some((request, _))) => return End::Left(request),
                    (Some("left-meeting"), None) => return End::Over,
                    _ => tell(shared, &said),
                }
            }
            Ok(Message::Binary(bytes)) => {
                let Some((id, audio)) = bytes.split_at_checked(ID_BYTES) else { continue };
                let samples = audio.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                if let Ok(id) = std::str::from_utf8(id) {
                    shared.play(id, &samples.collect::<Vec<_>>());
                }
            }
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => {
                return match leaving {
                    Some((request, _)) => End::Left(request),
                    None => End::Broken(error.to_string()),
                };
            }
        }
    }
}

/// The library's spelling of what the room says.
fn tell(shared: &Shared, said: &Value) {
    let Some(action) = said["action"].as_str() else { return };
    match action {
        "participant-joined" => {
            let event = json!({"action": action, "participant": participant(&said["participant"], false)});
            shared.emit(event);
        }
        "participant-left" => shared.emit(json!({"action": action, "leftReason": said["reason"],
            "participant": participant(&said["participant"], false)})),
        "request-completed" => {
            let request = said["id"].as_u64().unwrap_or_default();
            match said["errorMsg"].as_str() {
                Some(why) => shared.refuse(request, "request", why),
                None => shared.done(request, said.get("sessionId").filter(|id| id.is_string()).cloned()),
            }
        }
        _ if action.starts_with("dial") || action == "dtmf-event" => {
            let mut event: Map<String, Value> = said.as_object().cloned().unwrap_or_default();
            if let Some(message) = event.remove("errorMsg") {
                event.insert("message".to_owned(), message);
            }
            event.insert("actionTraceId".to_owned(), json!("t-1"));
            shared.emit(Value::Object(event));
        }
        _ => {}
    }
}

fn participant(said: &Value, is_local: bool) -> Value {
    let off = json!({"offReasons": ["user"], "state": "off", "subscribed": "unsubscribed"});
    let mut info = json!({"isLocal": is_local, "isOwner": said["owner"], "joinedAt": 1_795_363_952_u32});
    if let Some(name) = said["user_name"].as_str() {
        info["userName"] = json!(name);
    }
    json!({"id": said["session_id"], "info": info, "media": {"camera": off, "customAudio": {}, "microphone": off}})
}
