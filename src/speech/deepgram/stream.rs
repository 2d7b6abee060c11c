//! The task of one recogniser: one loop while connected, one while reconnecting.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::VENDOR;
use super::wire::{self, Results, ServerMessage};
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::backlog::Backlog;
use crate::speech::socket::{
    Endpoint, Garbage, Incoming, Redial, Socket, hang_up, is_permanent, vendor_text,
};
use crate::speech::{SpeechError, SttCommand, SttEvent};

/// The vendor closes after 10 s without a frame from us and advises one every 3 to 5 s.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(4);
/// How long the last words and the summary may take after `CloseStream`.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// A vendor that was sent speech (a second at least) and a `Finalize` says something within this time.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const ANSWERABLE_FRAMES: usize = 50;
/// After so many connections on which nothing was answered, the vendor is given up.
const MAX_MUTE: usize = 2;
/// By how much results may begin before the end of those before them, in seconds: the vendor rounds.
const SEAM: f64 = 0.1;
/// Five seconds of audio.
const BACKLOG_FRAMES: usize = 250;
/// Finals remembered to recognise one that comes twice.
const REMEMBERED: usize = 8;

/// One caller's stream, over any number of connections.
pub(super) struct Recogniser {
    endpoint: Endpoint,
    commands: mpsc::Receiver<SttCommand>,
    events: mpsc::Sender<SttEvent>,
    backlog: Backlog,
    /// A `Finalize` that was not answered yet; repeated on a new connection.
    finalizing: bool,
    /// Connections in a row that left speech unanswered.
    mute: usize,
}

/// What is true of one connection only.
struct Connection {
    socket: Socket,
    /// When we last sent anything.
    sent_at: Instant,
    /// Audio sent since the vendor last said anything.
    frames_unanswered: usize,
    /// When the vendor must have said something.
    answer_by: Option<Instant>,
    /// The last finals: span and words.
    finals: VecDeque<(f64, f64, String)>,
    /// Seconds of audio whose words are fixed.
    fixed_to: f64,
    garbage: Garbage,
    /// Something unintelligible came since words were last fixed: it may have been words.
    garbled: bool,
}

