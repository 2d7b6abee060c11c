//! What steps and expectations mean, and what is said when they do not hold.

use callflow::scenario::{orders, tell};

use super::stage::{all_pass, failure, flow, play, shipped, suite};

fn only(test: &str) -> String {
    format!("tests:\n  - name: x\n{test}")
}

#[test]
fn a_step_whose_moment_does_not_come_fails_and_says_where_the_call_is() {
    let subject = shipped("cold_transfer.yaml");
    for (script, says) in [
        ("[operator.answered]", "operator.answered: nobody is being dialled here"),
        ("[caller.left, \"hello\"]", "\"hello\": the caller never came to say “hello”"),
        ("[operator.left]", "operator.left: nobody is there who could hang up"),
        ("[said, said]", "said: nothing is being said here (the call is in `converse`)"),
        ("[caller.left, shutdown]", "shutdown: the call is over before this can happen"),
        ("[shutdown, \"hello\"]", "nobody listens: the call has ended in `greet`: failed"),
    ] {
        let found = failure(&only(&format!("    script: {script}\n")), &subject);
        assert!(found.contains(says), "{script}: {found}");
    }
}

#[test]
fn every_expectation_can_fail() {
    let subject = shipped("cold_transfer.yaml");
    let script = "[\"I want to speak to a manager\", \"yes\", operator.busy]";
    for (expect, says) in [
        ("{state: goodbye}", "expected the call to be in `goodbye` (the call is in `converse`)"),
        ("{final: goodbye}", "expected the call to have ended in `goodbye`"),
        (
            "{outcome: transferred}",
            "expected the outcome transferred (the call has ended in `converse`: completed)",
        ),
        (
            "{states: [converse, greet]}",
            "`greet` was not entered in its turn (the call went greet → converse",
        ),
        ("{said: bananas}", "expected the bot to have said “bananas” (last was said: “I'm sorry, I couldn't"),
        ("{commands: {dial: 2}}", "expected `dial` twice (it was commanded once)"),
        ("{commands: {stop_dial: operator}}", "expected `stop_dial` of operator (nobody was)"),
        (
            "{transfer: no_answer}",
            "expected the last attempt to end as no_answer (the last attempt ended as busy)",
        ),
        ("{never: {state: confirm_transfer}}", "this happened: the call was in `confirm_transfer`"),
        ("{never: [{said: hold}, {command: dial}]}", "this happened: the bot said “hold”"),
        (
            "{one_of: [{state: greet}, {commands: {dial: 5}}]}",
            "none of these is so: expected the call to be in",
        ),
    ] {
        let found = failure(&only(&format!("    script: {script}\n    expect: {expect}\n")), &subject);
        assert!(found.contains(says), "{expect}: {found}");
    }
}

#[test]
fn a_race_is_run_in_every_order() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(
        "    script:\n      - \"I want to speak to a manager\"\n      - \"yes\"\n      - operator.ringing\n      \
         - race: [{after: 30s}, operator.answered]\n",
    );
    let test = &suite(&text, &subject).tests[0];
    assert_eq!(orders(test).len(), 2);
    let ends: Vec<_> = play(test, &subject).iter().map(|ran| ran.world.state_name().to_owned()).collect();
    assert_eq!(ends.iter().filter(|state| *state == "handed_off").count(), 1, "{ends:?}");
    let three =
        only("    script: [{race: [caller.left, shutdown, room.closed]}, {race: [caller.left, shutdown]}]\n");
    let mut all = orders(&suite(&three, &subject).tests[0]);
    assert_eq!(all.len(), 12);
    all.dedup();
    assert_eq!(all.len(), 12, "each order once");
}

#[test]
fn a_test_may_begin_in_a_state_with_values_at_a_time() {
    let subject = flow(
        "callflow: 1\nstart: hi\nenv: {DESK: phone, SHOP: text}\ntargets: {desk: {phone: \"{{ env.DESK }}\"}}\n\
         vars: {name: {type: text, default: you}, count: {type: int, default: 0}}\nstates:\n  \
         hi: {say: \"Hello {{ name }}, this is {{ env.SHOP }}.\", next: decide}\n  decide:\n    choose:\n      \
         - {if: count > 2, to: many}\n      - {if: call.from is set, to: ring}\n      - {else: nobody}\n  \
         many: {end: Too many.}\n  nobody: {end: Who is that?}\n  ring:\n    dial: desk\n    \
         on: {answered: over, otherwise: nobody}\n  over: {handoff: keep_room}\n",
    );
    all_pass(
        "tests:\n  - name: values\n    given: {vars: {name: Ann, count: 3}, env: {SHOP: Lindgren}}\n    script: []\n    \
         expect: {final: many, said: \"Hello Ann, this is Lindgren.\"}\n  - name: a state\n    start_in: decide\n    \
         given: {from: withheld}\n    script: []\n    expect: {final: nobody, never: {said: Hello}}\n  \
         - name: a number\n    given: {from: \"+15550100111\"}\n    script: [operator.answered]\n    \
         expect: {state: over}\n",
        &subject,
    );
}

#[test]
fn an_intent_may_be_given_with_what_the_model_fills_in() {
    let subject = shipped("business_hours.yaml");
    let text = only(
        "    script:\n      - intent: {talk_to_person: {topic: a green sofa}}\n    expect: {said: a green sofa}\n",
    );
    all_pass(&text, &subject);
    let found =
        failure(&only("    start_in: closed\n    script: [caller.left, intent: goodbye]\n"), &subject);
    assert!(found.contains("the caller never came to say"), "{found}");
}

#[test]
fn vendors_can_fail_and_the_call_goes_on_or_ends_as_the_flow_says() {
    all_pass(
        "tests:\n  - name: one failed reply is excused\n    script: [reply.failed: llm, \"hello\"]\n    \
         expect: {state: converse, said: say that again}\n  - name: two are not\n    \
         script: [reply.failed: llm, \"hello\", reply.failed: llm, \"hello\"]\n    \
         expect: {outcome: failed}\n  - name: a lost voice ends it\n    \
         script: [service.failed: tts]\n    expect: {outcome: failed, said: something went wrong}\n  \
         - name: a room that will close is told\n    script: [room.expiring]\n    \
         expect: {outcome: completed, said: time limit}\n",
        &shipped("cold_transfer.yaml"),
    );
}

#[test]
fn the_story_of_a_call_reads_from_top_to_bottom() {
    let subject = shipped("cold_transfer.yaml");
    let text = only(
        "    script: [\"I want to speak to a manager\", \"yes\", operator.answered, after: 1m, operator.left]\n    expect: {outcome: transferred}\n",
    );
    let ran = play(&suite(&text, &subject).tests[0], &subject).pop().unwrap();
    insta::assert_snapshot!(tell(ran.world.story()));
}
