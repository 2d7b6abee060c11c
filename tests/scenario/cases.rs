//! Edge cases of the catalogue that no other test holds, as scenarios. Named by what must be so.

use super::stage::{all_pass, flow, shipped};

/// A hunt list with everything that a `dial` can have.
const DESK: &str = r#"callflow: 1
start: talk
targets:
  first: {phone: "+15550100001"}
  second: {phone: "+15550100002"}
hours:
  office: {tz: America/New_York, open: ["Mon-Fri 09:00-17:30"]}
intents:
  person: {when: The caller wants a person., examples: [get me a person]}
  stop: {when: The caller no longer wants to be connected., examples: [never mind]}
states:
  talk:
    converse: Help.
    on:
      intent.person: [{to: consent, max_visits: 3}, {to: closed}]
      intent.stop: talk
  consent:
    choose:
      - {if: within(office), to: notice}
      - {else: closed}
  notice: {say: "This call may be recorded.", next: ring}
  ring:
    dial: {to: [first, second], announce: "I will try somebody.", ring: 20s, listen: [stop]}
    on:
      answered: together
      intent.stop: talk
      otherwise: {to: talk, say: "Nobody is free."}
  together: {handoff: keep_room}
  closed: {say: "We are closed.", next: talk}
"#;

fn plays(test: &str) {
    all_pass(&format!("tests:\n{test}"), &flow(DESK));
}

#[test]
fn an_announcement_is_heard_to_its_end_before_anybody_is_dialled() {
    plays(
        r#"  - name: E01
    script:
      - get me a person
      - expect: {state: ring, said: I will try, commands: {dial: 0}}
      - said
      - expect: {commands: {dial: first}}
"#,
    );
}

#[test]
fn a_caller_who_takes_it_back_during_the_announcement_is_not_connected() {
    plays(
        r#"  - name: E04
    script:
      - get me a person
      - expect: {state: ring}
      - caller.interrupts: never mind
    expect: {state: talk, commands: {dial: 0}}
"#,
    );
    // Without `listen:` nothing is heard until the announcement is over.
    all_pass(
        "tests:\n  - name: E04\n    script: [\"I want to speak to a manager\", \"yes\", expect: {state: dialing_operator}, \
         caller.interrupts: never mind, operator.ringing]\n    expect: {state: dialing_operator, commands: {dial: 1}}\n",
        &shipped("cold_transfer.yaml"),
    );
}

#[test]
fn a_promise_without_a_tool_call_dials_nobody_and_the_call_still_ends() {
    plays(
        r#"  - name: E11
    faults: [E11]
    script: [get me a person]
    expect: {outcome: completed, commands: {dial: 0}, said: Are you still there?}
"#,
    );
}

#[test]
fn nobody_is_announced_or_dialled_out_of_hours() {
    plays(
        r#"  - name: E14
    given: {at: 2026-01-04T11:00-05:00}
    script: [get me a person]
    expect: {states: [consent, closed, talk], commands: {dial: 0}, never: {said: I will try}}
"#,
    );
}

#[test]
fn what_must_be_said_first_is_said_before_anybody_is_dialled() {
    plays(
        r#"  - name: E15
    script:
      - get me a person
      - expect: {state: notice, said: may be recorded, commands: {dial: 0}}
    expect: {states: [notice, ring]}
  - name: E15, though it cannot be spoken
    script: [get me a person, say.failed]
    expect: {states: [notice, ring], state: ring}
"#,
    );
}

#[test]
fn two_events_at_one_moment_are_safe_in_both_orders() {
    plays(
        r#"  - name: E18, an answer and a hang-up
    script: [get me a person, operator.ringing, race: [caller.left, operator.answered]]
    expect: {one_of: [{outcome: caller_left, transfer: cancelled}, {outcome: transferred}]}
  - name: E19, an answer and the ring limit
    script: [get me a person, operator.ringing, race: [{after: 20s}, operator.answered]]
    expect:
      one_of:
        - {state: together, commands: {dial: first, stop_dial: 0}}
        - {state: ring, commands: {dial: [first, second], stop_dial: [first, first]}}
  - name: E34, a change of mind and an answer
    script: [get me a person, operator.ringing, race: [never mind, operator.answered]]
    expect: {one_of: [{state: talk, transfer: cancelled, commands: {stop_dial: 2}}, {state: together}]}
  - name: three at once
    script: [get me a person, operator.ringing, race: [{after: 20s}, operator.answered, caller.left]]
    expect: {one_of: [{outcome: caller_left}, {outcome: transferred}]}
"#,
    );
}

#[test]
fn the_second_is_dialled_only_when_the_first_leg_is_gone() {
    plays(
        r#"  - name: E36
    faults: [E36]
    script:
      - get me a person
      - operator.ringing
      - after: 20100ms
      - expect: {commands: {dial: first, stop_dial: first}}
      - after: 4s
      - expect: {commands: {dial: [first, second]}}
"#,
    );
}

#[test]
fn when_everybody_fails_the_caller_is_told_once_and_is_back() {
    plays(
        r#"  - name: E37
    script: [get me a person, operator.busy, operator.unreachable]
    expect: {state: talk, said: Nobody is free, transfer: unreachable, commands: {dial: [first, second]}}
"#,
    );
}

#[test]
fn an_hour_after_the_handoff_nothing_has_been_done_to_the_two() {
    plays(
        r#"  - name: E51
    script: [get me a person, operator.answered, after: 1h]
    expect: {state: together, commands: {stop_dial: 0, end: 0}}
"#,
    );
}

