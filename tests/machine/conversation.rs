//! Turns, questions, silence: what happens between the bot and the caller.

use std::sync::Arc;
use std::time::Duration;

use callflow::machine::{Effect, Input, Outcome, Service};
use callflow::pii::Utterance;
use callflow::plan::Plan;

use crate::rig::{Rig, flow, position, said, shipped};

fn replies(effects: &[Effect]) -> Vec<Option<&str>> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Reply { user, .. } => Some(user.as_ref().map(Utterance::text)),
            _ => None,
        })
        .collect()
}

fn cancelled(effects: &[Effect]) -> usize {
    effects.iter().filter(|e| matches!(e, Effect::CancelReply { .. })).count()
}

fn stops_speaking(effects: &[Effect]) -> bool {
    effects.contains(&Effect::StopSpeaking)
}

/// A call in `converse`, listening.
fn conversing() -> Rig {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    rig.heard();
    assert_eq!(rig.state(), "converse");
    rig
}

fn talk(states: &str) -> Arc<Plan> {
    flow(&format!(
        "  begin: {{say: Hello., next: talk}}
{states}
  stop: {{end: Goodbye.}}
"
    ))
}

#[test]
fn the_greeting_waits_for_the_caller_and_is_said_once() {
    let mut rig = Rig::new(shipped("cold_transfer.yaml"));
    assert!(rig.tell(Input::Start).is_empty());
    let effects = rig.tell(Input::CallerJoined);
    assert_eq!(
        said(&effects),
        ["Hello, this is Hailey from customer support. What can I help you with today?"]
    );
    assert!(rig.tell(Input::CallerJoined).is_empty());
    assert_eq!(rig.path(), ["greet"]);
}

#[test]
fn a_greeting_is_not_cut_and_what_was_said_over_it_is_answered() {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    assert!(!stops_speaking(&rig.caller_says("I need help with my bill")));
    assert_eq!(replies(&rig.heard()), [Some("I need help with my bill")]);
}

#[test]
fn after_a_greeting_the_bot_listens() {
    let mut rig = Rig::joined(shipped("cold_transfer.yaml"));
    assert!(!rig.machine.accepts_speech());
    assert_eq!(replies(&rig.heard()), []);
    assert!(rig.machine.accepts_speech());
}

#[test]
fn who_speaks_first_is_the_flows_choice() {
    let begin = |first: &str| {
        let states =
            format!("  talk: {{converse: {{prompt: P, first: {first}}}, on: {{intent.leave: stop}}}}");
        let mut rig = Rig::joined(talk(&states));
        replies(&rig.heard()).len()
    };
    assert_eq!((begin("auto"), begin("bot"), begin("caller")), (0, 1, 0));
    let mut direct =
        Rig::new(flow("  begin: {converse: P, on: {intent.leave: stop}}\n  stop: {end: silent}\n"));
    direct.tell(Input::Start);
    assert_eq!(replies(&direct.tell(Input::CallerJoined)), [None]);
}

#[test]
fn a_turn_is_answered_with_the_intents_of_the_state() {
    let mut rig = conversing();
    let effects = rig.caller_says("I need help with my bill");
    let Some(Effect::Reply { prompt, intents, user, .. }) = effects.last() else { panic!("{effects:?}") };
    assert!(prompt.text().starts_with("You are Hailey"));
    assert_eq!(intents.len(), 2);
    assert_eq!(user.as_ref().unwrap().text(), "I need help with my bill");
    assert!(!rig.machine.accepts_speech());
    rig.replied();
    assert!(rig.machine.accepts_speech());
}

#[test]
fn barge_in_cuts_the_reply_and_its_tool_call_comes_too_late() {
    let mut rig = conversing();
    rig.caller_says("bye");
    let effects = rig.tell(Input::SpeechStarted);
    assert!(stops_speaking(&effects));
    assert_eq!(cancelled(&effects), 1);
    assert!(rig.propose("terminate_call").is_empty(), "E09: a discarded turn causes nothing");
    assert_eq!(rig.state(), "converse");
    assert_eq!(replies(&rig.tell(Input::TurnEnded { text: Utterance::new("wait") })), [Some("wait")]);
}

#[test]
fn a_new_turn_supersedes_a_reply_even_if_nobody_heard_it_begin() {
    let mut rig = conversing();
    rig.caller_says("one");
    let effects = rig.tell(Input::TurnEnded { text: Utterance::new("two") });
    assert_eq!((cancelled(&effects), replies(&effects)), (1, vec![Some("two")]));
}

