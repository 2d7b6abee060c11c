//! A text as it was written and as it is spoken, side by side: how much of the one was said when so much of the
//! other was heard.

/// Written words that may stand against spoken ones before both meet again.
const MOST_WRITTEN: usize = 8;
/// Spoken words that may: a long number has many.
const MOST_SPOKEN: usize = 40;

/// Both forms of a text that grows piece by piece.
#[derive(Debug, Default)]
pub struct Ledger {
    written: String,
    spoken: String,
    stretches: Vec<Stretch>,
}

/// Where a stretch ends in both texts; it begins where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    written: usize,
    spoken: usize,
    /// The two are the same, letter by letter. Otherwise the written counts when all of the spoken was heard.
    same: bool,
}

impl Ledger {
    /// Adds a piece in both forms.
    pub fn append(&mut self, written: &str, spoken: &str) {
        if written == spoken {
            self.meet(self.written.len() + written.len(), self.spoken.len() + spoken.len(), written, spoken);
        } else {
            self.align(written, spoken);
        }
        self.written.push_str(written);
        self.spoken.push_str(spoken);
    }

    /// The text as it was written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The text as it is spoken.
    #[must_use]
    pub fn spoken(&self) -> &str {
        &self.spoken
    }

    /// The beginning of the written text that was said with the first so many bytes of the spoken one.
    #[must_use]
    pub fn written_until(&self, spoken: usize) -> &str {
        let (mut written, mut from) = (0, 0);
        for stretch in &self.stretches {
            if spoken >= stretch.spoken {
                (written, from) = (stretch.written, stretch.spoken);
                continue;
            }
            if stretch.same {
                written += spoken - from;
            }
            break;
        }
        self.written.get(..written).unwrap_or(&self.written).trim_end()
    }

    fn align(&mut self, written: &str, spoken: &str) {
        let (w, s) = (words(written), words(spoken));
        let (mut i, mut j) = (0, 0);
        let (base_w, base_s) = (self.written.len(), self.spoken.len());
        let (mut done_w, mut done_s) = (0, 0);
        while i < w.len() && j < s.len() {
            let Some((skip_w, skip_s)) = meeting(written, &w[i..], spoken, &s[j..]) else { break };
            if (skip_w, skip_s) != (0, 0) {
                let end_w = if skip_w == 0 { done_w } else { w[i + skip_w - 1].1 };
                let end_s = if skip_s == 0 { done_s } else { s[j + skip_s - 1].1 };
                self.meet(base_w + end_w, base_s + end_s, &written[done_w..end_w], &spoken[done_s..end_s]);
                (done_w, done_s) = (end_w, end_s);
            }
            (i, j) = (i + skip_w, j + skip_s);
            self.meet(base_w + w[i].1, base_s + s[j].1, &written[done_w..w[i].1], &spoken[done_s..s[j].1]);
            (done_w, done_s) = (w[i].1, s[j].1);
            (i, j) = (i + 1, j + 1);
        }
        self.meet(base_w + written.len(), base_s + spoken.len(), &written[done_w..], &spoken[done_s..]);
    }

    fn meet(&mut self, written: usize, spoken: usize, from_written: &str, from_spoken: &str) {
        let same = from_written == from_spoken;
        match self.stretches.last_mut() {
            Some(last) if last.same && same => *last = Stretch { written, spoken, same },
            _ => self.stretches.push(Stretch { written, spoken, same }),
        }
    }
}

/// How many words to skip on either side until the next are the same; the fewest.
fn meeting(
    written: &str,
    w: &[(usize, usize)],
    spoken: &str,
    s: &[(usize, usize)],
) -> Option<(usize, usize)> {
    let most = MOST_WRITTEN + MOST_SPOKEN;
    (0..=most).find_map(|skipped| {
        (0..=skipped.min(MOST_WRITTEN)).map(|a| (a, skipped - a)).find(|&(a, b)| {
            b <= MOST_SPOKEN
                && matches!((w.get(a), s.get(b)), (Some(w), Some(s)) if written[w.0..w.1] == spoken[s.0..s.1])
        })
    })
}

/// Where the words of a text begin and end, punctuation included.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), start) {
            (true, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, text.len())));
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::speech::spoken::spoken;

    fn ledger(written: &str) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.append(written, &spoken(written, "en-US"));
        ledger
    }

    fn said_with(ledger: &Ledger, heard: &str) -> String {
        assert!(ledger.spoken().starts_with(heard), "{heard:?} does not begin {:?}", ledger.spoken());
        ledger.written_until(heard.len()).to_owned()
    }

    #[test]
    fn a_number_was_said_when_all_of_its_words_were() {
        let ledger = ledger("It costs $5.50 today, call 415-555-0132 now.");
        for (heard, said) in [
            ("It costs", "It costs"),
            ("It costs five dollars", "It costs"),
            ("It costs five dollars and fifty cents", "It costs $5.50"),
            ("It costs five dollars and fifty cents today,", "It costs $5.50 today,"),
            (ledger.spoken(), ledger.written()),
        ] {
            assert_eq!(said_with(&ledger, heard), said, "{}", ledger.spoken());
        }
    }

    #[test]
    fn text_that_is_spoken_as_written_is_counted_letter_by_letter() {
        let mut ledger = ledger("你好,世界。");
        assert_eq!(said_with(&ledger, "你好,"), "你好,");
        ledger.append(" Bye!", " Bye!");
        assert_eq!(ledger.written_until(ledger.spoken().len()), "你好,世界。 Bye!");
    }

    proptest! {
        #[test]
        fn what_was_said_is_a_beginning_that_only_grows_and_ends_whole(
            pieces in proptest::collection::vec("([a-z]{1,6}|[$][0-9]{1,4}|[0-9]{1,3}%|☺| ){0,12}", 0..4),
        ) {
            let mut ledger = Ledger::default();
            for piece in &pieces {
                ledger.append(piece, &spoken(piece, "en-US"));
            }
            let mut last = 0;
            for heard in 0..=ledger.spoken().len() {
                let said = ledger.written_until(heard).len();
                prop_assert!(said >= last);
                last = said;
            }
            prop_assert_eq!(ledger.written_until(ledger.spoken().len()), ledger.written().trim_end());
        }
    }
}
