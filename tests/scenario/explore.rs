//! `explore:` of a test: what is required of everything that can follow a script.

use callflow::diagnostic::{Style, render_human};
use callflow::scenario::tell;
use callflow::source::SourceFile;

use super::stage::{all_pass, failure, findings, flow, play, shipped, suite};

fn only(test: &str) -> String {
    format!("tests:\n  - name: x\n{test}")
}

const RINGING: &str = "    script: [\"I want to speak to a manager\", \"yes\", operator.ringing]\n";

#[test]
fn what_holds_in_everything_that_can_follow_passes() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(&format!(
        "{RINGING}    explore:\n      never: {{state: [greet], said: What can I help you with}}\n      \
         reaches: [handed_off, converse, goodbye]\n      ends_as: [transferred, completed, caller_left, failed]\n      \
         silence: 10s\n"
    ));
    let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
    assert!(ran.failure.is_none(), "{:?}", ran.failure);
    assert!(ran.explored.configurations > 500, "{:?}", ran.explored);
    assert_eq!(ran.world.state_name(), "dialing_operator", "the script itself goes no further");
}

#[test]
fn what_does_not_hold_is_told_as_the_shortest_story_from_there() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(&format!("{RINGING}    explore: {{never: {{state: handed_off}}}}\n"));
    let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
    let failed = ran.failure.unwrap();
    assert_eq!(failed.message, "this can happen: the call was in `handed_off`");
    insta::assert_snapshot!(format!("{}{}", tell(ran.world.story()), failed.story.join("\n")));
}

/// The story of a failure can be pasted behind the script, and then happens.
#[test]
fn the_steps_of_a_story_continue_the_script() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(&format!("{RINGING}    explore: {{never: {{command: handoff}}}}\n"));
    let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
    let story = ran.failure.unwrap().story;
    let steps: Vec<_> =
        story.iter().skip_while(|line| !line.starts_with("to go on")).skip(1).cloned().collect();
    let script =
        "    script:\n      - \"I want to speak to a manager\"\n      - \"yes\"\n      - operator.ringing\n";
    all_pass(
        &only(&format!("{script}{}\n    expect: {{commands: {{handoff: 1}}}}\n", steps.join("\n"))),
        &subject,
    );
}

#[test]
fn every_requirement_can_fail() {
    let subject = shipped("cold_transfer.yaml");
    for (explore, says) in [
        ("{never: {said: couldn't reach}}", "can happen: the bot said “couldn't reach”"),
        ("{never: {command: [hold, stop_dial]}}", "can happen: `stop_dial` was commanded"),
        ("{never: {outcome: caller_left}}", "can happen: the call ended as caller_left"),
        ("{ends_in: [handed_off, goodbye]}", "a call can end in `dialing_operator` as caller_left"),
        (
            "{ends_as: [transferred, completed, caller_left]}",
            "a call can end in `dialing_operator` as failed",
        ),
        ("{reaches: [greet]}", "no call comes to `greet` from here"),
        ("{silence: 2s}", "a caller can hear nothing for"),
        ("{ends_within: 20s}", "if nothing happens any more, the call lasts another"),
        ("{max_states: 100}", "not everything was seen: "),
    ] {
        let found = failure(&only(&format!("{RINGING}    explore: {explore}\n")), &subject);
        assert!(found.contains(says), "{explore}: {found}");
    }
    let found =
        failure(&only("    script: [caller.left]\n    explore: {never: {command: dial}}\n"), &subject);
    assert!(found.contains("the call is over before this can happen"), "{found}");
}

/// A requirement that fails because of what is left out, holds without it.
#[test]
fn what_is_left_out_does_not_happen() {
    let subject = shipped("cold_transfer.yaml");
    for (with, without) in [
        ("never: {outcome: caller_left}", "caller.left"),
        ("never: {state: handed_off}", "operator.answered"),
        ("never: {outcome: failed}", "failures"),
        ("ends_in: [handed_off, converse, goodbye]", "[failures, caller.left, call.max_duration]"),
    ] {
        let text = |more: &str| only(&format!("{RINGING}    explore: {{{with}{more}}}\n"));
        assert!(!failure(&text(""), &subject).is_empty());
        all_pass(&text(&format!(", without: {without}")), &subject);
    }
}

