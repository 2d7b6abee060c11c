//! Telephone numbers, digit by digit, with a pause between their groups.

use super::number::{cardinal, grouped, threes};
use super::rules::Hit;
use super::text::Word;

/// Words of one number at most: `+49 (0) 30 123 45 67`.
const MAX_WORDS: usize = 7;

/// The telephone number with which these words begin.
pub(super) fn speak<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let most = words.len().min(MAX_WORDS);
    (1..=most).rev().find_map(|n| speak_words(&words[..n]))
}

fn speak_words<'a>(words: &[Word<'a>]) -> Option<Hit<'a>> {
    let (last, inner) = words.split_last()?;
    let bracket = |text: &str, allowed: &str| text.is_empty() || text == allowed;
    let first_lead = words[0].lead;
    let whole = inner.iter().all(|word| bracket(word.trail, ")"))
        && words[1..].iter().all(|word| bracket(word.lead, "("));
    if !whole {
        return None;
    }
    let mut written = String::new();
    for word in words {
        written.push_str(word.core);
        written.push(' ');
    }
    // A number of one word may begin with a bracket that stands within it: (415)555-0132.
    let opened = words.len() > 1 && words[0].trail == ")" || last.core.contains(')');
    let lead = if opened { first_lead.strip_suffix('(').unwrap_or(first_lead) } else { first_lead };
    let text = read(written.trim_end())?;
    Some(Hit { words: words.len(), lead, text, trail: last.trail })
}

fn read(written: &str) -> Option<String> {
    let (plus, national) = match written.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, written),
    };
    if !national.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        || !national.chars().all(|c| c.is_ascii_digit() || " ().-–".contains(c))
    {
        return None;
    }
    let groups: Vec<_> = national.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty()).collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    let total: usize = lengths.iter().sum();
    let groups = match lengths[..] {
        [3, 3, 4] | [1, 3, 3, 4] => groups,
        [11] if national.starts_with('1') => north_american(national, 1),
        [10] if !plus && !national.starts_with(['0', '1']) => north_american(national, 0),
        [3, 4] if !plus && national.contains('-') && is_local(&groups) => groups,
        _ if plus && (8..=15).contains(&total) => groups.into_iter().flat_map(threes).collect(),
        _ => return None,
    };
    let sign = if plus { "plus " } else { "" };
    Some(format!("{sign}{}", grouped(groups)))
}

fn north_american(run: &str, country: usize) -> Vec<&str> {
    let (country, rest) = run.split_at(country);
    let groups = [country, &rest[..3], &rest[3..6], &rest[6..]];
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}

/// `555-0132` is a number, `300-1000` an interval.
fn is_local(groups: &[&str]) -> bool {
    !groups[0].starts_with(['0', '1']) && !groups[1].ends_with("00")
}

/// Three digits that are dialled, and never counted.
pub(super) fn emergency(core: &str) -> Option<String> {
    ["911", "999"].contains(&core).then(|| {
        let digits = core.bytes().map(|digit| cardinal(u64::from(digit - b'0')));
        digits.collect::<Vec<_>>().join(" ")
    })
}
