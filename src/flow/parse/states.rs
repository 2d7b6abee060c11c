//! `states:`.

use super::edges::{self, Place};
use super::fields::{Fields, Shape, listed, not_yet};
use super::kinds;
use super::reader::Reader;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::{On, State, Waiver};
use crate::flow::event::{Event, Plain};
use crate::flow::kinds::Kind;
use crate::flow::tree::{Key, Node, Value};
use crate::source::{Span, Spanned};

/// The kinds in the order in which the language's description has them.
const KINDS: &[&str] =
    &["say", "converse", "confirm", "collect", "choose", "call_api", "dial", "handoff", "end"];
/// Kinds that exist and cannot be run yet.
const LATER_KINDS: &[(&str, &str)] = &[];

const STATE: Shape = Shape {
    what: "a state",
    keys: &[
        "say",
        "converse",
        "confirm",
        "collect",
        "choose",
        "dial",
        "handoff",
        "end",
        "call_api",
        "description",
        "group",
        "on",
        "next",
        "timeout",
        "set",
        "allow",
    ],
    later: &[],
    elsewhere: &[
        ("prompt", "the prompt is what `converse:` is given"),
        ("silence", "it belongs inside: `converse: {prompt: …, silence: …}`"),
        ("first", "it belongs inside: `converse: {prompt: …, first: …}`"),
        ("context", "it belongs inside: `converse: {prompt: …, context: …}`"),
        ("tools", "it belongs inside: `converse: {prompt: …, tools: …}`"),
        ("interruptible", "it belongs inside: `say: {text: …, interruptible: true}`"),
        ("tries", "it belongs inside: `confirm: {question: …, tries: …}`"),
        ("slots", "it belongs inside: `collect: {slots: …, ask: …}`"),
        ("ask", "it belongs inside: `collect: {slots: …, ask: …}`"),
        ("to", "whom to dial belongs inside: `dial: {to: …}`; the next state of a `say` is `next:`"),
        ("announce", "it belongs inside: `dial: {to: …, announce: …}`"),
        ("ring", "it belongs inside: `dial: {to: …, ring: …}`"),
        ("hold", "it belongs inside: `dial: {to: …, hold: …}`"),
        ("listen", "it belongs inside: `dial: {to: …, listen: …}`"),
        ("late_answer", "it belongs inside: `dial: {to: …, late_answer: …}`"),
        ("method", "it belongs inside: `dial: {to: …, method: …}`"),
        ("retry", "it belongs inside: `dial: {to: …, retry: …}`, or `call_api: {tool: …, retry: …}`"),
        ("args", "it belongs inside: `call_api: {tool: …, args: …}`"),
        ("save", "it belongs inside: `call_api: {tool: …, save: …}`"),
        ("notify", "it belongs inside: `dial: {to: …, notify: …}`"),
        ("cause", "it belongs inside: `end: {say: …, cause: …}`"),
        ("max_visits", "it bounds an edge: `on: {…: {to: …, max_visits: 2}}`"),
        ("if", "conditions stand on edges, or in a `choose`"),
    ],
};

/// The keys of a state that this version can carry out.
#[cfg(test)]
pub(super) fn keys() -> Vec<&'static str> {
    let is_later = |key: &&str| LATER_KINDS.iter().any(|(later, _)| later == key);
    STATE.keys.iter().copied().filter(|key| !is_later(key)).collect()
}

pub(super) fn states(reader: &mut Reader<'_>, fields: &Fields<'_>, top: Span) -> Vec<State> {
    let Some(node) =
        fields.require(reader, "states", top, "a flow", "a flow is made of states: write `states:`")
    else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of states") {
        read.extend(state(reader, key, node));
    }
    read
}

fn state(reader: &mut Reader<'_>, key: &Key, node: &Node) -> Option<State> {
    let name = reader.declared(key, "a state");
    let fields = match &node.value {
        Value::Mapping(_) => reader.fields(node, &STATE),
        _ => {
            let help = format!("say what it does: one of {}", listed(KINDS));
            reader.wrong(node, "what the state does", help);
            None
        }
    };
    let fields = match fields {
        Some(fields) => fields,
        None => {
            reader.has_gaps = true;
            let kind = Spanned::new(Kind::Unknown, key.span);
            let state = State {
                name,
                span: key.span,
                kind,
                group: None,
                on: vec![],
                timeout: None,
                set: vec![],
                allow: vec![],
            };
            return Some(state);
        }
    };
    if let Some(node) = fields.get("description") {
        reader.text(node, "a description");
    }
    let kind = kind(reader, &fields, &name);
    let group = fields.get("group").and_then(|node| reader.reference(node, "the name of a group"));
    let on = on(reader, &fields, &kind);
    let timeout = fields.get("timeout").and_then(|node| reader.duration(node));
    if let Some(none) = timeout.as_ref().filter(|timeout| timeout.value.is_zero()) {
        let help = "write how long the state may last, such as `20s`";
        reader.error(Rule::WrongValue, none.span, "a timer of no length leaves no time for its state", help);
    }
    let set = fields.get("set").map(|node| edges::assignments(reader, node)).unwrap_or_default();
    let allow = fields.get("allow").map(|node| waivers(reader, node)).unwrap_or_default();
    Some(State { name, span: key.span.to(node.span), kind, group, on, timeout, set, allow })
}

