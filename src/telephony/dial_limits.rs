//! Toll fraud, the last line: where one server dials at all, and how often in a minute and in a day.
//!
//! Whom a call dials is the flow's business, and no word of a caller or a model reaches it. This holds when
//! something is wrong all the same: a flow or an environment with a number that nobody meant, a caller who
//! has the bot dial again and again, many callers at once. Counters live in memory and begin anew with the
//! process.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::zones;
use crate::pii::{Address, PhoneNumber, SipUri};
use crate::settings::{Destination, Destinations, DialRules, Prefix};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a server does not dial. Each names the setting that decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialRefusal {
    /// Too many in a minute.
    #[error("this server dials at most {most} times within a minute (CALLFLOW_DIALS_PER_MINUTE)")]
    PerMinute {
        /// The limit.
        most: u32,
    },
    /// Too many in a day.
    #[error("this server dials at most {most} times within 24 hours (CALLFLOW_DIALS_PER_DAY)")]
    PerDay {
        /// The limit.
        most: u32,
    },
    /// Too many in a day to one destination.
    #[error(
        "this server dials {prefix} at most {most} times within 24 hours (CALLFLOW_DIALS_PER_PREFIX, or \
         `{prefix}=N` in CALLFLOW_DIAL_PREFIXES)"
    )]
    PerPrefix {
        /// The destination.
        prefix: Prefix,
        /// The limit.
        most: u32,
    },
    /// Not an allowed destination.
    #[error("{prefix} is not among the destinations that may be dialled; CALLFLOW_DIAL_PREFIXES lists them")]
    Destination {
        /// What would have to be listed.
        prefix: Prefix,
    },
    /// A premium-rate or satellite number that is not allowed by name.
    #[error(
        "{prefix} are premium-rate or satellite numbers; they are dialled only if CALLFLOW_DIAL_PREFIXES lists them by \
         this prefix"
    )]
    Premium {
        /// The range.
        prefix: Prefix,
    },
}

impl DialRefusal {
    /// What to do about it: one sentence.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::PerMinute { .. } => "raise CALLFLOW_DIALS_PER_MINUTE if so many are meant",
            Self::PerDay { .. } => "raise CALLFLOW_DIALS_PER_DAY if so many are meant",
            Self::PerPrefix { .. } => "raise CALLFLOW_DIALS_PER_PREFIX if so many are meant",
            Self::Destination { .. } | Self::Premium { .. } => {
                "list all that may be dialled in CALLFLOW_DIAL_PREFIXES, for example `+1, +44=20`"
            }
        }
    }
}

/// Where one server dials, and how often. Shared by all its calls.
#[derive(Debug, Default)]
pub struct DialLimits {
    per_minute: Option<u32>,
    per_day: Option<u32>,
    per_prefix: Option<u32>,
    /// `None`: anywhere.
    allowed: Option<Vec<Destination>>,
    /// What was dialled and when, the oldest first.
    dialled: Mutex<VecDeque<(Instant, Prefix)>>,
}

