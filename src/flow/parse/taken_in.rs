//! What a flow takes in from other files of its folder: prompts (`prompt_file:`) and states (`use:`).
//!
//! Their text is kept behind that of the flow, so that places in them are places of the flow, and they are
//! part of its version.

use super::fields::{Fields, Shape};
use super::reader::Reader;
use super::states;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::State;
use crate::flow::load::{MAX_BYTES, load};
use crate::flow::template::Template;
use crate::flow::tree::{Key, Node, Value};
use crate::flow::{files, template};
use crate::source::{SourceFile, Span, Spanned};

/// What a used file holds.
const USED: Shape = Shape {
    what: "a file of states",
    keys: &["description", "use", "states"],
    later: &[],
    elsewhere: &[
        ("callflow", "a file that is used is no flow: leave it out"),
        ("start", "it belongs to the flow that uses the file"),
        ("intents", "they belong to the flow that uses the file"),
        ("targets", "they belong to the flow that uses the file"),
        ("vars", "they belong to the flow that uses the file"),
    ],
};

/// The longest prompt, in bytes.
const MOST_PROMPT: usize = 64 * 1024;
/// The most files that a flow takes in.
const MOST_FILES: usize = 32;
/// How deep files may use files.
const MOST_DEEP: usize = 4;
/// Everything together, in bytes.
const MOST_TEXT: usize = 2 * MAX_BYTES;

/// Puts a file behind the flow; gives its text and where it begins.
fn take(reader: &mut Reader<'_>, node: &Node, most: usize, what: &str) -> Option<(String, String, u32)> {
    let name = reader.text(node, what)?;
    let taken = match reader.source.files().count() <= MOST_FILES {
        true => files::read(reader.file.path(), &name.value, most),
        false => Err(format!("a flow takes in at most {MOST_FILES} files")),
    };
    let taken = taken.and_then(|(path, text)| match reader.source.text().len() + text.len() > MOST_TEXT {
        true => Err(format!("all files together are larger than {} KB", MOST_TEXT / 1024)),
        false => Ok((path, text)),
    });
    match taken {
        Ok((path, text)) => {
            let (source, start) = reader.source.with(path, &text);
            reader.source = source;
            Some((name.value, text, start))
        }
        Err(why) => {
            let message = format!("`{}` cannot be read: {why}", super::reader::shortened(&name.value));
            reader.error(Rule::WrongValue, node.span, message, "name a text file in the flow's folder");
            None
        }
    }
}

/// `prompt_file:`.
pub(super) fn prompt(reader: &mut Reader<'_>, node: &Node) -> Option<Template> {
    let (_, text, start) = take(reader, node, MOST_PROMPT, "the name of a text file")?;
    let whole = Span::new(0, text.len()).shifted(start);
    let text = Spanned::new(text, whole);
    if !template::is_template(&text.value) {
        return Some(Template { text, names: Vec::new() });
    }
    let place = |at: std::ops::Range<usize>| Span::new(at.start, at.end).shifted(start);
    Some(reader.scanned(text, &place))
}

/// `use:`, and what the used files use.
pub(super) fn used(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<State> {
    let mut states = Vec::new();
    // Names are those of files in the flow's folder, and one of them is its own.
    let own = reader.file.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let mut seen: Vec<String> = own.into_iter().collect();
    if let Some(node) = fields.get("use") {
        each(reader, node, &mut seen, 1, &mut states);
    }
    states
}

fn each(reader: &mut Reader<'_>, node: &Node, seen: &mut Vec<String>, depth: usize, states: &mut Vec<State>) {
    for item in reader.items(node, "a list of files") {
        one(reader, item, seen, depth, states);
    }
}

fn one(reader: &mut Reader<'_>, node: &Node, seen: &mut Vec<String>, depth: usize, states: &mut Vec<State>) {
    if depth > MOST_DEEP {
        let message = format!("files use files more than {MOST_DEEP} deep");
        reader.error(Rule::WrongValue, node.span, message, "use the file in the flow itself");
        reader.has_gaps = true;
        return;
    }
    let name = node.scalar().map_or("", |scalar| scalar.text.as_str());
    if seen.iter().any(|known| known == name) {
        let message = format!("`{}` is used twice, or uses itself", super::reader::shortened(name));
        reader.error(Rule::BadName, node.span, message, "use each file once");
        return;
    }
    let Some((name, text, start)) = take(reader, node, MAX_BYTES, "the name of a file of states") else {
        reader.has_gaps = true;
        return;
    };
    seen.push(name.clone());
    let mut found = Vec::new();
    let root = load(&SourceFile::new(name, text), &mut found);
    reader.diagnostics.extend(found.into_iter().map(|d| shifted(d, start)));
    let Some(mut root) = root else {
        reader.has_gaps = true;
        return;
    };
    shift(&mut root, start);
    let Some(fields) = reader.fields(&root, &USED) else {
        reader.has_gaps = true;
        return;
    };
    if let Some(node) = fields.get("description") {
        reader.text(node, "a description");
    }
    states.extend(states::states(reader, &fields, root.span));
    if let Some(node) = fields.get("use") {
        each(reader, node, seen, depth + 1, states);
    }
}

/// A state's name stands once in all files.
pub(super) fn distinct(reader: &mut Reader<'_>, states: &[State]) {
    let mut seen = std::collections::HashMap::new();
    for state in states {
        match seen.get(state.name.value.as_str()) {
            Some(first) => {
                let message = format!("the state `{}` stands in two files", state.name.value);
                let error =
                    Diagnostic::error(Rule::DuplicateKey, state.name.span, message).label("here again");
                reader.report(error.also(*first, "first here").help("rename or delete one of them"));
            }
            None => {
                seen.insert(state.name.value.as_str(), state.name.span);
            }
        }
    }
}

fn shifted(mut diagnostic: Diagnostic, by: u32) -> Diagnostic {
    diagnostic.primary.span = diagnostic.primary.span.shifted(by);
    for label in &mut diagnostic.secondary {
        label.span = label.span.shifted(by);
    }
    diagnostic
}

/// Nesting is bounded by the loader.
fn shift(node: &mut Node, by: u32) {
    node.span = node.span.shifted(by);
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Value::Mapping(entries) => {
            for (Key { span, .. }, value) in entries {
                *span = span.shifted(by);
                shift(value, by);
            }
        }
    }
}
