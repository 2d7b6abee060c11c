//! How the speech clients make HTTP requests: a pool, bounded attempts until the first byte of an answer, and
//! errors that say what a caller can do about them. Reads no bodies but those of refusals.

use std::error::Error;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout};

use super::SpeechError;
use super::socket::{BaseUrl, EndpointError, install_tls, is_permanent, refusal, vendor_text};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For a connection that nobody waits for.
const WARM_WITHIN: Duration = Duration::from_secs(5);
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A caller does not wait longer than this for a rate limit to end; the call goes on otherwise.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For the body of a refusal.
const REFUSAL_WITHIN: Duration = Duration::from_secs(1);
/// An error's body is read up to here.
const MAX_ERROR_BODY: usize = 16 * 1024;

/// A connection pool for a base URL: bounded connects, no redirects, and no proxy in front of this machine.
pub(super) fn client(vendor: &'static str, base_url: &str) -> Result<reqwest::Client, EndpointError> {
    install_tls();
    let base = BaseUrl::parse(vendor, base_url)?;
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true);
    if base.is_loopback() {
        builder = builder.no_proxy();
    }
    if !base.is_tls() {
        // Without TLS nothing is verified: root certificates are neither needed nor worth the reading.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| EndpointError::Tls { vendor, detail: with_causes(&error) })
}

/// How long an answer may take to begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// One attempt.
    pub(super) attempt: Duration,
    /// All attempts together.
    pub(super) all: Duration,
}

/// One request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) vendor: &'static str,
    pub(super) client: reqwest::Client,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) patience: Patience,
    /// Whether a failed attempt may be followed by others.
    pub(super) again: bool,
}

impl Ask {
    /// Sends the request until it is answered well, and gives the answer and when it was asked for. `fits`
    /// judges the content type of a success, in small letters; it may be empty.
    pub(super) async fn answer(&self, fits: fn(&str) -> bool) -> Result<(Response, Instant), SpeechError> {
        if self.again {
            return persist(self.vendor, self.patience.all, || self.attempt(fits)).await;
        }
        self.attempt(fits).await.map_err(|failure| failure.error)
    }

    async fn attempt(&self, fits: fn(&str) -> bool) -> Result<(Response, Instant), Failure> {
        let asked = Instant::now();
        let request =
            self.client.post(self.url.clone()).headers(self.headers.clone()).body(self.body.clone());
        let patience = self.patience.attempt;
        match timeout(patience, request.send()).await {
            Ok(Ok(response)) if response.status() != StatusCode::OK => Err(self.refused(response).await),
            Ok(Ok(response)) if fits(&content_type(&response)) => Ok((response, asked)),
            Ok(Ok(response)) => Err(Failure::lasting(SpeechError::Protocol {
                vendor: self.vendor,
                detail: format!("the answer is of type {}", vendor_text(&content_type(&response))),
            })),
            // No byte of an answer was seen, so asking again can say nothing twice.
            Ok(Err(error)) => {
                let detail = with_causes(&error);
                Err(Failure { error: SpeechError::Unreachable { vendor: self.vendor, detail }, retry: true })
            }
            Err(_) => Err(Failure::lasting(SpeechError::Silent { vendor: self.vendor, waited: patience })),
        }
    }

    async fn refused(&self, response: Response) -> Failure {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = timeout(REFUSAL_WITHIN, start_of(response)).await.unwrap_or_default();
        let error = refusal(self.vendor, status, &headers, &body);
        let retry = match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
            Some("true") => true,
            Some("false") => false,
            _ => !is_permanent(&error),
        };
        let failure = Failure { error, retry };
        let patient = failure.pause().is_none_or(|pause| pause <= LONGEST_PAUSE);
        Failure { retry: failure.retry && patient, ..failure }
    }
}

/// Has a connection to an address in the pool, made with all that takes time: names, TCP, TLS. A `HEAD` does so and
/// nothing else: no vendor acts on one, and whatever it answers, the connection stays.
pub(super) async fn warm(vendor: &'static str, client: reqwest::Client, url: Url, headers: HeaderMap) {
    let began = Instant::now();
    match timeout(WARM_WITHIN, client.head(url).headers(headers).send()).await {
        Ok(Ok(answer)) => {
            let took_ms = began.elapsed().as_millis();
            tracing::debug!(vendor, status = answer.status().as_u16(), took_ms, "a connection is warm");
        }
        Ok(Err(error)) => tracing::debug!(vendor, error = %with_causes(&error), "no connection beforehand"),
        Err(_) => tracing::debug!(vendor, within = ?WARM_WITHIN, "no connection beforehand"),
    }
}

