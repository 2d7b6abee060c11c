//! The schema of SARIF 2.1.0, for every test of what is written in it.

/// Everything that is not as the standard wants it.
pub fn errors(sarif: &serde_json::Value) -> Vec<String> {
    // One bracket too many in the pattern of `language`, which is no regular expression to a strict reader.
    let text = include_str!("sarif-schema-2.1.0.json").replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    schema.iter_errors(sarif).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
