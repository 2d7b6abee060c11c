//! The cold transfer: the handoff, what comes after it, and moving the caller's own leg. Numbers in
//! messages are those of the catalogue of edge cases.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{AttemptId, Effect, Input, Known, LegEvent, LegOutcome, Outcome, Service, Timer};
use callflow::pii::Utterance;
use callflow::plan::{DialMethod, Event, HandoffMode, Plan};

use crate::rig::{Rig, cause, end, flow, plan_of, position, said, stops};
use crate::transfer::ringing;

const ALONE: &str = "The other person has left the call. Goodbye.";

/// The shipped flow, caller and operator talk.
fn handed_off() -> Rig {
    let mut rig = ringing();
    rig.wait_ms(6_000);
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "handed_off");
    rig
}

// ---------------------------------------------------------------- the handoff and after

#[test]
fn on_the_answer_the_bot_is_out_at_once() {
    let mut rig = ringing();
    rig.wait_ms(6_000);
    let effects = rig.leg(LegEvent::Answered);
    let kinds: Vec<_> = effects
        .iter()
        .map(|e| match e {
            Effect::Hold { on: false, .. } => "hold off",
            Effect::Enter { .. } => "enter",
            Effect::Handoff { mode: HandoffMode::KeepRoom } => "handoff",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["hold off", "enter", "handoff"]);
    let report = rig.machine.transfer().unwrap();
    assert_eq!(
        (report.outcome, report.known, report.ring_ms),
        (LegOutcome::Answered, Known::Reported, Some(6_000))
    );
    assert_eq!(
        rig.machine.next_deadline().map(|(at, t)| (at.0 - rig.now, t)),
        Some((7_200_000, Timer::Handoff))
    );
}

#[test]
fn a_second_answer_of_the_same_leg_is_nothing() {
    let mut rig = handed_off();
    let before = rig.machine.clone();
    assert!(rig.leg(LegEvent::Answered).is_empty(), "E24");
    assert_eq!(rig.machine, before);
}

#[test]
fn the_operator_leaves_and_the_caller_hears_of_it() {
    for gone in [LegEvent::Stopped, LegEvent::Failed { cause: cause(LegOutcome::Failed) }] {
        let mut rig = handed_off();
        rig.wait(Duration::from_secs(600));
        assert_eq!(said(&rig.leg(gone)), [ALONE], "E45");
        assert_eq!(rig.heard(), [end(Outcome::Transferred)]);
    }
}

#[test]
fn the_caller_leaves_and_the_operator_hears_of_it() {
    let mut rig = handed_off();
    assert_eq!(said(&rig.tell(Input::CallerLeft)), [ALONE], "E46");
    assert_eq!(rig.heard(), [Effect::StopDial { attempt: AttemptId(1) }, end(Outcome::Transferred)]);
}

#[test]
fn both_leave_and_nothing_is_said_to_nobody() {
    let mut rig = handed_off();
    rig.tell(Input::CallerLeft);
    assert_eq!(rig.leg(LegEvent::Stopped), [end(Outcome::Transferred)]);
    let mut rig = handed_off();
    rig.leg(LegEvent::Stopped);
    assert_eq!(rig.tell(Input::CallerLeft), [end(Outcome::Transferred)]);
}

#[test]
fn nothing_but_the_two_matters_after_the_handoff() {
    let mut rig = handed_off();
    let before = rig.machine.clone();
    for input in [
        Input::Shutdown,
        Input::RoomExpiring,
        Input::ServiceFailed { service: Service::Llm },
        Input::SpeechStarted,
        Input::TurnEnded { text: Utterance::new("get me a person") },
        Input::Dtmf { digit: '0' },
    ] {
        assert!(rig.tell(input).is_empty(), "E48, E51, E60");
    }
    assert_eq!(rig.machine.state(), before.state());
    rig.wait(Duration::from_secs(3_600));
    assert!(!rig.machine.is_over(), "E50, E51: the call's time limit no longer counts");
    // The bot's way into the room is lost: the two have each other, and their room.
    assert_eq!(
        rig.tell(Input::RoomClosed),
        [Effect::Handoff { mode: HandoffMode::Leave }, end(Outcome::Transferred)]
    );
}

#[test]
fn two_hours_are_the_most() {
    let mut rig = handed_off();
    let effects = rig.wait(Duration::from_secs(7_200));
    assert_eq!(effects, [Effect::StopDial { attempt: AttemptId(1) }, end(Outcome::Transferred)]);
}

#[test]
fn leave_ends_the_call_for_the_bot_and_for_nobody_else() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: talk, otherwise: stop}}
  talk: {handoff: leave}
  stop: {end: silent}\n",
    ));
    rig.leg(LegEvent::Started);
    let effects = rig.leg(LegEvent::Answered);
    assert_eq!(
        effects[effects.len() - 2..],
        [Effect::Handoff { mode: HandoffMode::Leave }, end(Outcome::Transferred)]
    );
    assert!(stops(&effects).is_empty());
}

