//! What a call leaves in the logs.

use std::collections::HashSet;

use serde_json::Value;

use crate::process::{callflow, run};

#[test]
fn every_line_of_a_call_names_it_and_none_has_a_number_or_a_word_of_it() {
    let flow = ["--flow", "flows/cold_transfer.yaml", "--offline", "--port", "0", "--once", "--speed", "max"];
    let logs = ["--log", "trace", "--log-json"];
    let script =
        "my zebra is ill\nI want to speak to a manager\nyes\n/answer\n/operator Zebra desk\n/hangup\n";
    let ran = run(callflow(&[&flow[..], &logs].concat()), script);
    assert!(ran.out.contains("operator hears"), "{}", ran.out);

    let lines: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_calls = ["callflow::session", "callflow::telephony", "callflow::speech::", "callflow::machine"];
    let mut calls = HashSet::new();
    for line in &lines {
        let target = line["target"].as_str().unwrap();
        let once_a_process = line["message"].as_str().unwrap().contains("TLS");
        if of_calls.iter().any(|module| target.starts_with(module)) && !once_a_process {
            assert!(line["span"]["id"].is_string(), "no call id: {line}");
            calls.insert(line["span"]["id"].to_string());
        }
    }
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(lines.iter().any(|line| line["message"] == "call ended"));
    let text = ran.err.to_lowercase();
    for private in ["zebra", "manager", "hailey", "555010", "bearer"] {
        assert!(!text.contains(private), "{private}");
    }
}

#[test]
fn what_is_said_and_keyed_for_a_booking_is_in_the_call_and_in_no_log() {
    let flow = ["--flow", "flows/table_booking.yaml", "--offline", "--port", "0", "--once", "--speed", "max"];
    let script = "for four\nsoon\nMay third twenty twenty six\n/dtmf 5550100122#\nyes\n";
    let ran = run(callflow(&[&flow[..], &["--log", "trace", "--log-json"]].concat()), script);
    assert_eq!(ran.out.matches("caller hears    On which day?").count(), 2, "{}", ran.out);
    let read_back = "A table for four on May third, twenty twenty-six, and we can reach you at plus one, five five \
                     five, zero one zero, zero one two two. Is that right?";
    assert!(ran.out.contains(read_back) && ran.out.contains("read_back → booked"), "{}", ran.out);
    for private in ["0100122", "2026-05-03", "twenty twenty", "guests: 4"] {
        assert!(!ran.err.contains(private), "{private}");
    }
}
