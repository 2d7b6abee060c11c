//! One clause, one request: samples as they come. Dropping a clause ends its request.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Account, VENDOR, wire};
use crate::audio::{Resampler, SAMPLE_RATE};
use crate::pii::Utterance;
use crate::speech::http::{Ask, Patience, content_type, trace, with_causes};
use crate::speech::{ContextId, SpeechError, TtsParams};

/// A caller waits for the first sound.
const PATIENCE: Patience = Patience { attempt: Duration::from_secs(5), all: Duration::from_secs(8) };
/// From piece to piece of the audio.
const NEXT_WITHIN: Duration = Duration::from_secs(5);
/// Pieces of audio that wait to be taken; the vendor is slowed down beyond.
const PIECES: usize = 16;

/// How clauses are asked for.
pub(super) struct Speaker {
    pub(super) account: Account,
    pub(super) params: TtsParams,
}

/// A clause being spoken.
pub(super) struct Clause {
    pieces: mpsc::Receiver<Result<Vec<i16>, SpeechError>>,
    _task: AbortOnDropHandle<()>,
}

impl Speaker {
    /// Asks for a clause; `number` counts them within the call.
    pub(super) fn speak(&self, ContextId(context): ContextId, number: u64, text: &Utterance) -> Clause {
        let mut headers = self.account.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        trace(&mut headers, &format!("{}-{context}-{number}", self.params.call_id));
        let ask = Ask {
            vendor: VENDOR,
            client: self.account.client.clone(),
            url: self.account.url.clone(),
            headers,
            body: wire::speech(&self.params, text.text().trim()),
            patience: PATIENCE,
        };
        let (give, pieces) = mpsc::channel(PIECES);
        let task = AbortOnDropHandle::new(tokio::spawn(run(ask, give).in_current_span()));
        Clause { pieces, _task: task }
    }
}

impl Clause {
    /// The next samples; `None` when all were given or one error was. May be dropped without losing any.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<i16>, SpeechError>> {
        self.pieces.recv().await
    }
}

async fn run(ask: Ask, give: mpsc::Sender<Result<Vec<i16>, SpeechError>>) {
    if let Err(error) = fetch(&ask, &give).await
        && give.send(Err(error)).await.is_err()
    {
        tracing::trace!("nobody waits for the clause any more");
    }
}

async fn fetch(ask: &Ask, give: &mpsc::Sender<Result<Vec<i16>, SpeechError>>) -> Result<(), SpeechError> {
    let (response, _) = ask.answer(wire::is_pcm).await?;
    let rate = wire::pcm_rate(&content_type(&response));
    let bytes = response.bytes_stream().map(|piece| piece.map_err(|error| with_causes(&error)));
    convert(bytes, rate, give).await
}

/// Gives bytes that may be cut anywhere as samples of our rate.
pub(super) async fn convert(
    bytes: impl Stream<Item = Result<Bytes, String>>,
    rate: u32,
    give: &mpsc::Sender<Result<Vec<i16>, SpeechError>>,
) -> Result<(), SpeechError> {
    tokio::pin!(bytes);
    let mut resampler = Resampler::new(rate, SAMPLE_RATE);
    let mut half = None;
    loop {
        let piece = match timeout(NEXT_WITHIN, bytes.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(detail))) => return Err(SpeechError::Disconnected { vendor: VENDOR, detail }),
            Ok(None) => break,
            Err(_) => return Err(SpeechError::Silent { vendor: VENDOR, waited: NEXT_WITHIN }),
        };
        give_samples(give, resampler.push(&whole_samples(&mut half, &piece))).await;
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
