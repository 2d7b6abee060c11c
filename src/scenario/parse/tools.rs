//! The steps about tools: `tool`, `tool.answers` and `tool.failed`.

use serde_json::{Map, Value as Json};

use crate::flow::{Core, Node, Reader, Value};
use crate::machine::ToolFailure;
use crate::pii::Payload;
use crate::source::Spanned;

use super::super::document::{Action, Answer};

/// How a request can fail, by name. What a status is does not matter beside its class.
const FAILURES: &[(&str, ToolFailure)] = &[
    ("timeout", ToolFailure::Timeout),
    ("unreachable", ToolFailure::Unreachable),
    ("unavailable", ToolFailure::Failed { status: 503 }),
    ("refused", ToolFailure::Refused { status: 404 }),
    ("redirected", ToolFailure::Redirected { status: 302 }),
    ("garbage", ToolFailure::NotJson),
    ("too_long", ToolFailure::TooLong),
];

/// The names that `tool.failed` takes.
pub(in super::super) fn failure_names() -> Vec<&'static str> {
    FAILURES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn fails(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    Some(Action::ToolAnswers(Answer::Fails(reader.word(node, FAILURES)?)))
}

pub(super) fn answers(node: &Node) -> Action {
    Action::ToolAnswers(Answer::Ok(Payload(json(node))))
}

/// `tool: name`, or `tool: {name: {param: value}}`.
pub(super) fn asked(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    let (name, args) = match &node.value {
        Value::Mapping(entries) => match entries.as_slice() {
            [(key, value)] if matches!(value.value, Value::Mapping(_)) => {
                (Spanned::new(key.text.clone(), key.span), json(value))
            }
            _ => {
                reader.wrong(node, "one tool", "write `tool: {name: {parameter: value}}`");
                return None;
            }
        },
        _ => (reader.text(node, "the name of a tool")?, Json::Object(Map::new())),
    };
    Some(Action::ToolAsked { name, args: Payload(args) })
}

/// A value as the server, or the model, writes it.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => {
            Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), json(node))).collect())
        }
        Value::Scalar(scalar) => match scalar.core() {
            Core::Null => Json::Null,
            Core::Bool(value) => value.into(),
            Core::Int => scalar.text.parse::<i64>().map_or_else(|_| scalar.text.as_str().into(), Json::from),
            Core::Float => {
                scalar.text.parse::<f64>().map_or_else(|_| scalar.text.as_str().into(), Json::from)
            }
            Core::Text => scalar.text.as_str().into(),
        },
    }
}
