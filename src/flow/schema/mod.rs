//! The JSON Schema of flows, for editors and for whoever generates flows.
//!
//! The types here mirror the language and are never filled: schemars reads their shape, their comments
//! become the descriptions that an editor shows. A test holds that they have the parser's keys. The schema
//! says less than the checker: it knows keys, types and words, not whether names resolve.

mod events;
mod kinds;
mod sections;
mod states;
mod tools;
mod words;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The JSON Schema (draft 2020-12) of a flow.
#[must_use]
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<sections::Flow>().to_value();
    refine(&mut schema);
    bare_alternatives(&mut schema);
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    whole.insert("title".to_owned(), "callflow flow, version 1".into());
    if let Value::Object(rest) = schema {
        whole.extend(rest.into_iter().filter(|(key, _)| key != "title" && key != "$schema"));
    }
    Value::Object(whole)
}

/// What may be left out may not be empty: schemars says "or null", the language does not. And the lines of
/// a comment are one paragraph.
fn refine(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(refine),
        Value::Object(map) => {
            map.values_mut().for_each(refine);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    map.shift_remove("anyOf");
                    for (key, value) in only {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            one_of_words(map);
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
        }
        _ => {}
    }
}

/// Words, each with its comment: as `enum` and `enumDescriptions`, which editors show beside the key's own
/// description, not instead of it.
fn one_of_words(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("oneOf") else { return };
    let of = |key: &str| choices.iter().map(|c| c.get(key).cloned()).collect::<Option<Vec<_>>>();
    let (Some(words), Some(about)) = (of("const"), of("description")) else { return };
    map.shift_remove("oneOf");
    map.insert("type".to_owned(), "string".into());
    map.insert("enum".to_owned(), words.into());
    map.insert("enumDescriptions".to_owned(), about.into());
}

/// Takes the descriptions from the alternatives of a value. An editor shows the first description that fits what
/// is written, so "The words." would hide what the key is about.
fn bare_alternatives(schema: &mut Value) {
    let definitions = schema.get("$defs").cloned().unwrap_or_default();
    let mut described = Vec::new();
    bare(schema, &definitions, &mut described);
    for name in described {
        if let Some(Value::Object(definition)) = schema.pointer_mut(&format!("/$defs/{name}")) {
            definition.shift_remove("description");
        }
    }
}

fn bare(schema: &mut Value, definitions: &Value, described: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| bare(item, definitions, described)),
        Value::Object(map) => {
            map.values_mut().for_each(|value| bare(value, definitions, described));
            let Some(Value::Array(choices)) = map.get_mut("anyOf") else { return };
            for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
                choice.shift_remove("description");
                let name =
                    choice.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
                let Some((name, Value::Object(definition))) =
                    name.and_then(|n| Some((n, definitions.get(n)?)))
                else {
                    continue;
                };
                if definition.contains_key("properties") || definition.contains_key("anyOf") {
                    described.push(name.to_owned());
                } else {
                    // Text, names and lengths of time keep their own description where a key is just that.
                    *choice = definition.clone();
                    choice.shift_remove("description");
                }
            }
        }
        _ => {}
    }
}

/// The schema as `schemas/flow.schema.json` has it.
#[must_use]
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::flow::parse::shapes;

    fn keys(schema: &serde_json::Value) -> BTreeSet<&str> {
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_schema_has_the_parsers_keys() {
        let schema = super::json_schema();
        let mut seen = BTreeSet::new();
        for (name, shape) in shapes() {
            let mirror = if name == "Flow" { &schema } else { &schema["$defs"][name] };
            assert_eq!(keys(mirror), shape.into_iter().collect(), "{name}");
            assert_eq!(mirror["additionalProperties"], false, "{name} must refuse unknown keys");
            seen.insert(name);
        }
        for (name, mirror) in schema["$defs"].as_object().unwrap() {
            // The parser reads events by their grammar, not from a list of keys.
            let has_shape = name == "Edges" || seen.contains(name.as_str());
            assert!(mirror.get("properties").is_none() || has_shape, "{name} has no shape");
        }
    }

    #[test]
    fn every_key_is_described() {
        let schema = super::json_schema();
        let mirrors = schema["$defs"].as_object().unwrap().values().chain([&schema]);
        for (key, value) in mirrors.filter_map(|m| m.get("properties")?.as_object()).flatten() {
            assert!(value.get("description").is_some(), "{key} is not described: {value}");
        }
    }
}
