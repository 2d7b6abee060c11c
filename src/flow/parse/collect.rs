//! `collect:`.

use std::time::Duration;

use super::fields::Shape;
use super::reader::Reader;
use super::sections::{typed, value_type, words_missing};
use crate::diagnostic::Rule;
use crate::flow::document::{State, Var};
use crate::flow::kinds::{Collect, CollectSlot, Keys, Kind};
use crate::flow::tree::{Key, Node};
use crate::matcher::MOST_KEYS;
use crate::source::{Span, Spanned};

const COLLECT: Shape = Shape {
    what: "`collect`",
    keys: &["slots", "ask", "tries", "dtmf", "timeout", "interruptible"],
    later: &[],
    elsewhere: &[
        ("on", "it belongs to the state, beside `collect:`"),
        ("question", "the question of a `collect` is its `ask:`"),
    ],
};
const SLOT: Shape = Shape { what: "a slot", keys: &["type", "values", "ask"], later: &[], elsewhere: &[] };
const KEYS: Shape = Shape { what: "`dtmf`", keys: &["digits", "end_key"], later: &[], elsewhere: &[] };

/// Nobody answers more than this in one state.
const MOST_SLOTS: usize = 16;

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("Collect", COLLECT.keys.to_vec()),
        ("CollectSlot", SLOT.keys.to_vec()),
        ("CollectKeys", KEYS.keys.to_vec()),
    ]
}

pub(super) fn collect(reader: &mut Reader<'_>, node: &Node, key: Span) -> Option<Collect> {
    let fields = reader.fields(node, &COLLECT)?;
    let ask = fields.require(reader, "ask", key, "`collect`", "write what the caller is asked");
    let ask = ask.and_then(|node| reader.template(node, "a question"));
    let help = "name what is asked for, each with its type: `slots: {order: int}`";
    let slots = fields.require(reader, "slots", key, "`collect`", help);
    let slots = slots.map(|node| slots_of(reader, node)).unwrap_or_default();
    let tries = fields.get("tries").and_then(|node| reader.integer(node, 1..=10)).map(|n| n.value);
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(120));
    let within = fields.get("timeout").and_then(|node| reader.duration_within(node, least, most));
    let interruptible = fields.get("interruptible").and_then(|node| reader.boolean(node)).unwrap_or(true);
    let dtmf = fields.get("dtmf").and_then(|node| keys(reader, node));
    Some(Collect { ask, slots, tries, answer_within: within.map(|d| d.value), interruptible, dtmf })
}

fn slots_of(reader: &mut Reader<'_>, node: &Node) -> Vec<CollectSlot> {
    let entries = reader.entries(node, "a map of slots and types");
    if entries.is_empty() || entries.len() > MOST_SLOTS {
        let message = format!("a `collect` asks for 1 to {MOST_SLOTS} values");
        reader.error(
            Rule::WrongValue,
            node.span,
            message,
            "ask for what is needed first, and go on in another state",
        );
    }
    entries.iter().take(MOST_SLOTS).filter_map(|(key, node)| slot(reader, key, node)).collect()
}

fn slot(reader: &mut Reader<'_>, key: &Key, node: &Node) -> Option<CollectSlot> {
    let name = reader.declared(key, "a slot");
    if node.scalar().is_some() {
        let kind = value_type(reader, node)?;
        words_missing(reader, &kind, node.span);
        return Some(CollectSlot { name, kind, ask: None });
    }
    let fields = reader.fields(node, &SLOT)?;
    let kind = typed(reader, &fields, name.span, "a slot");
    let ask = fields.get("ask").and_then(|node| reader.template(node, "a question"));
    Some(CollectSlot { name, kind: kind?, ask })
}

fn keys(reader: &mut Reader<'_>, node: &Node) -> Option<Spanned<Keys>> {
    let fields = reader.fields(node, &KEYS)?;
    let most = u32::try_from(MOST_KEYS).unwrap_or(u32::MAX);
    let digits = fields.get("digits").and_then(|node| reader.integer(node, 1..=most)).map(|n| n.value);
    let end_key = fields.get("end_key").and_then(|node| end_key(reader, node));
    Some(Spanned::new(Keys { digits, end_key }, node.span))
}

fn end_key(reader: &mut Reader<'_>, node: &Node) -> Option<char> {
    let text = reader.text(node, "one key in quotes")?;
    match text.value.as_str() {
        "#" => Some('#'),
        "*" => Some('*'),
        _ => {
            let help = "write \"#\" or \"*\": the digits are the answer";
            reader.error(Rule::WrongValue, node.span, "this key cannot end an answer", help);
            None
        }
    }
}

/// A slot whose variable is not declared declares it.
pub(super) fn implied_vars(states: &[State], vars: &mut Vec<Var>) {
    for state in states {
        let Kind::Collect(collect) = &state.kind.value else { continue };
        for slot in &collect.slots {
            if !vars.iter().any(|var| var.name.value == slot.name.value) {
                vars.push(Var {
                    name: slot.name.clone(),
                    kind: slot.kind.clone(),
                    default: None,
                    secret: false,
                    implied: true,
                });
            }
        }
    }
}
