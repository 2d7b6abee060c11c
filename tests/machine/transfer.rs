//! The cold transfer: what may happen while it rings, on the answer, and after it. Numbers in comments and
//! messages are those of the catalogue of edge cases.

use std::time::Duration;

use callflow::machine::{AttemptId, Effect, Input, Known, LegEvent, LegOutcome, Outcome, Service, Timer};
use callflow::pii::Utterance;

use crate::rig::{Rig, cause, end, flow, plan_of, position, said, shipped, stops};

const ANNOUNCEMENT: &str = "I'm transferring you to a supervisor now. Please hold.";
const SORRY: &str = "I'm sorry, I couldn't reach a supervisor. Is there anything else I can help with?";
const ALONE: &str = "The other person has left the call. Goodbye.";

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
pub fn ringing() -> Rig {
    let mut rig = announcing();
    rig.heard();
    rig.leg(LegEvent::Started);
    rig.leg(LegEvent::Ringing);
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
  begin: {say: Hello., next: ring}
  ring: {dial: {to: first, ring: 58s}, on: {answered: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: silent}
",
    ));
    rig.wait(Duration::from_secs(3));
    rig.heard();
    rig.leg(LegEvent::Started);
    let effects = rig.wait(Duration::from_secs(57));
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
        event: LegEvent::Refused { cause: cause(LegOutcome::Failed) },
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
fn the_last_failure_takes_the_edge_of_its_own_name_before_the_one_for_all_targets() {
    let mut rig = hunting();
    rig.leg(LegEvent::Failed { cause: cause(LegOutcome::Busy) });
    assert_eq!(rig.state(), "begin", "the first target's outcome takes no edge");
    let effects = rig.leg(LegEvent::Failed { cause: cause(LegOutcome::Busy) });
    assert_eq!(said(&effects), ["Goodbye."]);
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
        "  begin: {dial: {to: first, ring: 10s}, on: {answered: talk, otherwise: [{to: begin, max_visits: 40}, {to: stop}]}}
  talk: {handoff: keep_room}
  stop: {end: silent}\n",
    ));
    while !rig.machine.is_over() {
        assert!(rig.attempts() <= 20, "E38");
        rig.leg(LegEvent::Refused { cause: cause(LegOutcome::Failed) });
    }
    assert_eq!(rig.attempts(), 20);
}

#[test]
fn the_shipped_hunt_list_is_tried_twice_at_most_and_may_be_called_off() {
    let mut rig = Rig::joined(shipped("business_hours.yaml"));
    assert_eq!(rig.path(), ["open_or_closed", "welcome"], "Monday, ten in the morning in New York");
    rig.heard();
    for round in 1..=2 {
        rig.press('0');
        assert_eq!(rig.state(), "connecting", "round {round}");
        rig.heard();
        for _ in 0..2 {
            rig.leg(LegEvent::Started);
            rig.wait(Duration::from_secs(20));
            rig.leg(LegEvent::Stopped);
        }
        assert_eq!(rig.state(), "nobody_free");
        rig.heard();
        assert_eq!(rig.state(), "reception");
    }
    rig.press('0');
    assert_eq!(rig.state(), "nobody_free", "E38");
    assert_eq!(rig.attempts(), 4);

    let mut rig = Rig::joined(rig.plan);
    rig.heard();
    rig.press('0');
    rig.heard();
    rig.leg(LegEvent::Ringing);
    let effects = rig.caller_says("oh, never mind");
    assert_eq!((stops(&effects), rig.state()), (vec![1], "reception"), "E34");
    assert_eq!(said(&effects), ["All right, I've stopped calling. What else can I do for you?"]);
}

#[test]
fn opening_hours_are_judged_by_the_calls_own_clock() {
    let mut rig = Rig::new(shipped("business_hours.yaml"));
    // Half past five in New York, seven and a half hours after the clock of the test.
    rig.now = 7 * 3_600_000 + 30 * 60_000;
    rig.tell(Input::Start);
    rig.tell(Input::CallerJoined);
    assert_eq!(rig.state(), "welcome_closed");
}
