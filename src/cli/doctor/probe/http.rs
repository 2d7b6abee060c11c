//! One HTTP request whose answer is looked at from outside: status, a few headers, the time it took.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, timeout};

use crate::server::INSTANCE_HEADER;
use crate::speech::openai::http_client;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(8);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Answer {
    /// HTTP status.
    pub(in crate::cli::doctor) status: u16,
    /// The time of day at the other side, in seconds since 1970.
    pub(in crate::cli::doctor) date: Option<i64>,
    /// Which callflow server it is, if it is one.
    pub(in crate::cli::doctor) instance: Option<String>,
    /// How long it took.
    pub(in crate::cli::doctor) took: Duration,
}

/// A client that follows no redirects and uses no proxy for this machine. The error is a text.
pub(in crate::cli::doctor) fn client(url: &str) -> Result<Client, String> {
    let origin = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
    http_client(&origin.origin().ascii_serialization()).map_err(|error| error.to_string())
}

/// Sends a request and waits for the head of the answer. The error says why there is none, without the URL.
pub(in crate::cli::doctor) async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let asked = Instant::now();
    let response = match timeout(WITHIN, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(root_cause(&error.without_url())),
        Err(_) => return Err(format!("no answer within {} seconds", WITHIN.as_secs())),
    };
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        date: header("date").and_then(seconds),
        instance: header(INSTANCE_HEADER).map(str::to_owned),
        took: asked.elapsed(),
    })
}

/// `Date` as HTTP writes it (RFC 9110, IMF-fixdate), in seconds since 1970.
fn seconds(date: &str) -> Option<i64> {
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(date.timestamp().as_second())
}

/// The innermost cause: the outer ones say only that it did not work.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(seconds("Sun, 22 Nov 2026 16:00:00 GMT"), Some(1_795_363_200));
        assert_eq!(seconds("yesterday"), None);
    }

    #[tokio::test]
    async fn nobody_there_is_told_in_words() {
        let client = client("http://127.0.0.1:9/start").unwrap();
        let error = send(client.get("http://127.0.0.1:9/start?key=1")).await.unwrap_err();
        assert!(error.contains("refused") && !error.contains("key"), "{error}");
    }
}
