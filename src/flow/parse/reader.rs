//! Reading typed values out of the tree, and saying what is wrong with them.
//!
//! Every method reports what it cannot read and goes on; `None` means that a report has been made.

use std::ops::Range;
use std::time::Duration;

use super::fields::Fields;
pub(super) use super::phrases::is_phrase;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::document::Phrase;
use crate::flow::suggest::did_you_mean;
use crate::flow::template::{self, NameUse, Template};
use crate::flow::tree::{Core, Key, Node, Value, locate};
use crate::flow::value::{BadDuration, parse_duration, show_duration};
use crate::flow::{Literal, guard};
use crate::source::{SourceFile, Span, Spanned};

/// Names are used as tool names by models and as words in guards and templates.
const MAX_NAME: usize = 64;
/// So many names of one text are looked up where they stand, each of which takes as long as the text is; the rest stands
/// in the text. No text that is written by hand has as many.
const MOST_PLACES: usize = 300;

pub(crate) struct Reader<'s> {
    /// The flow's file.
    pub file: &'s SourceFile,
    /// The same, with the files that it takes in.
    pub source: SourceFile,
    pub diagnostics: Vec<Diagnostic>,
    /// See [`crate::flow::Document::has_gaps`].
    pub has_gaps: bool,
    /// The sentences under `phrases:`.
    pub phrases: Vec<Phrase>,
    /// What they come to where they are used, in bytes.
    pub spoken: usize,
    /// So many more names are looked up for what they were meant to be.
    pub guesses: usize,
    templates: minijinja::Environment<'static>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s SourceFile) -> Self {
        Self {
            file: source,
            source: source.clone(),
            diagnostics: Vec::new(),
            has_gaps: false,
            phrases: Vec::new(),
            spoken: 0,
            guesses: 100,
            templates: template::environment(),
        }
    }

    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(crate) fn error(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(Diagnostic::error(rule, span, message).help(help));
    }

    /// "expected X, found Y", with how to write it.
    pub(crate) fn wrong(&mut self, node: &Node, expected: &str, help: impl Into<String>) {
        let message = format!("expected {expected}, found {}", node.what());
        self.error(Rule::WrongValue, node.span, message, help);
    }

    /// A text. Numbers and booleans are not silently turned into one.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let Some(scalar) = node.scalar() else {
            self.wrong(node, what, "write one text");
            return None;
        };
        let help = match scalar.core() {
            Core::Text if scalar.text.trim().is_empty() => {
                self.error(
                    Rule::WrongValue,
                    node.span,
                    format!("{what} is empty"),
                    "write something, or leave the key out",
                );
                return None;
            }
            Core::Text => return Some(Spanned::new(scalar.text.clone(), node.span)),
            Core::Null => "write something, or leave the key out".to_owned(),
            Core::Int if scalar.text.starts_with('+') => {
                // It reads as a number and loses its `+` in other programs.
                let message = "a telephone number without quotes is a number to other readers of YAML";
                let warning = Diagnostic::warning(Rule::YamlTrap, node.span, message);
                self.report(warning.help(format!("write \"{}\"", scalar.text)));
                return Some(Spanned::new(scalar.text.clone(), node.span));
            }
            Core::Bool(_) | Core::Int | Core::Float => format!("put it in quotes: \"{}\"", scalar.text),
        };
        self.wrong(node, what, help);
        None
    }

    /// The name of something that is declared elsewhere.
    pub(crate) fn reference(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        let read = self.text(node, what);
        self.has_gaps |= read.is_none();
        read
    }

    /// The name of something that is declared here. A bad name is reported and kept, so that its uses are
    /// not reported as well.
    pub(crate) fn declared(&mut self, key: &Key, what: &str) -> Spanned<String> {
        let mut chars = key.text.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
            && key.text.len() <= MAX_NAME;
        if !good {
            let help =
                "names are letters, digits and `_`, begin with a letter, and have at most 64 characters";
            let message = format!("`{}` cannot be the name of {what}", shortened(&key.text));
            self.error(Rule::BadName, key.span, message, help);
        } else if !key.quoted && crate::flow::tree::is_old_boolean(&key.text) {
            let message = format!("`{}` is a boolean to readers of YAML 1.1", key.text);
            self.report(
                Diagnostic::warning(Rule::YamlTrap, key.span, message)
                    .help("choose another name, or quote it"),
            );
        }
        Spanned::new(key.text.clone(), key.span)
    }

    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match node.scalar().map(|s| (s.core(), s.is_old_boolean())) {
            Some((Core::Bool(value), _)) => Some(value),
            Some((_, true)) => {
                self.wrong(node, "true or false", "only `true` and `false` are booleans in YAML 1.2");
                None
            }
            _ => {
                self.wrong(node, "true or false", "write `true` or `false`, without quotes");
                None
            }
        }
    }

    pub(crate) fn integer(
        &mut self,
        node: &Node,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<Spanned<u32>> {
        let parsed = match node.scalar() {
            Some(scalar) if scalar.core() == Core::Int => scalar.text.parse::<u32>().ok(),
            _ => {
                self.wrong(node, "a whole number", "write digits, without quotes");
                return None;
            }
        };
        let found = parsed.filter(|n| range.contains(n));
        if found.is_none() {
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.error(Rule::WrongValue, node.span, "this number is out of range", help);
        }
        found.map(|n| Spanned::new(n, node.span))
    }

    pub(crate) fn number(&mut self, node: &Node, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let parsed = match node.scalar() {
            Some(scalar) if matches!(scalar.core(), Core::Int | Core::Float) => {
                scalar.text.parse::<f64>().ok()
            }
            _ => {
                self.wrong(node, "a number", "write digits, without quotes");
                return None;
            }
        };
        let found = parsed.filter(|n| range.contains(n));
        if found.is_none() {
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.error(Rule::WrongValue, node.span, "this number is out of range", help);
        }
        found
    }

    /// A length of time; any is accepted, limits are for the caller.
    pub(crate) fn duration(&mut self, node: &Node) -> Option<Spanned<Duration>> {
        let Some(scalar) = node.scalar() else {
            self.wrong(node, "a length of time", "write it with its unit, such as 20s");
            return None;
        };
        match parse_duration(&scalar.text) {
            Ok(duration) => Some(Spanned::new(duration, node.span)),
            Err(BadDuration::NoUnit) => {
                let seconds = format!("{}s", scalar.text);
                let help = format!("write `{seconds}` for seconds (ms, s, m, h)");
                self.error(Rule::WrongValue, node.span, format!("`{}` has no unit", scalar.text), help);
                parse_duration(&seconds).ok().map(|duration| Spanned::new(duration, node.span))
            }
            Err(BadDuration::NotADuration) => {
                self.wrong(
                    node,
                    "a length of time",
                    "write it with its unit: 500ms, 8s, 1m30s, 2h (at most 24h)",
                );
                None
            }
        }
    }

    pub(crate) fn duration_within(
        &mut self,
        node: &Node,
        least: Duration,
        most: Duration,
    ) -> Option<Spanned<Duration>> {
        let duration = self.duration(node)?;
        if (least..=most).contains(&duration.value) {
            return Some(duration);
        }
        let help = format!("write something from {} to {}", show_duration(least), show_duration(most));
        self.error(Rule::WrongValue, node.span, "this length of time is out of range", help);
        None
    }

    /// One word out of a few.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, words: &[(&'static str, T)]) -> Option<T> {
        let names = || words.iter().map(|(name, _)| *name);
        let listed = names().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ");
        let Some(scalar) = node.scalar() else {
            self.wrong(node, "one word", format!("write {listed}"));
            return None;
        };
        if let Some((_, value)) = words.iter().find(|(name, _)| *name == scalar.text) {
            return Some(*value);
        }
        let message = format!("`{}` is not possible here", shortened(&scalar.text));
        let help = did_you_mean(&scalar.text, names()).unwrap_or(format!("write {listed}"));
        self.error(Rule::WrongValue, node.span, message, help);
        None
    }

    /// A text that may hold `{{ … }}`.
    pub(crate) fn template(&mut self, node: &Node, what: &str) -> Option<Template> {
        if is_phrase(node) {
            return super::phrases::named(self, node);
        }
        let text = self.text(node, what)?;
        if !template::is_template(&text.value) {
            return Some(Template { text, names: Vec::new() });
        }
        let (source, whole) = (self.source.clone(), text.value.clone());
        Some(self.scanned(text, &|at| locate(&source, node.span, &whole, at)))
    }

    /// The template that a text is; `place` says where a piece of it stands.
    pub(super) fn scanned(
        &mut self,
        text: Spanned<String>,
        place: &dyn Fn(Range<usize>) -> Span,
    ) -> Template {
        let scanned = template::scan(&self.templates, &text.value);
        for error in scanned.errors.into_iter().take(MOST_PLACES) {
            let rule = if error.is_name { Rule::UnknownName } else { Rule::WrongValue };
            let d = Diagnostic::error(rule, place(error.at), error.message);
            self.diagnostics.push(d.help(error.help));
        }
        let used = |(index, found): (usize, template::Found)| {
            let span = if index < MOST_PLACES { place(found.at) } else { text.span };
            NameUse { span, name: found.name, optional: found.optional }
        };
        let names = scanned.found.into_iter().enumerate().map(used).collect();
        Template { text, names }
    }

    pub(crate) fn guard(&mut self, node: &Node) -> Option<guard::Expr> {
        let Some(scalar) = node.scalar() else {
            self.wrong(node, "a condition", "write it as one text, such as `attempts(dialing) < 3`");
            return None;
        };
        let source = &self.source;
        let place = |at: Range<usize>| match at.is_empty() {
            // What is missing at the end is shown after the end.
            true => Span::new(node.span.end as usize, node.span.end as usize),
            false => locate(source, node.span, &scalar.text, at),
        };
        match guard::parse(&scalar.text, &place) {
            Ok(expr) => Some(expr),
            Err(error) => {
                let d = Diagnostic::error(Rule::GuardType, place(error.at), error.message);
                self.report(if error.help.is_empty() { d } else { d.help(error.help) });
                None
            }
        }
    }

    /// A constant of any type; what type it must have is for the caller.
    pub(crate) fn literal(&mut self, node: &Node) -> Option<Literal> {
        match &node.value {
            Value::Scalar(scalar) => match scalar.core() {
                Core::Null => {
                    self.wrong(node, "a value", "write a value, or leave the key out");
                    None
                }
                Core::Bool(value) => Some(Literal::Bool(value)),
                Core::Int | Core::Float => Some(match scalar.text.parse::<f64>() {
                    Ok(number) => Literal::Number(number),
                    Err(_) => Literal::Text(scalar.text.as_str().into()),
                }),
                Core::Text => Some(Literal::Text(scalar.text.as_str().into())),
            },
            Value::Sequence(items) => {
                items.iter().map(|item| self.literal(item)).collect::<Option<_>>().map(Literal::List)
            }
            Value::Mapping(_) => {
                self.wrong(node, "a value", "a variable holds one value or a list");
                None
            }
        }
    }

    /// The items of a list.
    pub(crate) fn items<'t>(&mut self, node: &'t Node, what: &str) -> &'t [Node] {
        if let Value::Sequence(items) = &node.value {
            return items;
        }
        self.wrong(node, what, "write it in square brackets, or one line each behind `- `");
        &[]
    }

    /// The entries of a map whose keys are names that the author chose.
    pub(crate) fn entries<'t>(&mut self, node: &'t Node, what: &str) -> &'t [(Key, Node)] {
        if let Value::Mapping(entries) = &node.value {
            return entries;
        }
        self.wrong(node, what, "write `name:` and what belongs to it, one below the other");
        self.has_gaps = true;
        &[]
    }

    /// The fields of a map whose keys are the language's.
    pub(crate) fn fields<'t>(&mut self, node: &'t Node, shape: &super::fields::Shape) -> Option<Fields<'t>> {
        Fields::read(self, node, shape)
    }
}

/// A text of the file in a message, cut to a sane length.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= MOST && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(MOST).chain(std::iter::once('…')).collect()
}
