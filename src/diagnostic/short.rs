//! One line a finding, in the form that editors and build logs recognise.

use std::fmt::Write as _;

use super::Diagnostic;
use crate::source::SourceFile;

/// `path:line:col: error[F008]: message`, one finding a line. Lines and columns count from one, columns
/// in characters.
#[must_use]
pub fn render_short(source: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let (line, column) = source.position(d.primary.span.start);
        let path = source.path_at(d.primary.span.start).display();
        let message = d.message.replace('\n', " ");
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{path}:{line}:{column}: {}[{}]: {message}", d.severity.name(), d.id);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Rule;
    use crate::source::Span;

    #[test]
    fn a_line_is_what_editors_expect() {
        let source = SourceFile::new("flows/a.yaml", "ä: Grüße\nb: x\n");
        let d = Diagnostic::error(Rule::UnknownState, Span::new(15, 16), "state `x`\ndoes not exist");
        assert_eq!(render_short(&source, &[d]), "flows/a.yaml:2:4: error[F008]: state `x` does not exist\n");
    }
}
