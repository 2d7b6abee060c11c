//! Numbers as they are said and written: words become tokens, tokens become digits or values.
//!
//! Two readings of the same words: as digits one after the other ("double five oh one", as telephone and
//! account numbers are said), and as a number ("two hundred and five"). Where the words allow more than one
//! number there is none.

use std::ops::Range;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, in lower case without apostrophes.
    Word(String),
    /// Digits as written, with a point at most.
    Digits(String),
    /// `5th`, as written in digits.
    Ordinal(u32),
    /// A day in digits: `12/25/2026`, `2026-12-25`.
    Day([u32; 3]),
    /// Was read before.
    Read,
}

/// Something that was found, and where.
pub(super) type Found<T> = (Range<usize>, T);

/// The pieces of an answer, at most some hundred.
pub(super) fn pieces(text: &str) -> Vec<Token> {
    const MOST: usize = 400;
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace().take(MOST) {
        piece(chunk, &mut tokens);
    }
    tokens.truncate(MOST);
    tokens
}

fn piece(chunk: &str, out: &mut Vec<Token>) {
    let signed = chunk.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '-' | '−'));
    let bare = signed.trim_matches(|c: char| !c.is_alphanumeric());
    let begins_with_digit = bare.starts_with(|c: char| c.is_ascii_digit());
    if begins_with_digit && signed.starts_with('+') {
        out.push(Token::Word("plus".to_owned()));
    } else if begins_with_digit && signed.starts_with(['-', '−']) {
        out.push(Token::Word("minus".to_owned()));
    }
    if let Some(day) = day(bare) {
        return out.push(Token::Day(day));
    }
    if let Some(number) = written_number(bare) {
        return out.push(Token::Digits(number));
    }
    for part in bare.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’' | '‘')) {
        let word: String =
            part.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if word.is_empty() {
            continue;
        }
        out.push(match ordinal_in_digits(&word) {
            _ if word.bytes().all(|b| b.is_ascii_digit()) => Token::Digits(word),
            Some(number) => Token::Ordinal(number),
            None => Token::Word(word),
        });
    }
}

/// Three numbers of which one is a year.
fn day(text: &str) -> Option<[u32; 3]> {
    let sign = text.chars().find(|c| matches!(c, '/' | '-' | '.'))?;
    let mut parts = text.split(sign);
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let is_day = match three.map(str::len) {
        [4, 1..=2, 1..=2] | [1..=2, 1..=2, 4] => parts.next().is_none(),
        _ => false,
    };
    let digits = three.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    (is_day && digits).then(|| three.map(|part| part.parse().unwrap_or(0)))
}

/// `1,000`, `2.5`: without its commas.
fn written_number(text: &str) -> Option<String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    if fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped =
        rest.iter().all(|group| group.len() == 3 && digits(group)) && (rest.is_empty() || first.len() <= 3);
    (digits(first) && grouped).then(|| text.replace(',', ""))
}

fn ordinal_in_digits(word: &str) -> Option<u32> {
    ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)?.parse().ok())
}

const UNITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TEENS: [&str; 10] = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// Said between digits, and nothing by themselves.
const BETWEEN: [&str; 8] = ["and", "then", "um", "uh", "er", "dash", "hyphen", "space"];

