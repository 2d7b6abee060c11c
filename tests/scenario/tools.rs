//! Tools in scenarios: what the model and a state ask, and what becomes of it.

use callflow::scenario::coverage::Coverage;
use callflow::scenario::{Subject, generate};

use super::stage::{all_pass, failure, findings, flow, play, shipped, suite};

/// A state that asks a server, twice if that can help, and a model that may ask one.
fn desk() -> Subject {
    flow(
        r#"callflow: 1
start: talk
tools:
  look: {params: {id: int}, timeout: 4s, http: {url: "https://shop.example/x/{{ id }}"}}
  weigh: {when: The caller asks how heavy it is., params: {id: int}, http: {url: "https://shop.example/y/{{ id }}"}}
intents: {find: {when: The caller wants something found., slots: {id: int}, examples: [find it]}}
vars: {id: {type: int, default: 7}, place: text}
states:
  talk:
    converse: {prompt: Help., tools: [weigh]}
    on: {intent.find: search}
  search:
    call_api: {tool: look, retry: {times: 1, wait: 1s}, save: {place: result.place}}
    on: {ok: found, failed: lost}
  found: {end: "It is {{ place }}."}
  lost: {end: I cannot find it.}
"#,
    )
}

#[test]
fn a_tool_that_fails_takes_the_failed_way_however_it_fails() {
    // What may pass is tried once more.
    for (cause, requests) in [
        ("timeout", 2),
        ("unreachable", 2),
        ("unavailable", 2),
        ("refused", 1),
        ("redirected", 1),
        ("garbage", 1),
        ("too_long", 1),
    ] {
        let steps = format!(", {{tool.failed: {cause}}}").repeat(requests);
        all_pass(
            &format!(
                "tests:\n  - name: x\n    script: [intent: find{steps}]\n    \
                 expect: {{final: lost, commands: {{call_tool: {requests}}}, never: {{state: found}}}}\n"
            ),
            &desk(),
        );
    }
    for (fault, requests) in [("E64", 2), ("E70", 2), ("E71", 1)] {
        all_pass(
            &format!(
                "tests:\n  - name: x\n    faults: [{fault}]\n    script: [intent: find]\n    \
                 expect: {{final: lost, commands: {{call_tool: {requests}}}}}\n"
            ),
            &desk(),
        );
    }
}

#[test]
fn an_answer_is_used_only_if_it_holds_what_is_wanted() {
    all_pass(
        "tests:\n  - name: good\n    script: [intent: find, tool.answers: {place: in the hall}]\n    \
         expect: {final: found, said: It is in the hall.}\n  - name: without what is wanted\n    \
         script: [intent: find, tool.answers: {where: in the hall}]\n    expect: {final: lost}\n  \
         - name: no map\n    script: [intent: find, tool.answers: [1, two]]\n    expect: {final: lost}\n  \
         - name: after a failure\n    script: [intent: find, tool.failed: unreachable, tool.answers: {place: here}]\n    \
         expect: {final: found, commands: {call_tool: 2}}\n  - name: left alone it answers well\n    \
         script: [intent: find]\n    expect: {final: found}\n",
        &desk(),
    );
}

#[test]
fn the_time_of_a_tool_passes_before_it_has_failed() {
    let text = "tests:\n  - name: x\n    script: [intent: find, tool.failed: timeout, expect: {state: search}, \
                tool.failed: timeout]\n    expect: {final: lost}\n";
    let ran = play(&suite(text, &desk()).tests[0], &desk()).pop().unwrap();
    assert!(ran.failure.is_none(), "{:?}", ran.failure);
    let at = |what: &str| {
        let mut lines = ran.world.story().iter().filter(|line| line.what.contains(what));
        (lines.next().unwrap().at.0, lines.next().unwrap().at.0)
    };
    let ((asked, again), (failed, _)) = (at("asks `look`"), at("no answer in time"));
    assert_eq!((failed - asked, again - failed), (4_000, 1_000), "its own timeout, then the pause");
}

#[test]
fn the_model_asks_for_a_tool_and_is_told_what_came_of_it() {
    all_pass(
        "tests:\n  - name: it answers\n    script: [tool: {weigh: {id: 3}}, tool.answers: {kilos: 4}]\n    \
         expect: {state: talk, commands: {call_tool: 1, reply: 3}}\n  - name: it fails\n    \
         script: [tool: {weigh: {id: 3}}, tool.failed: unavailable]\n    \
         expect: {state: talk, commands: {call_tool: 1, reply: 3}}\n  - name: its arguments do not fit\n    \
         script: [tool: {weigh: {id: heavy}}]\n    expect: {state: talk, commands: {call_tool: 0, reply: 3}}\n  \
         - name: the caller goes on talking\n    script: [tool: {weigh: {id: 3}}, caller.interrupts: never mind, \
         find it]\n    expect: {final: found}\n",
        &desk(),
    );
}

#[test]
fn a_step_about_a_tool_that_nobody_asks_fails_and_says_so() {
    let found = failure("tests:\n  - name: x\n    script: [tool.failed: timeout]\n", &desk());
    assert!(found.contains("tool.failed: timeout: no tool is asked here"), "{found}");
    let greeting = flow(
        r#"callflow: 1
start: first
tools: {weigh: {when: How heavy., http: {url: "https://shop.example/y"}}}
intents: {on: {when: The caller wants to go on., examples: [go on]}}
states:
  first: {converse: Talk., on: {intent.on: second}}
  second: {converse: {prompt: Talk., tools: [weigh]}, on: {intent.on: over}}
  over: {end: Bye.}
"#,
    );
    let found = failure("tests:\n  - name: x\n    script: [tool: weigh]\n", &greeting);
    assert!(found.contains("`weigh` is not offered to the model in `first`"), "{found}");
}

#[test]
fn names_of_tools_are_held_against_the_flow() {
    let codes = |steps: &str, subject: &Subject| {
        let found = findings(&format!("tests:\n  - {{name: x, script: [{steps}]}}\n"), subject);
        found.into_iter().map(|found| (found.id.code().to_owned(), found.message)).collect::<Vec<_>>()
    };
    let found = codes("tool: wiegh, tool: look, tool.failed: late", &desk());
    assert_eq!(
        found.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(),
        ["F005", "F010", "F072"].into_iter().collect::<Vec<_>>(),
        "{found:?}"
    );
    let found = codes("tool.failed: timeout", &shipped("cold_transfer.yaml"));
    assert_eq!(found[0], ("F072".to_owned(), "no tool is asked in this flow".to_owned()));
}

#[test]
fn both_ends_of_a_tool_are_covered_and_what_is_missing_is_generated() {
    let subject = desk();
    let mut coverage = Coverage::of(subject.plan());
    assert_eq!(coverage.outcomes().all, 5, "intent, two of the model's tool, two of the state's");
    let text = "tests:\n  - {name: x, script: [intent: find]}\n";
    play(&suite(text, &subject).tests[0], &subject).iter().for_each(|ran| coverage.add(&ran.world));
    let missing: Vec<_> = coverage.findings(&subject).into_iter().map(|found| found.message).collect();
    assert!(missing.contains(&"no test has a `call_api` end as `failed`".to_owned()), "{missing:?}");
    assert!(missing.contains(&"no test has a `converse` end as `tool failed`".to_owned()), "{missing:?}");
    let (text, _) = generate::generate(subject.plan(), coverage.clone());
    all_pass(&text, &subject);
    for test in &suite(&text, &subject).tests {
        play(test, &subject).iter().for_each(|ran| coverage.add(&ran.world));
    }
    assert_eq!(coverage.least(), 100, "{text}");
}
