//! F045, F047, F049: what a `dial` can know about who picks up, and what the person called sees.
//!
//! Daily tells that somebody picked up and that a leg has failed, the latter in words. It does not tell a
//! mailbox from a person, and no cause that a program could rely on (`telephony::daily` guesses from the words).

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Branch, Dial, DialMethod, Document, Kind, On, Plain, State, Target};

/// Failures that are guessed from the vendor's words. What is not recognised is `failed`.
const GUESSED: [Plain; 3] = [Plain::OperatorBusy, Plain::OperatorRejected, Plain::OperatorUnreachable];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        let Kind::Dial(dial) = &state.kind.value else { continue };
        if dial.method != DialMethod::DialOut {
            continue;
        }
        out.extend(whoever_answers(state, dial));
        out.extend(mailbox_told(state, dial));
        out.extend(told_apart(state));
        out.extend(shown_number(document, dial, scope));
    }
}

fn edge(state: &State, event: Plain) -> Option<&On> {
    state.on.iter().find(|on| on.event.value.is(event))
}

/// F049. The mark is in the state, where it can be waived: the edge may be its group's.
fn whoever_answers(state: &State, dial: &Dial) -> Option<Diagnostic> {
    if dial.accept.is_some() {
        return None;
    }
    let answered = edge(state, Plain::OperatorAnswered)?;
    let target = dial.to.first()?;
    let message = "a mailbox that picks up counts as a person";
    let warning = Diagnostic::warning(Rule::NoGate, target.span, message);
    let warning = warning.also(answered.event.span, "the caller is put through to whatever has answered");
    Some(warning.help(
        "ask who picks up: `accept: \"A call from the shop. Press 1 to take it.\"`, and `accepted` in place of `answered`; or waive it if no mailbox can answer",
    ))
}

/// F045: without a gate, a mailbox is an answer.
fn mailbox_told(state: &State, dial: &Dial) -> Option<Diagnostic> {
    if dial.accept.is_some() {
        return None;
    }
    let on = edge(state, Plain::OperatorVoicemail)?;
    let others = [Plain::Otherwise, Plain::TargetsExhausted, Plain::OperatorFailed];
    let other = others.into_iter().find_map(|event| edge(state, event));
    if other.is_some_and(|other| same(&other.branches, &on.branches)) {
        return None;
    }
    let message = "without `accept:` nothing tells a mailbox from a person";
    let warning = Diagnostic::warning(Rule::ToldApart, in_state(state, on)?, message);
    Some(warning.label("never happens").help(
        "add `accept:` with a sentence that asks for a key, or lead this where the other failures lead",
    ))
}

/// F045: outcomes that lead to different places, without one for what is not recognised.
fn told_apart(state: &State) -> Option<Diagnostic> {
    if edge(state, Plain::Otherwise).or_else(|| edge(state, Plain::TargetsExhausted)).is_some() {
        return None;
    }
    let failed = edge(state, Plain::OperatorFailed)?;
    let own = |event: &Plain| edge(state, *event).filter(|on| !same(&on.branches, &failed.branches));
    let apart: Vec<&On> = GUESSED.iter().filter_map(own).collect();
    let first = apart.first()?;
    let names: Vec<_> = apart.iter().map(|on| on.event.value.to_string()).collect();
    let short: Vec<_> = names.iter().map(|name| name.trim_start_matches("operator.")).collect();
    let message = format!("nothing but the vendor's words tells {} from `failed`", super::listed(&short));
    let mut warning = Diagnostic::warning(Rule::ToldApart, in_state(state, first)?, message);
    for on in apart.iter().skip(1) {
        warning = warning.also(on.event.span, "nor this");
    }
    let warning = warning.also(failed.event.span, "what the words do not say arrives here");
    Some(warning.help("let `otherwise` take what is not recognised, and name only what may lead elsewhere"))
}

/// A place in the state for a finding about one of its edges, which may be its group's.
fn in_state(state: &State, on: &On) -> Option<crate::source::Span> {
    match (&state.kind.value, on.of_group) {
        (Kind::Dial(dial), true) => dial.to.first().map(|target| target.span),
        _ => Some(on.event.span),
    }
}

/// Whether two events lead to the same places. What is said on the way is not compared.
fn same(a: &[Branch], b: &[Branch]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to.value == b.to.value)
}

/// F047, once for a `dial`.
fn shown_number(document: &Document, dial: &Dial, scope: &Scope<'_>) -> Option<Diagnostic> {
    if dial.caller_id.is_some() {
        return None;
    }
    let mut without = dial.to.iter().filter_map(|name| {
        let target = &document.targets[scope.targets.get(&name.value)?];
        (target.caller_id.is_none() && is_telephone(target)).then_some((name, target))
    });
    let (name, target) = without.next()?;
    let message = format!("which of your numbers `{}` sees is left to Daily", name.value);
    let mut warning = Diagnostic::warning(Rule::NoCallerId, name.span, message)
        .also(target.name.span, "declared here, without `caller_id`");
    /// More marks than this hide what they show.
    const MOST: usize = 3;
    for (other, _) in without.take(MOST) {
        warning = warning.also(other.span, "and this one");
    }
    Some(warning.help("give the target `caller_id:` with an id that `callflow phone list` shows"))
}

/// Whether a telephone network is asked to reach it: only that shows a number.
fn is_telephone(target: &Target) -> bool {
    let is_sip = |text: &str| text.starts_with("sip:") || text.starts_with("sips:");
    !target.is_sip && target.address.as_ref().is_some_and(|address| !is_sip(&address.text.value))
}
