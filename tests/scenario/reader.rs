//! Reading test files: every mistake is found at once, and no bytes do harm.

use std::time::Duration;

use callflow::diagnostic::{Style, render_human};
use callflow::scenario::{names, parse, run};
use callflow::source::SourceFile;
use proptest::prelude::*;

use super::stage::{findings, flow, shipped};

const WRONG: &str = r#"flwo: cold_transfer.yaml
tests:
  - name: everything is misspelt
    given: {vars: {reson: x}, at: tomorrow, from: me, env: {OPERATOR: "+15550100123"}}
    start_in: convers
    script:
      - calller.left
      - caller.dtmf: A
      - operator.accepted
      - transferred
      - intent: dial_operater
      - intent: {terminate_call: {reson: x}}
      - after: 20
      - race: [said, caller.left]
      - service.failed: sst
      - expect: {sate: converse, commands: {dail: 1, dial: operater}}
    expect: {final: godbye, outcome: transfered, never: {state: nowhere}}
    faults: [E99, E53]
  - name: everything is misspelt
  - script: []
"#;

#[test]
fn every_mistake_is_reported_at_once_with_its_place_and_what_was_meant() {
    let found = findings(WRONG, &shipped("cold_transfer.yaml"));
    let source = SourceFile::new("x.test.yaml", WRONG);
    insta::assert_snapshot!(render_human(&source, &found, Style::Plain));
}

#[test]
fn what_cannot_happen_in_a_flow_is_refused_before_anything_runs() {
    let subject = flow("callflow: 1\nstart: bye\nstates: {bye: {end: Goodbye.}}\n");
    for step in ["operator.answered", "operator.left", "operator.busy"] {
        let found = findings(&format!("tests:\n  - {{name: x, script: [{step}]}}\n"), &subject);
        assert_eq!(found.iter().map(|d| d.id.code()).collect::<Vec<_>>(), ["F072"], "{step}");
    }
}

#[test]
fn attacks_are_refused_at_once() {
    let deep = format!("tests: {}", "[".repeat(100_000));
    let many = format!("tests:\n{}", "  - {name: x, script: []}\n".repeat(60_000));
    let bomb = ('b'..='j').fold("a: &a [x, x, x, x]\n".to_owned(), |text, next| {
        let last = char::from(next as u8 - 1);
        text + &format!("{next}: &{next} [{}]\n", format!("*{last}, ").repeat(10))
    }) + "tests: [*j, *j]\n";
    let huge = format!("tests: \"{}\"", "x".repeat(10 * 1024 * 1024));
    let racing = format!(
        "tests:\n  - name: x\n    script: [{}]\n",
        "{race: [caller.left, caller.joined, shutdown, room.closed]}, ".repeat(400)
    );
    for text in [deep, many, bomb, huge, racing] {
        let (_, found) = parse(&SourceFile::new("x", text));
        assert!(found.iter().any(|d| d.is_error()));
    }
}

/// Steps as people and machines write them, right and wrong.
fn steps() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "caller.left",
        "caller.joined",
        "said",
        "operator.ringing",
        "operator.answered",
        "operator.no_answer",
        "operator.busy",
        "operator.failed",
        "operator.refused",
        "operator.left",
        "say.failed",
        "shutdown",
        "room.expiring",
        "room.closed",
        "yes",
        "\"no\"",
        "\"I want to speak to a manager\"",
        "caller.dtmf: \"0\"",
        "after: 4s",
        "after: 31s",
        "after: 2h",
        "intent: dial_operator",
        "service.failed: tts",
        "reply.failed: llm",
        "caller.interrupts: hold on",
        "race: [caller.left, operator.answered]",
        "expect: {state: converse}",
        "race: [{after: 30s}, operator.answered, caller.left]",
        "nonsense.event",
        "{}",
        "[]",
    ]);
    prop::collection::vec(word, 0..10)
        .prop_map(|words| words.into_iter().map(|word| format!("      - {word}\n")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,400}") {
        let subject = shipped("cold_transfer.yaml");
        for text in [text.clone(), format!("tests:\n  - name: x\n    script: [{text}]\n")] {
            findings(&text, &subject);
        }
    }

    /// Whatever is written, a test ends soon, and passes or says why not.
    #[test]
    fn any_script_runs_to_an_end(steps in steps(), fault in prop::option::of(prop::sample::select(vec!["E17", "E19", "E24", "E36", "E63", "E67"]))) {
        let subject = shipped("cold_transfer.yaml");
        let faults = fault.map(|fault| format!("    faults: [{fault}]\n")).unwrap_or_default();
        let text = format!("tests:\n  - name: x\n{faults}    script:\n{steps}      - said\n");
        let source = SourceFile::new("x.test.yaml", text);
        let (suite, found) = parse(&source);
        let Some(suite) = suite else { return Ok(()) };
        if found.iter().any(|d| d.is_error()) || !names::check(&suite, &subject).is_empty() {
            return Ok(());
        }
        let began = tokio::time::Instant::now();
        for test in &suite.tests {
            for order in callflow::scenario::orders(test) {
                let ran = run(test, subject.plan(), &order);
                prop_assert!(!ran.world.is_exhausted());
                prop_assert!(ran.world.broken_rules().is_empty(), "{:?}", ran.world.broken_rules());
            }
        }
        prop_assert!(began.elapsed() < Duration::from_secs(20));
    }
}
