//! What each fault does to a call that goes otherwise without it: a fault that changed nothing would prove nothing.

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::scenario::coverage::Coverage;
use callflow::scenario::faults::CATALOGUE;
use callflow::scenario::{Command, Subject, Test, World, generate, run_with, tell};

use super::stage::{flow, play, shipped, suite};

const ASKED: &str = "I want to speak to a manager, \"yes\"";
const ANSWERED: &str = "I want to speak to a manager, \"yes\", operator.answered";

/// Everything that a `dial` can have, behind a notice that must have been heard.
const NOTICED: &str = r#"callflow: 1
start: talk
targets: {desk: {phone: "+15550100001"}}
intents:
  person: {when: The caller wants a person., examples: [get me a person]}
properties: [{before: {ring: notice}}]
states:
  talk: {converse: Help., on: {intent.person: [{to: notice, max_visits: 3}, {to: sorry}]}}
  notice: {say: "This call may be recorded.", on: {said: ring, failed: talk}}
  ring:
    dial: {to: desk, announce: "I will try somebody.", ring: 20s, accept: {say: Press 1 to take the call.}}
    on: {accepted: together, otherwise: {to: sorry, say: "Nobody is free."}}
  together: {handoff: keep_room}
  sorry: {end: Goodbye.}
"#;

/// The caller's own leg is moved.
const MOVING: &str = "callflow: 1\nstart: move\ntargets: {desk: {sip: \"sip:desk@example.com\"}}\nstates:\n  move:\n    \
    dial: {to: desk, method: sip_refer, announce: One moment.}\n    on: {transferred: over, otherwise: sorry}\n  \
    over: {end: You are being connected.}\n  sorry: {end: It did not work.}\n";

/// The call of this script, with a fault or without one.
fn call(subject: &Subject, fault: &str, script: &str) -> World {
    // Without one, a call that is not brought to its end by its script goes on by itself as well.
    let faults = if fault.is_empty() { String::new() } else { format!("faults: [{fault}], ") };
    let text = format!("tests:\n  - {{name: x, {faults}script: [{script}]}}\n");
    let ran = play(&suite(&text, subject).tests[0], subject).pop().unwrap();
    let mut world = ran.world;
    assert!(ran.failure.is_none(), "{fault}: {:?}\n{}", ran.failure, tell(world.story()));
    assert!(world.run_to_its_end());
    world
}

fn count<const N: usize>(world: &World, commands: [Command; N]) -> [u32; N] {
    commands.map(|command| world.tally().count(command))
}

/// When the story first says this, in milliseconds.
fn when(world: &World, words: &str) -> u64 {
    let line = world.story().iter().find(|line| line.what.contains(words));
    line.unwrap_or_else(|| panic!("{words}\n{}", tell(world.story()))).at.0
}

fn path(world: &World) -> Vec<&str> {
    world.path().collect()
}

/// What no shipped flow has: an accept gate, a notice that must come first, and a leg that is moved.
#[test]
fn every_way_through_a_gate_and_through_a_move_survives_every_fault() {
    for text in [NOTICED, MOVING] {
        let subject = flow(text);
        let (written, _) = generate::generate(subject.plan(), Coverage::of(subject.plan()));
        for way in suite(&written, &subject).tests {
            let way = Test { expect: Vec::new(), ..way };
            let plan = subject.plan_of(&way).unwrap();
            for (case, fault) in CATALOGUE.iter().filter_map(|case| Some((case, case.fault()?))) {
                let ran = run_with(&way, &plan, &[], vec![fault]);
                let story = tell(ran.world.story());
                assert!(ran.failure.is_none(), "{} {}: {:?}\n{story}", case.id, way.name.value, ran.failure);
            }
        }
    }
}

#[test]
fn a_slow_announcement_holds_the_dial_back_until_it_is_over() {
    let subject = shipped("cold_transfer.yaml");
    let (slow, usual) = (call(&subject, "E01", ANSWERED), call(&subject, "", ANSWERED));
    let after = |world: &World| when(world, "dials") - when(world, "dialing_operator");
    // Twice as long and two seconds more, though less than the machine would wait.
    assert_eq!(after(&slow), 2 * after(&usual) + 2_000);
    assert_eq!(slow.machine().outcome(), Some(Outcome::Transferred));
}

