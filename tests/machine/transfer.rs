//! The cold transfer: what may happen while it rings, on the answer, and after it. Numbers in comments and
//! messages are those of the catalogue of edge cases.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{AttemptId, Effect, Input, Known, LegEvent, LegOutcome, Outcome, Service, Timer};
use callflow::pii::Utterance;
use callflow::plan::{DialMethod, Event, HandoffMode, Plan};

use crate::rig::{Rig, cause, flow, plan_of, position, said, shipped, stops};

const ANNOUNCEMENT: &str = "I'm transferring you to a supervisor now. Please hold.";
const SORRY: &str = "I'm sorry, I couldn't reach a supervisor. Is there anything else I can help with?";
const ALONE: &str = "The other person has left the call. Goodbye.";

fn end(outcome: Outcome) -> Effect {
    Effect::End { outcome }
}

fn dials(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Dial { attempt, .. } => Some(attempt.0),
            _ => None,
        })
        .collect()
}

fn hold(effects: &[Effect]) -> Vec<bool> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Hold { on, .. } => Some(*on),
            _ => None,
        })
        .collect()
}

/// The shipped flow, the caller has agreed, the announcement is being said.
fn announcing() -> Rig {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    rig.heard();
    rig.press('0');
    rig.heard();
    rig.caller_says("yes");
    assert_eq!(rig.said().last(), Some(&ANNOUNCEMENT));
    rig
}

/// The shipped flow, the operator's phone rings.
fn ringing() -> Rig {
    let mut rig = announcing();
    rig.heard();
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Ringing);
    rig
}

/// The shipped flow, caller and operator talk.
fn handed_off() -> Rig {
    let mut rig = ringing();
    rig.wait_ms(6_000);
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "handed_off");
    rig
}

// ---------------------------------------------------------------- before and during the announcement

