//! F036: who is asked whether they are still there has time to answer.
//!
//! That silence leads somewhere at all needs no rule: a `converse` without `silence:` has a ladder, and every
//! ladder ends in a state or ends the call.

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Converse, Document, Event, Kind, On, State};

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        if let Kind::Converse(converse) = &state.kind.value {
            out.extend(asked_too_late(document, scope, state, converse));
        }
    }
}

/// The last step says something and leads on in the same moment.
fn asked_too_late(
    document: &Document,
    scope: &Scope<'_>,
    state: &State,
    converse: &Converse,
) -> Option<Diagnostic> {
    let last = converse.silence.as_ref()?.last()?;
    let question = last.say.as_ref().filter(|say| say.text.value.trim_end().ends_with('?'))?;
    let to = last.to.as_ref().map(|to| scope.states.meant(&to.value));
    let ends =
        to.is_none_or(|to| to.is_some_and(|to| matches!(document.states[to].kind.value, Kind::End(_))));
    // The ladder's end waits for these.
    let waits = |on: &On| matches!(on.event.value, Event::CallerSilent(_));
    if !ends || state.on.iter().chain(&document.always).any(waits) {
        return None;
    }
    let message = "the caller is asked something, and the call ends without waiting for the answer";
    let error = Diagnostic::error(Rule::Silence, question.text.span, message);
    Some(error.help(match &last.to {
        Some(to) => format!("end the list with a step that only waits: `{{after: 8s, to: {}}}`", to.value),
        None => "end the list with a step that only waits: `{after: 8s}`".to_owned(),
    }))
}
