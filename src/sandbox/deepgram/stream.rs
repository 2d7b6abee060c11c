//! One open recogniser: audio and commands in, messages out.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use super::audio::Audio;
use super::query::Listen;
use super::transcript::{Recogniser, Said};
use super::wire::{self, Command};
use crate::sandbox::clock::unix_now;
use crate::sandbox::conversation::{Conversation, Incoming};

/// Without any message for so long the stream is closed.
const NOTHING_WITHIN: Duration = Duration::from_secs(10);

/// Close codes and reasons, as the troubleshooting page lists them.
const NORMAL: (u16, &str) = (1000, "");
const NOT_AUDIO: (u16, &str) = (1008, "DATA-0000");
const NO_MESSAGE: (u16, &str) = (1011, "NET-0001");

/// Serves one client until it or we have enough.
pub(super) async fn run(conversation: Conversation, options: Listen, request_id: Uuid) {
    let mut stream = Stream {
        audio: Audio::new(options.encoding),
        model: options.model.clone(),
        recogniser: Recogniser::new(options),
        digest: Sha256::new(),
        request_id,
        conversation,
    };
    if let Some((code, reason)) = stream.serve().await {
        stream.conversation.close(code, reason).await;
    }
}

struct Stream {
    conversation: Conversation,
    audio: Audio,
    recogniser: Recogniser,
    digest: Sha256,
    model: String,
    request_id: Uuid,
}

impl Stream {
    /// Gives out how to close, or nothing if the client is gone.
    async fn serve(&mut self) -> Option<(u16, &'static str)> {
        loop {
            match self.conversation.next(Instant::now() + NOTHING_WITHIN).await {
                Incoming::Gone => return None,
                Incoming::Nothing => return Some(NO_MESSAGE),
                // An empty binary message closes the stream.
                Incoming::Binary(bytes) if bytes.is_empty() => return Some(self.finish()),
                Incoming::Binary(bytes) => {
                    self.digest.update(&bytes);
                    let Some(samples) = self.audio.samples(&bytes) else {
                        return Some(NOT_AUDIO);
                    };
                    let said = self.recogniser.push(&samples);
                    said.iter().for_each(|said| self.say(said));
                }
                Incoming::Text(text) => match serde_json::from_str(&text) {
                    Ok(Command::KeepAlive {}) => {}
                    Ok(Command::Finalize {}) => {
                        let said = self.recogniser.finalize();
                        self.say(&said);
                    }
                    Ok(Command::CloseStream {}) => return Some(self.finish()),
                    Err(_) => self.conversation.say("event", wire::schema_error(&text)),
                },
            }
        }
    }

    fn say(&mut self, said: &Said) {
        let (kind, message) = match said {
            Said::Results(results) => {
                let kind = if results.is_final { "final" } else { "interim" };
                (kind, results.to_json(self.request_id, &self.model))
            }
            Said::SpeechStarted(at) => ("event", wire::speech_started(*at)),
            Said::UtteranceEnd(last_word_end) => ("event", wire::utterance_end(*last_word_end)),
        };
        self.conversation.say(kind, message);
    }

    fn finish(&mut self) -> (u16, &'static str) {
        let said = self.recogniser.finish();
        self.say(&said);
        let digest = self.digest.finalize_reset();
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let metadata = wire::metadata(self.request_id, &sha256, &now(), self.recogniser.now());
        self.conversation.say("metadata", metadata);
        NORMAL
    }
}

/// The wall-clock time, as the vendor writes it.
fn now() -> String {
    let seconds = unix_now() as i64;
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}
