//! The accept gate: who picks up is asked, and the caller knows nothing of it.

use std::time::Duration;

use callflow::machine::{AttemptId, Effect, Input, Known, LegCause, LegEvent, LegOutcome, Outcome, Timer};
use callflow::pii::Utterance;

use crate::rig::{Rig, cause, end, flow, stops};

const QUESTION: &str = "A call for you. Press 1 to take it.";

fn asked(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Ask { attempt, text } => {
                assert_eq!(text.text(), QUESTION);
                Some(attempt.0)
            }
            _ => None,
        })
        .collect()
}

fn dialled(effects: &[Effect]) -> Vec<u32> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Dial { attempt, apart, .. } => {
                assert!(apart, "dialled into the caller's ear");
                Some(attempt.0)
            }
            _ => None,
        })
        .collect()
}

fn key(digit: char) -> LegEvent {
    LegEvent::Key { digit }
}

/// A caller on hold, and a phone that rings, in a flow whose gate has these keys besides the sentence.
fn ringing_with(gate: &str, dial: &str) -> Rig {
    let mut rig = Rig::joined(flow(&format!(
        "  begin: {{say: Hello., next: ring}}
  ring:
    dial: {{to: [first, second], accept: {{say: \"{QUESTION}\"{gate}}}, listen: [leave]{dial}}}
    on:
      accepted: talk
      intent.leave: {{to: stop, say: As you like.}}
      rejected: {{to: stop, say: They are busy.}}
      voicemail: {{to: stop, say: Only a machine.}}
      otherwise: {{to: stop, say: Nobody.}}
  talk: {{handoff: keep_room}}
  stop: {{end: Goodbye.}}\n"
    )));
    assert_eq!(dialled(&rig.heard()), [1]);
    assert!(
        rig.log.contains(&Effect::Prepare { text: Utterance::new(QUESTION) }),
        "rendered before it rings"
    );
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Ringing);
    rig.wait_ms(4_000);
    rig
}

fn picked_up() -> Rig {
    let mut rig = ringing_with("", "");
    assert_eq!(asked(&rig.leg(LegEvent::Answered)), [1]);
    rig
}

#[test]
fn the_caller_is_put_through_when_the_key_is_pressed_and_the_two_hear_each_other() {
    let mut rig = picked_up();
    assert_eq!(rig.state(), "ring", "an answer is not an operator");
    assert!(!rig.log.iter().any(|e| matches!(e, Effect::Hold { on: false, .. })), "the caller stays on hold");
    rig.wait_ms(3_000);
    assert!(rig.leg(LegEvent::Asked).is_empty());
    rig.wait_ms(2_000);
    assert_eq!(rig.leg(key('1')), [Effect::Bridge { attempt: AttemptId(1) }]);
    assert_eq!(rig.state(), "ring");
    rig.wait_ms(200);
    let effects = rig.leg(LegEvent::Bridged);
    assert_eq!(rig.state(), "talk");
    assert!(effects.iter().any(|e| matches!(e, Effect::Handoff { .. })));
    let report = rig.machine.transfer().unwrap();
    assert_eq!((report.outcome, report.known), (LegOutcome::Answered, Known::Reported));
    assert_eq!((report.ring_ms, report.gate_ms), (Some(4_000), Some(5_200)));
    assert!(rig.leg(key('2')).is_empty(), "after the handoff keys are the people's");
}

#[test]
fn the_key_counts_while_the_question_is_still_said() {
    let mut rig = picked_up();
    assert_eq!(rig.leg(key('1')), [Effect::Bridge { attempt: AttemptId(1) }]);
    assert!(rig.leg(key('1')).is_empty() && rig.leg(key('2')).is_empty(), "it was pressed");
    assert!(rig.leg(LegEvent::Asked).is_empty());
    rig.leg(LegEvent::Bridged);
    assert_eq!(rig.state(), "talk");
}

#[test]
fn who_declines_is_hung_up_and_the_next_is_tried() {
    let mut rig = picked_up();
    let effects = rig.leg(key('2'));
    assert_eq!(stops(&effects), [1]);
    let report = rig.machine.transfer().unwrap();
    assert_eq!((report.outcome, report.known), (LegOutcome::Rejected, Known::Reported));
    assert_eq!(dialled(&rig.leg(LegEvent::Stopped)), [2]);
    rig.leg(LegEvent::Started);
    assert_eq!(asked(&rig.leg(LegEvent::Answered)), [2]);
    rig.leg(key('2'));
    assert_eq!(rig.said().iter().rev().nth(1), Some(&"They are busy."));
}

#[test]
fn other_keys_of_the_phone_are_named_in_the_flow() {
    let mut rig = ringing_with(", key: \"5\", decline: \"#\"", "");
    rig.leg(LegEvent::Answered);
    assert!(rig.leg(key('1')).is_empty() && rig.leg(key('2')).is_empty());
    assert_eq!(rig.leg(key('5')), [Effect::Bridge { attempt: AttemptId(1) }]);
}

#[test]
fn a_machine_presses_nothing() {
    let mut rig = ringing_with(", tries: 2, timeout: 7s", "");
    rig.leg(LegEvent::Answered);
    rig.wait_ms(3_000);
    rig.leg(LegEvent::Asked);
    assert!(rig.wait_ms(6_999).is_empty());
    assert_eq!(asked(&rig.wait_ms(1)), [1], "once more");
    rig.leg(LegEvent::Asked);
    let effects = rig.wait_ms(7_000);
    assert_eq!((stops(&effects), asked(&effects)), (vec![1], vec![]), "E21");
    let report = rig.machine.transfer().unwrap();
    assert_eq!((report.outcome, report.known), (LegOutcome::Voicemail, Known::Inferred));
}

#[test]
fn who_hangs_up_on_the_question_has_declined() {
    let mut rig = picked_up();
    assert_eq!(dialled(&rig.leg(LegEvent::Stopped)), [2], "the leg is gone: the next one rings at once");
    let report = rig.machine.transfer().unwrap();
    assert_eq!((report.outcome, report.known), (LegOutcome::Rejected, Known::Inferred));
}

#[test]
fn the_callers_own_keys_open_nothing() {
    let mut rig = picked_up();
    assert!(rig.press('1').is_empty());
    assert_eq!(rig.state(), "ring");
}

#[test]
fn a_caller_who_hangs_up_while_somebody_is_asked_ends_both() {
    for bridging in [false, true] {
        let mut rig = picked_up();
        if bridging {
            rig.leg(key('1'));
        }
        assert_eq!(
            rig.tell(Input::CallerLeft),
            [
                Effect::StopDial { attempt: AttemptId(1) },
                Effect::Hold { on: false, audio: None },
                end(Outcome::CallerLeft)
            ],
            "E17"
        );
        assert_eq!(rig.machine.transfer().unwrap().outcome, LegOutcome::Cancelled);
        assert!(rig.leg(key('1')).is_empty() && rig.leg(LegEvent::Bridged).is_empty());
    }
}

#[test]
fn a_caller_may_change_their_mind_while_somebody_is_asked() {
    let mut rig = picked_up();
    let effects = rig.caller_says("bye");
    assert_eq!((stops(&effects), rig.state()), (vec![1], "stop"), "E34");
    assert!(rig.leg(key('1')).is_empty(), "who was asked is not put through any more");
}

#[test]
fn two_who_cannot_be_kept_apart_or_brought_together_are_not_connected() {
    let why = LegCause { fix: Some("change it".to_owned()), ..cause(LegOutcome::Failed) };
    for (before, ringing) in [(vec![], true), (vec![], false), (vec![LegEvent::Asked, key('1')], false)] {
        let mut rig = ringing_with("", "");
        if !ringing {
            rig.leg(LegEvent::Answered);
        }
        for event in before {
            rig.leg(event);
        }
        let effects = rig.leg(LegEvent::GateFailed { cause: why.clone() });
        assert_eq!(stops(&effects), [1], "E28");
        let report = rig.machine.transfer().unwrap();
        assert_eq!((report.outcome, report.known), (LegOutcome::Failed, Known::Reported));
        assert_eq!(report.fix.as_deref(), Some("change it"));
        assert_eq!(dialled(&rig.leg(LegEvent::Stopped)), [2]);
    }
}

#[test]
fn nobody_waits_for_ever_at_the_gate() {
    let mut rig = picked_up();
    assert!(rig.deadline_of(Timer::Gate).is_some());
    let outcome = rig.let_time_end_it();
    assert_eq!(outcome, Outcome::Completed);
    let mut rig = picked_up();
    rig.leg(key('1'));
    let effects = rig.wait(Duration::from_secs(10));
    assert_eq!(stops(&effects), [1], "a bridge that is never confirmed is none");
    assert_eq!(rig.machine.transfer().unwrap().outcome, LegOutcome::Failed);
}

#[test]
fn an_answer_that_is_told_twice_is_asked_once() {
    let mut rig = picked_up();
    assert!(rig.leg(LegEvent::Answered).is_empty(), "E24");
}

#[test]
fn an_answer_told_again_after_the_gate_was_shut_is_not_a_late_one() {
    let mut rig = ringing_with("", ", late_answer: accept");
    rig.leg(LegEvent::Answered);
    assert_eq!(stops(&rig.leg(key('2'))), [1]);
    assert!(rig.leg(LegEvent::Answered).is_empty());
    assert_eq!(dialled(&rig.leg(LegEvent::Stopped)), [2]);
}

#[test]
fn a_late_answer_is_asked_too_and_takes_nobodys_turn() {
    let mut rig = ringing_with("", ", late_answer: accept, ring: 20s");
    rig.wait_ms(16_000);
    assert_eq!(stops(&rig.log), [1], "the ring limit");
    assert_eq!(asked(&rig.leg(LegEvent::Answered)), [1]);
    assert_eq!(stops(&rig.leg(key('2'))), [1]);
    assert_eq!(dialled(&rig.leg(LegEvent::Stopped)), [2], "the second target still has its turn");
    assert_eq!(rig.state(), "ring");
    let mut rig = ringing_with("", ", late_answer: accept, ring: 20s");
    rig.wait_ms(16_000);
    rig.leg(LegEvent::Answered);
    rig.leg(key('1'));
    rig.leg(LegEvent::Bridged);
    assert_eq!(rig.state(), "talk");
}