/// Adds the id by which the vendor can find a request; one that is not fit for a header is left out.
pub(super) fn trace(headers: &mut HeaderMap, id: &str) {
    match HeaderValue::from_str(id) {
        Ok(id) => _ = headers.insert(HeaderName::from_static("x-client-request-id"), id),
        Err(_) => tracing::debug!("the request id is not fit for a header and is left out"),
    }
}

/// Without its case.
pub(super) fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.unwrap_or_default().to_ascii_lowercase()
}

/// As much of the body as an error message can need.
async fn start_of(response: Response) -> String {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BODY {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// Why an attempt failed, and whether another makes sense.
#[derive(Debug)]
struct Failure {
    error: SpeechError,
    retry: bool,
}

impl Failure {
    fn lasting(error: SpeechError) -> Self {
        Self { error, retry: false }
    }

    /// The vendor's wish, where it has one.
    fn pause(&self) -> Option<Duration> {
        match self.error {
            SpeechError::RateLimited { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// Attempts until one succeeds, or failed for good, or none is left, or the time is up.
async fn persist<T, F: Future<Output = Result<T, Failure>>>(
    vendor: &'static str,
    within: Duration,
    attempt: impl FnMut() -> F,
) -> Result<T, SpeechError> {
    let pauses = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_times(RETRIES).with_jitter();
    let attempts = attempt
        .retry(pauses)
        .when(|failure| failure.retry)
        .adjust(|failure, planned| planned.map(|pause| failure.pause().unwrap_or(pause)))
        .notify(|failure, pause| tracing::warn!(error = %failure.error, ?pause, "asking the vendor again"));
    match timeout(within, attempts).await {
        Ok(result) => result.map_err(|failure| failure.error),
        Err(_) => Err(SpeechError::Silent { vendor, waited: within }),
    }
}

/// The error and what caused it, on one line; reqwest's own text names only the outermost.
pub(super) fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use tokio::time::sleep;

    use super::*;

    const VENDOR: &str = "test";
    const WITHIN: Duration = Duration::from_secs(15);

    /// What happened to a row of attempts: the result, how many were made, and how long it took.
    async fn persisting(failures: Vec<Failure>) -> (Result<(), SpeechError>, usize, Duration) {
        let script = RefCell::new(VecDeque::from(failures));
        let made = RefCell::new(0);
        let began = Instant::now();
        let result = persist(VENDOR, WITHIN, || {
            *made.borrow_mut() += 1;
            let next = script.borrow_mut().pop_front();
            async move { next.map_or(Ok(()), Err) }
        })
        .await;
        (result, made.take(), began.elapsed())
    }

    fn ill(retry: bool) -> Failure {
        let error = SpeechError::Vendor { vendor: VENDOR, detail: "HTTP 500".into() };
        Failure { error, retry }
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_illness_is_waited_out() {
        let (result, made, took) = persisting(vec![ill(true), ill(true)]).await;
        assert_eq!((result, made), (Ok(()), 3));
        assert!((Duration::from_millis(750)..Duration::from_secs(3)).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn two_retries_are_enough_and_lasting_failures_get_none() {
        let (result, made, _) = persisting(vec![ill(true), ill(true), ill(true), ill(true)]).await;
        assert!(result.is_err() && made == 3);
        let (result, made, took) = persisting(vec![ill(false)]).await;
        assert!(result.is_err() && made == 1 && took.is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn the_vendors_wish_is_obeyed() {
        let wish = Some(Duration::from_millis(1700));
        let error = SpeechError::RateLimited { vendor: VENDOR, retry_after: wish, permanent: false };
        let (result, made, took) = persisting(vec![Failure { error, retry: true }]).await;
        assert_eq!((result, made), (Ok(()), 2));
        assert!((1700..1710).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn all_attempts_together_are_bounded() {
        let began = Instant::now();
        let result: Result<(), _> = persist(VENDOR, WITHIN, || async {
            sleep(Duration::from_secs(8)).await;
            Err(ill(true))
        })
        .await;
        assert!(matches!(result, Err(SpeechError::Silent { .. })), "{result:?}");
        assert_eq!(began.elapsed().as_secs(), 15);
    }
}