#[test]
fn the_dial_waits_for_the_announcement_and_for_no_other_sentence() {
    let mut rig = Rig::joined(flow(
        "  begin: {choose: [{else: ring}]}
  ring: {dial: {to: first, announce: One moment.}, on: {answered: {to: talk, say: x}, otherwise: {to: ring2, say: Nobody.}}}
  ring2: {dial: {to: second, announce: Another moment.}, on: {answered: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    rig.heard();
    rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
    assert_eq!(rig.said(), ["One moment.", "Nobody.", "Another moment."]);
    let announcement = rig.last_utterance();
    let earlier = callflow::machine::UtteranceId(announcement.0 - 1);
    assert!(rig.tell(Input::Said { utterance: earlier, heard_all: true }).is_empty(), "E02");
    assert_eq!(dials(&rig.tell(Input::Said { utterance: announcement, heard_all: true })), [2], "E01");
}

#[test]
fn what_may_have_to_be_said_without_a_voice_is_rendered_before_it_rings() {
    let rig = announcing();
    assert!(rig.log.contains(&Effect::Prepare { text: Utterance::new(ALONE) }));
}

#[test]
fn an_announcement_that_fails_or_is_lost_does_not_stop_the_transfer() {
    let mut rig = announcing();
    let utterance = rig.last_utterance();
    assert_eq!(dials(&rig.tell(Input::SayFailed { utterance })), [1], "E05");
    let mut rig = announcing();
    let effects = rig.wait(Duration::from_secs(10));
    assert_eq!(dials(&effects), [1], "E05");
    assert_eq!(rig.attempts(), 1);
}

#[test]
fn the_caller_cannot_talk_over_the_announcement_nor_into_the_ringing() {
    let mut rig = announcing();
    assert!(rig.caller_says("what?").is_empty(), "E03, E33");
    rig.heard();
    assert!(rig.caller_says("hello?").is_empty());
    assert!(!rig.machine.accepts_speech());
}

#[test]
fn speech_input_is_off_and_hold_audio_on_while_it_rings() {
    let mut rig = announcing();
    assert!(rig.log.contains(&Effect::Listen { on: false }), "E32");
    let effects = rig.heard();
    assert!(
        position(&effects, |e| matches!(e, Effect::Hold { on: true, .. }))
            < position(&effects, |e| matches!(e, Effect::Dial { .. }))
    );
    rig.leg(LegEvent::Started);
    assert_eq!(hold(&rig.leg(LegEvent::Answered)), [false]);
}

// ---------------------------------------------------------------- while it rings

#[test]
fn nobody_answers() {
    let mut rig = ringing();
    assert_eq!(rig.deadline_of(Timer::Ring), Some(rig.now + 30_000));
    let effects = rig.wait(Duration::from_secs(30));
    assert_eq!(stops(&effects), [1], "E16");
    assert_eq!(said(&effects), [SORRY], "the caller hears of it at once, while the leg is being stopped");
    assert!(
        position(&effects, |e| matches!(e, Effect::StopDial { .. }))
            < position(&effects, |e| matches!(e, Effect::Say { .. }))
    );
    assert_eq!(rig.state(), "converse");
    let report = rig.machine.transfer().unwrap().clone();
    assert_eq!((report.outcome, report.known), (LegOutcome::NoAnswer, Known::Inferred));
    assert_eq!((&*report.target, report.attempts, report.ring_ms), ("operator", 1, Some(30_000)));
    assert!(rig.leg(LegEvent::Stopped).is_empty(), "E23");
    assert_eq!(rig.machine.transfer(), Some(&report));
    rig.heard();
    assert!(rig.machine.accepts_speech());
}

#[test]
fn the_ring_limit_holds_without_any_word_of_ringing() {
    let mut rig = announcing();
    rig.heard();
    rig.leg(LegEvent::Started);
    rig.wait_ms(29_999);
    assert_eq!(rig.state(), "dialing_operator");
    rig.wait_ms(1);
    assert_eq!(rig.state(), "converse");
    assert_eq!(rig.machine.transfer().unwrap().ring_ms, None);
}

#[test]
fn ringing_told_twice_does_not_ring_longer() {
    let mut rig = ringing();
    rig.wait_ms(20_000);
    let before = rig.machine.clone();
    assert!(rig.leg(LegEvent::Ringing).is_empty());
    assert!(rig.leg(LegEvent::Started).is_empty());
    assert_eq!(rig.machine, before);
}

#[test]
fn the_caller_hangs_up_while_it_rings() {
    let mut rig = ringing();
    let effects = rig.tell(Input::CallerLeft);
    assert_eq!(
        effects,
        [
            Effect::StopDial { attempt: AttemptId(1) },
            Effect::Hold { on: false, audio: None },
            end(Outcome::CallerLeft)
        ],
        "E17"
    );
    assert_eq!(rig.machine.transfer().unwrap().outcome, LegOutcome::Cancelled);
    assert!(rig.leg(LegEvent::Answered).is_empty(), "E18: the call is torn down");
}

#[test]
fn an_answer_at_the_instant_of_the_ring_limit_is_late() {
    let mut rig = ringing();
    rig.now += 30_000;
    let effects = rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "converse", "E19: deadlines come first");
    assert_eq!(stops(&effects), [1, 1], "the leg is told again, since somebody is there");
    let before = rig.machine.clone();
    assert_eq!(rig.leg(LegEvent::Answered), [Effect::StopDial { attempt: AttemptId(1) }]);
    assert_eq!(rig.machine, before);
    assert_eq!(rig.machine.transfer().unwrap().outcome, LegOutcome::NoAnswer);
}

#[test]
fn an_answer_just_before_the_ring_limit_counts() {
    let mut rig = ringing();
    rig.wait_ms(29_999);
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "handed_off");
}

/// A flow that tells the outcomes apart.
fn sorted() -> Rig {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: first
    on:
      answered: talk
      no_answer: no_answer
      busy: busy
      rejected: rejected
      failed: failed
      otherwise: other
  talk: {handoff: keep_room}
  no_answer: {end: silent}
  busy: {end: silent}
  rejected: {end: silent}
  failed: {end: silent}
  other: {end: silent}\n",
    ));
    rig.leg(LegEvent::Started);
    rig
}

