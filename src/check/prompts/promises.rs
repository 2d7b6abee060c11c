//! F064: who is promised a transfer can be transferred.
//!
//! A promise is one of a few English turns of phrase (`transfer the caller`, `connect them to`, `put you through`,
//! `hand the call over`) in a sentence that does not forbid it, and in a clause that does not tell what a caller
//! asks for.

use std::collections::HashSet;
use std::ops::Range;

use super::Told;
use super::words::{Word, words};
use crate::check::graph::Graph;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Kind, State};

/// Who is transferred, or what.
const WHOM: &[&str] =
    &["caller", "callers", "customer", "customers", "user", "them", "you", "him", "her", "call", "calls"];
/// To whom.
const PERSON: &[&str] = &[
    "person",
    "human",
    "agent",
    "operator",
    "representative",
    "supervisor",
    "manager",
    "colleague",
    "specialist",
    "somebody",
    "someone",
    "department",
    "team",
];
/// Words that may stand between.
const BETWEEN: &[&str] = &["the", "this", "your", "their", "his", "to", "a", "an", "our", "live", "real"];
/// What makes a sentence forbid what it names.
const NOT: &[&str] = &[
    "not",
    "never",
    "no",
    "nobody",
    "cannot",
    "can't",
    "don't",
    "doesn't",
    "won't",
    "mustn't",
    "without",
    "avoid",
    "unable",
    "refuse",
    "decline",
    "isn't",
    "aren't",
    "shouldn't",
    "instead",
    "neither",
    "nor",
];
/// What makes a clause tell what a caller says.
const ASKS: &[&str] = &[
    "ask", "asks", "asked", "asking", "want", "wants", "wanted", "request", "requests", "demand", "demands",
    "insists",
];

/// The first promise in a text.
pub(super) fn find(text: &str) -> Option<Range<usize>> {
    let words = words(text);
    let lower: Vec<String> = words.iter().map(Word::lower).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let forbidden = forbidden(&words, &lower);
    let mut asked = false;
    (0..words.len()).find_map(|at| {
        // What is told of the caller since the clause began.
        asked = !words[at].first_of_clause && (asked || at > 0 && ASKS.contains(&lower[at - 1]));
        let length = promise(&lower[at..]).filter(|_| !asked && !forbidden[at])?;
        let (first, last) = (&words[at], &words[(at + length - 1).min(words.len() - 1)]);
        let whole = first.at.start..last.at.end;
        Some(if text[whole.clone()].contains('\n') { first.at.clone() } else { whole })
    })
}

/// For each word, whether its sentence forbids what it names.
fn forbidden(words: &[Word<'_>], lower: &[&str]) -> Vec<bool> {
    let mut forbidden = Vec::with_capacity(words.len());
    while forbidden.len() < words.len() {
        let start = forbidden.len();
        let end = (start + 1..words.len()).find(|at| words[*at].first_of_sentence).unwrap_or(words.len());
        let forbids = lower[start..end].iter().any(|word| NOT.contains(word));
        forbidden.resize(end, forbids);
    }
    forbidden
}

/// How many words of a promise stand here.
fn promise(words: &[&str]) -> Option<usize> {
    let (first, rest) = words.split_first()?;
    let skipped = rest.iter().take(3).take_while(|word| BETWEEN.contains(word)).count();
    let next = rest.get(skipped).copied().unwrap_or("");
    let behind = rest.get(skipped + 1).copied().unwrap_or("");
    let whom = WHOM.contains(&next);
    let found = match *first {
        "transfer" | "transferring" | "escalate" | "forward" | "forwarding" => {
            whom || PERSON.contains(&next) && rest.first() == Some(&"to")
        }
        "connect" | "connecting" => whom && matches!(behind, "to" | "with"),
        "put" | "putting" => whom && behind == "through",
        "hand" | "handing" => whom && matches!(behind, "over" | "off"),
        _ => false,
    };
    let tail =
        usize::from(!matches!(*first, "transfer" | "transferring" | "escalate" | "forward" | "forwarding"));
    found.then_some(skipped + 2 + tail)
}

/// Which states have a way to somebody who is dialled.
pub(super) fn states_that_reach_a_dial(graph: &Graph<'_>) -> Vec<bool> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); graph.out.len()];
    for edge in &graph.edges {
        back[edge.to].push(edge.from);
    }
    let is_dial = |state: &usize| matches!(graph.state(*state).kind.value, Kind::Dial(_));
    let mut work: Vec<usize> = (0..graph.out.len()).filter(is_dial).collect();
    let mut reaches = vec![false; graph.out.len()];
    let mut seen: HashSet<usize> = work.iter().copied().collect();
    while let Some(state) = work.pop() {
        reaches[state] = true;
        work.extend(back[state].iter().copied().filter(|from| seen.insert(*from)));
    }
    reaches
}

pub(super) fn broken(told: &Told<'_>, state: &State, promise: Range<usize>) -> Diagnostic {
    let name = &state.name.value;
    let message =
        format!("the model is told to promise a transfer, and no way from `{name}` leads to a `dial`");
    let warning = Diagnostic::warning(Rule::Promise, told.place(promise), message);
    warning.help("let an intent lead to a `dial`, or tell the model what it can do instead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_found() {
        for (text, promise) in [
            ("If they want a human, transfer the caller to support.", "transfer the caller"),
            ("Say that you will connect them with a colleague.", "connect them with"),
            ("Offer to put the caller through.", "put the caller through"),
            ("You can escalate to a human agent.", "escalate to a human"),
            ("Hand the call over when asked.", "Hand the call over"),
            ("Then say: I'll transfer you now", "transfer you"),
        ] {
            assert_eq!(find(text).map(|at| &text[at]), Some(promise), "{text}");
        }
    }

    #[test]
    fn what_is_forbidden_or_told_of_callers_is_no_promise() {
        for text in [
            "Never promise to connect the caller yourself; that is decided elsewhere.",
            "You cannot transfer calls. Don't offer to put them through.",
            "If the caller asks you to transfer them, explain our opening hours.",
            "You help with bank transfers: transfer money, connect accounts to banks, forward letters.",
            "Put the order through the form and hand over the receipt.",
            "Nobody is here who could take over: do not transfer the call",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
