//! Journals that were cut, mixed up or made up.

use std::time::Duration;

use callflow::replay::{JournalError, read};
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
}