fn word(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

fn place(list: &[&str], word: &str) -> Option<u32> {
    list.iter().position(|known| *known == word).and_then(|index| u32::try_from(index).ok())
}

/// A number below a hundred in words, and how many tokens it takes.
pub(super) fn below_hundred(tokens: &[Token]) -> Option<(u32, usize)> {
    let first = word(tokens.first())?;
    if let Some(unit) = place(&UNITS, first) {
        return Some((unit, 1));
    }
    if let Some(teen) = place(&TEENS, first) {
        return Some((10 + teen, 1));
    }
    let tens = 20 + 10 * place(&TENS, first)?;
    match word(tokens.get(1)).and_then(|second| place(&UNITS[1..], second)) {
        Some(unit) => Some((tens + unit + 1, 2)),
        None => Some((tens, 1)),
    }
}

/// Digits said as such: `double five`, `oh`, `twenty three`, `eight hundred`; and how many tokens they take.
fn digits_at(tokens: &[Token], begun: bool) -> Option<(String, usize)> {
    match tokens.first()? {
        Token::Digits(digits) if !digits.contains('.') => return Some((digits.clone(), 1)),
        Token::Word(_) => {}
        _ => return None,
    }
    let first = word(tokens.first())?;
    if let Some(times) = ["double", "triple"].iter().position(|known| *known == first) {
        let one = single_digit(tokens.get(1)?)?;
        return Some((one.to_string().repeat(times + 2), 2));
    }
    if matches!(first, "oh" | "o" | "nought" | "naught") {
        let goes_on = begun || tokens.get(1).is_some_and(|_| digits_at(&tokens[1..], true).is_some());
        return goes_on.then(|| ("0".to_owned(), 1));
    }
    let (value, taken) = below_hundred(tokens)?;
    let zeros = match word(tokens.get(taken)) {
        Some("hundred") if value > 0 => "00",
        Some("thousand") if value > 0 => "000",
        _ => return Some((value.to_string(), taken)),
    };
    Some((format!("{value}{zeros}"), taken + 1))
}

fn single_digit(token: &Token) -> Option<char> {
    match token {
        Token::Digits(digits) if digits.len() == 1 => digits.chars().next(),
        Token::Word(word) if matches!(word.as_str(), "oh" | "o") => Some('0'),
        Token::Word(word) => place(&UNITS, word).and_then(|unit| char::from_digit(unit, 10)),
        _ => None,
    }
}

/// Runs of digits, each with whether a `plus` stands before it.
pub(super) fn digit_runs(tokens: &[Token]) -> Vec<Found<(String, bool)>> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let plus = word(tokens.get(at)) == Some("plus");
        let begin = at + usize::from(plus);
        let (mut end, mut digits) = (begin, String::new());
        loop {
            // Only a digit after it makes a filler part of the run.
            let fillers = tokens[end..]
                .iter()
                .take(3)
                .take_while(|t| word(Some(t)).is_some_and(|w| BETWEEN.contains(&w)));
            let skip = if digits.is_empty() { 0 } else { fillers.count() };
            let Some((more, taken)) = digits_at(&tokens[end + skip..], !digits.is_empty()) else { break };
            digits.push_str(&more);
            end += skip + taken;
        }
        if digits.is_empty() {
            at += 1;
        } else {
            runs.push((at..end, (digits, plus)));
            at = end;
        }
    }
    runs
}

/// Numbers: `42`, `minus two point five`, `a hundred and five`, `one two three`.
pub(super) fn numbers(tokens: &[Token]) -> Vec<Found<f64>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let negative = matches!(word(tokens.get(at)), Some("minus" | "negative"));
        let begin = at + usize::from(negative);
        match number_at(&tokens[begin..]) {
            Some((value, taken)) => {
                found.push((at..begin + taken, if negative { -value } else { value }));
                at = begin + taken;
            }
            None => at += 1,
        }
    }
    found
}

/// A number, and how many tokens it takes.
pub(super) fn number_at(tokens: &[Token]) -> Option<(f64, usize)> {
    let (whole, mut taken) = match tokens.first()? {
        Token::Digits(digits) if digits.contains('.') => return Some((digits.parse().ok()?, 1)),
        _ => cardinal(tokens).or_else(|| one_by_one(tokens))?,
    };
    let mut text = whole;
    if word(tokens.get(taken)) == Some("point")
        && let Some((digits, more)) = one_by_one(&tokens[taken + 1..])
    {
        text = format!("{text}.{digits}");
        taken += 1 + more;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| (value, taken))
}

