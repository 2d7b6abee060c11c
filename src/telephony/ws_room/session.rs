//! One joined room: a task between its WebSocket and the call's queues.
//!
//! Audio that nobody takes is dropped, the oldest first. Events never are: while too many of them wait, the
//! socket is not read, and a call that takes none for long is cut off.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::wire::{self, Said};
use crate::audio::Frame;
use crate::telephony::{CloseReason, LegId, RoomCommand, RoomEvent};

/// Capacity of the queue of events.
pub(super) const EVENTS: usize = 64;
/// Capacity of the queue of audio: 200 ms of one participant.
pub(super) const AUDIO: usize = 10;
/// Capacity of the queue of commands: more than half a second of our own audio.
pub(super) const COMMANDS: usize = 32;

/// Events that may wait besides those in the queue.
const WAITING_EVENTS: usize = 256;
/// Audio that may wait besides that in the queue; older is dropped.
const WAITING_AUDIO: usize = 40;
/// How long the room may take to let us go.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one message may take to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the room is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long the room may say nothing, not even an answer to a ping.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);

/// The call's ends of the queues.
pub(super) struct Queues {
    pub(super) events: Sender<RoomEvent>,
    pub(super) audio: Sender<(LegId, Frame)>,
    pub(super) commands: Receiver<RoomCommand>,
}

/// What comes first.
enum Next {
    /// A queue has room.
    Give,
    /// The call wants something.
    Obey(RoomCommand),
    /// The room says something, or is gone.
    Hear(Option<Result<Message, WsError>>),
    /// It is time to ask whether the room is there.
    Ping,
    /// The call is gone.
    Forgotten,
    /// A deadline has passed.
    GiveUp,
}

impl Next {
    fn give(call_is_there: bool) -> Self {
        if call_is_there { Self::Give } else { Self::Forgotten }
    }
}

