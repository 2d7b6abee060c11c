//! Words between white space, and the punctuation around them.

/// One word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The white space before it.
    pub(super) gap: &'a str,
    /// Opening brackets and quotes.
    pub(super) lead: &'a str,
    /// What is between the punctuation.
    pub(super) core: &'a str,
    /// Closing brackets, quotes and marks.
    pub(super) trail: &'a str,
}

impl Word<'_> {
    /// The core without its dots, in lower case: `A.M` is `am`.
    pub(super) fn letters(&self) -> String {
        self.core.chars().filter(|&c| c != '.').flat_map(char::to_lowercase).collect()
    }
}

/// The words of a text, and the white space after the last one.
pub(super) fn words(text: &str) -> (Vec<Word<'_>>, &str) {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (gap, from) = rest.split_at(start);
        if from.is_empty() {
            return (words, gap);
        }
        let end = from.find(char::is_whitespace).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        words.push(dissect(gap, word));
        rest = after;
    }
}

fn dissect<'a>(gap: &'a str, word: &'a str) -> Word<'a> {
    let without_lead = word.trim_start_matches(['(', '[', '{', '"', '\'', '“', '‘', '«', '¿', '¡', '<']);
    let lead = &word[..word.len() - without_lead.len()];
    let marks = ['.', ',', ';', ':', '!', '?', '…', ')', ']', '}', '"', '\'', '”', '’', '»', '>'];
    let core = without_lead.trim_end_matches(marks);
    Word { gap, lead, core, trail: &without_lead[core.len()..] }
}
