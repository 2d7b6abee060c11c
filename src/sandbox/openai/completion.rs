//! A reply in the two shapes of the API: one object, or a stream of chunks.

use serde_json::{Value, json};
use uuid::Uuid;

use super::request::ChatRequest;

/// What the model says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Reply {
    pub(super) text: Option<String>,
    /// Names and arguments.
    pub(super) calls: Vec<(String, String)>,
}

/// A reply with the names and numbers that go with it.
pub(super) struct Completion<'a> {
    request: &'a ChatRequest,
    reply: &'a Reply,
    id: String,
    created: u64,
}

impl<'a> Completion<'a> {
    pub(super) fn new(request: &'a ChatRequest, reply: &'a Reply, created: u64) -> Self {
        Self { request, reply, id: format!("chatcmpl-{}", Uuid::new_v4().simple()), created }
    }

    /// The answer without streaming.
    pub(super) fn whole(&self) -> Value {
        let calls = self.reply.calls.iter().map(|(name, arguments)| call(name, arguments));
        let calls: Vec<Value> = calls.collect();
        let mut message = json!({"role": "assistant", "content": self.reply.text, "refusal": null});
        if !calls.is_empty() {
            message["tool_calls"] = Value::from(calls);
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.request.model,
            "choices": [{
                "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason(),
            }],
            "usage": self.usage(),
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
        })
    }

    /// The chunks of a stream, from the role to the usage if that was asked for.
    pub(super) fn chunks(&self) -> Vec<Value> {
        let mut deltas = Vec::new();
        if self.reply.text.is_some() || self.reply.calls.is_empty() {
            deltas.push(json!({"role": "assistant", "content": "", "refusal": null}));
            let text = self.reply.text.as_deref().unwrap_or_default();
            deltas.extend(pieces(text).into_iter().map(|piece| json!({"content": piece})));
        }
        for (index, (name, arguments)) in self.reply.calls.iter().enumerate() {
            let mut start = call(name, "");
            start["index"] = json!(index);
            let mut delta = json!({"tool_calls": [start]});
            if deltas.is_empty() {
                delta["role"] = json!("assistant");
                delta["content"] = Value::Null;
            }
            deltas.push(delta);
            let fragment =
                |part: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]});
            let (first, second) = halves(arguments);
            deltas.extend([first, second].iter().filter(|part| !part.is_empty()).map(|part| fragment(part)));
        }
        let mut chunks: Vec<Value> = deltas.into_iter().map(|delta| self.chunk(delta, None)).collect();
        chunks.push(self.chunk(json!({}), Some(self.finish_reason())));
        if self.request.include_usage {
            let mut usage = self.envelope(json!([]));
            usage["usage"] = self.usage();
            chunks.push(usage);
        }
        chunks
    }

    /// How many chunks come before the one that ends the reply.
    pub(super) fn chunks_before_the_end(&self) -> usize {
        self.chunks().len() - 1 - usize::from(self.request.include_usage)
    }

    fn chunk(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}]);
        let mut chunk = self.envelope(choices);
        if self.request.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn envelope(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
            "choices": choices,
        });
        if self.request.obfuscation {
            chunk["obfuscation"] = json!("x".repeat(1 + choices_length(&chunk) % 8));
        }
        chunk
    }

    fn finish_reason(&self) -> &'static str {
        if self.reply.calls.is_empty() { "stop" } else { "tool_calls" }
    }

    /// Tokens by the rule of thumb: four letters each.
    fn usage(&self) -> Value {
        let prompt: usize = self.request.messages.iter().map(|message| tokens(&message.text) + 4).sum();
        let called: usize =
            self.reply.calls.iter().map(|(name, arguments)| tokens(name) + tokens(arguments)).sum();
        let completion = tokens(self.reply.text.as_deref().unwrap_or_default()) + called;
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        })
    }
}

fn call(name: &str, arguments: &str) -> Value {
    let id = format!("call_{}", &Uuid::new_v4().simple().to_string()[..24]);
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

fn choices_length(chunk: &Value) -> usize {
    chunk["choices"].to_string().len()
}

/// A text in pieces as a model gives them out: words with the space before them.
fn pieces(text: &str) -> Vec<&str> {
    let starts = text.char_indices().filter(|&(at, c)| c == ' ' && at > 0).map(|(at, _)| at);
    let bounds: Vec<usize> = std::iter::once(0).chain(starts).chain([text.len()]).collect();
    bounds.windows(2).map(|pair| &text[pair[0]..pair[1]]).filter(|piece| !piece.is_empty()).collect()
}

/// A text in two parts, split between letters.
fn halves(text: &str) -> (&str, &str) {
    let middle = (0..=text.len() / 2).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text.split_at(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::parse(include_bytes!("../../../tests/wire/openai/client_request.json")).unwrap()
    }

    /// The keys of every object within, by path; numbers of a list are one place.
    fn keys(value: &Value, path: &str, found: &mut std::collections::BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let path = format!("{path}.{key}");
                    keys(value, &path, found);
                    found.insert(path);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| keys(value, path, found)),
            _ => {}
        }
    }

    fn documented(sse: &str) -> std::collections::BTreeSet<String> {
        let mut found = std::collections::BTreeSet::new();
        let data =
            sse.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.for_each(|data| keys(&serde_json::from_str(data).unwrap(), "", &mut found));
        found
    }

    #[test]
    fn chunks_have_the_documented_keys() {
        let text = Reply { text: Some("Of course, that's it.".to_owned()), calls: Vec::new() };
        let calls = Reply { text: None, calls: vec![("f".to_owned(), "{\"a\":1}".to_owned())] };
        for (reply, file) in [
            (text, include_str!("../../../tests/wire/openai/text.sse")),
            (calls, include_str!("../../../tests/wire/openai/two_tools.sse")),
        ] {
            let mut ours = std::collections::BTreeSet::new();
            let request = request();
            let chunks = Completion::new(&request, &reply, 1).chunks();
            chunks.iter().for_each(|chunk| keys(chunk, "", &mut ours));
            let optional = [".obfuscation", ".choices.delta.refusal"].map(str::to_owned);
            let mut documented = documented(file);
            for key in optional {
                ours.remove(&key);
                documented.remove(&key);
            }
            assert_eq!(ours, documented);
        }
    }

    #[test]
    fn the_pieces_are_the_whole() {
        let reply = Reply {
            text: Some(" Zwei Häuser – 3 €. ".to_owned()),
            calls: vec![("f".to_owned(), "{\"grüße\":\"ä\"}".to_owned()), ("g".to_owned(), String::new())],
        };
        let request = request();
        let (mut text, mut arguments) = (String::new(), String::new());
        for chunk in Completion::new(&request, &reply, 1).chunks() {
            let delta = &chunk["choices"][0]["delta"];
            text.push_str(delta["content"].as_str().unwrap_or_default());
            let call = &delta["tool_calls"][0];
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        assert_eq!(Some(text), reply.text);
        assert_eq!(arguments, reply.calls[0].1);
    }
}
