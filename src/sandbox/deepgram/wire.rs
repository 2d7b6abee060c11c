//! Deepgram's messages as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// What a client may say in text.
#[derive(Deserialize, Debug)]
#[serde(tag = "type")]
pub(super) enum Command {
    KeepAlive {},
    Finalize {},
    CloseStream {},
}

/// A transcript: the message `Results`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Results {
    pub(super) start: Duration,
    pub(super) duration: Duration,
    pub(super) is_final: bool,
    pub(super) speech_final: bool,
    pub(super) from_finalize: bool,
    pub(super) transcript: String,
    pub(super) words: Vec<Word>,
}

/// A word of a transcript.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Word {
    /// Lower case, without punctuation.
    pub(super) word: String,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) punctuated_word: Option<String>,
}

/// Seconds as they are written: to a tenth of a millisecond.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10_000.0
}

impl Results {
    pub(super) fn to_json(&self, request_id: Uuid, model: &str) -> String {
        let confidence = self.words.iter().map(|word| word.confidence).fold(f64::INFINITY, f64::min);
        json!({
            "type": "Results",
            "channel_index": [0, 1],
            "duration": seconds(self.duration),
            "start": seconds(self.start),
            "is_final": self.is_final,
            "speech_final": self.speech_final,
            "from_finalize": self.from_finalize,
            "channel": {"alternatives": [{
                "transcript": self.transcript,
                "confidence": if confidence.is_finite() { confidence } else { 0.0 },
                "words": self.words,
            }]},
            "metadata": {
                "request_id": request_id,
                "model_info": {"name": model, "version": "sandbox", "arch": model},
                "model_uuid": Uuid::nil(),
            },
        })
        .to_string()
    }
}

pub(super) fn speech_started(at: Duration) -> String {
    json!({"type": "SpeechStarted", "channel": [0, 1], "timestamp": seconds(at)}).to_string()
}

pub(super) fn utterance_end(last_word_end: Duration) -> String {
    json!({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(last_word_end)}).to_string()
}

pub(super) fn metadata(request_id: Uuid, sha256: &str, created: &str, duration: Duration) -> String {
    json!({
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": created,
        "duration": seconds(duration),
        "channels": 1,
    })
    .to_string()
}

/// The answer to a text message that is none of the known.
pub(super) fn schema_error(message: &str) -> String {
    json!({
        "type": "Error",
        "variant": "SchemaError",
        "description": "Could not deserialize last text message",
        "message": message,
    })
    .to_string()
}

/// The projects of a key: one.
pub(super) fn projects() -> String {
    json!({"projects": [{"project_id": Uuid::nil(), "name": "sandbox"}]}).to_string()
}

/// The body of a refused handshake.
pub(super) fn refusal(code: &str, why: &str, request_id: Uuid) -> String {
    json!({"err_code": code, "err_msg": why, "request_id": request_id}).to_string()
}
