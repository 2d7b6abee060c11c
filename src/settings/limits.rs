//! Limits: how many calls and requests, and who may be dialled how often.

use std::fmt;
use std::str::FromStr;

use super::{Overrides, Reader, SettingsError, Vendors};

/// Requests a second that are taken, if nobody says otherwise.
pub const DEFAULT_REQUESTS_PER_SECOND: u32 = 50;
/// Calls that may run at a time, if nobody says otherwise.
pub const DEFAULT_MAX_CALLS: usize = 200;
/// No setting goes above this: a counter must not become a memory leak.
const MOST: u32 = 100_000;

/// What a server takes on at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `CALLFLOW_MAX_CALLS`, `--max-calls`: calls that run at a time.
    pub calls: usize,
    /// `CALLFLOW_REQUESTS_PER_SECOND`.
    pub requests_per_second: u32,
    /// Who may be dialled how often.
    pub dialling: DialRules,
}

/// Who may be dialled how often by one server, over all its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialRules {
    /// `CALLFLOW_DIALS_PER_MINUTE`: in any 60 seconds. `None`: no limit.
    pub per_minute: Option<u32>,
    /// `CALLFLOW_DIALS_PER_DAY`: in any 24 hours. `None`: no limit.
    pub per_day: Option<u32>,
    /// `CALLFLOW_DIALS_PER_PREFIX`: in any 24 hours, to each allowed destination that has no limit of its own.
    pub per_prefix: Option<u32>,
    /// Where may be dialled.
    pub destinations: Destinations,
}

impl DialRules {
    /// The rules of a server whose phones are real, if nobody says otherwise.
    pub const REAL_PHONES: Self = Self {
        per_minute: Some(30),
        per_day: Some(1_000),
        per_prefix: Some(500),
        destinations: Destinations::OfTheFlow,
    };
}

/// Where may be dialled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destinations {
    /// Anywhere.
    #[default]
    Anywhere,
    /// The countries and SIP hosts of the flow's targets as they were when the server started, but no
    /// premium-rate or satellite numbers.
    OfTheFlow,
    /// `CALLFLOW_DIAL_PREFIXES`: these.
    Listed(Vec<Destination>),
}

/// One entry of `CALLFLOW_DIAL_PREFIXES`: `+44`, `+44=20` (at most 20 a day), or `sip:desk.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Which addresses.
    pub prefix: Prefix,
    /// Its own limit in any 24 hours.
    pub per_day: Option<u32>,
}

/// Addresses that are alike to whoever pays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// Telephone numbers that begin like this: `+` and digits.
    Number(String),
    /// SIP addresses at this host, in lower case.
    SipHost(String),
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(prefix) => f.write_str(prefix),
            Self::SipHost(host) => write!(f, "sip:{host}"),
        }
    }
}

/// A text is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADestination;

impl FromStr for Destination {
    type Err = NotADestination;

    fn from_str(text: &str) -> Result<Self, NotADestination> {
        let (prefix, per_day) = match text.split_once('=') {
            Some((prefix, most)) => (prefix, Some(most.trim().parse().map_err(|_| NotADestination)?)),
            None => (text, None),
        };
        if per_day.is_some_and(|most| most > MOST) {
            return Err(NotADestination);
        }
        let prefix = prefix.trim();
        let prefix = match prefix.strip_prefix("sip:") {
            Some(host) if is_host(host) => Prefix::SipHost(host.to_ascii_lowercase()),
            None if is_number_prefix(prefix) => Prefix::Number(prefix.to_owned()),
            _ => return Err(NotADestination),
        };
        Ok(Self { prefix, per_day })
    }
}

/// A name or an IPv4 address, without a port.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
}

/// `+` and 1 to 15 digits, the first of which is not zero.
fn is_number_prefix(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

impl Reader<'_> {
    pub(super) fn limits(&mut self, overrides: &Overrides, vendors: Option<&Vendors>) -> Limits {
        let calls = self.count("CALLFLOW_MAX_CALLS", 1).map(|calls| calls as usize);
        let requests = self.count("CALLFLOW_REQUESTS_PER_SECOND", 1);
        Limits {
            calls: overrides.max_calls.or(calls).unwrap_or(DEFAULT_MAX_CALLS),
            requests_per_second: requests.unwrap_or(DEFAULT_REQUESTS_PER_SECOND),
            dialling: self.dialling(vendors.is_some_and(Vendors::bills_for_phones)),
        }
    }

    /// Emulated phones cost nothing: there, only what is set counts.
    fn dialling(&mut self, costs: bool) -> DialRules {
        let unset = if costs { DialRules::REAL_PHONES } else { DialRules::default() };
        DialRules {
            per_minute: self.count("CALLFLOW_DIALS_PER_MINUTE", 0).or(unset.per_minute),
            per_day: self.count("CALLFLOW_DIALS_PER_DAY", 0).or(unset.per_day),
            per_prefix: self.count("CALLFLOW_DIALS_PER_PREFIX", 0).or(unset.per_prefix),
            destinations: self.destinations().unwrap_or(unset.destinations),
        }
    }

    fn destinations(&mut self) -> Option<Destinations> {
        let name = "CALLFLOW_DIAL_PREFIXES";
        let text = self.text(name)?;
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let listed: Result<Vec<Destination>, _> = entries.map(str::parse).collect();
        if let Ok(listed) = listed {
            return Some(Destinations::Listed(listed));
        }
        let expected = "beginnings of numbers and SIP hosts, each with a limit a day if you like: `+1, +44=20, sip:desk.example.com`";
        self.problems.push(SettingsError::Unreadable { name, expected });
        None
    }

    fn count(&mut self, name: &'static str, least: u32) -> Option<u32> {
        let expected = if least == 0 { "a number from 0 to 100000" } else { "a number from 1 to 100000" };
        let count = self.parsed::<u32>(name, expected)?;
        if (least..=MOST).contains(&count) {
            return Some(count);
        }
        self.problems.push(SettingsError::Unreadable { name, expected });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_prefixes_and_hosts_with_or_without_a_limit() {
        let read = |text: &str| text.parse::<Destination>().map(|d| (d.prefix.to_string(), d.per_day));
        assert_eq!(read("+44"), Ok(("+44".to_owned(), None)));
        assert_eq!(read(" +1900 = 3 "), Ok(("+1900".to_owned(), Some(3))));
        assert_eq!(read("sip:Desk.Example.com=0"), Ok(("sip:desk.example.com".to_owned(), Some(0))));
        for bad in [
            "",
            "+",
            "44",
            "+0",
            "+4x",
            "+1234567890123456",
            "sip:",
            "sip:a@b",
            "sip:a:5060",
            "+44=",
            "+44=-1",
            "+44=1000000",
        ] {
            assert_eq!(read(bad), Err(NotADestination), "{bad}");
        }
    }
}
