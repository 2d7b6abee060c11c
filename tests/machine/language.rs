//! Words of the language that several kinds of state share: groups, phrases, recordings, sensitivity, retries.

use callflow::machine::{Effect, Input, LegEvent, LegOutcome};
use callflow::plan::{Kind, Sensitivity};

use crate::rig::{Rig, cause, flow, plan_of, said};

const GROUPED: &str = "callflow: 1
name: test
start: begin
groups:
  talking:
    on:
      caller.dtmf(\"0\"): [{to: first, max_visits: 1}, {to: stop}]
      caller.dtmf(\"1\"): first
      caller.dtmf(\"2\"): first
      timeout: stop
always: {caller.dtmf(\"2\"): stop, caller.dtmf(\"3\"): stop}
phrases: {hello: \"Hello {{ call.id }}.\"}
states:
  begin: {converse: {prompt: P, first: caller}, group: talking, on: {caller.dtmf(\"1\"): second}}
  second: {converse: {prompt: P, first: caller}, group: talking, timeout: 10m}
  first: {say: {phrase: hello}, next: second}
  stop: {end: {phrase: hello}}
";

fn grouped(keys: &str) -> (String, Vec<String>) {
    let mut rig = Rig::joined(plan_of(GROUPED));
    for digit in keys.chars() {
        if rig.state() == "first" {
            rig.heard();
        }
        rig.tell(Input::Dtmf { digit });
    }
    (rig.state().to_owned(), rig.said().into_iter().map(str::to_owned).collect())
}

#[test]
fn a_states_own_edge_comes_before_its_groups_and_that_before_the_flows() {
    assert_eq!(grouped("1").0, "second");
    assert_eq!(grouped("11").0, "first");
    assert_eq!(grouped("2").0, "first");
    assert_eq!(grouped("3").0, "stop");
}

#[test]
fn visits_of_a_shared_edge_are_counted_for_all_states_of_the_group() {
    assert_eq!(grouped("0").0, "first");
    assert_eq!(grouped("00"), ("stop".to_owned(), vec!["Hello test.".to_owned(); 2]));
}

#[test]
fn the_ears_are_as_sensitive_as_the_state_wants_them() {
    let plan = flow(
        "  begin: {converse: {prompt: P, first: caller, sensitivity: low}, on: {intent.person: quick, caller.dtmf(\"0\"): quick}}
  quick: {converse: {prompt: P, first: caller, sensitivity: high}, on: {intent.leave: stop, caller.dtmf(\"0\"): hush}}
  hush: {say: Hush., next: stop}
  stop: {end: Goodbye.}
",
    );
    let mut rig = Rig::joined(plan);
    rig.tell(Input::Dtmf { digit: '0' });
    rig.tell(Input::Dtmf { digit: '0' });
    rig.heard();
    let levels = rig.log.iter().filter_map(|effect| match effect {
        Effect::Sensitivity { level } => Some(*level),
        _ => None,
    });
    assert_eq!(levels.collect::<Vec<_>>(), [Sensitivity::Low, Sensitivity::High, Sensitivity::Normal]);
}

fn dialled(failures: &[LegOutcome]) -> (usize, String) {
    let plan = flow(
        "  begin:
    dial: {to: [first, second], retry: {times: 2, wait: 1s, on: [busy, no_answer]}}
    on: {answered: talk, otherwise: stop}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}
",
    );
    let mut rig = Rig::joined(plan);
    for outcome in failures {
        rig.wait_ms(1_500);
        rig.leg(LegEvent::Started);
        rig.leg(LegEvent::Failed { cause: cause(*outcome) });
    }
    rig.wait_ms(1_500);
    (rig.attempts(), rig.state().to_owned())
}

#[test]
fn only_the_failures_that_are_named_are_tried_again() {
    use LegOutcome::{Busy, Rejected};
    assert_eq!(dialled(&[Busy]), (2, "begin".to_owned()));
    assert_eq!(dialled(&[Busy, Busy, Busy]), (4, "begin".to_owned()), "the second target");
    assert_eq!(dialled(&[Rejected]), (2, "begin".to_owned()), "the second target at once");
    assert_eq!(dialled(&[Rejected, Rejected]), (2, "stop".to_owned()));
    assert_eq!(dialled(&[Rejected, Busy, Rejected]), (3, "stop".to_owned()));
}

#[test]
fn a_recording_is_waited_for_as_long_as_it_lasts_and_its_words_are_what_was_said() {
    let plan = flow(
        "  begin: {say: {audio: tests/audio/hold.wav, text: Welcome.}, next: bare}
  bare: {say: {audio: tests/audio/hold.wav}, on: {said: stop, failed: stop}}
  stop: {end: Goodbye.}
",
    );
    let Kind::Say(say) = &plan.state(plan.start).kind else { panic!("not a `say`") };
    assert_eq!(say.audio.as_deref(), Some("tests/audio/hold.wav"));
    let samples = plan.recording("tests/audio/hold.wav").unwrap().len() as u64;
    let mut rig = Rig::joined(plan);
    assert_eq!(rig.said(), ["Welcome."]);
    assert_eq!(rig.deadline_of(callflow::machine::Timer::Speech), Some(5_000 + samples / 16));
    assert_eq!(said(&rig.heard()), ["[tests/audio/hold.wav]"]);
    assert_eq!(said(&rig.heard()), ["Goodbye."]);
}
