//! F062: a prompt names only what the model is offered in its state.
//!
//! A name counts as mentioned if it is written as one: `order_status`, in backticks, or with `()` behind it. A
//! state that is called `goodbye` is not meant by every goodbye. Names that the flow does not know are reported
//! only where they are plainly to be called, or nearly the name of something that is offered.

use super::words::{Word, words};
use super::{Offer, Told};
use crate::check::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{State, ValueType, nearest};
use crate::source::Span;

/// Words before a name that is to be called.
const BEFORE: &[&str] =
    &["call", "calling", "use", "using", "invoke", "trigger", "tool", "function", "intent"];
/// Words behind one.
const BEHIND: &[&str] = &["tool", "function", "intent", "state", "node"];

/// Names that are looked up for what they were meant to be, in all prompts of a flow.
pub(super) const MOST_GUESSED: usize = 1_000;

pub(super) fn check(
    told: &Told<'_>,
    state: &State,
    offer: &Offer<'_>,
    scope: &Scope<'_>,
    guesses: &mut usize,
) -> Vec<Diagnostic> {
    let text = told.plain.as_str();
    if !text.contains(['_', '`', '(']) {
        return Vec::new();
    }
    let words = words(text);
    let known = Known::of(offer);
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Some(shape) = shape(text, word) else { continue };
        if known.has(word.text) || !seen.insert(word.text) {
            continue;
        }
        let cued = |at: Option<usize>, cues: &[&str]| {
            at.and_then(|at| words.get(at)).is_some_and(|word| cues.contains(&word.lower().as_str()))
        };
        let called = shape.called
            || shape.quoted && shape.snake
            || cued(index.checked_sub(1), BEFORE)
            || cued(Some(index + 1), BEHIND);
        let place = || told.place(word.at.clone());
        let place: &dyn Fn() -> Span = &place;
        found.extend(match declared(told, state, scope, word.text, place) {
            Some(known) => known,
            None if *guesses == 0 => None,
            None => {
                *guesses -= 1;
                unknown(offer, word.text, place, called)
            }
        });
        if found.len() >= super::MOST {
            break;
        }
    }
    found
}

/// What is wrong with naming something of the flow; `None` if the flow has nothing of this name.
fn declared(
    told: &Told<'_>,
    state: &State,
    scope: &Scope<'_>,
    name: &str,
    place: &dyn Fn() -> Span,
) -> Option<Option<Diagnostic>> {
    let document = told.document;
    let not_offered = || {
        let message =
            format!("the model is told of `{name}`, which it is not offered in `{}`", state.name.value);
        Diagnostic::warning(Rule::Mention, place(), message)
    };
    if let Some(intent) = scope.intents.get(name).and_then(|index| document.intents.get(index)) {
        let help = format!("let it lead somewhere: `on: {{intent.{name}: state}}`, or leave it out");
        return Some(Some(not_offered().also(intent.name.span, "the intent").help(help)));
    }
    if let Some(tool) = scope.tools.get(name).and_then(|index| document.tools.get(index)) {
        let help = format!("offer it: `converse: {{tools: [{name}]}}`, or leave it out");
        return Some(Some(not_offered().also(tool.name.span, "the tool").help(help)));
    }
    if let Some(known) = scope.states.get(name).and_then(|index| document.states.get(index)) {
        let message = format!("the model is told of the state `{name}`, and knows no states");
        let warning = Diagnostic::warning(Rule::Mention, place(), message).also(known.name.span, "the state");
        let help = "it can only call what it is offered: name the intent that leads there, or leave it out";
        return Some(Some(warning.help(help)));
    }
    // A variable that is to be seen is written in braces; as a word it is none of the model's tools.
    scope.vars.get(name).map(|_| None)
}

fn unknown(offer: &Offer<'_>, name: &str, place: &dyn Fn() -> Span, called: bool) -> Option<Diagnostic> {
    let meant = nearest(name, offer.names());
    if !called && meant.is_none() {
        return None;
    }
    let message = format!("the model is told of `{name}`, and is offered nothing of this name");
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => match offer.names().take(8).collect::<Vec<_>>().as_slice() {
            [] => "it is offered nothing here: an intent under `on:` or a tool under `tools:` would be"
                .to_owned(),
            names => format!("it is offered {}", crate::check::listed(names)),
        },
    };
    Some(Diagnostic::warning(Rule::Mention, place(), message).help(help))
}

/// How a word is written, if it is written as a name.
struct Shape {
    snake: bool,
    quoted: bool,
    called: bool,
}

fn shape(text: &str, word: &Word<'_>) -> Option<Shape> {
    let name = word.text;
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !good {
        return None;
    }
    let before = text[..word.at.start].chars().next_back();
    let mut after = text[word.at.end..].chars();
    let (next, second) = (after.next(), after.next());
    // Part of an address, a path or the name of a file.
    let joined = |c: char| matches!(c, '@' | '/' | '\\' | '-' | '=' | '&' | '#' | '$' | '%' | '{');
    let is_part = before.is_some_and(|c| joined(c) || c == '.' || c == ':')
        || next.is_some_and(|c| joined(c) && c != '-' && c != '#' || c == '}')
        || (matches!(next, Some('.' | ':' | '-')) && second.is_some_and(char::is_alphanumeric));
    if is_part {
        return None;
    }
    let shape = Shape {
        snake: name.trim_matches('_').contains('_'),
        quoted: before == Some('`') && matches!(next, Some('`' | '(')),
        called: next == Some('(') && second == Some(')'),
    };
    (shape.snake || shape.quoted || shape.called).then_some(shape)
}

/// The words that an offer brings along.
struct Known<'d>(std::collections::HashSet<&'d str>);

impl<'d> Known<'d> {
    fn of(offer: &Offer<'d>) -> Self {
        let slots = offer.intents.iter().flat_map(|intent| &intent.slots);
        let slots = slots.map(|slot| (slot.name.value.as_str(), &slot.kind));
        let params = offer.tools.iter().flat_map(|tool| &tool.params);
        let params = params.map(|param| (param.name.value.as_str(), &param.kind));
        let mut known: std::collections::HashSet<&str> = offer.names().collect();
        for (name, kind) in slots.chain(params) {
            known.insert(name);
            if let ValueType::Enum(words) = kind {
                known.extend(words.iter().map(|word| &**word));
            }
        }
        Self(known)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}
