//! The JSON Schema of test files, for editors.
//!
//! Says less than the parser: it knows keys, types and words, not whether names are those of the flow.

use serde_json::{Map, Value, json};

use super::document::Command;
use super::faults::CATALOGUE;
use super::parse::{absent_names, failure_names, step_names};

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
            "flow": text("Path of the flow, from this file; left out, NAME.yaml beside NAME.test.yaml.", "cold_transfer.yaml"),
            "tests": {"description": "The tests.", "examples": [[{"name": "a caller is greeted", "script": []}]], "type": "array", "items": {"$ref": "#/$defs/Test"}},
        },
        "$defs": {
            "Test": test(),
            "Given": given(),
            "Step": step(),
            "Expect": expect(),
            "Never": never(),
            "Explore": explore(),
            "Part": part(),
        },
    })
}

/// The schema as `schemas/test.schema.json` has it.
#[must_use]
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

fn text(description: &str, example: &str) -> Value {
    json!({"description": description, "examples": [example], "type": "string"})
}

fn test() -> Value {
    let faults: Vec<_> = CATALOGUE.iter().filter(|case| case.is_injectable()).map(|case| case.id).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text("What is so, in a sentence.", "a caller who asks for a manager is put through"),
            "given": {
                "description": "What is so before the call begins.",
                "examples": [{"at": "2026-11-23T10:00-05:00"}], "$ref": "#/$defs/Given",
            },
            "start_in": text("The state in which the call begins; else where the flow says.", "converse"),
            "script": {
                "description": "What happens, in order. A step waits for its moment.",
                "examples": [["I want to speak to a manager", "yes", "operator.answered"]],
                "type": "array", "items": {"$ref": "#/$defs/Step"},
            },
            "explore": {
                "description": "What must hold in everything that can follow the script, whatever happens.",
                "examples": [{"never": {"command": "dial"}, "ends_as": ["caller_left", "completed", "failed"]}],
                "$ref": "#/$defs/Explore",
            },
            "expect": {
                "description": "What must be so at the end.",
                "examples": [{"state": "handed_off"}], "$ref": "#/$defs/Expect",
            },
            "never": {
                "description": "What must not happen in the whole call.",
                "examples": [{"command": "dial"}], "$ref": "#/$defs/Never",
            },
            "judge": {
                "description": "What must be so, in sentences that a model judges. Needs OPENAI_API_KEY.",
                "examples": ["The bot promises no transfer before the caller has agreed."],
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
            "faults": {
                "description": "Edge cases of the catalogue that are injected; the call must survive them.",
                "examples": [["E17", "E24"]],
                "type": "array", "items": {"enum": faults},
            },
            "tags": {
                "description": "Words to choose tests by; `llm` needs a real model.",
                "examples": [["transfer"]], "type": "array", "items": {"type": "string"},
            },
        },
    })
}

fn given() -> Value {
    let values = json!({"type": ["string", "number", "boolean", "array"]});
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "vars": {"description": "Values of variables.", "examples": [{"count": 3}], "type": "object", "additionalProperties": values},
            "env": {
                "description": "Values of the environment; what is left out is fictional.",
                "examples": [{"OPERATOR_NUMBER": "+15550100123"}],
                "type": "object", "additionalProperties": values,
            },
            "at": text("When it is, with offset or zone.", "2026-11-23T10:00-05:00"),
            "from": text("The caller's number, or `withheld`.", "withheld"),
            "to": text("The number called.", "+15550100100"),
        },
    })
}

