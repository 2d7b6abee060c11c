//! Dates, years and decades.

use super::clock::is_half;
use super::number::{decade, is_digits, ordinal, year};
use super::rules::Hit;
use super::text::Word;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// A number of four digits after one of these is a year.
const BEFORE_A_YEAR: [&str; 7] = ["in", "since", "until", "year", "during", "summer", "winter"];

/// The date, year or decade with which these words begin.
pub(super) fn speak<'a>(words: &[Word<'a>], before: Option<&Word<'_>>, us: bool) -> Option<Hit<'a>> {
    let core = words[0].core;
    month_first(words)
        .or_else(|| day_first(words))
        .or_else(|| figures(core, us).map(|text| Hit::of(&words[..1], text)))
        .or_else(|| years(core).map(|text| Hit::of(&words[..1], text)))
        .or_else(|| {
            let before = before.filter(|before| before.trail.is_empty())?;
            let certain = BEFORE_A_YEAR.contains(&before.letters().as_str());
            certain.then(|| recent_year(core)).flatten().map(|text| Hit::of(&words[..1], text))
        })
}

/// `March 3`, `Mar. 3rd, 2026`, `March 3-5`, `March 2026`.
fn month_first<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let [first, second, rest @ ..] = words else { return None };
    let month = month(first)?;
    let joined = |word: &Word<'_>| word.lead.is_empty();
    if !joined(second) || rest.first().is_some_and(is_half) {
        return None;
    }
    if let Some(year) = any_year(second.core) {
        return Some(Hit::of(&words[..2], format!("{month} {year}")));
    }
    let day = days(second.core)?;
    if let Some(third) = rest.first()
        && joined(third)
        && matches!(second.trail, "" | ",")
        && let Some(year) = any_year(third.core)
    {
        return Some(Hit::of(&words[..3], format!("{month} {day}, {year}")));
    }
    Some(Hit::of(&words[..2], format!("{month} {day}")))
}

/// `3 March 2026`, read as Americans and Britons both understand it.
fn day_first<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let [first, second, rest @ ..] = words else { return None };
    if !first.trail.is_empty() || !second.lead.is_empty() || !is_digits(first.core) {
        return None;
    }
    let (day, month) = (day(first.core)?, month(second)?);
    if let Some(third) = rest.first()
        && third.lead.is_empty()
        && matches!(second.trail, "" | "." | ",")
        && let Some(year) = any_year(third.core)
    {
        return Some(Hit::of(&words[..3], format!("{month} {day}, {year}")));
    }
    Some(Hit::of(&words[..2], format!("{month} {day}")))
}

/// The full name of a month; short ones may have a dot.
fn month(word: &Word<'_>) -> Option<&'static str> {
    let full = MONTHS.iter().find(|month| **month == word.core && word.trail.is_empty());
    let short = || {
        let stem = if word.core == "Sept" { "Sep" } else { word.core };
        let plain = matches!(word.trail, "" | ".") && stem.len() == 3;
        MONTHS.iter().find(|month| plain && month.starts_with(stem))
    };
    full.or_else(short).copied()
}

fn days(core: &str) -> Option<String> {
    if let Some((from, to)) = core.split_once(['-', '–']) {
        return Some(format!("{} to {}", day(from)?, day(to)?));
    }
    day(core)
}

fn day(core: &str) -> Option<String> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|suffix| core.strip_suffix(suffix));
    number_of(digits.unwrap_or(core), 1..=31).map(ordinal)
}

/// `2026-03-04`, `3/4/2026`, `03/04/26`.
fn figures(core: &str, us: bool) -> Option<String> {
    let separator = if core.contains('/') { '/' } else { '-' };
    let parts: Vec<_> = core.split(separator).collect();
    let [a, b, c] = parts[..] else { return None };
    let (month, day, year_text) = if separator == '-' {
        (number_of(b, 1..=12)?, number_of(c, 1..=31)?, any_year(a)?)
    } else {
        let (a, b) = (number_of(a, 1..=31)?, number_of(b, 1..=31)?);
        // Where the usual order makes no date, the other one is meant.
        let (month, day) = if (us && a <= 12) || b > 12 { (a, b) } else { (b, a) };
        let year = if c.len() == 2 && is_digits(c) { any_year(&format!("20{c}"))? } else { any_year(c)? };
        (month, day, year)
    };
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    Some(format!("{name} {}, {year_text}", ordinal(day)))
}

/// `2020-2024`, `1990s`, `90s`.
fn years(core: &str) -> Option<String> {
    if let Some((from, to)) = core.split_once(['-', '–']) {
        return Some(format!("{} to {}", recent_year(from)?, recent_year(to)?));
    }
    let digits =
        core.strip_suffix("'s").or_else(|| core.strip_suffix("’s")).or_else(|| core.strip_suffix('s'))?;
    let plausible = is_digits(digits) && matches!(digits.len(), 2 | 4);
    plausible.then(|| decade(digits.parse().ok()?)).flatten()
}

fn any_year(core: &str) -> Option<String> {
    (core.len() == 4).then(|| number_of(core, 1100..=2099)).flatten().map(year)
}

fn recent_year(core: &str) -> Option<String> {
    (core.len() == 4).then(|| number_of(core, 1900..=2099)).flatten().map(year)
}

fn number_of(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let short = is_digits(text) && text.len() <= 4;
    short.then(|| text.parse().ok()).flatten().filter(|n| range.contains(n))
}
