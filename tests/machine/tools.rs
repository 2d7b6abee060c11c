//! Tools: `call_api`, `notify`, and what the model wants of them in a `converse`.

use std::sync::Arc;

use callflow::machine::{
    Effect, Input, LegEvent, Outcome, Proposal, ProposedCall, ToolCallId, ToolFailure, ToolResult,
};
use callflow::pii::{Payload, Utterance};
use callflow::plan::{Plan, ToolId};
use serde_json::{Value, json};

use crate::rig::{Rig, said, with};

const MOMENT: &str = "One moment, please.";

const SECTIONS: &str = r#"vars: {order_id: {type: int, default: 7}, status: text, pin: {type: text, secret: true, default: "1234"}, reason: text}
tools:
  look:
    when: The caller asks for an order.
    params: {order_id: int, note: {type: text, optional: true}}
    http: {url: "https://api.test/orders/{{ order_id }}"}
  book:
    when: The caller orders.
    params: {order_id: int}
    effect: write
    idempotency: "{{ call.id }}-{{ order_id }}"
    http: {url: "https://api.test/orders", json: {id: "{{ order_id }}"}}
  open: {params: {pin: text}, http: {url: "https://api.test/", json: {pin: "{{ pin }}"}}}
  tell:
    params: {target: text, turns: text, reason: {type: text, optional: true}, from: phone}
    http: {url: "https://api.test/tell", json: {to: "{{ target }}", said: "{{ turns }}", why: "{{ reason }}", who: "{{ from }}"}}
"#;

fn plan(states: &str) -> Arc<Plan> {
    with(SECTIONS, &format!("{states}\n  bye: {{end: Goodbye.}}\n"))
}

