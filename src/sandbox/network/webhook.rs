//! The dial-in webhook: what Daily posts when somebody calls, signed as Daily signs it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use crate::sandbox::clock::unix_now;
use crate::sandbox::daily::{RequestLog, Source};

/// Longest wait for the webhook's answer. Daily does not say how long it waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the webhook is, and the secret that signs it. Does not print either.
#[derive(Clone)]
pub(crate) struct Webhook {
    url: String,
    secret: Option<Vec<u8>>,
}

/// A webhook's secret is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's secret is not base64")]
pub struct NotBase64;

/// The webhook was not taken. The causes make no difference to the caller, who is told "busy".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotTaken;

/// The held call that is reported.
pub(super) struct Report<'a> {
    pub(super) to: &'a str,
    pub(super) from: &'a str,
    pub(super) call_id: Uuid,
    pub(super) call_domain: Uuid,
}

impl Webhook {
    /// A webhook; without a secret it is not signed.
    pub(crate) fn new(url: &str, secret_base64: Option<&str>) -> Result<Self, NotBase64> {
        let secret = secret_base64.map(|secret| STANDARD.decode(secret)).transpose();
        Ok(Self { url: url.to_owned(), secret: secret.map_err(|_| NotBase64)? })
    }

    /// The same as somebody posts it who does not know the secret, and signs with another.
    pub(super) fn forged(self) -> Self {
        Self { secret: Some(b"a secret of somebody else".to_vec()), ..self }
    }

    /// Posts, and notes in the log how it was answered: with status 0 if it was not.
    async fn post(&self, http: &reqwest::Client, log: &RequestLog, body: String) -> Result<(), NotTaken> {
        let timestamp = format!("{}", (unix_now() * 1_000.0) as u64);
        let mut request = http.post(&self.url).timeout(PATIENCE).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            request = request
                .header("X-Pinless-Signature", signature(secret, &timestamp, body.as_bytes()))
                .header("X-Pinless-Timestamp", timestamp);
        }
        let answer = request.body(body.clone()).send().await;
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        log.note(Source::Webhook, "POST", &self.url, status, [Some(body), None]);
        match answer {
            Ok(answer) if answer.status() == 200 => Ok(()),
            Ok(answer) => {
                tracing::info!(status = answer.status().as_u16(), "the dial-in webhook refused a call");
                Err(NotTaken)
            }
            Err(error) => {
                tracing::info!(error = %error.without_url(), "the dial-in webhook did not answer");
                Err(NotTaken)
            }
        }
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("signed", &self.secret.is_some()).finish_non_exhaustive()
    }
}

/// Reports a held call, `copies` times at once. The first copy's answer counts.
pub(super) async fn report(
    http: reqwest::Client,
    log: RequestLog,
    webhook: Webhook,
    body: String,
    copies: usize,
) -> Result<(), NotTaken> {
    let posts = (0..copies).map(|_| webhook.post(&http, &log, body.clone()));
    let answers = futures_util::future::join_all(posts).await;
    answers.into_iter().next().unwrap_or(Err(NotTaken))
}

/// The body of a report. Mixed case is Daily's.
pub(super) fn body(report: &Report<'_>) -> String {
    json!({
        "To": report.to,
        "From": report.from,
        "callId": report.call_id,
        "callDomain": report.call_domain,
    })
    .to_string()
}

/// What Daily posts when a configuration is saved; the answer changes nothing.
pub(crate) async fn test_ping(http: reqwest::Client, log: RequestLog, webhook: Webhook) {
    if webhook.post(&http, &log, json!({"Test": "test"}).to_string()).await.is_err() {
        tracing::debug!("a webhook was saved that does not answer its test");
    }
}

/// Base64 of HMAC-SHA256 over `timestamp.body`, with the timestamp as sent and the body's raw bytes.
fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in [timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_reference_vector() {
        let secret = STANDARD.decode("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
        let body = body(&Report {
            to: "+15559876543",
            from: "+15551234567",
            call_id: "6b1f2e5a-0000-4000-8000-000000000001".parse().unwrap(),
            call_domain: "6b1f2e5a-0000-4000-8000-000000000002".parse().unwrap(),
        });
        let signed = signature(&secret, "1742353929123", body.as_bytes());
        assert_eq!(signed, "lQkGcDR2EC3VS+W/IJFzROFfn4QSz1wD4UQxkPGXnLo=");
    }

    #[test]
    fn neither_address_nor_secret_is_printed() {
        let webhook = Webhook::new("http://example.com/start?key=1", Some("c2VjcmV0")).unwrap();
        assert_eq!(format!("{webhook:?}"), "Webhook { signed: true, .. }");
        assert!(Webhook::new("http://example.com", Some("no base64!")).is_err());
    }
}