/// Digits or small numbers side by side: `four two`, `nineteen eighty four`.
fn one_by_one(tokens: &[Token]) -> Option<(String, usize)> {
    let (mut text, mut taken) = (String::new(), 0);
    while let Some((more, tokens)) = digits_at(&tokens[taken..], !text.is_empty()) {
        text.push_str(&more);
        taken += tokens;
    }
    (!text.is_empty() && text.len() <= 15).then_some((text, taken))
}

/// A number with `hundred`, `thousand` or `million` in it.
fn cardinal(tokens: &[Token]) -> Option<(String, usize)> {
    let (mut total, mut current, mut taken, mut scaled) = (0_u64, 0_u64, 0, false);
    // What may still follow: a smaller scale, and one small number.
    let (mut last_scale, mut open) = (u64::MAX, true);
    loop {
        let rest = &tokens[taken..];
        let and = usize::from(scaled && word(rest.first()) == Some("and"));
        let article = taken == 0 && matches!(word(rest.first()), Some("a" | "an"));
        let small = match rest.get(and) {
            Some(Token::Digits(digits)) if !digits.contains('.') => {
                digits.parse().ok().map(|value: u64| (value, 1))
            }
            _ if article => Some((1, 1)),
            _ => below_hundred(&rest[and.min(rest.len())..]).map(|(value, taken)| (u64::from(value), taken)),
        };
        if let Some((value, used)) = small.filter(|_| open) {
            current = current.checked_add(value)?;
            taken += and + used;
            open = false;
            continue;
        }
        let scale = match word(rest.first()) {
            Some("hundred") => 100,
            Some("thousand") => 1_000,
            Some("million") => 1_000_000,
            _ => break,
        };
        if scale == 100 {
            current = current.max(1).checked_mul(100)?;
        } else if scale < last_scale {
            total = total.checked_add(current.max(1).checked_mul(scale)?)?;
            (current, last_scale) = (0, scale);
        } else {
            return None;
        }
        (scaled, open) = (true, true);
        taken += 1;
    }
    scaled.then_some(())?;
    // "two hundred five six" is no number; "one thousand" alone may be digits, and comes to the same.
    let goes_on = below_hundred(&tokens[taken..]).is_some();
    (!goes_on).then(|| total.checked_add(current))?.map(|value| (value.to_string(), taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<String> {
        digit_runs(&pieces(text))
            .into_iter()
            .map(|(_, (digits, plus))| if plus { format!("+{digits}") } else { digits })
            .collect()
    }

    fn values(text: &str) -> Vec<f64> {
        numbers(&pieces(text)).into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn digits_are_read_as_they_are_said() {
        for (text, expected) in [
            ("five five five, zero one double oh", "5550100"),
            ("it's double five, oh, triple two", "550222"),
            ("555-010-0123", "5550100123"),
            ("(555) 010 0123.", "5550100123"),
            ("eight hundred five five five", "800555"),
            ("twenty three forty two", "2342"),
            ("five five um five and six", "5556"),
            ("plus four nine three oh", "+4930"),
            ("+49 30 1234", "+49301234"),
            ("1234", "1234"),
        ] {
            assert_eq!(digits(text), [expected], "{text}");
        }
        assert!(digits("oh dear, double trouble and no number").is_empty());
    }

    #[test]
    fn numbers_are_read_as_they_are_said() {
        for (text, expected) in [
            ("forty two", 42.0),
            ("a hundred and five", 105.0),
            ("two thousand and six", 2006.0),
            ("three hundred twenty thousand four hundred", 320_400.0),
            ("one million", 1_000_000.0),
            ("minus two point five", -2.5),
            ("1,250.50", 1250.5),
            ("-7", -7.0),
            ("one two three", 123.0),
            ("nineteen eighty four", 1984.0),
            ("about 5 thousand", 5000.0),
            ("zero", 0.0),
        ] {
            assert_eq!(values(text), [expected], "{text}");
        }
        assert_eq!(values("thirty five, no wait, thirty six"), [35.0, 36.0]);
        assert!(values("none at all, and a lot").is_empty());
    }
}