/// A joined room.
pub(super) struct Session<S> {
    socket: WebSocketStream<S>,
    own_id: Option<LegId>,
    queues: Queues,
    waiting_events: VecDeque<RoomEvent>,
    waiting_audio: VecDeque<(LegId, Frame)>,
    heard_at: Instant,
    ping_at: Instant,
    leave_by: Option<Instant>,
    said_nonsense: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Session<S> {
    pub(super) fn new(
        socket: WebSocketStream<S>,
        own_id: Option<LegId>,
        early: Vec<RoomEvent>,
        queues: Queues,
    ) -> Self {
        Self {
            socket,
            own_id,
            queues,
            waiting_events: early.into(),
            waiting_audio: VecDeque::new(),
            heard_at: Instant::now(),
            ping_at: Instant::now() + PING_EVERY,
            leave_by: None,
            said_nonsense: false,
        }
    }

    /// Runs until we are out of the room, and tells why as the last event.
    pub(super) async fn run(mut self) {
        let reason = loop {
            if let Err(reason) = self.step().await {
                break if self.leave_by.is_some() { CloseReason::Left } else { reason };
            }
        };
        tracing::debug!(?reason, "out of the room");
        self.waiting_events.push_back(RoomEvent::Closed { reason });
        let Self { socket, queues, waiting_events, .. } = self;
        // The call is told first; the socket closes when it is dropped, which is all the room needs.
        let told = async {
            for event in waiting_events {
                if queues.events.send(event).await.is_err() {
                    break;
                }
            }
        };
        if timeout(SILENCE_TIMEOUT, told).await.is_err() {
            tracing::warn!("nobody took the last events of a room");
        }
        drop(socket);
    }

    /// Does whatever comes first; an error is the end.
    async fn step(&mut self) -> Result<(), CloseReason> {
        let deadline = self.leave_by.unwrap_or(self.heard_at + SILENCE_TIMEOUT);
        if self.leave_by.is_some_and(|by| by <= Instant::now()) {
            // A room that talks without end must not keep us.
            return Err(CloseReason::Left);
        }
        let queues = &mut self.queues;
        let next = tokio::select! {
            biased;
            room = queues.events.reserve(), if !self.waiting_events.is_empty() => Next::give(room.is_ok()),
            room = queues.audio.reserve(), if !self.waiting_audio.is_empty() => Next::give(room.is_ok()),
            command = queues.commands.recv(), if self.leave_by.is_none() => {
                Next::Obey(command.unwrap_or(RoomCommand::Leave))
            }
            message = self.socket.next(), if self.waiting_events.len() < WAITING_EVENTS => Next::Hear(message),
            () = sleep_until(self.ping_at) => Next::Ping,
            () = sleep_until(deadline) => Next::GiveUp,
        };
        match next {
            Next::Give => self.give(),
            Next::Obey(command) => self.obey(command).await?,
            Next::Hear(message) => self.hear(message)?,
            Next::Ping => {
                self.ping_at += PING_EVERY;
                self.send(Message::Ping(Bytes::new())).await?;
            }
            Next::Forgotten => return Err(CloseReason::Left),
            Next::GiveUp => return Err(CloseReason::Lost("the room has gone silent".to_owned())),
        }
        Ok(())
    }

    /// Moves what waits into the queues, as far as they have room.
    fn give(&mut self) {
        drain(&mut self.waiting_events, &self.queues.events);
        drain(&mut self.waiting_audio, &self.queues.audio);
    }

    async fn obey(&mut self, command: RoomCommand) -> Result<(), CloseReason> {
        let message = match command {
            RoomCommand::Audio(frame) => Message::binary(frame.to_le_bytes()),
            RoomCommand::Microphone(on) => Message::text(wire::microphone(on)),
            RoomCommand::Subscribe(audio) => {
                if !audio {
                    self.waiting_audio.clear();
                }
                Message::text(wire::subscribe(audio))
            }
            RoomCommand::Leave => {
                self.leave_by = Some(Instant::now() + LEAVE_TIMEOUT);
                Message::text(wire::leave())
            }
        };
        self.send(message).await
    }

    async fn send(&mut self, message: Message) -> Result<(), CloseReason> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| CloseReason::Lost(error.to_string())),
            Err(_) => Err(CloseReason::Lost("the room does not read".to_owned())),
        }
    }

    fn hear(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), CloseReason> {
        self.heard_at = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => match wire::read(&text) {
                Ok(Said::Event(event)) if !self.is_about_us(&event) => self.waiting_events.push_back(event),
                Ok(Said::Event(_) | Said::Other | Said::Joined(_)) => {}
                Ok(Said::Out) => return Err(CloseReason::Ended),
                Ok(Said::Refused(why)) => return Err(CloseReason::Lost(why)),
                Err(nonsense) => self.wonder(nonsense),
            },
            Some(Ok(Message::Binary(bytes))) => match wire::read_audio(&bytes) {
                Ok((id, audio)) => self.queue_audio(id, Frame::from_le_bytes(audio)),
                Err(nonsense) => self.wonder(nonsense),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => {
                return Err(CloseReason::Lost("the room closed the connection".to_owned()));
            }
            Some(Err(error)) => return Err(CloseReason::Lost(error.to_string())),
        }
        Ok(())
    }

    fn is_about_us(&self, event: &RoomEvent) -> bool {
        match event {
            RoomEvent::ParticipantJoined { id } | RoomEvent::ParticipantLeft { id } => {
                self.own_id.as_ref() == Some(id)
            }
            _ => false,
        }
    }

    fn queue_audio(&mut self, id: LegId, frame: Frame) {
        if self.waiting_audio.len() >= WAITING_AUDIO {
            self.waiting_audio.pop_front();
        }
        self.waiting_audio.push_back((id, frame));
    }

    /// Something that is not the protocol: told once a room, so that a mad room cannot flood the call.
    fn wonder(&mut self, nonsense: String) {
        if !std::mem::replace(&mut self.said_nonsense, true) {
            let message = format!("the room sent something that is not its protocol: {nonsense}");
            self.waiting_events.push_back(RoomEvent::Warning { message });
        }
    }
}

/// Moves what waits into a queue, as far as it has room.
fn drain<T>(waiting: &mut VecDeque<T>, queue: &Sender<T>) {
    while let Ok(permit) = queue.try_reserve() {
        let Some(item) = waiting.pop_front() else { break };
        permit.send(item);
    }
}
