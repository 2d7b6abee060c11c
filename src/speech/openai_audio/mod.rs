//! Speech over OpenAI's HTTP API, which many servers speak: a voice (`/audio/speech`, streamed) and a
//! recogniser (`/audio/transcriptions`, one request an utterance).
//!
//! Both open at once and have a connection made meanwhile; a wrong key shows with the first words.
//! Protocol facts are from platform.openai.com (audio reference, text to speech guide) and github
//! openai/openai-openapi.

mod hearing;
mod utterance;
mod wire;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::socket::{BaseUrl, EndpointError, secret_header};
use super::{
    SpeechError, Stt, SttCapabilities, SttParams, SttStream, Tts, TtsParams, TtsStream, clauses, http,
};
use crate::pii::ApiKey;

/// Where the vendor listens; such base URLs end in `/v1`.
pub const BASE_URL: &str = "https://api.openai.com/v1";
/// The voice if a flow names none.
pub const DEFAULT_VOICE: &str = "alloy";
const VENDOR: &str = "OpenAI audio";
/// Over two seconds of audio: more than any stall that a caller would not notice.
const COMMANDS: usize = 128;
const EVENTS: usize = 64;

/// What all requests of a client have in common.
#[derive(Clone)]
struct Account {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

impl Account {
    fn new(base_url: &str, path: &str, key: &ApiKey) -> Result<Self, EndpointError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(VENDOR, "Bearer ", key)?);
        let url = BaseUrl::parse(VENDOR, base_url)?.http(path);
        Ok(Self { client: http::client(VENDOR, base_url)?, url, headers })
    }
}

/// The voice; one value serves all calls.
pub struct OpenAiVoice(Account);

impl OpenAiVoice {
    /// A client for a base URL such as [`BASE_URL`].
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work, or if the machine has no root certificates.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        Account::new(base_url, "audio/speech", &key).map(Self)
    }
}

impl Tts for OpenAiVoice {
    fn open(&self, params: TtsParams) -> BoxFuture<'static, Result<TtsStream, SpeechError>> {
        let call_id = Arc::clone(&params.call_id);
        clauses::open(Manner { account: self.0.clone(), params }, &call_id)
    }
}

struct Manner {
    account: Account,
    params: TtsParams,
}

impl clauses::Manner for Manner {
    fn ask(&self, text: &str, id: &str) -> http::Ask {
        let mut headers = self.account.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        http::trace(&mut headers, id);
        http::Ask {
            vendor: VENDOR,
            client: self.account.client.clone(),
            url: self.account.url.clone(),
            headers,
            body: wire::speech(&self.params, text),
            patience: clauses::PATIENCE,
            again: true,
        }
    }

    fn rate(&self) -> u32 {
        wire::PCM_RATE
    }
}

/// The recogniser; one value serves all calls. It hears an utterance only when it is told to finalize.
pub struct OpenAiEar(Account);

impl OpenAiEar {
    /// A client for a base URL such as [`BASE_URL`].
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work, or if the machine has no root certificates.
    pub fn new(base_url: &str, key: ApiKey) -> Result<Self, EndpointError> {
        Account::new(base_url, "audio/transcriptions", &key).map(Self)
    }
}

impl Stt for OpenAiEar {
    fn open(&self, params: SttParams) -> BoxFuture<'static, Result<SttStream, SpeechError>> {
        let account = self.0.clone();
        async move {
            let (commands, told) = mpsc::channel(COMMANDS);
            let (tell, events) = mpsc::channel(EVENTS);
            let Account { client, url, headers } = account.clone();
            let warming = http::warm(VENDOR, client, url, headers);
            let warming = AbortOnDropHandle::new(tokio::spawn(warming.in_current_span()));
            let ear = hearing::Ear::new(account, Arc::new(params), told, tell);
            let hearing = async move {
                ear.run().await;
                drop(warming);
            };
            let task = AbortOnDropHandle::new(tokio::spawn(hearing.in_current_span()));
            Ok(SttStream { commands, events, task })
        }
        .boxed()
    }

    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities { interims: false, ends_turns: false }
    }
}
