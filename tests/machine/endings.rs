//! Every way a call can end.

use std::time::Duration;

use callflow::machine::{Effect, Input, Outcome, Service, Timer};

use crate::rig::{Rig, end, flow, said, shipped};

const APOLOGY: &str = "I'm sorry, something went wrong on our side. Please call again later.";

fn conversing() -> Rig {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    rig.heard();
    rig
}

#[test]
fn a_caller_who_never_comes_is_waited_for_a_minute() {
    let mut rig = Rig::new(shipped("cold_transfer.yaml"));
    rig.tell(Input::Start);
    assert_eq!(rig.deadline_of(Timer::Join), Some(60_000));
    assert_eq!(rig.wait(Duration::from_secs(60)), [end(Outcome::CallerLeft)]);
    assert!(rig.path().is_empty());
}

#[test]
fn a_caller_who_is_gone_before_the_bot_is_ready_is_not_greeted() {
    let mut rig = Rig::new(shipped("cold_transfer.yaml"));
    rig.tell(Input::Start);
    assert_eq!(rig.tell(Input::CallerLeft), [end(Outcome::CallerLeft)], "E57");
    assert!(rig.tell(Input::CallerJoined).is_empty());
}

#[test]
fn a_goodbye_is_heard_to_its_end() {
    let mut rig = conversing();
    rig.caller_says("that's all, bye");
    let effects = rig.propose("terminate_call");
    assert_eq!(said(&effects), ["Thank you for calling. Goodbye."]);
    assert!(!rig.machine.is_over(), "E68");
    rig.replied();
    assert!(!rig.machine.is_over());
    assert_eq!(rig.heard(), [end(Outcome::Completed)]);
}

#[test]
fn a_silent_end_lets_the_model_finish_its_own_goodbye() {
    let mut rig =
        Rig::joined(flow("  begin: {converse: P, on: {intent.leave: stop}}\n  stop: {end: silent}\n"));
    rig.propose("leave");
    assert!(!rig.machine.is_over());
    assert_eq!(rig.replied(), [end(Outcome::Completed)]);
}

#[test]
fn a_goodbye_that_is_never_confirmed_ends_anyway() {
    let mut rig = conversing();
    rig.caller_says("bye");
    rig.propose("terminate_call");
    assert_eq!(rig.let_time_end_it(), Outcome::Completed);
    assert!(rig.now < 190_000);
}

#[test]
fn a_caller_who_hangs_up_during_the_goodbye_has_completed_the_call() {
    let mut rig = conversing();
    rig.caller_says("bye");
    rig.propose("terminate_call");
    assert_eq!(rig.tell(Input::CallerLeft), [end(Outcome::Completed)]);
}

#[test]
fn nothing_is_said_to_a_caller_who_is_gone() {
    let mut rig = conversing();
    let effects = rig.tell(Input::CallerLeft);
    assert_eq!(effects, [Effect::End { outcome: Outcome::CallerLeft }]);
    let mut rig = Rig::joined(flow(
        "  begin: {converse: P, on: {intent.leave: stop, caller.left: gone}}
  stop: {end: Goodbye.}
  gone: {end: {say: Pity., cause: completed}}\n",
    ));
    rig.tell(Input::CallerLeft);
    assert_eq!((rig.said().len(), rig.path()), (0, vec!["begin", "gone"]));
    assert_eq!(rig.machine.outcome(), Some(Outcome::CallerLeft));
}

#[test]
fn after_the_end_nothing_has_an_effect() {
    let mut rig = conversing();
    rig.tell(Input::CallerLeft);
    let over = rig.machine.clone();
    for input in [
        Input::Start,
        Input::CallerJoined,
        Input::CallerLeft,
        Input::SpeechStarted,
        Input::Dtmf { digit: '0' },
        Input::ServiceFailed { service: Service::Llm },
        Input::RoomClosed,
        Input::Shutdown,
        Input::Timeout,
    ] {
        rig.now += 1_000_000;
        assert!(rig.tell(input).is_empty(), "E47");
    }
    assert_eq!(rig.machine, over);
    assert_eq!(rig.machine.next_deadline(), None);
}

#[test]
fn the_time_limit_is_said() {
    let mut rig = conversing();
    for _ in 0..400 {
        rig.wait(Duration::from_secs(5));
        if rig.machine.outcome().is_some() || rig.said().len() > 1 {
            break;
        }
        rig.caller_says("go on");
        rig.replied();
    }
    assert_eq!(rig.said()[1], "I'm sorry, we have reached the time limit of this call. Goodbye.");
    assert_eq!(rig.now, 20 * 60 * 1000);
    assert_eq!(*rig.heard().last().unwrap(), end(Outcome::Completed));
}