#[test]
fn the_first_intent_of_a_reply_wins_and_its_words_are_not_cut() {
    let mut rig = conversing();
    rig.caller_says("a manager please, bye");
    let effects = rig.propose("dial_operator");
    assert_eq!(rig.state(), "confirm_transfer");
    assert_eq!(cancelled(&effects), 0);
    assert!(!stops_speaking(&effects));
    assert!(rig.propose("terminate_call").is_empty(), "E06");
}

#[test]
fn what_waits_behind_a_long_reply_is_not_given_up() {
    let mut rig = conversing();
    rig.caller_says("a manager please");
    rig.propose("dial_operator");
    rig.wait_ms(40_000);
    rig.replied();
    rig.wait_ms(10_000);
    assert_eq!(rig.path().last(), Some(&"confirm_transfer"));
    rig.heard();
    rig.caller_says("yes");
    assert_eq!(rig.state(), "dialing_operator");
}

#[test]
fn a_flow_may_notice_that_it_was_interrupted() {
    let mut rig = Rig::joined(flow(
        "  begin: {say: {text: A long story., interruptible: true}, on: {said: stop, failed: stop, caller.interrupted: talk}}
  talk: {converse: {prompt: P, first: caller}, on: {intent.leave: stop}}
  stop: {end: Goodbye.}\n",
    ));
    assert!(stops_speaking(&rig.tell(Input::SpeechStarted)));
    assert_eq!(rig.state(), "talk");
    assert_eq!(replies(&rig.tell(Input::TurnEnded { text: Utterance::new("wait") })), [Some("wait")]);
}

#[test]
fn an_intent_that_the_state_does_not_list_is_nothing() {
    let mut rig = Rig::joined(talk("  talk: {converse: P, on: {intent.leave: stop}}"));
    rig.heard();
    rig.caller_says("get me a person");
    assert!(rig.propose("person").is_empty());
    rig.propose("leave");
    assert_eq!(rig.state(), "stop");
}

#[test]
fn a_key_is_the_same_as_the_intent_and_silences_the_reply() {
    let mut rig = conversing();
    rig.caller_says("hm");
    let effects = rig.press('0');
    assert_eq!(rig.state(), "confirm_transfer");
    assert_eq!(cancelled(&effects), 1);
    assert!(
        position(&effects, |e| *e == Effect::StopSpeaking)
            < position(&effects, |e| matches!(e, Effect::Say { .. }))
    );
    assert!(rig.propose("dial_operator").is_empty(), "E35");
    assert_eq!(rig.path(), ["greet", "converse", "confirm_transfer"]);
}

#[test]
fn noise_over_the_bot_has_the_turn_before_it_answered_and_leaves_silence_that_is_noticed() {
    let mut rig = conversing();
    rig.caller_says("hm");
    assert_eq!(cancelled(&rig.tell(Input::SpeechStarted)), 1);
    assert_eq!(replies(&rig.tell(Input::TurnEnded { text: Utterance::new("  ") })), [None]);
    rig.replied();
    assert_eq!(said(&rig.wait(Duration::from_secs(8))), ["Are you still there?"]);
}

#[test]
fn silence_is_asked_about_once_and_then_ends_the_call() {
    let mut rig = conversing();
    assert!(rig.wait_ms(7_999).is_empty());
    assert_eq!(said(&rig.wait_ms(1)), ["Are you still there?"]);
    rig.wait_ms(1_500);
    rig.heard();
    assert!(rig.wait_ms(7_999).is_empty(), "the wait begins when the prompt has been heard");
    let effects = rig.wait_ms(1);
    assert_eq!(effects, [Effect::Listen { on: false }, Effect::End { outcome: Outcome::Completed }]);
}

#[test]
fn speech_begins_the_ladder_anew() {
    let mut rig = conversing();
    rig.wait_ms(8_000);
    rig.heard();
    rig.caller_says("yes I am here");
    rig.replied();
    assert_eq!(said(&rig.wait_ms(8_000)), ["Are you still there?"]);
}

#[test]
fn silence_does_not_count_while_somebody_speaks() {
    let mut rig = conversing();
    rig.caller_says("tell me a long story");
    assert!(rig.wait_ms(30_000).is_empty());
    rig.replied();
    rig.tell(Input::SpeechStarted);
    assert!(rig.wait_ms(30_000).is_empty());
}

