//! Flux's messages as JSON.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::wire::seconds;
use super::query::Thresholds;
use super::turns::{Event, Trigger, TurnInfo};
use crate::sandbox::voice::DAMAGE;

/// What a client may say in text.
#[derive(Deserialize, Debug)]
#[serde(tag = "type")]
pub(super) enum Command {
    CloseStream {},
    ForceEndTurn {},
    Configure {
        #[serde(default)]
        thresholds: Changes,
        #[serde(default)]
        keyterms: Vec<String>,
    },
}

/// Thresholds that a client may change.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Changes {
    pub(super) eot_threshold: Option<f64>,
    pub(super) eager_eot_threshold: Option<f64>,
    pub(super) eot_timeout_ms: Option<u64>,
}

/// Writes the messages of one stream: every one has the next number.
#[derive(Debug)]
pub(super) struct Writer {
    request_id: Uuid,
    next: u64,
    hints: Vec<String>,
}

impl Writer {
    pub(super) fn new(request_id: Uuid, hints: Vec<String>) -> Self {
        Self { request_id, next: 0, hints }
    }

    fn message(&mut self, kind: &str, more: Value) -> String {
        let mut message = json!({"type": kind, "request_id": self.request_id, "sequence_id": self.next});
        self.next += 1;
        if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
            message.extend(more);
        }
        message.to_string()
    }

    pub(super) fn connected(&mut self) -> String {
        self.message("Connected", json!({}))
    }

    pub(super) fn turn(&mut self, info: &TurnInfo) -> String {
        let text: Vec<&str> = info.words.iter().map(|word| word.text.as_str()).collect();
        let word = |word: &crate::sandbox::voice::SpokenWord| {
            let confidence = if word.text.contains(DAMAGE) { 0.2 } else { 0.99 };
            json!({"word": word.text, "confidence": confidence,
                "start": seconds(word.start), "end": seconds(word.end)})
        };
        let mut more = json!({
            "event": event(info.event),
            "turn_index": info.turn,
            "audio_window_start": seconds(info.start),
            "audio_window_end": seconds(info.end),
            "transcript": text.join(" "),
            "words": info.words.iter().map(word).collect::<Vec<_>>(),
            "end_of_turn_confidence": (info.confidence * 10_000.0).round() / 10_000.0,
        });
        if let Event::EndOfTurn(trigger) = info.event {
            more["trigger"] = json!(match trigger {
                Trigger::Model => "model",
                Trigger::Manual => "manual",
                Trigger::Timeout => "timeout",
            });
        }
        if !self.hints.is_empty() {
            more["languages_hinted"] = json!(self.hints);
        }
        self.message("TurnInfo", more)
    }

    pub(super) fn configured(&mut self, thresholds: Thresholds, keyterms: &[String]) -> String {
        let mut told = json!({
            "eot_threshold": thresholds.end, "eot_timeout_ms": thresholds.timeout.as_millis() as u64,
        });
        if let Some(eager) = thresholds.eager {
            told["eager_eot_threshold"] = json!(eager);
        }
        self.message("ConfigureSuccess", json!({"thresholds": told, "keyterms": keyterms}))
    }

    pub(super) fn not_configured(&mut self, why: &str) -> String {
        self.message("ConfigureFailure", json!({"code": "INVALID_CONFIGURATION", "description": why}))
    }

    /// The last message before the stream ends.
    pub(super) fn fatal(&mut self, code: &str, why: &str) -> String {
        let number = self.next;
        self.next += 1;
        json!({"type": "Error", "sequence_id": number, "code": code, "description": why}).to_string()
    }
}

fn event(event: Event) -> &'static str {
    match event {
        Event::Update => "Update",
        Event::StartOfTurn => "StartOfTurn",
        Event::EagerEndOfTurn => "EagerEndOfTurn",
        Event::TurnResumed => "TurnResumed",
        Event::EndOfTurn(_) => "EndOfTurn",
    }
}