#[test]
fn outcomes_are_told_apart_where_the_vendor_does_and_have_a_common_way_out() {
    for (outcome, state, known) in [
        (LegOutcome::Busy, "busy", Known::Inferred),
        (LegOutcome::Rejected, "rejected", Known::Inferred),
        (LegOutcome::Unreachable, "other", Known::Inferred),
        (LegOutcome::Voicemail, "other", Known::Inferred),
        (LegOutcome::Failed, "failed", Known::Reported),
        (LegOutcome::Transferred, "failed", Known::Reported),
    ] {
        let mut rig = sorted();
        rig.leg(LegEvent::Failed { cause: cause(outcome) });
        assert_eq!(rig.state(), state, "E20: {outcome:?}");
        let report = rig.machine.transfer().unwrap();
        assert_eq!(report.known, known);
        assert_eq!(report.raw.as_deref(), Some("the vendor's words"));
    }
}

#[test]
fn a_stop_that_nobody_asked_for_is_a_failure() {
    let mut rig = sorted();
    rig.leg(LegEvent::Ringing);
    assert!(stops(&rig.leg(LegEvent::Stopped)).is_empty(), "E22");
    assert_eq!(rig.state(), "failed");
}

#[test]
fn a_refused_command_is_an_outcome_and_comes_once() {
    let mut rig = announcing();
    rig.heard();
    let effects = rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
    assert_eq!(said(&effects), [SORRY], "E26");
    let before = rig.machine.clone();
    assert!(rig.leg(LegEvent::Failed { cause: cause(LegOutcome::Failed) }).is_empty(), "E27");
    assert_eq!(rig.machine, before);
}

#[test]
fn a_command_without_an_answer_is_given_up() {
    let mut rig = announcing();
    rig.heard();
    let effects = rig.wait(Duration::from_secs(10));
    assert_eq!((stops(&effects), said(&effects)), (vec![1], vec![SORRY]));
}

#[test]
fn an_error_after_ringing_is_a_failure() {
    let mut rig = ringing();
    rig.leg(LegEvent::Failed { cause: cause(LegOutcome::Failed) });
    assert_eq!(rig.state(), "converse", "E28");
}

#[test]
fn ringing_is_not_an_answer() {
    let rig = ringing();
    assert_eq!(rig.state(), "dialing_operator", "E30");
}

#[test]
fn a_service_that_fails_while_it_rings_does_not_stop_the_ringing() {
    let mut rig = ringing();
    assert!(rig.tell(Input::ServiceFailed { service: Service::Stt }).is_empty());
    let mut unanswered =
        Rig { machine: rig.machine.clone(), plan: rig.plan.clone(), now: rig.now, log: rig.log.clone() };
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "handed_off");
    let effects = unanswered.wait(Duration::from_secs(30));
    assert_eq!(said(&effects).len(), 2, "but the conversation afterwards cannot be: {effects:?}");
    assert!(unanswered.let_time_end_it() == Outcome::Failed);
}

