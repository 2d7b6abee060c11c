//! Cartesia's text to speech over a WebSocket: words in, audio and word times out.
//!
//! One connection carries all utterances of a call. It is opened before the first word and opened again
//! when it is needed after the vendor closed it. Plays nothing and does not decide what is said.
//! Protocol facts are from docs.cartesia.ai, version 2026-03-01.

mod contexts;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::socket::{BaseUrl, Endpoint, EndpointError, Network, Redial, Tcp, secret_header};
use super::{SpeechError, Tts, TtsCapabilities, TtsParams, TtsStream};
use crate::pii::ApiKey;

/// Where the vendor listens.
pub const BASE_URL: &str = "https://api.cartesia.ai";
/// The voice if a flow names none.
pub const DEFAULT_VOICE: &str = "b7d50908-b17c-442d-ad8d-810c63997ed9";
const VENDOR: &str = "Cartesia";
const VERSION: &str = "2026-03-01";
const COMMANDS: usize = 64;
const EVENTS: usize = 64;

/// The Cartesia client; one value serves all calls.
pub struct Cartesia {
    base: BaseUrl,
    key: HeaderValue,
    network: Arc<dyn Network>,
}

impl Cartesia {
    /// A client for a base URL such as [`BASE_URL`] (`http` and `ws` schemes alike, a path prefix is kept).
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        Ok(Self {
            base: BaseUrl::parse(VENDOR, base_url)?,
            key: secret_header(VENDOR, "", &key)?,
            network: Arc::new(Tcp),
        })
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            vendor: VENDOR,
            url: self.base.socket("tts/websocket"),
            headers: vec![
                (HeaderName::from_static("x-api-key"), self.key.clone()),
                (HeaderName::from_static("cartesia-version"), HeaderValue::from_static(VERSION)),
            ],
            network: Arc::clone(&self.network),
        }
    }
}

impl Tts for Cartesia {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities { words: true }
    }

    fn open(&self, params: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let endpoint = self.endpoint();
        async move {
            let socket = Redial::first(&endpoint).await?;
            let (commands, told) = mpsc::channel(COMMANDS);
            let (tell, events) = mpsc::channel(EVENTS);
            let voice = stream::Voice::new(endpoint, &params, told, tell);
            let task = AbortOnDropHandle::new(tokio::spawn(voice.run(socket).in_current_span()));
            Ok(TtsStream { commands, events, task })
        }
        .boxed()
    }
}
