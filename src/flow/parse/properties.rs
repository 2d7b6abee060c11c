//! `properties:`: what must hold on every way through the flow.

use super::fields::{Fields, Shape};
use super::reader::Reader;
use crate::diagnostic::Rule;
use crate::flow::document::MustPrecede;
use crate::flow::tree::{Node, Value};
use crate::source::Spanned;

/// The explorer keeps a bit for each.
const MOST: usize = 64;

const PROPERTY: Shape = Shape {
    what: "a property",
    keys: &["description", "before"],
    later: &[],
    elsewhere: &[
        ("never", "what a test must never see stands in the test file: `expect: {never: …}`"),
        ("always", "edges of the whole flow stand under `always:`, beside `properties:`"),
    ],
};

/// See [`super::shapes`].
#[cfg(test)]
pub(super) fn shapes() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("Property", PROPERTY.keys.to_vec())]
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<MustPrecede> {
    let Some(node) = fields.get("properties") else { return Vec::new() };
    let mut read = Vec::new();
    for item in reader.items(node, "a list of properties") {
        let Some(fields) = reader.fields(item, &PROPERTY) else { continue };
        if let Some(node) = fields.get("description") {
            reader.text(node, "a description");
        }
        let help = "write `before: {dial: consent}`: nobody is dialled until `consent` is done";
        let Some(before) = fields.require(reader, "before", item.span, "a property", help) else { continue };
        for (key, node) in reader.entries(before, "a map of what must come later") {
            let what = Spanned::new(key.text.clone(), key.span);
            read.extend(
                states(reader, node).into_iter().map(|first| MustPrecede { what: what.clone(), first }),
            );
        }
    }
    if read.len() > MOST {
        let message = format!("these are {} wishes, and a flow can have {MOST}", read.len());
        reader.error(Rule::WrongValue, node.span, message, "name kinds instead of single states");
        read.truncate(MOST);
    }
    read
}

/// A state or a list of states.
fn states(reader: &mut Reader<'_>, node: &Node) -> Vec<Spanned<String>> {
    let items = match &node.value {
        Value::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(|item| reader.text(item, "the name of a state")).collect()
}
