//! One reply put together from its chunks. No I/O: events in, events out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::VENDOR;
use super::sse::Event;
use crate::speech::socket::vendor_text;
use crate::speech::{LlmEvent, SpeechError};

/// More arguments than any tool of a call flow has.
const MAX_ARGUMENTS: usize = 64 * 1024;
/// More calls than any reply has.
const MAX_CALLS: usize = 32;

/// What is known of a reply so far.
#[derive(Debug, Default)]
pub(super) struct Reply {
    calls: BTreeMap<u32, PartialCall>,
    /// How often the vendor has added something to it.
    additions: usize,
    finished: bool,
    done: bool,
}

#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    /// Empty in the chunk that carries the usage.
    #[serde(default)]
    choices: Vec<Choice>,
    /// Read leniently: a reply must not fail over its bill.
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

/// Only the index is always there; id and name come with the first delta of an index.
#[derive(Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: u32,
    id: Option<String>,
    #[serde(default)]
    function: FunctionDelta,
}

#[derive(Deserialize, Default)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

impl Reply {
    /// Takes one event of the stream and gives what the model said with it.
    ///
    /// # Errors
    /// An error message of the vendor, mapped to its cause; [`SpeechError::Protocol`] for anything that is
    /// not a chunk.
    pub(super) fn take(&mut self, event: &Event) -> Result<Vec<LlmEvent>, SpeechError> {
        if event.data == "[DONE]" {
            self.done = true;
            return Ok(self.finish());
        }
        let value: Value = serde_json::from_str(&event.data).map_err(|_| protocol("an event is not JSON"))?;
        match value.get("error") {
            Some(error) if !error.is_null() => return Err(vendor_error(error)),
            _ if event.name == "error" => return Err(vendor_error(&value)),
            _ => {}
        }
        if !value.is_object() {
            return Err(protocol("an event is not an object"));
        }
        let chunk = Chunk::deserialize(&value).map_err(|_| protocol("an event is not a chunk"))?;
        if let (Some(prompt), Some(reply)) =
            (chunk.usage["prompt_tokens"].as_u64(), chunk.usage["completion_tokens"].as_u64())
        {
            tracing::debug!(prompt, reply, "tokens used");
        }
        // One reply is asked for, so there is one choice.
        chunk.choices.into_iter().next().map_or(Ok(Vec::new()), |choice| self.choice(choice))
    }

    /// How often the reply has grown. Events that add nothing to it are no sign of a model at work.
    pub(super) fn additions(&self) -> usize {
        self.additions
    }

    /// Whether the reply is whole: all that can follow is bookkeeping.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether the stream said that it is over.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    fn choice(&mut self, choice: Choice) -> Result<Vec<LlmEvent>, SpeechError> {
        let Delta { content, refusal, tool_calls } = choice.delta;
        let words = content.or(refusal).filter(|words| !words.is_empty());
        let mut said: Vec<_> = words.map(LlmEvent::Text).into_iter().collect();
        self.additions += said.len();
        for delta in tool_calls.unwrap_or_default() {
            self.grow_call(delta)?;
        }
        // Whether tools are called is decided by their presence: the reason given varies.
        if choice.finish_reason.is_some() {
            said.extend(self.finish());
        }
        Ok(said)
    }

    fn grow_call(&mut self, delta: CallDelta) -> Result<(), SpeechError> {
        self.additions += 1;
        let call = self.calls.entry(delta.index).or_default();
        if let Some(id) = delta.id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = delta.function.name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(delta.function.arguments.as_deref().unwrap_or_default());
        let too_long = call.arguments.len() > MAX_ARGUMENTS;
        if too_long || self.calls.len() > MAX_CALLS {
            return Err(protocol("a tool call has no end"));
        }
        Ok(())
    }

    /// Tool calls are given out only now: half a reply must not act.
    fn finish(&mut self) -> Vec<LlmEvent> {
        self.finished = true;
        std::mem::take(&mut self.calls).into_iter().map(|(index, call)| call.complete(index)).collect()
    }
}

impl PartialCall {
    fn complete(self, index: u32) -> LlmEvent {
        let id = if self.id.is_empty() { format!("call_{index}") } else { self.id };
        LlmEvent::ToolCall { id, name: self.name, arguments: arguments(self.arguments) }
    }
}

/// A tool without parameters is often called with nothing at all.
fn arguments(text: String) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&text).map_err(|_| text)
}

