//! What is shown of very long lines: the surroundings of the marks, with `...` for the rest.
//!
//! The renderer lays out all that it is given, for each finding again. Knows nothing about findings or files.

use std::borrow::Cow;
use std::ops::Range;

/// Lines of more bytes are cut.
const LONGEST: usize = 500;
/// Bytes that stay on both sides of a mark, so that one short mark fits the width of what is shown.
const AROUND: usize = 60;
/// What stands for the rest, as the renderer has it where it cuts a line itself.
const GAP: &str = "...";

/// Lines, the long ones without what is far from every mark.
pub(super) struct Excerpt<'a> {
    text: Cow<'a, str>,
    /// What was kept: where it was, and where it is. Empty if that is everything.
    pieces: Vec<(Range<usize>, usize)>,
}

impl<'a> Excerpt<'a> {
    /// Cuts the long lines of a text. Marks are bytes in it, at boundaries of characters.
    pub(super) fn of(text: &'a str, marks: &mut [usize]) -> Self {
        if text.len() <= LONGEST || text.lines().all(|line| line.len() <= LONGEST) {
            return Self { text: text.into(), pieces: Vec::new() };
        }
        marks.sort_unstable();
        let mut cut = Self { text: Cow::Owned(String::new()), pieces: Vec::new() };
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let end = at + line.trim_end_matches('\n').len();
            let mut shown = at;
            for piece in kept(text, at..end, marks) {
                if piece.start > shown {
                    cut.text.to_mut().push_str(GAP);
                }
                shown = piece.end;
                cut.keep(text, piece);
            }
            if shown < end {
                cut.text.to_mut().push_str(GAP);
            }
            cut.keep(text, end..at + line.len());
            at += line.len();
        }
        cut
    }

    /// Whether anything was left out.
    pub(super) fn is_cut(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Where a mark is now.
    pub(super) fn place(&self, mark: usize) -> usize {
        let piece = self.pieces.iter().rev().find(|(was, _)| was.start <= mark);
        piece.map_or(mark, |(was, at)| at + mark.min(was.end) - was.start)
    }

    /// What is to be shown.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        self.text
    }

    fn keep(&mut self, text: &str, piece: Range<usize>) {
        self.pieces.push((piece.clone(), self.text.len()));
        self.text.to_mut().push_str(&text[piece]);
    }
}

/// What stays of a line, in order, without overlaps.
fn kept(text: &str, line: Range<usize>, marks: &[usize]) -> Vec<Range<usize>> {
    if line.len() <= LONGEST {
        return vec![line];
    }
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for mark in marks.iter().filter(|mark| (line.start..=line.end).contains(mark)) {
        let start = floor(text, mark.saturating_sub(AROUND)).max(line.start);
        let end = floor(text, mark + AROUND).min(line.end);
        match pieces.last_mut() {
            // A gap that is as long as what it leaves out would be none.
            Some(last) if start <= last.end + GAP.len() => last.end = end,
            _ => pieces.push(start..end),
        }
    }
    if pieces.is_empty() {
        pieces.push(line.start..floor(text, line.start + 2 * AROUND));
    }
    pieces
}

/// The nearest character boundary at or before a byte.
pub(super) fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_ordinary_lines_stays_as_it_is() {
        let text = "a line\n".repeat(1000);
        let excerpt = Excerpt::of(&text, &mut [5, 900]);
        assert!(!excerpt.is_cut());
        assert_eq!(excerpt.place(900), 900);
        assert_eq!(excerpt.into_text(), text);
    }

    #[test]
    fn what_a_mark_stands_at_is_what_it_stood_at() {
        let long: String = (0..2000).map(|n| if n % 7 == 0 { 'é' } else { 'x' }).collect();
        let text = format!("first: line\n{long}\nthird: line\n{long}");
        let boundaries: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        for (n, mark) in boundaries.iter().enumerate().step_by(13) {
            let other = boundaries[(n * 31) % boundaries.len()];
            let excerpt = Excerpt::of(&text, &mut [*mark, other]);
            assert!(excerpt.is_cut());
            for mark in [*mark, other] {
                let place = excerpt.place(mark);
                let (was, is) = (&text[mark..], &excerpt.text[place..]);
                assert_eq!(was.chars().next(), is.chars().next(), "{mark}");
                assert_eq!(text[..mark].lines().count(), excerpt.text[..place].lines().count(), "{mark}");
            }
            assert!(excerpt.text.len() < 1000, "{}", excerpt.text);
        }
    }
}
