//! Which part of a text was heard, when its audio was played up to some point.

use std::time::Duration;

use super::super::Word;

/// Words of the text among which a spoken word is sought. Vendors spell differently here and there (numbers,
/// abbreviations), so what is spoken and what was written part for a few words and meet again.
const LOOK_AHEAD: usize = 4;

/// The beginning of a text that was heard after so much audio, by the vendor's word times. A word counts
/// from its middle on.
pub(super) fn by_words<'t>(text: &'t str, words: &[Word], played: Duration) -> &'t str {
    let mut edge = 0;
    let mut missed = 0;
    for word in words.iter().take_while(|word| (word.start + word.end) / 2 <= played) {
        match find_word(text, edge, word.text.trim_matches(is_mark)) {
            Some(end) => (edge, missed) = (end, 0),
            // They no longer meet: each spoken word stands for one that was written.
            None if missed >= LOOK_AHEAD => edge = end_of_token(text, start_of_token(text, edge)),
            None => missed += 1,
        }
    }
    text[..with_marks(text, edge)].trim_end()
}

/// The beginning of a text that was heard when `played` of `total` samples were, at a word edge.
pub(super) fn by_share(text: &str, played: usize, total: usize) -> &str {
    if played >= total {
        return text.trim_end();
    }
    let chars = text.chars().count() * played / total;
    let end = text.char_indices().nth(chars).map_or(text.len(), |(n, _)| n);
    if text[end..].starts_with(char::is_whitespace) {
        return text[..end].trim_end();
    }
    text[..end].rfind(char::is_whitespace).map_or("", |edge| text[..edge].trim_end())
}

/// Where a word that is spoken next ends in the text.
fn find_word(text: &str, from: usize, word: &str) -> Option<usize> {
    if word.is_empty() {
        return Some(from);
    }
    let mut start = start_of_token(text, from);
    for _ in 0..LOOK_AHEAD {
        if text[start..].get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word)) {
            return Some(start + word.len());
        }
        start = start_of_token(text, end_of_token(text, start));
    }
    None
}

fn start_of_token(text: &str, from: usize) -> usize {
    from + text[from..].find(|c| !is_mark(c)).unwrap_or(text.len() - from)
}

fn end_of_token(text: &str, from: usize) -> usize {
    from + text[from..].find(char::is_whitespace).unwrap_or(text.len() - from)
}

/// Takes the punctuation with the word that it follows.
fn with_marks(text: &str, edge: usize) -> usize {
    let rest = &text[edge..];
    let next = rest.find(|c: char| c.is_whitespace() || !is_mark(c)).unwrap_or(rest.len());
    if edge == 0 { 0 } else { edge + next }
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(texts: &[&str]) -> Vec<Word> {
        let at = |n: usize| Duration::from_millis(100 * n as u64);
        texts
            .iter()
            .enumerate()
            .map(|(n, text)| Word { text: (*text).into(), start: at(n), end: at(n + 1) })
            .collect()
    }

    #[test]
    fn words_are_heard_from_their_middle_on_with_their_punctuation() {
        let text = "Hello, I am the \"bot\". Bye!";
        let spoken = words(&["Hello", "I", "am", "the", "bot", "Bye"]);
        let heard = |ms| by_words(text, &spoken, Duration::from_millis(ms));
        assert_eq!(heard(0), "");
        assert_eq!(heard(49), "");
        assert_eq!(heard(50), "Hello,");
        assert_eq!(heard(349), "Hello, I am");
        assert_eq!(heard(460), "Hello, I am the \"bot\".");
        assert_eq!(heard(10_000), text);
    }

    #[test]
    fn a_vendors_other_spelling_costs_a_word_until_they_meet_again() {
        let text = "It costs $5 in total, call +1 555.";
        let spoken = words(&["it", "costs", "five", "dollars", "in", "total,", "call"]);
        let heard = |ms| by_words(text, &spoken, Duration::from_millis(ms));
        assert_eq!(heard(260), "It costs");
        assert_eq!(heard(460), "It costs $5 in");
        assert_eq!(heard(660), "It costs $5 in total, call");
    }

    #[test]
    fn a_vendor_that_writes_otherwise_altogether_still_gives_a_length() {
        let spoken = words(&["ein", "zwei", "drei", "vier", "fünf", "sechs"]);
        assert_eq!(by_words("one two three four five six", &spoken, Duration::from_secs(1)), "one two");
    }

    #[test]
    fn text_without_spaces_is_cut_between_its_words() {
        let spoken = words(&["你好", "世界"]);
        assert_eq!(by_words("你好,世界。", &spoken, Duration::from_millis(60)), "你好,");
    }

    #[test]
    fn a_share_ends_at_a_word_edge() {
        let text = "one two three";
        assert_eq!(by_share(text, 0, 13), "");
        assert_eq!(by_share(text, 3, 13), "one");
        assert_eq!(by_share(text, 6, 13), "one");
        assert_eq!(by_share(text, 7, 13), "one two");
        assert_eq!(by_share(text, 12, 13), "one two");
        assert_eq!(by_share(text, 13, 13), text);
        assert_eq!(by_share("", 0, 0), "");
    }

    proptest! {
        #[test]
        fn what_was_heard_is_a_beginning_that_only_grows(
            text in "[a-zé你 ,.$]{0,60}",
            spoken in proptest::collection::vec("[a-zé你.]{0,6}", 0..12),
        ) {
            let spoken = words(&spoken.iter().map(String::as_str).collect::<Vec<_>>());
            let mut last = 0;
            for ms in (0..1_500).step_by(50) {
                let heard = by_words(&text, &spoken, Duration::from_millis(ms));
                prop_assert!(text.starts_with(heard) && heard.len() >= last);
                last = heard.len();
            }
            for played in 0..30 {
                prop_assert!(text.starts_with(by_share(&text, played, 30)));
            }
        }
    }
}