#[test]
fn a_flow_that_handles_the_time_limit_has_a_minute_for_it() {
    let mut rig = Rig::joined(flow(
        "  begin: {converse: {prompt: P, silence: [{after: 10m}, {after: 10m}]}, on: {intent.leave: stop, call.max_duration: begin}}
  stop: {end: Goodbye.}\n",
    ));
    rig.replied();
    rig.wait(Duration::from_secs(599));
    rig.caller_says("go on");
    rig.replied();
    rig.wait(Duration::from_secs(601));
    assert_eq!(rig.path(), ["begin", "begin"]);
    rig.replied();
    rig.wait(Duration::from_secs(60));
    assert_eq!(rig.said().len(), 1);
}

#[test]
fn a_lost_service_is_apologised_for_and_if_that_cannot_be_said_the_call_ends() {
    for service in [Service::Stt, Service::Llm, Service::Tts] {
        let mut rig = conversing();
        assert_eq!(said(&rig.tell(Input::ServiceFailed { service })), [APOLOGY]);
        assert_eq!(rig.heard(), [end(Outcome::Failed)]);
    }
    let mut rig = conversing();
    rig.tell(Input::ServiceFailed { service: Service::Tts });
    let utterance = rig.last_utterance();
    assert_eq!(rig.tell(Input::SayFailed { utterance }), [end(Outcome::Failed)]);
}

#[test]
fn a_flow_that_handles_a_lost_service_by_going_in_circles_ends() {
    let mut rig = Rig::joined(flow(
        "  begin: {converse: P, on: {intent.leave: stop, service.failed: begin}}
  stop: {end: Goodbye.}\n",
    ));
    rig.tell(Input::ServiceFailed { service: Service::Stt });
    assert_eq!(rig.let_time_end_it(), Outcome::Failed);
    assert_eq!(rig.path().len(), 4);
}

#[test]
fn a_sentence_that_cannot_be_spoken_takes_the_failed_edge_or_ends_the_call() {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    let utterance = rig.last_utterance();
    rig.tell(Input::SayFailed { utterance });
    assert_eq!(rig.state(), "converse");
    let mut rig = Rig::joined(flow("  begin: {say: Hello., on: {said: stop}}\n  stop: {end: silent}\n"));
    let utterance = rig.last_utterance();
    assert_eq!(said(&rig.tell(Input::SayFailed { utterance })), [APOLOGY]);
    let utterance = rig.last_utterance();
    assert_eq!(rig.tell(Input::SayFailed { utterance }), [end(Outcome::Failed)]);
}

#[test]
fn a_sentence_without_an_answer_counts_as_failed() {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    let text = rig.said()[0].chars().count() as u64;
    assert_eq!(rig.deadline_of(Timer::Speech), Some(5_000 + 120 * text));
    rig.wait(Duration::from_secs(20));
    assert_eq!(rig.state(), "converse");
}

#[test]
fn shutdown_and_an_expiring_room_are_told_to_the_caller() {
    let mut rig = conversing();
    assert_eq!(said(&rig.tell(Input::Shutdown)), ["I'm sorry, we have to end this call now. Goodbye."]);
    assert_eq!(rig.heard(), [end(Outcome::Failed)]);
    let mut rig = conversing();
    assert_eq!(said(&rig.tell(Input::RoomExpiring)).len(), 1);
    assert_eq!(rig.heard(), [end(Outcome::Completed)]);
}

#[test]
fn a_closed_room_ends_the_call_at_once() {
    let mut rig = conversing();
    rig.caller_says("hm");
    assert_eq!(rig.tell(Input::RoomClosed).last(), Some(&end(Outcome::Failed)));
}

#[test]
fn a_flow_that_goes_in_circles_by_itself_is_stopped() {
    let mut rig = Rig::new(flow(
        "  begin: {choose: [{if: attempts(begin) > 100000, to: stop}, {else: again}]}
  again: {choose: [{if: attempts(begin) > 100000, to: stop}, {else: begin}]}
  stop: {end: silent}\n",
    ));
    rig.tell(Input::Start);
    let effects = rig.tell(Input::CallerJoined);
    assert_eq!(effects.last(), Some(&end(Outcome::Failed)));
}

#[test]
fn a_vendor_that_is_gone_before_the_caller_comes_is_apologised_for_when_they_are_there() {
    let mut rig = Rig::new(flow(
        "  begin: {say: Hello., next: talk}
  talk: {converse: P, on: {intent.leave: stop}}
  stop: {end: Goodbye.}\n",
    ));
    rig.tell(Input::Start);
    assert!(rig.tell(Input::ServiceFailed { service: Service::Stt }).is_empty());
    assert_eq!(rig.machine.outcome(), None);
    rig.tell(Input::CallerJoined);
    rig.heard();
    assert_eq!(
        rig.said().last(),
        Some(&"I'm sorry, something went wrong on our side. Please call again later.")
    );
    assert_eq!(*rig.heard().last().unwrap(), end(Outcome::Failed));
}

#[test]
fn a_caller_who_cannot_be_reached_did_not_leave() {
    let mut rig = Rig::new(flow("  begin: {say: Hello., next: stop}\n  stop: {end: Goodbye.}\n"));
    rig.tell(Input::Start);
    assert_eq!(rig.tell(Input::CallerUnreachable), [end(Outcome::Failed)]);
}