#[test]
fn the_flow_may_name_what_a_caller_left_alone_hears() {
    let mut rig = Rig::joined(plan_of(
        "callflow: 1
name: test
start: begin
env: {OPERATOR_NUMBER: phone}
targets: {first: {phone: \"{{ env.OPERATOR_NUMBER }}\"}}
states:
  begin: {dial: first, on: {answered: talk, otherwise: bye}}
  talk: {handoff: keep_room, on: {operator.left: bye}}
  bye: {end: \"{{ env.OPERATOR_NUMBER }} has left, {{ call.from }}.\"}
",
    ));
    let sentence = "+15550100123 has left, +15550100199.";
    assert!(rig.log.contains(&Effect::Prepare { text: Utterance::new(sentence) }));
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Answered);
    assert_eq!(said(&rig.leg(LegEvent::Stopped)), [sentence]);
    assert_eq!(rig.heard(), [end(Outcome::Transferred)]);
    assert_eq!(rig.path(), ["begin", "talk", "bye"]);
}

#[test]
fn words_on_the_way_to_the_handoff_are_heard_before_it() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: {to: talk, say: Here you are.}, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    rig.leg(LegEvent::Started);
    let effects = rig.leg(LegEvent::Answered);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Handoff { .. })), "E42");
    assert!(!effects.contains(&Effect::StopSpeaking));
    assert_eq!(rig.heard(), [Effect::Handoff { mode: HandoffMode::KeepRoom }]);
}

#[test]
fn an_operator_who_leaves_before_the_handoff_is_not_handed_anybody() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: hello, otherwise: stop}}
  hello: {say: Here you are., next: talk}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Answered);
    rig.leg(LegEvent::Stopped);
    let effects = rig.heard();
    assert_eq!(said(&effects), [ALONE]);
    assert!(!rig.log.iter().any(|e| matches!(e, Effect::Handoff { .. })));
    assert_eq!(rig.heard(), [end(Outcome::Failed)]);
}

/// Somebody has answered, and the flow talks on instead of handing the caller over. No checked flow does.
fn talking_on() -> Rig {
    let mut plan = Arc::into_inner(flow(
        "  begin: {dial: first, on: {answered: talk, otherwise: chat}}
  chat: {converse: {prompt: P, first: bot}, on: {intent.leave: stop, intent.person: stop}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}\n",
    ))
    .unwrap();
    let rewire = |plan: &mut Plan, from: &str, event: Event, to: &str| {
        let (from, to) = (plan.state_named(from).unwrap(), plan.state_named(to).unwrap());
        let on = plan.states[from.index()].on.iter_mut().find(|on| on.event == event).unwrap();
        on.branches[0].to = to;
    };
    let person = plan.intent_named("person").unwrap();
    rewire(&mut plan, "begin", Event::OperatorAnswered, "chat");
    rewire(&mut plan, "chat", Event::Intent(person), "talk");
    let mut rig = Rig::joined(Arc::new(plan));
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "chat");
    rig
}

#[test]
fn the_operators_leg_is_the_first_thing_that_a_caller_who_leaves_stops() {
    let effects = talking_on().tell(Input::CallerLeft);
    assert_eq!(effects.first(), Some(&Effect::StopDial { attempt: AttemptId(1) }));
    assert_eq!(effects.last(), Some(&end(Outcome::CallerLeft)));
}

#[test]
fn whoever_answered_and_is_not_needed_is_hung_up_before_the_goodbye() {
    let effects = talking_on().propose("leave");
    assert!(
        position(&effects, |e| matches!(e, Effect::StopDial { .. }))
            < position(&effects, |e| matches!(e, Effect::Say { .. }))
    );
}

#[test]
fn an_answer_may_be_used_later() {
    let mut rig = talking_on();
    rig.propose("person");
    assert_eq!(rig.replied(), [Effect::Handoff { mode: HandoffMode::KeepRoom }]);
}

// ---------------------------------------------------------------- moving the caller's own leg

fn moving() -> Rig {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: {to: first, method: sip_transfer, announce: One moment.}
    on: {transferred: gone, otherwise: {to: stop, say: That did not work.}}
  gone: {handoff: leave}
  stop: {end: Goodbye.}\n",
    ));
    let effects = rig.heard();
    assert!(effects.iter().any(|e| matches!(e, Effect::Dial { method: DialMethod::SipTransfer, .. })));
    rig
}

#[test]
fn a_moved_caller_is_transferred_and_nobody_knows_more() {
    let mut rig = moving();
    let effects = rig.leg(LegEvent::Started);
    assert_eq!(
        effects[effects.len() - 2..],
        [Effect::Handoff { mode: HandoffMode::Leave }, end(Outcome::Transferred)]
    );
    let report = rig.machine.transfer().unwrap();
    assert_eq!((report.outcome, report.known), (LegOutcome::Transferred, Known::Unobservable));
}

#[test]
fn a_refused_move_returns_to_the_flow() {
    let mut rig = moving();
    let effects = rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
    assert_eq!(said(&effects), ["That did not work.", "Goodbye."]);
}

#[test]
fn a_caller_who_is_gone_before_the_move_is_confirmed_was_moved_if_it_is_confirmed() {
    let mut rig = moving();
    assert!(rig.tell(Input::CallerLeft).is_empty());
    assert_eq!(rig.leg(LegEvent::Started).last(), Some(&end(Outcome::Transferred)));
    let mut rig = moving();
    rig.tell(Input::CallerLeft);
    assert_eq!(
        rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) }).last(),
        Some(&end(Outcome::CallerLeft))
    );
    let mut rig = moving();
    rig.tell(Input::CallerLeft);
    assert_eq!(rig.let_time_end_it(), Outcome::CallerLeft);
}
