//! Daily's log of requests: those it took from us, and those it made to webhooks (docs.daily.co, `logs/api`).
//!
//! Whether calls of the dial-in webhook are in it is not documented. Bodies are not kept: they hold numbers
//! and tokens. Of a refused request the text of the refusal is, without numbers.

use serde::Deserialize;
use serde_json::Value;

use crate::telephony::TelephonyError;
use crate::telephony::daily::wire;
use crate::telephony::prose::prose;

/// Which requests are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// Requests to Daily's REST API.
    Api,
    /// Requests of Daily to webhooks.
    Webhook,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path at Daily, or the webhook's URL.
    pub url: String,
    /// HTTP status of the answer; 0 if there was none that could be read.
    pub status: u16,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// Whether its body names a telephone number to dial (`phoneNumber`).
    pub dials_phone: bool,
    /// Whether it only tried a webhook (`Test`), as Daily does when one is set.
    pub is_test: bool,
}

impl LogSource {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Webhook => "webhook",
        }
    }
}

impl LogEntry {
    /// Whether the request was refused or not answered.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !(200..400).contains(&self.status)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    method: String,
    #[serde(default)]
    url: String,
    /// A number in the OpenAPI document, a text in Daily's Ruby client.
    #[serde(default)]
    status: Value,
    created_at: Option<String>,
    request: Option<String>,
    response: Option<String>,
}

/// Reads the list, which is documented as a bare array.
pub(super) fn read(answer: Value) -> Result<Vec<LogEntry>, TelephonyError> {
    let entries: Vec<Entry> = wire::read(answer, "the log")?;
    Ok(entries.into_iter().map(entry).collect())
}

fn entry(entry: Entry) -> LogEntry {
    let status = match &entry.status {
        Value::Number(status) => status.as_u64().and_then(|status| u16::try_from(status).ok()),
        Value::String(status) => status.parse().ok(),
        _ => None,
    };
    let body = entry.request.unwrap_or_default();
    let at = entry.created_at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let entry = LogEntry {
        method: entry.method,
        url: entry.url,
        status: status.unwrap_or(0),
        at: at.map(jiff::Timestamp::as_second),
        refusal: entry.response,
        dials_phone: body.contains("\"phoneNumber\""),
        is_test: body.contains("\"Test\"") || body.contains("\"test\""),
    };
    let refusal = entry.refusal.as_deref().filter(|_| entry.is_failure()).and_then(reason);
    LogEntry { refusal, ..entry }
}

/// `info` of a refusal, else `error`, without numbers.
fn reason(response: &str) -> Option<String> {
    let body: Value = serde_json::from_str(response).ok()?;
    let text = body["info"].as_str().or_else(|| body["error"].as_str())?;
    (!text.is_empty()).then(|| prose(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_documented_log_is_read_and_bodies_are_left_out() {
        let text = include_str!("../../../../tests/wire/daily/api_log.json");
        let entries = read(serde_json::from_str(text).unwrap()).unwrap();
        let [good, refused] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((good.status, good.is_failure(), &good.refusal), (200, false, &None));
        assert_eq!((refused.url.as_str(), refused.status), ("/v1/meeting-tokens", 400));
        assert_eq!(refused.refusal.as_deref(), Some("room not found"));
        assert_eq!(refused.at, Some(1_710_528_060));
    }

    #[test]
    fn odd_entries_are_read_as_failures_and_numbers_do_not_come_through() {
        let odd = json!([
            {"status": "503", "response": "{\"error\":\"cannot dial +15557654321\"}"},
            {"status": null, "response": "<html>"},
        ]);
        let entries = read(odd).unwrap();
        assert!(entries.iter().all(LogEntry::is_failure));
        let refusal = entries[0].refusal.as_deref().unwrap();
        assert!(refusal.starts_with("cannot dial") && !refusal.contains("555"), "{refusal}");
        assert_eq!(entries[1].refusal, None);
    }
}
