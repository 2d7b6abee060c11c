//! What Daily's refusals mean (docs.daily.co/reference/rest-api/errors).
//!
//! The body is `{"error", "info"}`; `error` is stable, `info` is prose. Where a caller would act
//! differently the prose is all there is to tell causes apart.

use std::time::Duration;

use serde::Deserialize;

use crate::telephony::prose::prose;
use crate::telephony::{DialOutBar, TelephonyError};

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
        400..=499 => match dial_out_bar(&info) {
            Some(bar) => TelephonyError::DialOutNotEnabled(bar),
            None => TelephonyError::Refused(info),
        },
        500..=599 => TelephonyError::Vendor { status, info },
        _ => TelephonyError::Protocol(format!("status {status}")),
    }
}

/// `Retry-After` in seconds. The form with a date is not understood, which leaves our own pauses.
fn seconds(header: &str) -> Option<Duration> {
    let seconds: u64 = header.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

/// The four texts of Pipecat's page on Daily dial-out, matched by the words that tell them apart.
fn dial_out_bar(info: &str) -> Option<DialOutBar> {
    let info = info.to_lowercase().replace('-', "");
    let says = |words: &[&str]| words.iter().all(|word| info.contains(word));
    if says(&["international", "dialout", "not supported"]) {
        Some(DialOutBar::International)
    } else if says(&["enable_dialout", "plan"]) {
        Some(DialOutBar::Plan)
    } else if says(&["dialout", "not enabled for domain"]) {
        Some(DialOutBar::Domain)
    } else if says(&["dialout", "not enabled for room"]) {
        Some(DialOutBar::Room)
    } else {
        None
    }
}