#[test]
fn the_time_limit_while_it_rings_stops_the_leg_and_says_so() {
    let mut rig = Rig::joined(plan_of(
        "callflow: 1
name: test
start: begin
call: {max_duration: 1m}
targets: {first: {phone: \"+15550100001\"}}
states:
  begin: {dial: {to: first, ring: 90s}, on: {answered: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: silent}
",
    ));
    rig.leg(LegEvent::Started);
    let effects = rig.wait(Duration::from_secs(60));
    let sentence = "I'm sorry, we have reached the time limit of this call. Goodbye.";
    assert_eq!(
        (stops(&effects), hold(&effects), said(&effects)),
        (vec![1], vec![false], vec![sentence]),
        "E52"
    );
}

// ---------------------------------------------------------------- listening while it rings

fn listening() -> Rig {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: {to: first, announce: One moment., listen: [leave]}
    on: {answered: talk, intent.leave: stop, caller.dtmf(\"9\"): stop, otherwise: stop}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}\n",
    ));
    rig.heard();
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Ringing);
    rig
}

#[test]
fn the_caller_may_change_their_mind_if_the_flow_listens() {
    let mut rig = listening();
    assert!(rig.machine.accepts_speech());
    assert!(rig.caller_says("get me a person").is_empty(), "only what is listed is heard");
    let effects = rig.caller_says("oh, bye then");
    assert_eq!(
        (stops(&effects), hold(&effects), said(&effects)),
        (vec![1], vec![false], vec!["Goodbye."]),
        "E34"
    );
    assert_eq!(stops(&rig.leg(LegEvent::Answered)), [1], "E25");
    assert_eq!(rig.heard(), [end(Outcome::Completed)]);
}

#[test]
fn a_key_while_it_rings() {
    let mut rig = listening();
    assert!(rig.press('1').is_empty());
    assert_eq!(stops(&rig.press('9')), [1]);
}

#[test]
fn a_leg_that_has_not_even_begun_to_ring_is_stopped_too() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: talk, caller.dtmf(\"9\"): again, otherwise: stop}}
  again: {converse: P, on: {intent.leave: stop}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}\n",
    ));
    assert_eq!(stops(&rig.press('9')), [1]);
}

#[test]
fn hold_speech_comes_now_and_then_and_is_cut_by_the_answer() {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: {to: first, ring: 60s, hold: {say: Still trying., say_every: 10s}}
    on: {answered: talk, otherwise: stop}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}\n",
    ));
    rig.leg(LegEvent::Started);
    assert_eq!(said(&rig.wait_ms(10_000)), ["Still trying."]);
    rig.heard();
    assert_eq!(said(&rig.wait_ms(10_000)), ["Still trying."]);
    let effects = rig.leg(LegEvent::Answered);
    let cut = position(&effects, |e| *e == Effect::StopSpeaking);
    assert!(cut < position(&effects, |e| matches!(e, Effect::Handoff { .. })), "E41");
}

// ---------------------------------------------------------------- several targets

fn hunting() -> Rig {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: {to: [first, second], ring: 20s, announce: One moment.}
    on: {answered: talk, busy: stop, targets.exhausted: {to: stop, say: Nobody is there.}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}\n",
    ));
    rig.heard();
    rig.leg(LegEvent::Started);
    rig
}

#[test]
fn the_next_target_is_tried_when_the_leg_before_is_gone() {
    let mut rig = hunting();
    let effects = rig.wait_ms(20_000);
    assert_eq!((stops(&effects), dials(&effects)), (vec![1], vec![]), "E36, E39");
    assert_eq!(dials(&rig.leg(LegEvent::Stopped)), [2]);
    let effects = rig.tell(Input::Leg {
        attempt: AttemptId(2),
        event: LegEvent::Refused { cause: cause(LegOutcome::Busy) },
    });
    assert_eq!(said(&effects), ["Nobody is there.", "Goodbye."], "E37");
    assert_eq!(rig.log.iter().filter(|e| matches!(e, Effect::Hold { on: true, .. })).count(), 1);
}

#[test]
fn a_failed_leg_needs_no_stop_before_the_next() {
    let mut rig = hunting();
    let effects = rig.leg(LegEvent::Failed { cause: cause(LegOutcome::Busy) });
    assert_eq!((stops(&effects), dials(&effects)), (vec![], vec![2]), "a target that fails moves on");
}

