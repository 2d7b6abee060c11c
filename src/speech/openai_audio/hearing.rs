//! The task of one recogniser: audio is collected, and sent when the end of an utterance is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Account, VENDOR, utterance, wire};
use crate::audio::Frame;
use crate::pii::Utterance;
use crate::speech::http::{Ask, Patience, trace, with_causes};
use crate::speech::{SpeechError, SttCommand, SttEvent, SttParams};

/// A caller waits for an answer to what they said.
const PATIENCE: Patience = Patience { attempt: Duration::from_secs(5), all: Duration::from_secs(8) };
/// For the body of an answer, which is short.
const BODY_WITHIN: Duration = Duration::from_secs(2);
/// More is no transcript.
const MAX_BODY: usize = 256 * 1024;
/// Requests under way; what is said meanwhile is sent with the next one.
const MAX_ASKED: usize = 4;
/// How long the last words may take after a polite end.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// One caller's stream.
pub(super) struct Ear {
    account: Account,
    params: Arc<SttParams>,
    commands: mpsc::Receiver<SttCommand>,
    events: mpsc::Sender<SttEvent>,
    heard: utterance::Utterance,
    /// Transcripts in the order of their utterances.
    asked: FuturesOrdered<BoxFuture<'static, Result<String, SpeechError>>>,
    /// An end of an utterance for which there was no room yet.
    waits: bool,
    number: u64,
}

impl Ear {
    pub(super) fn new(
        account: Account,
        params: Arc<SttParams>,
        commands: mpsc::Receiver<SttCommand>,
        events: mpsc::Sender<SttEvent>,
    ) -> Self {
        Self {
            account,
            params,
            commands,
            events,
            heard: utterance::Utterance::default(),
            asked: FuturesOrdered::new(),
            waits: false,
            number: 0,
        }
    }

    /// Runs until told to close, or until an utterance could not be transcribed.
    pub(super) async fn run(mut self) {
        let end = self.listen().await;
        tell(&self.events, SttEvent::Closed(end)).await;
    }

    async fn listen(&mut self) -> Result<(), SpeechError> {
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(SttCommand::Audio(frame)) => self.heard.push(frame),
                    Some(SttCommand::Finalize) => self.finalize(),
                    Some(SttCommand::Close) | None => return self.finish().await,
                },
                Some(answer) = self.asked.next() => self.answered(answer).await?,
            }
        }
    }

    fn finalize(&mut self) {
        self.waits = self.asked.len() >= MAX_ASKED;
        if self.waits {
            return;
        }
        let answer = match self.heard.take() {
            Some(frames) => self.ask(&frames),
            None => futures_util::future::ready(Ok(String::new())).boxed(),
        };
        self.asked.push_back(answer);
    }

    fn ask(&mut self, frames: &[Frame]) -> BoxFuture<'static, Result<String, SpeechError>> {
        self.number += 1;
        let boundary = Uuid::new_v4().simple().to_string();
        let (kind, body) = wire::transcription(&self.params, frames, &boundary);
        let mut headers = self.account.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&kind).expect("a boundary of hexadecimal digits"));
        trace(&mut headers, &format!("{}-{}", self.params.call_id, self.number));
        let ask = Ask {
            vendor: VENDOR,
            client: self.account.client.clone(),
            url: self.account.url.clone(),
            headers,
            body,
            patience: PATIENCE,
            again: true,
        };
        transcribe(ask).boxed()
    }

    async fn answered(&mut self, answer: Result<String, SpeechError>) -> Result<(), SpeechError> {
        let text = Utterance::new(answer?);
        tell(&self.events, SttEvent::Final { text, speech_final: true }).await;
        if self.waits {
            self.finalize();
        }
        Ok(())
    }

    /// What was asked is still told, but not waited for long.
    async fn finish(&mut self) -> Result<(), SpeechError> {
        self.waits = false;
        let last_words = async {
            while let Some(answer) = self.asked.next().await {
                self.answered(answer).await?;
            }
            Ok(())
        };
        match timeout(CLOSE_WITHIN, last_words).await {
            Ok(result) => result,
            Err(_) => {
                tracing::warn!(within = ?CLOSE_WITHIN, "the last words were not transcribed in time");
                Ok(())
            }
        }
    }
}

async fn tell(events: &mpsc::Sender<SttEvent>, event: SttEvent) {
    if events.send(event).await.is_err() {
        tracing::debug!("nobody listens to the recogniser any more");
    }
}

async fn transcribe(ask: Ask) -> Result<String, SpeechError> {
    let (response, _) = ask.answer(|_| true).await?;
    let body = match timeout(BODY_WITHIN, whole_body(response)).await {
        Ok(body) => body?,
        Err(_) => return Err(SpeechError::Silent { vendor: VENDOR, waited: BODY_WITHIN }),
    };
    wire::transcript(&body).map_err(|detail| SpeechError::Protocol { vendor: VENDOR, detail })
}

async fn whole_body(response: Response) -> Result<Vec<u8>, SpeechError> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece
            .map_err(|error| SpeechError::Disconnected { vendor: VENDOR, detail: with_causes(&error) })?;
        body.extend_from_slice(&piece);
        if body.len() > MAX_BODY {
            let detail = "the answer has no end".to_owned();
            return Err(SpeechError::Protocol { vendor: VENDOR, detail });
        }
    }
    Ok(body)
}
