//! Personal data and secrets have types, and the types do not print.
//!
//! `Debug` and `Display` of everything here are masked, so a value that strays into a log line or a
//! panic message says nothing. Code that must show or send the real value says so by calling
//! [`PhoneNumber::reveal`], [`Utterance::text`] or [`ApiKey::reveal`], which are easy to search for.
//! This module does not decide *where* a value may go; it only makes going there deliberate.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// A telephone number in E.164 form: `+` and 8 to 15 digits.
///
/// Serialises masked (`+1•••••••0100`), which is what records and journals keep.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// Why a text is not a telephone number or SIP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is neither `+` with digits nor `sip:`.
    #[error(
        "not a phone number: write it as `+` and 8 to 15 digits (E.164), for example +15550100123, or as a `sip:` address"
    )]
    NotAnAddress,
    /// A `sip:` address without a user or a host.
    #[error("not a SIP address: write it as sip:user@host")]
    NotSip,
}

impl PhoneNumber {
    /// Parses E.164; spaces, dots, dashes and parentheses between digits are dropped.
    ///
    /// # Errors
    /// [`AddressError::NotAnAddress`] when it has no `+`, other characters, or not 8 to 15 digits.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let rest = text.strip_prefix('+').ok_or(AddressError::NotAnAddress)?;
        let mut digits = String::with_capacity(rest.len() + 1);
        digits.push('+');
        for c in rest.chars() {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '.' | '-' | '(' | ')' => {}
                _ => return Err(AddressError::NotAnAddress),
            }
        }
        let plausible = (9..=16).contains(&digits.len()) && digits.as_bytes()[1] != b'0';
        if plausible { Ok(Self(digits)) } else { Err(AddressError::NotAnAddress) }
    }

    /// The number in clear, for the wire and for the person at the terminal.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({self})")
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a call leg can be dialled: a telephone number or a `sip:` address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// E.164.
    Phone(PhoneNumber),
    /// A SIP URI, printed masked.
    Sip(SipUri),
}

impl Address {
    /// Parses `+15550100123` or `sip:desk@example.com`.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.starts_with("sip:") || text.starts_with("sips:") {
            SipUri::parse(text).map(Self::Sip)
        } else {
            PhoneNumber::parse(text).map(Self::Phone)
        }
    }

    /// The address in clear, for the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match self {
            Self::Phone(number) => number.reveal(),
            Self::Sip(uri) => uri.reveal(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(number) => number.fmt(f),
            Self::Sip(uri) => uri.fmt(f),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A `sip:` or `sips:` URI (RFC 3261); the user part is masked when printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri(String);

impl SipUri {
    /// Parses `sip:user@host`, any parameters kept.
    ///
    /// # Errors
    /// [`AddressError::NotSip`] without scheme, user or host, or with white space.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:"));
        let parts = rest.and_then(|r| r.split_once('@'));
        match parts {
            Some((user, host))
                if !user.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(AddressError::NotSip),
        }
    }

    /// The URI in clear, for the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.split_once('@').map_or("", |(_, host)| host);
        write!(f, "sip:•••@{host}")
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SipUri({self})")
    }
}

/// Words that a person or the bot said. Printed as a length only.
///
/// Serialises in clear: a call record and a journal are asked for by name and exist to hold the words.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Utterance(String);

impl Utterance {
    /// Wraps the words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The words in clear.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether there are no words in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl fmt::Debug for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utterance({} chars)", self.0.chars().count())
    }
}

/// What a tool is called with, or what it answers: JSON that may say anything about a caller.
///
/// Serialises in clear, as [`Utterance`] does and for the same reason.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(pub serde_json::Value);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(…)")
    }
}

/// A vendor's API key or a shared secret; wiped from memory when dropped.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Wraps a key as read from the environment.
    pub fn new(key: impl Into<String>) -> Self {
        Self(SecretString::from(key.into()))
    }

    /// The key in clear, for an `Authorization` header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(•••)")
    }
}

/// Keeps the leading `+` and digit and the last four; everything between becomes dots.
fn mask(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    let tail = chars.len().saturating_sub(4).max(2);
    chars.iter().enumerate().map(|(i, &c)| if i < 2 || i >= tail { c } else { '•' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_prints_masked_everywhere_but_where_asked() {
        let number = PhoneNumber::parse("+1 (555) 010-0123").unwrap();
        assert_eq!(number.reveal(), "+15550100123");
        assert_eq!(number.to_string(), "+1••••••0123");
        assert!(!format!("{number:?}").contains("555"));
        assert!(!serde_json::to_string(&number).unwrap().contains("555"));
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in ["", "5550100", "+12", "+1555010012345678", "+1555x", "+0155501001", "tel:+155501001"] {
            assert!(PhoneNumber::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sip_addresses_keep_host_and_hide_user() {
        let address = Address::parse("sip:jane@desk.example.com").unwrap();
        assert_eq!(address.reveal(), "sip:jane@desk.example.com");
        assert_eq!(address.to_string(), "sip:•••@desk.example.com");
        assert_eq!(Address::parse("sip:nobody"), Err(AddressError::NotSip));
    }

    #[test]
    fn keys_and_utterances_do_not_print() {
        assert_eq!(format!("{:?}", ApiKey::new("sk-secret")), "ApiKey(•••)");
        assert_eq!(format!("{:?}", Utterance::new("my card is 4111")), "Utterance(15 chars)");
    }
}
