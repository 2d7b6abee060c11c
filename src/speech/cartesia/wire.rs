//! Cartesia's messages, read leniently: unknown types and fields are ignored, optional ones may be missing.

use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DEFAULT_VOICE, VENDOR};
use crate::audio::SAMPLE_RATE;
use crate::speech::socket::vendor_text;
use crate::speech::{SpeechError, TtsParams, Word};

/// The fields that must stay the same in all requests of a context.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Manner {
    model_id: String,
    voice: Voice,
    output_format: OutputFormat,
    add_timestamps: bool,
    use_normalized_timestamps: bool,
    max_buffer_delay_ms: u32,
    language: String,
}

#[derive(Clone, Debug, Serialize)]
struct Voice {
    mode: &'static str,
    id: String,
}

#[derive(Clone, Debug, Serialize)]
struct OutputFormat {
    container: &'static str,
    encoding: &'static str,
    sample_rate: u32,
}

#[derive(Serialize)]
struct Speak<'a> {
    transcript: &'a str,
    r#continue: bool,
    context_id: &'a str,
    #[serde(flatten)]
    manner: &'a Manner,
}

impl Manner {
    pub(super) fn new(params: &TtsParams) -> Self {
        let voice = params.voice.as_deref().unwrap_or(DEFAULT_VOICE);
        // The vendor knows languages, not regions.
        let language = params.language.split(['-', '_']).next().unwrap_or_default();
        Self {
            model_id: params.model.to_string(),
            voice: Voice { mode: "id", id: voice.to_owned() },
            output_format: OutputFormat { container: "raw", encoding: "pcm_s16le", sample_rate: SAMPLE_RATE },
            add_timestamps: true,
            use_normalized_timestamps: false,
            // The default lets the vendor wait three seconds for more text.
            max_buffer_delay_ms: 0,
            language: language.to_ascii_lowercase(),
        }
    }

    /// The request to speak some text of a context.
    pub(super) fn speak(&self, context_id: &str, transcript: &str, last: bool) -> String {
        let speak = Speak { transcript, r#continue: !last, context_id, manner: self };
        serde_json::to_string(&speak).expect("strings and numbers are always JSON")
    }
}

/// The request to forget a context.
pub(super) fn cancel(context_id: &str) -> String {
    json!({"context_id": context_id, "cancel": true}).to_string()
}

/// What the vendor says, as far as a call needs it.
#[derive(Debug, PartialEq)]
pub(super) enum Response {
    /// Bytes of audio; not always whole samples.
    Chunk { context_id: String, bytes: Vec<u8> },
    /// Where words lie.
    Timestamps { context_id: String, words: Vec<Word> },
    /// One submission is spoken.
    FlushDone { context_id: String },
    /// The context is over.
    Done { context_id: String },
    /// A context failed, or it is not said which.
    Error { context_id: Option<String>, error: SpeechError },
    /// A message for which a call has no use.
    Other,
}

#[derive(Deserialize)]
struct Timestamps {
    word_timestamps: WordTimestamps,
}

#[derive(Deserialize)]
struct WordTimestamps {
    words: Vec<String>,
    start: Vec<f64>,
    end: Vec<f64>,
}

/// Reads one text frame; the error says what was wrong with it, never what was in it.
pub(super) fn parse(text: &str) -> Result<Response, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "a text frame is not JSON".to_owned())?;
    let context_id = value.get("context_id").and_then(Value::as_str).map(str::to_owned);
    let named = || context_id.clone().ok_or_else(|| "a message names no context".to_owned());
    match value.get("type").and_then(Value::as_str).ok_or("a message has no type")? {
        "chunk" => Ok(Response::Chunk { context_id: named()?, bytes: audio(&value)? }),
        "timestamps" => Ok(Response::Timestamps { context_id: named()?, words: words(&value)? }),
        "flush_done" => Ok(Response::FlushDone { context_id: named()? }),
        "done" => Ok(Response::Done { context_id: named()? }),
        "error" => Ok(Response::Error { error: error(&value), context_id }),
        _ => Ok(Response::Other),
    }
}

fn audio(value: &Value) -> Result<Vec<u8>, String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let data = value.get("data").and_then(Value::as_str).ok_or("a chunk has no data")?;
    LENIENT.decode(data).map_err(|_| "a chunk is not base64".to_owned())
}

fn words(value: &Value) -> Result<Vec<Word>, String> {
    let Timestamps { word_timestamps: WordTimestamps { words, start, end } } =
        Timestamps::deserialize(value).map_err(|_| "timestamps without their words".to_owned())?;
    let times = start.into_iter().zip(end).map(|(start, end)| (offset(start), offset(end)));
    Ok(words.into_iter().zip(times).map(|(text, (start, end))| Word { text, start, end }).collect())
}

/// Offsets before the start or absurdly far away are taken as the start.
fn offset(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).ok().filter(|offset| offset.as_secs() < 3600).unwrap_or_default()
}

