//! Calls of the shipped flow, piped.

use std::process::Stdio;

use serde_json::json;

use crate::process::{Running, call, callflow, signal};

const ASK: [&str; 3] = ["I need help with my bill", "I want to speak to a manager", "yes"];

#[test]
fn the_call_of_the_readme_ends_transferred_with_a_record_that_says_so() {
    let ran = call(&[&ASK[..], &["/answer", "/hangup"]].concat());
    let record = ran.record();
    assert_eq!(ran.code, Some(0));
    assert_eq!((&record["version"], &record["flow"]), (&json!(1), &json!("cold_transfer")));
    assert_eq!(record["outcome"], "transferred");
    let path = ["greet", "converse", "confirm_transfer", "dialing_operator", "handed_off"];
    assert_eq!(record["states"], json!(path));
    let transfer = &record["transfer"];
    let known = json!({"target": "operator", "outcome": "answered", "known": "reported", "attempts": 1});
    for (field, value) in known.as_object().unwrap() {
        assert_eq!(transfer[field], *value, "{field}");
    }
    assert!(transfer["ring_ms"].is_u64() && transfer["bot_left_ms"].is_u64(), "{transfer}");
    let turn = &record["turns"][1];
    assert_eq!((&turn["who"], &turn["heard"]), (&json!("caller"), &json!(ASK[0])));
    assert!(turn["start_ms"].as_u64() < turn["end_ms"].as_u64(), "{turn}");
}

#[test]
fn a_run_ends_with_how_long_the_caller_waited_for_answers() {
    let ran = call(&["I need help with my bill", "how much is it", "/hangup"]);
    let record = ran.record();
    let mut totals: Vec<_> = record["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["total_ms"].as_f64().unwrap())
        .collect();
    totals.sort_by(f64::total_cmp);
    let [faster, slower] = totals[..] else { panic!("{record}") };
    assert_eq!(record["answer_ms"], json!({"count": 2, "p50": faster, "p95": slower}));
    let line =
        format!("2 answers of the model: p50 {faster:.0} ms, p95 {slower:.0} ms from silence to sound");
    assert!(ran.err.lines().any(|told| told.trim() == line), "{line}\n{}", ran.err);
    assert_eq!(call(&["/hangup"]).record().get("answer_ms"), None);
}

#[test]
fn after_a_refusal_the_caller_hears_the_apology_and_is_back_in_the_conversation() {
    let ran = call(&[&ASK[..], &["/reject busy", "that's all, bye"]].concat());
    let record = ran.record();
    let path = ["greet", "converse", "confirm_transfer", "dialing_operator", "converse", "goodbye"];
    assert_eq!((&record["outcome"], &record["states"]), (&json!("completed"), &json!(path)));
    assert!(ran.err.contains("caller hears    I'm sorry, I couldn't reach a supervisor."), "{}", ran.err);
}

#[test]
fn the_operator_s_phone_stops_ringing_when_the_caller_hangs_up() {
    let ran = call(&[&ASK[..], &["/hangup"]].concat());
    assert_eq!((ran.code, &ran.record()["outcome"]), (Some(0), &json!("caller_left")));
    let at = |text: &str| {
        let line = ran.err.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{}", ran.err));
        line.trim().split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let left = at("caller          the line is closed (hung up)");
    let silent = at("operator        the line is closed");
    assert!(silent - left <= 0.2, "{left} {silent}");
}

#[test]
fn the_end_of_the_input_hangs_up() {
    let ran = call(&["hello", "# and no more"]);
    assert_eq!((ran.code, &ran.record()["outcome"]), (Some(0), &json!("caller_left")));
}

#[test]
fn lines_that_never_made_sense_are_told() {
    let ran = call(&["/answer", "/dance"]);
    assert!(ran.err.contains("line 1 was not used: /answer (the call was over)"), "{}", ran.err);
    assert!(ran.err.contains("line 2 was not used: there is no command \"/dance\""), "{}", ran.err);
}

#[test]
fn a_line_in_another_encoding_is_said_and_the_next_one_too() {
    let mut child = callflow(&["--flow", "flows/cold_transfer.yaml", "--offline", "--port", "0"]);
    child.args(["--once", "--speed", "max"]);
    let script = std::env::temp_dir().join(format!("callflow-latin1-{}", std::process::id()));
    std::fs::write(&script, b"my caf\xe9\nthat's all, bye\n").unwrap();
    child.stdin(std::fs::File::open(&script).unwrap());
    let output = child.output().unwrap();
    std::fs::remove_file(script).unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("bot hears       that's all, bye"), "{out}");
}

#[test]
fn a_record_without_a_reader_is_an_error() {
    let mut child = callflow(&["--flow", "flows/cold_transfer.yaml", "--offline", "--port", "0"]);
    child.args(["--once", "--json", "--speed", "max"]).stdin(Stdio::null());
    let mut child = child.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a call up to the handoff.
fn bridged() -> Running {
    let flow = ["--flow", "flows/cold_transfer.yaml", "--offline", "--port", "0"];
    let mut run = Running::start(callflow(&[&flow[..], &["--once", "--speed", "20"]].concat()));
    for line in &ASK[1..] {
        run.types(line);
    }
    run.types("/answer");
    run.until("has left the conversation");
    run
}

#[test]
fn people_who_were_connected_talk_on_after_a_signal_until_one_hangs_up() {
    let mut run = bridged();
    signal("TERM", run.id());
    for line in ["/wait 3s", "/operator Still here", "Me too", "/hangup"] {
        run.types(line);
    }
    run.input_ends();
    run.until("caller hears    Still here")
        .until("operator hears  Me too")
        .until("call over       transferred");
    assert_eq!(run.code(), Some(0));
}

#[test]
fn a_second_signal_ends_them_at_once() {
    let mut run = bridged();
    signal("TERM", run.id());
    run.types("/wait 1s");
    run.types("/operator Still here");
    run.until("caller hears    Still here");
    signal("INT", run.id());
    run.until("call over       transferred");
    assert_eq!(run.code(), Some(0));
}

#[test]
fn a_signal_during_the_conversation_is_told_to_the_caller() {
    let flow = ["--flow", "flows/cold_transfer.yaml", "--offline", "--port", "0"];
    let mut run = Running::start(callflow(&[&flow[..], &["--once", "--speed", "20"]].concat()));
    run.until("state           converse");
    signal("TERM", run.id());
    run.until("caller hears    I'm sorry, we have to end this call now. Goodbye.");
    run.until("call over       failed");
    assert_eq!(run.code(), Some(3));
}