impl Connection {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            sent_at: Instant::now(),
            frames_unanswered: 0,
            answer_by: None,
            finals: VecDeque::with_capacity(REMEMBERED),
            fixed_to: 0.0,
            garbage: Garbage::default(),
            garbled: false,
        }
    }

    async fn send(&mut self, endpoint: &Endpoint, message: Message) -> Result<(), SpeechError> {
        self.sent_at = Instant::now();
        endpoint.send(&mut self.socket, message).await
    }

    /// Whether these fixed words came before. Blank ones may: each `Finalize` is answered by one.
    fn is_duplicate(&mut self, results: &Results) -> bool {
        let key = (results.start, results.duration, results.transcript().to_owned());
        if key.2.trim().is_empty() {
            return false;
        }
        if self.finals.contains(&key) {
            return true;
        }
        if self.finals.len() == REMEMBERED {
            self.finals.pop_front();
        }
        self.finals.push_back(key);
        false
    }

    /// Whether the words before these were lost: results follow each other without a gap.
    fn misses_words(&mut self, results: &Results) -> bool {
        std::mem::take(&mut self.garbled) && results.start > self.fixed_to + SEAM
    }

    /// Whether these interim words are about audio that is fixed already, if only its beginning (they were overtaken):
    /// results that belong behind it begin where it ends.
    fn is_overtaken(&self, results: &Results) -> bool {
        self.fixed_to > 0.0 && (results.end() <= self.fixed_to || results.start + SEAM < self.fixed_to)
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
            finalizing: false,
            mute: 0,
        }
    }

    /// Runs until told to close, or until the vendor cannot be reached any more.
    pub(super) async fn run(mut self, socket: Socket) {
        let end = self.over_connections(socket).await;
        if self.events.send(SttEvent::Closed(end)).await.is_err() {
            tracing::trace!("nobody waits for the end of the recogniser");
        }
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
        let connecting = redial.connect(&self.endpoint, lost);
        tokio::pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return connected.map(Some),
                command = self.commands.recv() => match command {
                    Some(SttCommand::Audio(frame)) => self.backlog.push(&frame),
                    Some(SttCommand::Finalize) => self.finalizing = true,
                    Some(SttCommand::Close) | None => return Ok(None),
                },
            }
        }
    }

    async fn over_one_connection(&mut self, socket: Socket) -> Result<(), SpeechError> {
        let mut line = Connection::new(socket);
        self.backlog.rewind();
        self.send_audio(&mut line).await?;
        if self.finalizing {
            self.finalize(&mut line).await?;
        }
        loop {
            let answer_by = line.answer_by.unwrap_or_else(|| Instant::now() + ANSWER_WITHIN);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(SttCommand::Audio(frame)) => self.hear(&mut line, &frame).await?,
                    Some(SttCommand::Finalize) => self.finalize(&mut line).await?,
                    Some(SttCommand::Close) | None => {
                        self.finish(line).await;
                        return Ok(());
                    }
                },
                message = line.socket.next() => { self.understand(&mut line, message).await?; }
                () = sleep_until(line.sent_at + KEEP_ALIVE_AFTER) => {
                    line.send(&self.endpoint, Message::text(wire::KEEP_ALIVE)).await?;
                }
                () = sleep_until(answer_by), if line.answer_by.is_some() => {
                    self.mute += 1;
                    return Err(SpeechError::Silent { vendor: VENDOR, waited: ANSWER_WITHIN });
                }
            }
        }
    }

    async fn hear(&mut self, line: &mut Connection, frame: &Frame) -> Result<(), SpeechError> {
        self.backlog.push(frame);
        self.send_audio(line).await
    }

    /// Sends what was not sent on this connection. Never an empty frame: it would end the stream.
    async fn send_audio(&mut self, line: &mut Connection) -> Result<(), SpeechError> {
        while let Some(audio) = self.backlog.next_unsent() {
            line.send(&self.endpoint, Message::Binary(audio)).await?;
            line.frames_unanswered += 1;
        }
        Ok(())
    }

    async fn finalize(&mut self, line: &mut Connection) -> Result<(), SpeechError> {
        self.finalizing = true;
        if line.frames_unanswered >= ANSWERABLE_FRAMES && line.answer_by.is_none() {
            line.answer_by = Some(Instant::now() + ANSWER_WITHIN);
        }
        line.send(&self.endpoint, Message::text(wire::FINALIZE)).await
    }

    /// Reads one frame. `Ok(true)` after the summary, which is the vendor's last message.
    async fn understand(
        &mut self,
        line: &mut Connection,
        message: Option<Result<Message, WsError>>,
    ) -> Result<bool, SpeechError> {
        let parsed = match self.endpoint.incoming(message)? {
            Incoming::Text(text) => wire::parse(&text),
            Incoming::Binary(_) => Err("a binary frame".to_owned()),
            Incoming::Nothing => return Ok(false),
        };
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(detail) => {
                line.garbled = true;
                return line.garbage.count(VENDOR, detail).map(|()| false);
            }
        };
        self.mute = 0;
        line.garbage.forget();
        line.answer_by = None;
        line.frames_unanswered = 0;
        match parsed {
            ServerMessage::Results(results) => self.transcribe(line, &results).await?,
            ServerMessage::Metadata => return Ok(true),
            ServerMessage::Error(description) => {
                tracing::warn!(description = %vendor_text(&description), "the recogniser reports an error");
            }
            ServerMessage::Other => {}
        }
        Ok(false)
    }

    /// # Errors
    /// Words were lost: they are to be had over a new connection, which hears the same again.
    async fn transcribe(&mut self, line: &mut Connection, results: &Results) -> Result<(), SpeechError> {
        let text = Utterance::new(results.transcript());
        if !results.is_final {
            // Blank ones, too: they say that the vendor is there and hears no words.
            if text.is_blank() || !line.is_overtaken(results) {
                self.tell_if_there_is_room(SttEvent::Interim(text));
            }
            return Ok(());
        }
        if line.is_duplicate(results) {
            tracing::debug!("the recogniser said a final twice");
            return Ok(());
        }
        if line.misses_words(results) {
            let detail = "a part of the words is missing".to_owned();
            return Err(SpeechError::Protocol { vendor: VENDOR, detail });
        }
        line.fixed_to = line.fixed_to.max(results.end());
        self.backlog.fixed_up_to(results.end());
        let speech_final = results.speech_final || results.from_finalize;
        self.finalizing &= !speech_final;
        if self.events.send(SttEvent::Final { text, speech_final }).await.is_err() {
            tracing::debug!("nobody listens to the recogniser any more");
        }
        Ok(())
    }

    /// An interim replaces the one before, so a reader that lags loses nothing but freshness.
    fn tell_if_there_is_room(&self, event: SttEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("an interim transcript was not taken");
        }
    }

    /// Asks for the last words and waits for them, but not long.
    async fn finish(&mut self, mut line: Connection) {
        if let Err(error) = line.send(&self.endpoint, Message::text(wire::CLOSE_STREAM)).await {
            tracing::debug!(%error, "the recogniser was gone before its polite end");
            return;
        }
        let last_words = async {
            loop {
                let message = line.socket.next().await;
                match self.understand(&mut line, message).await {
                    Ok(false) => {}
                    Ok(true) => break,
                    Err(error) => {
                        tracing::debug!(%error, "the recogniser closed");
                        break;
                    }
                }
            }
        };
        if timeout(CLOSE_WITHIN, last_words).await.is_err() {
            tracing::warn!(within = ?CLOSE_WITHIN, "the recogniser did not end politely");
        }
        hang_up(&mut line.socket).await;
    }
}
