//! A chat completion request, checked as the API checks it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;

/// Models that are listed; others of the same families are taken too.
pub(super) const MODELS: [&str; 4] = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"];
/// Beginnings of names of models that exist.
const FAMILIES: [&str; 5] = ["gpt-", "chatgpt-", "o1", "o3", "o4"];
/// What a name must not contain, to have one that does not exist in each family.
pub(super) const NON_EXISTENT: [&str; 2] = ["does-not-exist", "none"];

/// A checked request.
#[derive(Clone, Debug)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    pub(super) tools: Vec<Tool>,
    pub(super) tool_choice: ToolChoice,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) obfuscation: bool,
}

/// Who says something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

/// A message: its text, and the calls it makes or answers.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) text: String,
    calls: Vec<String>,
    answers: Option<String>,
}

/// A function that may be called.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Value,
}

/// Which tools may be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ToolChoice {
    Auto,
    None,
    Required,
    Named(String),
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Option<Vec<Value>>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
    include_obfuscation: Option<bool>,
}

impl ChatRequest {
    /// Reads and checks a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let body: Body = serde_json::from_slice(body).map_err(|why| ApiError::not_json(&why))?;
        let model = body.model.ok_or_else(|| ApiError::missing("model"))?;
        let stream = body.stream.unwrap_or_default();
        if body.stream_options.is_some() && !stream {
            return Err(ApiError::invalid("stream_options", "stream_options needs stream: true."));
        }
        let messages = messages(body.messages.unwrap_or_default())?;
        let tools = tools(body.tools)?;
        let options = body.stream_options.as_ref();
        Ok(Self {
            model,
            messages,
            tool_choice: tool_choice(body.tool_choice.as_ref(), &tools)?,
            tools,
            stream,
            include_usage: options.and_then(|options| options.include_usage).unwrap_or_default(),
            obfuscation: options.and_then(|options| options.include_obfuscation).unwrap_or(true),
        })
    }

    /// Refuses models that OpenAI does not have.
    pub(super) fn check_model(&self) -> Result<(), ApiError> {
        let model = self.model.as_str();
        let exists = FAMILIES.iter().any(|family| model.starts_with(family))
            && !NON_EXISTENT.iter().any(|part| model.contains(part));
        if exists { Ok(()) } else { Err(ApiError::model(model)) }
    }

    /// What the user said last; empty if nothing yet.
    pub(super) fn last_user_text(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        last.map(|message| message.text.as_str()).unwrap_or_default()
    }

    /// What the last tool answered; empty if none did.
    pub(super) fn last_tool_text(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::Tool);
        last.map(|message| message.text.as_str()).unwrap_or_default()
    }

    /// Who spoke last, notes of the developer aside.
    pub(super) fn last_speaker(&self) -> Option<Role> {
        let mut roles = self.messages.iter().rev().map(|message| message.role);
        roles.find(|role| !matches!(role, Role::System | Role::Developer))
    }
}

fn messages(values: Vec<Value>) -> Result<Vec<Message>, ApiError> {
    if values.is_empty() {
        return Err(ApiError::missing("messages"));
    }
    let messages: Vec<Message> =
        values.iter().enumerate().map(|(n, value)| message(n, value)).collect::<Result<_, _>>()?;
    every_call_is_answered(&messages)?;
    Ok(messages)
}

fn message(n: usize, value: &Value) -> Result<Message, ApiError> {
    let at = |key: &str| format!("messages.[{n}].{key}");
    let role = Role::deserialize(&value["role"])
        .map_err(|_| ApiError::invalid(&at("role"), "The role is none of the known ones."))?;
    let calls = value["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let calls: Vec<String> = calls
        .iter()
        .map(|call| {
            let fine = call["function"]["name"].is_string() && call["function"]["arguments"].is_string();
            call["id"].as_str().filter(|_| fine).map(str::to_owned)
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            ApiError::invalid(&at("tool_calls"), "A tool call has an id, a name and arguments.")
        })?;
    let text = match &value["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Value::Null if role == Role::Assistant && !calls.is_empty() => String::new(),
        _ => return Err(ApiError::invalid(&at("content"), "The content is neither text nor parts.")),
    };
    let answers = value["tool_call_id"].as_str().map(str::to_owned);
    if role == Role::Tool && answers.is_none() {
        return Err(ApiError::missing(&at("tool_call_id")));
    }
    Ok(Message { role, text, calls, answers })
}

/// Each tool call is answered by a tool message before anybody else speaks; no other tool message exists.
fn every_call_is_answered(messages: &[Message]) -> Result<(), ApiError> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (n, message) in messages.iter().enumerate() {
        if message.role == Role::Tool {
            let id = message.answers.as_deref().unwrap_or_default();
            if !open.remove(id) {
                let why = "A message with role 'tool' must answer a preceding message with 'tool_calls'.";
                return Err(ApiError::invalid(&format!("messages.[{n}].role"), why));
            }
            continue;
        }
        no_call_is_open(&open)?;
        open.extend(message.calls.iter().map(String::as_str));
    }
    no_call_is_open(&open)
}

