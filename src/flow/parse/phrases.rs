//! `phrases:`, and `{phrase: name}` wherever a text is expected.

use super::fields::Fields;
use super::reader::Reader;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::Phrase;
use crate::flow::suggest::nearest;
use crate::flow::template::Template;
use crate::flow::tree::{Node, Value};

/// What phrases may come to where they are used: a long one that is used often takes more memory than its file shows.
const MOST_SPOKEN: usize = 4 << 20;

/// Read before everything that may name one.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let Some(node) = fields.get("phrases") else { return };
    let mut phrases = Vec::new();
    for (key, node) in reader.entries(node, "a map of sentences") {
        let name = reader.declared(key, "a phrase");
        let text = match is_phrase(node) {
            true => {
                let help = "write the sentence out here";
                reader.error(Rule::WrongValue, node.span, "a phrase cannot be another phrase", help);
                None
            }
            false => reader.template(node, "a sentence"),
        };
        phrases.push(Phrase { name, text, used: false });
    }
    reader.phrases = phrases;
}

/// Whether a value is `{phrase: …}`.
pub(super) fn is_phrase(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(entries) if matches!(entries.as_slice(), [(key, _)] if key.text == "phrase"))
}

/// The sentence that `{phrase: name}` stands for.
pub(super) fn named(reader: &mut Reader<'_>, node: &Node) -> Option<Template> {
    let Value::Mapping(entries) = &node.value else { return None };
    let name = reader.text(&entries.first()?.1, "the name of a phrase")?;
    if let Some(phrase) = reader.phrases.iter_mut().find(|phrase| phrase.name.value == name.value) {
        phrase.used = true;
        let takes = |text: &Template| text.text.value.len() + 64 * text.names.len();
        let spoken = reader.spoken.saturating_add(phrase.text.as_ref().map_or(0, takes));
        if spoken <= MOST_SPOKEN {
            reader.spoken = spoken;
            return phrase.text.clone();
        }
        let message = format!("phrases come to more than {} MB where they are used", MOST_SPOKEN >> 20);
        reader.error(Rule::WrongValue, node.span, message, "this is not a flow");
        return None;
    }
    let names = || reader.phrases.iter().map(|phrase| phrase.name.value.as_str());
    let meant = if reader.guesses > 0 { nearest(&name.value, names()).map(str::to_owned) } else { None };
    reader.guesses = reader.guesses.saturating_sub(1);
    let help = match &meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "declare it under `phrases:`".to_owned(),
    };
    let message = format!("there is no phrase `{}`", super::reader::shortened(&name.value));
    // A typing mistake leaves its phrase in use.
    for phrase in reader.phrases.iter_mut().filter(|phrase| Some(&phrase.name.value) == meant.as_ref()) {
        phrase.used = true;
    }
    reader.report(Diagnostic::error(Rule::UnknownName, name.span, message).help(help));
    None
}
