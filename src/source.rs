//! Text and positions: a file as read, byte spans into it, and line and column of a byte.
//!
//! A flow may take in other files of its folder: they are kept behind its own text, so that one span says
//! both the file and the place in it. Knows nothing about flows or YAML.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A half-open range of bytes in one [`SourceFile`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; offsets past 4 GiB are clamped (files are limited far below that).
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }

    /// As a range for slicing.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The same length, so many bytes further on.
    #[must_use]
    pub fn shifted(self, by: u32) -> Self {
        Self { start: self.start.saturating_add(by), end: self.end.saturating_add(by) }
    }
}

/// A value together with where it was written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Pairs a value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A text file with its name and line starts, and the files that it takes in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SourceFile {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    text: String,
    /// The file itself first. Never empty.
    files: Vec<One>,
}

/// One file, and where it lies in the whole text.
#[derive(Clone, Debug)]
struct One {
    path: PathBuf,
    start: usize,
    end: usize,
    line_starts: Vec<usize>,
}

impl One {
    fn new(path: PathBuf, start: usize, text: &str) -> Self {
        let lines = text.match_indices('\n').map(|(i, _)| start + i + 1);
        Self {
            path,
            start,
            end: start + text.len(),
            line_starts: std::iter::once(start).chain(lines).collect(),
        }
    }
}

impl SourceFile {
    /// Wraps text that was read from `path` (or made up, in tests).
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let files = vec![One::new(path.into(), 0, &text)];
        Self { inner: Arc::new(Inner { text, files }) }
    }

    /// The same with one more file behind it, and where that begins.
    #[must_use]
    pub fn with(&self, path: impl Into<PathBuf>, text: &str) -> (Self, u32) {
        let Inner { text: mut whole, mut files } = Inner::clone(&self.inner);
        // Two files never share a line.
        whole.push('\n');
        let start = whole.len();
        files.push(One::new(path.into(), start, text));
        whole.push_str(text);
        (Self { inner: Arc::new(Inner { text: whole, files }) }, Span::new(start, start).start)
    }

    /// The path as the user gave it, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.files[0].path
    }

    /// The file in which a byte stands.
    #[must_use]
    pub fn path_at(&self, byte: u32) -> &Path {
        &self.at(byte).path
    }

    /// Where in the whole text the file begins in which a byte stands.
    #[must_use]
    pub fn begin_of(&self, byte: u32) -> u32 {
        Span::new(self.at(byte).start, 0).start
    }

    /// The path and the text of the file itself and of each file that it takes in.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        let text = |one: &One| self.inner.text.get(one.start..one.end).unwrap_or("");
        self.inner.files.iter().map(move |one| (&*one.path, text(one)))
    }

    fn at(&self, byte: u32) -> &One {
        let files = &self.inner.files;
        let index = files.partition_point(|one| one.start <= byte as usize);
        &files[index.saturating_sub(1)]
    }

    /// The whole text, with the files that it takes in.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// The text of a span; an empty string if the span is not within the file.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.inner.text.get(span.range()).unwrap_or("")
    }

    /// Line and column of a byte in its own file, both counted from one, the column in characters.
    #[must_use]
    pub fn position(&self, byte: u32) -> (usize, usize) {
        let one = self.at(byte);
        let byte = (byte as usize).min(one.end);
        let line = one.line_starts.partition_point(|&start| start <= byte).max(1);
        let start = one.line_starts[line - 1];
        let column = self.inner.text.get(start..byte).map_or(0, |s| s.chars().count());
        (line, column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let file = SourceFile::new("x.yaml", "a: Grüß\nb: Gott\n");
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(u32::try_from("a: Grüß".len()).unwrap()), (1, 8));
        assert_eq!(file.position(u32::try_from("a: Grüß\nb".len()).unwrap()), (2, 2));
        assert_eq!(file.position(9999), (3, 1));
    }

    #[test]
    fn a_place_in_a_file_that_is_taken_in_is_counted_in_that_file() {
        let (file, start) = SourceFile::new("x.yaml", "a: b").with("y.md", "One\nTwo");
        assert_eq!(file.path_at(start - 1), Path::new("x.yaml"));
        assert_eq!((file.path_at(start), file.position(start)), (Path::new("y.md"), (1, 1)));
        assert_eq!((file.position(start + 5), file.begin_of(start + 5)), ((2, 2), start));
        assert_eq!(file.slice(Span::new(4, 7).shifted(start)), "Two");
        let files: Vec<_> = file.files().collect();
        assert_eq!(files, [(Path::new("x.yaml"), "a: b"), (Path::new("y.md"), "One\nTwo")]);
        assert_eq!(file.path(), Path::new("x.yaml"));
    }
}