fn step() -> Value {
    let mut values = Map::new();
    for name in step_names() {
        let (description, example) = about(name);
        values.insert(name.to_owned(), json!({"description": description, "examples": [example]}));
    }
    values.insert(
        "intent".to_owned(),
        json!({
            "description": "The model understands this intent, whatever the words.",
            "examples": ["dial_operator", {"dial_operator": {"reason": "a refund"}}],
            "type": ["string", "object"],
        }),
    );
    values.insert(
        "caller.plays".to_owned(),
        json!({
            "description": "A model plays the caller. Needs OPENAI_API_KEY.",
            "examples": ["You are in a hurry and want a human being."],
            "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Part"}],
        }),
    );
    values.insert(
        "tool".to_owned(),
        json!({
            "description": "The model asks for this tool, whatever the words.",
            "examples": ["order_status", {"order_status": {"order_id": 1234}}],
            "type": ["string", "object"],
        }),
    );
    values.insert(
        "tool.answers".to_owned(),
        json!({
            "description": "The server answers this to the request that is under way, or to the next one.",
            "examples": [{"status": "on its way"}],
        }),
    );
    values.insert(
        "tool.failed".to_owned(),
        json!({
            "description": "The request that is under way, or the next one, fails.",
            "examples": ["timeout"],
            "enum": failure_names(),
        }),
    );
    values.insert(
        "expect".to_owned(),
        json!({
            "description": "What must be so at this moment.",
            "examples": [{"state": "converse"}], "$ref": "#/$defs/Expect",
        }),
    );
    values.insert(
        "race".to_owned(),
        json!({
            "description": "What happens at one moment; every order is run.",
            "examples": [["caller.left", "operator.answered"]],
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

/// What a step is about, and a value of it. Those without a value stand alone.
fn about(name: &str) -> (String, Value) {
    let (about, example) = match name {
        "caller.says" => ("The caller says this when it is their turn.", json!("I need help with my bill")),
        "caller.interrupts" => ("The caller says this now, whatever is being said.", json!("never mind")),
        "caller.dtmf" => ("Keys, when nothing is being said.", json!("0")),
        "caller.silent" | "after" | "wait" => ("Time passes.", json!("4s")),
        "operator.key" => ("Who picked up presses this key.", json!("1")),
        "service.failed" => ("A vendor fails for good.", json!("tts")),
        "reply.failed" => ("The next reply of the model fails.", json!("llm")),
        _ => return (format!("The step `{name}`; it has no value."), Value::Null),
    };
    (about.to_owned(), example)
}

/// One text or several.
fn texts(description: &str, example: &str) -> Value {
    json!({"description": description, "examples": [example], "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
}

fn commands() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let names: Map<_, _> = Command::ALL
        .iter()
        .map(|(name, command)| {
            let described = match command {
                Command::Dial | Command::StopDial => json!({
                    "description": "How often, or which targets in order.",
                    "examples": [1, "operator"],
                    "anyOf": [count, {"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                }),
                _ => json!({"description": "How often.", "examples": [1], "type": "integer", "minimum": 0}),
            };
            ((*name).to_owned(), described)
        })
        .collect();
    json!({
        "description": "What the engine has commanded.",
        "examples": [{"dial": 1, "stop_dial": "operator"}],
        "type": "object", "additionalProperties": false, "properties": names,
    })
}

const OUTCOMES: [&str; 4] = ["transferred", "completed", "caller_left", "failed"];

fn expect() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "state": text("The call is in this state.", "converse"),
            "final": text("The call has ended, and this was its last state.", "goodbye"),
            "outcome": {"description": "How the call has ended.", "examples": ["transferred"], "enum": OUTCOMES},
            "states": {
                "description": "States that were entered in this order, others perhaps in between.",
                "examples": [["greet", "converse"]],
                "type": "array", "items": {"type": "string"},
            },
            "said": texts("What the bot has said, or a part of it.", "Please hold"),
            "commands": commands(),
            "transfer": {
                "description": "How the last attempt to reach somebody ended.",
                "examples": ["no_answer"],
                "enum": ["answered", "no_answer", "busy", "rejected", "unreachable", "voicemail", "failed",
                    "cancelled", "transferred"],
            },
            "never": {"description": "What has not happened.", "examples": [{"state": "handed_off"}], "$ref": "#/$defs/Never"},
            "one_of": {
                "description": "All of one of these must be so.",
                "examples": [[{"state": "handed_off"}, {"outcome": "caller_left"}]],
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
            "state": texts("The call was in one of these states.", "handed_off"),
            "said": texts("The bot said this.", "Goodbye"),
            "command": texts("The engine commanded this.", "dial"),
            "outcome": {"description": "The call ended like this.", "examples": ["failed"], "enum": OUTCOMES},
        },
    });
    json!({"anyOf": [one, {"type": "array", "items": one}]})
}

fn part() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["as"],
        "properties": {
            "as": {
                "description": "Who calls, and what they want.",
                "examples": ["You are in a hurry and want a human being."],
                "type": "string",
            },
            "turns": {
                "description": "How often they speak, at most; else 8.",
                "examples": [6],
                "type": "integer", "minimum": 1, "maximum": 30,
            },
            "until": {
                "description": "The state that ends the part; a failure if it is not entered.",
                "examples": ["confirm_transfer"],
                "type": "string",
            },
        },
    })
}

fn explore() -> Value {
    let names = |description: &str, example: Value| {
        json!({
            "description": description, "examples": [example],
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        })
    };
    let words = |description: &str, words: &[&str], example: Value| {
        let word = json!({"enum": words});
        json!({
            "description": description, "examples": [example],
            "anyOf": [word, {"type": "array", "items": word}],
        })
    };
    let time = |description: &str, example: &str| {
        json!({
            "description": description, "examples": [example],
            "type": "string", "pattern": "^([0-9]+(ms|s|m|h))+$",
        })
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "never": {
                "description": "What happens in no call that can follow.",
                "examples": [{"said": "sorry"}, [{"state": "handed_off"}, {"command": "dial"}]],
                "$ref": "#/$defs/Never",
            },
            "ends_in": names("The states that every call that can follow ends in.", json!(["goodbye", "handed_off"])),
            "ends_as": words("How every call that can follow ends.", &OUTCOMES, json!(["transferred", "completed"])),
            "reaches": names("States that some call comes to from here.", json!(["handed_off"])),
            "silence": time("The longest that the caller may hear nothing.", "12s"),
            "ends_within": time("The longest until the end, if nobody does anything any more.", "2m"),
            "without": words(
                "What does not happen. `failures` is everything that a vendor or the program does wrong.",
                &absent_names(),
                json!(["caller.left", "failures"]),
            ),
            "max_states": {
                "description": "Configurations after which it gives up, and the test fails; else 20000.",
                "examples": [100_000],
                "type": "integer", "minimum": 1, "maximum": 1_000_000,
            },
        },
    })
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
