//! The rules in their order, applied from word to word.

use super::number::{Number, grouped, is_digits, ordinal, threes};
use super::symbols::{self, Keep};
use super::text::{Word, words};
use super::{calendar, clock, measure, phone};

/// Figures after one of these are read singly.
const BEFORE_AN_IDENTIFIER: [&str; 9] =
    ["code", "pin", "extension", "ext", "zip", "dial", "number", "account", "id"];

/// Words that were understood.
pub(super) struct Hit<'a> {
    /// How many of them.
    pub(super) words: usize,
    /// The punctuation before them.
    pub(super) lead: &'a str,
    /// Their spoken form.
    pub(super) text: String,
    /// The punctuation after them.
    pub(super) trail: &'a str,
}

impl<'a> Hit<'a> {
    /// All of these words, with the punctuation around them.
    pub(super) fn of(words: &[Word<'a>], text: String) -> Self {
        let lead = words.first().map_or("", |word| word.lead);
        let trail = words.last().map_or("", |word| word.trail);
        Self { words: words.len(), lead, text, trail }
    }
}

/// One round over a text.
pub(super) fn apply(text: &str, us: bool) -> String {
    let (words, end) = words(text);
    let mut out = String::with_capacity(text.len());
    let mut gap = words.first().map(|word| word.gap);
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let before = at.checked_sub(1).map(|before| &words[before]);
        let hit = understand(rest, before, us);
        at += hit.words;
        let said = join(&hit);
        if said.is_empty() {
            // A dash between words is a pause.
            if rest[0].core.contains(['–', '—']) && out.ends_with(char::is_alphanumeric) {
                out.push(',');
            }
            continue;
        }
        out.push_str(gap.take().unwrap_or(rest[0].gap));
        out.push_str(&said);
    }
    out + end
}

fn join(hit: &Hit<'_>) -> String {
    // The dot of an abbreviation ends the sentence, too.
    let trail = if hit.text.ends_with('.') { hit.trail.trim_start_matches('.') } else { hit.trail };
    if hit.text.is_empty() && hit.lead.is_empty() && trail.chars().all(|c| "-–—".contains(c)) {
        return String::new();
    }
    format!("{}{}{trail}", hit.lead, hit.text)
}

fn understand<'a>(words: &[Word<'a>], before: Option<&Word<'_>>, us: bool) -> Hit<'a> {
    phone::speak(words)
        .or_else(|| calendar::speak(words, before, us))
        .or_else(|| clock::speak(words))
        .or_else(|| measure::speak(words))
        .unwrap_or_else(|| Hit::of(&words[..1], one_word(words[0].core, before)))
}

fn one_word(core: &str, before: Option<&Word<'_>>) -> String {
    phone::emergency(core)
        .or_else(|| identifier(core, before?))
        .or_else(|| ordinals(core))
        .or_else(|| Number::parse(core).map(|number| number.speak()))
        .or_else(|| interval(core))
        .or_else(|| fraction(core))
        .or_else(|| marked(core))
        .unwrap_or_else(|| plain(core))
}

fn identifier(core: &str, before: &Word<'_>) -> Option<String> {
    let named = before.trail.trim_matches(['.', ':']).is_empty()
        && BEFORE_AN_IDENTIFIER.contains(&before.letters().as_str());
    (named && is_digits(core) && core.len() >= 3).then(|| grouped(threes(core)))
}

fn ordinals(core: &str) -> Option<String> {
    let figure = ["st", "nd", "rd", "th"].iter().find_map(|suffix| core.strip_suffix(suffix))?;
    let figure = figure.replace(',', "");
    is_digits(&figure).then(|| figure.parse().ok()).flatten().map(ordinal)
}

fn interval(core: &str) -> Option<String> {
    let (from, to) = core.split_once(['-', '–'])?;
    Some(format!("{} to {}", Number::parse(from)?.speak(), Number::parse(to)?.speak()))
}

fn fraction(core: &str) -> Option<String> {
    let (above, below) = core.split_once('/')?;
    Some(match core {
        "1/2" => "one half".to_owned(),
        "1/3" => "one third".to_owned(),
        "2/3" => "two thirds".to_owned(),
        "1/4" => "one quarter".to_owned(),
        "3/4" => "three quarters".to_owned(),
        "24/7" => "twenty-four seven".to_owned(),
        _ => format!("{} over {}", Number::parse(above)?.speak(), Number::parse(below)?.speak()),
    })
}

/// A figure with a sign before or after it.
fn marked(core: &str) -> Option<String> {
    let after = |sign: char| core.strip_prefix(sign).and_then(Number::parse).map(|number| number.speak());
    after('#')
        .map(|figure| format!("number {figure}"))
        .or_else(|| after('+').map(|figure| format!("plus {figure}")))
        .or_else(|| after('~').map(|figure| format!("about {figure}")))
        .or_else(|| Some(format!("{} plus", Number::parse(core.strip_suffix('+')?)?.speak())))
}

/// A word with signs or figures in it, or just a word.
fn plain(core: &str) -> String {
    if core.chars().all(char::is_alphanumeric) {
        return core.to_owned();
    }
    if core.chars().all(|c| "-–—".contains(c)) {
        return String::new();
    }
    let signs = symbols::strip(&name_signs(core), Keep::Nothing);
    speak_runs(&signs)
}

/// Signs by their names, where they have one.
fn name_signs(core: &str) -> String {
    let mut out = String::with_capacity(core.len());
    for c in core.chars() {
        let name = match c {
            '&' => "and",
            '@' => "at",
            '%' => "percent",
            '+' => "plus",
            '=' => "equals",
            '$' => "dollars",
            '€' => "euros",
            '£' => "pounds",
            '¥' => "yen",
            '₹' => "rupees",
            '°' => "degrees",
            '/' | '#' | '~' | '²' | '−' => "",
            '—' => {
                out.push_str(", ");
                continue;
            }
            c => {
                out.push(c);
                continue;
            }
        };
        out.push(' ');
        out.push_str(name);
        out.push(' ');
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs of figures between other signs: `COVID-19`, `1.2.3`. Figures within a word (`MP3`) are its spelling.
fn speak_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match Number::parse(run) {
            Some(number) => out.push_str(&number.speak()),
            None => out.push_str(run),
        }
        let next = after.find(char::is_alphanumeric).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        // A dot between figures that are no number is one of a version or of an address.
        let version = between == "." && is_digits(run) && after.starts_with(|c: char| c.is_ascii_digit());
        out.push_str(if version { " point " } else { between });
        rest = after;
    }
    out
}
