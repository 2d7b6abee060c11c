//! `collect`: what is said and keyed becomes values, what is missing is asked for, and there is an end to it.

use std::sync::Arc;

use callflow::machine::{Input, Outcome};
use callflow::pii::Utterance;
use callflow::plan::Plan;

use crate::rig::{Rig, flow, said};

/// A question, and what was understood.
fn asking(collect: &str, told: &str) -> Arc<Plan> {
    flow(&format!(
        "  begin:
    collect: {collect}
    on: {{filled: told, exhausted: stop, failed: stop, caller.dtmf(\"*\"): stop}}
  told: {{say: \"{told}\", next: stop}}
  stop: {{end: Goodbye.}}
"
    ))
}

fn order() -> Rig {
    let plan = asking("{slots: {order: int}, ask: Which order?}", "Order {{ order }}.");
    Rig::joined(plan)
}

fn press(rig: &mut Rig, keys: &str) {
    for digit in keys.chars() {
        rig.tell(Input::Dtmf { digit });
        rig.wait_ms(300);
    }
}

#[test]
fn a_spoken_number_is_a_number_to_the_flow() {
    let mut rig = order();
    assert_eq!(rig.said(), ["Which order?"]);
    rig.heard();
    assert!(rig.machine.accepts_speech());
    assert_eq!(said(&rig.caller_says("it's one hundred and forty two")), ["Order 142."]);
    assert_eq!(rig.state(), "told");
}

#[test]
fn an_answer_over_the_question_counts_unless_the_question_is_to_be_heard() {
    let mut rig = order();
    assert_eq!(said(&rig.caller_says("forty two")), ["Order 42."]);
    let whole = "{slots: {order: int}, ask: Which order?, interruptible: false}";
    let mut rig = Rig::joined(asking(whole, "Order {{ order }}."));
    assert!(said(&rig.caller_says("forty two")).is_empty());
    rig.heard();
    assert_eq!(said(&rig.caller_says("forty two")), ["Order 42."]);
}

#[test]
fn keys_end_with_a_pause_of_three_seconds_or_the_end_key() {
    let mut rig = order();
    rig.heard();
    press(&mut rig, "42");
    rig.wait_ms(2_600);
    assert_eq!(rig.state(), "begin");
    assert_eq!(said(&rig.wait_ms(200)), ["Order 42."]);
    let mut rig = order();
    rig.heard();
    press(&mut rig, "427");
    assert_eq!(said(&rig.tell(Input::Dtmf { digit: '#' })), ["Order 427."]);
}

#[test]
fn keys_end_with_the_digits_that_were_asked_for_and_keep_their_zeros() {
    let account = "{slots: {account: text}, ask: Your account?, dtmf: {digits: 4, end_key: \"*\"}}";
    let plan = || {
        flow(&format!(
            "  begin: {{collect: {account}, on: {{filled: told, exhausted: stop, caller.dtmf(\"#\"): stop}}}}
  told: {{say: \"Account {{{{ account }}}}.\", next: stop}}
  stop: {{end: Goodbye.}}
"
        ))
    };
    let mut rig = Rig::joined(plan());
    press(&mut rig, "004");
    assert_eq!(rig.state(), "begin");
    assert_eq!(said(&rig.tell(Input::Dtmf { digit: '2' })), ["Account 0042."]);
    let mut rig = Rig::joined(plan());
    rig.heard();
    assert_eq!(said(&rig.caller_says("double oh four two")), ["Account 0042."]);
    let mut rig = Rig::joined(plan());
    rig.heard();
    press(&mut rig, "04*");
    assert_eq!(
        (rig.state(), rig.said()),
        ("begin", vec!["Your account?", "Your account?"]),
        "too few digits"
    );
    press(&mut rig, "#");
    assert_eq!(rig.state(), "stop", "a key that is not the answer's has its own edge");
}

#[test]
fn the_other_sign_takes_back_what_was_keyed() {
    let plan = flow(
        "  begin: {collect: {slots: {order: int}, ask: Which order?}, on: {filled: told, otherwise: stop}}
  told: {say: \"Order {{ order }}.\", next: stop}
  stop: {end: Goodbye.}
",
    );
    let mut rig = Rig::joined(plan);
    rig.heard();
    press(&mut rig, "99*42");
    assert_eq!(said(&rig.tell(Input::Dtmf { digit: '#' })), ["Order 42."]);
}

#[test]
fn three_answers_that_hold_nothing_are_the_end_of_it() {
    let mut rig = order();
    rig.heard();
    rig.caller_says("I don't know");
    rig.heard();
    rig.wait_ms(10_000);
    rig.heard();
    assert_eq!(rig.said(), ["Which order?"; 3]);
    rig.caller_says("seven or eight");
    assert_eq!((rig.state(), rig.said().last()), ("stop", Some(&"Goodbye.")));
}

#[test]
fn noise_uses_up_no_try_and_nobody_is_hurried_while_keying() {
    let mut rig = order();
    rig.heard();
    for _ in 0..5 {
        rig.wait_ms(9_000);
        rig.tell(Input::SpeechStarted);
        rig.tell(Input::TurnEnded { text: Utterance::default() });
    }
    assert_eq!(rig.said(), ["Which order?"]);
    for _ in 0..5 {
        rig.wait_ms(2_500);
        rig.tell(Input::Dtmf { digit: '1' });
    }
    rig.caller_says("hm, let me see");
    assert_eq!(rig.said(), ["Which order?"]);
    assert_eq!(said(&rig.wait_ms(3_000)), ["Order 11111."]);
}

const TABLE: &str = "{slots: {guests: int, day: {type: date, ask: On which day?}, meal_time: {type: enum, values: [lunch, dinner]}}, ask: For how many and when?}";

#[test]
fn what_is_missing_is_asked_for_one_after_the_other() {
    let plan = asking(TABLE, "{{ guests }} guests on {{ day }} for {{ meal_time }}.");
    let mut rig = Rig::joined(Arc::clone(&plan));
    rig.heard();
    assert_eq!(
        said(&rig.caller_says("dinner for four on May 3rd 2026")),
        ["4 guests on 2026-05-03 for dinner."]
    );
    let mut rig = Rig::joined(plan);
    rig.heard();
    assert_eq!(said(&rig.caller_says("a table for four, please")), ["On which day?"]);
    rig.heard();
    assert_eq!(said(&rig.caller_says("soon")), ["On which day?"]);
    rig.heard();
    assert_eq!(said(&rig.caller_says("the third of May twenty twenty six")), ["I still need the meal time."]);
    rig.heard();
    press(&mut rig, "2#");
    assert_eq!(rig.said().last(), Some(&"4 guests on 2026-05-03 for dinner."));
}

#[test]
fn a_question_that_was_answered_in_part_has_all_its_tries_again() {
    let mut rig = Rig::joined(asking(TABLE, "Done."));
    rig.heard();
    for _ in 0..2 {
        rig.caller_says("well");
        rig.heard();
    }
    rig.caller_says("for four");
    for _ in 0..2 {
        rig.heard();
        rig.caller_says("well");
    }
    assert_eq!(rig.state(), "begin");
    rig.heard();
    rig.caller_says("well");
    assert_eq!(rig.state(), "stop");
}

#[test]
fn nothing_of_what_was_keyed_or_said_is_printed() {
    let mut rig = order();
    rig.heard();
    press(&mut rig, "8675");
    let midway = format!("{:?}", rig.machine);
    assert!(midway.contains("4 keys") && !midway.contains("8675"), "{midway}");
    rig.tell(Input::Dtmf { digit: '#' });
    let after = format!("{:?}", rig.machine);
    assert!(!after.contains("8675"), "{after}");
}

#[test]
fn time_alone_ends_a_question_that_nobody_answers() {
    let mut rig = order();
    rig.heard();
    press(&mut rig, "4");
    assert_eq!(rig.let_time_end_it(), Outcome::Completed);
    assert_eq!(rig.path(), ["begin", "told", "stop"]);
    assert_eq!(order().let_time_end_it(), Outcome::Completed);
}
