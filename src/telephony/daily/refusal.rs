//! What Daily's refusals mean (docs.daily.co/reference/rest-api/errors).
//!
//! The body is `{"error", "info"}`; `error` is stable, `info` is prose. What the prose means for a leg is
//! for `leg_refusal`.

use std::time::Duration;

use serde::Deserialize;

use crate::telephony::TelephonyError;
use crate::telephony::prose::prose;

/// Longest wish of the vendor that is believed.
const LONGEST_WAIT: u64 = 24 * 3600;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    error: String,
    info: String,
    errors: Vec<Detail>,
}

/// How `POST /buy-phone-number` writes its refusals.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    detail: String,
}

impl Body {
    /// The most telling text there is.
    fn text(&self) -> Option<&str> {
        let detail = self.errors.first().map_or("", |first| &first.detail);
        [&*self.info, &*self.error, detail].into_iter().find(|text| !text.is_empty())
    }
}

/// The error of an answer with this status, `Retry-After` header and body.
pub(super) fn meaning(status: u16, retry_after: Option<&str>, body: &[u8]) -> TelephonyError {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let info = body.text().map_or_else(|| format!("status {status}"), prose);
    match status {
        400 if body.error == "authorization-header-error" => TelephonyError::Unauthorized,
        401 => TelephonyError::Unauthorized,
        404 => TelephonyError::NotFound(info),
        429 => TelephonyError::RateLimited { retry_after: retry_after.and_then(seconds) },
        400..=499 => TelephonyError::Refused(info),
        500..=599 => TelephonyError::Vendor { status, info },
        _ => TelephonyError::Protocol(format!("status {status}")),
    }
}

/// `Retry-After` in seconds. The form with a date is not understood, which leaves our own pauses.
fn seconds(header: &str) -> Option<Duration> {
    let seconds: u64 = header.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}
