//! Which tool a request calls, and with what.

use serde_json::{Map, Value, json};

use super::request::{ChatRequest, Role, Tool, ToolChoice};
use crate::matcher::{Candidate, best};

/// The tool that this request calls: the one that is named, or whose description fits what the user said.
pub(super) fn choose(request: &ChatRequest) -> Option<&Tool> {
    if request.last_speaker() != Some(Role::User) {
        return None;
    }
    let fitting = || {
        let candidates: Vec<_> = request.tools.iter().map(|tool| candidate(&tool.description)).collect();
        best(request.last_user_text(), &candidates).and_then(|index| request.tools.get(index))
    };
    match &request.tool_choice {
        ToolChoice::None => None,
        ToolChoice::Auto => fitting(),
        ToolChoice::Required => fitting().or(request.tools.first()),
        ToolChoice::Named(name) => request.tools.iter().find(|tool| tool.name == *name),
    }
}

/// A description is when to call, then `Examples:` and sentences in quotation marks.
fn candidate(description: &str) -> Candidate {
    match description.split_once("Examples:") {
        Some((when, examples)) => Candidate::new(when.trim(), quoted(examples)),
        None => Candidate::new(description.trim(), []),
    }
}

fn quoted(text: &str) -> Vec<&str> {
    let pieces = text.split(['"', '“', '”']);
    pieces.skip(1).step_by(2).map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

/// Arguments as JSON: what is required, filled from what the user said.
pub(super) fn arguments(tool: &Tool, said: &str) -> Value {
    let required = tool.parameters["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = required.iter().filter_map(Value::as_str);
    let filled = names.map(|name| (name.to_owned(), argument(&tool.parameters["properties"][name], said)));
    Value::Object(filled.collect::<Map<_, _>>())
}

fn argument(schema: &Value, said: &str) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        let spoken = |value: &&Value| {
            value.as_str().is_some_and(|value| said.to_lowercase().contains(&value.to_lowercase()))
        };
        return values.iter().find(spoken).or(values.first()).cloned().unwrap_or_default();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => {
            let mut numbers =
                said.split(|c: char| !c.is_ascii_digit()).filter_map(|run| run.parse::<u64>().ok());
            json!(numbers.next().unwrap_or_default())
        }
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(said: &str, choice: &Value) -> ChatRequest {
        let tool = |name: &str, description: &str| {
            json!({"type": "function", "function": {"name": name, "description": description, "parameters":
                {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}}})
        };
        let body = json!({
            "model": "gpt-4o",
            "messages": [{"role": "system", "content": "You are Hailey."}, {"role": "user", "content": said}],
            "tools": [
                tool("dial_operator", "The caller asks for a supervisor, a manager or a human agent. Examples: \
                    \"I want to speak to a manager\", \"can I talk to a real person\""),
                tool("terminate_call", "The caller says goodbye or has no more questions. Examples: “that's all, bye”"),
            ],
            "tool_choice": choice,
        });
        ChatRequest::parse(body.to_string().as_bytes()).unwrap()
    }

    fn chosen(said: &str, choice: &Value) -> Option<String> {
        choose(&request(said, choice)).map(|tool| tool.name.clone())
    }

    #[test]
    fn the_tool_that_fits_is_called_and_none_if_none_fits() {
        let auto = json!("auto");
        assert_eq!(chosen("I want to speak to a manager", &auto).as_deref(), Some("dial_operator"));
        assert_eq!(chosen("That's all. Bye!", &auto).as_deref(), Some("terminate_call"));
        assert_eq!(chosen("I need help with my bill", &auto), None);
        assert_eq!(chosen("I want to speak to a manager", &json!("none")), None);
        assert_eq!(chosen("I need help", &json!("required")).as_deref(), Some("dial_operator"));
        let named = json!({"type": "function", "function": {"name": "terminate_call"}});
        assert_eq!(chosen("I need help", &named).as_deref(), Some("terminate_call"));
    }

    #[test]
    fn required_arguments_are_filled_by_their_types() {
        let tool = Tool {
            name: "f".to_owned(),
            description: String::new(),
            parameters: json!({"required": ["why", "count", "size", "sure"], "properties": {
                "why": {"type": "string"}, "count": {"type": "integer"}, "optional": {"type": "string"},
                "size": {"enum": ["small", "large"]}, "sure": {"type": "boolean"}}}),
        };
        let said = "I want 3 large ones";
        let expected = json!({"why": said, "count": 3, "size": "large", "sure": true});
        assert_eq!(arguments(&tool, said), expected);
        let plain = Tool { parameters: Value::Null, ..tool };
        assert_eq!(arguments(&plain, said), json!({}));
    }
}
