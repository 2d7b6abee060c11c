//! Deepgram's live transcription, `/v1/listen`: audio in, interim and final words out.
//!
//! Keeps the connection alive while the caller is silent, and reconnects within a stream without losing
//! or doubling words. Does no voice activity detection and does not decide when a turn is over.
//! Protocol facts are from developers.deepgram.com (streaming reference, troubleshooting).

mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

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
const VENDOR: &str = "Deepgram";
/// Over two seconds of audio: more than any stall that a caller would not notice.
const COMMANDS: usize = 128;
const EVENTS: usize = 64;

/// The Deepgram client; one value serves all calls.
pub struct Deepgram {
    base: BaseUrl,
    authorization: HeaderValue,
    network: Arc<dyn Network>,
}

impl Deepgram {
    /// A client for a base URL such as [`BASE_URL`] (`http` and `ws` schemes alike, a path prefix is kept).
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        Ok(Self {
            base: BaseUrl::parse(VENDOR, base_url)?,
            authorization: secret_header(VENDOR, "Token ", &key)?,
            network: Arc::new(Tcp),
        })
    }

    fn endpoint(&self, params: &SttParams) -> Endpoint {
        Endpoint {
            vendor: VENDOR,
            url: listen_url(&self.base, params),
            headers: vec![(AUTHORIZATION, self.authorization.clone())],
            network: Arc::clone(&self.network),
        }
    }
}

impl Stt for Deepgram {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities { interims: true, ends_turns: false }
    }

    fn open(&self, params: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let endpoint = self.endpoint(&params);
        async move {
            let socket = Redial::first(&endpoint).await?;
            let (commands, told) = mpsc::channel(COMMANDS);
            let (tell, events) = mpsc::channel(EVENTS);
            let recogniser = stream::Recogniser::new(endpoint, told, tell);
            let task = AbortOnDropHandle::new(tokio::spawn(recogniser.run(socket).in_current_span()));
            Ok(SttStream { commands, events, task })
        }
        .boxed()
    }
}

/// The server's defaults that do not suit a phone call are set; `endpointing` would be 10 ms.
fn listen_url(base: &BaseUrl, params: &SttParams) -> Url {
    let mut url = base.socket("v1/listen");
    url.query_pairs_mut()
        .append_pair("encoding", "linear16")
        .append_pair("sample_rate", &crate::audio::SAMPLE_RATE.to_string())
        .append_pair("channels", "1")
        .append_pair("interim_results", "true")
        .append_pair("punctuate", "true")
        .append_pair("smart_format", "false")
        .append_pair("endpointing", "300")
        .append_pair("vad_events", "false")
        .append_pair("model", &params.model)
        .append_pair("language", &params.language)
        .append_pair("extra", &format!("call_id:{}", params.call_id));
    url
}
