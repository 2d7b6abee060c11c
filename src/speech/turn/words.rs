//! The words of a turn, as far as the recogniser has given them.

use std::time::Duration;

/// Words collected so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    fixed: String,
    /// Words that may still change.
    interim: String,
    /// Whether the vendor holds the utterance to be over, nothing new having come since.
    over: bool,
    /// How often the vendor was asked to finalize and has not answered. The answer to an earlier question
    /// says nothing about what was spoken since.
    unanswered: u32,
    /// When words last came.
    pub(super) newest: Duration,
}

impl Words {
    pub(super) fn none_since(now: Duration) -> Self {
        Self { newest: now, ..Self::default() }
    }

    pub(super) fn interim(&mut self, now: Duration, text: &str) {
        text.trim().clone_into(&mut self.interim);
        if self.has_interim() {
            self.over = false;
            self.newest = now;
        }
    }

    pub(super) fn fixed(&mut self, now: Duration, text: &str, over: bool) {
        self.interim.clear();
        append(&mut self.fixed, text);
        if !text.trim().is_empty() {
            self.newest = now;
        }
        self.over = over || (self.over && text.trim().is_empty());
        self.unanswered = self.unanswered.saturating_sub(u32::from(over));
    }

    /// The vendor is asked for what it holds back.
    pub(super) fn asked(&mut self) {
        self.unanswered += 1;
    }

    /// An answer to the last question is awaited, and to no other.
    pub(super) fn awaits_one_answer(&self) -> bool {
        self.unanswered == 1
    }

    /// An answer is awaited.
    pub(super) fn awaits_an_answer(&self) -> bool {
        self.unanswered > 0
    }

    /// More is being said.
    pub(super) fn go_on(&mut self) {
        self.over = false;
    }

    pub(super) fn are_over(&self) -> bool {
        self.over && self.unanswered == 0
    }

    pub(super) fn has_interim(&self) -> bool {
        !self.interim.is_empty()
    }

    pub(super) fn has_fixed(&self) -> bool {
        !self.fixed.is_empty()
    }

    pub(super) fn has_any(&self) -> bool {
        self.has_fixed() || self.has_interim()
    }

    /// What was said, with the words that may still change.
    pub(super) fn text(&self) -> String {
        let mut text = self.fixed.clone();
        append(&mut text, &self.interim);
        text
    }

    /// Whether a text is just the interim words again, now fixed.
    pub(super) fn interim_says(&self, text: &str) -> bool {
        self.has_interim() && same_words(&self.interim, text)
    }

    /// Whether a text is a beginning or an end of what was said.
    pub(super) fn hold(&self, text: &str) -> bool {
        let (said, text) = (letters(&self.text()), letters(text));
        !text.is_empty() && (said.starts_with(&text) || said.ends_with(&text))
    }

    /// Whether a text is all that was said or the end of it.
    pub(super) fn end_with(&self, text: &str) -> bool {
        let (said, text) = (letters(&self.text()), letters(text));
        said.ends_with(&text)
    }
}

/// Adds words after a space.
fn append(text: &mut String, more: &str) {
    let more = more.trim();
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn same_words(a: &str, b: &str) -> bool {
    letters(a) == letters(b)
}

/// Interim words lack the punctuation and capitals that fixed ones have.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
