//! Edges: what stands under `on:`, `always:`, `next:` and `choose:`.

use super::fields::Shape;
use super::reader::{Reader, shortened};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::{Assignment, Branch, On};
use crate::flow::event::{BadEvent, Event};
use crate::flow::suggest::nearest;
use crate::flow::template::Template;
use crate::flow::tree::{Core, Key, Node, Value};
use crate::source::Spanned;

const BRANCH: Shape = Shape {
    what: "an edge",
    keys: &["to", "if", "set", "say", "max_visits"],
    later: &[("once_per", "bound it with `max_visits`")],
    elsewhere: &[],
};
const CHOICE: Shape = Shape {
    what: "a choice",
    keys: &["if", "to", "else"],
    later: &[],
    elsewhere: &[
        ("say", "put a `say` state between"),
        ("set", "set it in the state that follows, with `set:`"),
    ],
};

/// Where edges stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Always,
    Dial,
    Other,
}

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("Branch", BRANCH.keys.to_vec()), ("Choice", CHOICE.keys.to_vec())]
}

/// A map of events and where they lead.
pub(super) fn on(reader: &mut Reader<'_>, node: &Node, place: Place) -> Vec<On> {
    let mut edges: Vec<On> = Vec::new();
    for (key, node) in reader.entries(node, "a map of events") {
        let Some(event) = event(reader, key, place) else {
            reader.has_gaps = true;
            continue;
        };
        let branches = branches(reader, node);
        add(reader, &mut edges, On { event, branches, of_group: false });
    }
    edges
}

/// Adds an entry unless its event is there already, perhaps in another spelling.
pub(super) fn add(reader: &mut Reader<'_>, edges: &mut Vec<On>, new: On) {
    let Some(first) = edges.iter().find(|on| on.event.value == new.event.value) else {
        edges.push(new);
        return;
    };
    let message = format!("`{}` leads to two places", new.event.value);
    let error = Diagnostic::error(Rule::DuplicateKey, new.event.span, message).label("here again");
    let help = "keep one; if the way depends on something, make it a list of branches with `if:`";
    let error = error.also(first.event.span, "first here").help(help);
    reader.report(error);
}

fn event(reader: &mut Reader<'_>, key: &Key, place: Place) -> Option<Spanned<Event>> {
    let in_dial = place == Place::Dial;
    match Event::parse(&key.text, in_dial) {
        Ok(event) => Some(Spanned::new(event, key.span)),
        Err(BadEvent::Argument(help)) => {
            reader.error(
                Rule::UnknownEvent,
                key.span,
                format!("`{}` is not complete", shortened(&key.text)),
                help,
            );
            None
        }
        Err(BadEvent::Unknown) => {
            let names = Event::names(in_dial);
            let meant = nearest(&key.text, names.iter().copied());
            let message = format!("there is no event `{}`", shortened(&key.text));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "what the caller wants is an intent: `intent.<name>`, declared under `intents:`"
                    .to_owned(),
            };
            reader.error(Rule::UnknownEvent, key.span, message, help);
            // Reading it as what was meant keeps one typing mistake from causing further findings.
            let event = meant.and_then(|meant| Event::parse(meant, in_dial).ok())?;
            Some(Spanned::new(event, key.span))
        }
    }
}

/// Where one event leads: a state's name, a map, or a list of both.
pub(super) fn branches(reader: &mut Reader<'_>, node: &Node) -> Vec<Branch> {
    let Value::Sequence(items) = &node.value else { return branch(reader, node).into_iter().collect() };
    if items.is_empty() {
        reader.error(Rule::WrongValue, node.span, "this list leads nowhere", "name a state");
        reader.has_gaps = true;
    }
    items.iter().filter_map(|item| branch(reader, item)).collect()
}

fn branch(reader: &mut Reader<'_>, node: &Node) -> Option<Branch> {
    if !matches!(node.value, Value::Mapping(_)) {
        return reader.reference(node, "the name of a state").map(Branch::plain);
    }
    let fields = reader.fields(node, &BRANCH)?;
    let to = fields.require(reader, "to", node.span, "an edge", "name the state it leads to");
    let to = to.and_then(|node| reader.reference(node, "the name of a state"));
    let say = fields.get("say").and_then(|node| reader.template(node, "a sentence"));
    let guard = fields.get("if").and_then(|node| reader.guard(node));
    let max_visits = fields.get("max_visits").and_then(|node| reader.integer(node, 1..=1000));
    let set = fields.get("set").map(|node| assignments(reader, node)).unwrap_or_default();
    reader.has_gaps |= to.is_none();
    Some(Branch { to: to?, guard, max_visits, say, set })
}

/// `choose:`: conditions in order, `else` last.
pub(super) fn choices(reader: &mut Reader<'_>, node: &Node, key: crate::source::Span) -> Vec<Branch> {
    let mut choices = Vec::new();
    let mut last_else = None;
    for item in reader.items(node, "a list of choices") {
        let Some(fields) = reader.fields(item, &CHOICE) else {
            reader.has_gaps = true;
            continue;
        };
        if let Some(span) = last_else {
            let warning = Diagnostic::warning(Rule::Shadowed, item.span, "this choice is never tried");
            reader.report(warning.also(span, "everything goes this way").help("put `else` last"));
        }
        if let Some(node) = fields.get("else") {
            last_else = fields.span_of("else");
            if let Some(extra) = fields.span_of("if").or(fields.span_of("to")) {
                reader.error(Rule::WrongValue, extra, "`else` stands alone", "write `- else: state`");
            }
            choices.extend(reader.reference(node, "the name of a state").map(Branch::plain));
            continue;
        }
        let to = fields.require(reader, "to", item.span, "a choice", "name the state it leads to");
        let to = to.and_then(|node| reader.reference(node, "the name of a state"));
        let guard =
            fields.require(reader, "if", item.span, "a choice", "give its condition, or make it the `else`");
        let guard = guard.and_then(|node| reader.guard(node));
        reader.has_gaps |= to.is_none();
        choices.extend(to.map(|to| Branch { guard, ..Branch::plain(to) }));
    }
    if last_else.is_none() {
        reader.error(Rule::MissingKey, key, "`choose` needs an `else`", "end the list with `- else: state`");
        reader.has_gaps = true;
    }
    choices
}

/// `set:`.
pub(super) fn assignments(reader: &mut Reader<'_>, node: &Node) -> Vec<Assignment> {
    let mut read = Vec::new();
    for (key, node) in reader.entries(node, "a map of variables and values") {
        if let Some(value) = assigned(reader, node) {
            read.push(Assignment { var: Spanned::new(key.text.clone(), key.span), value });
        }
    }
    read
}

/// Numbers and booleans need no quotes here: the variable's type says how the text is read.
pub(super) fn assigned(reader: &mut Reader<'_>, node: &Node) -> Option<Template> {
    match node.scalar() {
        Some(scalar) if matches!(scalar.core(), Core::Bool(_) | Core::Int | Core::Float) => {
            Some(Template { text: Spanned::new(scalar.text.clone(), node.span), names: Vec::new() })
        }
        _ => reader.template(node, "a value"),
    }
}
