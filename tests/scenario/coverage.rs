//! Coverage: what counts as reached, and where the rest stands, in flows whose edges and states stand in several places.

use callflow::scenario::Subject;
use callflow::scenario::coverage::Coverage;
use callflow::source::SourceFile;

use super::stage::{flow, play, suite};

/// What tests of a flow leave out: the code, the line, what stands there, and the message.
fn left_out(tests: &str, subject: &Subject) -> Vec<(String, usize, String, String)> {
    let mut coverage = Coverage::of(subject.plan());
    for test in &suite(tests, subject).tests {
        for ran in play(test, subject) {
            assert!(ran.failure.is_none(), "{:?}", ran.failure);
            coverage.add(&ran.world);
        }
    }
    let source = subject.source();
    let found = coverage.findings(subject).into_iter();
    found
        .map(|found| {
            let span = found.primary.span;
            let code = found.id.code().to_owned();
            (code, source.position(span.start).0, source.slice(span).to_owned(), found.message)
        })
        .collect()
}

/// Two states that share edges with each other, and one that has edges only.
const GROUPED: &str = r#"callflow: 1
start: first
groups:
  shared:
    on:
      caller.dtmf("0"): zero
      caller.dtmf("9"): nine
      exhausted: tired
states:
  first:
    confirm: Shall I?
    group: shared
    on: {accepted: second, declined: second}
  second:
    collect: {ask: "How many?", slots: {number: int}, tries: 1}
    group: shared
    on: {filled: done}
  zero: {end: Zero.}
  nine: {end: Nine.}
  tired: {end: Tired.}
  done: {end: Done.}
"#;

fn only(tests: &str) -> String {
    format!("tests:\n{tests}")
}

#[test]
fn an_edge_of_a_group_is_found_where_the_group_has_it_and_named_with_all_its_states() {
    let subject = flow(GROUPED);
    let tests = only("  - {name: zero, script: [{caller.dtmf: \"0\"}], expect: {final: zero}}\n");
    let found = left_out(&tests, &subject);
    let edges: Vec<_> = found.iter().filter(|(_, _, _, message)| message.contains("takes")).collect();
    let at = |line: usize, place: &str, message: &str| {
        assert!(
            edges.iter().any(|(code, l, p, m)| (code.as_str(), *l, p.as_str(), m.as_str())
                == ("F070", line, place, message)),
            "{message}: {edges:#?}"
        );
    };
    // In a `collect`, the digits are the answer's.
    at(7, "nine", "no test takes `caller.dtmf(\"9\")` of `first` to `nine`");
    at(8, "tired", "no test takes `exhausted` of `first` or `second` to `tired`");
    at(13, "second", "no test takes `accepted` of `first` to `second`");
    at(13, "second", "no test takes `declined` of `first` to `second`");
    at(17, "done", "no test takes `filled` of `second` to `done`");
    assert_eq!(edges.len(), 5, "{edges:#?}");
}

/// The same edge leaves states of two kinds, and each has come to it in its own way.
#[test]
fn an_outcome_counts_for_the_kind_of_the_state_that_came_to_it() {
    let subject = flow(GROUPED);
    let tests = only(
        "  - {name: tired, script: [\"yes\", {after: 60s}], expect: {states: [second, tired]}}\n  \
         - {name: zero, script: [{caller.dtmf: \"0\"}], expect: {final: zero}}\n",
    );
    let outcomes: Vec<_> = left_out(&tests, &subject)
        .into_iter()
        .filter(|(code, ..)| code == "F071")
        .map(|(_, line, _, message)| (line, message))
        .collect();
    let missing =
        |line: usize, kind: &str, outcome: &str| (line, format!("no test has a `{kind}` end as `{outcome}`"));
    assert_eq!(
        outcomes,
        [
            missing(11, "confirm", "declined"),
            missing(11, "confirm", "exhausted"),
            missing(15, "collect", "filled")
        ]
    );
}

