//! F073: `allow:` takes warnings away, with a reason, and nothing else.

use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::Document;

pub(super) fn apply(document: &Document, diagnostics: &mut Vec<Diagnostic>) {
    for state in &document.states {
        for waiver in &state.allow {
            // Whether these are needed, only the tests beside the flow can tell.
            let of_tests = [Rule::Uncovered, Rule::UntestedOutcome];
            if of_tests.iter().any(|rule| rule.code() == waiver.code.value) {
                continue;
            }
            let concerns = |d: &Diagnostic| {
                let place = d.primary.span;
                let inside = state.span.start <= place.start && place.end <= state.span.end;
                // What stands in another file or section is the state's if it points back at its kind.
                let of_it = || d.secondary.iter().any(|label| label.span == state.kind.span);
                d.id.code() == waiver.code.value && (inside || of_it())
            };
            let found = diagnostics.iter().find(|d| concerns(d));
            let (message, help) = match found.map(Diagnostic::is_error) {
                Some(false) => {
                    diagnostics.retain(|d| !concerns(d));
                    continue;
                }
                Some(true) => {
                    (format!("{} cannot be waived: it is an error", waiver.code.value), "mend it instead")
                }
                None => (format!("there is no {} here to be waived", waiver.code.value), "remove the waiver"),
            };
            diagnostics.push(Diagnostic::warning(Rule::Waiver, waiver.code.span, message).help(help));
        }
    }
}
