//! Deepgram's messages, read leniently: unknown types and fields are ignored, optional ones may be missing.

use serde::Deserialize;
use serde_json::Value;

pub(super) const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
pub(super) const FINALIZE: &str = r#"{"type":"Finalize"}"#;
pub(super) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// What the vendor says, as far as a call needs it.
#[derive(Debug, PartialEq)]
pub(super) enum ServerMessage {
    /// Words.
    Results(Results),
    /// The summary before a polite close.
    Metadata,
    /// Something of ours was not understood. Without the offending text, which may be anything.
    Error(String),
    /// A message for which a call has no use (`SpeechStarted`, `UtteranceEnd`, and whatever comes later).
    Other,
}

/// One transcription of one span of audio.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Results {
    /// Seconds since the start of the connection's audio.
    pub(super) start: f64,
    /// Seconds.
    pub(super) duration: f64,
    #[serde(default)]
    pub(super) is_final: bool,
    #[serde(default)]
    pub(super) speech_final: bool,
    #[serde(default)]
    pub(super) from_finalize: bool,
    channel: Channel,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Channel {
    alternatives: Vec<Alternative>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Alternative {
    transcript: String,
}

impl Results {
    /// The best guess; blank if there is none.
    pub(super) fn transcript(&self) -> &str {
        self.channel.alternatives.first().map_or("", |best| best.transcript.as_str())
    }

    /// End of the span in seconds.
    pub(super) fn end(&self) -> f64 {
        self.start + self.duration
    }
}

/// Reads one text frame; the error says what was wrong with it, never what was in it.
pub(super) fn parse(text: &str) -> Result<ServerMessage, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "a text frame is not JSON".to_owned())?;
    let kind = value.get("type").and_then(Value::as_str).ok_or("a message has no type")?;
    match kind {
        "Results" => Results::deserialize(&value)
            .map(ServerMessage::Results)
            .map_err(|_| "Results without its required fields".to_owned()),
        "Metadata" => Ok(ServerMessage::Metadata),
        "Error" => {
            let description = value.get("description").and_then(Value::as_str).unwrap_or("no description");
            Ok(ServerMessage::Error(description.to_owned()))
        }
        _ => Ok(ServerMessage::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! wire {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/deepgram/", $name)).trim_end()
        };
    }

    fn results(text: &str) -> Results {
        match parse(text) {
            Ok(ServerMessage::Results(results)) => results,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn documented_results_are_read() {
        let interim = results(wire!("results_interim.json"));
        assert_eq!((interim.transcript(), interim.is_final, interim.end()), ("i want a", false, 0.98));
        let last = results(wire!("results_speech_final.json"));
        assert_eq!((last.transcript(), last.is_final, last.speech_final), ("please.", true, true));
        let answer = results(wire!("results_from_finalize.json"));
        assert_eq!((answer.transcript(), answer.from_finalize), ("", true));
    }

    #[test]
    fn optional_fields_may_be_missing() {
        let results = results(wire!("results_required_only.json"));
        assert_eq!((results.transcript(), results.is_final, results.speech_final), ("hello", false, false));
    }

    #[test]
    fn what_a_call_has_no_use_for_is_other() {
        for text in
            [wire!("speech_started.json"), wire!("utterance_end.json"), r#"{"type":"Later","channel":{}}"#]
        {
            assert_eq!(parse(text), Ok(ServerMessage::Other));
        }
        assert_eq!(parse(wire!("metadata.json")), Ok(ServerMessage::Metadata));
    }

    #[test]
    fn an_error_is_told_without_the_offending_text() {
        let error = parse(wire!("error.json")).unwrap();
        assert_eq!(error, ServerMessage::Error("Could not deserialize last text message".into()));
    }

    #[test]
    fn garbage_is_an_error_that_does_not_repeat_it() {
        for text in ["", "secret", "[]", "{}", r#"{"type":7}"#, r#"{"type":"Results","start":"secret"}"#] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_we_send_is_what_is_documented() {
        assert_eq!(KEEP_ALIVE, wire!("client_keep_alive.json"));
        assert_eq!(FINALIZE, wire!("client_finalize.json"));
        assert_eq!(CLOSE_STREAM, wire!("client_close_stream.json"));
    }

    proptest::proptest! {
        /// A frame with some of its bytes exchanged is read or refused, whatever became of it.
        #[test]
        fn damaged_frames_are_read_or_refused(
            which in 0usize..4,
            cuts in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), "[\\[\\]{}\",:0-9eE.-]{0,6}|null|1e999|.{0,3}"), 0..5),
        ) {
            let mut text: Vec<char> = [wire!("results_interim.json"), wire!("results_speech_final.json"), wire!("metadata.json"), wire!("error.json")][which].chars().collect();
            for (at, piece) in cuts {
                let start = at.index(text.len() + 1);
                let end = (start + 4).min(text.len());
                text.splice(start..end, piece.chars());
            }
            let _ = parse(&text.into_iter().collect::<String>());
        }
    }
}
