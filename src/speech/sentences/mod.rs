//! A model's words, as they come, cut into pieces that can be spoken. No I/O, no clock.
//!
//! The first piece leaves early, at a clause, so that the caller waits less; the others are sentences,
//! which sound better. Written ornament (Markdown) is taken out. Numbers, dates and abbreviations are not
//! spelt out: the voice knows how to read them.

mod boundary;
mod early;
mod markdown;

use boundary::boundary;
use early::early_end;
use markdown::speakable;

/// Cuts one reply.
#[derive(Debug)]
pub struct Sentences {
    /// What did not leave yet; never begins with white space.
    pending: String,
    /// Nothing has left yet.
    first: bool,
    /// `pending` begins a line, where bullets and headings stand.
    line_start: bool,
}

impl Default for Sentences {
    fn default() -> Self {
        Self::new()
    }
}

impl Sentences {
    /// A cutter for a new reply.
    #[must_use]
    pub fn new() -> Self {
        Self { pending: String::new(), first: true, line_start: true }
    }

    /// Takes the next words and gives the pieces they complete. Each ends in a space, so that pieces may be
    /// concatenated verbatim; where the input was cut makes no difference.
    pub fn push(&mut self, text: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        for c in text.chars() {
            self.take(c);
            // Only a character that ends something, or is the first after it, can complete a piece; asking
            // after each one keeps the result independent of where the input is cut.
            while let Some(end) = boundary(&self.pending, self.first) {
                pieces.extend(self.cut(end).map(|piece| piece + " "));
            }
        }
        pieces
    }

    /// Whether [`stalled`](Self::stalled) would give a piece now.
    #[must_use]
    pub fn may_leave_early(&self) -> bool {
        self.first && early_end(&self.pending).is_some()
    }

    /// The model says nothing more for a while: the first piece leaves before its clause has ended, if there is a good
    /// place for that. Later pieces wait for their sentence, as there is sound to listen to.
    pub fn stalled(&mut self) -> Option<String> {
        let end = early_end(&self.pending).filter(|_| self.first)?;
        self.cut(end).map(|piece| piece + " ")
    }

    /// The reply is over: gives what is left, if it can be spoken.
    pub fn flush(&mut self) -> Option<String> {
        let end = self.pending.len();
        self.cut(end)
    }

    /// White space is kept as one space or one line feed, which also bounds what a vendor can make us hold.
    fn take(&mut self, c: char) {
        let last = self.pending.chars().next_back();
        match (last, c) {
            (None, '\n') => self.line_start = true,
            (None, c) if c.is_whitespace() => {}
            (Some(' '), '\n') => {
                self.pending.pop();
                self.pending.push('\n');
            }
            (Some(' ' | '\n'), c) if c.is_whitespace() => {}
            (_, '\n') => self.pending.push('\n'),
            (_, c) => self.pending.push(if c.is_whitespace() { ' ' } else { c }),
        }
    }

