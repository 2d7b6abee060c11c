//! The JSON Schema of test files, for editors.
//!
//! Says less than the parser: it knows keys, types and words, not whether names are those of the flow.

use serde_json::{Map, Value, json};

use super::document::Command;
use super::faults::CATALOGUE;
use super::parse::step_names;

/// The JSON Schema (draft 2020-12) of a test file.
#[must_use]
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "callflow tests, version 1",
        "description": "Calls told step by step, run on a virtual clock by `callflow test`.",
        "type": "object",
        "additionalProperties": false,
        "required": ["tests"],
        "properties": {
            "flow": text("Path of the flow, from this file; left out, NAME.yaml beside NAME.test.yaml."),
            "tests": {"description": "The tests.", "type": "array", "items": {"$ref": "#/$defs/Test"}},
        },
        "$defs": {
            "Test": test(),
            "Given": given(),
            "Step": step(),
            "Expect": expect(),
            "Never": never(),
        },
    })
}

/// The schema as `schemas/test.schema.json` has it.
#[must_use]
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

fn text(description: &str) -> Value {
    json!({"description": description, "type": "string"})
}

fn test() -> Value {
    let faults: Vec<_> = CATALOGUE.iter().filter(|case| case.is_injectable()).map(|case| case.id).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text("What is so, in a sentence."),
            "given": {"description": "What is so before the call begins.", "$ref": "#/$defs/Given"},
            "start_in": text("The state in which the call begins; else where the flow says."),
            "script": {
                "description": "What happens, in order. A step waits for its moment.",
                "type": "array", "items": {"$ref": "#/$defs/Step"},
            },
            "expect": {"description": "What must be so at the end.", "$ref": "#/$defs/Expect"},
            "never": {"description": "What must not happen in the whole call.", "$ref": "#/$defs/Never"},
            "faults": {
                "description": "Edge cases of the catalogue that are injected; the call must survive them.",
                "type": "array", "items": {"enum": faults},
            },
            "tags": {"description": "Words to choose tests by.", "type": "array", "items": {"type": "string"}},
        },
    })
}

fn given() -> Value {
    let values = json!({"type": ["string", "number", "boolean", "array"]});
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "vars": {"description": "Values of variables.", "type": "object", "additionalProperties": values},
            "env": {
                "description": "Values of the environment; what is left out is fictional.",
                "type": "object", "additionalProperties": values,
            },
            "at": text("When it is, with offset or zone: 2026-11-23T10:00-05:00."),
            "from": text("The caller's number, or `withheld`."),
            "to": text("The number called."),
        },
    })
}

fn step() -> Value {
    let mut values = Map::new();
    for name in step_names() {
        let description = format!("The step `{name}`.");
        values.insert(name.to_owned(), json!({"description": description}));
    }
    values.insert(
        "intent".to_owned(),
        json!({
            "description": "The model understands this intent, whatever the words.",
            "type": ["string", "object"],
        }),
    );
    values.insert(
        "expect".to_owned(),
        json!({
            "description": "What must be so at this moment.", "$ref": "#/$defs/Expect",
        }),
    );
    values.insert(
        "race".to_owned(),
        json!({
            "description": "What happens at one moment; every order is run.",
            "type": "array", "minItems": 2, "maxItems": 4, "items": {"$ref": "#/$defs/Step"},
        }),
    );
    json!({
        "anyOf": [
            {"description": "What the caller says, or an event by its name.", "type": "string"},
            {
                "type": "object", "additionalProperties": false,
                "minProperties": 1, "maxProperties": 1, "properties": values,
            },
        ],
    })
}

/// One text or several.
fn texts(description: &str) -> Value {
    json!({"description": description, "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
}

fn commands() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let names: Map<_, _> = Command::ALL
        .iter()
        .map(|(name, command)| {
            let described = match command {
                Command::Dial | Command::StopDial => json!({
                    "description": "How often, or which targets in order.",
                    "anyOf": [count, {"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                }),
                _ => json!({"description": "How often.", "type": "integer", "minimum": 0}),
            };
            ((*name).to_owned(), described)
        })
        .collect();
    json!({
        "description": "What the engine has commanded.",
        "type": "object", "additionalProperties": false, "properties": names,
    })
}

const OUTCOMES: [&str; 4] = ["transferred", "completed", "caller_left", "failed"];

fn expect() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "state": text("The call is in this state."),
            "final": text("The call has ended, and this was its last state."),
            "outcome": {"description": "How the call has ended.", "enum": OUTCOMES},
            "states": {
                "description": "States that were entered in this order, others perhaps in between.",
                "type": "array", "items": {"type": "string"},
            },
            "said": texts("What the bot has said, or a part of it."),
            "commands": commands(),
            "transfer": {
                "description": "How the last attempt to reach somebody ended.",
                "enum": ["answered", "no_answer", "busy", "rejected", "unreachable", "voicemail", "failed",
                    "cancelled", "transferred"],
            },
            "never": {"description": "What has not happened.", "$ref": "#/$defs/Never"},
            "one_of": {
                "description": "All of one of these must be so.",
                "type": "array", "items": {"$ref": "#/$defs/Expect"},
            },
        },
    })
}

fn never() -> Value {
    let one = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "state": texts("The call was in one of these states."),
            "said": texts("The bot said this."),
            "command": texts("The engine commanded this."),
            "outcome": {"description": "The call ended like this.", "enum": OUTCOMES},
        },
    });
    json!({"anyOf": [one, {"type": "array", "items": one}]})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::parse::shapes;

    #[test]
    fn the_schema_has_the_parsers_keys() {
        let schema = super::json_schema();
        for (name, place, keys) in shapes() {
            let mirror = schema.pointer(place).unwrap();
            let known: BTreeSet<_> =
                mirror["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(known, keys.iter().copied().collect(), "{name}");
            assert_eq!(mirror["additionalProperties"], false, "{name} must refuse unknown keys");
        }
    }
}
