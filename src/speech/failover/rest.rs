//! What of a text another voice has to speak. No I/O, no clock.

use std::time::Duration;

use crate::audio::SAMPLE_RATE;
use crate::speech::Word;

/// How fast voices speak, where they do not say where their words lie: slower than most, so that a word is
/// heard twice rather than never.
const CHARACTERS_PER_SECOND: f64 = 13.0;

/// What was given of a context.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Samples at 16 kHz.
    pub(super) samples: usize,
    /// Words, with offsets in that audio.
    pub(super) words: Vec<Word>,
}

impl Given {
    /// How much audio there is.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.samples as f64 / f64::from(SAMPLE_RATE))
    }

    /// The part of `text` whose audio is missing, from a word's edge.
    pub(super) fn rest_of<'t>(&self, text: &'t str) -> &'t str {
        if self.samples == 0 {
            return text;
        }
        if self.words.is_empty() {
            return self.by_time(text);
        }
        let length = self.length();
        // A word that is cut off is spoken again.
        let whole = self.words.iter().filter(|word| word.end <= length).count();
        after_words(text, whole)
    }

    /// From the sentence, or at least the word, that was being spoken.
    fn by_time<'t>(&self, text: &'t str) -> &'t str {
        let characters = (self.length().as_secs_f64() * CHARACTERS_PER_SECOND) as usize;
        let Some((at, _)) = text.char_indices().nth(characters) else {
            // All of it, as far as one can tell: the last word alone would be strange.
            return "";
        };
        let spoken = &text[..at];
        let sentence = spoken.rfind(['.', '!', '?', ';', ':']).map(|end| end + 1);
        let word = spoken.rfind(char::is_whitespace).map(|space| space + 1);
        let from = match (sentence, word) {
            // A short sentence is begun again.
            (Some(sentence), _) if spoken[sentence..].chars().count() < 40 => sentence,
            (_, word) => word.unwrap_or(0),
        };
        text[from..].trim_start()
    }
}

/// What is behind so many words.
fn after_words(text: &str, words: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..words {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "One two three. Four five six seven.";

    fn word(text: &str, start: u64, end: u64) -> Word {
        Word { text: text.to_owned(), start: Duration::from_millis(start), end: Duration::from_millis(end) }
    }

    #[test]
    fn nothing_given_is_all_to_be_said() {
        assert_eq!(Given::default().rest_of(TEXT), TEXT);
    }

    #[test]
    fn known_words_are_not_repeated_but_for_one_that_was_cut() {
        let words = vec![word("One", 0, 300), word("two", 300, 600), word("three.", 600, 1100)];
        let given = |samples: usize| Given { samples, words: words.clone() };
        assert_eq!(given(16 * 600).rest_of(TEXT), "three. Four five six seven.");
        assert_eq!(given(16 * 900).rest_of(TEXT), "three. Four five six seven.");
        assert_eq!(given(16 * 1100).rest_of(TEXT), "Four five six seven.");
    }

    #[test]
    fn without_words_the_sentence_is_begun_again() {
        let given = |ms: usize| Given { samples: 16 * ms, words: Vec::new() };
        assert_eq!(given(1900).rest_of(TEXT), "Four five six seven.");
        assert_eq!(given(500).rest_of(TEXT), "two three. Four five six seven.");
        assert_eq!(given(9000).rest_of(TEXT), "");
    }
}
