//! Deepgram's Flux, `/v2/listen`: audio in, turns out. Flux decides itself when a turn is over.
//!
//! Keeps audio flowing while the call sends none (Flux ends no turn without it, and has no keep-alive
//! message) and reconnects within a stream without losing the words of a turn. Decides nothing about the
//! turn itself. Protocol facts are from developers.deepgram.com (Flux: state, configuration, force end turn;
//! AsyncAPI of `/v2/listen`).

mod stream;
#[cfg(test)]
mod tests;
mod turn;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Url;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::socket::{BaseUrl, Endpoint, EndpointError, Network, Redial, Tcp, secret_header};
use super::{SpeechError, Stt, SttCapabilities, SttParams, SttStream};
use crate::pii::ApiKey;

/// Where the vendor listens.
pub const BASE_URL: &str = "https://api.deepgram.com";
/// The model for English; [`MULTILINGUAL`] takes hints of a language.
pub const ENGLISH: &str = "flux-general-en";
/// The model for several languages.
pub const MULTILINGUAL: &str = "flux-general-multi";
const VENDOR: &str = "Deepgram Flux";
/// Over two seconds of audio: more than any stall that a caller would not notice.
const COMMANDS: usize = 128;
const EVENTS: usize = 64;

/// When Flux takes a turn to be over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FluxTurns {
    /// The confidence that ends a turn, 0.5 to 1; the vendor's default (0.7) if none.
    pub threshold: Option<f64>,
    /// The lower confidence that is told as an eager end, 0.3 to 0.9; no eager ends if none.
    pub eager_threshold: Option<f64>,
    /// The silence that ends a turn at any confidence, 500 ms to 10 s.
    pub timeout: Duration,
}

impl Default for FluxTurns {
    /// The vendor's timeout of five seconds is dead air on a telephone; three are not yet rude.
    fn default() -> Self {
        Self { threshold: None, eager_threshold: None, timeout: Duration::from_secs(3) }
    }
}

/// The Flux client; one value serves all calls.
pub struct Flux {
    base: BaseUrl,
    authorization: HeaderValue,
    turns: FluxTurns,
    network: Arc<dyn Network>,
}

impl Flux {
    /// A client for a base URL such as [`BASE_URL`] (`http` and `ws` schemes alike, a path prefix is kept).
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        Ok(Self {
            base: BaseUrl::parse(VENDOR, base_url)?,
            authorization: secret_header(VENDOR, "Token ", &key)?,
            turns: FluxTurns::default(),
            network: Arc::new(Tcp),
        })
    }

    /// The same client with other ends of turns.
    #[must_use]
    pub fn with_turns(self, turns: FluxTurns) -> Self {
        Self { turns, ..self }
    }

    fn endpoint(&self, params: &SttParams) -> Endpoint {
        Endpoint {
            vendor: VENDOR,
            url: listen_url(&self.base, &self.turns, params),
            headers: vec![(AUTHORIZATION, self.authorization.clone())],
            network: Arc::clone(&self.network),
        }
    }
}

impl Stt for Flux {
    fn open(&self, params: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let endpoint = self.endpoint(&params);
        async move {
            let cause = endpoint.disconnected("not connected yet");
            let socket = stream::connect(&endpoint, &mut Redial::default(), cause).await?;
            let (commands, told) = mpsc::channel(COMMANDS);
            let (tell, events) = mpsc::channel(EVENTS);
            let recogniser = stream::Recogniser::new(endpoint, told, tell);
            let task = AbortOnDropHandle::new(tokio::spawn(recogniser.run(socket).in_current_span()));
            Ok(SttStream { commands, events, task })
        }
        .boxed()
    }

    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities { interims: true, ends_turns: true }
    }
}

/// The parameters of `/v1/listen` do not exist here, and unknown ones are refused.
fn listen_url(base: &BaseUrl, turns: &FluxTurns, params: &SttParams) -> Url {
    let mut url = base.socket("v2/listen");
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model", &params.model)
        .append_pair("encoding", "linear16")
        .append_pair("sample_rate", &crate::audio::SAMPLE_RATE.to_string())
        .append_pair("eot_timeout_ms", &turns.timeout.as_millis().to_string());
    if let Some(threshold) = turns.threshold {
        query.append_pair("eot_threshold", &threshold.to_string());
    }
    if let Some(threshold) = turns.eager_threshold {
        query.append_pair("eager_eot_threshold", &threshold.to_string());
    }
    let language = params.language.split(['-', '_']).next().unwrap_or_default();
    // The English model takes no hints; an empty one is refused.
    if &*params.model == MULTILINGUAL && !language.is_empty() {
        query.append_pair("language_hint", &language.to_ascii_lowercase());
    }
    query.append_pair("tag", &params.call_id);
    drop(query);
    url
}
