//! `expect:` and `never:`.

use crate::diagnostic::Rule;
use crate::flow::{Core, Node, Value};
use crate::flow::{Reader, Shape, did_you_mean, listed, shortened};
use crate::machine::{LegOutcome, Outcome};

use super::super::document::{Command, Expectation, Expected};

pub(in super::super) const EXPECT: Shape = Shape {
    what: "`expect`",
    keys: &["state", "final", "outcome", "states", "said", "commands", "transfer", "never", "one_of"],
    later: &[],
    elsewhere: &[],
};
pub(in super::super) const NEVER: Shape =
    Shape { what: "`never`", keys: &["state", "said", "command", "outcome"], later: &[], elsewhere: &[] };

pub(super) const OUTCOMES: &[(&str, Outcome)] = &[
    ("transferred", Outcome::Transferred),
    ("completed", Outcome::Completed),
    ("caller_left", Outcome::CallerLeft),
    ("failed", Outcome::Failed),
];
const LEG_OUTCOMES: &[(&str, LegOutcome)] = &[
    ("answered", LegOutcome::Answered),
    ("no_answer", LegOutcome::NoAnswer),
    ("busy", LegOutcome::Busy),
    ("rejected", LegOutcome::Rejected),
    ("unreachable", LegOutcome::Unreachable),
    ("voicemail", LegOutcome::Voicemail),
    ("failed", LegOutcome::Failed),
    ("cancelled", LegOutcome::Cancelled),
    ("transferred", LegOutcome::Transferred),
];
/// The most times a command is counted to.
const MOST: u32 = 10_000;

pub(super) fn expect(reader: &mut Reader<'_>, node: &Node) -> Vec<Expected> {
    let Some(fields) = reader.fields(node, &EXPECT) else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |span, what: Option<Expectation>| all.extend(what.map(|what| Expected { span, what }));
    if let Some(node) = fields.get("state") {
        add(node.span, reader.text(node, "the name of a state").map(|name| Expectation::State(name.value)));
    }
    if let Some(node) = fields.get("final") {
        add(node.span, reader.text(node, "the name of a state").map(|name| Expectation::Final(name.value)));
    }
    if let Some(node) = fields.get("outcome") {
        add(node.span, reader.word(node, OUTCOMES).map(Expectation::Outcome));
    }
    if let Some(node) = fields.get("states") {
        let names = reader.items(node, "a list of states");
        let names = names.iter().filter_map(|item| reader.text(item, "the name of a state"));
        add(node.span, Some(Expectation::States(names.map(|name| name.value).collect())));
    }
    for node in fields.get("said").into_iter().flat_map(one_or_more) {
        add(node.span, reader.text(node, "what is said").map(|text| Expectation::Said(text.value)));
    }
    if let Some(node) = fields.get("commands") {
        for (key, value) in reader.entries(node, "a map of commands") {
            let what = command(reader, &key.text, key.span).and_then(|of| commanded(reader, of, value));
            add(key.span, what);
        }
    }
    if let Some(node) = fields.get("transfer") {
        add(node.span, reader.word(node, LEG_OUTCOMES).map(Expectation::Transfer));
    }
    if let Some(node) = fields.get("never") {
        let never = never(reader, node);
        add(never.span, Some(never.what));
    }
    if let Some(node) = fields.get("one_of") {
        let lists = reader.items(node, "a list of expectations");
        let lists = lists.iter().map(|item| expect(reader, item)).collect();
        add(node.span, Some(Expectation::OneOf(lists)));
    }
    all
}

/// The items of a list; what is no list is its only item.
pub(super) fn one_or_more(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(items) => items,
        _ => std::slice::from_ref(node),
    }
}

fn command(reader: &mut Reader<'_>, name: &str, span: crate::source::Span) -> Option<Command> {
    let found = Command::ALL.iter().find(|(known, _)| *known == name).map(|(_, command)| *command);
    if found.is_none() {
        let names: Vec<_> = Command::ALL.iter().map(|(name, _)| *name).collect();
        let message = format!("there is no command `{}`", shortened(name));
        let help = did_you_mean(name, names.iter().copied())
            .unwrap_or_else(|| format!("commands are {}", listed(&names)));
        reader.error(Rule::UnknownName, span, message, help);
    }
    found
}

/// How often, or for which targets.
fn commanded(reader: &mut Reader<'_>, command: Command, node: &Node) -> Option<Expectation> {
    let is_number = node.scalar().is_some_and(|scalar| scalar.core() == Core::Int);
    if is_number || !matches!(command, Command::Dial | Command::StopDial) {
        return reader.integer(node, 0..=MOST).map(|n| Expectation::Count(command, n.value));
    }
    let names = one_or_more(node).iter().filter_map(|item| reader.text(item, "the name of a target"));
    Some(Expectation::Targets(command, names.map(|name| name.value).collect()))
}

pub(super) fn never(reader: &mut Reader<'_>, node: &Node) -> Expected {
    let mut all = Vec::new();
    for item in one_or_more(node) {
        let Some(fields) = reader.fields(item, &NEVER) else { continue };
        let mut add = |span, what: Option<Expectation>| all.extend(what.map(|what| Expected { span, what }));
        for node in fields.get("state").into_iter().flat_map(one_or_more) {
            add(
                node.span,
                reader.text(node, "the name of a state").map(|name| Expectation::State(name.value)),
            );
        }
        for node in fields.get("said").into_iter().flat_map(one_or_more) {
            add(node.span, reader.text(node, "what is said").map(|text| Expectation::Said(text.value)));
        }
        for node in fields.get("command").into_iter().flat_map(one_or_more) {
            let named = reader.text(node, "the name of a command");
            let found = named.and_then(|name| command(reader, &name.value, name.span));
            add(node.span, found.map(|command| Expectation::Count(command, 1)));
        }
        if let Some(node) = fields.get("outcome") {
            add(node.span, reader.word(node, OUTCOMES).map(Expectation::Outcome));
        }
    }
    Expected { span: node.span, what: Expectation::Never(all) }
}
