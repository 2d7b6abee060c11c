//! Values in an answer: what a caller says or keys, read as the types that were asked for.
//!
//! An answer may hold several values, and words that are none. A value is taken if there is one way to take
//! it; of two numbers for one question neither is. What is found is given in the notation of the language
//! (`+15550100123`, `2026-12-24`, `90s`), so that reading it again is the type's own business.

use std::ops::Range;

use super::numerals::{Found, Token, digit_runs, number_at, numbers, pieces};
use super::{days, yes_no};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought<'a> {
    /// Any words: the whole answer.
    Text,
    /// A string of digits, zeros kept; so many, if a number is given.
    Digits(Option<u32>),
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// Yes or no; keys 1 and 2.
    Bool,
    /// One of these words; keyed by its place, from 1.
    Enum(Vec<&'a str>),
    /// A telephone number. Ten digits are read as a North American one, more with their country code.
    Phone,
    /// A day with its year. `month_first` is how 3/4/2026 is read.
    Date {
        /// As in the United States.
        month_first: bool,
    },
    /// A length of time.
    Duration,
    /// Words with commas or `and` between them: the whole answer.
    List,
}

impl Sought<'_> {
    /// Whether it can be entered on the keys of a telephone.
    #[must_use]
    pub fn can_be_keyed(&self) -> bool {
        match self {
            Self::Text | Self::List | Self::Duration => false,
            Self::Enum(words) => words.len() <= 9,
            Self::Digits(_) | Self::Int | Self::Number | Self::Bool | Self::Phone | Self::Date { .. } => true,
        }
    }
}

/// Reads keys that were pressed.
#[must_use]
pub fn keyed(keys: &str, sought: &Sought<'_>) -> Option<String> {
    if keys.is_empty() || keys.len() > MOST_KEYS || !keys.bytes().all(|key| key.is_ascii_digit()) {
        return None;
    }
    match sought {
        Sought::Digits(count) => {
            count.is_none_or(|count| keys.len() == count as usize).then(|| keys.to_owned())
        }
        Sought::Int | Sought::Number => Some(keys.to_owned()),
        Sought::Bool => match keys {
            "1" => Some("true".to_owned()),
            "2" => Some("false".to_owned()),
            _ => None,
        },
        Sought::Enum(words) => {
            let place: usize = keys.parse().ok()?;
            words.get(place.checked_sub(1)?).map(|word| (*word).to_owned())
        }
        Sought::Phone => telephone(keys, false),
        Sought::Date { month_first } => days::keyed(keys, *month_first).map(|date| date.to_string()),
        Sought::Text | Sought::List | Sought::Duration => None,
    }
}

/// The most keys that one answer can have.
pub const MOST_KEYS: usize = 32;

/// Reads an answer for every type that is sought, in their order. `asked` is the one that the question was
/// about, if it was about one: it takes what could be several's, and only it takes the whole answer.
#[must_use]
pub fn spoken(text: &str, sought: &[Sought<'_>], asked: Option<usize>) -> Vec<Option<String>> {
    let mut reading = Reading { tokens: pieces(text), values: vec![None; sought.len()], sought, asked };
    reading.share(
        |s| matches!(s, Sought::Date { .. }),
        |tokens, s| {
            let month_first = matches!(s, Sought::Date { month_first: true });
            texts(days::days(tokens, month_first))
        },
    );
    reading.share(|s| matches!(s, Sought::Duration), |tokens, _| texts(lengths(tokens)));
    reading.share(
        |s| matches!(s, Sought::Phone),
        |tokens, _| {
            let read = |(at, (digits, plus)): Found<(String, bool)>| Some((at, telephone(&digits, plus)?));
            digit_runs(tokens).into_iter().filter_map(read).collect()
        },
    );
    for (index, one) in sought.iter().enumerate() {
        match one {
            Sought::Digits(count) => reading.take(index, |tokens| {
                let fits = |digits: &str| count.is_none_or(|count| digits.len() == count as usize);
                let runs = digit_runs(tokens).into_iter().filter(|(_, (digits, _))| fits(digits));
                runs.map(|(at, (digits, _))| (at, digits)).collect()
            }),
            Sought::Enum(words) => reading.take(index, |tokens| named(tokens, words)),
            Sought::Bool => {
                let alone = sought.iter().filter(|s| **s == Sought::Bool).count() == 1;
                if alone || asked == Some(index) {
                    reading.values[index] = yes_no(text).map(|yes| yes.to_string());
                }
            }
            _ => {}
        }
    }
    reading.share(
        |s| matches!(s, Sought::Int | Sought::Number),
        |tokens, s| {
            let whole = |(_, value): &Found<f64>| *s == Sought::Number || value.fract() == 0.0;
            texts(numbers(tokens).into_iter().filter(whole).collect())
        },
    );
    reading.whole(text);
    reading.values
}

fn texts<T: ToString>(found: Vec<Found<T>>) -> Vec<Found<String>> {
    found.into_iter().map(|(at, value)| (at, value.to_string())).collect()
}

struct Reading<'s, 'a> {
    tokens: Vec<Token>,
    values: Vec<Option<String>>,
    sought: &'s [Sought<'a>],
    asked: Option<usize>,
}

