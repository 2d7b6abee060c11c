//! OpenAI's chat completions, streamed: a conversation in, words and tool calls out.
//!
//! Serves any vendor that speaks this protocol. Retries only before the first byte; runs no tools and
//! keeps no conversation. Protocol facts are from platform.openai.com and github openai/openai-openapi.

mod reply;
mod request;
mod sse;
mod stream;
#[cfg(test)]
mod tests;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::socket::{BaseUrl, EndpointError, secret_header};
use super::{Llm, LlmRequest, LlmStream, http};
use crate::pii::ApiKey;

/// Where the vendor listens; such base URLs end in `/v1`.
pub const BASE_URL: &str = "https://api.openai.com/v1";
const VENDOR: &str = "OpenAI";
const EVENTS: usize = 64;

/// The OpenAI client; one value serves all calls.
pub struct OpenAi {
    url: Url,
    headers: HeaderMap,
    client: reqwest::Client,
    again: bool,
}

impl OpenAi {
    /// A client for a base URL such as [`BASE_URL`], over a connection pool from [`http_client`].
    ///
    /// # Errors
    /// [`EndpointError`] if URL or key can never work.
    pub fn new(base_url: &str, key: ApiKey, client: reqwest::Client) -> Result<Self, EndpointError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, secret_header(VENDOR, "Bearer ", &key)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        Ok(Self {
            url: BaseUrl::parse(VENDOR, base_url)?.http("chat/completions"),
            headers,
            client,
            again: true,
        })
    }

    /// The same client, which fails with its first attempt: somebody else is asked then.
    #[must_use]
    pub fn asking_once(self) -> Self {
        Self { again: false, ..self }
    }
}

impl Llm for OpenAi {
    fn reply(&self, request: LlmRequest) -> LlmStream {
        let (tell, events) = mpsc::channel(EVENTS);
        let mut headers = self.headers.clone();
        http::trace(&mut headers, &request.request_id);
        let ask = http::Ask {
            vendor: VENDOR,
            client: self.client.clone(),
            url: self.url.clone(),
            headers,
            body: request::body(&request),
            patience: stream::PATIENCE,
            again: self.again,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(stream::run(ask, tell).in_current_span()));
        LlmStream { events, task }
    }

    fn warm(&self) -> BoxFuture<'static, ()> {
        http::warm(VENDOR, self.client.clone(), self.url.clone(), self.headers.clone()).boxed()
    }
}

/// A connection pool for a base URL: bounded connects, no redirects, and no proxy in front of this machine.
///
/// # Errors
/// [`EndpointError`] if the URL is none, or if TLS is needed and the machine has no root certificates.
pub fn http_client(base_url: &str) -> Result<reqwest::Client, EndpointError> {
    http::client(VENDOR, base_url)
}
