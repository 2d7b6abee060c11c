//! From text to a spanned tree, within a budget.
//!
//! Flows use a subset of YAML: one document, no anchors, aliases or tags. Whatever lies outside is
//! reported and read as if it were not there, so that the rest of the file can still be checked.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle as Written, StrInput};

use super::tree::{Key, Node, Scalar, ScalarStyle, Value};
use crate::diagnostic::{Diagnostic, Rule};
use crate::source::{SourceFile, Span};

/// A flow of a thousand states has some 100 KB; what is larger than this is not a flow.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Keeps every count of named things within the ids of the compiled plan.
const MAX_NODES: usize = 50_000;
/// The language itself nests seven deep.
const MAX_DEPTH: usize = 32;

type Events<'s> = Parser<'s, StrInput<'s>>;

/// Reads the one document of a file. `None` if there is none that can be read.
pub fn load(source: &SourceFile, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    if source.text().len() > MAX_BYTES {
        let message = format!("the file is larger than {} KB", MAX_BYTES / 1024);
        let error = Diagnostic::error(Rule::Syntax, Span::new(0, 1), message);
        diagnostics.push(error.help("this is not a flow; a large flow has some hundred KB"));
        return None;
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    let events = Parser::new_from_str_with_options(source.text(), options);
    let mut loader = Loader { source, events, diagnostics, nodes: 0, anchored: HashMap::new() };
    loader.document().unwrap_or_default()
}

/// Reading cannot go on; the reason has been reported.
struct Stop;

struct Loader<'s, 'd> {
    source: &'s SourceFile,
    events: Events<'s>,
    diagnostics: &'d mut Vec<Diagnostic>,
    nodes: usize,
    /// Scalars with an anchor: an alias is refused, and then read as what was meant.
    anchored: HashMap<usize, Scalar>,
}

impl<'s> Loader<'s, '_> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let error = Diagnostic::error(Rule::Syntax, span, "a second document begins here");
                    self.diagnostics
                        .push(error.help("a file holds one flow: remove the `---` and what follows"));
                    return Ok(root);
                }
                Event::DocumentStart(..) => {}
                node => root = Some(self.node(node, span, 0)?),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<Option<(Event<'s>, Span)>, Stop> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                Ok(Some((event, Span::new(range.start, range.end))))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                let span = one_character(self.source.text(), at);
                let message = format!("not valid YAML: {}", error.kind());
                self.diagnostics.push(Diagnostic::error(Rule::Syntax, span, message).help(advice(&error)));
                Err(Stop)
            }
        }
    }

    fn must_next(&mut self) -> Result<(Event<'s>, Span), Stop> {
        self.next()?.ok_or(Stop)
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.count(span, depth)?;
        self.refuse_properties(&event, span);
        match event {
            Event::Scalar(text, written, anchor, _) => Ok(self.scalar(&text, written, anchor, span)),
            Event::SequenceStart(..) => self.sequence(span, depth),
            Event::MappingStart(..) => self.mapping(span, depth),
            Event::Alias(anchor) => Ok(self.alias(Some(anchor), span)),
            Event::UnresolvedAlias(_) => Ok(self.alias(None, span)),
            // The remaining events never stand where a node is expected.
            _ => Err(Stop),
        }
    }

    fn count(&mut self, span: Span, depth: usize) -> Result<(), Stop> {
        self.nodes += 1;
        let message = if depth > MAX_DEPTH {
            format!("nested more than {MAX_DEPTH} deep")
        } else if self.nodes > MAX_NODES {
            format!("more than {MAX_NODES} values in one file")
        } else {
            return Ok(());
        };
        self.diagnostics.push(Diagnostic::error(Rule::Syntax, span, message).help("this is not a flow"));
        Err(Stop)
    }

    fn refuse_properties(&mut self, event: &Event<'_>, span: Span) {
        let anchored = event.anchor_id().is_some_and(|id| id != 0);
        let what = match (anchored, event.tag().is_some()) {
            (true, _) => "anchors are",
            (false, true) => "tags are",
            (false, false) => return,
        };
        let message = format!("{what} not part of the flow language");
        self.diagnostics.push(
            Diagnostic::error(Rule::Syntax, span, message).help("remove it, and write the value plainly"),
        );
    }

    fn alias(&mut self, anchor: Option<usize>, span: Span) -> Node {
        let error = Diagnostic::error(Rule::Syntax, span, "aliases are not part of the flow language");
        self.diagnostics.push(error.help("write the value out here"));
        let meant = anchor.and_then(|id| self.anchored.get(&id)).cloned();
        Node { span, value: Value::Scalar(meant.unwrap_or_else(null)) }
    }

    fn scalar(&mut self, text: &str, written: Written, anchor: usize, span: Span) -> Node {
        let nothing = span.start == span.end && written == Written::Plain;
        let style = if written == Written::Plain { ScalarStyle::Plain } else { ScalarStyle::Text };
        let scalar = if nothing { null() } else { Scalar { text: text.to_owned(), style } };
        // A long text repeated ten thousand times is an attack, not a typing habit.
        if anchor != 0 && scalar.text.len() <= 200 {
            self.anchored.insert(anchor, scalar.clone());
        }
        Node { span: trimmed(self.source, span), value: Value::Scalar(scalar) }
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.must_next()?;
            if matches!(event, Event::SequenceEnd) {
                let span = trimmed(self.source, start.to(span));
                return Ok(Node { span, value: Value::Sequence(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen = HashMap::new();
        loop {
            let (event, span) = self.must_next()?;
            if matches!(event, Event::MappingEnd) {
                let span = trimmed(self.source, start.to(span));
                return Ok(Node { span, value: Value::Mapping(entries) });
            }
            let key = self.key(event, span, depth)?;
            let (event, span) = self.must_next()?;
            let mut value = self.node(event, span, depth + 1)?;
            let Some(key) = key else { continue };
            if value.span.start == value.span.end {
                value.span = key.span;
            }
            if let Some(&first) = seen.get(&key.text) {
                self.duplicate(&key, first);
            } else {
                seen.insert(key.text.clone(), key.span);
                entries.push((key, value));
            }
        }
    }

    /// A key; `None` (and a report) if it is not text.
    fn key(&mut self, event: Event<'s>, span: Span, depth: usize) -> Result<Option<Key>, Stop> {
        let node = self.node(event, span, depth + 1)?;
        if let Value::Scalar(Scalar { text, style }) = node.value {
            return Ok(Some(Key { text, span: node.span, quoted: style == ScalarStyle::Text }));
        }
        self.diagnostics.push(Diagnostic::error(Rule::Syntax, node.span, "a key must be text"));
        Ok(None)
    }

    fn duplicate(&mut self, key: &Key, first: Span) {
        let message = format!("duplicate key `{}`", key.text);
        let error = Diagnostic::error(Rule::DuplicateKey, key.span, message).label("here again");
        self.diagnostics.push(error.also(first, "first here").help("rename or delete one of them"));
    }
}

fn null() -> Scalar {
    Scalar { text: String::new(), style: ScalarStyle::Plain }
}

/// The span without white space at its end: blocks end where the next token begins.
fn trimmed(source: &SourceFile, span: Span) -> Span {
    let length = source.slice(span).trim_end().len();
    Span::new(span.start as usize, span.start as usize + length)
}

fn one_character(text: &str, at: usize) -> Span {
    let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span::new(at, at + length)
}

fn advice(error: &granit_parser::ScanError) -> &'static str {
    use granit_parser::ErrorKind;
    match error.kind() {
        ErrorKind::MappingValueNotAllowed => {
            "put quotes round a text that holds `: `, or write the `:` that is missing behind the key above"
        }
        ErrorKind::InvalidColonPlacement => "is a bracket or brace left open above?",
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            "indent with spaces"
        }
        ErrorKind::UnclosedQuotedScalar => "close the quote, or put other quotes round the text",
        _ => "look at indentation, quotes and brackets just before this place",
    }
}
