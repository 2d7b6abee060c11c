//! The room's WebSocket: join, then messages both ways until one side has enough.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::channel;
use tokio::time::{sleep, timeout};

use super::{ClientSeat, Room, ToClient, event};
use crate::audio::{FRAME_SAMPLES, Frame};
use crate::sandbox::clock::unix_now;
use crate::sandbox::daily::{ApiError, Claims, ClientRequest, carry_out};
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::world::World;

/// A client joins within this time, and takes each message within it.
const PATIENCE: Duration = Duration::from_secs(10);
/// A token that throws its holder out later than this (30 days) is taken for one that does not.
const FAR_FUTURE: f64 = 30.0 * 86_400.0;

/// Answers to requests that may wait for a client.
const ANSWERS: usize = 16;
/// Longest message accepted. A token may take a few KB.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// Bytes read at a time. The library clears that much before every read; its own 128 KiB take longer than the rest.
const READ_AT_ONCE: usize = 4 * 1024;

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FromClient {
    Join { token: Option<String> },
    Microphone { on: bool },
    Subscribe { audio: bool },
    Request(ClientRequest),
    Leave,
}

/// Why the conversation with a client is over.
enum End {
    /// It said so.
    Left,
    /// It is gone, or was cut off.
    Gone,
    /// The room or its stay in it ended; it has been told if the room did it.
    Ejected,
    /// It does not speak the protocol.
    Violation(String),
}

/// `GET /room/NAME`.
pub(crate) async fn upgrade(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let fits = |fault: &Fault| matches!(fault, Fault::Refuse { .. } | Fault::Slow { .. } | Fault::Silent);
    match world.site.faults.take_if(Service::Daily, "room", fits) {
        Some(Fault::Refuse { status, info }) => return ApiError::refusal(status, info).into_response(),
        Some(Fault::Silent) => world.site.stop.cancelled().await,
        Some(slow) => sleep(slow.delay()).await,
        None => {}
    }
    upgrade.max_message_size(LONGEST_MESSAGE).read_buffer_size(READ_AT_ONCE).on_upgrade(
        move |socket| async move {
            let stop = world.site.stop.clone();
            let conversation = stop.run_until_cancelled_owned(converse(world, name, socket));
            if conversation.await.is_none() {
                tracing::debug!("a room socket was closed: the sandbox stops");
            }
        },
    )
}

async fn converse(world: Arc<World>, name: String, mut socket: WebSocket) {
    let _stream = world.site.streams.open(Service::Daily);
    let last = match join(&world, &name, &mut socket).await {
        Err(refusal) => Some(event::error(&refusal)),
        Ok((claims, mut seat)) => {
            let end = tokio::select! {
                end = exchange(&world, &name, claims.is_owner, &mut socket, &mut seat) => end,
                () = token_end(&claims) => End::Ejected,
            };
            // Out of the room first: nobody is to hear of it later than the client itself.
            let told = seat.messages.is_closed();
            drop(seat);
            match end {
                End::Left => Some(event::left_meeting()),
                End::Ejected if !told => Some(event::meeting_ended()),
                End::Violation(what) => Some(event::error(&what)),
                End::Ejected | End::Gone => None,
            }
        }
    };
    if let Some(event) = last {
        send(&mut socket, Message::Text(event.to_string().into())).await;
    }
    send(&mut socket, Message::Close(None)).await;
}

/// Waits for `join` and checks it. The error is the event's `errorMsg`.
async fn join(world: &World, name: &str, socket: &mut WebSocket) -> Result<(Claims, ClientSeat), String> {
    let first = timeout(PATIENCE, socket.recv()).await.map_err(|_| "no join came")?;
    let Some(Ok(Message::Text(text))) = first else {
        return Err("the first message must be a join".to_owned());
    };
    let Ok(FromClient::Join { token }) = serde_json::from_str(&text) else {
        return Err("the first message must be a join".to_owned());
    };
    let room = world.rooms.get(name).ok_or("The meeting you're trying to join does not exist.")?;
    let claims = admit(world, &room, token.as_deref())?;
    let seat = room.seat_client(claims.user_name.clone(), claims.is_owner);
    Ok((claims, seat))
}

