//! All texts and guards of a flow, with where they are used: several rules ask for the same walk.

use crate::flow::guard::Expr;
use crate::flow::{Assignment, Branch, Document, Kind, Template};

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Spoken to the caller.
    Speech,
    /// Sent to the model.
    Prompt,
    /// Stored in a variable.
    Set,
    /// Sent to a server.
    Tool,
}

/// The templates that a state's kind holds, all of them rendered in that state.
pub(super) fn kind_templates(kind: &Kind) -> Vec<(Use, &Template)> {
    match kind {
        Kind::Say(say) => speech(&say.text).into_iter().collect(),
        Kind::Converse(converse) => {
            let rungs = converse.silence.iter().flatten().filter_map(|rung| speech(&rung.say));
            let fill = speech(&converse.fill);
            converse.prompt.iter().map(|t| (Use::Prompt, t)).chain(rungs).chain(fill).collect()
        }
        Kind::Confirm(confirm) => speech(&confirm.question).into_iter().collect(),
        Kind::Collect(collect) => {
            let slots = collect.slots.iter().filter_map(|slot| speech(&slot.ask));
            speech(&collect.ask).into_iter().chain(slots).collect()
        }
        Kind::CallApi(api) => api.args.iter().map(|(_, t)| (Use::Tool, t)).chain(speech(&api.fill)).collect(),
        Kind::Dial(dial) => {
            let hold = dial.hold.as_ref().and_then(|hold| speech(&hold.say));
            let asked = dial.accept.as_ref().and_then(|accept| speech(&accept.value.say));
            speech(&dial.announce).into_iter().chain(hold).chain(asked).collect()
        }
        Kind::End(end) => speech(&end.say).into_iter().collect(),
        Kind::Choose(_) | Kind::Handoff(_) | Kind::Unknown => Vec::new(),
    }
}

/// The branches of a state's kind itself.
pub(super) fn kind_branches(kind: &Kind) -> &[Branch] {
    match kind {
        Kind::Choose(branches) => branches,
        _ => &[],
    }
}

/// Every branch of the flow.
pub(super) fn branches(document: &Document) -> impl Iterator<Item = &Branch> {
    let of_states = document.states.iter().flat_map(|state| {
        let on = state.on.iter().flat_map(|on| &on.branches);
        on.chain(kind_branches(&state.kind.value))
    });
    of_states.chain(document.always.iter().flat_map(|on| &on.branches))
}

/// Every guard of the flow.
pub(super) fn guards(document: &Document) -> impl Iterator<Item = &Expr> {
    branches(document).filter_map(|branch| branch.guard.as_ref())
}

/// Every assignment of the flow.
pub(super) fn assignments(document: &Document) -> impl Iterator<Item = &Assignment> {
    let of_states = document.states.iter().flat_map(|state| &state.set);
    of_states.chain(branches(document).flat_map(|branch| &branch.set))
}

/// Every template of the flow but those of `targets:`.
pub(super) fn templates(document: &Document) -> impl Iterator<Item = (Use, &Template)> {
    let of_kinds = document.states.iter().flat_map(|state| kind_templates(&state.kind.value));
    let of_edges = branches(document).filter_map(|branch| branch.say.as_ref()).map(|t| (Use::Speech, t));
    let of_sets = assignments(document).map(|a| (Use::Set, &a.value));
    of_kinds.chain(of_edges).chain(of_sets)
}

fn speech(template: &Option<Template>) -> Option<(Use, &Template)> {
    template.as_ref().map(|template| (Use::Speech, template))
}
