//! F063: a prompt holds no telephone number and no other destination.
//!
//! What looks like a number that can be dialled: `+` and 8 to 15 digits, North American numbers in their groups,
//! 9 to 12 digits that begin with 0. Dates, times, prices and account numbers do not.

use std::ops::Range;

use super::Told;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::ValueType;

const HELP: &str = "numbers belong to `targets:`, and an intent leads to the `dial`; if callers are to hear it from the model, waive this with `allow:`";

pub(super) fn check(told: &Told<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, what) in numbers(&told.plain).chain(addresses(&told.plain)).take(super::MOST) {
        let message = format!("the model is shown {what}: it could tell it to anybody, and can dial nothing");
        found.push(Diagnostic::warning(Rule::Destination, told.place(at), message).help(HELP));
    }
    let document = told.document;
    for used in &told.prompt.names {
        let Some(name) = used.name.strip_prefix("env.") else { continue };
        let is_phone = document.env.iter().any(|var| var.name.value == name && var.kind == ValueType::Phone);
        if is_phone {
            let message = format!("the model is shown `{name}`, which is a number to be dialled");
            found.push(Diagnostic::warning(Rule::Destination, used.span, message).help(HELP));
        }
    }
    found
}

/// Telephone numbers.
fn numbers(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            let begins = match bytes[start] {
                b'+' | b'(' => bytes.get(start + 1).is_some_and(u8::is_ascii_digit),
                c => c.is_ascii_digit(),
            };
            let apart = start == 0
                || !(bytes[start - 1].is_ascii_alphanumeric() || b"#$_/=.-:".contains(&bytes[start - 1]));
            if !(begins && apart) {
                // Over the rest of what is no number.
                at += 1;
                if begins {
                    at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
                }
                continue;
            }
            let end = end_of(bytes, start);
            at = end.max(start + 1);
            let apart = bytes.get(end).is_none_or(|b| !(b.is_ascii_alphanumeric() || b"_/%".contains(b)));
            if apart && is_phone(&text[start..end]) {
                return Some((start..end, "a telephone number"));
            }
        }
        None
    })
}

/// Behind the last digit of a run of digits with at most two signs between them.
fn end_of(bytes: &[u8], start: usize) -> usize {
    let (mut end, mut gap) = (start, 0);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'0'..=b'9' => (end, gap) = (at + 1, 0),
            b' ' | b'-' | b'.' | b'(' | b')' if gap < 2 => gap += 1,
            b'+' if at == start => {}
            _ => break,
        }
    }
    end
}

fn is_phone(text: &str) -> bool {
    let groups: Vec<usize> =
        text.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|len| *len > 0).collect();
    let digits: usize = groups.iter().sum();
    let first = text.chars().find(char::is_ascii_digit);
    match () {
        () if text.starts_with('+') => (8..=15).contains(&digits),
        () if matches!(groups.as_slice(), [3, 3, 4] | [1, 3, 3, 4]) => true,
        () => first == Some('0') && (9..=12).contains(&digits) && groups.iter().all(|len| *len >= 2),
    }
}

/// Addresses of SIP and the like.
fn addresses(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let schemes = ["sip:", "sips:", "tel:"];
    schemes.into_iter().flat_map(move |scheme| {
        let found = text.match_indices(scheme).filter(move |(at, _)| {
            let apart = !text[..*at].ends_with(char::is_alphanumeric);
            apart && text[at + scheme.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '+')
        });
        found.map(move |(at, _)| {
            let length = text[at..].find(char::is_whitespace).unwrap_or(text.len() - at);
            let address = text[at..at + length].trim_end_matches(|c: char| !c.is_alphanumeric());
            (at..at + address.len(), "an address to be dialled")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        numbers(text).chain(addresses(text)).map(|(at, _)| &text[at]).collect()
    }

    #[test]
    fn numbers_that_can_be_dialled_are_found() {
        for (text, number) in [
            ("Call +15550100123 now", "+15550100123"),
            ("(+49 30 901820)", "+49 30 901820"),
            ("at (555) 010-0123.", "(555) 010-0123"),
            ("dial 1-800-555-0199!", "1-800-555-0199"),
            ("or 555.010.0123", "555.010.0123"),
            ("0800 555 0199 is free", "0800 555 0199"),
            ("ask sip:desk@example.com, please", "sip:desk@example.com"),
            ("tel:+4930901820", "tel:+4930901820"),
        ] {
            assert!(all(text).contains(&number), "{text}: {:?}", all(text));
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "open 09:00-17:30, closed 2026-12-25",
            "order 1234567890, card 4111 1111 1111 1111",
            "192.168.0.1 costs $1,299.00 or 100-200 in 2026",
            "version 1.2.3, item A0123456789, +5 points, 0.5 to 0.75",
            "gossip:no https://example.com/0123456789",
            "press 1 2 3 4 5 6 7 8 9 0",
        ] {
            assert_eq!(all(text), Vec::<&str>::new(), "{text}");
        }
    }
}
