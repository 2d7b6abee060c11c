//! The findings for a person: the line, a mark under it, and what to do about it.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::excerpt::{Excerpt, floor};
use super::{Diagnostic, Label, Severity};
use crate::source::{SourceFile, Span};

/// Stands for the path of a snippet of cut lines until it is laid out: the renderer counts columns in what it is given,
/// and the place that is said must be that in the file. Characters that no file has a use for.
const PLACE: &str = "\u{e000}\u{e001}\u{e000}";

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
    let shown = |d| {
        let (group, places) = report(source, d);
        placed(renderer.render(&[group]), &places) + "\n\n"
    };
    diagnostics.iter().map(shown).collect()
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
    let (own, place) = snippet(source, Some(&shown.primary), &[]);
    let group = Level::ERROR.primary_title(title).element(own);
    let group = match help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    };
    placed(renderer.render(&[group]), place.as_slice()) + "\n"
}

/// Puts the places in the file where [`PLACE`] and a place in cut lines stand.
fn placed(mut text: String, places: &[String]) -> String {
    for place in places {
        if let Some(start) = text.find(PLACE) {
            let rest = &text[start + PLACE.len()..];
            let end = text.len() - rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()).len();
            text.replace_range(start..end, place);
        }
    }
    text
}

/// A finding, and the places of its snippets of cut lines.
fn report<'a>(source: &'a SourceFile, d: &'a Diagnostic) -> (Group<'a>, Vec<String>) {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = |label: &Label| source.begin_of(label.span.start);
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        d.secondary.iter().partition(|label| file(label) == file(&d.primary));
    let (own, place) = snippet(source, Some(&d.primary), &here);
    let mut places = Vec::from_iter(place);
    let mut group = level.primary_title(d.message.as_str()).id(d.id.code()).element(own);
    for label in elsewhere {
        let (other, place) = snippet(source, None, &[label]);
        group = group.element(other);
        places.extend(place);
    }
    let group = match &d.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    };
    (group, places)
}

/// The lines of one file that some marks are about; if some had to be cut, with its place.
fn snippet<'a>(
    source: &'a SourceFile,
    primary: Option<&'a Label>,
    others: &[&'a Label],
) -> (Snippet<'a, Annotation<'a>>, Option<String>) {
    let labels = || primary.into_iter().chain(others.iter().copied());
    let window = window(source, labels());
    let text = source.slice(window);
    // The renderer panics on spans that cut a character in two.
    let relative = |byte: u32| floor(text, byte.saturating_sub(window.start) as usize);
    let mut marks: Vec<usize> =
        labels().flat_map(|label| [label.span.start, label.span.end]).map(relative).collect();
    let excerpt = Excerpt::of(text, &mut marks);
    let mark = |kind: AnnotationKind, label: &'a Label| {
        let annotation =
            kind.span(excerpt.place(relative(label.span.start))..excerpt.place(relative(label.span.end)));
        if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
    };
    let annotations: Vec<_> = primary
        .map(|label| mark(AnnotationKind::Primary, label))
        .into_iter()
        .chain(others.iter().map(|label| mark(AnnotationKind::Context, label)))
        .collect();
    let (first_line, _) = source.position(window.start);
    let path = source.path_at(window.start).display().to_string();
    let (path, place) = match labels().next().filter(|_| excerpt.is_cut()) {
        Some(first) => {
            let (line, column) = source.position(first.span.start);
            (PLACE.to_owned(), Some(format!("{path}:{line}:{column}")))
        }
        None => (path, None),
    };
    let snippet =
        Snippet::source(excerpt.into_text()).line_start(first_line).path(path).annotations(annotations);
    (snippet, place)
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
    fn of_a_very_long_line_the_surroundings_of_the_marks_are_shown_with_their_place_in_the_file() {
        let words: String = (0..100_000).map(|n| format!("w{n}, ")).collect();
        let text = format!("one: 1\ntwo: [{words}]\nthree: 3\n");
        let source = SourceFile::new("flow.yaml", text.as_str());
        let span = |word: &str| {
            let start = text.find(word).unwrap();
            Span::new(start, start + word.len())
        };
        let found = [
            Diagnostic::error(Rule::DuplicateKey, span("w70000"), "one mark").label("here"),
            Diagnostic::error(Rule::DuplicateKey, span("w70000"), "two, and one elsewhere")
                .label("here again")
                .also(span("w500,"), "first here")
                .also(span("three"), "and here"),
            Diagnostic::warning(Rule::Unused, span(&words), "nearly all of it").label("this"),
            Diagnostic::warning(Rule::Unused, span("three: 3"), "the line is long before it")
                .also(span("one: 1"), "one"),
        ];
        insta::assert_snapshot!("a_very_long_line", render_human(&source, &found, Style::Plain));
    }

    #[test]
    fn the_column_is_the_same_as_in_the_short_form_wherever_in_a_long_line_it_is() {
        let text = format!("a: 1\n{}\n", "é: [b, {c}], ".repeat(200));
        let source = SourceFile::new("flow.yaml", text.as_str());
        for (start, _) in text.char_indices().step_by(11) {
            let d = [Diagnostic::error(Rule::Syntax, Span::new(start, start + 1), "x")];
            let short = crate::diagnostic::render_short(&source, &d);
            let (place, _) = short.split_once(": error").unwrap();
            for style in [Style::Plain, Style::Colour] {
                let human = render_human(&source, &d, style);
                let said = human.split_once("flow.yaml").unwrap().1;
                assert!(format!("flow.yaml{said}").starts_with(place), "{place} is not in\n{human}");
                assert!(!human.contains('\u{e000}'));
            }
        }
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
