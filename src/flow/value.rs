//! The types that variables, slots and environment entries can have, and how a text is read as one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::pii::Address;

/// A type, as `vars:`, `slots:` and `env:` spell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Enum(Vec<Arc<str>>),
    /// E.164 or `sip:`.
    Phone,
    /// A day, `2026-12-25`.
    Date,
    /// A length of time with its unit, `90s`.
    Duration,
    /// A list of texts.
    List,
}

/// A constant of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A number; lengths of time in seconds.
    Number(f64),
    /// Text; also dates, phone numbers and words of an enum.
    Text(Arc<str>),
    /// A list.
    List(Vec<Literal>),
}

impl ValueType {
    /// Names of the types, as written.
    pub const NAMES: &'static [&'static str] =
        &["text", "int", "number", "bool", "enum", "phone", "date", "duration", "list"];

    /// The type of a name. An `enum` has no words yet.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "int" => Self::Int,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "enum" => Self::Enum(Vec::new()),
            "phone" => Self::Phone,
            "date" => Self::Date,
            "duration" => Self::Duration,
            "list" => Self::List,
            _ => return None,
        })
    }

    /// As written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Enum(_) => "enum",
            Self::Phone => "phone",
            Self::Date => "date",
            Self::Duration => "duration",
            Self::List => "list",
        }
    }

    /// How a value of it is written, for messages.
    #[must_use]
    pub fn example(&self) -> String {
        match self {
            Self::Text => "any text".into(),
            Self::Int => "a whole number, such as 3".into(),
            Self::Number => "a number, such as 2.5".into(),
            Self::Bool => "true or false".into(),
            Self::Enum(words) => format!("one of {}", words.join(", ")),
            Self::Phone => "`+` and 8 to 15 digits, such as +15550100123, or sip:user@host".into(),
            Self::Date => "a day, such as 2026-12-25".into(),
            Self::Duration => "a length of time with its unit, such as 90s".into(),
            Self::List => "a list of texts, such as a, b".into(),
        }
    }

    /// Reads a text (from the model, a template or the environment) as a value of this type.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Literal> {
        let trimmed = text.trim();
        Some(match self {
            Self::Text => Literal::Text(text.into()),
            Self::Int => Literal::Number(f64::from(trimmed.parse::<i32>().ok()?)),
            Self::Number => Literal::Number(trimmed.parse::<f64>().ok().filter(|n| n.is_finite())?),
            Self::Bool => Literal::Bool(match trimmed.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return None,
            }),
            Self::Enum(words) => {
                Literal::Text(words.iter().find(|w| w.eq_ignore_ascii_case(trimmed))?.clone())
            }
            Self::Phone => Literal::Text(Address::parse(trimmed).ok()?.reveal().into()),
            Self::Date => Literal::Text(trimmed.parse::<jiff::civil::Date>().ok()?.to_string().into()),
            Self::Duration => Literal::Number(parse_duration(trimmed).ok()?.as_secs_f64()),
            Self::List => Literal::List(
                trimmed
                    .split(',')
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .map(|s| Literal::Text(s.into()))
                    .collect(),
            ),
        })
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadDuration {
    /// A number without `ms`, `s`, `m` or `h`.
    NoUnit,
    /// Anything else, or more than a day.
    NotADuration,
}

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Reads `500ms`, `8s`, `20m`, `2h` or a sum such as `1m30s`; at most a day.
///
/// # Errors
/// [`BadDuration`].
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(BadDuration::NoUnit);
    }
    let mut rest = text;
    let mut millis = 0u64;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let unit = match &rest[digits..digits + letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(BadDuration::NotADuration),
        };
        let count: u64 = rest[..digits].parse().map_err(|_| BadDuration::NotADuration)?;
        if unit >= smallest {
            return Err(BadDuration::NotADuration);
        }
        smallest = unit;
        millis = millis.saturating_add(count.saturating_mul(unit));
        rest = &rest[digits + letters..];
    }
    if text.is_empty() || millis > DAY {
        Err(BadDuration::NotADuration)
    } else {
        Ok(Duration::from_millis(millis))
    }
}

/// Writes a length of time as a flow does.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let mut millis = duration.as_millis();
    if millis == 0 {
        return "0s".into();
    }
    let mut out = String::new();
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if millis >= size {
            out.push_str(&format!("{}{unit}", millis / size));
            millis %= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_a_unit() {
        for (text, millis) in [("500ms", 500), ("8s", 8_000), ("1m30s", 90_000), ("2h", 7_200_000), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse_duration("20"), Err(BadDuration::NoUnit));
        assert_eq!(parse_duration("2.5"), Err(BadDuration::NoUnit));
        for text in ["", "s", "20 s", "1s1m", "1s2s", "25h", "99999999999999999999s", "1d", "5S", "-5s", "١s"]
        {
            assert_eq!(parse_duration(text), Err(BadDuration::NotADuration), "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_is_written() {
        for text in ["500ms", "8s", "1m30s", "2h", "0s", "1h1m1s1ms"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn texts_are_read_by_type() {
        let words = ValueType::Enum(vec!["sales".into(), "support".into()]);
        assert_eq!(words.read(" Sales "), Some(Literal::Text("sales".into())));
        assert_eq!(words.read("billing"), None);
        assert_eq!(ValueType::Int.read("7"), Some(Literal::Number(7.0)));
        assert_eq!(ValueType::Int.read("7.5"), None);
        assert_eq!(ValueType::Number.read("inf"), None);
        assert_eq!(ValueType::Bool.read("yes"), None);
        assert_eq!(ValueType::Phone.read("+1 (555) 010-0123"), Some(Literal::Text("+15550100123".into())));
        assert_eq!(ValueType::Date.read("2026-02-30"), None);
        assert_eq!(ValueType::Duration.read("90s"), Some(Literal::Number(90.0)));
        assert_eq!(
            ValueType::List.read("a, b").map(|l| matches!(l, Literal::List(i) if i.len() == 2)),
            Some(true)
        );
    }
}
