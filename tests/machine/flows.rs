//! The flows of the random worlds.

use std::sync::{Arc, LazyLock};

use callflow::plan::Plan;

use crate::rig::{flow, plan_of, shipped};

/// The flows of the random worlds: the shipped one, and others that use what it does not.
pub static FLOWS: LazyLock<Vec<Arc<Plan>>> = LazyLock::new(|| {
    let hunt = "  begin:
    converse: {prompt: P, sensitivity: low, silence: [{after: 5s, say: Hm?}, {after: 5s, to: stop}]}
    on: {intent.person: ring, intent.leave: stop, caller.dtmf(\"0\"): ring, caller.silent(30s): stop, caller.interrupted: [{to: begin, max_visits: 2}, {to: rest}]}
  rest: {say: I see., next: calm}
  calm: {converse: {prompt: Q, silence: [{after: 9s}]}, on: {intent.person: ring, intent.leave: stop}}
  ring:
    dial: {to: [first, second], ring: 20s, announce: One moment., listen: [leave], hold: {say: Still trying., say_every: 7s}, retry: {times: 1, wait: 3s, on: [busy, no_answer]}, late_answer: LATE}
    on:
      answered: {to: talk, say: Here you are.}
      intent.leave: [{to: begin, say: As you like., max_visits: 3}, {to: stop}]
      busy: [{to: begin, say: Busy., max_visits: 1}, {to: stop}]
      targets.exhausted: [{to: again, max_visits: 1}, {to: stop, say: Nobody.}]
      otherwise: stop
  again: {dial: first, on: {answered: talk, otherwise: [{to: begin, say: Sorry., max_visits: 2}, {to: stop}]}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}
";
    let moving = "  begin: {confirm: Shall I?, on: {accepted: ring, declined: stop, exhausted: stop}}
  ring:
    dial: {to: first, method: sip_transfer, announce: One moment.}
    on: {transferred: talk, otherwise: [{to: begin, max_visits: 2, say: Sorry.}, {to: stop}], failed: stop}
  talk: {handoff: leave}
  stop: {end: silent}
";
    let leaving = "  begin: {say: {text: Hello., interruptible: true}, next: ring}
  ring: {dial: first, on: {answered: hello, otherwise: stop}}
  hello: {say: Here you are., on: {said: talk, failed: talk}}
  talk: {handoff: {mode: leave, max: 1h}}
  stop: {end: Goodbye.}
";
    let asking = "  begin: {converse: {prompt: P, silence: [{after: 5s, to: stop}]}, on: {intent.person: ring, intent.leave: stop, caller.dtmf(\"0\"): ring}}
  ring:
    dial: {to: [first, second], ring: 20s, hold: {say: Still trying., say_every: 9s}, accept: {say: A call., tries: 2, timeout: 5s}, listen: [leave], retry: {times: 1}, late_answer: LATE}
    on:
      accepted: {to: talk, say: Here you are.}
      intent.leave: [{to: begin, max_visits: 3}, {to: stop}]
      rejected: [{to: again, say: Not now., max_visits: 1}, {to: stop}]
      otherwise: [{to: begin, max_visits: 2}, {to: stop}]
  again: {dial: {to: first, accept: A call.}, on: {accepted: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}
";
    let collecting = "  begin:
    collect: {slots: {order: int, day: {type: date, ask: When?}, sure: bool}, ask: Which and when?, timeout: 5s}
    on: {filled: ring, exhausted: [{to: account, max_visits: 2}, {to: stop}], caller.dtmf(\"*\"): stop, caller.interrupted: [{to: account, max_visits: 1}, {to: begin, max_visits: 2}, {to: stop}]}
  account:
    collect: {slots: {account: text}, ask: Your account?, dtmf: {digits: 4, end_key: \"*\"}, interruptible: false, tries: 2}
    timeout: 1m
    on: {filled: [{to: begin, max_visits: 2}, {to: stop}], failed: stop, otherwise: stop}
  ring: {dial: first, on: {answered: talk, otherwise: stop}}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}
";
    let tools = "callflow: 1
name: tools
start: begin
targets: {first: {phone: \"+15550100001\"}, second: {phone: \"+15550100002\"}}
intents: {person: {when: A person., examples: [get me a human]}, leave: {when: Goodbye., examples: [bye]}, check: {when: An order.}}
vars: {id: {type: int, default: 3}, status: text}
tools:
  look: {when: An order., params: {id: int}, timeout: 3s, http: {url: \"https://api.test/{{ id }}\"}}
  book: {when: To order., params: {id: int}, effect: write, idempotency: \"{{ call.id }}{{ id }}\", http: {url: \"https://api.test/\", json: {id: \"{{ id }}\"}}}
  tell: {params: {target: text, turns: text}, http: {url: \"https://api.test/\", json: {to: \"{{ target }}\", s: \"{{ turns }}\"}}}
states:
  begin:
    converse: {prompt: P, tools: [look, book], silence: [{after: 5s, say: Hm?}, {after: 5s, to: stop}]}
    on: {intent.person: ring, intent.leave: stop, intent.check: [{to: ask, max_visits: 3}, {to: stop}], caller.dtmf(\"0\"): ring, caller.dtmf(\"1\"): [{to: ask, max_visits: 2}, {to: stop}], caller.silent(40s): stop}
  ask:
    call_api: {tool: look, retry: {times: 2, wait: 1s, backoff: 2}, fill: Looking., save: {status: result.status}}
    timeout: 20s
    on: {ok: {to: begin, say: \"{{ status }}\"}, failed: begin, timeout: write}
  write: {call_api: book, on: {otherwise: begin}}
  ring:
    dial: {to: [first, second], notify: tell, listen: [leave]}
    on: {answered: talk, intent.leave: [{to: begin, max_visits: 2}, {to: stop}], otherwise: [{to: begin, max_visits: 2}, {to: stop}]}
  talk: {handoff: keep_room}
  stop: {end: Goodbye.}
";
    vec![
        flow(collecting),
        shipped("cold_transfer.yaml"),
        flow(&hunt.replace("LATE", "hang_up")),
        named(&hunt.replace("LATE", "accept"), "late"),
        flow(moving),
        flow(leaving),
        flow(&asking.replace("LATE", "hang_up")),
        named(&asking.replace("LATE", "accept"), "late"),
        plan_of(tools),
        shipped("order_status.yaml"),
    ]
});

fn named(states: &str, name: &str) -> Arc<Plan> {
    let plan = flow(states);
    let mut plan = Arc::into_inner(plan).expect("the only owner");
    plan.name = name.into();
    Arc::new(plan)
}
