//! Cartesia's messages as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::voice::SpokenWord;

/// The version since which errors have a title and a code.
const TITLED_ERRORS_SINCE: &str = "2026-03-01";

/// Status of messages on the socket, as the documents show it.
const STREAMING: u16 = 206;

/// How errors are written, by the version that the client asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Errors {
    /// `title`, `message`, `error_code`.
    Titled,
    /// One text, `error`.
    Plain,
}

impl Errors {
    /// None if this is not a version: a date as `YYYY-MM-DD`.
    pub(super) fn of_version(version: &str) -> Option<Self> {
        let shape: String = version.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let titled = version >= TITLED_ERRORS_SINCE;
        (shape == "0000-00-00").then_some(if titled { Self::Titled } else { Self::Plain })
    }
}

/// Why something is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) message: String,
    /// The context that fails with it, if the request named one.
    pub(super) context: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, title: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, title, message: message.into(), context: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "unauthorized", "Unauthorized", "An API key or an access token is needed.")
    }

    pub(super) fn version() -> Self {
        let message = "The Cartesia-Version header or the cartesia_version parameter must be a date.";
        Self::new(400, "version_invalid", "Invalid version", message)
    }

    /// A refusal that the control API ordered.
    pub(super) fn ordered(status: u16, info: Option<String>) -> Self {
        let (code, title) = match status {
            401 | 403 => ("unauthorized", "Unauthorized"),
            402 => ("quota_exceeded", "Quota exceeded"),
            429 => ("concurrency_limited", "Too many concurrent contexts"),
            400..=499 => ("invalid_request", "Invalid request"),
            _ => ("internal_error", "Internal error"),
        };
        Self::new(
            status,
            code,
            title,
            info.unwrap_or_else(|| "Refused by order of the control API.".to_owned()),
        )
    }

    pub(super) fn model(model: &str) -> Self {
        Self::new(404, "model_not_found", "Invalid model", format!("The model {model} was not found."))
    }

    pub(super) fn voice(voice: &str) -> Self {
        Self::new(404, "voice_not_found", "Invalid voice", format!("The voice {voice} was not found."))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", "Invalid request", message)
    }

    pub(super) fn closed_context() -> Self {
        Self::new(400, "context_closed", "Context closed", "The context has ended; use a new id.")
    }

    pub(super) fn too_many_contexts() -> Self {
        Self::ordered(429, Some("Too many contexts are open on this socket.".to_owned()))
    }

    /// The same refusal, of a context.
    pub(super) fn of(mut self, context: &str) -> Self {
        self.context = Some(context.to_owned());
        self
    }

    /// The body of an HTTP answer.
    pub(super) fn body(&self) -> String {
        json!({"error_code": self.code, "title": self.title, "message": self.message, "request_id": Uuid::new_v4()})
            .to_string()
    }

    /// A message on the socket.
    pub(super) fn message(&self, errors: Errors) -> String {
        let mut error = match errors {
            Errors::Titled => json!({
                "type": "error",
                "done": true,
                "title": self.title,
                "message": self.message,
                "error_code": self.code,
                "status_code": self.status,
                "request_id": Uuid::new_v4(),
            }),
            Errors::Plain => json!({
                "type": "error", "done": true, "error": self.message, "status_code": self.status,
            }),
        };
        if let Some(context) = &self.context {
            error["context_id"] = Value::from(context.as_str());
        }
        error.to_string()
    }
}

/// The description of a voice.
pub(super) fn voice(id: Uuid) -> String {
    json!({
        "id": id,
        "is_owner": false,
        "is_public": true,
        "name": "Sandbox",
        "description": "Sounds like all others.",
        "created_at": "2026-03-01T00:00:00Z",
        "language": "en",
        "gender": null,
    })
    .to_string()
}

pub(super) fn chunk(context: &str, audio: &[u8], flush_id: u32) -> String {
    json!({
        "type": "chunk",
        "data": STANDARD.encode(audio),
        "done": false,
        "status_code": STREAMING,
        "step_time": 1.0,
        "context_id": context,
        "flush_id": flush_id,
    })
    .to_string()
}

pub(super) fn timestamps(context: &str, words: &[SpokenWord], flush_id: u32) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let starts: Vec<f64> = words.iter().map(|word| word.start.as_secs_f64()).collect();
    let ends: Vec<f64> = words.iter().map(|word| word.end.as_secs_f64()).collect();
    json!({
        "type": "timestamps",
        "done": false,
        "status_code": STREAMING,
        "context_id": context,
        "flush_id": flush_id,
        "word_timestamps": {"words": texts, "start": starts, "end": ends},
    })
    .to_string()
}

pub(super) fn flush_done(context: &str, flush_id: u32) -> String {
    json!({
        "type": "flush_done",
        "done": false,
        "flush_done": true,
        "flush_id": flush_id,
        "status_code": STREAMING,
        "step_time": 1.0,
        "context_id": context,
    })
    .to_string()
}

pub(super) fn done(context: &str) -> String {
    json!({"type": "done", "done": true, "status_code": STREAMING, "context_id": context}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of an object, without those that the documents call optional.
    fn shape(message: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(message).unwrap();
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.retain(|key| !["doc_url", "flush_id", "step_time"].contains(&key.as_str()));
        keys.sort();
        keys
    }

    #[test]
    fn messages_have_the_documented_keys() {
        let refusal = Refusal::model("sonic-none").of("c");
        let plain = refusal.message(Errors::Plain);
        for (ours, documented) in [
            (chunk("c", &[1, 2], 1), include_str!("../../../tests/wire/cartesia/chunk.json")),
            (timestamps("c", &[], 1), include_str!("../../../tests/wire/cartesia/timestamps.json")),
            (flush_done("c", 1), include_str!("../../../tests/wire/cartesia/flush_done.json")),
            (done("c"), include_str!("../../../tests/wire/cartesia/done.json")),
            (refusal.message(Errors::Titled), include_str!("../../../tests/wire/cartesia/error.json")),
            (plain, include_str!("../../../tests/wire/cartesia/error_before_2026.json")),
            (voice(Uuid::nil()), include_str!("../../../tests/wire/cartesia/voice.json")),
        ] {
            assert_eq!(shape(&ours), shape(documented), "{ours}");
        }
    }

    #[test]
    fn a_version_is_a_date() {
        assert_eq!(Errors::of_version("2026-03-01"), Some(Errors::Titled));
        assert_eq!(Errors::of_version("2024-11-13"), Some(Errors::Plain));
        for wrong in ["", "latest", "2026-3-1", "20260301"] {
            assert_eq!(Errors::of_version(wrong), None, "{wrong}");
        }
    }
}
