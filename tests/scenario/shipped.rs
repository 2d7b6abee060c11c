//! The tests beside the shipped flows: they pass, reach everything, and fit their schema.

use std::fs;

use callflow::scenario::coverage::Coverage;
use callflow::scenario::{generate, json_schema, json_schema_text};
use serde_json::Value as Json;

use super::as_json::as_json;
use super::stage::{all_pass, flow, play, shipped, suite};

const FLOWS: [&str; 4] = ["cold_transfer", "business_hours", "order_status", "table_booking"];

fn tests_of(name: &str) -> String {
    fs::read_to_string(format!("flows/{name}.test.yaml")).unwrap()
}

#[test]
fn the_shipped_tests_pass_and_reach_every_state_edge_and_outcome() {
    for name in FLOWS {
        let subject = shipped(&format!("{name}.yaml"));
        let text = tests_of(name);
        all_pass(&text, &subject);
        let mut coverage = Coverage::of(subject.plan());
        for test in &suite(&text, &subject).tests {
            play(test, &subject).iter().for_each(|ran| coverage.add(&ran.world));
        }
        let missing: Vec<_> = coverage.findings(&subject).into_iter().map(|found| found.message).collect();
        assert_eq!(coverage.least(), 100, "{name}: {missing:#?}");
    }
}

#[test]
fn what_is_generated_passes_and_leaves_nothing_uncovered_that_was_found() {
    for name in FLOWS {
        let subject = shipped(&format!("{name}.yaml"));
        let (text, count) = generate::generate(subject.plan(), Coverage::of(subject.plan()));
        assert!(count > 5, "{name}: {count}");
        all_pass(&text, &subject);
        let mut coverage = Coverage::of(subject.plan());
        for test in &suite(&text, &subject).tests {
            play(test, &subject).iter().for_each(|ran| coverage.add(&ran.world));
        }
        assert_eq!((coverage.states().percent(), coverage.outcomes().percent()), (100, 100), "{name}");
        let (again, more) = generate::generate(subject.plan(), coverage);
        assert_eq!(more, 0, "{name}: {again}");
    }
}

#[test]
fn a_state_that_a_test_leaves_out_is_found_with_its_place() {
    let subject = flow(
        "callflow: 1\nstart: ask\nstates:\n  ask:\n    confirm: Shall I?\n    \
         on: {accepted: done, declined: bye, exhausted: bye}\n  done: {end: Done.}\n  bye: {end: Bye.}\n",
    );
    let mut coverage = Coverage::of(subject.plan());
    let text = "tests:\n  - {name: yes, script: [\"yes\"], expect: {final: done}}\n";
    for test in &suite(text, &subject).tests {
        play(test, &subject).iter().for_each(|ran| coverage.add(&ran.world));
    }
    let found: Vec<_> = coverage
        .findings(&subject)
        .into_iter()
        .map(|found| (found.id.code(), subject.source().slice(found.primary.span).to_owned(), found.message))
        .collect();
    let text = |code, place: &str, message: &str| (code, place.to_owned(), message.to_owned());
    assert!(found.contains(&text("F070", "bye", "no test enters `bye`")), "{found:?}");
    assert!(found.contains(&text("F070", "bye", "no test takes `declined` of `ask` to `bye`")), "{found:?}");
    assert!(
        found.iter().any(|(code, _, message)| *code == "F071" && message.contains("`exhausted`")),
        "{found:?}"
    );
    assert_eq!((coverage.states().reached, coverage.states().all), (2, 3));
    let json = coverage.json(&subject);
    assert_eq!(json["edges"][1]["count"], 0);
    assert_eq!(json["edges"][1]["line"], 6);
}

#[test]
fn the_schema_in_the_repository_is_the_generated_one_and_the_shipped_tests_fit_it() {
    let stored = fs::read_to_string("schemas/test.schema.json").unwrap_or_default();
    assert!(stored == json_schema_text(), "run: callflow schema --test --write schemas/test.schema.json");
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    for name in FLOWS {
        let json = as_json(&tests_of(name));
        let errors: Vec<_> =
            schema.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// What an editor shows while a test is written: what each key is about, and what it can look like.
#[test]
fn every_key_of_a_test_has_a_description_and_an_example() {
    let schema = json_schema();
    let mut wanting = Vec::new();
    let mut pending = vec![(String::new(), &schema)];
    while let Some((path, at)) = pending.pop() {
        let Json::Object(map) = at else { continue };
        for (name, child) in map {
            pending.push((format!("{path}/{name}"), child));
        }
        for (name, property) in map.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
            if !described || property["examples"].as_array().is_none_or(Vec::is_empty) {
                wanting.push(format!("{path}/properties/{name}"));
            }
        }
    }
    assert!(wanting.is_empty(), "{wanting:#?}");
}