#[test]
fn a_transfer_is_not_lost_behind_a_tool_of_the_same_reply() {
    let subject = shipped("order_status.yaml");
    let script = "intent: {check_order: {order_id: 1234}}";
    let (both, alone) = (call(&subject, "E07", script), call(&subject, "", script));
    assert_eq!((count(&both, [Command::CallTool]), count(&alone, [Command::CallTool])), ([2], [1]));
    assert!(path(&both).contains(&"look_up"), "{}", tell(both.story()));
    // A flow that offers the model no tool has nothing that it could ask for besides.
    let subject = shipped("cold_transfer.yaml");
    assert_eq!(tell(call(&subject, "E07", ANSWERED).story()), tell(call(&subject, "", ANSWERED).story()));
}

#[test]
fn words_of_the_reply_that_asks_for_the_transfer_are_heard_before_what_follows() {
    let subject = shipped("cold_transfer.yaml");
    let (talked, silent) = (call(&subject, "E08", ANSWERED), call(&subject, "", ANSWERED));
    let asked = |world: &World| when(world, "dialing_operator") - when(world, "confirm_transfer");
    assert!(asked(&talked) > asked(&silent) + 2_000, "{}", tell(talked.story()));
    assert_eq!(count(&talked, [Command::Dial, Command::Handoff, Command::StopSpeaking]), [1, 1, 0]);
}

#[test]
fn whatever_the_model_invents_only_the_flow_s_targets_are_dialled() {
    let subject = shipped("cold_transfer.yaml");
    let world = call(&subject, "E12", &format!("I want to speak to a manager, {ANSWERED}"));
    assert!(tell(world.story()).contains("I didn't catch that"), "what is not offered is no reply");
    let dialled: Vec<_> = world.tally().dialled.iter().map(|id| &*world.plan().target(*id).name).collect();
    assert_eq!(dialled, ["operator"]);
    // A tool that is not there is refused, and a value that no guard has seen is only a value.
    let subject = shipped("order_status.yaml");
    let world = call(&subject, "E12", "where is order 1234, where is order 1234");
    let story = tell(world.story());
    assert!(story.contains("there is no such tool"), "{story}");
}

#[test]
fn out_of_hours_nobody_is_dialled() {
    let subject = shipped("business_hours.yaml");
    let script = "I want to talk to someone";
    let (closed, open) = (call(&subject, "E14", script), call(&subject, "", script));
    assert_eq!((count(&closed, [Command::Dial]), count(&open, [Command::Dial])), ([0], [2]));
    assert_eq!(path(&closed)[..3], ["open_or_closed", "welcome_closed", "reception"]);
    // A flow without hours is called as it would be.
    let subject = shipped("cold_transfer.yaml");
    assert_eq!(tell(call(&subject, "E14", ANSWERED).story()), tell(call(&subject, "", ANSWERED).story()));
}

#[test]
fn nobody_is_dialled_who_has_not_heard_what_must_come_first() {
    let subject = flow(NOTICED);
    let script = "get me a person";
    let (unheard, heard) = (call(&subject, "E15", script), call(&subject, "", script));
    assert_eq!((count(&unheard, [Command::Dial]), count(&heard, [Command::Dial])), ([0], [1]));
    assert!(path(&unheard).contains(&"notice"));
}

#[test]
fn a_flow_that_dials_behind_an_unheard_notice_breaks_its_own_property() {
    let subject = flow(&NOTICED.replace("failed: talk", "failed: ring"));
    let text = "tests:\n  - {name: x, faults: [E15], script: [get me a person]}\n";
    let ran = play(&suite(text, &subject).tests[0], &subject).pop().unwrap();
    let failure = ran.failure.unwrap().message;
    assert!(
        failure.contains("the call came to `ring` before `notice` has been heard to its end"),
        "{failure}"
    );
}

#[test]
fn a_phone_that_nobody_answers_rings_to_its_limit_whatever_the_script_says() {
    let subject = shipped("cold_transfer.yaml");
    let world = call(&subject, "E16", ANSWERED);
    let transfer = world.machine().transfer().unwrap();
    assert_eq!((transfer.outcome, transfer.ring_ms), (LegOutcome::NoAnswer, Some(30_000)));
    assert_eq!(count(&world, [Command::Dial, Command::StopDial, Command::Handoff]), [1, 1, 0]);
    assert_eq!(call(&subject, "", ANSWERED).machine().outcome(), Some(Outcome::Transferred));
}