/// An error that came instead of a chunk, after the HTTP status had promised success.
fn vendor_error(error: &Value) -> SpeechError {
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let has = |code: &str| text("code") == code || text("type") == code;
    if has("insufficient_quota") || has("rate_limit_exceeded") {
        let permanent = has("insufficient_quota");
        return SpeechError::RateLimited { vendor: VENDOR, retry_after: None, permanent };
    }
    if has("invalid_api_key") {
        return SpeechError::Unauthorized { vendor: VENDOR };
    }
    let said = error.as_str().unwrap_or_else(|| text("message"));
    let detail = if said.is_empty() { "an error without a message".into() } else { vendor_text(said) };
    SpeechError::Vendor { vendor: VENDOR, detail }
}

pub(super) fn protocol(detail: &str) -> SpeechError {
    SpeechError::Protocol { vendor: VENDOR, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn take(reply: &mut Reply, data: &Value) -> Result<Vec<LlmEvent>, SpeechError> {
        reply.take(&Event { name: String::new(), data: data.to_string() })
    }

    fn calls(deltas: &[Value]) -> Vec<LlmEvent> {
        let mut reply = Reply::default();
        for delta in deltas {
            let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]});
            assert_eq!(take(&mut reply, &chunk), Ok(vec![]));
        }
        take(&mut reply, &json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})).unwrap()
    }

    fn call(id: &str, arguments: Result<Value, &str>) -> LlmEvent {
        let arguments = arguments.map(|value| value.as_object().unwrap().clone()).map_err(str::to_owned);
        LlmEvent::ToolCall { id: id.into(), name: "t".into(), arguments }
    }

    #[test]
    fn arguments_in_any_number_of_pieces_and_interleaved_are_put_together() {
        let said = calls(&[
            json!({"index": 1, "id": "b", "function": {"name": "t", "arguments": "{\"x\""}}),
            json!({"index": 0, "id": "a", "function": {"name": "t", "arguments": ""}}),
            json!({"index": 1, "function": {"arguments": ":\"é"}}),
            json!({"index": 1, "id": null, "function": {"arguments": "\"}", "name": null}}),
        ]);
        assert_eq!(said, [call("a", Ok(json!({}))), call("b", Ok(json!({"x": "é"})))]);
    }

    #[test]
    fn arguments_that_are_no_object_are_passed_on_as_text() {
        for text in ["{\"x\":", "[1]", "null", "7", "{}{}"] {
            let said = calls(&[json!({"index": 0, "id": "a", "function": {"name": "t", "arguments": text}})]);
            assert_eq!(said, [call("a", Err(text))]);
        }
    }

    #[test]
    fn a_repeated_first_delta_does_not_double_id_and_name() {
        let first = json!({"index": 0, "id": "a", "function": {"name": "t", "arguments": ""}});
        assert_eq!(calls(&[first.clone(), first]), [call("a", Ok(json!({})))]);
    }

    #[test]
    fn a_missing_id_is_made_up() {
        assert_eq!(calls(&[json!({"function": {"name": "t"}})]), [call("call_0", Ok(json!({})))]);
    }

    #[test]
    fn errors_in_the_stream_become_causes() {
        let error = |value: Value| take(&mut Reply::default(), &value).unwrap_err();
        assert!(matches!(
            error(json!({"error": {"message": "m", "code": "insufficient_quota"}})),
            SpeechError::RateLimited { permanent: true, .. }
        ));
        let ill = SpeechError::Vendor { vendor: VENDOR, detail: "overloaded".into() };
        assert_eq!(error(json!({"error": {"message": "overloaded", "code": null}})), ill);
        assert_eq!(error(json!({"error": "overloaded"})), ill);
        let named = Event { name: "error".into(), data: json!({"message": "overloaded"}).to_string() };
        assert_eq!(Reply::default().take(&named), Err(ill));
    }

    #[test]
    fn what_is_no_chunk_is_not_the_protocol() {
        for data in ["", "nonsense", "[]", "{\"choices\":7}", "{\"choices\":[{\"delta\":7}]}"] {
            let event = Event { name: String::new(), data: data.into() };
            assert!(matches!(Reply::default().take(&event), Err(SpeechError::Protocol { .. })), "{data}");
        }
    }

    #[test]
    fn endless_arguments_and_calls_are_refused() {
        let mut reply = Reply::default();
        let grow = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "x".repeat(9000)}}]}}]});
        assert!((0..10).any(|_| take(&mut reply, &grow).is_err()));
        let mut reply = Reply::default();
        let more = |n: u32| json!({"choices": [{"delta": {"tool_calls": [{"index": n}]}}]});
        assert!((0..40).any(|n| take(&mut reply, &more(n)).is_err()));
    }
}