fn no_call_is_open(open: &BTreeSet<&str>) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let ids = open.iter().copied().collect::<Vec<_>>().join(", ");
    let why = format!("Every tool call needs a tool message right after it; these have none: {ids}");
    Err(ApiError::invalid("messages", why))
}

fn tools(values: Option<Vec<Value>>) -> Result<Vec<Tool>, ApiError> {
    match values {
        None => Ok(Vec::new()),
        Some(values) if values.is_empty() => {
            Err(ApiError::invalid("tools", "tools is empty: leave it out instead."))
        }
        Some(values) => values.iter().enumerate().map(|(n, value)| tool(n, value)).collect(),
    }
}

fn tool(n: usize, value: &Value) -> Result<Tool, ApiError> {
    let function = &value["function"];
    let name = function["name"].as_str().unwrap_or_default();
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !(1..=64).contains(&name.len()) || !name.chars().all(fine) {
        let param = format!("tools[{n}].function.name");
        return Err(ApiError::invalid(&param, "A name has 1 to 64 letters, digits, _ and -."));
    }
    Ok(Tool {
        name: name.to_owned(),
        description: function["description"].as_str().unwrap_or_default().to_owned(),
        parameters: function["parameters"].clone(),
    })
}

fn tool_choice(value: Option<&Value>, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let wrong = || ApiError::invalid("tool_choice", "tool_choice names no tool of this request.");
    match value {
        None | Some(Value::Null) => Ok(ToolChoice::Auto),
        Some(_) if tools.is_empty() => Err(ApiError::invalid("tool_choice", "tool_choice needs tools.")),
        Some(Value::String(choice)) => match choice.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(wrong()),
        },
        Some(choice) => {
            let name = choice["function"]["name"].as_str().unwrap_or_default();
            let known = tools.iter().any(|tool| tool.name == name);
            known.then(|| ToolChoice::Named(name.to_owned())).ok_or_else(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(body: &Value) -> ApiError {
        ChatRequest::parse(body.to_string().as_bytes()).and_then(|request| request.check_model()).unwrap_err()
    }

    fn with(messages: &Value) -> Value {
        json!({"model": "gpt-4o", "messages": messages})
    }

    #[test]
    fn a_documented_request_is_understood() {
        let body = include_bytes!("../../../tests/wire/openai/client_request.json");
        let request = ChatRequest::parse(body).unwrap();
        assert!(request.stream && request.include_usage);
        assert_eq!(request.tools[0].name, "dial_operator");
        assert_eq!(request.last_user_text(), "I want a person");
        assert_eq!(request.last_speaker(), Some(Role::Assistant));
    }

    #[test]
    fn a_tool_call_without_its_answer_is_refused() {
        let call = json!({"role": "assistant", "tool_calls":
            [{"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let user = json!({"role": "user", "content": "hi"});
        let tool = json!({"role": "tool", "tool_call_id": "call_a", "content": "ok"});
        for messages in [json!([call]), json!([call, user, tool]), json!([user, call, user])] {
            let refusal = refusal(&with(&messages));
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains("call_a"), "{}", refusal.message);
        }
        assert_eq!(refusal(&with(&json!([user, tool]))).param.as_deref(), Some("messages.[1].role"));
        let fine = with(&json!([user, call, tool, user]));
        assert!(ChatRequest::parse(fine.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let user = json!([{"role": "user", "content": "hi"}]);
        for (body, status, param) in [
            (json!({"messages": user}), 400, Some("model")),
            (json!({"model": "gpt-4o"}), 400, Some("messages")),
            (json!({"model": "gpt-4o", "messages": user, "tools": []}), 400, Some("tools")),
            (json!({"model": "gpt-4o", "messages": user, "tool_choice": "auto"}), 400, Some("tool_choice")),
            (json!({"model": "gpt-does-not-exist", "messages": user}), 404, None),
            (json!({"model": "does-not-exist", "messages": user}), 404, None),
            (with(&json!([{"role": "robot", "content": "hi"}])), 400, Some("messages.[0].role")),
            (with(&json!([{"role": "user"}])), 400, Some("messages.[0].content")),
        ] {
            let refusal = refusal(&body);
            assert_eq!((refusal.status, refusal.param.as_deref()), (status, param), "{body}");
        }
        assert_eq!(ChatRequest::parse(b"{").unwrap_err().status, 400);
    }
}
