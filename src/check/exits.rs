//! F017, F023, F026, F030, F050: every state has a way out for what will happen in it.

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Branch, Document, Event, Kind, On, Plain, State};

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        outcomes(state, document, out);
        timers(state, out);
        lists(&state.on, out);
        caller_left(&state.on, document, scope, out);
    }
    lists(&document.always, out);
    caller_left(&document.always, document, scope, out);
}

/// F017.
fn outcomes(state: &State, document: &Document, out: &mut Vec<Diagnostic>) {
    let name = &state.name.value;
    match &state.kind.value {
        Kind::Say(_) if !has(state, Plain::Said) && !has(state, Plain::Otherwise) => {
            let message = format!("`{name}` says something, and then?");
            out.push(no_exit(state, message).help("add `next:` with the state that follows"));
        }
        Kind::Confirm(_) => {
            let needed = [Plain::Accepted, Plain::Declined, Plain::Exhausted];
            let missing: Vec<_> = needed.into_iter().filter(|e| !has(state, *e)).map(Plain::name).collect();
            if !missing.is_empty() && !has(state, Plain::Otherwise) {
                let message = format!("`{name}` has no way out for {}", super::listed(&missing));
                out.push(no_exit(state, message).help("add them under `on:`, or add `otherwise`"));
            }
        }
        Kind::Collect(_) | Kind::CallApi(_) => {
            let needed = match &state.kind.value {
                Kind::Collect(_) => [Plain::Filled, Plain::Exhausted],
                _ => [Plain::Ok, Plain::Failed],
            };
            let missing: Vec<_> = needed.into_iter().filter(|e| !has(state, *e)).map(Plain::name).collect();
            if !missing.is_empty() && !has(state, Plain::Otherwise) {
                let message = format!("`{name}` has no way out for {}", super::listed(&missing));
                out.push(no_exit(state, message).help("add them under `on:`, or add `otherwise`"));
            }
        }
        Kind::Converse(_) if state.on.is_empty() && document.always.is_empty() => {
            let message = format!("nothing that is said in `{name}` leads out of it");
            let help = "add `on:` with the intents that end this part of the conversation";
            out.push(no_exit(state, message).help(help));
        }
        _ => {}
    }
}

fn no_exit(state: &State, message: String) -> Diagnostic {
    Diagnostic::error(Rule::NoExit, state.name.span, message)
}

fn has(state: &State, event: Plain) -> bool {
    state.on.iter().any(|on| on.event.value.is(event))
}

/// F030.
fn timers(state: &State, out: &mut Vec<Diagnostic>) {
    if state.kind.value.is_final() {
        return;
    }
    let edge = state.on.iter().find(|on| on.event.value.is(Plain::Timeout));
    match (&state.timeout, edge) {
        (Some(timeout), None) if !has(state, Plain::Otherwise) => {
            let help = match &state.kind.value {
                Kind::Confirm(_) => {
                    "add `timeout: state` under `on:`; the time for one answer is `confirm: {question: …, timeout: …}`"
                }
                Kind::Choose(_) => "a `choose` decides at once: leave `timeout` out",
                Kind::Collect(_) => {
                    "add `timeout: state` under `on:`; the time for one answer is `collect: {ask: …, timeout: …}`"
                }
                _ => "add `timeout: state` under `on:`",
            };
            let message = "this timer leads nowhere";
            out.push(Diagnostic::error(Rule::Timer, timeout.span, message).help(help));
        }
        (None, Some(on)) => {
            let message = "there is no timer that could run out";
            let help = "add `timeout: 20s` to the state";
            out.push(Diagnostic::error(Rule::Timer, on.event.span, message).help(help));
        }
        _ => {}
    }
}

/// F023 and F026: the last branch of a list, and only that, is always open.
fn lists(ons: &[On], out: &mut Vec<Diagnostic>) {
    for on in ons.iter().filter(|on| on.event.value != Event::Plain(Plain::Failed) || !is_next(on, ons)) {
        if let Some(open) = on.branches.iter().position(|branch| !branch.is_conditional()) {
            if let Some(shadowed) = on.branches.get(open + 1) {
                let warning =
                    Diagnostic::warning(Rule::Shadowed, shadowed.to.span, "this branch is never tried");
                let warning = warning.also(on.branches[open].to.span, "this one has no condition");
                out.push(warning.help("put the branch without a condition last"));
            }
        } else if let Some(last) = on.branches.last() {
            out.push(no_else(on, last));
        }
    }
}

/// Whether this is the second of the two edges that one `next:` stands for.
fn is_next(on: &On, ons: &[On]) -> bool {
    ons.iter().any(|other| other.event.span == on.event.span && other.event.value != on.event.value)
}

fn no_else(on: &On, last: &Branch) -> Diagnostic {
    let condition = if last.guard.is_some() { "if" } else { "max_visits" };
    let message =
        format!("`{}` leads nowhere when the `{condition}` of its last branch fails", on.event.value);
    Diagnostic::error(Rule::NoElse, last.to.span, message)
        .help("make it a list, and end the list with a state that has no condition")
}

/// F050: nobody is there any more.
fn caller_left(ons: &[On], document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for on in ons.iter().filter(|on| on.event.value.is(Plain::CallerLeft)) {
        for branch in &on.branches {
            let Some(to) = scope.states.meant(&branch.to.value) else { continue };
            if !matches!(document.states[to].kind.value, Kind::End(_) | Kind::Unknown) {
                let message = format!(
                    "when the caller has left the call must end, and `{}` is no end",
                    branch.to.value
                );
                let help = "lead it to an `end` state; left out, the call ends by itself";
                out.push(Diagnostic::error(Rule::CallerLeft, branch.to.span, message).help(help));
            }
            if let Some(say) = &branch.say {
                let message = "nobody is there to hear this";
                out.push(Diagnostic::error(Rule::CallerLeft, say.text.span, message).help("leave `say` out"));
            }
        }
    }
}
