//! A voice over HTTP, one request a clause: what the vendors that are asked so have in common.
//!
//! Clauses are asked for one after the other, in the order in which they were told; dropping a context ends
//! its request. It opens at once and has a connection made meanwhile; a wrong key shows with the first
//! words. What a request looks like is the business of the vendor's client.

mod clause;
mod format;
#[cfg(test)]
mod tests;
mod voice;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::http::{self, Ask, Patience};
use super::{SpeechError, TtsStream};

const COMMANDS: usize = 64;
const EVENTS: usize = 64;

/// How long a caller waits for the first sound.
pub(super) const PATIENCE: Patience =
    Patience { attempt: Duration::from_secs(5), all: Duration::from_secs(8) };

/// How one vendor is asked, for one call.
pub(super) trait Manner: Send + 'static {
    /// The request that has a text spoken as 16-bit samples, mono, little-endian, without a header. `id`
    /// names the request.
    fn ask(&self, text: &str, id: &str) -> Ask;

    /// The rate of answers that name none.
    fn rate(&self) -> u32;
}

/// Opens a voice for a call.
pub(super) fn open(manner: impl Manner, call_id: &str) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
    let speaker = clause::Speaker { manner: Box::new(manner), call_id: call_id.into() };
    async move {
        let (commands, told) = mpsc::channel(COMMANDS);
        let (tell, events) = mpsc::channel(EVENTS);
        let http::Ask { vendor, client, url, headers, .. } = speaker.manner.ask("", "");
        let warming = http::warm(vendor, client, url, headers);
        let warming = AbortOnDropHandle::new(tokio::spawn(warming.in_current_span()));
        let voice = voice::Voice::new(speaker, told, tell);
        let speaking = async move {
            voice.run().await;
            drop(warming);
        };
        let task = AbortOnDropHandle::new(tokio::spawn(speaking.in_current_span()));
        Ok(TtsStream { commands, events, task })
    }
    .boxed()
}
