//! One clause, one request: samples as they come. Dropping a clause ends its request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Manner, format};
use crate::audio::{Resampler, SAMPLE_RATE};
use crate::pii::Utterance;
use crate::speech::http::{Ask, content_type, with_causes};
use crate::speech::{ContextId, SpeechError};

/// From piece to piece of the audio.
const NEXT_WITHIN: Duration = Duration::from_secs(5);
/// Pieces of audio that wait to be taken; the vendor is slowed down beyond.
const PIECES: usize = 16;

/// How clauses are asked for.
pub(super) struct Speaker {
    pub(super) manner: Box<dyn Manner>,
    pub(super) call_id: Arc<str>,
}

/// A clause being spoken.
pub(super) struct Clause {
    pieces: mpsc::Receiver<Result<Vec<i16>, SpeechError>>,
    _task: AbortOnDropHandle<()>,
}

impl Speaker {
    /// Asks for a clause; `number` counts them within the call.
    pub(super) fn speak(&self, ContextId(context): ContextId, number: u64, text: &Utterance) -> Clause {
        let id = format!("{}-{context}-{number}", self.call_id);
        let (ask, rate) = (self.manner.ask(text.text().trim(), &id), self.manner.rate());
        let (give, pieces) = mpsc::channel(PIECES);
        let task = AbortOnDropHandle::new(tokio::spawn(run(ask, rate, give).in_current_span()));
        Clause { pieces, _task: task }
    }
}

impl Clause {
    /// The next samples; `None` when all were given or one error was. May be dropped without losing any.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<i16>, SpeechError>> {
        self.pieces.recv().await
    }
}

async fn run(ask: Ask, rate: u32, give: mpsc::Sender<Result<Vec<i16>, SpeechError>>) {
    if let Err(error) = fetch(&ask, rate, &give).await
        && give.send(Err(error)).await.is_err()
    {
        tracing::trace!("nobody waits for the clause any more");
    }
}

async fn fetch(
    ask: &Ask,
    usual_rate: u32,
    give: &mpsc::Sender<Result<Vec<i16>, SpeechError>>,
) -> Result<(), SpeechError> {
    let (response, _) = ask.answer(format::is_pcm).await?;
    let rate = format::pcm_rate(&content_type(&response)).unwrap_or(usual_rate);
    let bytes = response.bytes_stream().map(|piece| piece.map_err(|error| with_causes(&error)));
    convert(ask.vendor, bytes, rate, give).await
}

/// Gives bytes that may be cut anywhere as samples of our rate.
pub(super) async fn convert(
    vendor: &'static str,
    bytes: impl Stream<Item = Result<Bytes, String>>,
    rate: u32,
    give: &mpsc::Sender<Result<Vec<i16>, SpeechError>>,
) -> Result<(), SpeechError> {
    tokio::pin!(bytes);
    let mut resampler = Resampler::new(rate, SAMPLE_RATE);
    let mut half = None;
    let mut is_silent = true;
    loop {
        let piece = match timeout(NEXT_WITHIN, bytes.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(detail))) => return Err(SpeechError::Disconnected { vendor, detail }),
            Ok(None) => break,
            Err(_) => return Err(SpeechError::Silent { vendor, waited: NEXT_WITHIN }),
        };
        let samples = whole_samples(&mut half, &piece);
        is_silent &= samples.is_empty();
        give_samples(give, resampler.push(&samples)).await;
    }
    if is_silent {
        return Err(SpeechError::Protocol { vendor, detail: "the answer holds no audio".to_owned() });
    }
    give_samples(give, resampler.flush()).await;
    Ok(())
}

async fn give_samples(give: &mpsc::Sender<Result<Vec<i16>, SpeechError>>, samples: Vec<i16>) {
    if !samples.is_empty() && give.send(Ok(samples)).await.is_err() {
        tracing::trace!("nobody listens to the clause any more");
    }
}

/// `half` is half a sample, waiting for its other half.
fn whole_samples(half: &mut Option<u8>, piece: &[u8]) -> Vec<i16> {
    let mut bytes = half.take().into_iter().chain(piece.iter().copied());
    let mut samples = Vec::with_capacity(piece.len() / 2 + 1);
    while let Some(low) = bytes.next() {
        match bytes.next() {
            Some(high) => samples.push(i16::from_le_bytes([low, high])),
            None => *half = Some(low),
        }
    }
    samples
}
