//! The JSON Schema and the parser agree, and the schema in the repository is the generated one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod as_json;

use std::path::{Path, PathBuf};

use as_json::as_json;
use callflow::flow;
use callflow::source::SourceFile;
use serde_json::Value as Json;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn flows(folder: &str) -> Vec<(String, String)> {
    let mut flows: Vec<_> = std::fs::read_dir(at(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
        .collect();
    flows.sort();
    flows
}

#[test]
fn the_schema_in_the_repository_is_the_generated_one() {
    let path = at("schemas/flow.schema.json");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let same = stored == flow::json_schema_text();
    assert!(same, "run: callflow schema --write schemas/flow.schema.json");
}

/// What an editor shows while a flow is written: what each key is about, and what it can look like.
#[test]
fn every_key_has_a_description_and_an_example() {
    let schema = flow::json_schema();
    let mut wanting = Vec::new();
    let mut keys = 0;
    each_key(&schema, &mut |key, value| {
        keys += 1;
        if value["description"].as_str().is_none_or(|text| text.len() < 8) {
            wanting.push(format!("{key} has no description"));
        }
        if !shows_a_value(&schema, value) {
            wanting.push(format!("{key} has no example"));
        }
    });
    assert!(keys > 100 && wanting.is_empty(), "{keys} keys: {wanting:#?}");
}

/// An editor shows the first description that fits the value; one on an alternative would hide the key's.
#[test]
fn alternatives_have_no_description_of_their_own() {
    let schema = flow::json_schema();
    each_key(&schema, &mut |key, value| {
        let alternatives = |schema: &Json| schema["anyOf"].as_array().cloned().unwrap_or_default();
        for alternative in alternatives(target(&schema, value)).into_iter().chain(alternatives(value)) {
            let hides =
                [&alternative, target(&schema, &alternative)].iter().any(|a| a.get("description").is_some());
            assert!(!hides, "{key}: {alternative}");
        }
    });
}

fn target<'s>(root: &'s Json, schema: &'s Json) -> &'s Json {
    let name = schema["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
    name.map_or(schema, |pointer| root.pointer(pointer).unwrap())
}

fn shows_a_value(root: &Json, schema: &Json) -> bool {
    let has = |schema: &Json| {
        ["examples", "enum", "const", "properties"].iter().any(|key| schema.get(key).is_some())
            || ["boolean", "integer", "number"].iter().any(|kind| schema["type"] == *kind)
    };
    let schemas = [schema, target(root, schema)];
    let below = |schema: &Json| {
        let parts = schema["anyOf"].as_array().into_iter().flatten();
        let parts = parts.chain(["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)));
        parts.filter(|part| part.is_object()).any(|part| shows_a_value(root, part))
    };
    schemas.iter().any(|schema| has(schema) || below(schema))
}

/// Every key that the language has, wherever it stands in the schema.
fn each_key(schema: &Json, see: &mut dyn FnMut(&str, &Json)) {
    match schema {
        Json::Object(map) => {
            for (word, value) in map {
                match value {
                    // Flows have a key `properties`, too: what stands in here are keys, not words of the schema.
                    Json::Object(keys) if matches!(word.as_str(), "properties" | "patternProperties") => {
                        for (key, value) in keys {
                            see(key, value);
                            each_key(value, see);
                        }
                    }
                    value => each_key(value, see),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| each_key(item, see)),
        _ => {}
    }
}

#[test]
fn good_flows_fit_the_schema() {
    let schema = jsonschema::validator_for(&flow::json_schema()).unwrap();
    for (name, text) in flows("flows").into_iter().chain(flows("tests/flows/ok")) {
        let json = as_json(&text);
        let errors: Vec<_> =
            schema.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn flows_with_wrong_keys_words_and_types_do_not_fit() {
    let schema = jsonschema::validator_for(&flow::json_schema()).unwrap();
    for (name, text) in flows("tests/flows/err") {
        let structural = ["f003", "f004", "f005", "f006", "f007", "f009", "f011"];
        // What another file holds, a schema cannot know.
        let elsewhere = name.starts_with("f005_recording");
        if structural.iter().any(|rule| name.starts_with(rule)) && !elsewhere {
            assert!(!schema.is_valid(&as_json(&text)), "{name} fits the schema");
        }
    }
}

/// One key taken away or misspelt at a time: what the schema refuses, the parser refuses as well.
#[test]
fn an_unknown_key_anywhere_is_refused_by_both() {
    let schema = jsonschema::validator_for(&flow::json_schema()).unwrap();
    let everything = as_json(&std::fs::read_to_string(at("tests/flows/ok/everything.yaml")).unwrap());
    let mut places = Vec::new();
    maps(&everything, String::new(), &mut places);
    assert!(places.len() > 40);
    for place in places {
        let mut changed = everything.clone();
        let map = changed.pointer_mut(&place).unwrap().as_object_mut().unwrap();
        map.insert("qqqq-qqqq".into(), Json::Null);
        let source = SourceFile::new("x", changed.to_string());
        let by_parser = callflow::check::check(&source, callflow::check::EnvMode::Unknown).flow.is_none();
        assert!(by_parser, "the parser takes an unknown key at {place}");
        // Variables are not known to the schema.
        if !place.ends_with("/set") {
            assert!(!schema.is_valid(&changed), "the schema takes an unknown key at {place}");
        }
    }
}

fn maps(json: &Json, place: String, places: &mut Vec<String>) {
    match json {
        Json::Object(map) => {
            for (key, value) in map {
                maps(value, format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
            places.push(place);
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                maps(value, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
}

/// What may be left out may not be there without a value.
#[test]
fn a_key_without_a_value_is_refused_by_both() {
    let schema = jsonschema::validator_for(&flow::json_schema()).unwrap();
    let everything = as_json(&std::fs::read_to_string(at("tests/flows/ok/everything.yaml")).unwrap());
    let mut places = Vec::new();
    maps(&everything, String::new(), &mut places);
    for place in places {
        for key in everything.pointer(&place).unwrap().as_object().unwrap().keys() {
            let mut changed = everything.clone();
            changed.pointer_mut(&place).unwrap()[key] = Json::Null;
            assert!(!schema.is_valid(&changed), "the schema takes nothing as {place}/{key}");
            let source = SourceFile::new("x", changed.to_string());
            let checked = callflow::check::check(&source, callflow::check::EnvMode::Unknown);
            assert!(checked.flow.is_none(), "the parser takes nothing as {place}/{key}");
        }
    }
}

/// Editors and other tools read flows with other YAML readers: they must read the same.
#[test]
fn another_reader_of_yaml_reads_the_same() {
    let options = serde_yaml::options! { strict_booleans: true };
    for (name, text) in flows("flows").into_iter().chain(flows("tests/flows/ok")) {
        let other: Json = serde_yaml::from_str_with_options(&text, options.clone()).unwrap();
        assert_eq!(as_json(&text), other, "{name}");
    }
}
