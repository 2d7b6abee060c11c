//! The task of one recogniser: one loop while connected, one while reconnecting.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::VENDOR;
use super::turn::Turn;
use super::wire::{self, ServerMessage};
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::backlog::Backlog;
use crate::speech::socket::{
    Endpoint, Garbage, Incoming, Redial, Socket, hang_up, is_permanent, vendor_text,
};
use crate::speech::{SpeechError, SttCommand, SttEvent};

/// The vendor strongly advises messages of 80 ms: four frames.
const CHUNK_FRAMES: usize = 4;
/// Ten seconds of audio: a long turn is heard again whole.
const BACKLOG_FRAMES: usize = 500;
/// Without audio from the call for so long, a turn that is open is fed with silence, so that it can end.
const PAUSE: Duration = Duration::from_millis(200);
/// The rhythm of that silence: real time.
const SILENCE_EVERY: Duration = Duration::from_millis(80);
/// Outside a turn a little silence now and then keeps the connection. The limit is not documented for Flux;
/// `/v1/listen` closes after 10 s.
const IDLE_SILENCE_AFTER: Duration = Duration::from_secs(3);
/// From the handshake to `Connected`.
const GREETING_WITHIN: Duration = Duration::from_secs(3);
/// All attempts to connect together; then the call must go on without the vendor.
const CONNECT_WITHIN: Duration = Duration::from_secs(6);
/// How long the last words may take after `CloseStream`.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// A vendor that was sent two seconds of audio says something within this time: it reports a turn every
/// 250 ms of audio.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const ANSWERABLE_FRAMES: usize = 100;
/// A turn that was told to end ends within this time; a vendor that does not know how is not waited for.
const END_WITHIN: Duration = Duration::from_secs(1);
/// After so many connections on which nothing was answered, the vendor is given up.
const MAX_MUTE: usize = 2;

/// Connects and waits until audio may be sent.
pub(super) async fn connect(
    endpoint: &Endpoint,
    redial: &mut Redial,
    cause: SpeechError,
) -> Result<Socket, SpeechError> {
    let mut last = cause;
    let attempts = async {
        loop {
            let mut socket = redial.connect(endpoint, last.clone()).await?;
            match greeted(endpoint, &mut socket).await {
                Ok(()) => return Ok(socket),
                Err(error) if is_permanent(&error) => return Err(error),
                Err(error) => last = error,
            }
        }
    };
    match timeout(CONNECT_WITHIN, attempts).await {
        Ok(result) => result,
        Err(_) => Err(last),
    }
}

/// Waits for `Connected`.
async fn greeted(endpoint: &Endpoint, socket: &mut Socket) -> Result<(), SpeechError> {
    let deadline = Instant::now() + GREETING_WITHIN;
    let mut garbage = Garbage::default();
    loop {
        let message = timeout_at(deadline, socket.next())
            .await
            .map_err(|_| SpeechError::Silent { vendor: VENDOR, waited: GREETING_WITHIN })?;
        let Incoming::Text(text) = endpoint.incoming(message)? else { continue };
        match wire::parse(&text) {
            Ok(ServerMessage::Connected) => return Ok(()),
            Ok(ServerMessage::Fatal(detail)) => return Err(fatal(&detail)),
            Ok(_) => {}
            Err(detail) => garbage.count(VENDOR, detail)?,
        }
    }
}

fn fatal(detail: &str) -> SpeechError {
    SpeechError::Vendor { vendor: VENDOR, detail: vendor_text(detail) }
}

/// One caller's stream, over any number of connections.
pub(super) struct Recogniser {
    endpoint: Endpoint,
    commands: mpsc::Receiver<SttCommand>,
    events: mpsc::Sender<SttEvent>,
    backlog: Backlog,
    turn: Turn,
    /// When the call last sent audio.
    audio_at: Instant,
    /// A `Finalize` during a turn that has not ended yet, and until when it must have; repeated on a new
    /// connection.
    end_by: Option<Instant>,
    /// Connections in a row that left audio unanswered.
    mute: usize,
}

/// What is true of one connection only.
struct Connection {
    socket: Socket,
    /// When we last sent audio.
    sent_at: Instant,
    /// When the vendor last said anything.
    heard_at: Instant,
    /// Audio sent since then.
    frames_unanswered: usize,
    garbage: Garbage,
}