fn kind(reader: &mut Reader<'_>, fields: &Fields<'_>, name: &Spanned<String>) -> Spanned<Kind> {
    let later =
        LATER_KINDS.iter().filter_map(|(kind, help)| Some((*kind, fields.span_of(kind)?, Some(*help))));
    let known = KINDS.iter().filter_map(|kind| Some((*kind, fields.span_of(kind)?, None)));
    let mut found: Vec<_> = known.chain(later).collect();
    found.sort_by_key(|(_, span, _)| span.start);
    let unknown = |reader: &mut Reader<'_>| {
        reader.has_gaps = true;
        Spanned::new(Kind::Unknown, name.span)
    };
    let (key, span) = match found.as_slice() {
        [] => {
            let message = format!("`{}` does not say what it does", name.value);
            reader.error(Rule::StateKind, name.span, message, format!("give it one of {}", listed(KINDS)));
            return unknown(reader);
        }
        [(kind, span, Some(instead))] => {
            not_yet(reader, Rule::StateKind, kind, *span, instead);
            return unknown(reader);
        }
        [(kind, span, None)] => (*kind, *span),
        [(first, first_span, _), (second, span, _), ..] => {
            let message = format!("a state does one thing, this one has `{first}` and `{second}`");
            let error = Diagnostic::error(Rule::StateKind, *span, message).also(*first_span, "the other one");
            reader.report(error.help("make two states of it"));
            return unknown(reader);
        }
    };
    let Some(node) = fields.get(key) else { return unknown(reader) };
    match kinds::read(reader, key, node, span) {
        Some(kind) => Spanned::new(kind, span),
        None => unknown(reader),
    }
}

/// `on:` and what `next:` is short for.
fn on(reader: &mut Reader<'_>, fields: &Fields<'_>, kind: &Spanned<Kind>) -> Vec<On> {
    let place = if matches!(kind.value, Kind::Dial(_)) { Place::Dial } else { Place::Other };
    let mut on = fields.get("on").map(|node| edges::on(reader, node, place)).unwrap_or_default();
    let (Some(node), Some(key)) = (fields.get("next"), fields.span_of("next")) else { return on };
    if !matches!(kind.value, Kind::Say(_) | Kind::Unknown) {
        let message = format!("`{}` has no `next`", kind.value.name());
        reader.error(
            Rule::UnknownKey,
            key,
            message,
            "`next` is what follows a `say`; here, name the events under `on:`",
        );
        return on;
    }
    let branches = edges::branches(reader, node);
    for event in [Plain::Said, Plain::Failed] {
        // A `failed` of its own is more precise than `next`, so only `said` is in conflict.
        if event == Plain::Failed && on.iter().any(|o| o.event.value.is(Plain::Failed)) {
            continue;
        }
        let event = Spanned::new(Event::Plain(event), key);
        let entry = On { event, branches: branches.clone(), of_group: false };
        edges::add(reader, &mut on, entry);
    }
    on
}

/// `allow: [F013: "why"]`.
fn waivers(reader: &mut Reader<'_>, node: &Node) -> Vec<Waiver> {
    let mut read = Vec::new();
    for item in reader.items(node, "a list of waivers") {
        let help = "write [F013: \"the reason\"]";
        let Value::Mapping(entries) = &item.value else {
            reader.error(Rule::Waiver, item.span, "a waiver needs its reason", help);
            continue;
        };
        for (key, reason) in entries {
            let code = Spanned::new(key.text.clone(), key.span);
            match Rule::ALL.iter().any(|rule| rule.code() == key.text) {
                true if reason.scalar().is_some_and(|s| !s.text.trim().is_empty()) => {
                    read.push(Waiver { code })
                }
                true => reader.error(Rule::Waiver, key.span, "a waiver needs its reason", help),
                false => reader.error(Rule::Waiver, key.span, "there is no rule with this code", help),
            }
        }
    }
    read
}
