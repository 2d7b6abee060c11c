//! The search that does not count, against the one that does, on flows of any make that count.

use callflow::check::{EnvMode, check};
use callflow::explore::{Limits, explore, holds};
use callflow::plan::compile;
use callflow::source::SourceFile;
use proptest::prelude::*;

use crate::rig::{explored, told};

/// Where an edge leads. One that is not used up leads onwards, so that no call goes in circles for ever.
const PLACES: [&str; 7] = ["talk", "pick", "ask", "note", "ring", "bye", "mute"];

fn anywhere() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PLACES[..])
}

/// The place after this one, or one further on.
fn onwards(from: usize) -> impl Strategy<Value = &'static str> {
    prop_oneof![2 => Just(PLACES[from + 1]), 1 => prop::sample::select(&PLACES[from + 1..])]
}

/// Branches of an event in a place: some that are used up, and one that is not.
fn branches(from: usize) -> impl Strategy<Value = String> {
    let counted = (anywhere(), 1..4_u32).prop_map(|(to, most)| format!("{{to: {to}, max_visits: {most}}}, "));
    (prop::collection::vec(counted, 0..3), onwards(from))
        .prop_map(|(counted, last)| format!("[{}{{to: {last}}}]", counted.concat()))
}

/// Cases of a `choose` that ask how often a state was entered.
fn cases(from: usize) -> impl Strategy<Value = String> {
    let back = (prop::sample::select(&PLACES[..5]), 1..4_u32, anywhere())
        .prop_map(|(state, count, to)| format!("{{if: attempts({state}) < {count}, to: {to}}}, "));
    let on = (prop::sample::select(&PLACES[..5]), 0..4_u32, onwards(from))
        .prop_map(|(state, count, to)| format!("{{if: attempts({state}) >= {count}, to: {to}}}, "));
    (prop::collection::vec(prop_oneof![back, on], 1..3), onwards(from))
        .prop_map(|(asked, last)| format!("[{}{{else: {last}}}]", asked.concat()))
}

fn flow() -> impl Strategy<Value = String> {
    let wish = prop::sample::select(
        &["", "properties: [{before: {bye: note}}]\n", "properties: [{before: {ring: ask}}]\n"][..],
    );
    let talk = (branches(0), branches(0));
    let ask = (branches(2), branches(2), branches(2));
    let note = (branches(3), branches(3));
    let ring = (branches(4), branches(4));
    (wish, talk, cases(1), ask, note, ring).prop_map(|(wish, talk, pick, ask, note, ring)| {
        format!(
            "callflow: 1
start: talk
{wish}targets: {{desk: {{phone: \"+15550100123\"}}}}
intents: {{more: {{when: They want more., examples: [more please]}}}}
states:
  talk: {{converse: Help., on: {{intent.more: {}, caller.dtmf(\"1\"): {}}}}}
  pick: {{choose: {pick}}}
  ask: {{confirm: Shall I?, on: {{accepted: {}, declined: {}, exhausted: {}}}}}
  note: {{say: Listen., on: {{said: {}, failed: {}}}}}
  ring: {{dial: desk, on: {{answered: over, busy: {}, otherwise: {}}}}}
  over: {{handoff: keep_room}}
  bye: {{end: Goodbye.}}
  mute: {{end: silent}}
",
            talk.0, talk.1, ask.0, ask.1, ask.2, note.0, note.1, ring.0, ring.1
        )
    })
}

/// What nothing but a count tells apart is not lost with it: a value that makes a sentence fail, the hour, and how often
/// somebody was dialled.
#[test]
fn what_comes_with_a_count_is_seen_without_it() {
    let busy = |declined: &str| {
        format!(
            "callflow: 1
start: pause
targets: {{desk: {{phone: '+15550100123'}}}}
vars: {{people: {{type: int, default: 1}}}}
states:
  pause: {{say: One moment., next: talk}}
  talk:
    confirm: Shall I call a person?
    on: {{accepted: ring, declined: {declined}, otherwise: bye}}
  ring:
    dial: desk
    on: {{answered: over, otherwise: {{to: mute, say: \"Sorry, {{{{ 10 // people }}}} of us are busy.\"}}}}
  over: {{handoff: keep_room}}
  mute: {{end: silent}}
  bye: {{end: Goodbye.}}
"
        )
    };
    let closes = "callflow: 1
start: gate
call: {max_duration: 3h}
hours: {office: {tz: Europe/London, open: [\"Mon-Fri 09:00-09:30\"]}}
properties: [{before: {bad: note}}]
intents: {leave: {when: They say goodbye., examples: [goodbye]}}
states:
  gate: {choose: [{if: within(office), to: wait}, {else: bye}]}
  wait:
    converse: {prompt: Help., silence: [{after: 5m, say: Hello?}, {after: 8s}]}
    timeout: 60s
    on: {timeout: ask, intent.leave: bye}
  ask:
    confirm: More?
    on: {accepted: [{to: again, max_visits: 50}, {to: bye}], otherwise: note}
  again: {choose: [{if: within(office), to: wait}, {else: bad}]}
  note: {say: Note., next: bye}
  bad: {end: Bad.}
  bye: {end: Goodbye.}
";
    let dials = "callflow: 1
start: ring
call: {max_duration: 6h}
targets: {desk: {phone: '+15550100123'}}
states:
  ring:
    dial: {to: desk, ring: 5s}
    timeout: 4s
    on:
      answered: over
      timeout: bye
      otherwise: [{to: ring, max_visits: 300}, {to: bye}]
  over: {handoff: keep_room}
  bye: {end: Goodbye.}
";
    let once = busy("[{to: pause, set: {people: 0}, max_visits: 1}, {to: bye}]");
    let always = busy("{to: pause, set: {people: 0}}");
    for flow in [&once, &always, closes, dials] {
        // It looks whether the other search sees it as well.
        let report = explored(flow);
        assert_eq!(report.findings.len(), 1, "{}", told(flow, &report));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_holds_without_counting_holds_in_every_call(text in flow()) {
        let flow = check(&SourceFile::new("f.yaml", text.as_str()), EnvMode::Unknown).flow;
        // About one in four leaves a state out or never ends, and is refused.
        prop_assume!(flow.is_some());
        let plan = compile(flow.expect("assumed"));
        let report = explore(&plan, &Limits { configurations: 1_500, findings: 1 }, &mut |_| {});
        // Most of them break something.
        prop_assert!(report.findings.is_empty() || !holds(&plan, 20_000), "{text}");
    }
}
