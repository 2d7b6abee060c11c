//! Journals that were cut, mixed up or made up.

use std::time::Duration;

use callflow::check::{EnvMode, check};
use callflow::plan::compile;
use callflow::replay::{Difference, JournalError, Numbers, read, replay};
use callflow::source::SourceFile;
use proptest::prelude::*;

fn begin(call: &str) -> String {
    format!(
        r#"{{"journal":1,"call":"{call}","flow":"f","flow_hash":"0","started_at":0,"from":null,"to":null,"states":["a"],"intents":[],"targets":[]}}"#
    ) + "\n"
}

fn step(call: &str) -> String {
    format!(r#"{{"t":1,"call":"{call}","state":"a","input":{{"type":"tick"}},"effects":[]}}"#) + "\n"
}

#[test]
fn steps_of_many_calls_at_a_time_each_find_their_own() {
    let calls = 20_000;
    let name = |n: usize| format!("call-{n:06}");
    let journal: String =
        (0..calls).map(|n| begin(&name(n))).chain((0..calls).map(|n| step(&name(n)))).collect();
    #[expect(clippy::disallowed_methods, reason = "this measures real time")]
    let start = std::time::Instant::now();
    let recordings = read(&journal).unwrap();
    // Far above what a busy machine needs; each step searching all calls takes minutes.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!(recordings.len(), calls);
    assert!(recordings.iter().enumerate().all(|(n, r)| r.steps.len() == 1 && r.steps[0].call == name(n)));
}

#[test]
fn an_id_that_comes_again_belongs_to_the_later_call() {
    let journal = [begin("a"), step("a"), begin("a"), step("a"), step("a")].concat();
    let steps: Vec<usize> = read(&journal).unwrap().iter().map(|call| call.steps.len()).collect();
    assert_eq!(steps, [1, 2]);
}

#[test]
fn files_that_are_no_journals_are_refused_at_once() {
    for text in ["[".repeat(10_000_000), "x".repeat(10_000_000), "{}\n".repeat(1_000_000)] {
        assert!(matches!(read(&text), Err(JournalError::NotAJournal(1))));
    }
    assert!(matches!(read(&"\n".repeat(10_000_000)), Err(JournalError::Empty)));
}

/// Steps as calls have them, whole and damaged, with what was done left out: only what happened is replayed.
fn told(inputs: &[String]) -> String {
    let step = |(t, input): (usize, &String)| {
        format!(r#"{{"t":{},"call":"a","state":"greet","input":{input},"effects":[]}}"#, t * 700) + "\n"
    };
    begin("a") + &inputs.iter().enumerate().map(step).collect::<String>()
}

/// Numbers and names that no flow has, in inputs that are whole otherwise.
#[test]
fn a_step_that_names_what_the_flow_does_not_have_is_where_it_goes_another_way() {
    let flow = "callflow: 1\nstart: a\nintents: {bye: {when: Goodbye.}}\ntools: {t: {when: Now., http: {url: \"https://a.example/\"}}}\n\
                states:\n  a: {converse: {prompt: Talk., tools: [t]}, on: {intent.bye: b}}\n  b: {end: Bye.}\n";
    let plan = compile(check(&SourceFile::new("x.yaml", flow), EnvMode::Unknown).flow.unwrap());
    for (input, missing) in [
        (r#"{"type":"intent_proposed","reply":1,"intent":9,"slots":[]}"#, "intent 9"),
        (r#"{"type":"intent_proposed","reply":1,"intent":-1,"slots":[]}"#, "intent -1"),
        (r#"{"type":"intent_proposed","reply":1,"intent":"hello","slots":[]}"#, "intent \"hello\""),
        (r#"{"type":"tools_proposed","reply":1,"calls":[{"tool":7,"args":{}}]}"#, "tool 7"),
    ] {
        let journal = begin("x") + &step("x").replace(r#"{"type":"tick"}"#, input);
        let replayed = replay(&read(&journal).unwrap()[0], &plan, Numbers::default());
        let found = replayed.divergence.map(|divergence| divergence.difference);
        assert_eq!(found, Some(Difference::Unknown(missing.to_owned())), "{input}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_journal_or_refused(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn a_damaged_journal_is_read_or_refused(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30, "[{}\\[\\]\",:a-z0-9\n-]{0,8}"), 0..6),
    ) {
        let journal = [begin("a"), step("a"), begin("b"), step("b"), step("a")].concat();
        let mut text: Vec<char> = journal.chars().collect();
        for (at, length, piece) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        let _ = read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn a_damaged_call_is_replayed_until_it_goes_another_way(
        order in prop::collection::vec(0usize..INPUTS.len(), 0..12),
        number in 0u32..12,
    ) {
        let flow = include_str!("../../flows/cold_transfer.yaml");
        let plan = compile(check(&SourceFile::new("x.yaml", flow), EnvMode::Unknown).flow.unwrap());
        let inputs: Vec<_> = order.iter().map(|at| INPUTS[*at].replace("N", &number.to_string())).collect();
        for call in read(&told(&inputs)).unwrap() {
            let replayed = replay(&call, &plan, Numbers::default());
            prop_assert!(replayed.same + usize::from(replayed.divergence.is_some()) <= call.steps.len());
        }
    }
}

/// What can happen, with `N` in place of numbers.
const INPUTS: &[&str] = &[
    r#"{"type":"start"}"#,
    r#"{"type":"caller_joined"}"#,
    r#"{"type":"caller_left"}"#,
    r#"{"type":"dtmf","digit":"0"}"#,
    r#"{"type":"said","utterance":N,"heard_all":true}"#,
    r#"{"type":"intent_proposed","reply":N,"intent":N,"slots":[["reason","x"]]}"#,
    r#"{"type":"tools_proposed","reply":N,"calls":[{"tool":N,"args":{}},{"tool":null,"args":null}]}"#,
    r#"{"type":"reply_done","reply":N,"heard_all":false}"#,
    r#"{"type":"timeout"}"#,
    r#"{"type":"nonsense","state":N,"calls":[N]}"#,
];