#[test]
fn a_turn_whose_end_was_lost_does_not_hang_the_call() {
    let mut rig = conversing();
    rig.tell(Input::SpeechStarted);
    // Nothing that the bot says is heard either: that is what ends it.
    assert_eq!(rig.let_time_end_it(), Outcome::Failed);
    assert!(rig.now < 120_000);
}

#[test]
fn the_flow_may_name_its_own_ladder() {
    let mut rig = Rig::joined(talk(
        "  talk:
    converse: {prompt: P, silence: [{after: 3s, say: Hm?}, {after: 4s, to: stop}]}
    on: {intent.leave: stop}",
    ));
    rig.heard();
    assert_eq!(said(&rig.wait_ms(3_000)), ["Hm?"]);
    rig.heard();
    assert_eq!(said(&rig.wait_ms(4_000)), ["Goodbye."]);
    assert_eq!(rig.state(), "stop");
}

#[test]
fn caller_silent_counts_on_while_the_ladder_prompts() {
    let mut rig = Rig::joined(talk(
        "  talk:
    converse: P
    on: {intent.leave: stop, caller.silent(20s): stop}",
    ));
    rig.heard();
    rig.wait_ms(8_000);
    rig.wait_ms(1_000);
    rig.heard();
    assert_eq!(rig.state(), "talk");
    rig.wait_ms(10_999);
    assert_eq!(rig.state(), "talk", "the ladder waits for the flow's own edge");
    rig.wait_ms(1);
    assert_eq!(rig.state(), "stop");
}

#[test]
fn one_failed_reply_is_excused_and_the_second_ends_the_call() {
    let mut rig = conversing();
    rig.caller_says("one");
    let reply = rig.last_reply();
    let effects = rig.tell(Input::ReplyFailed { reply, service: Service::Llm });
    assert_eq!(said(&effects), ["I'm sorry, I didn't catch that. Could you say that again?"]);
    rig.heard();
    rig.caller_says("two");
    let reply = rig.last_reply();
    let effects = rig.tell(Input::ReplyFailed { reply, service: Service::Llm });
    assert_eq!(said(&effects), ["I'm sorry, something went wrong on our side. Please call again later."]);
    assert_eq!(rig.heard(), [Effect::End { outcome: Outcome::Failed }]);
}

#[test]
fn a_reply_that_never_ends_is_a_failed_one() {
    let mut rig = conversing();
    rig.caller_says("one");
    let effects = rig.wait_ms(180_000);
    assert_eq!(cancelled(&effects), 1);
    assert_eq!(said(&effects).len(), 1);
}

#[test]
fn a_good_reply_between_two_failures_forgives_the_first() {
    let mut rig = conversing();
    for _ in 0..3 {
        rig.caller_says("one");
        let reply = rig.last_reply();
        rig.tell(Input::ReplyFailed { reply, service: Service::Llm });
        rig.heard();
        rig.caller_says("two");
        rig.replied();
    }
    assert!(!rig.machine.is_over());
}

#[test]
fn timeout_of_a_state_begins_at_its_entry() {
    let mut rig =
        Rig::joined(talk("  talk: {converse: P, timeout: 20s, on: {intent.leave: stop, timeout: stop}}"));
    rig.heard();
    rig.wait_ms(5_000);
    rig.caller_says("hello");
    rig.wait_ms(14_999);
    assert_eq!(rig.state(), "talk");
    rig.wait_ms(1);
    assert_eq!(rig.state(), "stop");
}

// ---------------------------------------------------------------- confirm

/// A call whose caller is being asked.
fn asked() -> Rig {
    let mut rig = conversing();
    rig.press('0');
    assert_eq!(rig.state(), "confirm_transfer");
    rig
}

#[test]
fn yes_no_and_keys_answer_a_question() {
    for (answer, state) in [("yes please", "dialing_operator"), ("no thanks", "converse")] {
        let mut rig = asked();
        rig.heard();
        assert!(rig.machine.accepts_speech());
        rig.caller_says(answer);
        assert_eq!(rig.state(), state, "{answer}");
    }
    for (key, state) in [('1', "dialing_operator"), ('2', "converse"), ('7', "confirm_transfer")] {
        let mut rig = asked();
        rig.heard();
        rig.press(key);
        assert_eq!(rig.state(), state, "{key}");
    }
}

#[test]
fn an_answer_over_the_question_counts_and_cuts_it() {
    let mut rig = asked();
    let effects = rig.caller_says("yes");
    assert!(stops_speaking(&effects));
    assert_eq!(rig.state(), "dialing_operator");
    let mut rig = asked();
    let effects = rig.press('1');
    assert!(stops_speaking(&effects));
    assert_eq!(rig.state(), "dialing_operator");
}

