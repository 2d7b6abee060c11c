//! The request body: the conversation as chat completions write it.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::speech::{LlmRequest, Message, Tool};

/// The JSON body. Tools are left out, not sent empty, when there are none.
pub(super) fn body(request: &LlmRequest) -> Bytes {
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "stream_options": {"include_usage": true},
        "messages": messages(request),
    });
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    Bytes::from(body.to_string())
}

fn messages(request: &LlmRequest) -> Vec<Value> {
    let system = (!request.system.is_empty()).then(|| json!({"role": "system", "content": request.system}));
    system.into_iter().chain(request.messages.iter().flat_map(message)).collect()
}

/// A tool call is two messages, one assistant message per call: the API refuses a call without its result.
fn message(message: &Message) -> Vec<Value> {
    match message {
        Message::User(words) => vec![json!({"role": "user", "content": words.text()})],
        Message::Assistant(words) => vec![json!({"role": "assistant", "content": words.text()})],
        Message::Note(note) => vec![json!({"role": "system", "content": note})],
        Message::ToolCall { id, name, arguments, result } => vec![
            json!({"role": "assistant", "tool_calls": [
                {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            ]}),
            json!({"role": "tool", "tool_call_id": id, "content": result}),
        ],
    }
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": {
        "name": tool.name, "description": tool.description, "parameters": tool.parameters
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::Utterance;

    fn request() -> LlmRequest {
        LlmRequest {
            model: "gpt-4o".into(),
            system: "You are Hailey.".into(),
            messages: vec![
                Message::User(Utterance::new("I want a person")),
                Message::ToolCall {
                    id: "call_a".into(),
                    name: "dial_operator".into(),
                    arguments: "{}".into(),
                    result: "busy".into(),
                },
                Message::Note("Nobody could be reached.".into()),
                Message::Assistant(Utterance::new("I am sorry.")),
            ],
            tools: vec![Tool {
                name: "dial_operator".into(),
                description: "The caller asks for a person.".into(),
                parameters: json!({"type": "object", "properties": {}, "required": []}),
            }],
            request_id: "call-7/1".into(),
        }
    }

    #[test]
    fn a_conversation_is_written_as_documented() {
        let documented =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/openai/client_request.json"));
        let documented: Value = serde_json::from_str(documented).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&body(&request())).unwrap(), documented);
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let bare = LlmRequest { system: "".into(), messages: Vec::new(), tools: Vec::new(), ..request() };
        let body: Value = serde_json::from_slice(&body(&bare)).unwrap();
        assert_eq!(body["messages"], json!([]));
        assert!(body.get("tools").is_none());
    }
}
