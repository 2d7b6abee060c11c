//! Whole calls with each choice of providers.

use std::path::PathBuf;

use serde_json::json;

use crate::process::{Ran, callflow, run};

const LINES: &str = "I need help with my bill\nI want to speak to a manager\nyes\n/answer\n/hangup\n";

/// The shipped flow with other services.
fn call(name: &str, services: &str) -> Ran {
    let shipped =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/flows/cold_transfer.yaml")).unwrap();
    let (before, rest) = shipped.split_once("services:").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    let file: PathBuf = std::env::temp_dir().join(format!("callflow-{name}-{}.yaml", uuid::Uuid::new_v4()));
    std::fs::write(&file, format!("{before}services: {services}\n\n{after}")).unwrap();
    let flow = file.to_str().unwrap();
    let args = ["--flow", flow, "--offline", "--port", "0", "--once", "--json", "--speed", "max"];
    let ran = run(callflow(&args), LINES);
    std::fs::remove_file(&file).unwrap();
    ran
}

#[track_caller]
fn transfers(ran: &Ran) {
    let record = ran.record();
    let path = ["greet", "converse", "confirm_transfer", "dialing_operator", "handed_off"];
    assert_eq!((&record["outcome"], &record["states"]), (&json!("transferred"), &json!(path)), "{}", ran.err);
    let bot: Vec<_> =
        record["turns"].as_array().unwrap().iter().filter(|turn| turn["who"] == "bot").collect();
    assert!(bot.iter().all(|turn| turn["text"] == turn["heard"]), "{bot:?}");
    assert!(ran.err.contains("I'm happy to help with your bill."), "{}", ran.err);
}

#[test]
fn every_recogniser_goes_with_every_voice() {
    for stt in ["deepgram", "deepgram_flux", "openai"] {
        for tts in ["cartesia", "deepgram", "openai"] {
            transfers(&call(
                "combination",
                &format!("{{stt: {{provider: {stt}}}, tts: {{provider: {tts}}}}}"),
            ));
        }
    }
}

#[test]
fn a_server_of_one_s_own_thinks_and_its_models_may_be_anybody_s() {
    let ran = call("own", r#"{llm: {model: llama3.1, base_url: "http://127.0.0.1:9/v1"}}"#);
    transfers(&ran);
    assert!(ran.err.contains("sandbox, as the flow's server"), "{}", ran.err);
}

#[test]
fn a_flow_with_fallbacks_is_the_same_call_while_nobody_fails() {
    transfers(&call(
        "fallbacks",
        "{stt: {fallback: {provider: openai}}, llm: {fallback: {model: gpt-4o-mini}}, tts: {fallback: {provider: deepgram}}}",
    ));
}
