//! The findings for a person: the line, a mark under it, and what to do about it.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::{SourceFile, Span};

/// Whether the text carries terminal colours. Printers strip them when nobody can see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours; to be written through a stream that drops them for files and pipes.
    Colour,
    /// Nothing but text.
    Plain,
}

/// Renders findings with the lines they are about, an empty line after each.
#[must_use]
pub fn render_human(source: &SourceFile, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Colour => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    diagnostics.iter().map(|d| renderer.render(&[report(source, d)]) + "\n\n").collect()
}

/// Renders one place of a file with a title and advice, as a finding that belongs to no rule: a test that failed.
#[must_use]
pub fn render_failure(
    source: &SourceFile,
    span: Span,
    title: &str,
    help: Option<&str>,
    style: Style,
) -> String {
    let renderer = match style {
        Style::Colour => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    let shown = Diagnostic::error(super::Rule::Syntax, span, "");
    let group = Level::ERROR.primary_title(title).element(snippet(source, Some(&shown.primary), &[]));
    let group = match help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    };
    renderer.render(&[group]) + "\n"
}

fn report<'a>(source: &'a SourceFile, d: &'a Diagnostic) -> Group<'a> {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = |label: &Label| source.begin_of(label.span.start);
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        d.secondary.iter().partition(|label| file(label) == file(&d.primary));
    let own = snippet(source, Some(&d.primary), &here);
    let mut group = level.primary_title(d.message.as_str()).id(d.id.code()).element(own);
    for label in elsewhere {
        group = group.element(snippet(source, None, &[label]));
    }
    match &d.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// The lines of one file that some marks are about.
fn snippet<'a>(
    source: &'a SourceFile,
    primary: Option<&'a Label>,
    others: &[&'a Label],
) -> Snippet<'a, Annotation<'a>> {
    let window = window(source, primary.into_iter().chain(others.iter().copied()));
    let text = source.slice(window);
    let (first_line, _) = source.position(window.start);
    Snippet::source(text)
        .line_start(first_line)
        .path(source.path_at(window.start).display().to_string())
        .annotations(primary.map(|label| mark(AnnotationKind::Primary, text, window, label)))
        .annotations(others.iter().map(|label| mark(AnnotationKind::Context, text, window, label)))
}

fn mark<'a>(kind: AnnotationKind, text: &str, window: Span, label: &'a Label) -> Annotation<'a> {
    // The renderer panics on spans that cut a character in two.
    let relative = |byte: u32| floor(text, byte.saturating_sub(window.start) as usize);
    let annotation = kind.span(relative(label.span.start)..relative(label.span.end));
    if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
}

/// The whole lines from the first to the last mark, so that a huge file is not laid out for each finding.
fn window<'a>(source: &SourceFile, labels: impl Iterator<Item = &'a Label>) -> Span {
    let text = source.text();
    let all = labels.map(|label| label.span).reduce(Span::to).unwrap_or_default();
    let start = floor(text, all.start as usize);
    let end = floor(text, all.end as usize).max(start);
    let first = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let last = text[end..].find('\n').map_or(text.len(), |i| end + i);
    Span::new(first, last)
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Rule;

    #[test]
    fn both_places_are_shown_with_their_own_line_numbers() {
        let source = SourceFile::new("flow.yaml", "one: 1\ntwo: Grüß\nthree: 3\nfour: 4\ntwo: 2\n");
        let d = Diagnostic::error(Rule::DuplicateKey, Span::new(36, 39), "duplicate key `two`")
            .label("here again")
            .also(Span::new(7, 10), "first here")
            .help("rename or delete one of them");
        let expected = "\
error[F002]: duplicate key `two`
 --> flow.yaml:5:1
  |
2 | two: Grüß
  | --- first here
...
5 | two: 2
  | ^^^ here again
  |
  = help: rename or delete one of them

";
        assert_eq!(render_human(&source, &[d], Style::Plain), expected);
    }

    #[test]
    fn a_place_outside_the_file_is_no_reason_to_panic() {
        let source = SourceFile::new("flow.yaml", "ä");
        for span in [Span::new(0, 900), Span::new(1, 2), Span::new(2, 2), Span::new(900, 901)] {
            let d = Diagnostic::error(Rule::Syntax, span, "x");
            assert!(render_human(&source, &[d], Style::Plain).contains("F001"));
        }
    }

    #[test]
    fn colours_are_there_only_when_asked_for() {
        let source = SourceFile::new("flow.yaml", "a: b\n");
        let d = [Diagnostic::warning(Rule::Unused, Span::new(0, 1), "x")];
        assert!(render_human(&source, &d, Style::Colour).contains('\u{1b}'));
        assert!(!render_human(&source, &d, Style::Plain).contains('\u{1b}'));
    }
}
