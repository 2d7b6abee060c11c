//! Flows with something taken out: what the static rules do not see, the explorer does.

use callflow::check::{EnvMode, check};
use callflow::diagnostic::Rule;
use callflow::explore::{Limits, explore};
use callflow::source::SourceFile;

use crate::rig::{explored, plan_of, rules};

const SHIPPED: &str = include_str!("../../flows/cold_transfer.yaml");

/// One person to reach and no conversation, so that it is quick.
pub const SMALL: &str = "callflow: 1
start: greet
targets: {desk: {phone: \"+15550100123\"}}
states:
  greet: {say: Hello., next: ring}
  ring:
    dial: {to: desk, ring: 20s}
    on: {answered: talk, otherwise: sorry}
  talk: {handoff: keep_room, on: {operator.left: gone}}
  gone: {end: Your colleague has left. Goodbye.}
  sorry: {end: Nobody is free. Goodbye.}
";

pub fn without(flow: &str, part: &str, instead: &str) -> String {
    assert!(flow.contains(part), "{part}");
    flow.replace(part, instead)
}

fn statically(flow: &str) -> Vec<Rule> {
    let found = check(&SourceFile::new("test.yaml", flow.to_owned()), EnvMode::Unknown).diagnostics;
    found.iter().filter(|found| found.is_error()).map(|found| found.id).collect()
}

#[test]
fn an_end_without_words_after_a_failed_dial_leaves_the_caller_alone() {
    let report = explored(&without(SMALL, "sorry: {end: Nobody is free. Goodbye.}", "sorry: {end: silent}"));
    assert_eq!(rules(&report), [Rule::LeftAlone]);
    assert!(report.findings[0].violation.message.contains("nobody was reached"));
}

#[test]
fn whoever_is_reached_at_the_second_attempt_was_reached() {
    let again = "otherwise: [{to: ring, max_visits: 1}, {to: sorry}]";
    let report = explored(&without(SMALL, "otherwise: sorry", again));
    assert_eq!(rules(&report), []);
}

#[test]
fn an_end_without_words_after_the_operator_has_left_leaves_the_caller_alone() {
    let part = "gone: {end: Your colleague has left. Goodbye.}";
    let report = explored(&without(SMALL, part, "gone: {end: silent}"));
    assert_eq!(rules(&report), [Rule::LeftAlone]);
    assert!(report.findings[0].violation.message.contains("has left"));
}

#[test]
fn a_conversation_that_waits_for_the_caller_after_a_failed_dial_leaves_them_alone() {
    let flow = "callflow: 1
start: ring
targets: {desk: {phone: \"+15550100123\"}}
intents: {leave: {when: The caller says goodbye., examples: [bye]}}
states:
  ring: {dial: desk, on: {answered: talk, otherwise: chat}}
  talk: {handoff: keep_room}
  chat: {converse: {prompt: Be brief., first: caller}, on: {intent.leave: bye}}
  bye: {end: Goodbye.}
";
    let report = explored(flow);
    assert_eq!(rules(&report), [Rule::LeftAlone]);
    assert!(report.findings[0].violation.message.ends_with("kept on the line without a word"));
    let fine = without(flow, "otherwise: chat", "otherwise: {to: chat, say: Nobody is free.}");
    assert_eq!(rules(&explored(&fine)), []);
}

#[test]
fn what_the_static_rules_see_does_not_come_to_the_explorer() {
    assert!(statically(SHIPPED).is_empty());
    for (part, instead, by) in [
        (", max_visits: 2}", "}", Rule::Unbounded),
        ("ring: 30s", "ring: 200s", Rule::RingLimit),
        ("answered: handed_off", "ringing: handed_off", Rule::DialOutcome),
        (", exhausted: converse}", "}", Rule::NoExit),
        ("        - {to: goodbye}\n", "", Rule::NoElse),
        ("intent.terminate_call: goodbye", "caller.left: greet", Rule::CallerLeft),
        (
            "answered: handed_off",
            "answered: handed_off\n      no_answer: handed_off",
            Rule::HandoffUnanswered,
        ),
    ] {
        let found = statically(&without(SHIPPED, part, instead));
        assert!(found.contains(&by), "{part} → {instead}: {found:?}");
    }
}

#[test]
fn what_is_found_is_told_as_a_story_and_as_a_test() {
    let flow = without(SMALL, "sorry: {end: Nobody is free. Goodbye.}", "sorry: {end: silent}");
    let report = explored(&flow);
    let plan = plan_of(&flow);
    let finding = &report.findings[0];
    assert_eq!(finding.trace.in_a_line(&plan), "caller.joined → said → (dial refused)");
    let story = finding.trace.story(&plan);
    let told: Vec<_> = story.iter().map(|s| (s.happens.as_str(), s.enters.join(" "))).collect();
    assert_eq!(
        told,
        [
            ("The caller joins.", "greet".to_owned()),
            ("The sentence is heard to its end.", "ring".to_owned()),
            ("The dial command is refused.", "sorry".to_owned()),
        ]
    );
    assert_eq!(story[2].follows, ["hold audio ends", "the call is over"]);
    let script = "  - name: \"F053\"
    script:
      - caller.joined
      - expect: {state: greet}
      - said
      - expect: {state: ring}
      - operator.refused
    expect: {final: sorry}
";
    assert_eq!(finding.trace.script(&plan, "F053"), script);
}

#[test]
fn an_exploration_that_gives_up_says_so_and_the_same_flow_makes_the_same_report() {
    let plan = plan_of(SMALL);
    let limits = Limits { configurations: 50, ..Limits::default() };
    let report = explore(&plan, &limits, &mut |_| {});
    assert!(!report.complete && report.findings.is_empty());
    let [one, other] = [(); 2].map(|()| format!("{:?}", explored(SMALL)));
    assert_eq!(one, other);
    assert!(explored(SMALL).complete);
}
