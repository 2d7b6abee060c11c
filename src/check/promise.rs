//! F04A: who is told that they are being connected, is.
//!
//! What `announce:` says needs no rule: the dial follows it, heard or not. Here it is about sentences elsewhere, and
//! whether a sentence announces a transfer is read from its words: English ones, and the plainest.

use std::collections::{HashSet, VecDeque};

use super::graph::{Cause, Edge, Graph};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Event, Kind, Plain, Template};
use crate::source::Span;

pub(super) fn check(graph: &Graph<'_>, out: &mut Vec<Diagnostic>) {
    let reachable = graph.reachable();
    let broken = broken(graph);
    let states = graph.document.states.iter().enumerate().filter(|(index, _)| reachable[*index]);
    for (index, state) in states.clone() {
        let (said, first) = match &state.kind.value {
            // What failed to be said was not promised.
            Kind::Say(say) => (&say.text, own(graph, index).find(|edge| broken[edge.to].is_some())),
            Kind::End(end) => (&end.say, None),
            _ => continue,
        };
        let Some(said) = said.as_ref().filter(|said| announces(&said.text.value)) else { continue };
        let is_end = matches!(state.kind.value, Kind::End(_));
        if first.is_none() && !is_end {
            continue;
        }
        let own = state.span.start <= said.text.span.start && said.text.span.end <= state.span.end;
        let span = if own { said.text.span } else { state.kind.span };
        let mut warning = Diagnostic::warning(Rule::EmptyPromise, span, message(is_end.then_some(index)));
        if let Some(first) = first {
            warning = shown(graph, &broken, first.span, first.to, warning);
        }
        out.push(warning.help(HELP));
    }
    // An edge of a group or of the whole flow is one of many states; its words are read once.
    let mut read = HashSet::new();
    for edge in graph.edges.iter().filter(|edge| reachable[edge.from] && broken[edge.to].is_some()) {
        let said = edge.branch.and_then(|branch| branch.say.as_ref());
        let said = said.filter(|said: &&Template| read.insert(said.text.span));
        let Some(said) = said.filter(|said| announces(&said.text.value)) else { continue };
        let warning = Diagnostic::warning(Rule::EmptyPromise, said.text.span, message(None));
        out.push(shown(graph, &broken, edge.span, edge.to, warning).help(HELP));
    }
}

const HELP: &str = "say it in the `dial`: `announce:` is heard where somebody is dialled and nowhere else; decide before it is said";

fn message(end: Option<usize>) -> &'static str {
    match end {
        Some(_) => "this announces a transfer, and the call ends with it",
        None => "this announces a transfer, and on some way nobody is dialled",
    }
}

/// Where it leads in the end.
fn shown(
    graph: &Graph<'_>,
    broken: &[Option<Option<usize>>],
    first: Span,
    mut at: usize,
    mut warning: Diagnostic,
) -> Diagnostic {
    let mut last = first;
    while let Some(Some(edge)) = broken[at] {
        last = graph.edges[edge].span;
        at = graph.edges[edge].to;
    }
    if last != first {
        warning = warning.also(first, "the way goes on here");
    }
    let name = &graph.state(at).name.value;
    warning.also(last, format!("and comes to `{name}` without a `dial`"))
}

/// The edges that lead on without the caller's doing, and without a failure of the voice.
fn own<'g, 'd>(graph: &'g Graph<'d>, state: usize) -> impl Iterator<Item = &'g Edge<'d>> {
    graph.edges_of(state).filter(|edge| leads_on(edge))
}

fn leads_on(edge: &Edge<'_>) -> bool {
    match edge.cause {
        Cause::Choice => true,
        Cause::Silence => false,
        Cause::Event(Event::Plain(event)) => {
            let by_itself = [Plain::Said, Plain::Ok, Plain::Failed, Plain::Otherwise, Plain::Timeout];
            by_itself.contains(event)
        }
        Cause::Event(_) => false,
    }
}

