//! Numbers in English words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
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
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [(u64, &str); 6] = [
    (1_000_000_000_000_000_000, "quintillion"),
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
];
/// An unbroken run of so many digits is an identifier, which nobody wants to hear as millions.
const IDENTIFIER: usize = 7;

/// `123` as `one hundred twenty-three`.
pub(super) fn cardinal(n: u64) -> String {
    if let Some((scale, name)) = SCALES.iter().find(|(scale, _)| n >= *scale) {
        return with_rest(format!("{} {name}", cardinal(n / scale)), n % scale, " ");
    }
    match n {
        0..20 => ONES[n as usize].to_owned(),
        20..100 => with_rest(TENS[(n / 10) as usize].to_owned(), n % 10, "-"),
        _ => with_rest(format!("{} hundred", ONES[(n / 100) as usize]), n % 100, " "),
    }
}

fn with_rest(head: String, rest: u64, gap: &str) -> String {
    if rest == 0 { head } else { format!("{head}{gap}{}", cardinal(rest)) }
}

/// `21` as `twenty-first`.
pub(super) fn ordinal(n: u64) -> String {
    let cardinal = cardinal(n);
    let last = cardinal.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, last) = cardinal.split_at(last);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        other => match other.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{other}th"),
        },
    };
    format!("{head}{last}")
}

/// `2026` as `twenty twenty-six`.
pub(super) fn year(n: u64) -> String {
    match (n / 100, n % 100) {
        (20, 0..10) => cardinal(n),
        (century, 0) => format!("{} hundred", cardinal(century)),
        (century, rest @ 1..10) => format!("{} oh {}", cardinal(century), cardinal(rest)),
        (century, rest) => format!("{} {}", cardinal(century), cardinal(rest)),
    }
}

/// `1990` as `nineteen nineties`, `90` as `nineties`; only for whole decades.
pub(super) fn decade(n: u64) -> Option<String> {
    let plural = |word: &str| match word.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{word}s"),
    };
    (n.is_multiple_of(10) && (n < 100 || (1100..2100).contains(&n)) && n >= 20).then(|| match n {
        0..100 => plural(TENS[(n / 10) as usize]),
        2000 => "two thousands".to_owned(),
        _ => plural(&year(n)),
    })
}

/// `415` as `four one five`; what is no digit is left out.
pub(super) fn digits(text: &str) -> String {
    let words: Vec<_> =
        text.bytes().filter(u8::is_ascii_digit).map(|digit| ONES[usize::from(digit - b'0')]).collect();
    words.join(" ")
}

/// Digits in groups, with a pause after each.
pub(super) fn grouped<'a>(groups: impl IntoIterator<Item = &'a str>) -> String {
    groups.into_iter().map(digits).collect::<Vec<_>>().join(", ")
}

/// A run of digits cut into threes; the last group may have four, but never one.
pub(super) fn threes(mut run: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    while run.len() > 4 {
        let (group, rest) = run.split_at(3);
        groups.push(group);
        run = rest;
    }
    groups.push(run);
    groups
}

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    negative: bool,
    /// With commas, if it has them; may be empty before a fraction.
    whole: &'a str,
    fraction: Option<&'a str>,
}

impl<'a> Number<'a> {
    /// `-1,234.5` and its like; nothing else.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '−']);
        let negative = unsigned.is_some();
        let unsigned = unsigned.unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        let proper = match fraction {
            Some(fraction) => is_digits(fraction) && (whole.is_empty() || is_whole(whole)),
            None => is_whole(whole),
        };
        proper.then_some(Self { negative, whole, fraction })
    }

    /// Whether the noun after it stands in the singular.
    pub(super) fn is_one(&self) -> bool {
        self.whole == "1" && self.fraction.is_none()
    }

    /// The whole part without its commas; `None` if it is too large for anything but single digits.
    pub(super) fn whole(&self) -> Option<u64> {
        if self.whole.is_empty() { Some(0) } else { self.whole.replace(',', "").parse().ok() }
    }

    pub(super) fn fraction(&self) -> Option<&'a str> {
        self.fraction
    }

    pub(super) fn is_negative(&self) -> bool {
        self.negative
    }

    /// In words, as an amount: `1000000` is a million.
    pub(super) fn amount(&self) -> String {
        let whole = self.whole().map_or_else(|| grouped(threes(&self.whole.replace(',', ""))), cardinal);
        self.signed(&whole)
    }

    /// In words, as whatever it may be: long runs of digits and those with a leading zero are read singly.
    pub(super) fn speak(&self) -> String {
        let zeros = self.whole.len() > 1 && self.whole.starts_with('0');
        if zeros || (self.whole.len() >= IDENTIFIER && !self.whole.contains(',')) {
            return self.signed(&grouped(threes(self.whole)));
        }
        self.amount()
    }

    fn signed(&self, whole: &str) -> String {
        let sign = if self.negative { "minus " } else { "" };
        match self.fraction {
            Some(fraction) => format!("{sign}{whole} point {}", digits(fraction)),
            None => format!("{sign}{whole}"),
        }
    }
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Digits, or digits with a comma before every three.
fn is_whole(text: &str) -> bool {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = text.contains(',');
    is_digits(first) && (!grouped || first.len() <= 3) && groups.all(|g| g.len() == 3 && is_digits(g))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cardinals() {
        for (n, words) in [
            (0, "zero"),
            (13, "thirteen"),
            (40, "forty"),
            (99, "ninety-nine"),
            (100, "one hundred"),
            (1_005, "one thousand five"),
            (12_345, "twelve thousand three hundred forty-five"),
            (1_000_001, "one million one"),
        ] {
            assert_eq!(cardinal(n), words);
        }
        assert!(cardinal(u64::MAX).starts_with("eighteen quintillion four hundred forty-six quadrillion"));
    }

    #[test]
    fn ordinals_years_and_decades() {
        for (n, words) in [
            (1, "first"),
            (12, "twelfth"),
            (20, "twentieth"),
            (23, "twenty-third"),
            (100, "one hundredth"),
            (1_000, "one thousandth"),
        ] {
            assert_eq!(ordinal(n), words);
        }
        for (n, words) in [
            (1905, "nineteen oh five"),
            (1900, "nineteen hundred"),
            (2000, "two thousand"),
            (2008, "two thousand eight"),
            (2026, "twenty twenty-six"),
        ] {
            assert_eq!(year(n), words);
        }
        assert_eq!(decade(1990).as_deref(), Some("nineteen nineties"));
        assert_eq!(decade(80).as_deref(), Some("eighties"));
        assert_eq!(decade(1900).as_deref(), Some("nineteen hundreds"));
        assert_eq!(decade(85), None);
    }

    #[test]
    fn numbers_are_read_as_amounts_or_singly() {
        let speak = |text| Number::parse(text).map(|number| number.speak());
        for (text, words) in [
            ("3.14", "three point one four"),
            (".5", "zero point five"),
            ("-5", "minus five"),
            ("1,234,567", "one million two hundred thirty-four thousand five hundred sixty-seven"),
            ("007", "zero zero seven"),
            ("12345678", "one two three, four five six, seven eight"),
            ("1000000000000000000000", ""),
        ] {
            let spoken = speak(text).unwrap();
            assert!(spoken == words || words.is_empty(), "{spoken}");
        }
        assert_eq!(threes("12345678"), ["123", "456", "78"]);
        assert_eq!(threes("1234567"), ["123", "4567"]);
        for text in ["", "-", "1.", "1.2.3", "1,23", "12a", "1,2345", "٣", ",123", "."] {
            assert_eq!(speak(text), None, "{text}");
        }
    }
}
