//! Words, numbers and signs of a guard.

use std::ops::Range;

use super::super::value::parse_duration;
use super::parser::GuardError;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, possibly with dots, or a keyword.
    Word(String),
    /// A number.
    Number(f64),
    /// A length of time, in seconds.
    Duration(f64),
    /// Text in quotes.
    Text(String),
    /// An operator or bracket.
    Sign(&'static str),
}

const SIGNS: &[&str] = &["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];

/// Splits a guard into tokens with their byte ranges. No more than `most` are read: a longer guard is refused.
pub(super) fn tokens(text: &str, most: usize) -> Result<Vec<(Token, Range<usize>)>, GuardError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while tokens.len() < most
        && let Some(c) = text[at..].chars().next()
    {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, length) = token(&text[at..], c).map_err(|mut error| {
            error.at = error.at.start + at..error.at.end + at;
            error
        })?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), GuardError> {
    if let Some(sign) = SIGNS.iter().find(|s| rest.starts_with(**s)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    match first {
        '"' | '\'' => match rest[1..].find(first) {
            Some(end) => Ok((Token::Text(rest[1..=end].to_owned()), end + 2)),
            None => Err(GuardError::new("this quote is not closed", 0..1, "")),
        },
        '0'..='9' | '-' | '.' => number(rest),
        c if c.is_ascii_alphabetic() || c == '_' => {
            let length = run(rest, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
            Ok((Token::Word(rest[..length].to_owned()), length))
        }
        _ => Err(unexpected(rest, first)),
    }
}

fn number(rest: &str) -> Result<(Token, usize), GuardError> {
    let length = run(rest, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    let text = &rest[..length];
    let sane = text.bytes().all(|b| !b.is_ascii_alphabetic());
    match (text.parse::<f64>(), parse_duration(text)) {
        (Ok(number), _) if sane => Ok((Token::Number(number), length)),
        (_, Ok(duration)) => Ok((Token::Duration(duration.as_secs_f64()), length)),
        _ => Err(GuardError::new(
            format!("`{text}` is neither a number nor a length of time"),
            0..length,
            "write 3, 2.5 or 90s; dates and other texts stand in quotes",
        )),
    }
}

fn unexpected(rest: &str, c: char) -> GuardError {
    let help = match c {
        '=' => "compare with `==`",
        '&' => "write `and`",
        '|' => "write `or`",
        '!' => "write `not`",
        '{' | '}' => "a guard is an expression, not a template: leave the braces out",
        _ => "",
    };
    let length = run(rest, |b| b == rest.as_bytes()[0]).max(c.len_utf8());
    GuardError::new(format!("`{}` means nothing in a guard", &rest[..length]), 0..length, help)
}

fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| b.is_ascii() && belongs(*b)).count()
}
