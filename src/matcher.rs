//! What text means: yes or no, which intent, which values. Deterministic, English, and rather silent than wrong.
//!
//! [`yes_no()`] is the grammar of `confirm`. [`best`] matches a sentence against intents: for `dial` with
//! `listen:` while it rings, and wherever no model runs. [`spoken`] and [`keyed`] read the answers to a `collect`.
//! None of them learns, guesses from context or looks at anything but its arguments.

mod days;
mod intent;
mod numerals;
mod slots;
mod yes_no;

pub use intent::{Candidate, best};
pub use slots::{MOST_KEYS, Sought, keyed, spoken};
pub use yes_no::yes_no;

/// A word in lower case without apostrophes, or the end of a clause.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Break,
}

/// Words and clause ends of a text, in order. Anything that is neither letter, digit nor apostrophe
/// separates words; `, . ; : ! ?` and dashes between words also end a clause.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        match c {
            '\'' | '’' | '‘' => {}
            c if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ => {
                if !word.is_empty() {
                    tokens.push(Token::Word(std::mem::take(&mut word)));
                }
                if matches!(c, ',' | '.' | ';' | ':' | '!' | '?' | '–' | '—') {
                    tokens.push(Token::Break);
                }
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_and_apostrophes_and_clauses_are_kept_apart() {
        let word = |w: &str| Token::Word(w.to_owned());
        assert_eq!(
            tokens("That’s ALL, bye-bye!"),
            [word("thats"), word("all"), Token::Break, word("bye"), word("bye"), Token::Break]
        );
        assert_eq!(tokens("  "), []);
    }
}