fn talking() -> Rig {
    let states = "  begin:
    converse: {prompt: P, first: caller, tools: [look, book]}
    on: {intent.person: other, intent.leave: bye, caller.dtmf(\"0\"): other}
  other: {converse: {prompt: Q, first: caller}, on: {intent.leave: bye, intent.person: bye}}";
    Rig::joined(plan(states))
}

fn tool(rig: &Rig, name: &str) -> ToolId {
    ToolId::from_index(rig.plan.tools.iter().position(|tool| &*tool.name == name).unwrap())
}

/// The model's last reply asks for tools: names and arguments.
fn propose(rig: &mut Rig, calls: &[(&str, Value)]) -> Vec<Effect> {
    let call = |(name, args): &(&str, Value)| ProposedCall {
        tool: rig.plan.tools.iter().position(|tool| &*tool.name == *name).map(ToolId::from_index),
        args: args.is_object().then(|| Payload(args.clone())),
    };
    let (reply, calls) = (rig.last_reply(), calls.iter().map(call).collect());
    rig.tell(Input::ToolsProposed { reply, calls })
}

fn calls(effects: &[Effect]) -> Vec<ToolCallId> {
    let call = |e: &Effect| match e {
        Effect::CallTool { call, .. } => Some(*call),
        _ => None,
    };
    effects.iter().filter_map(call).collect()
}

fn cancels(effects: &[Effect]) -> Vec<ToolCallId> {
    let call = |e: &Effect| match e {
        Effect::CancelTool { call } => Some(*call),
        _ => None,
    };
    effects.iter().filter_map(call).collect()
}

fn results(effects: &[Effect]) -> Vec<(u32, &str)> {
    let result = |e: &'_ Effect| match e {
        Effect::ToolResult { proposal: Proposal { index, .. }, text } => {
            Some((*index, Box::leak(text.text().to_owned().into_boxed_str()) as &str))
        }
        _ => None,
    };
    effects.iter().filter_map(result).collect()
}

/// For each question to the model: what the caller said, and how many tools were offered.
fn asked(effects: &[Effect]) -> Vec<(Option<&str>, usize)> {
    let reply = |e: &'_ Effect| match e {
        Effect::Reply { user, tools, .. } => {
            let user = user.as_ref().map(|u| Box::leak(u.text().to_owned().into_boxed_str()) as &str);
            Some((user, tools.len()))
        }
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

fn ok(rig: &mut Rig, call: ToolCallId, value: Value) -> Vec<Effect> {
    rig.tell(Input::ToolDone { call, result: ToolResult::Ok { value: Payload(value) } })
}

fn fail(rig: &mut Rig, call: ToolCallId, cause: ToolFailure) -> Vec<Effect> {
    rig.tell(Input::ToolDone { call, result: ToolResult::Failed { cause } })
}

fn order(id: i64) -> (&'static str, Value) {
    ("look", json!({ "order_id": id }))
}

#[test]
fn the_calls_of_one_reply_run_together_and_the_model_is_asked_once_when_all_are_done() {
    let mut rig = talking();
    assert_eq!(asked(&rig.caller_says("two orders")), [(Some("two orders"), 2)]);
    let effects = propose(&mut rig, &[order(1), order(2)]);
    let running = calls(&effects);
    assert_eq!((running.len(), asked(&effects).len()), (2, 0));
    assert!(!rig.machine.accepts_speech());
    let effects = ok(&mut rig, running[1], json!({"status": "sent"}));
    assert_eq!(results(&effects), [(1, r#"{"status":"sent"}"#)]);
    assert!(asked(&effects).is_empty());
    // Falsy answers are answers.
    let effects = ok(&mut rig, running[0], json!(false));
    assert_eq!((results(&effects), asked(&effects)), (vec![(0, "false")], vec![(None, 2)]));
    assert!(ok(&mut rig, running[0], json!(1)).is_empty(), "the second answer changes nothing");
}

#[test]
fn what_cannot_be_called_has_one_result_each_and_the_model_may_try_once_more() {
    let mut rig = talking();
    rig.caller_says("an order");
    let bad = [
        order(1),
        ("nothing", json!({})),
        ("look", json!({})),
        ("look", json!("{")),
        ("book", json!({"order_id": "x"})),
    ];
    let effects = propose(&mut rig, &bad);
    let running = calls(&effects);
    assert_eq!(running.len(), 1);
    let told = results(&effects);
    assert_eq!(told.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(told[1].1.contains("`order_id` is missing") && told[3].1.contains("must be"), "{told:?}");
    assert_eq!(asked(&ok(&mut rig, running[0], Value::Null)), [(None, 2)]);
    // The second time it has to answer.
    assert!(asked(&propose(&mut rig, &[("look", json!({}))])).is_empty(), "an intent may still come");
    assert_eq!(asked(&rig.replied()), [(None, 0)]);
    rig.replied();
    // Another turn begins anew.
    assert_eq!(asked(&rig.caller_says("order 3")), [(Some("order 3"), 2)]);
}

#[test]
fn arguments_reach_the_tool_with_its_types_and_without_what_it_has_no_parameter_for() {
    let mut rig = talking();
    rig.caller_says("order 5");
    let effects = propose(&mut rig, &[("look", json!({"order_id": "5", "note": null, "host": "evil.test"}))]);
    let args = effects.iter().find_map(|e| match e {
        Effect::CallTool { args, .. } => Some(Value::Object(args.values.clone())),
        _ => None,
    });
    assert_eq!(args, Some(json!({"order_id": 5})));
}

#[test]
fn after_five_rounds_the_model_has_to_answer() {
    let mut rig = talking();
    rig.caller_says("go on");
    for round in 1..=5 {
        let running = calls(&propose(&mut rig, &[order(round)]));
        let offered = if round < 5 { 2 } else { 0 };
        assert_eq!(asked(&ok(&mut rig, running[0], json!({}))), [(None, offered)], "round {round}");
    }
}

#[test]
fn a_tool_that_is_silent_times_out_and_its_answer_then_is_stale() {
    let mut rig = talking();
    rig.caller_says("an order");
    let call = calls(&propose(&mut rig, &[order(1)]))[0];
    let effects = rig.wait_ms(10_500);
    assert_eq!(cancels(&effects), [call]);
    assert_eq!(results(&effects), [(0, "error: no answer in time")]);
    assert_eq!(asked(&effects), [(None, 2)]);
    assert!(ok(&mut rig, call, json!(1)).is_empty());
}

#[test]
fn the_caller_does_not_sit_in_silence_while_a_tool_takes_its_time() {
    let mut rig = talking();
    rig.caller_says("an order");
    propose(&mut rig, &[order(1)]);
    rig.replied();
    assert!(said(&rig.wait_ms(799)).is_empty());
    let effects = rig.wait_ms(1);
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Say { text, aside: true, .. } if text.text() == MOMENT))
    );
    rig.heard();
    assert!(said(&rig.wait_ms(5_999)).is_empty());
    assert_eq!(said(&rig.wait_ms(1)), [MOMENT]);
}

#[test]
fn a_result_that_comes_while_the_caller_speaks_is_answered_when_they_have_finished() {
    let mut rig = talking();
    rig.caller_says("an order");
    let call = calls(&propose(&mut rig, &[order(1)]))[0];
    rig.tell(Input::SpeechStarted);
    let effects = ok(&mut rig, call, json!({"status": "sent"}));
    assert_eq!((results(&effects).len(), asked(&effects).len()), (1, 0));
    // A cough.
    let blank = rig.tell(Input::TurnEnded { text: callflow::pii::Utterance::new("") });
    assert_eq!(asked(&blank), [(None, 2)]);
}

#[test]
fn a_turn_gives_up_what_only_looks_and_waits_for_what_writes() {
    let mut rig = talking();
    rig.caller_says("an order");
    let running = calls(&propose(&mut rig, &[order(1), ("book", json!({"order_id": 2}))]));
    let effects = rig.caller_says("no wait");
    assert_eq!(cancels(&effects), [running[0]]);
    assert_eq!(results(&effects), [(0, "cancelled: the caller went on talking")]);
    assert!(asked(&effects).is_empty());
    assert_eq!(asked(&ok(&mut rig, running[1], json!({"ok": true}))), [(Some("no wait"), 2)]);
}

#[test]
fn an_intent_in_the_same_reply_wins_and_what_writes_is_finished() {
    let mut rig = talking();
    rig.caller_says("order this and get me a person");
    let running = calls(&propose(&mut rig, &[order(1), ("book", json!({"order_id": 2}))]));
    let effects = rig.propose("person");
    assert_eq!(rig.state(), "other");
    assert_eq!(cancels(&effects), [running[0]]);
    assert_eq!(results(&effects), [(0, "cancelled: the conversation went on")]);
    // It is told to the model, and leads to nothing else.
    let effects = ok(&mut rig, running[1], json!({"ok": true}));
    assert_eq!((results(&effects), asked(&effects)), (vec![(1, r#"{"ok":true}"#)], vec![]));
}

#[test]
fn tools_of_an_interrupted_or_repeated_reply_do_not_run() {
    let mut rig = talking();
    rig.caller_says("an order");
    let reply = rig.last_reply();
    rig.tell(Input::SpeechStarted);
    let calls_of =
        |tool| vec![ProposedCall { tool: Some(tool), args: Some(Payload(json!({"order_id": 1}))) }];
    let look = tool(&rig, "look");
    assert!(rig.tell(Input::ToolsProposed { reply, calls: calls_of(look) }).is_empty());
    rig.tell(Input::TurnEnded { text: callflow::pii::Utterance::new("order 2") });
    let reply = rig.last_reply();
    assert_eq!(calls(&rig.tell(Input::ToolsProposed { reply, calls: calls_of(look) })).len(), 1);
    assert!(
        rig.tell(Input::ToolsProposed { reply, calls: calls_of(look) }).is_empty(),
        "the second of the same"
    );
}

#[test]
fn a_key_leaves_the_state_and_the_call_ends_with_its_tools() {
    let mut rig = talking();
    rig.caller_says("an order");
    let running = calls(&propose(&mut rig, &[order(1), ("book", json!({"order_id": 2}))]));
    assert_eq!(cancels(&rig.press('0')), [running[0]]);
    assert_eq!(rig.state(), "other");
    let effects = rig.tell(Input::CallerLeft);
    assert_eq!(cancels(&effects), [running[1]]);
    assert!(matches!(effects.last(), Some(Effect::End { outcome: Outcome::CallerLeft })));
}

// ---------------------------------------------------------------------------- call_api

fn asking(api: &str, more: &str) -> Rig {
    let states = format!(
        "  begin:
    call_api: {api}
    {more}
    on: {{ok: {{to: bye, say: \"It is {{{{ status }}}}.\"}}, otherwise: sorry}}
  sorry: {{say: Sorry., next: bye}}"
    );
    Rig::joined(plan(&states))
}

const LOOK: &str =
    "{tool: look, save: {status: result.order.status}, fill: Looking., retry: {times: 1, wait: 2s}}";

#[test]
fn an_answer_fills_variables_and_leads_on() {
    let mut rig = asking(LOOK, "");
    let call = calls(&rig.log)[0];
    assert_eq!(said(&rig.wait_ms(999)), Vec::<&str>::new());
    assert_eq!(said(&rig.wait_ms(1)), ["Looking."]);
    let effects = ok(&mut rig, call, json!({"order": {"status": "on its way"}}));
    assert_eq!(said(&effects), ["It is on its way.", "Goodbye."]);
}

#[test]
fn words_that_fill_the_time_wait_until_the_caller_has_spoken() {
    let states =
        "  begin: {converse: {prompt: P, first: caller}, on: {intent.person: look, intent.leave: bye}}
  look: {call_api: {tool: look, fill: Looking.}, on: {ok: bye, failed: bye}}";
    let mut rig = Rig::new(plan(states));
    rig.tell(Input::Start);
    rig.tell(Input::CallerJoined);
    rig.caller_says("look");
    rig.propose("person");
    rig.wait_ms(900);
    rig.tell(Input::SpeechStarted);
    assert_eq!(said(&rig.wait_ms(600)), Vec::<&str>::new());
    rig.tell(Input::TurnEnded { text: Utterance::new("hm") });
    assert_eq!(said(&rig.wait_ms(1_000)), ["Looking."]);
    assert_eq!(said(&rig.wait_ms(3_000)), Vec::<&str>::new(), "once");
}

#[test]
fn an_answer_without_what_is_wanted_is_a_failure() {
    for answer in [json!({}), json!({"order": []}), json!({"order": {"status": null}}), Value::Null] {
        let mut rig = asking(LOOK, "");
        let call = calls(&rig.log)[0];
        assert_eq!(said(&ok(&mut rig, call, answer)), ["Sorry."]);
    }
}

#[test]
fn only_what_may_pass_is_tried_again_and_never_more_often_than_the_flow_says() {
    let mut rig = asking(LOOK, "");
    let first = calls(&rig.log)[0];
    assert!(fail(&mut rig, first, ToolFailure::Failed { status: 503 }).is_empty());
    let second = calls(&rig.wait_ms(2_000))[0];
    assert!(second != first);
    assert!(ok(&mut rig, first, json!({"order": {"status": "x"}})).is_empty(), "stale");
    assert_eq!(said(&fail(&mut rig, second, ToolFailure::Timeout)), ["Sorry."]);
    let mut rig = asking(LOOK, "");
    let first = calls(&rig.log)[0];
    assert_eq!(said(&fail(&mut rig, first, ToolFailure::Refused { status: 404 })), ["Sorry."]);
}

#[test]
fn the_states_own_timer_cuts_a_request_off() {
    let mut rig = asking("{tool: look, save: {status: result}}", "timeout: 3s");
    let call = calls(&rig.log)[0];
    let effects = rig.wait_ms(3_000);
    assert_eq!((cancels(&effects), said(&effects)), (vec![call], vec!["Sorry."]));
}

#[test]
fn nothing_that_is_secret_is_written_down() {
    let rig = Rig::joined(plan("  begin: {call_api: open, on: {ok: bye, failed: bye}}"));
    let call = rig.log.iter().find(|e| matches!(e, Effect::CallTool { .. })).unwrap();
    let text = serde_json::to_string(call).unwrap();
    assert!(!text.contains("1234") && !format!("{call:?}").contains("1234"), "{text}");
    let Effect::CallTool { args, .. } = call else { unreachable!() };
    assert_eq!(args.values["pin"], "1234");
}

#[test]
fn what_is_made_from_a_secret_is_not_written_down_either() {
    // By way of two variables, as a variable and within a text; in an address it would be seen as well.
    let states = "  begin: {say: Hello., set: {reason: \"pin-{{ pin }}\"}, next: more}
  more: {say: Well., set: {status: \"{{ reason }}!\"}, next: look}
  look: {call_api: {tool: look, args: {note: \"the {{ status }}\"}}, on: {ok: send, failed: send}}
  send: {call_api: {tool: open, args: {pin: \"{{ reason }}\"}}, on: {ok: bye, failed: bye}}";
    let mut rig = Rig::joined(plan(states));
    rig.heard();
    rig.heard();
    let asked = calls(&rig.log)[0];
    ok(&mut rig, asked, json!({}));
    let requests: Vec<_> = rig.log.iter().filter(|e| matches!(e, Effect::CallTool { .. })).collect();
    assert_eq!(requests.len(), 2, "{:?}", rig.log);
    let text = serde_json::to_string(&rig.log).unwrap();
    assert!(!text.contains("1234"), "{text}");
    let Effect::CallTool { args, .. } = requests[0] else { unreachable!() };
    assert_eq!(args.values["note"], "the pin-1234!");
}

#[test]
fn what_the_caller_says_meanwhile_is_answered_afterwards() {
    let states = "  begin: {call_api: {tool: look}, on: {ok: talk, failed: talk}}
  talk: {converse: P, on: {intent.leave: bye, intent.person: bye}}";
    let mut rig = Rig::new(plan(&states.replace("begin: {call", "begin: {converse: {prompt: P, first: caller}, on: {intent.person: look, intent.leave: bye}}\n  look: {call")));
    rig.tell(Input::Start);
    rig.tell(Input::CallerJoined);
    rig.caller_says("look");
    let call = calls(&rig.propose("person"))[0];
    rig.caller_says("and hurry");
    assert_eq!(asked(&ok(&mut rig, call, json!({}))), [(Some("and hurry"), 0)]);
}

// ---------------------------------------------------------------------------- notify

fn ringing() -> Rig {
    let states = "  begin:
    dial: {to: [first, second], notify: tell}
    on: {answered: talk, otherwise: bye}
  talk: {handoff: keep_room}";
    Rig::joined(plan(states))
}

#[test]
fn each_target_that_rings_is_told_once_and_nothing_waits_for_it() {
    let mut rig = ringing();
    rig.leg(LegEvent::Started);
    let effects = rig.leg(LegEvent::Ringing);
    let Some(Effect::CallTool { call, args, turns: true, .. }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(Value::Object(args.values.clone()), json!({"target": "first", "from": "+15550100199"}));
    assert!(rig.leg(LegEvent::Ringing).is_empty());
    let call = *call;
    assert!(fail(&mut rig, call, ToolFailure::Unreachable).is_empty());
    rig.leg(LegEvent::Stopped);
    let effects = rig.leg(LegEvent::Answered);
    assert_eq!(calls(&effects).len(), 1, "the second target, who answered without ringing");
    assert_eq!(rig.state(), "talk");
}

#[test]
fn a_notification_that_hangs_is_given_up_without_a_word() {
    let mut rig = ringing();
    rig.leg(LegEvent::Started);
    let call = calls(&rig.leg(LegEvent::Ringing))[0];
    let effects = rig.wait_ms(10_500);
    assert_eq!(effects, [Effect::CancelTool { call }]);
}
