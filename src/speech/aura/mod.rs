//! Deepgram's Aura, `POST /v1/speak`: a clause in, samples out as they are made.
//!
//! The WebSocket of the same API takes twenty flushes a minute, fewer than a lively bot has clauses, so each
//! clause is a request. The model is the voice, and its language too. Aura does not say where its words lie.
//! Protocol facts are from developers.deepgram.com (text to speech reference, media output settings, flush).

mod wire;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};

use super::socket::{BaseUrl, EndpointError, secret_header};
use super::{SpeechError, Tts, TtsParams, TtsStream, clauses, http};
use crate::audio::SAMPLE_RATE;
use crate::pii::ApiKey;

/// Where the vendor listens.
pub const BASE_URL: &str = "https://api.deepgram.com";
const VENDOR: &str = "Deepgram Aura";

/// The Aura client; one value serves all calls.
pub struct Aura {
    client: reqwest::Client,
    base: BaseUrl,
    headers: HeaderMap,
}

impl Aura {
    /// A client for a base URL such as [`BASE_URL`] (`http` and `ws` schemes alike, a path prefix is kept).
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work, or if the machine has no root certificates.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(VENDOR, "Token ", &key)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let base = BaseUrl::parse(VENDOR, base_url)?;
        Ok(Self { client: http::client(VENDOR, base_url)?, base, headers })
    }
}

impl Tts for Aura {
    fn open(&self, params: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let manner = Manner {
            client: self.client.clone(),
            url: wire::speak_url(&self.base, &params),
            headers: self.headers.clone(),
        };
        let call_id = Arc::clone(&params.call_id);
        clauses::open(manner, &call_id)
    }
}

struct Manner {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

impl clauses::Manner for Manner {
    /// The call's id is the request's tag; the API has no place for an id of the request's own.
    fn ask(&self, text: &str, _id: &str) -> http::Ask {
        http::Ask {
            vendor: VENDOR,
            client: self.client.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: wire::speak(text),
            patience: clauses::PATIENCE,
            again: true,
        }
    }

    fn rate(&self) -> u32 {
        SAMPLE_RATE
    }
}
