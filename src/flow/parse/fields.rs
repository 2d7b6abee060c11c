//! Maps whose keys are the language's: which there are, which must be there, which are not built yet.

use super::reader::{Reader, shortened};
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::suggest::nearest;
use crate::flow::tree::{Node, Value};
use crate::source::Span;

/// The keys of one kind of map.
pub(crate) struct Shape {
    /// What the map is, with its article: `a target`.
    pub what: &'static str,
    /// The keys it can have.
    pub keys: &'static [&'static str],
    /// Keys of the language that this version does not carry out, each with what to do instead.
    pub later: &'static [(&'static str, &'static str)],
    /// Keys of the language that belong somewhere else, each with where.
    pub elsewhere: &'static [(&'static str, &'static str)],
}

/// A map being read: what is not taken was not known, and has been reported.
pub(crate) struct Fields<'t> {
    fields: Vec<(&'static str, Span, &'t Node)>,
}

impl<'t> Fields<'t> {
    pub(crate) fn read(reader: &mut Reader<'_>, node: &'t Node, shape: &Shape) -> Option<Self> {
        let Value::Mapping(entries) = &node.value else {
            let help = format!("{} is a map with {}", shape.what, listed(shape.keys));
            reader.wrong(node, shape.what, help);
            return None;
        };
        let mut fields = Self { fields: Vec::new() };
        let mut unknown = Vec::new();
        for (key, value) in entries {
            match shape.keys.iter().find(|k| **k == key.text) {
                Some(known) => fields.fields.push((known, key.span, value)),
                None => unknown.push((key, value)),
            }
        }
        for (key, value) in unknown {
            if let Some((_, instead)) = shape.later.iter().find(|(k, _)| *k == key.text) {
                not_yet(reader, Rule::UnknownKey, &key.text, key.span, instead);
                continue;
            }
            if let Some((_, place)) = shape.elsewhere.iter().find(|(k, _)| *k == key.text) {
                let message = format!("`{}` does not belong here", key.text);
                reader.error(Rule::UnknownKey, key.span, message, *place);
                continue;
            }
            let free = shape.keys.iter().copied().filter(|k| fields.span_of(k).is_none());
            let meant = nearest(&key.text, free);
            let message = format!("{} has no key `{}`", shape.what, shortened(&key.text));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("its keys are {}", listed(shape.keys)),
            };
            reader.report(Diagnostic::error(Rule::UnknownKey, key.span, message).help(help));
            // Reading it as what was meant keeps one typing mistake from causing further findings.
            if let Some(meant) = meant.and_then(|m| shape.keys.iter().find(|k| **k == m)) {
                fields.fields.push((meant, key.span, value));
            }
        }
        Some(fields)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'t Node> {
        self.fields.iter().find(|(k, ..)| *k == key).map(|(_, _, node)| *node)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        at: Span,
        what: &str,
        help: &str,
    ) -> Option<&'t Node> {
        let found = self.get(key);
        if found.is_none() {
            reader.error(Rule::MissingKey, at, format!("{what} needs `{key}`"), help);
        }
        found
    }

    /// Where a key stands.
    pub(crate) fn span_of(&self, key: &str) -> Option<Span> {
        self.fields.iter().find(|(k, ..)| *k == key).map(|(_, span, _)| *span)
    }
}

/// Reports a part of the language that exists and cannot be run yet.
pub(crate) fn not_yet(reader: &mut Reader<'_>, rule: Rule, key: &str, span: Span, instead: &str) {
    let message = format!("`{key}` is not supported by this version yet");
    reader.report(Diagnostic::error(rule, span, message).help(instead));
}

pub(crate) fn listed(keys: &[&str]) -> String {
    keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
}
