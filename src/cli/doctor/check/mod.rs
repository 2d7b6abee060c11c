//! The catalogue: every check with its id, which never changes, and the function that judges.
//!
//! A check looks at facts and does nothing, so each can be tried on facts that are made up.

mod dial_in;
mod dial_out;
#[cfg(test)]
mod facts;
mod local;
mod log;
mod network;
mod room;
mod speech;
mod webhook;

pub(super) use dial_in::config_of;

use super::finding::{Finding, Verdict};
use super::probe::Facts;
use super::probe::account::Details;
use crate::telephony::{LegRefusal, TelephonyError};

/// One check.
struct Check {
    id: &'static str,
    title: &'static str,
    judge: fn(&Facts<'_>) -> Verdict,
}

/// All checks, in the order in which they are shown. Ids are for ever: an id of a check that is gone is not
/// given to another.
const CATALOGUE: [Check; 27] = [
    Check { id: "D01", title: "settings", judge: local::settings },
    Check { id: "D02", title: "file of settings", judge: local::env_file },
    Check { id: "D03", title: "flow", judge: local::flow },
    Check { id: "D04", title: "media library", judge: local::library },
    Check { id: "D05", title: "clock", judge: network::clock },
    Check { id: "D06", title: "webhook port", judge: local::port },
    Check { id: "D11", title: "Daily answers", judge: network::daily },
    Check { id: "D12", title: "Deepgram answers", judge: network::deepgram },
    Check { id: "D13", title: "OpenAI answers", judge: network::openai },
    Check { id: "D14", title: "Cartesia answers", judge: network::cartesia },
    Check { id: "D15", title: "stable network", judge: network::stable },
    Check { id: "D21", title: "Daily key", judge: dial_in::key },
    Check { id: "D22", title: "phone numbers", judge: dial_in::numbers },
    Check { id: "D23", title: "dial-in configuration", judge: dial_in::configuration },
    Check { id: "D24", title: "webhook secret", judge: dial_in::secret },
    Check { id: "D25", title: "room with dial-out", judge: room::dial_out },
    Check { id: "D26", title: "room with SIP", judge: room::sip },
    Check { id: "D27", title: "owner token", judge: room::token },
    Check { id: "D28", title: "operator", judge: dial_out::targets },
    Check { id: "D29", title: "dial-out permission", judge: dial_out::permission },
    Check { id: "D30", title: "caller id", judge: dial_out::caller_id },
    Check { id: "D31", title: "Daily's log", judge: log::recent },
    Check { id: "D41", title: "Deepgram key", judge: speech::deepgram },
    Check { id: "D42", title: "Cartesia key, voice", judge: speech::cartesia },
    Check { id: "D43", title: "OpenAI key, model", judge: speech::openai },
    Check { id: "D51", title: "webhook answers", judge: webhook::answers },
    Check { id: "D52", title: "tunnel", judge: webhook::tunnel },
];

/// Judges the facts.
pub(super) fn all(facts: &Facts<'_>) -> Vec<Finding> {
    let find = |check: &Check| Finding { id: check.id, title: check.title, verdict: (check.judge)(facts) };
    CATALOGUE.iter().map(find).collect()
}

/// What Daily said to a good key, or why nothing was asked.
fn details<'a>(facts: &'a Facts<'_>) -> Result<&'a Details, Verdict> {
    let details = facts.daily.as_ref().and_then(|daily| daily.details.as_ref());
    details.ok_or_else(|| Verdict::skipped("needs a Daily key that works (D21)"))
}

/// What a question to Daily came to that should have been answered.
fn unanswered(what: &str, error: &TelephonyError) -> Verdict {
    let fix = match error {
        TelephonyError::Unreachable(_) | TelephonyError::Vendor { .. } => {
            "try again; https://status.daily.co says whether Daily is ill"
        }
        TelephonyError::RateLimited { .. } => "wait a minute and try again",
        _ => "look at the Daily account in its dashboard; the words above are Daily's",
    };
    Verdict::failed(format!("{what}: {error}"), fix)
}

/// A refusal of a leg, whose text says what it means and then what to change.
fn refused(why: LegRefusal) -> Verdict {
    let text = why.to_string();
    let (what, fix) = text.split_once(": ").unwrap_or((&text, "ask Daily's support"));
    Verdict::failed(what, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order_and_the_document_has_them_all() {
        let ids: Vec<_> = CATALOGUE.iter().map(|check| check.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
        let document = include_str!("../../../../docs/doctor.md");
        for Check { id, title, .. } in CATALOGUE {
            assert!(document.contains(&format!("| {id} | {title} |")), "docs/doctor.md lacks {id} {title}");
        }
    }

    #[test]
    fn with_all_as_it_should_be_every_check_is_fine() {
        let subject = facts::subject();
        for finding in all(&facts::fine(&subject)) {
            assert!(matches!(finding.verdict, Verdict::Ok(_)), "{finding:?}");
        }
    }
}
