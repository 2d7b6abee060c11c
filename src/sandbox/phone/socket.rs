//! The network's side of `/phone`: one socket, one phone, one call at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use tokio::time::{sleep, timeout};

use super::audio::{FromUlaw, ToUlaw};
use super::wire::{Dtmf, Media, MediaFormat, Message, Purpose, RejectReason, Start};
use crate::pii::Address;
use crate::sandbox::daily::ApiError;
use crate::sandbox::faults::{Fault, Service};
use crate::sandbox::network::{FromPhone, PhoneEnd, Rejection, ToPhone, WaitingPhone, line, place_call};
use crate::sandbox::world::World;

/// A phone says what it wants within this time, and takes each message within it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest message accepted. A second of audio is 11 KB.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// Bytes read at a time. The library clears that much before every read; its own 128 KiB take longer than the rest.
const READ_AT_ONCE: usize = 4 * 1024;

/// Why a socket is closed by us.
enum Close {
    /// The phone is gone, or its call is over.
    Done,
    /// It does not speak the protocol.
    Violation(&'static str),
}

/// A phone's socket and what it is doing.
struct Phone {
    world: Arc<World>,
    socket: WebSocket,
    stream_sid: String,
    /// The number it waits at; `None` for a caller.
    number: Option<Address>,
    /// Its place in the register while no call rings it.
    waiting: Option<WaitingPhone>,
    call: Option<PhoneEnd>,
    from_phone: FromUlaw,
    to_phone: ToUlaw,
}

/// What happens next to a phone.
enum Next {
    Said(Option<Result<Frame, axum::Error>>),
    Told(Option<ToPhone>),
    Called(Option<PhoneEnd>),
}

/// `GET /phone`.
pub(crate) async fn upgrade(State(world): State<Arc<World>>, upgrade: WebSocketUpgrade) -> Response {
    let fits = |fault: &Fault| matches!(fault, Fault::Refuse { .. } | Fault::Slow { .. });
    match world.site.faults.take_if(Service::Phone, "phone", fits) {
        Some(Fault::Refuse { status, info }) => return ApiError::refusal(status, info).into_response(),
        Some(slow) => sleep(slow.delay()).await,
        None => {}
    }
    upgrade.max_message_size(LONGEST_MESSAGE).read_buffer_size(READ_AT_ONCE).on_upgrade(
        move |socket| async move {
            let stop = world.site.stop.clone();
            if stop.run_until_cancelled_owned(serve(world, socket)).await.is_none() {
                tracing::debug!("a phone's socket was closed: the sandbox stops");
            }
        },
    )
}

async fn serve(world: Arc<World>, mut socket: WebSocket) {
    let _stream = world.site.streams.open(Service::Phone);
    let start = match timeout(PATIENCE, introduction(&mut socket)).await {
        Ok(Ok(start)) => start,
        Ok(Err(close)) => return finish(&mut socket, close).await,
        Err(_) => return finish(&mut socket, Close::Violation("no start came")).await,
    };
    let mut phone = Phone::new(world, socket, start.stream_sid);
    let close = match phone.begin(start.custom_parameters) {
        Ok(()) => phone.run().await,
        Err(close) => close,
    };
    finish(&mut phone.socket, close).await;
}

/// `connected`, then `start`.
async fn introduction(socket: &mut WebSocket) -> Result<Start, Close> {
    match receive(socket).await? {
        Message::Connected { .. } => {}
        _ => return Err(Close::Violation("the first message must be connected")),
    }
    match receive(socket).await? {
        Message::Start { start, .. } if start.media_format == MediaFormat::ulaw() => Ok(start),
        Message::Start { .. } => Err(Close::Violation("the only media format is audio/x-mulaw, 8000, 1")),
        _ => Err(Close::Violation("the second message must be start")),
    }
}

async fn receive(socket: &mut WebSocket) -> Result<Message, Close> {
    match socket.recv().await {
        Some(Ok(Frame::Text(text))) => parse(&text),
        Some(Ok(Frame::Binary(_))) => Err(Close::Violation("text frames only")),
        _ => Err(Close::Done),
    }
}

fn parse(text: &str) -> Result<Message, Close> {
    serde_json::from_str(text).map_err(|_| Close::Violation("not a message of the phone protocol"))
}

impl Phone {
    fn new(world: Arc<World>, socket: WebSocket, stream_sid: String) -> Self {
        Self {
            world,
            socket,
            stream_sid,
            number: None,
            waiting: None,
            call: None,
            from_phone: FromUlaw::new(),
            to_phone: ToUlaw::new(),
        }
    }

    /// Places the call or starts the wait that the phone is for.
    fn begin(&mut self, purpose: Purpose) -> Result<(), Close> {
        match purpose {
            Purpose::Wait { number } => {
                let number = Address::parse(&number).map_err(|_| Close::Violation("number is no number"))?;
                self.number = Some(number);
                self.wait_again();
            }
            Purpose::Call { from, to } => {
                let (line, end) = line();
                let from = from.and_then(|from| Address::parse(&from).ok());
                let call = place_call(Arc::clone(&self.world), line, from, Address::parse(&to).ok());
                self.world.tasks.spawn(call);
                self.call = Some(end);
            }
        }
        Ok(())
    }