#[test]
fn an_answer_over_a_question_that_must_be_heard_does_not_count() {
    let mut rig = Rig::joined(flow(
        "  begin: {confirm: {question: Sure?, interruptible: false}, on: {accepted: stop, declined: stop, exhausted: stop}}
  stop: {end: silent}\n",
    ));
    assert!(!stops_speaking(&rig.caller_says("yes")));
    assert_eq!(rig.state(), "begin");
    rig.heard();
    rig.caller_says("yes");
    assert_eq!(rig.state(), "stop");
}

#[test]
fn unclear_answers_and_silence_use_up_the_tries() {
    let mut rig = asked();
    rig.heard();
    let question = "I can connect you with a supervisor. Shall I do that now?";
    assert_eq!(said(&rig.caller_says("maybe")), [question]);
    rig.heard();
    assert!(rig.wait_ms(9_999).is_empty());
    rig.wait_ms(1);
    assert_eq!(rig.state(), "converse");
}

#[test]
fn a_declined_question_is_answered_in_conversation() {
    let mut rig = asked();
    rig.heard();
    assert_eq!(replies(&rig.caller_says("no, what about my bill?")), [Some("no, what about my bill?")]);
    let mut rig = asked();
    rig.heard();
    assert_eq!(replies(&rig.press('2')), [None], "the bot speaks: the path has not");
}

#[test]
fn a_branch_that_speaks_lets_the_caller_answer() {
    let mut rig = Rig::joined(flow(
        "  begin: {confirm: Sure?, on: {accepted: talk, declined: {to: talk, say: Alright.}, exhausted: stop}}
  talk: {converse: P, on: {intent.leave: stop}}
  stop: {end: silent}\n",
    ));
    rig.heard();
    let effects = rig.caller_says("no");
    assert_eq!((said(&effects), replies(&effects)), (vec!["Alright."], vec![]));
    assert!(!stops_speaking(&rig.tell(Input::SpeechStarted)), "a branch's sentence is not interruptible");
}

#[test]
fn what_cannot_be_cut_shields_only_itself() {
    let mut rig = Rig::joined(flow(
        "  begin: {confirm: Sure?, on: {accepted: stop, declined: {to: talk, say: Alright.}, exhausted: stop}}
  talk: {converse: {prompt: P, first: bot}, on: {intent.leave: stop}}
  stop: {end: silent}\n",
    ));
    rig.heard();
    rig.caller_says("no");
    assert_eq!(rig.tell(Input::SpeechStarted), []);
    let effects = rig.heard();
    assert!(stops_speaking(&effects), "the reply behind it is talked over");
    assert_eq!(cancelled(&effects), 1);
}

// ---------------------------------------------------------------- choose, variables

#[test]
fn choose_leads_on_at_once_and_counters_bound_it() {
    let mut rig = Rig::joined(flow(
        "  begin:
    choose:
      - {if: attempts(begin) < 3, to: again}
      - {else: stop}
  again: {say: Again., next: begin}
  stop: {end: Enough.}\n",
    ));
    rig.heard();
    rig.heard();
    assert_eq!(rig.said(), ["Again.", "Again.", "Enough."]);
    assert_eq!(rig.path(), ["begin", "again", "begin", "again", "begin", "stop"]);
}

#[test]
fn slots_and_assignments_fill_variables_that_are_spoken() {
    let plan = crate::rig::plan_of(
        "callflow: 1
name: test
start: begin
vars: {count: {type: int, default: 0}, reason: {type: text, default: none}}
intents:
  order:
    when: The caller orders.
    slots: {count: {type: int}, reason: {type: text, optional: true}}
    examples: [three please]
states:
  begin:
    converse: P
    on:
      intent.order:
        - {to: many, if: count > 2, set: {reason: \"many, {{ count }}\"}}
        - {to: few}
  many: {end: \"{{ count }} for {{ call.from }}: {{ reason }}\"}
  few: {end: \"just {{ count }}\"}
",
    );
    let mut rig = Rig::joined(plan);
    let effects = rig.propose_with("order", &[("count", "3"), ("nonsense", "x")]);
    assert_eq!(said(&effects), ["3 for +15550100199: many, 3"]);
    let mut rig = Rig::joined(Arc::clone(&rig.plan));
    let effects = rig.propose_with("order", &[("count", "many")]);
    assert_eq!(said(&effects), ["just 0"], "what is no number is not stored");
}
