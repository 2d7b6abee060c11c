//! What went wrong at Daily lately.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::{details, unanswered};
use crate::cli::doctor::unix_now;
use crate::telephony::daily::account::LogEntry;

/// How far back is looked, in seconds.
const LATELY: i64 = 24 * 60 * 60;
/// Failures that are shown.
const SHOWN: usize = 3;

/// D31: Daily's log of the last day has no failures.
pub(super) fn recent(facts: &Facts<'_>) -> Verdict {
    let details = match details(facts) {
        Ok(details) => details,
        Err(skipped) => return skipped,
    };
    let (api, webhook) = match (&details.api_log, &details.webhook_log) {
        (Ok(api), Ok(webhook)) => (api, webhook),
        (Err(error), _) | (_, Err(error)) => return unanswered("Daily's log could not be read", error),
    };
    let since = unix_now() - LATELY;
    // Daily tries a webhook when it is set, which is often before a server runs there.
    let is_recent =
        |entry: &&LogEntry| entry.is_failure() && !entry.is_test && entry.at.is_none_or(|at| at >= since);
    let webhooks: Vec<&LogEntry> = webhook.iter().filter(is_recent).collect();
    let requests: Vec<&LogEntry> = api.iter().filter(is_recent).filter(tells_something).collect();
    let count = webhooks.len() + requests.len();
    if count == 0 {
        return Verdict::ok("no failure in the last 24 hours");
    }
    let shown: Vec<String> =
        webhooks.iter().chain(&requests).take(SHOWN).map(|entry| describe(entry)).collect();
    let more = count.checked_sub(SHOWN).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    let fix = if webhooks.is_empty() {
        "the words are Daily's; the time and the rest are in its dashboard (Developers, logs)"
    } else {
        "Daily could not deliver a call: see D51 and D52, and this server's own log at that time"
    };
    Verdict::warning(format!("in the last 24 hours: {}{more}", shown.join("; ")), fix)
}

/// A room that is gone already is no failure: it is deleted twice to be sure.
fn tells_something(entry: &&LogEntry) -> bool {
    !(entry.status == 404 && entry.method == "DELETE")
}

/// The request without names, ids and tokens.
fn describe(entry: &LogEntry) -> String {
    let path = entry.url.split_once("://").map_or(entry.url.as_str(), |(_, rest)| rest);
    let path = path.trim_start_matches("/v1");
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    let path = match words.as_slice() {
        ["rooms", _, rest @ ..] => ["rooms", "…"].iter().chain(rest).copied().collect::<Vec<_>>().join("/"),
        ["meeting-tokens", ..] => "meeting-tokens".to_owned(),
        [] => "/".to_owned(),
        words => words.join("/"),
    };
    let answered = if entry.status == 0 { "no answer".to_owned() } else { entry.status.to_string() };
    match &entry.refusal {
        Some(refusal) => format!("{} {path}: {answered}, {refusal}", entry.method),
        None => format!("{} {path}: {answered}", entry.method),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{details_of, fine, subject};
    use super::*;
    use crate::telephony::TelephonyError;

    fn entry(url: &str, status: u16, hours_ago: i64) -> LogEntry {
        LogEntry {
            method: "POST".to_owned(),
            url: url.to_owned(),
            status,
            at: Some(unix_now() - hours_ago * 3600),
            refusal: None,
            dials_phone: false,
            is_test: false,
        }
    }

    #[test]
    fn d31_shows_the_last_failures_of_a_day_without_names_and_tokens() {
        let subject = subject();
        let mut facts = fine(&subject);
        let refused = LogEntry {
            refusal: Some("room not found".to_owned()),
            ..entry("/v1/rooms/secret/dialOut/start", 400, 1)
        };
        let token = entry("/v1/meeting-tokens/eyJh.b.c", 400, 2);
        details_of(&mut facts).api_log =
            Ok(vec![entry("/v1/rooms", 200, 0), refused, token, entry("/v1/rooms", 500, 30)]);
        let verdict = recent(&facts);
        let (what, _) = verdict.text();
        assert_eq!(
            what,
            "in the last 24 hours: POST rooms/…/dialOut/start: 400, room not found; POST meeting-tokens: 400"
        );
        details_of(&mut facts).webhook_log = Ok(vec![entry("https://bot.example.com/start", 0, 1)]);
        let verdict = recent(&facts);
        assert!(verdict.text().0.contains("POST bot.example.com/start: no answer"), "{verdict:?}");
        assert!(verdict.text().1.unwrap().contains("D52"));
    }

    #[test]
    fn d31_is_not_alarmed_by_a_room_that_was_gone_already() {
        let subject = subject();
        let mut facts = fine(&subject);
        let gone = LogEntry { method: "DELETE".to_owned(), ..entry("/v1/rooms/a", 404, 1) };
        details_of(&mut facts).api_log = Ok(vec![gone]);
        assert_eq!(recent(&facts).word(), "ok");
        details_of(&mut facts).webhook_log = Err(TelephonyError::Unauthorized);
        assert_eq!(recent(&facts).word(), "failed");
    }
}
