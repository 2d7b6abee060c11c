//! For tests of schemas: a YAML file as our own reader has it, as JSON.

use callflow::flow::{Core, Node, Value, load};
use callflow::source::SourceFile;
use serde_json::Value as Json;

/// Panics if it is no YAML.
pub fn as_json(text: &str) -> Json {
    json(&load(&SourceFile::new("x", text), &mut Vec::new()).unwrap())
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => entries.iter().map(|(key, node)| (key.text.clone(), json(node))).collect(),
        Value::Scalar(scalar) => match scalar.core() {
            Core::Null => Json::Null,
            Core::Bool(value) => value.into(),
            Core::Int => scalar.text.parse::<i64>().unwrap().into(),
            Core::Float => scalar.text.parse::<f64>().unwrap().into(),
            Core::Text => scalar.text.as_str().into(),
        },
    }
}