#[test]
fn the_caller_hears_hold_audio_whatever_is_told_of_the_ringing() {
    // The first phone is picked up though nothing was told of it.
    let subject = shipped("cold_transfer.yaml");
    let world = call(&subject, "E31", ASKED);
    assert_eq!(world.machine().transfer().unwrap().ring_ms, None);
    assert_eq!(count(&world, [Command::Hold, Command::Handoff]), [1, 1]);
    // Of the second too much is told.
    let subject = shipped("business_hours.yaml");
    let world = call(&subject, "E31, E16", "I want to talk to someone");
    assert_eq!(count(&world, [Command::Dial, Command::StopDial, Command::Hold]), [2, 2, 1]);
    assert!(when(&world, "nobody_free") > 20_000);
}

#[test]
fn nobody_is_handed_over_before_the_two_hear_each_other() {
    let subject = flow(&NOTICED.replace("to: desk", "to: [desk, back]").replace(
        "{desk: {phone: \"+15550100001\"}}",
        "{desk: {phone: \"+15550100001\"}, back: {phone: \"+15550100002\"}}",
    ));
    let world = call(&subject, "E42", "get me a person");
    // Of the first it is never told; of the second nine seconds after the key, and for two hours nothing else is.
    assert_eq!(count(&world, [Command::Dial, Command::Bridge, Command::Handoff]), [2, 2, 1]);
    assert_eq!(when(&world, "together"), when(&world, "the two hear each other"), "{}", tell(world.story()));
    assert!(when(&world, "together") > when(&world, "dials `back`") + 9_000);
    assert_eq!(world.machine().outcome(), Some(Outcome::Transferred));
    assert_eq!(count(&call(&subject, "", "get me a person"), [Command::Bridge]), [0]);
}

#[test]
fn a_room_that_ends_with_the_bot_leaves_the_two_to_themselves() {
    let subject = shipped("cold_transfer.yaml");
    let world = call(&subject, "E43", ASKED);
    let story = tell(world.story());
    assert_eq!(world.machine().outcome(), Some(Outcome::Transferred), "{story}");
    // The bot is out of it once more, and stops no leg that is not its own any longer.
    assert_eq!(count(&world, [Command::Handoff, Command::StopDial]), [2, 0], "{story}");
}

#[test]
fn of_a_move_that_fails_it_is_only_known_that_it_was_issued() {
    let subject = flow(MOVING);
    let (fails, works) = (call(&subject, "E44", ""), call(&subject, "", "transferred"));
    assert!(
        when(&fails, "the attempt fails") > when(&fails, "the command is taken"),
        "{}",
        tell(fails.story())
    );
    for world in [&fails, &works] {
        let transfer = world.machine().transfer().unwrap();
        assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Transferred, Known::Unobservable));
        assert_eq!(
            (path(world), world.machine().outcome()),
            (vec!["move", "over"], Some(Outcome::Transferred))
        );
        assert_eq!(count(world, [Command::Dial, Command::StopDial]), [1, 0]);
    }
    // A leg of its own is not moved.
    let subject = shipped("cold_transfer.yaml");
    assert_eq!(tell(call(&subject, "E44", ANSWERED).story()), tell(call(&subject, "", ANSWERED).story()));
}

#[test]
fn two_people_who_talk_for_over_an_hour_are_left_alone() {
    let subject = shipped("cold_transfer.yaml");
    let (hours, short) = (call(&subject, "E51", ASKED), call(&subject, "E46", ASKED));
    let end = |world: &World| when(world, "the call is over") - when(world, "hands the caller over");
    assert!(end(&hours) > 65 * 60 * 1_000 && end(&short) < 60_000, "{}", tell(hours.story()));
    // Once one of them is gone the other hears so.
    assert_eq!(count(&hours, [Command::Say]), count(&short, [Command::Say]));
}

#[test]
fn a_caller_who_is_there_before_the_bot_is_greeted_once() {
    let subject = shipped("cold_transfer.yaml");
    let (early, usual) = (call(&subject, "E55", ANSWERED), call(&subject, "", ANSWERED));
    let joins = |world: &World| world.story().iter().filter(|line| line.what == "joins").count();
    assert_eq!((joins(&early), joins(&usual)), (2, 1));
    assert_eq!((path(&early), early.machine().outcome()), (path(&usual), usual.machine().outcome()));
    assert_eq!(count(&early, [Command::Say, Command::Dial]), count(&usual, [Command::Say, Command::Dial]));
}

#[test]
fn a_caller_who_cannot_be_reached_did_not_leave_and_hears_nothing() {
    let subject = shipped("cold_transfer.yaml");
    let world = call(&subject, "E56", ANSWERED);
    assert_eq!(world.machine().outcome(), Some(Outcome::Failed));
    assert_eq!(count(&world, [Command::Say, Command::Reply, Command::Dial]), [0, 0, 0]);
}