impl<'a> Reading<'_, 'a> {
    /// Gives what is found to those of one sort: as many values as there are takers, or one to the one asked for.
    fn share(
        &mut self,
        sort: impl Fn(&Sought<'a>) -> bool,
        find: impl Fn(&[Token], &Sought<'a>) -> Vec<Found<String>>,
    ) {
        let takers: Vec<usize> = (0..self.sought.len()).filter(|&index| sort(&self.sought[index])).collect();
        let Some(&first) = takers.first() else { return };
        let asked = self.asked.filter(|asked| takers.contains(asked));
        let found = distinct(find(&self.tokens, &self.sought[asked.unwrap_or(first)]));
        let takers = match asked {
            Some(asked) if found.len() == 1 => vec![asked],
            _ => takers,
        };
        if found.len() == takers.len() {
            for (index, (at, value)) in takers.into_iter().zip(found) {
                self.give(index, at, value);
            }
        }
    }

    /// Gives the only thing that is found to one.
    fn take(&mut self, index: usize, find: impl Fn(&[Token]) -> Vec<Found<String>>) {
        let mut found = distinct(find(&self.tokens));
        if let (Some((at, value)), true) = (found.pop(), found.is_empty()) {
            self.give(index, at, value);
        }
    }

    fn give(&mut self, index: usize, at: Range<usize>, value: String) {
        self.tokens[at].fill(Token::Read);
        self.values[index] = Some(value);
    }

    /// The whole answer, for the one that was asked for and takes any words.
    fn whole(&mut self, text: &str) {
        let Some(asked) = self.asked else { return };
        let words = without_courtesy(text);
        match self.sought.get(asked) {
            Some(Sought::Text) => self.values[asked] = (!words.is_empty()).then(|| words.to_owned()),
            Some(Sought::List) => {
                let items = words.replace(" and ", ", ");
                let items: Vec<&str> =
                    items.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
                self.values[asked] = (!items.is_empty()).then(|| items.join(", "));
            }
            _ => {}
        }
    }
}

/// A value that is said twice is one value.
fn distinct(found: Vec<Found<String>>) -> Vec<Found<String>> {
    let mut once: Vec<Found<String>> = Vec::new();
    for (at, value) in found {
        if !once.iter().any(|(_, known)| *known == value) {
            once.push((at, value));
        }
    }
    once
}

/// The words of an enum that are said, `_` as a pause between two words.
fn named(tokens: &[Token], words: &[&str]) -> Vec<Found<String>> {
    let mut found: Vec<Found<String>> = Vec::new();
    for word in words {
        let spoken = pieces(&word.replace('_', " "));
        if spoken.is_empty() {
            continue;
        }
        if let Some(at) = tokens.windows(spoken.len()).position(|window| window == spoken) {
            found.push((at..at + spoken.len(), (*word).to_owned()));
        }
    }
    // "premium support" says nothing of "support".
    let all = found.clone();
    found.retain(|(at, _)| {
        !all.iter().any(|(other, _)| other != at && other.start <= at.start && at.end <= other.end)
    });
    found
}

/// Lengths of time, in the language's notation.
fn lengths(tokens: &[Token]) -> Vec<Found<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (mut end, mut seconds) = (at, 0.0);
        while let Some((more, taken)) = length_at(&tokens[end..]) {
            seconds += more;
            end += taken;
            let and = matches!(tokens.get(end), Some(Token::Word(word)) if word == "and");
            if !(and && length_at(&tokens[end + 1..]).is_some()) {
                continue;
            }
            end += 1;
        }
        if end == at {
            at += 1;
            continue;
        }
        found.push((at..end, format!("{}s", seconds.round())));
        at = end;
    }
    found
}