/// Everything but the type is optional; versions before 2026 have one string instead of title and message.
/// The message is told only where there is no title, since it may repeat what was to be said.
fn error(value: &Value) -> SpeechError {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let said =
        text("title").or_else(|| text("error")).or_else(|| text("message")).unwrap_or("no reason given");
    let code = text("error_code").map(|code| format!(" ({})", vendor_text(code))).unwrap_or_default();
    let detail = format!("{}{code}", vendor_text(said));
    match value.get("status_code").and_then(Value::as_u64) {
        Some(401 | 403) => SpeechError::Unauthorized { vendor: VENDOR },
        Some(402) => SpeechError::RateLimited { vendor: VENDOR, retry_after: None, permanent: true },
        Some(429) => SpeechError::RateLimited { vendor: VENDOR, retry_after: None, permanent: false },
        Some(400..500) => SpeechError::Refused { vendor: VENDOR, detail },
        _ => SpeechError::Vendor { vendor: VENDOR, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! wire {
        ($name:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/cartesia/", $name)).trim_end()
        };
    }

    fn manner() -> Manner {
        Manner::new(&TtsParams {
            model: "sonic-3".into(),
            voice: None,
            language: "en-US".into(),
            call_id: "call-7".into(),
        })
    }

    fn same(ours: &str, documented: &str) {
        let ours: Value = serde_json::from_str(ours).unwrap();
        assert_eq!(ours, serde_json::from_str::<Value>(documented).unwrap());
    }

    #[test]
    fn requests_are_the_documented_ones() {
        same(&manner().speak("call-7-1", "Hello there. ", false), wire!("client_speak.json"));
        same(&manner().speak("call-7-1", "", true), wire!("client_speak_last.json"));
        same(&cancel("call-7-1"), wire!("client_cancel.json"));
    }

    #[test]
    fn documented_responses_are_read() {
        let context_id = || "call-7-1".to_owned();
        let chunk = Response::Chunk { context_id: context_id(), bytes: vec![1, 0, 2, 0, 255, 255, 0, 128] };
        assert_eq!(parse(wire!("chunk.json")), Ok(chunk));
        let word = |text: &str, start, end| Word {
            text: text.into(),
            start: Duration::from_millis(start),
            end: Duration::from_millis(end),
        };
        let words = vec![word("Hello", 0, 400), word("there.", 500, 900)];
        assert_eq!(
            parse(wire!("timestamps.json")),
            Ok(Response::Timestamps { context_id: context_id(), words })
        );
        assert_eq!(parse(wire!("flush_done.json")), Ok(Response::FlushDone { context_id: context_id() }));
        assert_eq!(parse(wire!("done.json")), Ok(Response::Done { context_id: context_id() }));
        assert_eq!(parse(r#"{"type":"phoneme_timestamps"}"#), Ok(Response::Other));
    }

    #[test]
    fn errors_are_read_in_all_their_shapes() {
        let error = |text| match parse(text) {
            Ok(Response::Error { context_id, error }) => (context_id.is_some(), error),
            other => panic!("{other:?}"),
        };
        let detail = "Invalid model (model_not_found)".to_owned();
        assert_eq!(error(wire!("error.json")), (true, SpeechError::Refused { vendor: VENDOR, detail }));
        let limited = SpeechError::RateLimited { vendor: VENDOR, retry_after: None, permanent: false };
        assert_eq!(error(wire!("error_without_context.json")), (false, limited));
        let detail = "Invalid context ID".to_owned();
        assert_eq!(
            error(wire!("error_before_2026.json")),
            (true, SpeechError::Refused { vendor: VENDOR, detail })
        );
        let detail = "no reason given".to_owned();
        assert_eq!(
            error(r#"{"type":"error","done":true}"#),
            (false, SpeechError::Vendor { vendor: VENDOR, detail })
        );
    }

    #[test]
    fn odd_numbers_and_unequal_lists_do_no_harm() {
        let text = r#"{"type":"timestamps","context_id":"c","word_timestamps":
            {"words":["a","b","c"],"start":[-1,1e300,3],"end":[0.5,2]}}"#;
        let Ok(Response::Timestamps { words, .. }) = parse(text) else { panic!() };
        assert_eq!(words.len(), 2);
        assert!(words.iter().all(|word| word.start.is_zero()));
    }

    #[test]
    fn garbage_is_an_error_that_does_not_repeat_it() {
        for text in [
            "",
            "secret",
            "[]",
            r#"{"type":"chunk","data":"AAAA"}"#,
            r#"{"type":"chunk","context_id":"secret","data":"s e c r e t"}"#,
            r#"{"type":"timestamps","context_id":"secret"}"#,
        ] {
            assert!(!parse(text).unwrap_err().contains("secret"));
        }
    }

    proptest::proptest! {
        /// A frame with some of its bytes exchanged is read or refused, whatever became of it.
        #[test]
        fn damaged_frames_are_read_or_refused(
            which in 0usize..4,
            cuts in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), "[\\[\\]{}\",:0-9eE.-]{0,6}|null|1e999|.{0,3}"), 0..5),
        ) {
            let mut text: Vec<char> = [wire!("chunk.json"), wire!("timestamps.json"), wire!("done.json"), wire!("error.json")][which].chars().collect();
            for (at, piece) in cuts {
                let start = at.index(text.len() + 1);
                let end = (start + 4).min(text.len());
                text.splice(start..end, piece.chars());
            }
            let _ = parse(&text.into_iter().collect::<String>());
        }
    }
}