#[test]
fn every_kind_that_can_be_left_out_makes_fewer_calls() {
    let subject = flow(
        r#"callflow: 1
start: talk
targets: {desk: {phone: "+15550100001"}}
tools: {ask: {http: {url: "https://example.com/x"}}}
intents: {person: {when: The caller wants a person., examples: [get me a person]}}
states:
  talk:
    converse: Help.
    on: {intent.person: look}
  look:
    call_api: ask
    on: {ok: ring, failed: {to: bye, say: It did not work.}}
  ring:
    dial: {to: desk, announce: One moment.}
    on: {answered: together, otherwise: bye}
  together: {handoff: keep_room}
  bye: {end: Goodbye.}
"#,
    );
    let configurations = |without: &str| {
        let text = only(&format!("    script: []\n    explore: {{without: [{without}]}}\n"));
        let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
        assert!(ran.failure.is_none(), "{without}: {:?}", ran.failure);
        ran.explored
    };
    let all = configurations("");
    for (name, _) in callflow::explore::Absent::ALL {
        let fewer = configurations(name);
        assert!(fewer.steps < all.steps, "{name}: {fewer:?} of {all:?}");
    }
    assert!(configurations("failures").configurations < all.configurations);
}

#[test]
fn a_state_and_values_are_a_situation_too() {
    let subject = flow(
        "callflow: 1\nstart: hi\nvars: {count: {type: int, default: 0}}\nstates:\n  hi: {say: Hello., next: decide}\n  \
         decide: {choose: [{if: count > 2, to: many}, {else: few}]}\n  many: {end: Many.}\n  few: {end: Few.}\n",
    );
    all_pass(
        "tests:\n  - name: many\n    given: {vars: {count: 3}}\n    start_in: decide\n    \
         explore: {never: {said: few}, without: [caller.left, failures]}\n  - name: few\n    \
         explore: {never: {state: many}, reaches: few}\n",
        &subject,
    );
}

#[test]
fn each_order_of_a_race_is_explored() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(
        "    script:\n      - \"I want to speak to a manager\"\n      - \"yes\"\n      - operator.ringing\n      \
         - race: [{after: 30s}, operator.answered]\n    explore: {never: {state: goodbye}, without: [caller.says, \
         caller.dtmf, caller.left, failures, call.max_duration]}\n",
    );
    let ran = play(&suite(&text, &subject).tests[0], &subject);
    let failed: Vec<_> = ran.iter().map(|ran| ran.failure.is_some()).collect();
    // Answered in time, the two are on their own; else the caller is back, and silence may lead nowhere else.
    assert_eq!(ran.len(), 2);
    assert!(failed.iter().all(|failed| !failed), "{failed:?}");
    let seen: Vec<_> = ran.iter().map(|ran| ran.explored.configurations).collect();
    assert!(seen.iter().all(|seen| *seen > 1) && seen[0] != seen[1], "{seen:?}");
}

#[test]
fn every_mistake_in_it_is_reported_at_once() {
    let text = "tests:\n  - name: x\n    faults: [E17]\n    explore:\n      nevr: {state: x}\n      \
        never: {state: nowhere, command: dail}\n      ends_in: [godbye]\n      ends_as: transfered\n      \
        reaches: [handed_of]\n      silence: 12\n      without: [caller.leaves, failures]\n      max_states: 0\n";
    let found = findings(text, &shipped("cold_transfer.yaml"));
    let source = SourceFile::new("x.test.yaml", text);
    insta::assert_snapshot!(render_human(&source, &found, Style::Plain));
}

/// A notice, a menu from which keys lead on, and somebody who is dialled.
const ORDERED: &str = r#"callflow: 1
start: greet
targets: {desk: {phone: "+15550100123", caller_id: main}}
properties:
  - before: {dial: notice}
states:
  greet: {say: Hello., next: menu}
  menu:
    confirm: Do you want a person?
    on: {accepted: notice, declined: bye, exhausted: bye, caller.dtmf("7"): SEVEN}
  notice:
    say: This call is recorded.
    on: {said: ask, failed: bye}
  ask:
    confirm: Is that all right?
    on: {accepted: ring, declined: bye, exhausted: bye}
  ring:
    dial: {to: desk, accept: Press 1 to take the call.}
    on: {accepted: done, otherwise: bye}
  done: {handoff: keep_room}
  bye: {end: Goodbye.}
"#;

#[test]
fn what_must_come_first_must_still_come_where_a_test_begins_before_it() {
    let from = |state: &str| {
        only(&format!("    start_in: {state}\n    script: [quiet]\n    explore: {{reaches: done}}\n"))
    };
    let good = flow(&ORDERED.replace("SEVEN", "ask").replace("on: {accepted: ring", "on: {accepted: check").replace(
        "  ring:\n",
        "  check:\n    choose:\n      - {if: attempts(notice) > 0, to: ring}\n      - else: bye\n  ring:\n",
    ));
    for state in ["menu", "notice"] {
        all_pass(&from(state), &good);
    }
    // The key leads past the notice.
    let bad = flow(&ORDERED.replace("SEVEN", "ask"));
    for state in ["greet", "menu"] {
        let found = failure(&from(state), &bad);
        assert!(
            found.contains("F059: a call comes to `ring` before `notice` has been heard"),
            "{state}: {found}"
        );
    }
    // It may have been heard on the way to where these begin.
    for state in ["ask", "ring"] {
        all_pass(&from(state), &bad);
    }
}
