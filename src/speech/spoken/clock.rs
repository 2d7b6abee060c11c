//! Times of the day.

use super::number::{Number, cardinal, is_digits};
use super::rules::Hit;
use super::text::Word;

/// The half of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

impl Half {
    fn parse(letters: &str) -> Option<Self> {
        match letters {
            "am" => Some(Self::Am),
            "pm" => Some(Self::Pm),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Am => "a.m.",
            Self::Pm => "p.m.",
        }
    }
}

/// Whether a word is `am`, `p.m.` and the like.
pub(super) fn is_half(word: &Word<'_>) -> bool {
    word.lead.is_empty() && Half::parse(&word.letters()).is_some()
}

/// The time, or interval of times, with which these words begin.
pub(super) fn speak<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let first = words[0];
    let next = words.get(1).filter(|next| first.trail.is_empty() && next.lead.is_empty());
    if let Some(half) = next.and_then(|next| Half::parse(&next.letters()))
        && let Some(text) = interval(first.core, Some(half))
    {
        return Some(Hit::of(&words[..2], text));
    }
    let text = interval(first.core, None).or_else(|| ratio(first.core))?;
    Some(Hit::of(&words[..1], text))
}

/// One time, or two with a dash between them; the half of the day may stand only after the second.
fn interval(core: &str, half: Option<Half>) -> Option<String> {
    if let Some(text) = time(core, half, false) {
        return Some(text);
    }
    let (from, to) = core.split_once(['-', '–'])?;
    let to = time(to, half, false)?;
    let from = time(from, None, true)?;
    Some(format!("{from} to {to}"))
}

/// A bare hour is a time only where that is certain.
fn time(core: &str, half: Option<Half>, bare: bool) -> Option<String> {
    let lower = core.to_ascii_lowercase();
    let (digits, half) = match half {
        Some(half) => (lower.as_str(), Some(half)),
        None => {
            let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
            let letters = lower[digits.len()..].replace('.', "");
            (digits, if letters.is_empty() { None } else { Some(Half::parse(&letters)?) })
        }
    };
    let parts: Vec<_> = digits.split(':').collect();
    let numbers = |limit: u64, text: &str| {
        (is_digits(text) && text.len() <= 2).then(|| text.parse().ok())?.filter(|n: &u64| *n <= limit)
    };
    let hour = numbers(24, parts[0])?;
    let rest: Option<Vec<u64>> =
        parts[1..].iter().map(|part| numbers(59, part).filter(|_| part.len() == 2)).collect();
    let text = match (&rest?[..], half) {
        ([], None) if !bare => return None,
        ([], _) => cardinal(hour),
        (_, Some(_)) if hour > 12 && parts.len() == 1 => return None,
        ([0], Some(_)) => cardinal(hour),
        ([0], None) => full_hour(hour),
        ([minute], _) => format!("{} {}", cardinal(hour), minutes(*minute)),
        ([minute, second], _) => format!(
            "{} {} and {} {}",
            cardinal(hour),
            minutes(*minute),
            cardinal(*second),
            if *second == 1 { "second" } else { "seconds" }
        ),
        _ => return None,
    };
    Some(match half {
        Some(half) => format!("{text} {}", half.text()),
        None => text,
    })
}

fn full_hour(hour: u64) -> String {
    match hour {
        0 | 24 => "midnight".to_owned(),
        1..=12 => format!("{} o'clock", cardinal(hour)),
        _ => format!("{} hundred", cardinal(hour)),
    }
}

fn minutes(minute: u64) -> String {
    if minute < 10 { format!("oh {}", cardinal(minute)) } else { cardinal(minute) }
}

/// `3:2`, where the second part cannot be minutes.
fn ratio(core: &str) -> Option<String> {
    let (left, right) = core.split_once(':')?;
    (is_digits(left) && is_digits(right)).then_some(())?;
    Some(format!("{} to {}", Number::parse(left)?.speak(), Number::parse(right)?.speak()))
}
