//! Days as they are said: a month by name with its day, or three numbers; always with the year.

use super::numerals::{Found, Token, below_hundred, number_at};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const ORDINALS: [&str; 20] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];

/// The days in an answer. `month_first` is how 3/4/2026 is read where both are possible.
pub(super) fn days(tokens: &[Token], month_first: bool) -> Vec<Found<jiff::civil::Date>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match day_at(&tokens[at..], month_first) {
            Some((date, taken)) => {
                found.push((at..at + taken, date));
                at += taken;
            }
            None => at += 1,
        }
    }
    found
}

fn day_at(tokens: &[Token], month_first: bool) -> Option<(jiff::civil::Date, usize)> {
    if let Token::Day(three) = tokens.first()? {
        return in_numbers(*three, month_first).map(|date| (date, 1));
    }
    // "March fifth, 2026"; "the fifth of March 2026".
    if let Some(month) = month(tokens.first()?) {
        let the = usize::from(is(tokens.get(1), "the"));
        let (day, taken) = day_of_month(&tokens[1 + the..])?;
        let before = 1 + the + taken;
        let (year, taken) = year(&tokens[before..])?;
        return date(year, month, day).map(|date| (date, before + taken));
    }
    let (day, taken) = day_of_month(tokens)?;
    let of = usize::from(is(tokens.get(taken), "of"));
    let month = month(tokens.get(taken + of)?)?;
    let before = taken + of + 1;
    let (year, taken) = year(&tokens[before..])?;
    date(year, month, day).map(|date| (date, before + taken))
}

/// Digits that were pressed: `20261224`, `12242026` or `24122026`.
pub(super) fn keyed(keys: &str, month_first: bool) -> Option<jiff::civil::Date> {
    if keys.len() != 8 || !keys.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| keys.get(range)?.parse::<u32>().ok();
    let year_last = in_numbers([part(0..2)?, part(2..4)?, part(4..8)?], month_first);
    let plausible = |date: &jiff::civil::Date| (1900..2100).contains(&date.year());
    let year_first = in_numbers([part(0..4)?, part(4..6)?, part(6..8)?], month_first);
    year_first.filter(plausible).or(year_last.filter(plausible))
}

fn in_numbers([a, b, c]: [u32; 3], month_first: bool) -> Option<jiff::civil::Date> {
    if a > 31 {
        return date(a, b, c);
    }
    let (first, second) = (date(c, a, b), date(c, b, a));
    if month_first { first.or(second) } else { second.or(first) }
}

fn date(year: u32, month: u32, day: u32) -> Option<jiff::civil::Date> {
    let plausible = (1800..=2999).contains(&year);
    let date =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok();
    date.filter(|_| plausible)
}

fn is(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(known)) if known == word)
}

fn month(token: &Token) -> Option<u32> {
    let Token::Word(word) = token else { return None };
    let short = word.len() >= 3 && word != "mar";
    let index = MONTHS.iter().position(|month| {
        month == word
            || (short && month[..3] == word[..] || word == "mar" && *month == "march")
            || (word == "sept" && *month == "september")
    })?;
    u32::try_from(index + 1).ok()
}

fn day_of_month(tokens: &[Token]) -> Option<(u32, usize)> {
    match tokens.first()? {
        Token::Ordinal(day) => return Some((*day, 1)),
        Token::Digits(digits) if digits.len() <= 2 => return Some((digits.parse().ok()?, 1)),
        Token::Word(_) => {}
        _ => return None,
    }
    let ordinal = |token: Option<&Token>| {
        let Some(Token::Word(word)) = token else { return None };
        ORDINALS.iter().position(|known| known == word).and_then(|index| u32::try_from(index + 1).ok())
    };
    if let Some(day) = ordinal(tokens.first()) {
        return Some((day, 1));
    }
    if is(tokens.first(), "thirtieth") {
        return Some((30, 1));
    }
    for (tens, value) in [("twenty", 20), ("thirty", 30)] {
        if is(tokens.first(), tens)
            && let Some(unit) = ordinal(tokens.get(1)).filter(|unit| *unit < 10)
        {
            return Some((value + unit, 2));
        }
    }
    below_hundred(tokens).filter(|(day, _)| (1..=31).contains(day))
}

/// `2026`, `twenty twenty six`, `two thousand and six`, `nineteen oh five`.
fn year(tokens: &[Token]) -> Option<(u32, usize)> {
    let skip = usize::from(is(tokens.first(), "in") || is(tokens.first(), "of"));
    let (value, taken) = number_at(tokens.get(skip..)?)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and within four digits"
    )]
    let whole = (value.fract() == 0.0 && (1800.0..3000.0).contains(&value)).then_some(value as u32);
    whole.map(|year| (year, skip + taken))
}

#[cfg(test)]
mod tests {
    use super::super::numerals::pieces;
    use super::*;

    fn read(text: &str) -> Vec<String> {
        days(&pieces(text), true).into_iter().map(|(_, date)| date.to_string()).collect()
    }

    #[test]
    fn days_are_read_as_they_are_said() {
        for (text, expected) in [
            ("March fifth, 2026", "2026-03-05"),
            ("the fifth of March twenty twenty six", "2026-03-05"),
            ("it's March the 5th in 2026", "2026-03-05"),
            ("December twenty fourth nineteen eighty four", "1984-12-24"),
            ("december 24 1984", "1984-12-24"),
            ("24 Dec 1984", "1984-12-24"),
            ("the thirty first of may two thousand and six", "2006-05-31"),
            ("july twenty nineteen oh five", "1905-07-20"),
            ("3/4/2026", "2026-03-04"),
            ("24/12/2026", "2026-12-24"),
            ("2026-12-24.", "2026-12-24"),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
        for text in
            ["March fifth", "tomorrow", "February thirtieth 2026", "may I ask two questions", "13/13/2026"]
        {
            assert!(read(text).is_empty(), "{text}");
        }
        assert_eq!(days(&pieces("3/4/2026"), false)[0].1.to_string(), "2026-04-03");
    }

    #[test]
    fn days_are_keyed_with_the_year_first_or_last() {
        let key = |keys, month_first| keyed(keys, month_first).map(|date| date.to_string());
        assert_eq!(key("20261224", true).as_deref(), Some("2026-12-24"));
        assert_eq!(key("12242026", true).as_deref(), Some("2026-12-24"));
        assert_eq!(key("24122026", true).as_deref(), Some("2026-12-24"));
        assert_eq!(key("03042026", false).as_deref(), Some("2026-04-03"));
        for keys in ["", "1224", "99999999", "122420261"] {
            assert_eq!(key(keys, true), None, "{keys}");
        }
    }
}