/// From which states a call can go on, without dialling, to where somebody is talked to or the call ends; and over
/// which edge. Somebody who is told so in vain hears of it in such a state at the latest.
fn broken(graph: &Graph<'_>) -> Vec<Option<Option<usize>>> {
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); graph.out.len()];
    for (index, edge) in graph.edges.iter().enumerate() {
        let from = &graph.state(edge.from).kind.value;
        let failed = matches!(edge.cause, Cause::Event(Event::Plain(Plain::Failed)));
        let passes = match from {
            Kind::Say(_) => !failed,
            Kind::Choose(_) | Kind::CallApi(_) => true,
            _ => false,
        };
        if passes && leads_on(edge) {
            into[edge.to].push(index);
        }
    }
    let mut broken = vec![None; graph.out.len()];
    let mut work = VecDeque::new();
    for (index, state) in graph.document.states.iter().enumerate() {
        let kind = &state.kind.value;
        if matches!(kind, Kind::Converse(_) | Kind::Confirm(_) | Kind::Collect(_) | Kind::End(_)) {
            broken[index] = Some(None);
            work.push_back(index);
        }
    }
    while let Some(state) = work.pop_front() {
        for &edge in &into[state] {
            let from = graph.edges[edge].from;
            if broken[from].is_none() {
                broken[from] = Some(Some(edge));
                work.push_back(from);
            }
        }
    }
    broken
}

/// Whether a sentence of a text says that the caller is being connected.
fn announces(text: &str) -> bool {
    text.split_inclusive(['.', '!', '?', ';']).any(|sentence| {
        let words: Vec<String> = sentence
            .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')))
            .filter(|word| !word.is_empty())
            .map(|word| word.to_lowercase().replace('’', "'"))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        !sentence.trim_end().ends_with('?') && !words.iter().any(|word| is_open(word)) && is_announced(&words)
    })
}

/// A sentence with such a word may mean anything: that it is not so, or only under a condition.
fn is_open(word: &str) -> bool {
    const OPEN: [&str; 16] = [
        "not", "never", "cannot", "if", "unless", "before", "when", "once", "would", "could", "can", "may",
        "unable", "sorry", "stopped", "instead",
    ];
    OPEN.contains(&word) || word.ends_with("n't")
}

fn is_announced(words: &[&str]) -> bool {
    let with_you = |verbs: &[&str], from: usize| {
        words[from..].windows(2).position(|two| verbs.contains(&two[0]) && two[1] == "you")
    };
    if with_you(&["connecting", "transferring"], 0).is_some()
        || words.windows(3).any(|three| *three == ["putting", "you", "through"])
    {
        return true;
    }
    let begins = |index: &usize| {
        let one = ["i'll", "we'll"].contains(&words[*index]);
        let two = words.get(index + 1).map(|second| (words[*index], *second));
        one || matches!(
            two,
            Some(("i" | "we", "will") | ("let", "me") | ("to", "connect" | "transfer" | "put"))
        )
    };
    let Some(begin) = (0..words.len()).find(begins) else { return false };
    let through = words.contains(&"through");
    with_you(&["connect", "transfer"], begin).is_some() || (through && with_you(&["put"], begin).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_announced_by_saying_so() {
        for text in [
            "I'm transferring you to a supervisor now. Please hold.",
            "One moment. I'll connect you with a colleague.",
            "I’ll just put you through to the office.",
            "Connecting you now!",
            "I am going to transfer you to billing.",
            "Let me connect you.",
            "Thank you, we will now connect you to the shop.",
        ] {
            assert!(announces(text), "{text}");
        }
    }

    #[test]
    fn an_offer_a_refusal_and_an_apology_announce_nothing() {
        for text in [
            "I can connect you with a supervisor. Shall I do that now?",
            "Shall I put you through?",
            "I'm sorry, I couldn't connect you.",
            "I can't transfer you right now.",
            "I will not transfer you without asking.",
            "If you like, I'll connect you.",
            "I'll put you on the list.",
            "Our office will call you back.",
            "Before connecting you I have a question.",
            "",
            "?!",
        ] {
            assert!(!announces(text), "{text}");
        }
    }
}
