//! What a client may ask for on the socket, and what is refused.

use std::time::Duration;

use serde_json::Value;

use super::format::OutputFormat;
use super::wire::Refusal;

/// `max_buffer_delay_ms` if it is not given, and the most it can be.
const BUFFER_DELAY_MS: u64 = 3_000;
const MOST_BUFFER_DELAY_MS: u64 = 5_000;
/// Letters of one transcript; the vendor's own limit is not documented, memory has one.
const LONGEST_TRANSCRIPT: usize = 10_000;

/// A checked message.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Request {
    /// Forget a context.
    Cancel(String),
    /// Speak.
    Generate(Generation),
}

/// A generation request.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Generation {
    pub(super) context: String,
    pub(super) transcript: String,
    pub(super) settings: Settings,
    /// More of this context may follow.
    pub(super) continues: bool,
    pub(super) flush: bool,
    pub(super) timestamps: bool,
    /// How long to wait for more text; zero leaves buffering to the client.
    pub(super) buffer_delay: Duration,
}

/// What must stay the same within a context.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) voice: String,
    pub(super) format: OutputFormat,
}

impl Request {
    /// Reads a text message.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Refusal::invalid(format!("Not JSON: {error}.")))?;
        let context = required(&value, "context_id")?.to_owned();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if context.is_empty() || !context.chars().all(fine) {
            return Err(Refusal::invalid("context_id may have letters, digits, - and _ only."));
        }
        if value.get("cancel").and_then(Value::as_bool) == Some(true) {
            return Ok(Self::Cancel(context));
        }
        match generation(&value, &context) {
            Ok(generation) => Ok(Self::Generate(generation)),
            Err(refusal) => Err(refusal.of(&context)),
        }
    }
}

fn generation(value: &Value, context: &str) -> Result<Generation, Refusal> {
    let model = required(value, "model_id")?;
    if !model.starts_with("sonic") {
        return Err(Refusal::model(model));
    }
    let transcript = required(value, "transcript")?;
    if transcript.chars().count() > LONGEST_TRANSCRIPT {
        return Err(Refusal::invalid("transcript is too long."));
    }
    let format = value.get("output_format").ok_or_else(|| missing("output_format"))?;
    let delay = match value.get("max_buffer_delay_ms") {
        None | Some(Value::Null) => BUFFER_DELAY_MS,
        Some(ms) => ms
            .as_u64()
            .filter(|&ms| ms <= MOST_BUFFER_DELAY_MS)
            .ok_or_else(|| Refusal::invalid("max_buffer_delay_ms must be from 0 to 5000."))?,
    };
    Ok(Generation {
        context: context.to_owned(),
        transcript: transcript.to_owned(),
        settings: Settings {
            model: model.to_owned(),
            voice: voice(value)?.to_owned(),
            format: OutputFormat::parse(format)?,
        },
        continues: flag(value, "continue")?,
        flush: flag(value, "flush")?,
        timestamps: flag(value, "add_timestamps")?,
        buffer_delay: Duration::from_millis(delay),
    })
}

/// A voice is `{"mode": "id", "id": …}`, or its id alone as the SDK's types allow.
fn voice(value: &Value) -> Result<&str, Refusal> {
    let voice = value.get("voice").ok_or_else(|| missing("voice"))?;
    let mode = voice.get("mode").and_then(Value::as_str).unwrap_or("id");
    let id = voice.as_str().or_else(|| voice.get("id").and_then(Value::as_str));
    let id = id.filter(|id| mode == "id" && !id.is_empty());
    id.ok_or_else(|| Refusal::invalid("voice must have an id."))
}

fn required<'a>(value: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    value.get(key).and_then(Value::as_str).ok_or_else(|| missing(key))
}

fn missing(key: &str) -> Refusal {
    Refusal::invalid(format!("{key} is required."))
}

fn flag(value: &Value, key: &str) -> Result<bool, Refusal> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::invalid(format!("{key} must be true or false."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEAK: &str = include_str!("../../../tests/wire/cartesia/client_speak.json");

    fn without(key: &str) -> String {
        let mut value: Value = serde_json::from_str(SPEAK).unwrap();
        value.as_object_mut().unwrap().remove(key);
        value.to_string()
    }

    #[test]
    fn documented_requests_are_understood() {
        let Ok(Request::Generate(speak)) = Request::parse(SPEAK) else { panic!() };
        assert_eq!(speak.transcript, "Hello there. ");
        assert!(speak.continues && speak.timestamps && !speak.flush && speak.buffer_delay.is_zero());
        let last = include_str!("../../../tests/wire/cartesia/client_speak_last.json");
        let Ok(Request::Generate(last)) = Request::parse(last) else { panic!() };
        assert!(!last.continues && last.settings == speak.settings);
        let cancel = include_str!("../../../tests/wire/cartesia/client_cancel.json");
        assert_eq!(Request::parse(cancel), Ok(Request::Cancel("call-7-1".to_owned())));
        let Ok(Request::Generate(plain)) = Request::parse(&without("max_buffer_delay_ms")) else { panic!() };
        assert_eq!(plain.buffer_delay, Duration::from_secs(3));
    }

    #[test]
    fn what_is_missing_is_named_with_the_context_that_fails() {
        for key in ["model_id", "transcript", "voice", "output_format"] {
            let refusal = Request::parse(&without(key)).unwrap_err();
            assert!(refusal.message.contains(key), "{refusal:?}");
            assert_eq!(refusal.context.as_deref(), Some("call-7-1"));
        }
        assert_eq!(Request::parse(&without("context_id")).unwrap_err().context, None);
        assert_eq!(Request::parse("hello").unwrap_err().status, 400);
        let model = SPEAK.replace("sonic-3", "nova-3");
        assert_eq!(Request::parse(&model).unwrap_err().code, "model_not_found");
        let delay = SPEAK.replace("\"max_buffer_delay_ms\":0", "\"max_buffer_delay_ms\":9000");
        assert!(Request::parse(&delay).is_err());
    }
}