#[test]
fn the_time_limit_while_it_rings_leaves_no_phone_ringing() {
    let flow = flow(
        "callflow: 1\nstart: hello\ncall: {max_duration: 15s}\ntargets: {desk: {phone: \"+15550100001\"}}\nstates:\n  \
         hello: {say: Hello and good evening., next: ring}\n  \
         ring:\n    dial: {to: desk, ring: 14s}\n    on: {answered: together, otherwise: bye}\n  \
         together: {handoff: keep_room}\n  bye: {end: Goodbye.}\n",
    );
    all_pass(
        "tests:\n  - name: E52\n    script: [operator.ringing, call.max_duration]\n    \
         expect: {outcome: completed, said: time limit, commands: {dial: 1, stop_dial: 1}}\n",
        &flow,
    );
}

#[test]
fn a_timer_of_a_state_that_was_left_does_nothing_in_the_next() {
    plays(
        r#"  - name: E61, the ring limit
    script: [get me a person, operator.ringing, after: 19s, never mind, after: 5s]
    expect: {state: talk, commands: {stop_dial: 1}, never: {said: Nobody is free}}
  - name: E61, the silence of the conversation
    script: [after: 7s, get me a person, operator.answered, after: 30s]
    expect: {state: together, never: {said: Are you still there?}}
"#,
    );
}

#[test]
fn a_phone_that_is_not_put_through_by_a_key_was_a_machine() {
    let gated = DESK.replace("ring: 20s,", "ring: 20s, accept: {say: Press 1 to take the call.},");
    let gated = flow(&gated.replace("answered: together", "accepted: together"));
    all_pass(
        r#"tests:
  - name: E21 and E40, a machine
    faults: [E21]
    script: [get me a person]
    expect: {outcome: completed, transfer: voicemail, commands: {dial: [first, second], handoff: 0}}
  - name: who takes the call
    script: [get me a person, operator.accepted]
    expect: {state: together, commands: {ask: 1, bridge: 1}}
  - name: who declines, and who then takes it
    script: [get me a person, operator.declined, operator.accepted]
    expect: {state: together, commands: {dial: [first, second], stop_dial: first}}
"#,
        &gated,
    );
}

#[test]
fn a_move_of_the_callers_leg_ends_in_an_outcome_that_says_what_is_not_known() {
    let moving = flow(
        "callflow: 1\nstart: move\ntargets: {desk: {sip: \"sip:desk@example.com\"}}\nstates:\n  move:\n    \
         dial: {to: desk, method: sip_refer}\n    on: {transferred: over, otherwise: sorry}\n  \
         over: {handoff: leave}\n  sorry: {end: It did not work.}\n",
    );
    all_pass(
        "tests:\n  - name: E44, taken\n    script: [transferred]\n    \
         expect: {outcome: transferred, transfer: transferred}\n  - name: E44, refused\n    \
         script: [operator.refused]\n    expect: {final: sorry, transfer: failed}\n",
        &moving,
    );
}

#[test]
fn the_shipped_flow_gives_up_after_three_transfers() {
    all_pass(
        "tests:\n  - name: E38\n    faults: [E38]\n    script: [\"I want to speak to a manager\", \"yes\", \
         \"I want to speak to a manager\", \"yes\", \"I want to speak to a manager\", \"yes\"]\n    \
         expect: {outcome: completed, final: goodbye, commands: {dial: 3}}\n",
        &shipped("cold_transfer.yaml"),
    );
}

/// A machine that picks up in the moment in which its time is up, and is welcome.
#[test]
fn an_answer_at_the_limit_that_is_taken_after_all_is_a_transfer() {
    let text = |gate: &str, answered: &str| {
        format!(
            "callflow: 1\nstart: ring\ntargets: {{desk: {{phone: \"+15550100001\"}}, two: {{phone: \
             \"+15550100002\"}}}}\nstates:\n  ring:\n    dial: {{to: [desk, two], ring: 20s, late_answer: accept{gate}}}\n    \
             on: {{{answered}: together, otherwise: bye}}\n  together: {{handoff: keep_room}}\n  bye: {{end: Goodbye.}}\n"
        )
    };
    let answered = "tests:\n  - name: E19\n    faults: [E19]\n    script: [after: 25s]\n    expect: {final: together, \
                    commands: {dial: 1}}\n";
    all_pass(answered, &flow(&text("", "answered")));
    let gated = "tests:\n  - name: E19\n    faults: [E19]\n    script: [operator.accepted]\n    \
                 expect: {final: together, commands: {dial: 1}}\n";
    all_pass(gated, &flow(&text(", accept: {say: Press 1.}", "accepted")));
}

#[test]
fn an_announcement_that_cannot_be_spoken_or_was_left_holds_no_dial_up() {
    let text = r#"callflow: 1
start: ring
targets:
  first: {phone: "+15550100001"}
  second: {phone: "+15550100002"}
intents:
  sales: {when: The caller wants sales., examples: [sales please]}
states:
  ring:
    dial: {to: first, announce: "I will try somebody.", accept: {say: "Press 1."}, listen: [sales]}
    on: {accepted: notice, intent.sales: other, otherwise: bye}
  notice: {say: "You are connected.", next: together}
  other:
    dial: second
    on: {answered: together, otherwise: bye}
  together: {handoff: keep_room}
  bye: {end: Goodbye.}
"#;
    let tests = r#"tests:
  - name: the announcement fails
    script: [say.failed, operator.accepted, quiet]
    expect: {state: together, commands: {dial: first}}
  - name: the last word before the handoff fails
    script: [said, operator.accepted, say.failed]
    expect: {state: together}
  - name: somebody else is wanted during the announcement
    script: [caller.interrupts: sales please, operator.answered]
    expect: {state: together, commands: {dial: second}}
"#;
    all_pass(tests, &flow(text));
}
