//! Intents and tools as the model is offered them, and what it fills in.

use serde_json::{Map, Value, json};

use crate::pii::Utterance;
use crate::plan::{self, Intent, Param, VarKind};
use crate::speech::Tool;

/// An intent as the model sees it. The stand-in model of the sandbox reads the examples, too.
pub(crate) fn intent_tool(intent: &Intent) -> Tool {
    let mut description = intent.when.to_string();
    if !intent.examples.is_empty() {
        let examples: Vec<String> = intent.examples.iter().map(|e| format!("{e:?}")).collect();
        description = format!("{} Examples: {}", description.trim_end(), examples.join(", "));
    }
    let properties: Map<String, Value> = intent
        .slots
        .iter()
        .map(|slot| {
            let kind = match &*slot.kind {
                "int" => "integer",
                "number" => "number",
                "bool" => "boolean",
                _ => "string",
            };
            (slot.name.to_string(), json!({ "type": kind }))
        })
        .collect();
    let required: Vec<&str> = intent.slots.iter().filter(|s| !s.optional).map(|s| &*s.name).collect();
    Tool {
        name: intent.name.to_string(),
        description,
        parameters: json!({ "type": "object", "properties": properties, "required": required }),
    }
}

/// A tool of the flow as the model sees it.
pub(crate) fn tool(tool: &plan::Tool) -> Tool {
    let properties: Map<String, Value> =
        tool.params.iter().map(|param| (param.name.to_string(), schema(param))).collect();
    let required: Vec<&str> = tool.params.iter().filter(|p| !p.optional).map(|p| &*p.name).collect();
    Tool {
        name: tool.name.to_string(),
        description: tool.when.to_string(),
        parameters: json!({ "type": "object", "properties": properties, "required": required }),
    }
}

/// The JSON Schema of a parameter.
fn schema(param: &Param) -> Value {
    let mut schema = match &param.kind {
        VarKind::Text => json!({ "type": "string" }),
        VarKind::Int => json!({ "type": "integer" }),
        VarKind::Number => json!({ "type": "number" }),
        VarKind::Bool => json!({ "type": "boolean" }),
        VarKind::Enum(words) => json!({ "type": "string", "enum": words }),
        VarKind::List => json!({ "type": "array", "items": { "type": "string" } }),
        kind @ (VarKind::Phone | VarKind::Date | VarKind::Duration) => {
            json!({ "type": "string", "description": kind.example() })
        }
    };
    if let Some(description) = &param.description {
        schema["description"] = Value::from(&**description);
    }
    schema
}

/// The values that come with an intent, as texts.
pub(super) fn slots(arguments: &Map<String, Value>) -> Vec<(String, Utterance)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    arguments
        .iter()
        .filter(|(_, v)| !v.is_null())
        .map(|(k, v)| (k.clone(), Utterance::new(text(v))))
        .collect()
}
