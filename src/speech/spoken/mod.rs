//! Written text as it is spoken: numbers, money, dates, times, telephone numbers, units and addresses become
//! words; emoji and typographic symbols go. No I/O, no clock, and nothing that can fail.
//!
//! A voice reads "$5.50" or "03/04" in whatever way its maker chose, and a caller hears a number once. What is
//! made into words here sounds the same from every vendor. Words, acronyms and names are left as they are, and
//! so is everything that is not understood.

mod calendar;
mod clock;
mod ledger;
mod measure;
mod number;
mod phone;
mod rules;
mod symbols;
mod text;
mod web;

pub use ledger::Ledger;

/// Changes whenever a text may be spoken otherwise than before: what was kept as audio is then not used any more.
pub const VERSION: u32 = 1;

/// No text was seen to need more than three rounds; the bound is for those that nobody has seen.
const MAX_ROUNDS: usize = 8;

/// The spoken form of a written text in a language (BCP 47). Spaces at both ends are kept, so that pieces can
/// be joined; doing it twice changes nothing. In other languages than English only symbols are dropped.
#[must_use]
pub fn spoken(text: &str, language: &str) -> String {
    let mut subtags = language.split(['-', '_']);
    if !subtags.next().is_some_and(|primary| primary.eq_ignore_ascii_case("en")) {
        return symbols::strip(text, symbols::Keep::Figures);
    }
    let us = !subtags.any(|region| ["GB", "IE", "AU", "NZ", "IN", "ZA"].contains(&&*region.to_uppercase()));
    let mut text = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let next = rules::apply(&symbols::strip(&web::speak(&text), symbols::Keep::Figures), us);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

#[cfg(test)]
mod tests;
