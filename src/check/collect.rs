//! F005, F011: what a `collect` asks for fits its variables and the keys of a telephone.

use super::scope::Scope;
use super::vars;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Collect, Document, Kind, ValueType};

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        let Kind::Collect(collect) = &state.kind.value else { continue };
        for slot in &collect.slots {
            vars::reserved(&slot.name, out);
            vars::same_type(document, scope, &slot.name, &slot.kind, out);
        }
        if let Some(dtmf) = &collect.dtmf
            && !takes_keys(collect)
        {
            let message = "nothing that is asked for here can be entered on the keys";
            let help = "leave `dtmf` out, or ask for a number, a day, a telephone number, yes or no, or digits (`text`)";
            out.push(Diagnostic::error(Rule::WrongValue, dtmf.span, message).help(help));
        }
    }
}

/// Whether anything that is asked for can be entered on the keys.
fn takes_keys(collect: &Collect) -> bool {
    collect.slots.iter().any(|slot| match &slot.kind {
        ValueType::Int | ValueType::Number | ValueType::Bool | ValueType::Phone | ValueType::Date => true,
        ValueType::Enum(words) => words.len() <= 9,
        ValueType::Text => collect.dtmf.is_some(),
        ValueType::Duration | ValueType::List => false,
    })
}

/// Whether a key belongs to the answer of a `collect` and is no event of its own.
pub(super) fn takes(kind: &Kind, key: char) -> bool {
    let Kind::Collect(collect) = kind else { return false };
    let end_key = collect.dtmf.as_ref().and_then(|dtmf| dtmf.value.end_key).unwrap_or('#');
    takes_keys(collect) && (key.is_ascii_digit() || key == end_key)
}
