//! From the tree to the document: every key, value and name is read, and every mistake is kept.

mod collect;
mod dial;
mod edges;
mod fields;
mod groups;
mod hours;
mod kinds;
mod phrases;
mod properties;
mod reader;
mod sections;
mod states;
mod taken_in;
mod tools;

use super::document::Document;
use super::load::load;
use super::tree::Node;
use crate::diagnostic::{Diagnostic, Rule};
use crate::source::{SourceFile, Span};
pub(crate) use fields::{Fields, Shape, listed};
pub(crate) use reader::{Reader, shortened};

/// The parser's keys by the name of the schema's mirror type.
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    let own = vec![("Flow", FLOW.keys.to_vec()), ("State", states::keys())];
    [
        own,
        sections::shapes(),
        hours::shapes(),
        edges::shapes(),
        kinds::shapes(),
        dial::shapes(),
        collect::shapes(),
        groups::shapes(),
        properties::shapes(),
        tools::shapes(),
    ]
    .concat()
}

/// The version of the language that this program speaks.
const VERSION: &str = "1";

const FLOW: Shape = Shape {
    what: "a flow",
    keys: &[
        "callflow",
        "name",
        "description",
        "start",
        "env",
        "call",
        "services",
        "targets",
        "tools",
        "intents",
        "vars",
        "hours",
        "phrases",
        "groups",
        "always",
        "properties",
        "use",
        "states",
    ],
    later: &[],
    elsewhere: &[
        ("tests", "tests stand beside the flow, in a file that ends in `.test.yaml`"),
        ("on", "edges for the whole flow stand under `always:`"),
        ("version", "the first line of a flow is `callflow: 1`"),
    ],
};

/// Reads a flow. The findings are those of the text alone: syntax, keys, types.
///
/// `None` if there is no map to read; what could be read is there in all other cases, whatever was found.
#[must_use]
pub fn parse(source: &SourceFile) -> (Option<Document>, Vec<Diagnostic>) {
    let mut reader = Reader::new(source);
    let Some(root) = load(source, &mut reader.diagnostics) else {
        if reader.diagnostics.is_empty() {
            let error = Diagnostic::error(Rule::MissingKey, Span::default(), "the file is empty");
            reader.report(error.help("a flow begins with `callflow: 1`"));
        }
        return (None, reader.diagnostics);
    };
    let document = document(&mut reader, &root);
    (document, reader.diagnostics)
}

fn document(reader: &mut Reader<'_>, root: &Node) -> Option<Document> {
    let fields = reader.fields(root, &FLOW)?;
    let top = first_line(reader.file, root);
    version(reader, &fields, top);
    if let Some(node) = fields.get("description") {
        reader.text(node, "a description");
    }
    phrases::read(reader, &fields);
    let name = fields.get("name").and_then(|node| name(reader, node));
    let start = fields.require(reader, "start", top, "a flow", "name the state in which a call begins");
    let start = start.and_then(|node| reader.reference(node, "the name of a state"));
    let env = sections::env(reader, &fields);
    let call = sections::call(reader, &fields);
    let services = sections::services(reader, &fields);
    let targets = sections::targets(reader, &fields);
    let tools = tools::tools(reader, &fields);
    let intents = sections::intents(reader, &fields);
    let mut vars = sections::vars(reader, &fields);
    let hours = hours::hours(reader, &fields);
    let groups = groups::groups(reader, &fields);
    let always =
        fields.get("always").map(|node| edges::on(reader, node, edges::Place::Always)).unwrap_or_default();
    let properties = properties::read(reader, &fields);
    let mut states = states::states(reader, &fields, top);
    states.extend(taken_in::used(reader, &fields));
    taken_in::distinct(reader, &states);
    collect::implied_vars(&states, &mut vars);
    Some(Document {
        source: reader.source.clone(),
        name,
        start,
        env,
        call,
        services,
        targets,
        tools,
        intents,
        vars,
        hours,
        phrases: std::mem::take(&mut reader.phrases),
        groups,
        always,
        properties,
        states,
        has_gaps: reader.has_gaps,
    })
}

fn version(reader: &mut Reader<'_>, fields: &Fields<'_>, top: Span) {
    let help = "begin the file with `callflow: 1`";
    let Some(node) = fields.require(reader, "callflow", top, "a flow", help) else { return };
    let written = node.scalar().map_or("", |scalar| scalar.text.as_str());
    let is_number = node.what() == "a number";
    if !(is_number && written == VERSION) {
        let written = if written.is_empty() { node.what() } else { written };
        let message = format!("version {} of the language is not known", reader::shortened(written));
        reader.error(
            Rule::UnsupportedVersion,
            node.span,
            message,
            "this program speaks version 1: write `callflow: 1`",
        );
    }
}

/// A flow's own name is shown in records and logs, and may hold dashes.
fn name(reader: &mut Reader<'_>, node: &Node) -> Option<crate::source::Spanned<String>> {
    let name = reader.text(node, "a name")?;
    let good = name.value.len() <= 64
        && name.value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !good {
        let help = "a flow's name is letters, digits, `_` and `-`, at most 64 of them";
        reader.error(Rule::BadName, name.span, "this cannot be the name of a flow", help);
    }
    good.then_some(name)
}

/// Where to point at when something is missing from the file as a whole.
fn first_line(source: &SourceFile, root: &Node) -> Span {
    let start = root.span.start as usize;
    let line = source.text().get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    Span::new(start, start + line.trim_end().len())
}
