//! A phone's task: its socket, its clock, its mouth and its ears.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PhoneEvent;
use super::audio::LINE_RATE;
use super::mouth::Mouth;
use super::wire::{Dtmf, Media, Message, Purpose, RejectReason, Start};
use crate::audio::FRAME_MS;
use crate::audio::g711::decode_ulaw;
use crate::pii::{Address, Utterance};
use crate::sandbox::voice::{Decoder, Heard};

/// The network takes each message within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A frame whose loudest sample is below this is silence: the noise of a good line.
const QUIET: u16 = 256;
/// Sound after so many silent frames is a beginning; in speech the pauses are shorter.
const PAUSE: u32 = 10;
/// After so much silence sound has ended.
pub const PAUSE_MS: u64 = PAUSE as u64 * FRAME_MS;
/// Places in the queue of events that partial hearing leaves to the rest.
const RESERVED: usize = 64;

/// What the person who holds the phone wants.
#[derive(Debug)]
pub(super) enum Command {
    Say(Utterance),
    Press(char),
    Answer,
    Reject(RejectReason),
    HangUp,
}

/// How far the present call is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No call, or one that was placed and not taken yet.
    Idle,
    Ringing,
    Talking,
}

/// The connection is lost.
struct Lost;

/// A phone's task.
pub(super) struct Conversation {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    stream_sid: String,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<PhoneEvent>,
    progress: Progress,
    /// Whether this phone places its one call rather than waits for calls.
    places: bool,
    /// Whether that one call is over.
    finished: bool,
    mouth: Mouth,
    ears: Decoder,
    /// Frames of silence that came one after another.
    silent: u32,
}

impl Conversation {
    pub(super) fn new(
        socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
        stream_sid: String,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<PhoneEvent>,
    ) -> Self {
        Self {
            socket,
            stream_sid,
            commands,
            events,
            progress: Progress::Idle,
            places: false,
            finished: false,
            mouth: Mouth::default(),
            ears: Decoder::new(LINE_RATE),
            silent: PAUSE,
        }
    }

    /// Runs until the placed call is over, or the connection is lost.
    pub(super) async fn hold(mut self, start: Start) {
        self.places = matches!(start.custom_parameters, Purpose::Call { .. });
        let hello = Message::Connected { protocol: "Call".to_owned(), version: "1.0.0".to_owned() };
        let held = async {
            self.send(hello).await?;
            self.send(start.into_message()).await?;
            self.talk().await
        };
        let lost = held.await.is_err() && !self.finished;
        if lost && (self.places || self.progress != Progress::Idle) {
            self.call_over("the connection is lost");
        }
        // The network may have closed it first.
        if self.socket.close(None).await.is_err() {
            tracing::trace!("a phone's socket was closed already");
        }
    }

    async fn talk(&mut self) -> Result<(), Lost> {
        let mut ticks = interval(Duration::from_millis(FRAME_MS));
        // Nothing is lost by a missed tick: what is to be said waits.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !self.finished {
            tokio::select! {
                _ = ticks.tick(), if self.progress == Progress::Talking => self.say_a_frame().await?,
                command = self.commands.recv() => self.obey(command.ok_or(Lost)?).await?,
                incoming = self.socket.next() => match incoming {
                    Some(Ok(Frame::Text(text))) => self.heed(&text)?,
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                    _ => return Err(Lost),
                },
            }
        }
        Ok(())
    }

    async fn say_a_frame(&mut self) -> Result<(), Lost> {
        let said = self.mouth.next_frame();
        let (stream_sid, media) = (self.stream_sid.clone(), Media { payload: said.payload });
        self.send(Message::Media { stream_sid, media }).await?;
        if said.finished {
            self.tell(PhoneEvent::FinishedSaying);
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> Result<(), Lost> {
        let stream_sid = self.stream_sid.clone();
        match command {
            Command::Say(text) => self.mouth.say(text.text()),
            Command::Press(digit) => {
                let dtmf = Dtmf { track: Some("inbound_track".to_owned()), digit };
                self.send(Message::Dtmf { stream_sid, dtmf }).await?;
            }
            Command::Answer if self.progress == Progress::Ringing => {
                self.send(Message::Answer { stream_sid }).await?;
                self.connected();
            }
            Command::Reject(reason) if self.progress == Progress::Ringing => {
                self.send(Message::Reject { stream_sid, reason }).await?;
                self.call_over("rejected");
            }
            Command::HangUp if self.places || self.progress == Progress::Talking => {
                self.send(Message::Stop { stream_sid, reason: None }).await?;
                self.call_over("hung up");
            }
            Command::Answer | Command::Reject(_) | Command::HangUp => {}
        }
        Ok(())
    }

    fn heed(&mut self, text: &str) -> Result<(), Lost> {
        match serde_json::from_str(text).map_err(|_| Lost)? {
            Message::Answered { .. } => self.connected(),
            Message::Ringing { from, .. } => {
                self.progress = Progress::Ringing;
                self.tell(PhoneEvent::Ringing { from: Address::parse(&from).ok() });
            }
            Message::Media { media, .. } if self.progress == Progress::Talking => {
                let samples = decode_ulaw(&STANDARD.decode(media.payload).map_err(|_| Lost)?);
                self.notice(&samples);
                for heard in self.ears.push(&samples) {
                    self.tell_heard(heard);
                }
            }
            Message::Dtmf { dtmf, .. } => self.tell(PhoneEvent::Dtmf(dtmf.digit)),
            Message::Stop { reason, .. } => self.call_over(reason.as_deref().unwrap_or("hung up")),
            // There is nothing to clear: what comes is heard as it comes. Marks are for who plays audio.
            _ => {}
        }
        Ok(())
    }

    /// Tells that sound began or ended, for who measures how long an answer takes.
    fn notice(&mut self, samples: &[i16]) {
        if samples.iter().all(|sample| sample.unsigned_abs() < QUIET) {
            self.silent = self.silent.saturating_add(1);
            if self.silent == PAUSE && self.events.capacity() > RESERVED {
                self.tell(PhoneEvent::SoundEnded);
            }
            return;
        }
        if std::mem::take(&mut self.silent) >= PAUSE && self.events.capacity() > RESERVED {
            self.tell(PhoneEvent::SoundBegan);
        }
    }

    fn connected(&mut self) {
        self.progress = Progress::Talking;
        self.silent = PAUSE;
        self.ears = Decoder::new(LINE_RATE);
        self.tell(PhoneEvent::Connected);
    }

    /// Reports the end, once; what was being heard is cut. A placed call was the phone's only one.
    fn call_over(&mut self, reason: &str) {
        if let Some(heard) = self.ears.finish() {
            self.tell_heard(heard);
        }
        self.progress = Progress::Idle;
        self.mouth.clear();
        self.tell(PhoneEvent::HungUp { reason: reason.to_owned() });
        self.finished = self.places;
    }

    fn tell_heard(&self, heard: Heard) {
        match heard {
            Heard::Text { text, intact, cut, .. } => {
                self.tell(PhoneEvent::Heard { text: Utterance::new(text), intact, cut });
            }
            Heard::Chars(text) if self.events.capacity() > RESERVED => {
                self.tell(PhoneEvent::HearingNow(Utterance::new(text)));
            }
            Heard::Chars(_) | Heard::SpeechStart { .. } => {}
        }
    }

    /// Tells the person; a person who does not read any more misses it.
    fn tell(&self, event: PhoneEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("an event of a phone was lost: nobody reads them");
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Lost> {
        let text = serde_json::to_string(&message).expect("messages are plain data");
        match timeout(PATIENCE, self.socket.send(Frame::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Lost),
        }
    }
}