/// Checks room and token. Public rooms let guests without a token in.
fn admit(world: &World, room: &Room, token: Option<&str>) -> Result<Claims, &'static str> {
    if !room.is_open() {
        return Err("The meeting you're trying to join has ended.");
    }
    match token {
        None | Some("") if room.public => Ok(Claims::default()),
        None | Some("") => Err("You are not allowed to join this meeting"),
        Some(token) => {
            let claims = world.tokens.verify(token).ok_or("Your token is not valid.")?;
            if claims.room_name.as_ref().is_some_and(|name| *name != room.name) {
                return Err("Your token is for another meeting.");
            }
            if claims.exp.is_some_and(|exp| exp <= unix_now()) {
                return Err("Your token has expired.");
            }
            Ok(claims)
        }
    }
}

/// Waits until a token throws its holder out.
async fn token_end(claims: &Claims) {
    let left = claims.exp.filter(|_| claims.eject_at_token_exp).map(|exp| exp - unix_now());
    match left.filter(|&left| left < FAR_FUTURE) {
        Some(left) => sleep(Duration::from_secs_f64(left.max(0.0))).await,
        None => std::future::pending().await,
    }
}

async fn exchange(
    world: &Arc<World>,
    room: &str,
    is_owner: bool,
    socket: &mut WebSocket,
    seat: &mut ClientSeat,
) -> End {
    let (answers, mut answered) = channel::<String>(ANSWERS);
    loop {
        tokio::select! {
            Some(answer) = answered.recv() => if !send(socket, Message::Text(answer.into())).await {
                return End::Gone;
            },
            message = seat.messages.recv() => {
                let message = match message {
                    Some(ToClient::Event(text)) => Message::Text(text.into()),
                    Some(ToClient::Audio(bytes)) => Message::Binary(bytes),
                    None => return End::Ejected,
                };
                if !send(socket, message).await {
                    return End::Gone;
                }
            }
            incoming = socket.recv() => match incoming {
                Some(Ok(message)) => {
                    match obey(message, seat) {
                        Ok(None) => {}
                        Ok(Some(request)) => {
                            let (world, room, answers) = (Arc::clone(world), room.to_owned(), answers.clone());
                            // Not here: a slow one must not hold up the room.
                            world.clone().tasks.spawn(async move {
                                for answer in carry_out(&world, &room, is_owner, request).await {
                                    let _client_is_gone = answers.send(answer.to_string()).await;
                                }
                            });
                        }
                        Err(end) => return end,
                    }
                }
                Some(Err(_)) | None => return End::Gone,
            },
        }
    }
}

/// Does what a message says, or gives the request that it is. An error if the conversation is over with it.
fn obey(message: Message, seat: &ClientSeat) -> Result<Option<ClientRequest>, End> {
    match message {
        Message::Binary(bytes) if bytes.len() == 2 * FRAME_SAMPLES => seat.say(Frame::from_le_bytes(&bytes)),
        Message::Binary(bytes) => {
            return Err(End::Violation(format!("audio comes in 640 bytes, not {}", bytes.len())));
        }
        Message::Text(text) => match serde_json::from_str(&text) {
            Ok(FromClient::Microphone { on }) => seat.set_microphone(on),
            Ok(FromClient::Subscribe { audio }) => seat.set_subscribed(audio),
            Ok(FromClient::Request(request)) => return Ok(Some(request)),
            Ok(FromClient::Leave) => return Err(End::Left),
            Ok(FromClient::Join { .. }) => return Err(End::Violation("joined already".to_owned())),
            Err(_) => return Err(End::Violation(violation(&text))),
        },
        Message::Close(_) => return Err(End::Gone),
        Message::Ping(_) | Message::Pong(_) => {}
    }
    Ok(None)
}

/// Names the type that is not known, or says that it is no message at all.
fn violation(text: &str) -> String {
    let kind = serde_json::from_str::<Value>(text).ok();
    match kind.as_ref().and_then(|value| value["type"].as_str()) {
        Some(kind) => format!("not a message of the room protocol: {kind}"),
        None => "not a message of the room protocol".to_owned(),
    }
}

/// Sends within the deadline; `false` if the client does not take it.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}
