//! A client of the sandbox's WebSocket room (`docs/sandbox-protocol.md`, "The room").
//!
//! Stands in for Daily's media plane, whose native library speaks to Daily only. Joins rooms on loopback
//! and nowhere else: what it is given is not encrypted.

mod session;
mod wire;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::{Room, RoomClient, RoomEvent, RoomSession, TelephonyError};
use session::{Queues, Session};
use wire::Said;

/// How long joining may take, from the connection to the room's word that we are in.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest message accepted. The room's are below one KiB.
const LONGEST_MESSAGE: usize = 256 * 1024;
/// Bytes read at a time. The library clears that much before every read; its own 128 KiB take longer than the rest.
const READ_AT_ONCE: usize = 4 * 1024;
/// Events that may come before the room's word that we are in.
const EARLY_EVENTS: usize = 64;

/// Joins the sandbox's rooms.
#[derive(Clone, Copy, Debug, Default)]
pub struct WsRooms;

impl WsRooms {
    /// A client. It holds nothing; every join is a connection of its own.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl RoomClient for WsRooms {
    fn join<'a>(&'a self, room: &'a Room) -> BoxFuture<'a, Result<RoomSession, TelephonyError>> {
        async move {
            let late = || TelephonyError::Unreachable(format!("no answer in {JOIN_TIMEOUT:?} when joining"));
            timeout(JOIN_TIMEOUT, join(room)).await.unwrap_or_else(|_| Err(late()))
        }
        .boxed()
    }
}

async fn join(room: &Room) -> Result<RoomSession, TelephonyError> {
    let (url, host, port) = websocket_of(&room.url)?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
    // 20 ms of audio are a small packet; Nagle's algorithm would hold it back.
    stream.set_nodelay(true).map_err(unreachable)?;
    enter(stream, &url, room.token.reveal()).await
}

fn unreachable(error: std::io::Error) -> TelephonyError {
    TelephonyError::Unreachable(error.to_string())
}

/// The WebSocket of a room's `url`, with its host and port: `http://HOST:PORT/NAME` is `ws://…/room/NAME`.
fn websocket_of(url: &str) -> Result<(String, String, u16), TelephonyError> {
    let elsewhere = || {
        TelephonyError::Refused(
            "the room is not on this machine, and only Daily's media library joins rooms elsewhere \
             (`callflow daily fetch` installs it; with --mix, DAILY_CORE_LIBRARY has to name it)"
                .to_owned(),
        )
    };
    let parsed = Url::parse(url).map_err(|_| TelephonyError::Protocol("the room has no URL".to_owned()))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if parsed.scheme() != "http" || !is_loopback {
        return Err(elsewhere());
    }
    let port = parsed.port_or_known_default().unwrap_or(80);
    let path = parsed.path();
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Ok((format!("ws://{authority}/room{path}"), host, port))
}

/// Joins over an open connection.
async fn enter<S>(stream: S, url: &str, token: &str) -> Result<RoomSession, TelephonyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_AT_ONCE)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let (mut socket, _) = client_async_with_config(url, stream, Some(config)).await.map_err(refusal)?;
    socket.send(Message::text(wire::join(token))).await.map_err(refusal)?;
    let (own_id, early) = admission(&mut socket).await?;

    let (events, events_out) = mpsc::channel(session::EVENTS);
    let (audio, audio_out) = mpsc::channel(session::AUDIO);
    let (commands, commands_in) = mpsc::channel(session::COMMANDS);
    let queues = Queues { events, audio, commands: commands_in };
    let session = Session::new(socket, own_id.clone(), early, queues);
    let task = AbortOnDropHandle::new(tokio::spawn(session.run().in_current_span()));
    Ok(RoomSession { own_id, events: events_out, audio: audio_out, commands, legs: None, task })
}

/// Waits for the room's word, and keeps what happens before it.
async fn admission<S>(
    socket: &mut WebSocketStream<S>,
) -> Result<(Option<super::LegId>, Vec<RoomEvent>), TelephonyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut early = Vec::new();
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.map_err(refusal)? else { continue };
        match wire::read(&text).map_err(TelephonyError::Protocol)? {
            Said::Joined(own_id) => return Ok((own_id, early)),
            Said::Refused(why) => return Err(TelephonyError::Refused(why)),
            Said::Out => return Err(TelephonyError::NotFound("the room has ended".to_owned())),
            Said::Event(event) if early.len() < EARLY_EVENTS => early.push(event),
            Said::Event(_) => return Err(TelephonyError::Protocol("events before the join".to_owned())),
            Said::Other => {}
        }
    }
    Err(TelephonyError::Unreachable("the room closed the connection when joining".to_owned()))
}

fn refusal(error: WsError) -> TelephonyError {
    match error {
        WsError::Http(response) if response.status() == 404 => {
            TelephonyError::NotFound("no such room".to_owned())
        }
        WsError::Http(response) if matches!(response.status().as_u16(), 401 | 403) => {
            TelephonyError::Unauthorized
        }
        WsError::Http(response) => {
            TelephonyError::Vendor { status: response.status().as_u16(), info: "cannot join".to_owned() }
        }
        WsError::Protocol(error) => TelephonyError::Protocol(error.to_string()),
        other => TelephonyError::Unreachable(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