impl DialLimits {
    /// Limits by the rules of the settings; `targets` are those of the flow, as it is when the server starts.
    #[must_use]
    pub fn new<'a>(rules: &DialRules, targets: impl IntoIterator<Item = &'a Address>) -> Self {
        let allowed = match &rules.destinations {
            Destinations::Anywhere => None,
            Destinations::Listed(listed) => Some(listed.clone()),
            Destinations::OfTheFlow => {
                let home = targets.into_iter().map(|to| Destination { prefix: home(to), per_day: None });
                Some(home.collect())
            }
        };
        let DialRules { per_minute, per_day, per_prefix, .. } = *rules;
        Self { per_minute, per_day, per_prefix, allowed, dialled: Mutex::default() }
    }

    /// Whether an address is an allowed destination, however often it was dialled.
    ///
    /// # Errors
    /// [`DialRefusal::Destination`] or [`DialRefusal::Premium`].
    pub fn allows(&self, to: &Address) -> Result<(), DialRefusal> {
        self.destination(to).map(drop)
    }

    /// Counts a dial-out that is about to be made, or refuses it. What is refused is not counted.
    ///
    /// # Errors
    /// See [`DialRefusal`].
    pub fn admit(&self, to: &Address) -> Result<(), DialRefusal> {
        let Destination { prefix, per_day: most_to_prefix } = self.destination(to)?;
        // Nothing panics while it is held, and the queue is whole after every step anyway.
        let mut dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let within = |begin: Instant, span| now.duration_since(begin) < span;
        while dialled.front().is_some_and(|(at, _)| !within(*at, DAY)) {
            dialled.pop_front();
        }
        if let Some(most) = self.per_minute
            && dialled.iter().rev().take_while(|(at, _)| within(*at, MINUTE)).count() >= most as usize
        {
            return Err(DialRefusal::PerMinute { most });
        }
        if let Some(most) = self.per_day
            && dialled.len() >= most as usize
        {
            return Err(DialRefusal::PerDay { most });
        }
        if let Some(most) = most_to_prefix
            && dialled.iter().filter(|(_, to)| *to == prefix).count() >= most as usize
        {
            return Err(DialRefusal::PerPrefix { prefix, most });
        }
        if dialled.len() == MOST_REMEMBERED {
            dialled.pop_front();
        }
        dialled.push_back((now, prefix));
        Ok(())
    }

    /// The destination that an address belongs to, and its own limit a day.
    fn destination(&self, to: &Address) -> Result<Destination, DialRefusal> {
        let Some(allowed) = &self.allowed else {
            return Ok(Destination { prefix: home(to), per_day: self.per_prefix });
        };
        let covering = allowed.iter().filter(|destination| covers(&destination.prefix, to));
        let most_specific = covering.max_by_key(|destination| specificity(&destination.prefix));
        match most_specific {
            Some(found) => {
                Ok(Destination { prefix: found.prefix.clone(), per_day: found.per_day.or(self.per_prefix) })
            }
            None => Err(refusal(to)),
        }
    }
}

/// No limit is above this, so nothing older matters.
const MOST_REMEMBERED: usize = 100_000;

/// What an address belongs to if nobody lists anything more special.
fn home(to: &Address) -> Prefix {
    match to {
        Address::Phone(number) => Prefix::Number(zones::country(number.reveal()).to_owned()),
        Address::Sip(uri) => Prefix::SipHost(host(uri)),
    }
}

fn covers(prefix: &Prefix, to: &Address) -> bool {
    match (prefix, to) {
        (Prefix::Number(prefix), Address::Phone(number)) => covers_number(prefix, number),
        (Prefix::SipHost(listed), Address::Sip(uri)) => *listed == host(uri),
        _ => false,
    }
}

/// A range apart must be named itself: nobody who writes `+1` means +1 900.
fn covers_number(prefix: &str, number: &PhoneNumber) -> bool {
    let apart = zones::apart(number.reveal()).is_none_or(|range| prefix.starts_with(range));
    number.reveal().starts_with(prefix) && apart
}

fn specificity(prefix: &Prefix) -> usize {
    match prefix {
        Prefix::Number(prefix) => prefix.len(),
        Prefix::SipHost(_) => 0,
    }
}

fn refusal(to: &Address) -> DialRefusal {
    let premium = match to {
        Address::Phone(number) => zones::premium(number.reveal()),
        Address::Sip(_) => None,
    };
    match premium {
        Some(range) => DialRefusal::Premium { prefix: Prefix::Number(range.to_owned()) },
        None => DialRefusal::Destination { prefix: home(to) },
    }
}