impl Connection {
    fn new(socket: Socket) -> Self {
        let now = Instant::now();
        Self { socket, sent_at: now, heard_at: now, frames_unanswered: 0, garbage: Garbage::default() }
    }
}

impl Recogniser {
    pub(super) fn new(
        endpoint: Endpoint,
        commands: mpsc::Receiver<SttCommand>,
        events: mpsc::Sender<SttEvent>,
    ) -> Self {
        Self {
            endpoint,
            commands,
            events,
            backlog: Backlog::holding(BACKLOG_FRAMES),
            turn: Turn::default(),
            audio_at: Instant::now(),
            end_by: None,
            mute: 0,
        }
    }

    /// Runs until told to close, or until the vendor cannot be reached any more.
    pub(super) async fn run(mut self, socket: Socket) {
        let end = self.over_connections(socket).await;
        self.tell(SttEvent::Closed(end)).await;
    }

    async fn over_connections(&mut self, mut socket: Socket) -> Result<(), SpeechError> {
        let mut redial = Redial::default();
        loop {
            let began = Instant::now();
            let lost = match self.over_one_connection(socket).await {
                Ok(()) => return Ok(()),
                Err(error) if is_permanent(&error) || self.mute == MAX_MUTE => return Err(error),
                Err(error) => error,
            };
            tracing::warn!(error = %lost, "the recogniser reconnects");
            if let Some(event) = self.turn.lost(self.backlog.first_second()) {
                self.tell(event).await;
            }
            redial.lived(began.elapsed());
            match self.reconnect(&mut redial, lost).await? {
                Some(again) => socket = again,
                None => return Ok(()),
            }
        }
    }

