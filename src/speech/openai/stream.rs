//! The task of one reply: ask, with retries until the first byte; then read, with a deadline for each piece.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::VENDOR;
use super::reply::{Reply, protocol};
use super::sse::Sse;
use crate::speech::socket::{is_permanent, refusal};
use crate::speech::{LlmEvent, SpeechError};

/// From asking to the first chunk.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// From chunk to chunk. Comments, which some servers send to keep a connection open, do not count.
const NEXT_WITHIN: Duration = Duration::from_secs(10);
/// For the bookkeeping after a reply that is whole.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// For the end of the body, which lets the connection be used again.
const DRAIN_WITHIN: Duration = Duration::from_millis(50);
/// All attempts together, up to the headers of an answer.
const ALL_WITHIN: Duration = Duration::from_secs(15);
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A caller does not wait longer than this for a rate limit to end; the call goes on otherwise.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An error's body is read up to here.
const MAX_ERROR_BODY: usize = 16 * 1024;

/// One request, ready to be sent any number of times.
pub(super) struct Ask {
    pub(super) client: reqwest::Client,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why an attempt failed, and whether another makes sense.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: SpeechError,
    pub(super) retry: bool,
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

impl Ask {
    /// Runs until the reply is done or failed; says nothing after that.
    pub(super) async fn run(self, events: mpsc::Sender<LlmEvent>) {
        let last = match self.converse(&events).await {
            Ok(()) => LlmEvent::Done,
            Err(error) => LlmEvent::Failed(error),
        };
        if events.send(last).await.is_err() {
            tracing::trace!("nobody waits for the end of the reply");
        }
    }

    async fn converse(&self, events: &mpsc::Sender<LlmEvent>) -> Result<(), SpeechError> {
        let (response, asked) = persist(|| self.attempt()).await?;
        read(response.bytes_stream(), asked + FIRST_WITHIN, events).await
    }

    async fn attempt(&self) -> Result<(Response, Instant), Failure> {
        let asked = Instant::now();
        let request =
            self.client.post(self.url.clone()).headers(self.headers.clone()).body(self.body.clone());
        match timeout(FIRST_WITHIN, request.send()).await {
            Ok(Ok(response)) if response.status() == StatusCode::OK => {
                check_type(response).map(|ok| (ok, asked))
            }
            Ok(Ok(response)) => Err(refused(response).await),
            // No byte of an answer was seen, so asking again can say nothing twice.
            Ok(Err(error)) => Err(Failure { error: unreachable(&error), retry: true }),
            Err(_) => Err(Failure::lasting(silent(FIRST_WITHIN))),
        }
    }
}

/// Attempts until one succeeds, or failed for good, or none is left, or the time is up.
pub(super) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
    attempt: impl FnMut() -> F,
) -> Result<T, SpeechError> {
    let pauses = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_times(RETRIES).with_jitter();
    let attempts = attempt
        .retry(pauses)
        .when(|failure| failure.retry)
        .adjust(|failure, planned| planned.map(|pause| failure.pause().unwrap_or(pause)))
        .notify(|failure, pause| tracing::warn!(error = %failure.error, ?pause, "asking the model again"));
    match timeout(ALL_WITHIN, attempts).await {
        Ok(result) => result.map_err(|failure| failure.error),
        Err(_) => Err(silent(ALL_WITHIN)),
    }
}

/// A server that ignores `stream: true` would be read as silence otherwise.
fn check_type(response: Response) -> Result<Response, Failure> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") || kind.starts_with("text/html") {
        return Err(Failure::lasting(protocol("the answer is not a stream of events")));
    }
    Ok(response)
}

async fn refused(response: Response) -> Failure {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = timeout(GOODBYE_WITHIN, text_of(response)).await.unwrap_or_default();
    let error = refusal(VENDOR, status, &headers, &body);
    let retry = match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
        Some("true") => true,
        Some("false") => false,
        _ => !is_permanent(&error),
    };
    let failure = Failure { error, retry };
    let patient = failure.pause().is_none_or(|pause| pause <= LONGEST_PAUSE);
    Failure { retry: failure.retry && patient, ..failure }
}

/// As much of the body as an error message can need.
async fn text_of(response: Response) -> String {
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

/// Reads the body of a reply to its end.
pub(super) async fn read<E: Display>(
    chunks: impl Stream<Item = Result<Bytes, E>>,
    first_by: Instant,
    events: &mpsc::Sender<LlmEvent>,
) -> Result<(), SpeechError> {
    tokio::pin!(chunks);
    let mut sse = Sse::default();
    let mut reply = Reply::default();
    let mut deadline = first_by;
    let mut patience = FIRST_WITHIN;
    let broke = 'reading: loop {
        let bytes = match timeout_at(deadline, chunks.next()).await {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(Some(Err(error))) => break disconnected(&error.to_string()),
            Ok(None) => {
                if let Some(Ok(said)) = sse.finish().map(|event| reply.take(&event)) {
                    tell(events, said).await;
                }
                break disconnected("the reply was cut off");
            }
            Err(_) => break silent(patience),
        };
        for event in sse.push(&bytes).map_err(|_| protocol("an event has no end"))? {
            match reply.take(&event) {
                Ok(said) => tell(events, said).await,
                Err(error) => break 'reading error,
            }
            patience = if reply.is_finished() { GOODBYE_WITHIN } else { NEXT_WITHIN };
            deadline = Instant::now() + patience;
        }
        if reply.is_done() {
            if timeout(DRAIN_WITHIN, chunks.next()).await.is_err() {
                tracing::trace!("the reply's connection stays open after its end");
            }
            return Ok(());
        }
    };
    // What goes wrong after the last word costs only the count of tokens.
    if reply.is_finished() { Ok(()) } else { Err(broke) }
}

/// Waits for the reader, so a slow one slows the vendor down; one that is gone is told nothing.
async fn tell(events: &mpsc::Sender<LlmEvent>, said: Vec<LlmEvent>) {
    for event in said {
        if events.send(event).await.is_err() {
            tracing::trace!("nobody reads the reply any more");
        }
    }
}

fn silent(waited: Duration) -> SpeechError {
    SpeechError::Silent { vendor: VENDOR, waited }
}

fn disconnected(detail: &str) -> SpeechError {
    SpeechError::Disconnected { vendor: VENDOR, detail: detail.to_owned() }
}

fn unreachable(error: &reqwest::Error) -> SpeechError {
    SpeechError::Unreachable { vendor: VENDOR, detail: with_causes(error) }
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
