//! F061: what the model is to tell apart can be told apart.
//!
//! Two descriptions are near if they share at least four of five of their words, those left out that every such
//! sentence has. Only what is offered together is compared: the model never chooses between the others.

use std::collections::{BTreeSet, HashMap};

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Event, Kind, State};
use crate::source::Spanned;

/// Words that say nothing about what a caller wants.
const EMPTY: &[&str] = &[
    "a", "an", "the", "is", "are", "to", "of", "for", "or", "and", "that", "their", "they", "them", "caller",
    "callers", "customer", "user", "person", "wants", "want", "asks", "ask", "says", "say", "would", "like",
    "when", "if", "about", "with", "in", "on", "has", "have", "be",
];
/// Pairs that are compared: a flow of a hundred intents has half of that. What lies behind is not looked at.
const MOST_PAIRS: usize = 10_000;

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let all = choices(document);
    if all.len() < 2 {
        return;
    }
    let near = near(&all);
    let same = same_examples(document);
    if near.is_empty() && same.is_empty() {
        return;
    }
    let offers = offers(document, scope);
    // The first state in which they are offered together, which is also where they can be waived.
    let together = |a: usize, b: usize| {
        let both = |(_, offer): &&(&State, BTreeSet<usize>)| offer.contains(&a) && offer.contains(&b);
        offers.iter().filter(both).map(|(state, _)| state.kind.span).min()
    };
    let near = near.into_iter().filter_map(|(a, b)| Some((a, b, together(a, b)?)));
    for (a, b, offered) in near {
        let (first, second) = (&all[a], &all[b]);
        let message = format!(
            "the model can hardly tell `{}` from `{}`: they are described alike",
            second.name, first.name
        );
        let warning = Diagnostic::warning(Rule::AlikeIntents, second.when.span, message);
        let warning = warning.also(first.when.span, format!("`{}`", first.name)).also(offered, OFFERED);
        out.push(warning.help("say in each what the other is not, or make one of them"));
    }
    for (a, first, b, second) in same {
        let Some(offered) = together(a, b) else { continue };
        let message = format!("this sentence means `{}` and `{}`", all[a].name, all[b].name);
        let warning = Diagnostic::warning(Rule::AlikeIntents, second.span, message);
        let warning = warning.also(first.span, "the same").also(offered, OFFERED);
        out.push(warning.help("leave it to one of them"));
    }
}

const OFFERED: &str = "both are offered here";
/// Findings of each sort that are worth looking into: a file with more is no flow.
const MOST_FOUND: usize = 200;

/// What a model can choose: an intent, or behind these a tool.
struct Choice<'d> {
    name: &'d str,
    when: &'d Spanned<String>,
    words: BTreeSet<String>,
}

fn choices(document: &Document) -> Vec<Choice<'_>> {
    // Each keeps its place, so that what has no description is there, too.
    static NOTHING: std::sync::LazyLock<Spanned<String>> =
        std::sync::LazyLock::new(|| Spanned::new(String::new(), crate::source::Span::default()));
    let intents = document.intents.iter().map(|intent| (&intent.name, &intent.when));
    let tools = document.tools.iter().map(|tool| (&tool.name, &tool.when));
    intents
        .chain(tools)
        .map(|(name, when)| {
            let when = when.as_ref().unwrap_or(&NOTHING);
            Choice { name: &name.value, when, words: words(&when.value) }
        })
        .collect()
}

/// The words that say what is meant.
fn words(text: &str) -> BTreeSet<String> {
    let all = text
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')))
        .filter(|word| !word.is_empty());
    all.map(str::to_lowercase).filter(|word| !EMPTY.contains(&word.as_str())).collect()
}

/// Pairs whose descriptions are near.
fn near(all: &[Choice<'_>]) -> Vec<(usize, usize)> {
    let pairs = (0..all.len()).flat_map(|a| (a + 1..all.len()).map(move |b| (a, b)));
    let alike = |&(a, b): &(usize, usize)| {
        let (a, b) = (&all[a].words, &all[b].words);
        let (fewer, more) = (a.len().min(b.len()), a.len().max(b.len()));
        // With so different lengths they cannot share enough.
        if fewer == 0 || 5 * fewer < 4 * more {
            return false;
        }
        let shared = a.intersection(b).count();
        5 * shared >= 4 * (a.len() + b.len() - shared)
    };
    pairs.take(MOST_PAIRS).filter(alike).take(MOST_FOUND).collect()
}

type Same<'d> = (usize, &'d Spanned<String>, usize, &'d Spanned<String>);

/// Sentences that are examples of two intents.
fn same_examples(document: &Document) -> Vec<Same<'_>> {
    let mut known: HashMap<String, (usize, &Spanned<String>)> = HashMap::new();
    let mut same = Vec::new();
    for (index, intent) in document.intents.iter().enumerate() {
        for example in &intent.examples {
            let plain: String = example.value.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
            let plain = plain.trim().to_lowercase();
            match known.get(&plain) {
                Some((other, first)) if *other != index && same.len() < MOST_FOUND => {
                    same.push((*other, *first, index, example))
                }
                Some(_) => {}
                None => _ = known.insert(plain, (index, example)),
            }
        }
    }
    same
}

/// What is offered together, state by state, as indices of [`choices`].
fn offers<'d>(document: &'d Document, scope: &Scope<'_>) -> Vec<(&'d State, BTreeSet<usize>)> {
    let converses = document.states.iter().filter_map(|state| match &state.kind.value {
        Kind::Converse(converse) => Some((state, converse.tools.as_slice())),
        _ => None,
    });
    let tools = document.intents.len();
    let talking = converses.map(|(state, offered)| {
        let events = state.on.iter().chain(&document.always).map(|on| &on.event.value);
        let intents = events.filter_map(|event| match event {
            Event::Intent(name) => scope.intents.get(name),
            _ => None,
        });
        let offered = offered.iter().filter_map(|name| Some(scope.tools.get(&name.value)? + tools));
        (state, intents.chain(offered).collect())
    });
    let listening = document.states.iter().filter_map(|state| match &state.kind.value {
        Kind::Dial(dial) => {
            let heard = dial.listen.iter().filter_map(|name| scope.intents.get(&name.value));
            Some((state, heard.collect()))
        }
        _ => None,
    });
    talking.chain(listening).collect()
}