#[test]
fn a_stop_without_an_answer_is_waited_for_five_seconds() {
    let mut rig = hunting();
    rig.wait_ms(20_000);
    assert!(rig.wait_ms(4_999).is_empty());
    assert_eq!(dials(&rig.wait_ms(1)), [2]);
    assert_eq!(
        rig.tell(Input::Leg { attempt: AttemptId(1), event: LegEvent::Answered }),
        [Effect::StopDial { attempt: AttemptId(1) }],
        "E25"
    );
    rig.leg(LegEvent::Answered);
    assert_eq!(rig.state(), "talk");
}

#[test]
fn a_new_dial_waits_for_the_old_leg() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: talk, otherwise: once_more}}
  once_more: {dial: {to: second, announce: Once more.}, on: {answered: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    rig.leg(LegEvent::Started);
    assert_eq!(said(&rig.wait_ms(30_000)), ["Once more."]);
    assert!(dials(&rig.heard()).is_empty());
    assert_eq!(dials(&rig.leg(LegEvent::Stopped)), [2]);
}

fn accepting(late: &str) -> Rig {
    let mut rig = Rig::joined(flow(&format!(
        "  begin:
    dial: {{to: [first, second], ring: 20s, late_answer: {late}}}
    on: {{answered: talk, otherwise: {{to: stop}}}}
  talk: {{handoff: keep_room}}
  stop: {{end: Goodbye.}}\n",
    )));
    rig.leg(LegEvent::Started);
    rig.wait_ms(20_000);
    rig
}

#[test]
fn a_late_answer_is_welcome_only_if_the_flow_says_so_and_still_dials() {
    let mut rig = accepting("accept");
    rig.leg(LegEvent::Answered);
    assert_eq!((rig.state(), rig.attempts()), ("talk", 1), "E19");
    assert_eq!(rig.machine.transfer().unwrap().outcome, LegOutcome::Answered);

    let mut rig = accepting("hang_up");
    assert_eq!(stops(&rig.leg(LegEvent::Answered)), [1]);
    assert_eq!(rig.state(), "begin");

    let mut rig = accepting("accept");
    rig.leg(LegEvent::Stopped);
    rig.leg(LegEvent::Started);
    rig.wait_ms(20_000);
    assert_eq!(rig.state(), "stop");
    assert_eq!(stops(&rig.leg(LegEvent::Answered)), [2], "the state has been left");
    assert_eq!(rig.state(), "stop");
}

#[test]
fn retries_pause_longer_each_time_and_then_move_on() {
    let mut rig = Rig::joined(flow(
        "  begin:
    dial: {to: [first, second], retry: {times: 2, wait: 2s, backoff: 2}}
    on: {answered: talk, otherwise: stop}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    let mut targets = Vec::new();
    for pause in [2_000, 4_000, 0] {
        assert!(dials(&rig.leg(LegEvent::Started)).is_empty());
        let failed = rig.leg(LegEvent::Stopped);
        if pause > 0 {
            assert!(dials(&failed).is_empty());
            assert!(rig.wait_ms(pause - 1).is_empty());
            rig.wait_ms(1);
        }
        targets.push(rig.attempts());
    }
    assert_eq!(targets, [2, 3, 4]);
    let Some(Effect::Dial { target, .. }) = rig.log.iter().rfind(|e| matches!(e, Effect::Dial { .. })) else {
        panic!("nobody was dialled")
    };
    assert_eq!(target.index(), 1);
}

#[test]
fn a_call_makes_no_more_than_twenty_attempts() {
    let mut rig = Rig::joined(flow(
        "  begin: {dial: first, on: {answered: talk, otherwise: [{to: begin, max_visits: 100}, {to: stop}]}}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    while !rig.machine.is_over() {
        assert!(rig.attempts() <= 20, "E38");
        rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
    }
    assert_eq!(rig.attempts(), 20);
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
    assert_eq!(rig.tell(Input::RoomClosed).last(), Some(&end(Outcome::Transferred)));
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
