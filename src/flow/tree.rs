//! A YAML document as a tree in which every key and every value knows its place.
//!
//! Scalars stay text here; what a text means is asked by [`Scalar`]'s methods, by the rules of YAML 1.2:
//! only `true` and `false` are booleans, and keys are always text.

use std::ops::Range;

use crate::source::{SourceFile, Span};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. The place of its key if the value itself is empty.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, a number, a boolean or nothing.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A map. No key stands twice.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a map: always text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// As read.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

/// A scalar value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// As read: escapes resolved, lines folded.
    pub text: String,
    /// How it is written.
    pub style: ScalarStyle,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes: may be a number, a boolean or nothing.
    Plain,
    /// In quotes or as a block: always text.
    Text,
}

/// What a plain scalar is in YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Nothing: `~`, `null` or no value at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int,
    /// A number with a fraction or an exponent.
    Float,
    /// Anything else.
    Text,
}

impl Scalar {
    /// What it is.
    #[must_use]
    pub fn core(&self) -> Core {
        if self.style == ScalarStyle::Text {
            return Core::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Core::Null,
            "true" | "True" | "TRUE" => Core::Bool(true),
            "false" | "False" | "FALSE" => Core::Bool(false),
            text => number(text),
        }
    }

    /// Whether readers of YAML 1.1 would take it for a boolean.
    #[must_use]
    pub fn is_old_boolean(&self) -> bool {
        self.style == ScalarStyle::Plain && is_old_boolean(&self.text)
    }
}

/// Whether YAML 1.1 takes this plain text for a boolean and YAML 1.2 for text.
#[must_use]
pub fn is_old_boolean(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

fn number(text: &str) -> Core {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if all_digits(unsigned) {
        return Core::Int;
    }
    let radix = |prefix, test: fn(&u8) -> bool| {
        text.strip_prefix(prefix).is_some_and(|s: &str| !s.is_empty() && s.as_bytes().iter().all(test))
    };
    if radix("0x", u8::is_ascii_hexdigit) || radix("0o", |b| (b'0'..b'8').contains(b)) {
        return Core::Int;
    }
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.parse::<f64>().is_ok();
    if numeric { Core::Float } else { Core::Text }
}

impl Node {
    /// The scalar, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What it is, in words, for messages.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
            Value::Scalar(scalar) => match scalar.core() {
                Core::Null => "nothing",
                Core::Bool(_) => "a boolean",
                Core::Int | Core::Float => "a number",
                Core::Text => "text",
            },
        }
    }
}

/// Where a piece of a decoded text stands in the file.
///
/// Quotes, escapes and folded lines move text about. A piece of a template or guard is found again as the
/// same occurrence of the same characters; if it cannot be found, the whole text is the answer.
#[must_use]
pub fn locate(source: &SourceFile, span: Span, text: &str, piece: Range<usize>) -> Span {
    let Some(needle) = text.get(piece.clone()).filter(|n| !n.is_empty()) else { return span };
    let earlier = text.match_indices(needle).take_while(|&(at, _)| at < piece.start).count();
    match source.slice(span).match_indices(needle).nth(earlier) {
        Some((at, _)) => {
            let start = span.start as usize + at;
            Span::new(start, start + needle.len())
        }
        None => span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Core {
        Scalar { text: text.into(), style: ScalarStyle::Plain }.core()
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        assert_eq!(plain("true"), Core::Bool(true));
        assert_eq!(plain("False"), Core::Bool(false));
        for text in ["yes", "no", "on", "off", "y", "n", "tRUE"] {
            assert_eq!(plain(text), Core::Text, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_yaml_1_2() {
        for text in ["0", "-12", "+1", "0123", "0x1F", "0o17"] {
            assert_eq!(plain(text), Core::Int, "{text}");
        }
        for text in ["1.5", "-1e3", ".5", "1."] {
            assert_eq!(plain(text), Core::Float, "{text}");
        }
        for text in ["20s", "1_000", "0b1", "-", ".", "+", "e3", "inf", "nan", "09:30", "2026-12-25"] {
            assert_eq!(plain(text), Core::Text, "{text}");
        }
    }

    #[test]
    fn a_piece_is_found_again_behind_quotes_and_escapes() {
        let source = SourceFile::new("x", r#"say: "\"name\" is {{ name }}""#);
        let text = r#""name" is {{ name }}"#;
        let second = text.rfind("name").unwrap();
        let span = locate(&source, Span::new(5, 29), text, second..second + 4);
        assert_eq!(span.start as usize, source.text().rfind("name").unwrap());
    }
}
