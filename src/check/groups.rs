//! F009, F010, F013: groups exist, are joined, and are of use to those who join them.
//!
//! The edges of a group are written behind the own edges of its states, where they can happen and the state has
//! none of the same event: from here on nothing else knows of groups.

use std::collections::{HashMap, HashSet};

use super::events::refusal;
use super::scope::Names;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Document, Event, Group, Kind, On, Plain, State};

/// The most ways of a flow, counted from each state. What few lines share can come to far more than they show.
const MOST_WAYS: usize = 100_000;

/// Says whether the document is of a size that rules can be applied to; if not, nothing is inlined.
pub(super) fn inline(document: &mut Document, out: &mut Vec<Diagnostic>) -> bool {
    if let Some(error) = too_many_ways(document) {
        out.push(error);
        return false;
    }
    let names = Names::new(document.groups.iter().map(|group| &group.name));
    out.extend(document.states.iter().filter_map(|state| wrong_member(document, state, &names)));
    let joined = document.states.iter().filter_map(|state| state.group.as_ref());
    let meant: HashSet<&str> = joined
        .filter(|name| names.get(&name.value).is_none())
        .filter_map(|name| names.nearest(&name.value))
        .collect();
    for group in &document.groups {
        out.extend(unused(document, group, meant.contains(group.name.value.as_str())));
    }
    let inherited: Vec<Vec<On>> = document.states.iter().map(|state| shared(document, state)).collect();
    for (state, inherited) in document.states.iter_mut().zip(inherited) {
        state.on.extend(inherited);
    }
    true
}

fn too_many_ways(document: &Document) -> Option<Diagnostic> {
    let branches = |ons: &[On]| ons.iter().map(|on| on.branches.len()).sum::<usize>();
    let always = branches(&document.always);
    let groups: HashMap<&str, usize> =
        document.groups.iter().map(|group| (group.name.value.as_str(), branches(&group.on))).collect();
    let of = |state: &State| {
        let shared = state.group.as_ref().and_then(|name| groups.get(name.value.as_str())).copied();
        branches(&state.on) + shared.unwrap_or(0) + always
    };
    let ways: usize = document.states.iter().map(of).fold(0, usize::saturating_add);
    let place = document.states.first()?.name.span;
    (ways > MOST_WAYS).then(|| {
        let message = format!("{ways} ways lead from state to state, and a flow has {MOST_WAYS} at most");
        Diagnostic::error(Rule::Syntax, place, message)
            .help("what a group or `always:` has, each of its states has")
    })
}

fn group_of<'d>(document: &'d Document, state: &State) -> Option<&'d Group> {
    let name = state.group.as_ref()?;
    document.groups.iter().find(|group| group.name.value == name.value)
}

fn shared(document: &Document, state: &State) -> Vec<On> {
    let Some(group) = group_of(document, state) else { return Vec::new() };
    let own = |on: &On| state.on.iter().any(|own| own.event.value == on.event.value);
    group.on.iter().filter(|on| !own(on) && can_happen(document, state, &on.event.value)).cloned().collect()
}

fn can_happen(document: &Document, state: &State, event: &Event) -> bool {
    let timed = !event.is(Plain::Timeout) || state.timeout.is_some();
    timed && refusal(document, state, event).is_none()
}

fn wrong_member(document: &Document, state: &State, names: &Names<'_>) -> Option<Diagnostic> {
    let name = state.group.as_ref()?;
    if matches!(state.kind.value, Kind::Choose(_) | Kind::Handoff(_) | Kind::End(_)) {
        let message = format!("a group is of no use to a state that is `{}`", state.kind.value.name());
        let error = Diagnostic::error(Rule::UnknownEvent, name.span, message);
        return Some(error.help("leave `group` out: no shared event can happen here"));
    }
    if group_of(document, state).is_some() {
        return None;
    }
    let help = match names.nearest(&name.value) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "declare it under `groups:`".to_owned(),
    };
    let message = format!("there is no group `{}`", name.value);
    Some(Diagnostic::error(Rule::UnknownName, name.span, message).help(help))
}

fn unused(document: &Document, group: &Group, misspelt: bool) -> Vec<Diagnostic> {
    let joins = |state: &&State| state.group.as_ref().is_some_and(|name| name.value == group.name.value);
    let members: Vec<_> = document.states.iter().filter(joins).collect();
    let name = &group.name.value;
    if members.is_empty() {
        // A name that is written wrong joins what was meant.
        let message = format!("the group `{name}` is never used");
        let warning = Diagnostic::warning(Rule::Unused, group.name.span, message);
        let warning = warning.help("let a state join it: `group: …`, or remove it");
        return if misspelt { Vec::new() } else { vec![warning] };
    }
    let dead = group.on.iter().filter(|on| {
        let happens = |state: &&State| {
            matches!(state.kind.value, Kind::Unknown) || can_happen(document, state, &on.event.value)
        };
        !members.iter().any(happens)
    });
    dead.map(|on| {
        let message = format!("`{}` cannot happen in any state of the group `{name}`", on.event.value);
        Diagnostic::error(Rule::UnknownEvent, on.event.span, message).help("remove it from the group")
    })
    .collect()
}