    fn cut(&mut self, end: usize) -> Option<String> {
        let rest = self.pending.split_off(end);
        let piece = std::mem::replace(&mut self.pending, rest.trim_start().to_owned());
        let spoken = speakable(piece.trim(), self.line_start);
        let gap = &rest[..rest.len() - rest.trim_start().len()];
        self.line_start = piece.ends_with('\n') || gap.contains('\n');
        if spoken.is_empty() {
            return None;
        }
        self.first = false;
        Some(spoken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces of a text that comes in one go, trimmed.
    fn pieces(text: &str) -> Vec<String> {
        cut_as(&[text]).into_iter().map(|piece| piece.trim_end().to_owned()).collect()
    }

    fn cut_as(tokens: &[&str]) -> Vec<String> {
        let mut sentences = Sentences::new();
        let mut pieces: Vec<_> = tokens.iter().flat_map(|token| sentences.push(token)).collect();
        pieces.extend(sentences.flush());
        pieces
    }

    #[test]
    fn the_first_clause_leaves_early_and_later_ones_wait_for_the_sentence() {
        assert_eq!(
            pieces("I am sorry to hear that, let me look. If you like, I can call, too. Yes?"),
            ["I am sorry to hear that,", "let me look.", "If you like, I can call, too.", "Yes?"]
        );
        assert_eq!(
            pieces("Well, yes, of course, I can help you."),
            ["Well, yes, of course,", "I can help you."]
        );
        assert_eq!(pieces("Sure. Go on."), ["Sure.", "Go on."]);
    }

    #[test]
    fn the_first_clause_leaves_with_the_next_token() {
        let mut sentences = Sentences::new();
        assert!(sentences.push("I am sorry to hear that,").is_empty());
        assert_eq!(sentences.push(" let"), ["I am sorry to hear that, "]);
        assert!(sentences.push(" me see.").is_empty());
        assert_eq!(sentences.push(" Your"), ["let me see. "]);
    }

    #[test]
    fn a_stalled_first_clause_leaves_at_a_word_and_no_later_one_does() {
        let mut sentences = Sentences::new();
        assert!(sentences.push("Let me have a look at that ord").is_empty());
        assert!(sentences.may_leave_early());
        assert_eq!(sentences.stalled().as_deref(), Some("Let me have a look at that "));
        assert!(sentences.push("er of yours and tell you what I can s").is_empty());
        assert!(!sentences.may_leave_early());
        assert_eq!(sentences.stalled(), None);
        assert_eq!(sentences.push("ee. Fine"), ["order of yours and tell you what I can see. "]);
    }

    #[test]
    fn dashes_and_colons_end_the_first_clause_but_not_times_and_numbers() {
        assert_eq!(pieces("Thank you for waiting—here it is."), ["Thank you for waiting—", "here it is."]);
        assert_eq!(pieces("There are two options: one and two."), ["There are two options:", "one and two."]);
        let whole = "We open at around about 10:30 and have 1,000 of May 3, 2027 left.";
        assert_eq!(pieces(whole), [whole]);
    }

    #[test]
    fn abbreviations_prices_and_addresses_stay_whole() {
        for whole in [
            "Dr. Smith pays $29.95 for 3.5 kg, e.g. at J. R. Miller Inc. in St. Louis at www.example.com/a.b?c=1.2 or so.",
            "Meet at 5 p.m. on Jan. 3 at No. 7.",
            "It is approx. half, i.e. little vs. much, etc. and so on.",
            "Wait... what do you mean by ver. 2?",
            "Write to a.b@example.com!",
        ] {
            let mut sentences = Sentences::new();
            sentences.first = false;
            let mut all = sentences.push(whole);
            all.extend(sentences.flush());
            assert_eq!(all, [whole]);
        }
    }

    #[test]
    fn what_looks_like_an_abbreviation_may_end_a_sentence() {
        assert_eq!(pieces("No. That is wrong."), ["No.", "That is wrong."]);
        assert_eq!(pieces("We close at 5 p.m. Come early."), ["We close at 5 p.m.", "Come early."]);
        assert_eq!(pieces("It costs $30. Fine?"), ["It costs $30.", "Fine?"]);
        assert_eq!(pieces("\"Really?!\" he said."), ["\"Really?!\"", "he said."]);
        assert_eq!(pieces("(Yes.) Go."), ["(Yes.)", "Go."]);
    }

    #[test]
    fn other_scripts_end_their_sentences_in_their_own_way() {
        assert_eq!(pieces("こんにちは。元気ですか？はい"), ["こんにちは。", "元気ですか？", "はい"]);
        assert_eq!(pieces("नमस्ते। कैसे हैं?"), ["नमस्ते।", "कैसे हैं?"]);
    }

    #[test]
    fn markdown_is_not_spoken() {
        assert_eq!(
            pieces(
                "# Your options\n\n- **Billing**: call `us`.\n* *Sales*\n1. One\n> quoted\n---\n[Our site](https://example.com/a.b) helps. ![logo](x.png)"
            ),
            ["Your options", "Billing: call us.", "Sales", "1. One", "quoted", "Our site helps.", "logo"]
        );
        assert_eq!(pieces("**Note:** a *very. Odd* one."), ["Note: a very.", "Odd one."]);
    }

    #[test]
    fn keys_of_a_phone_are_not_markdown() {
        for whole in
            ["Press * or # now.", "Dial *67 first.", "That is 5*3 or 5 * 3.", "Press *.", "Item #1 [sic]."]
        {
            assert_eq!(pieces(whole), [whole]);
        }
    }

    #[test]
    fn a_link_is_never_cut() {
        let text = "Please have a look at [this. Or, well, that](https://example.com/a, b.c) today.";
        assert_eq!(pieces(text), ["Please have a look at this. Or, well, that today."]);
    }

    #[test]
    fn a_sentence_without_end_is_cut_at_a_word() {
        let long = "word ".repeat(200);
        let pieces = pieces(&long);
        assert!(pieces.len() >= 4 && pieces.iter().all(|piece| piece.chars().count() <= 201), "{pieces:?}");
        assert_eq!(pieces.join(" "), long.trim_end());
    }

    #[test]
    fn what_never_ends_is_bounded() {
        for endless in ["x", "!", ".", "[", " ", "\n", "。", "*", "— ", "[a](", "\u{1F600}"] {
            let mut sentences = Sentences::new();
            for _ in 0..1300 {
                sentences.push(endless);
            }
            assert!(sentences.pending.chars().count() <= 1100, "{endless}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        for text in ["", " ", "\n\n", "***", "---\n", "# "] {
            assert_eq!(pieces(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn all_words_are_kept_in_order(text in "(([a-zA-Z]{1,12}|[0-9]{1,4}|Dr|e\\.g|3\\.5|\\$1,000)[.,;:!?—…]{0,2}[ \n]{1,2}){0,80}") {
            let words = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(words(&cut_as(&[&text]).concat()), words(&text));
            for piece in cut_as(&[&text]) {
                prop_assert!(piece.chars().count() <= 202, "{piece}");
            }
        }

        #[test]
        fn words_are_never_cut_in_two(text in "([a-z0-9.,]{1,30}[ ]){0,80}") {
            let all = cut_as(&[&text]).concat();
            prop_assert_eq!(all.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        }

        #[test]
        fn where_the_tokens_end_makes_no_difference(
            text in "[a-zA-Z.!?,:\\[\\]()*#` \n—。-]{0,300}",
            cuts in proptest::collection::vec(0usize..300, 0..20),
        ) {
            let chars: Vec<char> = text.chars().collect();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(chars.len())).collect();
            cuts.extend([0, chars.len()]);
            cuts.sort_unstable();
            let tokens: Vec<String> = cuts.windows(2).map(|w| chars[w[0]..w[1]].iter().collect()).collect();
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            prop_assert_eq!(cut_as(&tokens), cut_as(&[&text]));
        }

        #[test]
        fn no_text_can_break_it(text in any::<String>()) {
            cut_as(&[&text]);
        }

        #[test]
        fn a_stall_anywhere_cuts_no_word_and_loses_none(
            text in "([a-zA-Z]{1,9}|[0-9]{1,4}|a@b\\.c|Dr\\.)([,.]? ([a-zA-Z]{1,9}|[0-9]{1,4}|a@b\\.c|Dr\\.)){0,30}",
            at in any::<proptest::sample::Index>(),
        ) {
            let (before, after) = text.split_at(at.index(text.len() + 1));
            let mut sentences = Sentences::new();
            let mut pieces = sentences.push(before);
            pieces.extend(sentences.stalled());
            pieces.extend(sentences.push(after));
            pieces.extend(sentences.flush());
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&pieces.concat()), words(&text));
        }
    }
}