    async fn run(&mut self) -> Close {
        loop {
            let next = tokio::select! {
                said = self.socket.recv() => Next::Said(said),
                told = next_told(&mut self.call) => Next::Told(told),
                called = next_call(&mut self.waiting) => Next::Called(called),
            };
            let done = match next {
                Next::Said(Some(Ok(Frame::Text(text)))) => self.heed(&text).await,
                Next::Said(Some(Ok(Frame::Ping(_) | Frame::Pong(_)))) => Ok(()),
                Next::Said(Some(Ok(Frame::Binary(_)))) => Err(Close::Violation("text frames only")),
                Next::Said(_) => Err(Close::Done),
                Next::Told(Some(message)) => self.pass_on(message).await,
                Next::Told(None) => self.call_over().await,
                Next::Called(call) => {
                    self.waiting = None;
                    self.call = call;
                    Ok(())
                }
            };
            if let Err(close) = done {
                return close;
            }
        }
    }

    /// What the phone says.
    async fn heed(&mut self, text: &str) -> Result<(), Close> {
        match parse(text)? {
            Message::Media { media, .. } => self.heed_media(&media).await,
            Message::Dtmf { dtmf, .. } => say(&self.call, FromPhone::Key(dtmf.digit)).await,
            Message::Answer { .. } => say(&self.call, FromPhone::Answer).await,
            Message::Reject { reason, .. } => say(&self.call, FromPhone::Reject(reason.into())).await,
            Message::Stop { .. } if self.number.is_none() => Err(Close::Done),
            Message::Stop { .. } => {
                // A waiting phone hangs up one call, if it is not over in this moment, and waits on.
                say(&self.call, FromPhone::HangUp).await?;
                self.wait_again();
                Ok(())
            }
            Message::Mark { .. } => Ok(()),
            _ => Err(Close::Violation("not a message that a phone sends now")),
        }
    }

    async fn heed_media(&mut self, media: &Media) -> Result<(), Close> {
        let frames =
            self.from_phone.push(&media.payload).map_err(|_| Close::Violation("payload is not base64"))?;
        for frame in frames {
            match self.world.site.faults.take(Service::Phone, "media") {
                Some(Fault::Silent) => {}
                Some(Fault::Disconnect) => return Err(Close::Done),
                Some(Fault::Duplicate) => {
                    say(&self.call, FromPhone::Audio(frame.clone())).await?;
                    say(&self.call, FromPhone::Audio(frame)).await?;
                }
                _ => say(&self.call, FromPhone::Audio(frame)).await?,
            }
        }
        Ok(())
    }

    /// What the network tells the phone.
    async fn pass_on(&mut self, message: ToPhone) -> Result<(), Close> {
        let stream_sid = self.stream_sid.clone();
        match message {
            ToPhone::Audio(frame) => {
                let media = Media { payload: self.to_phone.push(&frame) };
                self.send(Message::Media { stream_sid, media }).await
            }
            ToPhone::Answered => self.send(Message::Answered { stream_sid }).await,
            ToPhone::Ringing { from } => self.send(Message::Ringing { stream_sid, from }).await,
            ToPhone::Key(digit) => {
                self.send(Message::Dtmf { stream_sid, dtmf: Dtmf { track: None, digit } }).await
            }
            ToPhone::Stop { reason } => {
                self.send(Message::Stop { stream_sid, reason: Some(reason.to_owned()) }).await?;
                match self.wait_again() {
                    true => Ok(()),
                    false => Err(Close::Done),
                }
            }
        }
    }

    /// The call ended without a word, which a rejected or hung-up call does.
    async fn call_over(&mut self) -> Result<(), Close> {
        if self.wait_again() { Ok(()) } else { Err(Close::Done) }
    }

    /// Waits for the next call; `false` if this phone placed one and is done.
    fn wait_again(&mut self) -> bool {
        self.call = None;
        self.waiting = self.number.as_ref().map(|number| self.world.network.wait_at(number));
        self.waiting.is_some()
    }

    async fn send(&mut self, message: Message) -> Result<(), Close> {
        let text = serde_json::to_string(&message).expect("messages are plain data");
        match timeout(PATIENCE, self.socket.send(Frame::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Close::Done),
        }
    }
}

impl From<RejectReason> for Rejection {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::Busy => Self::Busy,
            RejectReason::Rejected => Self::Rejected,
            RejectReason::Unreachable => Self::Unreachable,
        }
    }
}

/// Passes something to the call, if there is one. Audio is not waited for; everything else is.
async fn say(call: &Option<PhoneEnd>, message: FromPhone) -> Result<(), Close> {
    let Some(call) = call else { return Ok(()) };
    if matches!(message, FromPhone::Audio(_)) {
        if call.outgoing.try_send(message).is_err() {
            tracing::debug!("a phone's frame was lost: its call does not listen, or is over");
        }
        return Ok(());
    }
    match timeout(PATIENCE, call.outgoing.send(message)).await {
        // A call that is over already says so on the other channel.
        Ok(_) => Ok(()),
        Err(_) => Err(Close::Done),
    }
}

async fn next_told(call: &mut Option<PhoneEnd>) -> Option<ToPhone> {
    match call {
        Some(call) => call.incoming.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_call(waiting: &mut Option<WaitingPhone>) -> Option<PhoneEnd> {
    match waiting {
        Some(waiting) => waiting.calls.recv().await,
        None => std::future::pending().await,
    }
}

async fn finish(socket: &mut WebSocket, close: Close) {
    let frame = match close {
        Close::Done => None,
        Close::Violation(what) => Some(CloseFrame { code: close_code::PROTOCOL, reason: what.into() }),
    };
    if !matches!(timeout(PATIENCE, socket.send(Frame::Close(frame))).await, Ok(Ok(()))) {
        tracing::debug!("a phone was gone before it was told so");
    }
}
