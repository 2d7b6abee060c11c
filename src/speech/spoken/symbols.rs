//! What no voice can say: emoji, arrows, boxes, Markdown's ornament, invisible characters.

use super::text::words;
use super::web;

/// Symbols that are not dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Those that have a meaning beside figures or between words: `$ % + = # & @ / °` and the like.
    Figures,
    /// None of them.
    Nothing,
}

/// Drops symbols. Addresses stay whole; two words that only a symbol joined are separated by a space.
pub(super) fn strip(text: &str, keep: Keep) -> String {
    let (words, end) = words(text);
    let mut out = String::with_capacity(text.len());
    let mut first_gap = words.first().map(|word| word.gap);
    for word in &words {
        let whole = format!("{}{}{}", word.lead, word.core, word.trail);
        let stripped = if web::is_address(word.core) { whole } else { strip_word(&whole, keep) };
        if !stripped.is_empty() {
            out.push_str(first_gap.take().unwrap_or(word.gap));
            out.push_str(&stripped);
        }
    }
    out.push_str(end);
    out
}

fn strip_word(word: &str, keep: Keep) -> String {
    let mut out = String::with_capacity(word.len());
    let mut dropped = false;
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = |other: Option<char>| other.is_some_and(|c| !c.is_ascii() && !is_pictograph(c));
        // The joiners of Persian and Indic scripts belong to the spelling.
        let joiner = matches!(c, '\u{200c}' | '\u{200d}');
        let spelling = joiner && joins(out.chars().next_back()) && joins(chars.peek().copied());
        if !spelling && is_unspeakable(c, keep) {
            dropped = true;
            continue;
        }
        if dropped && c.is_alphanumeric() && out.chars().next_back().is_some_and(char::is_alphanumeric) {
            out.push(' ');
        }
        dropped = false;
        out.push(c);
    }
    out
}

fn is_unspeakable(c: char, keep: Keep) -> bool {
    let figures = matches!(
        c,
        '#' | '+' | '=' | '~' | '@' | '&' | '%' | '/' | '°' | '$' | '€' | '£' | '¥' | '₹' | '−' | '²'
    );
    let ornament = matches!(
        c,
        '*' | '_' | '`' | '|' | '<' | '>' | '\\' | '^' | '{' | '}' | '[' | ']' | '•' | '©' | '®' | '™'
    );
    let invisible = c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    ornament || invisible || is_pictograph(c) || (figures && keep == Keep::Nothing)
}

fn is_pictograph(c: char) -> bool {
    matches!(
        u32::from(c),
        0x2060..=0x206f
            | 0x20d0..=0x20ff // combining, as the frame of a keycap
            | 0x2190..=0x21ff // arrows
            | 0x2300..=0x27bf // technical, boxes, shapes, dingbats
            | 0x2900..=0x297f
            | 0x2b00..=0x2bff
            | 0x3030
            | 0xe000..=0xf8ff // private use
            | 0xfe00..=0xfe0f // variants of a picture
            | 0xfeff
            | 0xfff9..=0xfffd
            | 0x1f000..=0x1faff
            | 0xe0000..=0xe01ef
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        strip(text, Keep::Figures)
    }

    #[test]
    fn pictures_go_with_their_space() {
        assert_eq!(stripped("Hello 👋🏽 there 👨‍👩‍👧!"), "Hello there !");
        assert_eq!(stripped("😀 Hi "), "Hi ");
        assert_eq!(stripped(" 🇩🇪"), "");
        assert_eq!(stripped("5️⃣ → six"), "5 six");
    }

    #[test]
    fn ornament_goes_and_what_it_joined_stays_apart() {
        assert_eq!(stripped("**bold**, `code` and snake_case"), "bold, code and snake case");
        assert_eq!(stripped("3*4 • x"), "3 4 x");
    }

    #[test]
    fn the_spelling_of_other_scripts_is_not_touched() {
        for text in ["می‌خواهم", "क्‍ष", "naïve café", "日本語。", "l·l"] {
            assert_eq!(stripped(text), text);
        }
    }
}