fn length_at(tokens: &[Token]) -> Option<(f64, usize)> {
    let words = |index: usize| match tokens.get(index) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let (count, taken) = match (words(0), words(1)) {
        ("half", "an" | "a") => (0.5, 2),
        ("a" | "an", _) => (1.0, 1),
        _ => number_at(tokens)?,
    };
    let unit = match words(taken).trim_end_matches('s') {
        "second" => 1.0,
        "minute" => 60.0,
        "hour" => 3600.0,
        _ => return None,
    };
    Some((count * unit, taken + 1))
}

/// E.164, if these digits can be a telephone number.
fn telephone(digits: &str, plus: bool) -> Option<String> {
    let international =
        |rest: &str| ((8..=15).contains(&rest.len()) && !rest.starts_with('0')).then(|| format!("+{rest}"));
    if plus {
        return international(digits);
    }
    if let Some(rest) = digits.strip_prefix("011").or_else(|| digits.strip_prefix("00")) {
        return international(rest);
    }
    match digits.len() {
        10 if !digits.starts_with(['0', '1']) => Some(format!("+1{digits}")),
        11..=15 => international(digits),
        _ => None,
    }
}

/// An answer without what is said before it out of courtesy.
fn without_courtesy(text: &str) -> &str {
    const BEFORE: [&str; 14] = [
        "um", "uh", "er", "well", "yes", "yeah", "sure", "okay", "ok", "so", "it's", "its", "that's", "it is",
    ];
    let mut rest = text.trim().trim_end_matches(['.', '!', ',', ' ']);
    'again: loop {
        for word in BEFORE {
            let begins = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
            let after = rest.get(word.len()..).unwrap_or_default();
            let behind = after.trim_start_matches([',', '.', ' ', '…']);
            if begins && after.starts_with([',', '.', ' ', '…']) && !behind.is_empty() {
                rest = behind;
                continue 'again;
            }
        }
        return rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str, sought: Sought<'_>) -> Option<String> {
        spoken(text, &[sought], Some(0)).pop().flatten()
    }

    const DATE: Sought<'static> = Sought::Date { month_first: true };

    #[test]
    fn each_type_is_found_among_other_words() {
        for (text, sought, expected) in [
            ("it's forty two, thanks", Sought::Int, "42"),
            ("about two point five", Sought::Number, "2.5"),
            ("My number is five five five, oh one oh, oh one double two", Sought::Phone, "+15550100122"),
            ("one five five five zero one zero zero one two two", Sought::Phone, "+15550100122"),
            ("plus 49 30 12345678", Sought::Phone, "+493012345678"),
            ("March fifth 2026 please", DATE, "2026-03-05"),
            ("yes please", Sought::Bool, "true"),
            ("no thanks", Sought::Bool, "false"),
            ("one minute and thirty seconds", Sought::Duration, "90s"),
            ("zero zero one two three four five six", Sought::Digits(Some(8)), "00123456"),
            ("that's 00123456.", Sought::Digits(None), "00123456"),
            ("well, Mary Jones.", Sought::Text, "Mary Jones"),
            ("milk, eggs and bread", Sought::List, "milk, eggs, bread"),
            (
                "the premium support, please",
                Sought::Enum(vec!["support", "premium_support"]),
                "premium_support",
            ),
            ("Sales I think", Sought::Enum(vec!["support", "sales"]), "sales"),
            ("five, yes five", Sought::Int, "5"),
        ] {
            assert_eq!(one(text, sought).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_or_there_twice_is_not_taken() {
        for (text, sought) in [
            ("", Sought::Int),
            ("I don't know", Sought::Int),
            ("five or six", Sought::Int),
            ("two point five", Sought::Int),
            ("an hour, no, ninety minutes", Sought::Duration),
            ("five five five", Sought::Phone),
            ("March fifth", DATE),
            ("maybe", Sought::Bool),
            ("sales or support", Sought::Enum(vec!["support", "sales"])),
            ("one two three", Sought::Digits(Some(4))),
            ("  ...  ", Sought::Text),
            (" , ", Sought::List),
        ] {
            assert_eq!(one(text, sought.clone()), None, "{text} as {sought:?}");
        }
    }

    #[test]
    fn one_answer_can_hold_several_values() {
        let sought = [Sought::Int, DATE, Sought::Enum(vec!["lunch", "dinner"])];
        let found = spoken("dinner for four on May 3rd 2026", &sought, None);
        assert_eq!(found, [Some("4".to_owned()), Some("2026-05-03".to_owned()), Some("dinner".to_owned())]);
        let numbers = [Sought::Int, Sought::Int];
        assert_eq!(
            spoken("two adults and three children", &numbers, None),
            [Some("2".into()), Some("3".into())]
        );
        assert_eq!(spoken("two", &numbers, None), [None, None], "whose it is cannot be known");
        assert_eq!(spoken("two", &numbers, Some(1)), [None, Some("2".into())]);
    }

    #[test]
    fn keys_are_read_by_type() {
        let words = Sought::Enum(vec!["sales", "support"]);
        for (keys, sought, expected) in [
            ("0042", Sought::Digits(None), Some("0042")),
            ("42", Sought::Digits(Some(4)), None),
            ("42", Sought::Int, Some("42")),
            ("1", Sought::Bool, Some("true")),
            ("3", Sought::Bool, None),
            ("2", words.clone(), Some("support")),
            ("0", words, None),
            ("5550100122", Sought::Phone, Some("+15550100122")),
            ("004930123456", Sought::Phone, Some("+4930123456")),
            ("12242026", DATE, Some("2026-12-24")),
            ("", Sought::Int, None),
            ("1*", Sought::Int, None),
            ("1", Sought::Text, None),
        ] {
            assert_eq!(keyed(keys, &sought).as_deref(), expected, "{keys} as {sought:?}");
        }
    }

    fn any_sought() -> impl Strategy<Value = Sought<'static>> {
        prop::sample::select(vec![
            Sought::Text,
            Sought::Digits(None),
            Sought::Digits(Some(4)),
            Sought::Int,
            Sought::Number,
            Sought::Bool,
            Sought::Enum(vec!["sales", "premium_support", "", "_"]),
            Sought::Phone,
            DATE,
            Sought::Duration,
            Sought::List,
        ])
    }

    proptest! {
        #[test]
        fn any_answer_is_read(
            text in prop_oneof!["\\PC{0,80}", "((double|oh|five|hundred|and|a|point|minus|plus|march|3rd|12/1/2026|[0-9]{1,4}|1,000|hour|half|an) ?){0,12}"],
            sought in prop::collection::vec(any_sought(), 1..5),
            asked in prop::option::of(0..6_usize),
        ) {
            let found = spoken(&text, &sought, asked);
            prop_assert_eq!(found.len(), sought.len());
            for (value, sought) in found.iter().zip(&sought) {
                if let (Some(value), Sought::Digits(Some(4))) = (value, sought) {
                    prop_assert!(value.len() == 4 && value.bytes().all(|b| b.is_ascii_digit()), "{}", value);
                }
            }
            let _ = keyed(&text, &sought[0]);
        }

        #[test]
        fn digits_survive_being_said(digits in "[0-9]{4,12}") {
            let words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
            let said: Vec<_> = digits.bytes().map(|b| words[usize::from(b - b'0')]).collect();
            prop_assert_eq!(one(&said.join(" "), Sought::Digits(None)), Some(digits));
        }
    }
}
