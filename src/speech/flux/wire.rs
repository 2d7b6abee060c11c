//! Flux's messages, read leniently: unknown types, events and fields are ignored, optional ones may be missing.

use serde::Deserialize;
use serde_json::Value;

pub(super) const FORCE_END_TURN: &str = r#"{"type":"ForceEndTurn"}"#;
pub(super) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// What the vendor says, as far as a call needs it.
#[derive(Debug, PartialEq)]
pub(super) enum ServerMessage {
    /// Audio may be sent.
    Connected,
    /// Where a turn stands.
    Turn(TurnInfo),
    /// Something is amiss, but the stream goes on: a warning, or a refused setting.
    Complaint(String),
    /// The stream is about to end.
    Fatal(String),
    /// A message for which a call has no use.
    Other,
}

/// What happened to a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Event {
    StartOfTurn,
    EagerEndOfTurn,
    TurnResumed,
    EndOfTurn,
    /// `Update`, and whatever comes later: it carries the words in any case.
    #[serde(other)]
    Update,
}

/// The state of one turn.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct TurnInfo {
    pub(super) event: Event,
    /// Grows by one after each end of a turn.
    pub(super) turn_index: u64,
    /// How far the audio of the connection was heard, in seconds.
    #[serde(default)]
    pub(super) audio_window_end: f64,
    /// All words of the turn.
    pub(super) transcript: String,
    #[serde(default)]
    pub(super) words: Vec<Word>,
}

/// One word of a turn; its place in the audio may be missing.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Word {
    word: String,
    #[serde(default)]
    end: Option<f64>,
}

impl TurnInfo {
    /// The words that end up to this second of the connection's audio, joined by spaces.
    pub(super) fn words_before(&self, second: f64) -> String {
        let before = |word: &&Word| word.end.is_some_and(|end| end <= second);
        let words: Vec<_> = self.words.iter().take_while(before).map(|word| word.word.as_str()).collect();
        words.join(" ")
    }
}

/// Reads one text frame; the error says what was wrong with it, never what was in it.
pub(super) fn parse(text: &str) -> Result<ServerMessage, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "a text frame is not JSON".to_owned())?;
    let kind = value.get("type").and_then(Value::as_str).ok_or("a message has no type")?;
    match kind {
        "Connected" => Ok(ServerMessage::Connected),
        "TurnInfo" => TurnInfo::deserialize(&value)
            .map(ServerMessage::Turn)
            .map_err(|_| "TurnInfo without its required fields".to_owned()),
        "Warning" | "ConfigureFailure" => Ok(ServerMessage::Complaint(complaint(&value))),
        "Error" => Ok(ServerMessage::Fatal(complaint(&value))),
        _ => Ok(ServerMessage::Other),
    }
}

/// `CODE: description`. The specification has `code` and `description`; other clients of the vendor read
/// `error_code` and `error`.
fn complaint(value: &Value) -> String {
    let text = |names: [&str; 2]| names.iter().find_map(|name| value.get(name)?.as_str());
    match (text(["code", "error_code"]), text(["description", "error"])) {
        (Some(code), Some(description)) => format!("{code}: {description}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "no description".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! wire {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/flux/", $name)).trim_end()
        };
    }

    fn turn(text: &str) -> TurnInfo {
        match parse(text) {
            Ok(ServerMessage::Turn(turn)) => turn,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn documented_turns_are_read() {
        assert_eq!(parse(wire!("connected.json")), Ok(ServerMessage::Connected));
        for (text, event, words) in [
            (wire!("update_before_turn.json"), Event::Update, ""),
            (wire!("start_of_turn.json"), Event::StartOfTurn, "I want"),
            (wire!("update.json"), Event::Update, "I want to"),
            (wire!("eager_end_of_turn.json"), Event::EagerEndOfTurn, "I want to talk to a person."),
            (wire!("turn_resumed.json"), Event::TurnResumed, "I want to talk to a person. Now"),
            (wire!("end_of_turn.json"), Event::EndOfTurn, "I want to talk to a person. Now."),
        ] {
            let turn = turn(text);
            assert_eq!((turn.event, turn.transcript.as_str(), turn.turn_index), (event, words, 0));
        }
    }

    #[test]
    fn words_are_split_where_they_end_and_words_without_a_place_stay() {
        let turn = turn(wire!("update.json"));
        assert_eq!(turn.words_before(0.85), "I want");
        assert_eq!(turn.words_before(0.0), "");
        let placeless = self::turn(wire!("end_of_turn.json"));
        assert_eq!(placeless.words_before(100.0), "");
    }

    #[test]
    fn an_event_of_tomorrow_still_carries_words() {
        let text = r#"{"type":"TurnInfo","event":"TurnPaused","turn_index":3,"transcript":"so"}"#;
        assert_eq!((turn(text).event, turn(text).transcript.as_str()), (Event::Update, "so"));
    }

    #[test]
    fn complaints_are_read_by_both_of_their_names() {
        let complaint = |text: &str| ServerMessage::Complaint(text.into());
        assert_eq!(
            parse(wire!("configure_failure.json")),
            Ok(complaint("INVALID_THRESHOLD: eot_threshold is out of range"))
        );
        assert_eq!(parse(wire!("configure_failure_other.json")), Ok(complaint("INVALID_THRESHOLD")));
        assert_eq!(
            parse(wire!("warning.json")),
            Ok(complaint("SLOW_CLIENT: audio arrives slower than real time"))
        );
        let fatal = |text: &str| ServerMessage::Fatal(text.into());
        assert_eq!(
            parse(wire!("error.json")),
            Ok(fatal("INTERNAL_SERVER_ERROR: an internal error occurred"))
        );
        assert_eq!(parse(wire!("error_other.json")), Ok(fatal("INTERNAL_SERVER_ERROR")));
        assert_eq!(parse(r#"{"type":"Error"}"#), Ok(fatal("no description")));
        assert_eq!(parse(wire!("configure_success.json")), Ok(ServerMessage::Other));
    }

    #[test]
    fn garbage_is_an_error_that_does_not_repeat_it() {
        for text in ["", "secret", "[]", "{}", r#"{"type":7}"#, r#"{"type":"TurnInfo","event":"secret"}"#] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_we_send_is_what_is_documented() {
        assert_eq!(FORCE_END_TURN, wire!("client_force_end_turn.json"));
        assert_eq!(CLOSE_STREAM, wire!("client_close_stream.json"));
    }
}