#[test]
fn an_edge_of_a_group_is_waived_in_any_of_its_states() {
    let waived = GROUPED.replace("    collect:", "    allow: [F070: \"kept for a rainy day\"]\n    collect:");
    let found =
        left_out(&only("  - {name: x, script: [\"yes\", \"5\"], expect: {final: done}}\n"), &flow(&waived));
    let messages: Vec<_> = found.iter().map(|(_, _, _, message)| message.as_str()).collect();
    assert!(!messages.iter().any(|message| message.contains("`first` or `second`")), "{messages:#?}");
    assert!(messages.contains(&"no test takes `declined` of `first` to `second`"), "{messages:#?}");
}

/// `otherwise` takes it, but it was this that happened.
#[test]
fn an_outcome_counts_whichever_edge_it_takes() {
    let subject = flow(
        "callflow: 1\nstart: ask\nstates:\n  ask:\n    confirm: Shall I?\n    on: {accepted: done, otherwise: bye}\n  \
         done: {end: Done.}\n  bye: {end: Bye.}\n",
    );
    let yes = "  - {name: yes, script: [\"yes\"], expect: {final: done}}\n";
    let no = "  - {name: no, script: [\"no\"], expect: {final: bye}}\n";
    let silent = "  - {name: silent, script: [{after: 60s}], expect: {final: bye}}\n";
    let found = left_out(&only(&format!("{yes}{no}")), &subject);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].3, "no test has a `confirm` end as `exhausted`");
    assert_eq!(left_out(&only(&format!("{yes}{no}{silent}")), &subject), []);
}

/// States of another file are found there.
#[test]
fn what_is_taken_in_from_another_file_is_found_in_that_file() {
    let folder = std::env::temp_dir().join(format!("callflow-coverage-used-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("closing.yaml"),
        "states:\n  bye: {end: Bye.}\n  # A longer way.\n  late: {end: Late.}\n",
    )
    .unwrap();
    let text = "callflow: 1\nstart: hi\nuse: [closing.yaml]\nstates:\n  hi:\n    say: Hello.\n    \
                on: {said: bye, failed: late}\n";
    let subject = Subject::new(SourceFile::new(folder.join("a.yaml"), text)).unwrap();
    let tests = only("  - {name: x, script: [caller.joined], expect: {final: bye}}\n");
    let mut coverage = Coverage::of(subject.plan());
    for test in &suite(&tests, &subject).tests {
        play(test, &subject).iter().for_each(|ran| coverage.add(&ran.world));
    }
    let found = coverage.findings(&subject);
    let late = found.iter().find(|found| found.message == "no test enters `late`").unwrap();
    let (source, at) = (subject.source(), late.primary.span.start);
    assert_eq!(
        (source.path_at(at).file_name().unwrap().to_str(), source.position(at)),
        (Some("closing.yaml"), (4, 3))
    );
    let json = coverage.json(&subject);
    let states: Vec<_> =
        json["states"].as_array().unwrap().iter().map(|state| (&state["line"], &state["path"])).collect();
    assert_eq!(states[0], (&5.into(), &serde_json::Value::Null));
    assert_eq!((states[2].0, states[2].1.as_str().unwrap().ends_with("closing.yaml")), (&4.into(), true));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What a test does not give has fictional values, as where nothing is given.
#[test]
fn a_test_may_give_some_values_of_the_environment_and_leave_servers_and_phones_out() {
    let subject = flow(
        "callflow: 1\nstart: ask\nenv: {SHOP_API: text, SHOP_NAME: text, DESK: text}\n\
         targets: {desk: {sip: \"{{ env.DESK }}\"}}\n\
         services: {llm: {model: small, base_url: \"{{ env.SHOP_API }}\"}}\n\
         tools:\n  status: {http: {url: \"{{ env.SHOP_API }}/status\"}, timeout: 2s}\nstates:\n  ask:\n    \
         call_api: status\n    on: {ok: ring, failed: bye}\n  ring:\n    \
         dial: {to: desk, accept: Press 1.}\n    on: {accepted: done, otherwise: bye}\n  \
         done: {handoff: keep_room}\n  bye: {end: \"Bye from {{ env.SHOP_NAME }}.\"}\n",
    );
    let test = "  - {name: x, given: {env: {SHOP_NAME: the corner shop}}, script: [tool.failed: timeout], \
                expect: {said: the corner shop}}\n";
    assert!(play(&suite(&only(test), &subject).tests[0], &subject)[0].failure.is_none());
}
