//! What `callflow explore` writes for programs: the same findings as `callflow check`, in the same formats.

use std::process::Command;

use serde_json::Value;

use crate::flows::{SMALL, without};

/// Nobody is free, and the caller is hung up on without a word.
fn alone() -> String {
    without(SMALL, "{end: Nobody is free. Goodbye.}", "{end: silent}")
}

fn run(flow: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let name = format!("callflow-explore-{}-{:?}", std::process::id(), std::thread::current().id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("alone.yaml"), flow).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_callflow")).current_dir(&folder).args(args).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

fn sarif(flow: &str, command: &[&str]) -> (Option<i32>, Value) {
    let (status, out, _) = run(flow, &[command, &["--format", "sarif", "alone.yaml"]].concat());
    let sarif = serde_json::from_str(&out).unwrap();
    assert_eq!(crate::sarif::errors(&sarif), [""; 0]);
    (status, sarif)
}

#[test]
fn what_does_not_hold_is_written_as_sarif_with_its_rule_and_its_place() {
    let (status, explored) = sarif(&alone(), &["explore"]);
    assert_eq!(status, Some(1));
    let run = &explored["runs"][0];
    let result = &run["results"][0];
    assert_eq!(
        (&explored["version"], &result["ruleId"], &result["level"]),
        (&"2.1.0".into(), &"F053".into(), &"error".into())
    );
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "F053");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "alone.yaml");
    assert_eq!(place["region"]["startLine"], 8);
    assert!(result["message"]["text"].as_str().unwrap().contains("the shortest way there: "), "{result}");
    // What `check` finds by exploring, it writes in the same words.
    let (_, checked) = sarif(&alone(), &["check"]);
    let found = |sarif: &Value| {
        let all = sarif["runs"][0]["results"].as_array().unwrap().clone();
        all.into_iter().filter(|result| result["ruleId"] == "F053").collect::<Vec<_>>()
    };
    assert_eq!(found(&explored), found(&checked));
    assert_eq!(explored["runs"][0]["tool"], checked["runs"][0]["tool"]);
}

#[test]
fn what_does_not_hold_is_an_annotation() {
    let (status, out, _) = run(&alone(), &["explore", "--format", "github", "alone.yaml"]);
    assert_eq!(status, Some(1));
    assert!(out.starts_with("::error file=alone.yaml,line=8,"), "{out}");
    assert!(
        out.contains("title=F053::nobody was reached, and the caller is hung up on without a word"),
        "{out}"
    );
}

#[test]
fn a_flow_that_holds_or_has_errors_is_told_in_the_same_formats() {
    let good = &alone().replace("end: silent", "end: Nobody is free. Goodbye.");
    let (status, explored) = sarif(good, &["explore"]);
    assert_eq!((status, explored["runs"][0]["results"].as_array().map(Vec::len)), (Some(0), Some(0)));
    let (status, explored) = sarif(&alone().replace("start: greet", "start: gret"), &["explore"]);
    assert_eq!((status, &explored["runs"][0]["results"][0]["ruleId"]), (Some(1), &"F014".into()));
    let (status, out, err) =
        run(good, &["explore", "--max-states", "10", "--format", "github", "alone.yaml"]);
    assert_eq!((status, out.as_str()), (Some(4), ""));
    assert!(err.contains("not everything was seen"), "{err}");
}
