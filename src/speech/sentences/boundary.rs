//! Where a piece may end.

use super::markdown::{Link, link};

/// From this many characters on the first piece may end at a clause.
const FIRST_CLAUSE: usize = 20;
/// A piece without an end is cut before this many characters.
const LONGEST: usize = 200;
/// Not even a word ended: cut right here.
const UNBEARABLE: usize = 1000;

/// Abbreviations after which a sentence goes on, without their last dot.
const GOES_ON: &[&str] = &[
    "mr", "mrs", "ms", "mx", "dr", "prof", "st", "mt", "gen", "sen", "rep", "rev", "hon", "capt", "lt",
    "sgt", "col", "vs", "e.g", "i.e", "cf", "approx", "ext", "fig", "vol", "ver", "tel",
];
/// Abbreviations after which a sentence may end: it did if a capital letter follows.
const MAY_END: &[&str] = &[
    "etc", "a.m", "p.m", "inc", "ltd", "co", "corp", "jr", "sr", "u.s", "u.k", "e.u", "dept", "est", "ave",
    "blvd", "rd", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
];

/// The byte at which the first piece of a text ends; `None` if more must be known.
///
/// The text begins with no white space and has none doubled.
pub(super) fn boundary(text: &str, first: bool) -> Option<usize> {
    let mut scan = Scan { text, first, last_space: None, last_clause: None };
    let mut at = 0;
    for count in 0.. {
        let c = text[at..].chars().next()?;
        if count >= LONGEST
            && let Some(end) = scan.last_clause.or(scan.last_space)
        {
            return Some(end);
        }
        match scan.look(at, c, count) {
            Look::EndsAt(end) => return Some(end),
            Look::GoesOnAt(next) => at = next,
            Look::MoreMustBeKnown => return unbearable(text),
        }
        if count >= UNBEARABLE {
            return unbearable(text);
        }
    }
    None
}

/// Waiting has an end, too.
fn unbearable(text: &str) -> Option<usize> {
    text.char_indices().nth(UNBEARABLE).map(|(at, _)| at)
}

struct Scan<'t> {
    text: &'t str,
    first: bool,
    last_space: Option<usize>,
    last_clause: Option<usize>,
}

enum Look {
    EndsAt(usize),
    GoesOnAt(usize),
    MoreMustBeKnown,
}

impl Scan<'_> {
    fn look(&mut self, at: usize, c: char, count: usize) -> Look {
        let next = at + c.len_utf8();
        match c {
            '\n' => Look::EndsAt(next),
            ' ' => {
                self.last_space = Some(next);
                Look::GoesOnAt(next)
            }
            '[' => match link(&self.text[at..]) {
                Link::Whole { length, .. } => Look::GoesOnAt(at + length),
                Link::Unfinished => Look::MoreMustBeKnown,
                Link::None => Look::GoesOnAt(next),
            },
            '。' | '！' | '？' | '।' | '॥' | '۔' => Look::EndsAt(self.after_closers(next)),
            '.' | '!' | '?' | '…' | '؟' => self.look_at_stop(at),
            ',' | ';' | ':' | '—' | '，' | '、' | '،' => self.look_at_clause(next, c, count),
            _ => Look::GoesOnAt(next),
        }
    }

    fn look_at_stop(&self, at: usize) -> Look {
        let rest = &self.text[at..];
        let run = rest.len() - rest.trim_start_matches(['.', '!', '?', '…', '؟']).len();
        let end = self.after_closers(at + run);
        let loud = rest[..run].contains(['!', '?', '؟']);
        let mut after = self.text[end..].chars();
        match (after.next(), after.next()) {
            (None, _) => Look::MoreMustBeKnown,
            (Some('\n'), _) => Look::EndsAt(end),
            (Some(' '), _) if loud => Look::EndsAt(end),
            (Some(' '), None) => Look::MoreMustBeKnown,
            (Some(' '), Some(follows)) if ends_sentence(&self.text[..at], follows) => Look::EndsAt(end),
            _ => Look::GoesOnAt(end),
        }
    }

    fn look_at_clause(&mut self, next: usize, c: char, count: usize) -> Look {
        let mut after = self.text[next..].chars();
        let follows = match (after.next(), after.next()) {
            (None, _) | (Some(' '), None) => return Look::MoreMustBeKnown,
            (Some(' '), Some(follows)) => follows,
            // These need no space after them.
            (Some(follows), _) if matches!(c, '—' | '，' | '、') => follows,
            _ => return Look::GoesOnAt(next),
        };
        // "May 3, 2027" is one thing.
        if follows.is_ascii_digit() {
            return Look::GoesOnAt(next);
        }
        self.last_clause = Some(next);
        if self.first && count + 1 >= FIRST_CLAUSE { Look::EndsAt(next) } else { Look::GoesOnAt(next) }
    }

    /// Quotes and brackets that close belong to the sentence before them.
    fn after_closers(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let closers = ['"', '\'', ')', ']', '}', '”', '’', '»', '」', '』', '*', '_', '`'];
        at + (rest.len() - rest.trim_start_matches(closers).len())
    }
}

/// Whether a dot after this text ends a sentence that `follows` comes after.
fn ends_sentence(before: &str, follows: char) -> bool {
    if follows.is_lowercase() {
        return false;
    }
    let word = before.rsplit([' ', '\n', '(', '"', '“', '*']).next().unwrap_or_default();
    let lower = word.to_lowercase();
    let numbering = before == word && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    if numbering || initial || GOES_ON.contains(&lower.as_str()) || is_initials(word) {
        return false;
    }
    if lower == "no" {
        return !follows.is_ascii_digit();
    }
    !MAY_END.contains(&lower.as_str()) || follows.is_uppercase()
}

/// `J.R` of "J.R. Miller"; "U.S" and the like are in the list above.
fn is_initials(word: &str) -> bool {
    word.contains('.')
        && !MAY_END.contains(&word.to_lowercase().as_str())
        && word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_uppercase))
}