/// The host of a SIP address in lower case, without port, parameters and headers.
fn host(uri: &SipUri) -> String {
    let after_user = uri.reveal().rsplit('@').next().unwrap_or_default();
    let end = after_user.find([':', ';', '?', '>']).unwrap_or(after_user.len());
    after_user[..end].to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const OPERATOR: &str = "+15550100100";

    fn to(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn listed(text: &str) -> DialRules {
        let list = text.split(',').map(|entry| entry.parse().unwrap()).collect();
        DialRules { destinations: Destinations::Listed(list), ..DialRules::default() }
    }

    fn dials(limits: &DialLimits, number: &str) -> usize {
        (0..10_000).take_while(|_| limits.admit(&to(number)).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_in_any_minute_and_in_any_day() {
        let rules = DialRules { per_minute: Some(3), per_day: Some(7), ..DialRules::default() };
        let limits = DialLimits::new(&rules, []);
        assert_eq!(dials(&limits, OPERATOR), 3);
        assert_eq!(limits.admit(&to(OPERATOR)), Err(DialRefusal::PerMinute { most: 3 }));
        advance(Duration::from_secs(59)).await;
        assert_eq!(dials(&limits, OPERATOR), 0);
        advance(Duration::from_secs(1)).await;
        assert_eq!(dials(&limits, OPERATOR), 3, "what was refused was not counted");
        advance(MINUTE).await;
        assert_eq!(dials(&limits, OPERATOR), 1);
        assert_eq!(limits.admit(&to(OPERATOR)), Err(DialRefusal::PerDay { most: 7 }));
        advance(DAY - 2 * MINUTE).await;
        assert_eq!(dials(&limits, OPERATOR), 3, "the first three are a day old");
    }

    #[tokio::test(start_paused = true)]
    async fn each_destination_has_its_own_limit() {
        let rules = DialRules { per_prefix: Some(4), ..listed("+1,+1555=2,+44=0,sip:desk.example.com") };
        let limits = DialLimits::new(&rules, []);
        assert_eq!(dials(&limits, OPERATOR), 2);
        assert_eq!(dials(&limits, "+12125550100"), 4);
        assert_eq!(dials(&limits, "+442079460000"), 0);
        assert_eq!(dials(&limits, "sip:a@desk.example.com"), 4);
        assert_eq!(dials(&limits, "sips:b@DESK.example.com:5061;transport=tls"), 0, "one host, one limit");
        let refused = limits.admit(&to(OPERATOR)).unwrap_err().to_string();
        assert!(refused.contains("+1555=N") && refused.contains("CALLFLOW_DIALS_PER_PREFIX"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn real_phones_dial_the_flow_s_countries_and_nothing_dear() {
        let targets = [to(OPERATOR), to("sip:desk@pbx.example.com"), to("+18765550100")];
        let limits = DialLimits::new(&DialRules::REAL_PHONES, &targets);
        for fine in [OPERATOR, "+14165550100", "sip:other@pbx.example.com", "+18765550199"] {
            assert_eq!(limits.allows(&to(fine)), Ok(()), "{fine}");
        }
        for (refused, prefix) in [
            ("+442079460000", "+44"),
            ("+18095550100", "+1809"),
            ("sip:desk@pbx.example.com.evil.example", "sip:pbx.example.com.evil.example"),
            ("sip:desk@pbx.example.com@evil.example", "sip:evil.example"),
        ] {
            let refusal = limits.admit(&to(refused)).unwrap_err();
            assert!(
                matches!(&refusal, DialRefusal::Destination { prefix: p } if p.to_string() == prefix),
                "{refusal}"
            );
            assert!(refusal.to_string().contains("CALLFLOW_DIAL_PREFIXES"));
        }
        let dear = limits.admit(&to("+19005550100")).unwrap_err();
        assert!(matches!(dear, DialRefusal::Premium { .. }), "{dear}");
    }

    #[test]
    fn a_premium_target_of_the_flow_is_dialled_only_if_it_is_listed() {
        let target = to("+449061234567");
        let limits = DialLimits::new(&DialRules::REAL_PHONES, [&target]);
        assert!(matches!(limits.allows(&target), Err(DialRefusal::Premium { .. })));
        assert!(DialLimits::new(&listed("+44"), []).allows(&target).is_err());
        assert_eq!(DialLimits::new(&listed("+44906"), []).allows(&target), Ok(()));
    }

    #[test]
    fn no_refusal_tells_the_number() {
        let limits = DialLimits::new(&DialRules::REAL_PHONES, []);
        for address in ["+442079461234", "+19005551234", "sip:jane1234@desk.example.com"] {
            let refusal = limits.admit(&to(address)).unwrap_err();
            assert!(!format!("{refusal} {refusal:?}").contains("1234"), "{refusal}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_rules_everything_is_dialled_and_memory_is_bounded() {
        let limits = DialLimits::default();
        for _ in 0..MOST_REMEMBERED + 10 {
            limits.admit(&to("+19005550100")).unwrap();
        }
        assert_eq!(limits.dialled.lock().unwrap().len(), MOST_REMEMBERED);
    }
}
