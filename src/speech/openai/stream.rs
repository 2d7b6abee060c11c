//! The task of one reply: ask, with retries until the first byte; then read, with a deadline for each piece.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::VENDOR;
use super::reply::{Reply, protocol};
use super::sse::Sse;
use crate::speech::http::{Ask, Patience};
use crate::speech::{LlmEvent, SpeechError};

/// From asking to the first chunk; and all attempts, up to the headers of an answer.
pub(super) const PATIENCE: Patience =
    Patience { attempt: Duration::from_secs(10), all: Duration::from_secs(15) };
/// From chunk to chunk. Comments, which some servers send to keep a connection open, do not count.
const NEXT_WITHIN: Duration = Duration::from_secs(10);
/// For the bookkeeping after a reply that is whole.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// For the end of the body, which lets the connection be used again.
const DRAIN_WITHIN: Duration = Duration::from_millis(50);

/// Runs until the reply is done or failed; says nothing after that.
pub(super) async fn run(ask: Ask, events: mpsc::Sender<LlmEvent>) {
    let last = match converse(&ask, &events).await {
        Ok(()) => LlmEvent::Done,
        Err(error) => LlmEvent::Failed(error),
    };
    if events.send(last).await.is_err() {
        tracing::trace!("nobody waits for the end of the reply");
    }
}

async fn converse(ask: &Ask, events: &mpsc::Sender<LlmEvent>) -> Result<(), SpeechError> {
    let (response, asked) = ask.answer(is_stream).await?;
    read(response.bytes_stream(), asked + PATIENCE.attempt, events).await
}

/// A server that ignores `stream: true` would be read as silence otherwise.
fn is_stream(kind: &str) -> bool {
    !(kind.starts_with("application/json") || kind.starts_with("text/html"))
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
    let mut patience = PATIENCE.attempt;
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
            let before = (reply.additions(), reply.is_finished());
            match reply.take(&event) {
                Ok(said) => tell(events, said).await,
                Err(error) => break 'reading error,
            }
            if before != (reply.additions(), reply.is_finished()) {
                patience = if reply.is_finished() { GOODBYE_WITHIN } else { NEXT_WITHIN };
                deadline = Instant::now() + patience;
            }
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