    /// Connects again while audio goes on arriving. `None` if told to close meanwhile.
    async fn reconnect(
        &mut self,
        redial: &mut Redial,
        lost: SpeechError,
    ) -> Result<Option<Socket>, SpeechError> {
        let endpoint = self.endpoint.clone();
        let connecting = connect(&endpoint, redial, lost);
        tokio::pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return connected.map(Some),
                command = self.commands.recv() => match command {
                    Some(SttCommand::Audio(frame)) => self.keep(&frame),
                    Some(SttCommand::Finalize) => self.want_end(),
                    Some(SttCommand::Close) | None => return Ok(None),
                },
            }
        }
    }

    async fn over_one_connection(&mut self, socket: Socket) -> Result<(), SpeechError> {
        let mut line = Connection::new(socket);
        self.backlog.rewind();
        self.send_audio(&mut line, CHUNK_FRAMES).await?;
        if self.end_by.is_some() {
            self.force_end(&mut line).await?;
        }
        loop {
            let silence_at = self.silence_at(&line);
            let answer_by = self.answer_by(&line);
            let end_by = self.end_by;
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(SttCommand::Audio(frame)) => {
                        self.keep(&frame);
                        self.send_audio(&mut line, CHUNK_FRAMES).await?;
                    }
                    Some(SttCommand::Finalize) => {
                        self.want_end();
                        self.force_end(&mut line).await?;
                    }
                    Some(SttCommand::Close) | None => {
                        self.finish(line).await;
                        return Ok(());
                    }
                },
                message = line.socket.next() => self.understand(&mut line, message).await?,
                () = sleep_until(silence_at) => self.send_silence(&mut line).await?,
                () = sleep_until(answer_by.unwrap_or(silence_at)), if answer_by.is_some() => {
                    self.mute += 1;
                    return Err(SpeechError::Silent { vendor: VENDOR, waited: ANSWER_WITHIN });
                }
                () = sleep_until(end_by.unwrap_or(silence_at)), if end_by.is_some() => {
                    self.end_by = None;
                    if let Some(event) = self.turn.end() {
                        self.tell(event).await;
                    }
                }
            }
        }
    }

    fn keep(&mut self, frame: &Frame) {
        self.audio_at = Instant::now();
        self.backlog.push(frame);
    }

    /// Sends what was not sent on this connection, in messages of 80 ms; what is left over is sent if it is
    /// at least `least` frames. Never an empty message.
    async fn send_audio(&mut self, line: &mut Connection, least: usize) -> Result<(), SpeechError> {
        while self.backlog.unsent() >= least.max(1) {
            let mut chunk = BytesMut::new();
            let frames = self.backlog.unsent().min(CHUNK_FRAMES);
            for _ in 0..frames {
                chunk.extend(self.backlog.next_unsent());
            }
            line.sent_at = Instant::now();
            line.frames_unanswered += frames;
            self.endpoint.send(&mut line.socket, Message::Binary(chunk.freeze())).await?;
        }
        Ok(())
    }

    fn silence_at(&self, line: &Connection) -> Instant {
        if self.turn.is_open() {
            (self.audio_at + PAUSE).max(line.sent_at + SILENCE_EVERY)
        } else {
            (self.audio_at + PAUSE).max(line.sent_at + IDLE_SILENCE_AFTER)
        }
    }

    /// The call pauses; Flux must go on hearing something. Silence is audio like any other: it counts in the
    /// positions that Flux reports.
    async fn send_silence(&mut self, line: &mut Connection) -> Result<(), SpeechError> {
        for _ in 0..CHUNK_FRAMES {
            self.backlog.push(&Frame::silence());
        }
        self.send_audio(line, 1).await
    }

    /// When the vendor must have said something; `None` while it owes nothing.
    fn answer_by(&self, line: &Connection) -> Option<Instant> {
        let owes = line.frames_unanswered >= ANSWERABLE_FRAMES && self.turn.is_reported();
        owes.then(|| line.heard_at + ANSWER_WITHIN)
    }

    /// Outside a turn there is nothing to end.
    fn want_end(&mut self) {
        self.end_by = self.turn.is_open().then(|| Instant::now() + END_WITHIN);
    }

    /// Harmless outside a turn: the vendor ignores it there, and may have begun one that we do not know of yet.
    async fn force_end(&mut self, line: &mut Connection) -> Result<(), SpeechError> {
        self.send_audio(line, 1).await?;
        self.endpoint.send(&mut line.socket, Message::text(wire::FORCE_END_TURN)).await
    }

    async fn understand(
        &mut self,
        line: &mut Connection,
        message: Option<Result<Message, WsError>>,
    ) -> Result<(), SpeechError> {
        let parsed = match self.endpoint.incoming(message)? {
            Incoming::Text(text) => wire::parse(&text),
            Incoming::Binary(_) => Err("a binary frame".to_owned()),
            Incoming::Nothing => return Ok(()),
        };
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(detail) => return line.garbage.count(VENDOR, detail),
        };
        self.mute = 0;
        line.garbage.forget();
        line.heard_at = Instant::now();
        line.frames_unanswered = 0;
        match parsed {
            ServerMessage::Turn(info) => {
                let heard_to = info.audio_window_end;
                let told = self.turn.take(info);
                if told.is_empty() {
                    // Nothing new: the vendor is there and hears.
                    self.tell(SttEvent::Interim(Utterance::default())).await;
                }
                for event in told {
                    if matches!(event, SttEvent::EndOfTurn { .. }) {
                        self.end_by = None;
                        self.backlog.fixed_up_to(heard_to);
                    }
                    self.tell(event).await;
                }
            }
            ServerMessage::Complaint(text) => {
                tracing::warn!(complaint = %vendor_text(&text), "the recogniser complains");
            }
            ServerMessage::Fatal(detail) => return Err(fatal(&detail)),
            ServerMessage::Connected | ServerMessage::Other => {}
        }
        Ok(())
    }

    /// An interim replaces the one before, so a reader that lags loses nothing but freshness.
    async fn tell(&self, event: SttEvent) {
        let taken = if matches!(event, SttEvent::Interim(_)) {
            self.events.try_send(event).is_ok()
        } else {
            self.events.send(event).await.is_ok()
        };
        if !taken {
            tracing::debug!("an event of the recogniser was not taken");
        }
    }

    /// Asks for the last words and waits for them, but not long.
    async fn finish(&mut self, mut line: Connection) {
        let asked = async {
            self.send_audio(&mut line, 1).await?;
            self.endpoint.send(&mut line.socket, Message::text(wire::CLOSE_STREAM)).await
        };
        if let Err(error) = asked.await {
            tracing::debug!(%error, "the recogniser was gone before its polite end");
            return;
        }
        let last_words = async {
            loop {
                let message = line.socket.next().await;
                if let Err(error) = self.understand(&mut line, message).await {
                    tracing::debug!(%error, "the recogniser closed");
                    break;
                }
            }
        };
        if timeout(CLOSE_WITHIN, last_words).await.is_err() {
            tracing::warn!(within = ?CLOSE_WITHIN, "the recogniser did not end politely");
        }
        hang_up(&mut line.socket).await;
    }
}
