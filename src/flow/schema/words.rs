//! Texts that are more than text: names, lengths of time, conditions.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Names that the author chooses.
pub(super) const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";

macro_rules! text {
    ($($name:ident: $schema:tt;)*) => {$(
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

text! {
    Text: {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "properties": {"phrase": {"type": "string", "pattern": NAME, "description": "The name of a sentence under `phrases`.", "examples": ["sorry"]}}, "required": ["phrase"], "additionalProperties": false}
        ],
        "description": "Text, which may hold {{ names }} of variables, call.from, call.to, call.id and env.NAME; or {phrase: name} for one of `phrases`."
    };
    Plain: {
        "type": "string",
        "minLength": 1,
        "description": "Text."
    };
    StateName: {
        "type": "string",
        "pattern": NAME,
        "description": "The name of a state."
    };
    Duration: {
        "type": "string",
        "minLength": 2,
        "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
        "description": "A length of time with its unit.",
        "examples": ["500ms", "8s", "1m30s", "2h"]
    };
    Guard: {
        "type": "string",
        "minLength": 1,
        "description": "A condition over variables, call.from, attempts(state) and within(hours).",
        "examples": ["attempts(dialing) < 3", "within(office) and not vip", "team in ['sales', 'support']"]
    };
    Constant: {
        "type": ["string", "number", "boolean", "array"],
        "items": {"type": ["string", "number", "boolean"]},
        "description": "A value of the variable's type."
    };
    Json: {
        "type": ["string", "number", "boolean", "array", "object"],
        "items": {"$ref": "#/$defs/Json"},
        "additionalProperties": {"$ref": "#/$defs/Json"},
        "description": "JSON, whose texts may hold {{ names }} of parameters."
    };
    Path: {
        "type": "string",
        "pattern": "^result(\\.[^.\\s]+)*$",
        "description": "A field of the answer.",
        "examples": ["result", "result.status", "result.items.0.name"]
    };
    Assigned: {
        "type": ["string", "number", "boolean"],
        "description": "The new value; a text may hold {{ names }}."
    };
}
