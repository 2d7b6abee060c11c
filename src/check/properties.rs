//! F005, F010, F013: `properties:` name what there is. Whether they hold, the explorer decides (F059).

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Kind, MustPrecede, nearest};
use crate::source::Spanned;

/// The kinds of states, as a flow names them.
const KINDS: &[&str] =
    &["say", "converse", "confirm", "collect", "choose", "call_api", "dial", "handoff", "end"];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let mut seen = std::collections::HashSet::new();
    for MustPrecede { what, first } in &document.properties {
        if seen.insert(what.span) {
            later(document, scope, what, out);
        }
        match scope.states.get(&first.value).map(|index| &document.states[index].kind.value) {
            None => {
                let message = format!("there is no state `{}`", first.value);
                let help = match scope.states.nearest(&first.value) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "name the state that must have done its work".to_owned(),
                };
                out.push(Diagnostic::error(Rule::UnknownState, first.span, message).help(help));
            }
            Some(Kind::End(_) | Kind::Handoff(_)) => {
                let message = format!("nothing comes after `{}`: it is final", first.value);
                let error = Diagnostic::error(Rule::WrongValue, first.span, message);
                out.push(error.help("what stands first in `before: {later: earlier}` is what comes later"));
            }
            Some(_) if what.value == first.value && !KINDS.contains(&what.value.as_str()) => {
                let message = format!("`{}` cannot come before itself", first.value);
                let help = "what stands first in `before: {later: earlier}` is what comes later";
                out.push(Diagnostic::error(Rule::WrongValue, first.span, message).help(help));
            }
            Some(_) => {}
        }
    }
}

/// What must come later is a kind, a state, or both.
fn later(document: &Document, scope: &Scope<'_>, what: &Spanned<String>, out: &mut Vec<Diagnostic>) {
    let name = what.value.as_str();
    let is_kind = KINDS.contains(&name);
    if scope.states.get(name).is_some() || document.states.iter().any(|state| state.kind.value.name() == name)
    {
        return;
    }
    if is_kind {
        let message = format!("no state of this flow is a `{name}`: this property says nothing");
        out.push(Diagnostic::warning(Rule::Unused, what.span, message).help("remove it"));
        return;
    }
    let message = format!("there is no state and no kind `{name}`");
    let help = match nearest(name, KINDS.iter().copied()).or_else(|| scope.states.nearest(name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "name a state, or a kind of states such as `dial` or `handoff`".to_owned(),
    };
    out.push(Diagnostic::error(Rule::UnknownState, what.span, message).help(help));
}
